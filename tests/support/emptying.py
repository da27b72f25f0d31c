"""Empties the database between tests, of this process and of servers; what migrations made stays."""

from __future__ import annotations

from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.color import no_style
from django.db import connection


def empty_tables() -> None:
    """Delete all rows but those that migrations made. Primary keys are not given out again."""
    kept = {Permission._meta.db_table, ContentType._meta.db_table}
    tables = [model._meta.db_table for model in apps.get_models(include_auto_created=True)]
    statements = connection.ops.sql_flush(no_style(), [table for table in tables if table not in kept])
    connection.ops.execute_sql_flush(statements)


def kept_rows() -> object:
    """What :func:`empty_tables` leaves; equal where nobody has changed it."""
    types = ContentType.objects.order_by("app_label", "model").values_list("app_label", "model")
    rights = Permission.objects.order_by("content_type", "codename").values_list("content_type", "codename", "name")
    return list(types), list(rights)
