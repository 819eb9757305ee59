"""hotspotctl: what a technician does at a shell. One module for each command group."""
