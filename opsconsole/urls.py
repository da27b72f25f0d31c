"""All addresses: the consoles' pages, the login, and the admin behind the same login."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView

#: The admin's own login page would be a second one with rules of its own.
_admin_login = login_not_required(RedirectView.as_view(pattern_name="login", query_string=True))

urlpatterns = [
    path("login/", auth_views.LoginView.as_view(), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("admin/login/", _admin_login),
    path("admin/", admin.site.urls),
    path("", include("consoles.urls")),
]
