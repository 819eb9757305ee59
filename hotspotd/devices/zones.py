"""Document readers that look at pictures are given what reads zones in them: drivers know no networks."""

from __future__ import annotations

from typing import Final

from drivers import registry
from drivers.base import DocumentReader
from drivers.document.watching import WatchingReader
from hotspotd.mrz.watch import Watch, zone_reader

ZONE_CAMERA: Final = "mrz-camera"
"""The driver that needs the networks."""


def document_reader(driver: str, address: str) -> DocumentReader:
    """As ``registry.reader``, ready to read. All readers of a process share the networks."""
    made = registry.reader(driver, address)
    if isinstance(made, WatchingReader):
        made.watch_with(lambda: Watch(zone_reader()))
    return made
