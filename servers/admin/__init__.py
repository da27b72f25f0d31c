"""The inventory in the admin, one module per subject."""

from servers.admin import accounts, credentials, host_keys, inventory

__all__ = ["accounts", "credentials", "host_keys", "inventory"]
