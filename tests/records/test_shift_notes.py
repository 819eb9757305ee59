"""Notes from shift to shift: that they go again, and cannot fill the disk."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hotspotd.errors import Reason, RecordsError
from hotspotd.records import Records, shift_notes
from tests.records.conftest import HandClock


async def test_a_note_is_erased_after_a_week_on_a_clock_that_is_trusted(
    records: Records, hand_clock: HandClock
) -> None:
    await records.write_shift_note("Bus of 40 at 22:15", "badge 1042")
    hand_clock.move(days=6)
    assert await records.erase_shift_notes() == 0
    later, hand_clock.at = hand_clock.at, datetime(1970, 1, 1, tzinfo=UTC)
    assert await records.erase_shift_notes() == 0
    hand_clock.at = later
    hand_clock.move(days=1)
    assert await records.erase_shift_notes() == 1
    assert await records.shift_notes() == []


async def test_notes_have_a_limit(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shift_notes, "_MOST_NOTES", 1)
    await records.write_shift_note("first", "badge 1042")
    with pytest.raises(RecordsError) as caught:
        await records.write_shift_note("second", "badge 1042")
    assert caught.value.reason is Reason.STORAGE_FULL
