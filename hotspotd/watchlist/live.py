"""The watchlist in force under running lanes: opened at the start, swapped when another becomes current.

A check that has begun finishes on the snapshot it began with: the old one is let go when nothing uses it. A list that
cannot be used is said loudly, and the one in force stays in force. One that is found damaged while it is in force,
by a search or by the check of all its bytes that follows each opening, is refused from then on: the other of the two
takes its place, and whoever met the damage asks that one (``instead_of``). A new start tries it again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hotspotd.errors import HotspotError, Reason, WatchlistError
from hotspotd.watchlist.blocks import damaged
from hotspotd.watchlist.shelf import Mark, Shelf, mark
from hotspotd.watchlist.snapshot import Snapshot
from hotspotd.workers import Worker

log = logging.getLogger(__name__)

# How long a new list may lie on the shelf before it is searched.
_LOOK_EVERY_S = 5.0
# The check of all bytes works for so long, then leaves the disk to others for so long.
_WORK_S = 0.1
_REST_S = 0.1


class LiveWatchlist:
    """Follows one shelf. ``snapshot`` is what to search now; ``None`` while there is nothing that can be used.

    ``changed`` is called in the loop's thread when another snapshot is in force, or none, or what is wrong has changed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        finger_engine: str,
        face_engine: str | None,
        worker: Worker,
        key_file: Path | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._shelf = Shelf(folder, key_file)
        self._finger_engine = finger_engine
        self._face_engine = face_engine
        self._worker = worker
        self._changed = changed
        self._seen: Path | None = None
        self._refused: set[Mark] = set()
        self._swapping = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._whole: Snapshot | None = None
        self._soon = asyncio.Event()
        self.snapshot: Snapshot | None = None
        self.problem: HotspotError | OSError | None = None
        """Why the current list is not the one in force; ``None`` where all is well."""

    def look_soon(self) -> None:
        """A new list was put on the shelf."""
        self._soon.set()

    async def look(self) -> bool:
        """Open the current list if it is another than before; whether one was opened."""
        self._loop = asyncio.get_running_loop()
        try:
            opened = await self._worker.run(self._take)
        except (HotspotError, OSError) as error:
            repeated = str(error) == str(self.problem)
            log.log(logging.DEBUG if repeated else logging.ERROR, "watchlist: %s", error)
            self.problem = error
            if not repeated:
                self._changed()
            return False
        if opened is None:
            return False
        log.info("watchlist %s in force: %s", opened.version, opened.counts)
        self._changed()
        return True

    def _take(self) -> Snapshot | None:
        """Put the current list in force; ``None`` where it is already, or was refused."""
        with self._swapping:
            current = self._shelf.current()
            if self.snapshot is not None and current == self._seen:
                return None
            if current is not None and mark(current) in self._refused:
                return None
            opened = self._shelf.open(finger_engine=self._finger_engine, face_engine=self._face_engine)
            if mark(opened.folder) in self._refused:
                raise damaged(opened.folder, "was found so before, and the current list is damaged too")
            self._seen, self.snapshot = current, opened
            self.problem = None if current is None or opened.folder.name == current.name else _older(opened)
            return opened

    def instead_of(self, refused: Snapshot, error: WatchlistError) -> Snapshot | None:
        """What to search now that ``refused`` was found damaged; ``None`` for nothing. Blocks; in any thread."""
        with self._swapping:
            if self.snapshot is not refused:
                return self.snapshot  # Somebody else met the damage before, or a new list has come.
            self._refused.add(mark(refused.folder))
            try:
                self.snapshot = self._shelf.open_instead(
                    self._refused, error, finger_engine=self._finger_engine, face_engine=self._face_engine
                )
            except (HotspotError, OSError) as nothing:
                log.error("no watchlist can be searched: %s", nothing)
                self.snapshot = None
            self.problem = error
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._changed)
            return self.snapshot

    async def check_some(self) -> bool:
        """Check some of what nobody touched yet of the list in force; False when all of it is checked."""
        snapshot = self.snapshot
        if snapshot is None or snapshot is self._whole:
            return False
        try:
            if await self._worker.run(_step, snapshot):
                return True
        except WatchlistError as error:
            await self._worker.run(self.instead_of, snapshot, error)
            return True
        self._whole = snapshot
        return False

    async def run(self) -> None:
        """Look for a new list for ever, and check all bytes of the one in force."""
        looked = time.monotonic()
        while True:
            working = await self.check_some()
            with suppress(TimeoutError):
                async with asyncio.timeout(_REST_S if working else _LOOK_EVERY_S):
                    await self._soon.wait()
            if self._soon.is_set() or time.monotonic() - looked >= _LOOK_EVERY_S:
                self._soon.clear()
                await self.look()
                looked = time.monotonic()


def _step(snapshot: Snapshot) -> bool:
    until = time.monotonic() + _WORK_S
    while time.monotonic() < until:
        if not snapshot.step():
            return False
    return True


def _older(opened: Snapshot) -> WatchlistError:
    return WatchlistError(
        Reason.DAMAGED, f"the current list is damaged; in its place {opened.version}", "Build the list again."
    )
