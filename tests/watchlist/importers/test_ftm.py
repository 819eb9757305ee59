"""FollowTheMoney entities: people with their documents, whatever the order; everything else is passed over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotspotd.domain.candidate import NameKind, OtherName
from hotspotd.domain.notice import Notice
from hotspotd.watchlist import ListedDocument
from hotspotd.watchlist.importers.ftm import FtmImporter
from tests.watchlist.importers.conftest import Store

PERSON = {
    "id": "NK-1",
    "caption": "Anna Eriksson",
    "schema": "Person",
    "datasets": ["invented"],
    "properties": {
        "name": ["Anna Eriksson", "Анна Эрикссон", "Anna Maria Eriksson"],
        "alias": ["Annie"],
        "weakAlias": ["Nan"],
        "previousName": ["Anna Doe"],
        "firstName": ["Anna"],
        "lastName": ["Eriksson"],
        "birthDate": ["1974-08-12", "1975"],
        "nationality": ["se", "fi"],
        "gender": ["female"],
        "topics": ["sanction"],
    },
}
PASSPORT = {
    "id": "p-1",
    "schema": "Passport",
    "properties": {"holder": ["NK-1"], "number": ["L898902C3"], "country": ["se"]},
}
COMPANY = {"id": "c-1", "schema": "Company", "properties": {"name": ["Fiction Ltd"]}}


def importer() -> FtmImporter:
    return FtmImporter(Notice.NATIONAL, "UTO")


def write(folder: Path, *rows: dict[str, Any] | bytes, name: str = "entities.ftm.json") -> Path:
    path = folder / name
    path.write_bytes(b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows))
    return path


@pytest.mark.parametrize("rows", [(PERSON, PASSPORT, COMPANY), (PASSPORT, COMPANY, PERSON)])
def test_a_person_has_its_documents_whichever_comes_first(
    tmp_path: Path, store: Store, rows: tuple[dict[str, Any], ...]
) -> None:
    now = store.take(importer(), write(tmp_path, *rows))
    assert (now.counts["people"], now.counts["documents"], now.counts["passed_over"]) == (1, 1, 1)
    (person,) = store.people()
    record = person.record
    assert (record.surname, record.given_names, record.sex) == ("Eriksson", "Anna", "F")
    assert (record.birth_date, record.other_birth_dates) == ("1974-08-12", ("1975",))
    assert (record.nationality, record.other_nationalities) == ("SWE", ("FIN",))
    assert record.other_names == (
        OtherName(full="Анна Эрикссон", kind=NameKind.ORIGINAL),
        OtherName(full="Anna Maria Eriksson"),
        OtherName(full="Annie"),
        OtherName(full="Anna Doe", kind=NameKind.FORMER),
        OtherName(full="Nan", kind=NameKind.WEAK),
    )
    assert person.documents == (ListedDocument("L898902C3", "SWE"),)


def test_a_nested_document_is_attached(tmp_path: Path, store: Store) -> None:
    nested = PERSON | {"properties": {"name": ["Anna"], "passports": [PASSPORT]}}
    store.take(importer(), write(tmp_path, nested))
    assert store.people()[0].documents == (ListedDocument("L898902C3", "SWE"),)


def test_a_number_without_issuer_is_taken_for_the_only_nationality(tmp_path: Path, store: Store) -> None:
    one = {
        "id": "a",
        "schema": "Person",
        "properties": {"name": ["A"], "passportNumber": ["X1"], "nationality": ["se"]},
    }
    two = {"id": "b", "schema": "Person", "properties": {"name": ["B"], "passportNumber": ["X2"]}}
    store.take(importer(), write(tmp_path, one, two))
    assert [person.documents for person in store.people()] == [(ListedDocument("X1", "SWE"),), ()]
    (reject,) = store.last_rejects
    assert (reject.line, reject.reference, reject.field, reject.whole) == (2, "b", "documents", False)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"{", "not a FollowTheMoney entity"),
        (b"[]", "not a FollowTheMoney entity"),
        (b"\xff\xfe{}", "not a FollowTheMoney entity"),
        (b'{"id": 1, "schema": "Person"}', "not a FollowTheMoney entity"),
        (b'{"id": "x"}', "not a FollowTheMoney entity"),
        (b"[" * 100_000, "not a FollowTheMoney entity"),
        (b'{"id": "x", "schema": "Person", "properties": {"name": "Anna"}}', "not a FollowTheMoney entity"),
        (b'{"id": "x", "schema": "Person", "properties": {}}', "neither a name"),
        (b'{"id": "", "schema": "Person", "properties": {"name": ["A"]}}', "1 to 60"),
        (b'{"id": "x", "schema": "Person", "properties": {"name": ["A"], "z": [{"schema": "Passport"}]}}', "nested"),
        (b'{"id": "x", "schema": "Passport", "properties": {"number": ["1"], "country": ["se"]}}', "is missing"),
        (b'{"id": "x", "a": "' + b"x" * 5_000_000 + b'"}', "longer than"),
    ],
)
def test_a_bad_row_is_told_and_stops_no_other(tmp_path: Path, store: Store, row: bytes, reason: str) -> None:
    good = [{"id": name, "schema": "Person", "properties": {"name": [name]}} for name in ("a", "b")]
    store.take(importer(), write(tmp_path, good[0], row, good[1]))
    assert [person.record.reference for person in store.people()] == ["a", "b"]
    (reject,) = store.last_rejects
    assert reject.line == 2
    assert reason in f"{reject.field} {reject.reason}"


def test_of_a_file_that_ends_early_the_whole_lines_are_kept(tmp_path: Path, store: Store) -> None:
    path = write(tmp_path, PERSON, PERSON | {"id": "NK-2"})
    path.write_bytes(path.read_bytes()[:-40])
    store.take(importer(), path)
    assert len(store.people()) == 1
    assert len(store.last_rejects) == 1


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    schema=st.sampled_from(["Person", "Passport", "Identification", "Vessel"]),
    properties=st.dictionaries(
        st.sampled_from([*PERSON["properties"], "holder", "number", "country", "passports"]),
        _JSON,
        max_size=8,  # type: ignore[misc]
    ),
)
def test_whatever_the_properties_are_it_is_taken_told_or_passed_over(
    tmp_path: Path, schema: str, properties: dict[str, Any]
) -> None:
    path = write(tmp_path, {"id": "x", "schema": schema, "properties": properties})
    (step,) = importer().read(path, 0, 0)
    assert step.items or step.rejects or step.passed_over
