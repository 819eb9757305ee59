"""Looking documents, people and plates up by hand: in a real list, with a purpose, and what is written down of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hotspotd.biometrics import finger
from hotspotd.console.controls import Searched
from hotspotd.console.look_up import MOST_FOUND
from hotspotd.errors import WatchlistError
from hotspotd.watchlist import Entry, Shelf, Snapshot
from hotspotd.watchlist.blocks import damaged
from hotspotd.watchlist.numbers import Kind, Listing, NumberEntry, Status
from tests.console.kiosk import BADGE, Kiosk, record, running


def list_of(folder: Path) -> Snapshot:
    """One person, two dozen others of one name, a document and a plate."""
    entries = [Entry(record())]
    entries += [
        Entry(record(reference=f"N/{number}", surname="KOVAC", given_names="ELENA", birth_date="1991-03-14"))
        for number in range(MOST_FOUND + 4)
    ]
    lost = Listing(Kind.DOCUMENT, "UTO", Status.LOST_OR_STOLEN, "UTO")
    sought = Listing(Kind.VEHICLE, "SVN", Status.WANTED, "SVN", purpose="Robbery")
    shelf = Shelf(folder)
    shelf.publish(
        entries,
        finger_engine=finger.ENGINE,
        face_engine=None,
        version="2026-11-22",
        numbers=[NumberEntry("X1000001", lost), NumberEntry("LJ12345", sought)],
    )
    return shelf.open(finger_engine=finger.ENGINE, face_engine=None)


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return list_of(tmp_path_factory.mktemp("list"))


@pytest.fixture
async def looking(tmp_path: Path, listed: Snapshot) -> AsyncIterator[Kiosk]:
    async with running(tmp_path, searched=Searched(lambda: listed, lambda _damaged, _error: None)) as kiosk:
        yield kiosk


async def look_up(kiosk: Kiosk, **wish: Any) -> tuple[int, Any]:
    wish = {"purpose": "second_line", **wish}
    async with kiosk.client() as client, client.post("/api/look-ups", json=wish) as answer:
        is_json = answer.content_type == "application/json"
        return answer.status, await (answer.json() if is_json else answer.text())


ERIKSSON = {"kind": "person", "surname": "Eriksson", "given_names": "Anna Maria", "birth_date": "1974-08-12"}


async def test_a_person_is_found_by_name_and_date_of_birth_and_stays_unconfirmed(looking: Kiosk) -> None:
    status, answer = await look_up(looking, **ERIKSSON)
    assert (status, answer["total"], answer["list"]) == (200, 1, "2026-11-22")
    (found,) = answer["found"]
    assert (found["title"], found["heading"]) == ("ERIKSSON, ANNA MARIA", "Red notice")
    assert found["certainty"] == "unconfirmed"
    assert found["tone"] == "red"
    assert "warrant" in found["instruction"]
    assert found["agrees"][0]


@pytest.mark.parametrize(
    ("wish", "title", "instruction"),
    [
        ({"kind": "document", "number": "x1000001", "issuer": "uto"}, "Document X1000001 (UTO)", "Keep the document"),
        ({"kind": "document", "number": "X 1000001"}, "Document X 1000001 (UTO)", "Keep the document"),
        ({"kind": "vehicle", "number": "lj 12-345", "issuer": "SVN"}, "Plate LJ 12-345 (SVN)", "Compare the vehicle"),
    ],
)
async def test_a_document_and_a_plate_are_found_by_number(
    looking: Kiosk, wish: dict[str, str], title: str, instruction: str
) -> None:
    status, answer = await look_up(looking, **wish)
    assert (status, answer["total"]) == (200, 1)
    assert answer["found"][0]["title"] == title
    assert instruction in answer["found"][0]["instruction"]


async def test_what_is_not_listed_is_not_found_and_many_are_counted(looking: Kiosk) -> None:
    status, answer = await look_up(looking, kind="document", number="Y2", issuer="UTO")
    assert (status, answer["total"], answer["found"]) == (200, 0, [])
    _, answer = await look_up(looking, kind="person", surname="KOVAC", given_names="ELENA", birth_date="1991-03-14")
    assert len(answer["found"]) == MOST_FOUND


@pytest.mark.parametrize(
    "wish",
    [
        {**ERIKSSON, "purpose": ""},
        {**ERIKSSON, "purpose": "curiosity"},
        {**ERIKSSON, "birth_date": ""},
        {**ERIKSSON, "birth_date": "12.8.1974"},
        {**ERIKSSON, "surname": ""},
        {**ERIKSSON, "number": "X1"},
        {"kind": "firearm", "number": "X1"},
        {"kind": "document", "number": ""},
        {"kind": "vehicle", "number": "X" * 65},
        {},
    ],
)
async def test_what_makes_no_sense_or_has_no_purpose_is_not_searched(looking: Kiosk, wish: dict[str, str]) -> None:
    status, told = await look_up(looking, **wish)
    assert status == 400
    assert "ERIKSSON" not in str(told).upper()
    assert await looking.records._db.rows("SELECT 1 FROM audit WHERE event = 'watchlist.lookup'") == []


async def test_who_asked_and_why_is_written_down_before_the_answer_and_not_what(looking: Kiosk) -> None:
    await look_up(looking, **ERIKSSON, note="lane 2,\nsays another name")
    rows = await looking.records._db.rows(
        "SELECT actor, detail, note.text AS note FROM audit JOIN audit_note AS note ON note.seq = audit.seq"
        " WHERE event = 'watchlist.lookup'"
    )
    ((actor, detail, note),) = [tuple(row) for row in rows]
    assert (actor, note) == (f"badge {BADGE}", "Second line check: lane 2, says another name")
    assert detail.startswith("person 1 hits")
    everything = [str(tuple(row)) for row in await looking.records._db.rows("SELECT * FROM audit")]
    assert not [row for row in everything if "ERIKSSON" in row.upper() or "1974" in row]


async def test_of_a_damaged_list_nothing_is_answered_and_another_is_asked(tmp_path: Path, listed: Snapshot) -> None:
    broken: list[WatchlistError] = []

    class Damaged:
        """A list of which changed bytes are met."""

        def __getattr__(self, name: str) -> Any:
            raise damaged(tmp_path, "has changed bytes")

    def instead_of(_: Snapshot, error: WatchlistError) -> Snapshot | None:
        broken.append(error)
        return listed

    async with running(tmp_path, searched=Searched(Damaged, instead_of)) as kiosk:  # type: ignore[arg-type]
        _, answer = await look_up(kiosk, **ERIKSSON)
        assert (len(broken), answer["list"]) == (1, "2026-11-22")
    (tmp_path / "none").mkdir()
    async with running(tmp_path / "none") as kiosk:
        assert (await look_up(kiosk, **ERIKSSON))[0] == 404
