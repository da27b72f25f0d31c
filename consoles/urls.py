"""Addresses of the pages, downloads and the picker's data."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from consoles.views import groups, health, lines, merged, new_run, notes, output, runs, search

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="run-list"), name="home"),
    path("runs/", runs.run_list, name="run-list"),
    path("runs/new/", new_run.run_new, name="run-new"),
    path("runs/review/", new_run.run_review, name="run-review"),
    path("runs/<int:pk>/", runs.run_detail, name="run-detail"),
    path("runs/<int:pk>/cancel/", runs.run_cancel, name="run-cancel"),
    path("runs/<int:pk>/hosts/<int:index>/output", output.host_output, name="host-output"),
    path("runs/<int:pk>/hosts/<int:index>/lines", lines.host_lines, name="host-lines"),
    path("runs/<int:pk>/hosts/<int:index>/folds", lines.host_folds, name="host-folds"),
    path("runs/<int:pk>/notes/", notes.run_note, name="run-note"),
    path("runs/<int:pk>/notes.json", notes.run_notes, name="run-notes"),
    path("runs/<int:pk>/output.zip", output.run_output_zip, name="run-output-zip"),
    path("runs/<int:pk>/merged.json", merged.run_merged, name="run-merged"),
    path("runs/<int:pk>/groups.json", groups.run_groups, name="run-groups"),
    path("runs/<int:pk>/hosts/<int:index>/diff", groups.host_diff, name="host-diff"),
    path("runs/<int:pk>/hosts/<int:index>/end", groups.host_end, name="host-end"),
    path("runs/<int:pk>/search.json", search.run_search, name="run-search"),
    path("search/", search.search_page, name="search"),
    path("search.json", search.search_data, name="search-data"),
    path("servers.json", new_run.server_options, name="server-options"),
    path("healthz", health.healthz, name="healthz"),
]
