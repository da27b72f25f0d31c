from django.apps import AppConfig


class ServersConfig(AppConfig):
    name = "servers"
    verbose_name = "Inventory"
    default_auto_field = "django.db.models.BigAutoField"
