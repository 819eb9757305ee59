"""Records on a temporary folder, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hotspotd.clock import Clock
from hotspotd.records import Records


class HandClock:
    """A wall clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.at)


@pytest.fixture
def hand_clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def records(tmp_path: Path, hand_clock: HandClock) -> AsyncIterator[Records]:
    opened = await Records.open(tmp_path / "records.db", hand_clock.clock())
    yield opened
    await opened.close()
