"""The note that one shift hands to the next: who wrote it, how much is open, and that it goes again."""

from __future__ import annotations

import pytest

from hotspotd.domain.rights import Role
from hotspotd.records.shift_notes import LONGEST_NOTE
from tests.console.kiosk import BADGE, Kiosk, finger_hit


async def test_a_note_is_read_by_the_next_shift_and_its_text_is_in_no_audit_entry(kiosk: Kiosk) -> None:
    await kiosk.check(await kiosk.encounter(), finger_hit())
    async with kiosk.client(Role.GUARD) as client:
        for text in ("Scanner of lane 2 sticks.\nCleaned at 14:00.", "Bus of 40 at 22:15"):
            async with client.post("/api/shift-notes", json={"text": text}) as answer:
                assert answer.status == 204
    async with kiosk.client(Role.SUPERVISOR) as client, client.get("/api/shift-notes") as answer:
        newest, older = await answer.json()
    assert (newest["text"], newest["author"], newest["open_alerts"]) == ("Bus of 40 at 22:15", f"badge {BADGE}", 1)
    assert older["text"].endswith("14:00.")
    await kiosk.records.views_written()
    rows = await kiosk.records._db.rows("SELECT * FROM audit WHERE event LIKE 'shift_note.%'")
    assert [row["event"] for row in rows] == ["shift_note.written", "shift_note.written", "shift_note.viewed"]
    assert not [row for row in rows if "Bus" in str(tuple(row))]


@pytest.mark.parametrize("wish", [{}, {"text": ""}, {"text": "  \n"}, {"text": "x" * (LONGEST_NOTE + 1)}, {"text": 7}])
async def test_what_is_no_note_is_refused(kiosk: Kiosk, wish: dict[str, object]) -> None:
    async with kiosk.client() as client, client.post("/api/shift-notes", json=wish) as answer:
        assert answer.status == 400
    assert await kiosk.records.shift_notes() == []
