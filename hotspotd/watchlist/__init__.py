"""An immutable watchlist snapshot on disk: built whole, checked at opening, searched memory-mapped, never changed."""

from hotspotd.watchlist.build import EnrolledFace, EnrolledFinger, Entry, ListedDocument, build
from hotspotd.watchlist.check import Probes, Thresholds, check
from hotspotd.watchlist.shelf import Shelf
from hotspotd.watchlist.snapshot import Snapshot, media_type

__all__ = [
    "EnrolledFace",
    "EnrolledFinger",
    "Entry",
    "ListedDocument",
    "Probes",
    "Shelf",
    "Snapshot",
    "Thresholds",
    "build",
    "check",
    "media_type",
]
