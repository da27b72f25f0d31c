"""Addresses of the pages, downloads and the picker's data."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from consoles.views import health, new_run, output, runs

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="run-list"), name="home"),
    path("runs/", runs.run_list, name="run-list"),
    path("runs/new/", new_run.run_new, name="run-new"),
    path("runs/review/", new_run.run_review, name="run-review"),
    path("runs/<int:pk>/", runs.run_detail, name="run-detail"),
    path("runs/<int:pk>/cancel/", runs.run_cancel, name="run-cancel"),
    path("runs/<int:pk>/hosts/<int:index>/output", output.host_output, name="host-output"),
    path("runs/<int:pk>/output.zip", output.run_output_zip, name="run-output-zip"),
    path("servers.json", new_run.server_options, name="server-options"),
    path("healthz", health.healthz, name="healthz"),
]
