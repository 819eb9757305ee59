"""INTERPOL's public notices in the shapes that its service has: a page, one answer, an array, lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hotspotd.domain.candidate import NameKind, OtherName
from hotspotd.domain.notice import Notice
from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.importers.delivery import Delivers
from hotspotd.watchlist.importers.interpol import InterpolImporter
from tests.watchlist.importers.conftest import Store


def notice(number: int = 1, colour: str = "red", **fields: Any) -> dict[str, Any]:
    address = f"https://ws-public.interpol.int/notices/v1/{colour}/2026-{number}"
    return {
        "forename": "ANNA MARIA",
        "date_of_birth": "1974/08/12",
        "entity_id": f"2026/{number}",
        "nationalities": ["SE", "FI"],
        "name": "ERIKSSON",
        "_links": {"self": {"href": address}, "images": {"href": address + "/images"}},
    } | fields


DETAIL = notice(
    sex_id="F",
    arrest_warrants=[
        {"issuing_country_id": "UY", "charge": "Hurto", "charge_translation": "Theft"},
        {"issuing_country_id": "BR", "charge": "Fraud", "charge_translation": None},
    ],
    height=1.7,
    _embedded={"links": []},
)


def write(folder: Path, value: Any, name: str = "notices.json") -> Path:
    path = folder / name
    path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return path


def test_an_answer_becomes_a_person_with_the_picture_beside_it(tmp_path: Path, store: Store) -> None:
    (tmp_path / "2026-1.jpg").write_bytes(b"\xff\xd8\xff portrait")
    store.take(InterpolImporter(), write(tmp_path, DETAIL))
    (person,) = store.people()
    record = person.record
    assert (record.reference, record.notice, record.owner) == ("2026/1", Notice.RED, "URY")
    assert (record.surname, record.given_names, record.birth_date) == ("ERIKSSON", "ANNA MARIA", "1974-08-12")
    assert (record.nationality, record.other_nationalities, record.sex) == ("SWE", ("FIN",), "F")
    assert record.reason == "Theft; Fraud"
    assert person.samples[0].picture == b"\xff\xd8\xff portrait"


@pytest.mark.parametrize(
    "value",
    [
        {"total": 2, "_embedded": {"notices": [notice(1), notice(2, "yellow")]}},
        [notice(1), notice(2, "yellow")],
        b"".join(json.dumps(one).encode() + b"\n" for one in (notice(1), notice(2, "yellow"))),
    ],
    ids=["page", "array", "lines"],
)
def test_a_file_of_many_is_read_in_each_shape(tmp_path: Path, store: Store, value: Any) -> None:
    path = write(tmp_path, value)
    store.take(InterpolImporter(), path)
    assert [(p.record.reference, p.record.notice, p.record.owner) for p in store.people()] == [
        ("2026/1", Notice.RED, "XPO"),
        ("2026/2", Notice.YELLOW, "XPO"),
    ]
    steps = list(InterpolImporter().read(path, 0, 0))
    (last,) = InterpolImporter().read(path, steps[0].place, steps[0].line)
    assert last.items == steps[1].items


def test_un_notices_and_former_names_are_known(tmp_path: Path, store: Store) -> None:
    un = notice(3, "un", un_reference="QDi.999", aliases=["ANNIE", {"name": "DOE", "forename": "ANN"}, 7])
    yellow = notice(4, "yellow", birth_name="DOE", name_in_original_script="Эрикссон")
    store.take(InterpolImporter(), write(tmp_path, [un, yellow]))
    one, two = store.people()
    assert one.record.notice is Notice.UN_SPECIAL
    assert [name.text for name in one.record.other_names] == ["ANNIE", "ANN DOE"]
    assert two.record.other_names == (
        OtherName(surname="DOE", given_names="ANNA MARIA", kind=NameKind.FORMER),
        OtherName(surname="Эрикссон", kind=NameKind.ORIGINAL),
    )


def test_a_notice_whose_address_says_no_colour_needs_one(tmp_path: Path, store: Store) -> None:
    path = write(tmp_path, notice(5, _links={}))
    store.take(InterpolImporter(), path)
    assert [reject.field for reject in store.last_rejects] == ["_links"]
    store.take(InterpolImporter(Notice.BLUE), path)
    assert store.people()[0].record.notice is Notice.BLUE


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (7, ""),
        ({}, ""),
        (notice(9, name=7), ""),
        (notice(9, name=None, forename=None), ""),
        (notice(9, name="x" * 501), "surname"),
    ],
)
def test_a_bad_notice_stops_no_other(tmp_path: Path, store: Store, row: Any, field: str) -> None:
    store.take(InterpolImporter(), write(tmp_path, [notice(1), row, notice(2)]))
    assert [person.record.reference for person in store.people()] == ["2026/1", "2026/2"]
    (reject,) = store.last_rejects
    assert (reject.line, reject.field, reject.whole) == (2, field, True)


def test_a_date_that_is_none_is_left_out_and_the_person_taken(tmp_path: Path, store: Store) -> None:
    store.take(InterpolImporter(), write(tmp_path, notice(1, date_of_birth="12.08.1974")))
    assert store.people()[0].record.birth_date is None
    assert [(reject.field, reject.whole) for reject in store.last_rejects] == [("date_of_birth", False)]


def test_of_several_files_one_that_is_none_stops_no_other_and_withdraws_nobody(tmp_path: Path, store: Store) -> None:
    store.take(InterpolImporter(), write(tmp_path, notice(7)))
    files = [
        write(tmp_path, notice(1), "a.json"),
        write(tmp_path, b"<html>", "b.json"),
        write(tmp_path, notice(2), "c.json"),
    ]
    now = store.take(InterpolImporter(), *files, replaces=Delivers.PEOPLE)
    assert [person.record.reference for person in store.people()] == ["2026/1", "2026/2", "2026/7"]
    assert (now.counts["files_left_out"], now.counts["withdrawn"]) == (1, 0)
    assert "neither a notice" in store.last_rejects[0].reason
    assert store.take(InterpolImporter(), files[0], files[2], replaces=Delivers.PEOPLE).counts["withdrawn"] == 1


@pytest.mark.parametrize("data", [b"", b"[", b"{", b"<html>", b"[" * 100_000, b"PK\x05\x06" + bytes(18)])
def test_what_is_no_json_is_refused(tmp_path: Path, store: Store, data: bytes) -> None:
    with pytest.raises(WatchlistError) as error:
        store.take(InterpolImporter(), write(tmp_path, data))
    assert error.value.reason is Reason.BAD_VALUE


def test_a_name_that_leads_elsewhere_names_no_picture(tmp_path: Path, store: Store) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "x.jpg").write_bytes(b"\xff\xd8\xff")
    row = notice(1, entity_id="../x")
    store.take(InterpolImporter(), write(tmp_path / "inside", row))
    assert store.people()[0].samples == ()
