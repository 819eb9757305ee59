"""The daemon's own log as it was lately: the newest lines, bounded, for the technician's page and the support bundle.

No line holds anything personal, by rule. Of an exception only its kind and place are kept, since its text may quote
what was being read.
"""

from __future__ import annotations

import logging
from collections import deque
from datetime import UTC, datetime
from pathlib import PurePath
from types import TracebackType

import msgspec

from hotspotd.clock import Stamp

LONGEST = 1000
"""Characters of a line."""
_MOST_LINES = 500


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line; ``at`` is ISO 8601 in UTC."""

    at: str
    level: str
    logger: str
    text: str


class RecentLogs(logging.Handler):
    """Keeps the newest ``most`` lines. Threads may log at any time."""

    def __init__(self, most: int = _MOST_LINES) -> None:
        super().__init__()
        self._lines: deque[LogLine] = deque(maxlen=most)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep ``record``; the oldest line goes where there is no room."""
        self._lines.append(line_of(record))

    def lines(self) -> tuple[LogLine, ...]:
        """What is kept, oldest first."""
        self.acquire()
        try:
            return tuple(self._lines)
        finally:
            self.release()


def line_of(record: logging.LogRecord) -> LogLine:
    """``record`` as a line."""
    text = record.getMessage()
    if record.exc_info and record.exc_info[0] is not None:
        text = f"{text} [{_raised(record.exc_info[0], record.exc_info[2])}]"
    return LogLine(
        at=Stamp(datetime.fromtimestamp(record.created, UTC), trusted=False).iso(),
        level=record.levelname.lower(),
        logger=record.name,
        text=text[:LONGEST],
    )


def _raised(kind: type[BaseException], trace: TracebackType | None) -> str:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return kind.__name__
    return f"{kind.__name__} at {PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
