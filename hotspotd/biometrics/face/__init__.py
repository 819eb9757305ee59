"""Faces: detection, quality, portrait, embedding."""
