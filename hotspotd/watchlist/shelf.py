"""The watchlist folder: which snapshot is current, which one was before, and how one takes the other's place.

``current`` and ``previous`` are symlinks to snapshot folders beside them, replaced atomically and durably; all
other snapshots are removed. Snapshots that are open stay readable: their files end with their last map.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable
from pathlib import Path

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.build import SNAPSHOT_PREFIX, Entry, build, locked
from hotspotd.watchlist.layout import fsync_folder, read_manifest, verify
from hotspotd.watchlist.snapshot import Snapshot

logger = logging.getLogger(__name__)

CURRENT = "current"
PREVIOUS = "previous"


class Shelf:
    """One watchlist folder. All methods block: they are not for the event loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self) -> Path | None:
        """The folder of the current snapshot, whether it is there or not; ``None`` when none was ever made current."""
        return self._target(CURRENT)

    def previous(self) -> Path | None:
        """The folder of the snapshot that was current before; ``None`` without one."""
        return self._target(PREVIOUS)

    def _target(self, link: str) -> Path | None:
        path = self.folder / link
        return self.folder / path.readlink() if path.is_symlink() else None

    def open(self, *, finger_engine: str, face_engine: str | None) -> Snapshot:
        """The current snapshot; the previous one, loudly, when the current one is damaged.

        Raises WatchlistError: NOT_FOUND when there is none, WRONG_MODEL or WRONG_VERSION of the current one,
        DAMAGED when neither can be used.
        """
        current = self.current()
        if current is None:
            raise WatchlistError(
                Reason.NOT_FOUND, f"no current watchlist in {self.folder}", "Build one: hotspotctl watchlist build."
            )
        try:
            return self._open(current, finger_engine, face_engine)
        except WatchlistError as error:
            previous = self.previous()
            if error.reason is not Reason.DAMAGED or previous is None or previous == current:
                raise
            logger.error("watchlist is damaged, trying the one before: %s", error)
            try:
                snapshot = self._open(previous, finger_engine, face_engine)
            except WatchlistError as second:
                logger.error("the watchlist before cannot be used either: %s", second)
                raise error from second
            logger.error("searching the older watchlist %s, made %s", snapshot.version, snapshot.made_at)
            return snapshot

    def _open(self, folder: Path, finger_engine: str, face_engine: str | None) -> Snapshot:
        try:
            return Snapshot.open(folder, finger_engine=finger_engine, face_engine=face_engine)
        except WatchlistError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            # A link that leads nowhere, or a folder without a manifest, is damage: it was whole when it was linked.
            raise WatchlistError(Reason.DAMAGED, f"{folder}: the linked snapshot is not there", error.advice) from error

    def publish(self, entries: Iterable[Entry], *, finger_engine: str, face_engine: str | None, version: str) -> Path:
        """Build a snapshot of ``entries`` and make it current. Raises as ``build`` does."""
        path = build(self.folder, entries, finger_engine=finger_engine, face_engine=face_engine, version=version)
        self.activate(path)
        return path

    def activate(self, snapshot: Path) -> None:
        """Make ``snapshot``, a folder on this shelf, current; the present one becomes previous, others are removed."""
        if snapshot.parent.resolve() != self.folder.resolve() or not snapshot.is_dir():
            raise WatchlistError(Reason.NOT_FOUND, f"{snapshot} is no snapshot in {self.folder}", "Build it there.")
        with locked(self.folder):
            before = self.current()
            if before is not None and before.name != snapshot.name:
                self._link(PREVIOUS, before.name)
            self._link(CURRENT, snapshot.name)
            self._prune()

    def rollback(self) -> Path:
        """Make the previous snapshot current and the current one previous; returns the one that is current now.

        Raises WatchlistError: NOT_FOUND when there is none to go back to, DAMAGED when that one is not whole.
        """
        with locked(self.folder):
            current, previous = self.current(), self.previous()
            if previous is None or not previous.is_dir() or previous == current:
                raise WatchlistError(
                    Reason.NOT_FOUND, f"{self.folder} has no previous list", "Build a new one from its source."
                )
            verify(previous, read_manifest(previous))
            # Current first: after a power cut between the two links both name the same list, and it works.
            self._link(CURRENT, previous.name)
            if current is not None:
                self._link(PREVIOUS, current.name)
            return previous

    def _link(self, name: str, target: str) -> None:
        temporary = self.folder / f".{name}.new"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        temporary.replace(self.folder / name)
        fsync_folder(self.folder)

    def _prune(self) -> None:
        kept = {path.name for path in (self.current(), self.previous()) if path is not None}
        for folder in self.folder.glob(SNAPSHOT_PREFIX + "*"):
            if folder.name not in kept:
                shutil.rmtree(folder)
