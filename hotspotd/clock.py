"""The clocks: wall time with a statement of trust, and monotonic time for durations.

A Pi has no real-time clock: until the network or a technician has set it, wall time is wrong. Stored times
therefore carry ``trusted``. Durations, deadlines and retries use ``monotonic`` only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

# The software cannot run before it was made, so a wall clock before this is not set.
EARLIEST_PLAUSIBLE = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stamp:
    """A wall time (UTC) and whether the clock that gave it was trusted."""

    at: datetime
    trusted: bool

    def iso(self) -> str:
        """ISO 8601 in UTC with milliseconds, as stored and transmitted."""
        return self.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _system_wall() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """The clocks the daemon reads; tests hand in their own functions."""

    wall: Callable[[], datetime] = _system_wall
    monotonic: Callable[[], float] = time.monotonic

    def now(self) -> Stamp:
        """Wall time now, trusted when it is not before the software was made."""
        at = self.wall()
        return Stamp(at, trusted=at >= EARLIEST_PLAUSIBLE)
