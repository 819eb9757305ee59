"""What a technician looks at and does: checks, the machine, links, setting up, the support bundle. Nothing personal."""
