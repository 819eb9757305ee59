"""Hardware. Imports nothing from hotspotd."""
