"""hotspotd: the daemon of a border kiosk.

The rooms and what may depend on what are described in docs/architecture.md.
"""

__version__ = "0.1.0"
