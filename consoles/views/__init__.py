"""The pages and downloads. Each view asks :mod:`consoles.access` first; what is not visible does not exist."""
