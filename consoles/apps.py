from django.apps import AppConfig


class ConsolesConfig(AppConfig):
    name = "consoles"
    verbose_name = "Runs"
    default_auto_field = "django.db.models.BigAutoField"
