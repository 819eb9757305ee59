"""The latest time that is known for sure, for judging whether metadata have expired.

A kiosk may start in 1970, or be set back by whoever wants an old list to pass. Time never counts as earlier than the
newest signed statement of it that was ever verified here, nor than when the software was made.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hotspotd.clock import EARLIEST_PLAUSIBLE, Clock
from hotspotd.watchlist.durable import write_durably


class TrustedTime:
    """The latest known time, kept in ``path``."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def now(self) -> datetime:
        """Wall time, or what is known to be past where the clock says less."""
        return max(self._clock.now().at, self._floor())

    def learn(self, stated: str) -> None:
        """``stated`` (ISO 8601) was signed as the time by somebody trusted; what is no time is passed over."""
        try:
            at = datetime.fromisoformat(stated)
        except ValueError:
            return
        if at.tzinfo is not None and at > self._floor():
            write_durably(self._path, at.astimezone(UTC).isoformat().encode())

    def _floor(self) -> datetime:
        try:
            known = datetime.fromisoformat(self._path.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return EARLIEST_PLAUSIBLE
        return max(known, EARLIEST_PLAUSIBLE) if known.tzinfo is not None else EARLIEST_PLAUSIBLE
