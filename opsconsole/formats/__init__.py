"""How times are written in the admin: as on the pages."""
