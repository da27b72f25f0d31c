"""Which socket address leads where."""

from django.urls import path

from consoles.consumers import RunConsumer

websocket_urlpatterns = [
    path("ws/runs/new/", RunConsumer.as_asgi()),
    path("ws/runs/<int:run_id>/", RunConsumer.as_asgi()),
]
