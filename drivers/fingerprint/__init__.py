"""Fingerprint scanners."""
