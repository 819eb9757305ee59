"""The daemon's own log for the gateway: warnings and errors, in batches.

A ring of the latest lines, each bounded. No line holds anything personal, by rule; of an exception only its kind and
place are sent, since its text may quote what was being read. What is not in the outbox yet is lost with the process:
the journal has it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec

from hotspotd.clock import Clock, Stamp
from hotspotd.domain.identifiers import new_tcn
from hotspotd.errors import RecordsError
from hotspotd.health.recent import LogLine, line_of
from hotspotd.records import Records
from hotspotd.records.model import Kind, OutboxItem, Rank

log = logging.getLogger(__name__)

EVERY_S = 900.0
MOST_BYTES = 64_000
"""Of one message. What is over goes with the next."""
WORTH = timedelta(days=3)
_MOST_LINES = 2000


class LogReport(msgspec.Struct, frozen=True, kw_only=True):
    """The message. ``lost``: lines that the ring had no room for, before these."""

    lines: tuple[LogLine, ...]
    lost: int


class LogRing(logging.Handler):
    """Keeps the latest lines from WARNING up. Threads may log at any time."""

    def __init__(self, most: int = _MOST_LINES) -> None:
        super().__init__(logging.WARNING)
        self._numbers = itertools.count(1)
        self._lines: deque[tuple[int, bytes]] = deque(maxlen=most)
        self._sent = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep ``record``; the oldest line goes where there is no room."""
        # logging calls this under the handler's lock: numbers are in order.
        self._lines.append((next(self._numbers), msgspec.json.encode(line_of(record))))

    def next(self, most_bytes: int = MOST_BYTES) -> tuple[bytes, int] | None:
        """A message of the oldest lines, as many as fit, and its mark for ``sent``; ``None`` where there are none."""
        self.acquire()
        try:
            kept = tuple(self._lines)
        finally:
            self.release()
        if not kept:
            return None
        lost = kept[0][0] - self._sent - 1
        size = len(msgspec.json.encode(LogReport(lines=(), lost=lost)))
        lines: list[msgspec.Raw] = []
        mark = self._sent
        for number, line in kept:
            size += len(line) + 1
            if size > most_bytes:
                break
            lines.append(msgspec.Raw(line))
            mark = number
        return msgspec.json.encode({"lines": lines, "lost": lost}), mark

    def sent(self, mark: int) -> None:
        """Let go of the lines of a message: they are in the outbox."""
        self.acquire()
        try:
            while self._lines and self._lines[0][0] <= mark:
                self._lines.popleft()
            self._sent = mark
        finally:
            self.release()


class LogReports:
    """Brings what ``ring`` holds into the outbox. ``run`` it once; ``wake`` is called when there is something new."""

    def __init__(
        self,
        ring: LogRing,
        records: Records,
        clock: Clock,
        country: str,
        wake: Callable[[], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ring = ring
        self._records = records
        self._clock = clock
        self._country = country
        self._wake = wake
        self._sleep = sleep

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._sleep(EVERY_S)
            try:
                await self.tell()
            except RecordsError as error:
                # Full or failing: admission and the watchdog say so, and the lines are still here.
                log.debug("log reports: %s", error)

    async def tell(self) -> bool:
        """Put one message of what was logged into the outbox; whether there was anything. Raises RecordsError."""
        found = self._ring.next()
        if found is None:
            return False
        payload, mark = found
        now = self._clock.now()
        await self._records.enqueue(
            OutboxItem(
                tcn=new_tcn(self._country, now.at),
                kind=Kind.LOG,
                rank=Rank.LOG,
                payload=payload,
                created_at=now.iso(),
                # By a clock that is not set it would be long past when the clock is.
                deadline=Stamp(now.at + WORTH, trusted=True).iso() if now.trusted else None,
            )
        )
        self._ring.sent(mark)
        self._wake()
        return True
