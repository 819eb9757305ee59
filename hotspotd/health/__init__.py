"""Readiness, watchdog and what works on this machine."""
