"""A fleet of SSH hosts on this machine, to try the console on and to test it against."""
