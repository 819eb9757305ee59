"""The watchlist folder: which snapshot is current, which one was before, and how one takes the other's place.

``current`` and ``previous`` are symlinks to snapshot folders beside them, replaced atomically and durably; all
other snapshots are removed. Snapshots that are open stay readable: their files end with their last map.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.build import SNAPSHOT_PREFIX, Entry, Numbers, build, locked
from hotspotd.watchlist.layout import Manifest, fsync_folder, read_manifest, verify
from hotspotd.watchlist.numbers import NumberEntry
from hotspotd.watchlist.numbers.build import Rejected
from hotspotd.watchlist.secret import ListKey, Secrets
from hotspotd.watchlist.snapshot import Snapshot

logger = logging.getLogger(__name__)

Mark = tuple[str, int]
"""One folder, and no other that gets its name later."""

CURRENT = "current"
PREVIOUS = "previous"


def mark(folder: Path) -> Mark:
    """The mark of a snapshot's folder. Raises OSError where it cannot be looked at; one that is gone has a mark too."""
    try:
        return folder.name, folder.stat().st_ctime_ns
    except FileNotFoundError:
        return folder.name, 0


class Shelf:
    """One watchlist folder. All methods block: they are not for the event loop.

    ``key_file`` holds the keys to what is listed by its number (``secret``); by default it lies beside the folder and
    is called as the folder is, with ``.key`` behind.
    """

    def __init__(self, folder: Path, key_file: Path | None = None) -> None:
        self.folder = folder
        self.key_file = folder.with_name(folder.name + ".key") if key_file is None else key_file

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

        Raises WatchlistError: NOT_FOUND when there is none, WRONG_MODEL, WRONG_VERSION or NO_KEY of the current one,
        DAMAGED when neither can be used.
        """
        current = self.current()
        if current is None:
            raise WatchlistError(
                Reason.NOT_FOUND, f"no current watchlist in {self.folder}", "Build one: hotspotctl watchlist build."
            )
        try:
            return self.open_folder(current, finger_engine=finger_engine, face_engine=face_engine)
        except WatchlistError as error:
            previous = self.previous()
            if error.reason is not Reason.DAMAGED or previous is None or previous == current:
                raise
            return self._before(previous, error, finger_engine, face_engine)

    def open_instead(
        self, refused: Collection[Mark], error: WatchlistError, *, finger_engine: str, face_engine: str | None
    ) -> Snapshot:
        """What to search when a list was opened and then found damaged: the one of the two that is not, loudly.

        ``refused`` marks the folders that were found damaged. Raises ``error`` where nothing can be used.
        """
        for other in (self.current(), self.previous()):
            if other is not None and mark(other) not in refused:
                return self._before(other, error, finger_engine, face_engine)
        logger.error("watchlist is damaged, and there is no other: %s", error)
        raise error

    def _before(self, folder: Path, error: WatchlistError, finger_engine: str, face_engine: str | None) -> Snapshot:
        logger.error("watchlist is damaged, trying the one before: %s", error)
        try:
            snapshot = self.open_folder(folder, finger_engine=finger_engine, face_engine=face_engine)
        except WatchlistError as second:
            logger.error("the watchlist before cannot be used either: %s", second)
            raise error from second
        logger.error("searching the older watchlist %s, made %s", snapshot.version, snapshot.made_at)
        return snapshot

    def open_folder(self, folder: Path, *, finger_engine: str, face_engine: str | None) -> Snapshot:
        """The snapshot in ``folder``, with this shelf's keys. Raises as ``Snapshot.open``, but DAMAGED without one."""
        try:
            return Snapshot.open(
                folder, finger_engine=finger_engine, face_engine=face_engine, key_of_list=self._key_of_list
            )
        except WatchlistError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            # A link that leads nowhere, or a folder without a manifest, is damage: it was whole when it was linked.
            raise WatchlistError(Reason.DAMAGED, f"{folder}: the linked snapshot is not there", error.advice) from error

    def open_without_engines(self, folder: Path, manifest: Manifest) -> Snapshot:
        """A snapshot on this shelf, to be asked for records and numbers only. Raises as ``Snapshot.open``."""
        return Snapshot.open(
            folder, finger_engine=manifest.finger_engine, face_engine=None, key_of_list=self._key_of_list
        )

    def _key_of_list(self, key_id: str) -> ListKey:
        return Secrets.load(self.key_file).key(key_id)

    def publish(
        self,
        entries: Iterable[Entry],
        *,
        finger_engine: str,
        face_engine: str | None,
        version: str,
        numbers: Iterable[NumberEntry] | None = None,
        rejected: Rejected | None = None,
    ) -> Path:
        """Build a snapshot of ``entries`` and ``numbers`` and make it current; see ``build`` and ``numbers.build``.

        With ``numbers`` the newest key is taken, and one made where there is none. Raises as they do, and as
        ``Secrets.load``.
        """
        listed = None
        if numbers is not None:
            self.key_file.parent.mkdir(parents=True, exist_ok=True)
            listed = Numbers(numbers, Secrets.load_or_make(self.key_file).newest, rejected)
        path = build(
            self.folder,
            entries,
            finger_engine=finger_engine,
            face_engine=face_engine,
            version=version,
            numbers=listed,
        )
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
