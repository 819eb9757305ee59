"""What the gateway erases by itself, and that it erases nothing on a clock that was never set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hotspotd.clock import Clock
from hotspotd.gateway.config import LimitsSection
from hotspotd.gateway.keeping import Keeping
from hotspotd.gateway.storage import open_store
from tests.gateway.desk import START, Desk, red


async def test_pictures_are_erased_by_a_clock_that_is_set_only(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "gateway.db")
    await Desk(store).search(1, red())
    for wall, erased in (
        (datetime(1970, 1, 1, tzinfo=UTC), None),
        (START + timedelta(days=30), 0),
        (START + timedelta(days=31), 1),
    ):
        found = await Keeping(store, Clock(wall=lambda now=wall: now), LimitsSection()).erase()  # type: ignore[misc]
        assert (found.bodies if found else None) == erased
    await store.close()
