"""Puts hotspotd under systemd on Debian or Raspberry Pi OS. Python's own library alone: it runs first."""
