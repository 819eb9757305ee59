"""Readiness, watchdog and logs: how the daemon tells the machine it runs on how it is."""
