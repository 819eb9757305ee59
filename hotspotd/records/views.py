"""Views of pages on their way into the audit chain: no page waits for them, and those of a page share a transaction."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import suppress
from dataclasses import dataclass

from hotspotd.clock import Clock, Stamp
from hotspotd.errors import RecordsError
from hotspotd.records import audit
from hotspotd.records.database import Database

log = logging.getLogger(__name__)

# Different views that wait to be written; an officer opens some in a minute. What is beyond is only counted.
_MOST_WAITING = 512
# A page asks for its pictures one after the other: they share a transaction. What is lost in a power cut is this long.
_TOGETHER_S = 0.1
_AGAIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One view: what the entry of it will say."""

    event: str
    subject: str
    actor: str
    detail: str
    note: str


@dataclass(slots=True)
class _Times:
    first: Stamp
    count: int = 1


class Views:
    """Writes views down, soon. Used from the event loop's thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db = database
        self._clock = clock
        self._views: dict[Seen, _Times] = {}
        self._lost = 0
        self._closing = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    def add(self, seen: Seen) -> None:
        """It was shown now. The same again before it is written is counted in the same entry."""
        if seen in self._views:
            self._views[seen].count += 1
        elif len(self._views) < _MOST_WAITING:
            self._views[seen] = _Times(self._clock.now())
        else:
            self._lost += 1
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_views(), name="audit-views")

    async def close(self) -> None:
        """Until every view so far is on disk, or cannot be written. Later ones are written at once."""
        self._closing.set()
        if self._writing is not None:
            await self._writing

    async def _write_views(self) -> None:
        failing = False
        while self._views or self._lost:
            with suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN_S if failing else _TOGETHER_S):
                    await self._closing.wait()
            try:
                await self._flush()
            except RecordsError as error:
                if self._closing.is_set():
                    log.error("records: %d views are not in the audit chain: %s", len(self._views) + self._lost, error)
                    return
                log.log(logging.DEBUG if failing else logging.WARNING, "records: views are not audited yet: %s", error)
                failing = True
            else:
                failing = False

    async def _flush(self) -> None:
        views, lost, now = self._views, self._lost, self._clock.now()
        self._views, self._lost = {}, 0
        try:
            await self._db.write(lambda writer: _append_views(writer, views, lost, now))
        except RecordsError:
            for seen, times in self._views.items():
                views.setdefault(seen, _Times(times.first, 0)).count += times.count
            self._views, self._lost = views, self._lost + lost
            raise


def _append_views(writer: sqlite3.Connection, views: dict[Seen, _Times], lost: int, now: Stamp) -> None:
    for seen, times in views.items():
        detail = f"{seen.detail} x{times.count}".lstrip() if times.count > 1 else seen.detail
        audit.append(
            writer, times.first, seen.event, subject=seen.subject, actor=seen.actor, detail=detail, note=seen.note
        )
    if lost:
        audit.append(writer, now, "views.not_listed", subject="pages", detail=str(lost))
