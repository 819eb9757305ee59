"""hotspotctl: one module for each command group."""
