"""Scripts, the history and the inventory's SSH actions in the admin, one module per subject."""

from consoles.admin import history, inventory, scripts

__all__ = ["history", "inventory", "scripts"]
