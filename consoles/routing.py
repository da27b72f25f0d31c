"""Which socket address leads where."""

from django.urls import path, re_path

from consoles.consumers import NoSuchAddress, RunConsumer

websocket_urlpatterns = [
    path("ws/runs/new/", RunConsumer.as_asgi()),
    path("ws/runs/<int:run_id>/", RunConsumer.as_asgi()),
    re_path("", NoSuchAddress.as_asgi()),
]
