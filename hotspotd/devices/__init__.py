"""Devices looked at and tried by a technician: on the command line, and on the technician's page."""
