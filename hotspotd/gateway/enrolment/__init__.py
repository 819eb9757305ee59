"""Devices of the reference gateway: one-time codes, certificates by EST or by files, revocation."""
