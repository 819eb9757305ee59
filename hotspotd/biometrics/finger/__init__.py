"""Fingerprints: quality, minutiae, comparison."""
