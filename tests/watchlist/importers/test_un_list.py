"""The Security Council's list: what of an entry is kept, what is left out, and what XML must not do."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotspotd.domain.candidate import NameKind, OtherName
from hotspotd.domain.notice import Notice
from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist import ListedDocument
from hotspotd.watchlist.importers.un_list import UnListImporter
from tests.watchlist.importers.conftest import Store

GOOD = """
<INDIVIDUAL><DATAID>900001</DATAID><VERSIONNUM>1</VERSIONNUM>
<FIRST_NAME>JOHAN</FIRST_NAME><SECOND_NAME>BEN</SECOND_NAME><THIRD_NAME>FICTION</THIRD_NAME>
<UN_LIST_TYPE>Invented</UN_LIST_TYPE><REFERENCE_NUMBER>XXi.001.</REFERENCE_NUMBER><LISTED_ON>2012-12-31</LISTED_ON>
<NAME_ORIGINAL_SCRIPT>يوهان</NAME_ORIGINAL_SCRIPT><COMMENTS1>Of no group.</COMMENTS1><GENDER>Male</GENDER>
<NATIONALITY><VALUE>Iran (Islamic Republic of)</VALUE><VALUE>Narnia</VALUE></NATIONALITY>
<INDIVIDUAL_ALIAS><QUALITY>Good</QUALITY><ALIAS_NAME>Johan the First</ALIAS_NAME></INDIVIDUAL_ALIAS>
<INDIVIDUAL_ALIAS><QUALITY>Low</QUALITY><ALIAS_NAME>Jo</ALIAS_NAME></INDIVIDUAL_ALIAS>
<INDIVIDUAL_ALIAS><QUALITY/><ALIAS_NAME/></INDIVIDUAL_ALIAS>
<INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>EXACT</TYPE_OF_DATE><DATE>1971-03-02</DATE></INDIVIDUAL_DATE_OF_BIRTH>
<INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>BETWEEN</TYPE_OF_DATE><FROM_YEAR>1968</FROM_YEAR><TO_YEAR>1970</TO_YEAR>
</INDIVIDUAL_DATE_OF_BIRTH>
<INDIVIDUAL_DOCUMENT><TYPE_OF_DOCUMENT>Passport</TYPE_OF_DOCUMENT><NUMBER>K-123</NUMBER>
<ISSUING_COUNTRY>Sweden</ISSUING_COUNTRY></INDIVIDUAL_DOCUMENT>
<INDIVIDUAL_DOCUMENT><NUMBER>55</NUMBER></INDIVIDUAL_DOCUMENT></INDIVIDUAL>"""


def listed(*entries: str, entities: str = "", head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> bytes:
    body = f"<CONSOLIDATED_LIST><INDIVIDUALS>{''.join(entries)}</INDIVIDUALS><ENTITIES>{entities}</ENTITIES>"
    return f"{head}\n{body}</CONSOLIDATED_LIST>".encode()


def short(number: int) -> str:
    return f"<INDIVIDUAL><DATAID>{number}</DATAID><FIRST_NAME>N{number}</FIRST_NAME></INDIVIDUAL>\n"


def write(folder: Path, data: bytes) -> Path:
    path = folder / "consolidated.xml"
    path.write_bytes(data)
    return path


def test_an_entry_becomes_a_person_and_an_entity_is_passed_over(tmp_path: Path, store: Store) -> None:
    path = write(tmp_path, listed(GOOD, entities="<ENTITY><FIRST_NAME>FICTION LTD</FIRST_NAME></ENTITY>"))
    now = store.take(UnListImporter(), path)
    assert (now.counts["added"], now.counts["passed_over"]) == (1, 1)
    (person,) = store.people()
    record = person.record
    assert (record.reference, record.notice, record.owner, record.since) == (
        "XXi.001", Notice.UN_SPECIAL, "UNO", "2012-12-31",
    )  # fmt: skip
    assert (record.surname, record.sex, record.nationality) == ("JOHAN BEN FICTION", "M", "IRN")
    assert record.birth_date == "1971-03-02"
    assert record.other_birth_dates == ("1968", "1969", "1970")
    assert record.other_names == (
        OtherName(full="يوهان", kind=NameKind.ORIGINAL),
        OtherName(full="Johan the First"),
        OtherName(full="Jo", kind=NameKind.WEAK),
    )
    assert record.reason == "Invented: Of no group."
    assert person.documents == (ListedDocument("K-123", "SWE"),)
    assert [(reject.field, reject.whole) for reject in store.last_rejects] == [
        ("nationality", False),
        ("documents", False),
    ]


def test_an_entry_that_is_none_is_told_with_its_line(tmp_path: Path, store: Store) -> None:
    path = write(tmp_path, listed(short(1), "<INDIVIDUAL><DATAID>2</DATAID></INDIVIDUAL>\n", short(3)))
    store.take(UnListImporter(), path)
    assert [person.record.reference for person in store.people()] == ["1", "3"]
    (reject,) = store.last_rejects
    assert (reject.line, reject.reference) == (3, "2")
    assert "neither a name" in reject.reason


_LAUGHS = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>"""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (listed(short(1), head=_LAUGHS).replace(b"N1", b"&d;"), "document type declaration"),
        (
            listed(short(1), head='<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>').replace(b"N1", b"&e;"),
            "document type declaration",
        ),
        (listed(short(1), head='<!DOCTYPE x SYSTEM "http://localhost:1/x.dtd">'), "document type declaration"),
        (listed(short(1)).replace(b"CONSOLIDATED_LIST", b"sdnList"), "not with CONSOLIDATED_LIST"),
        (b"PK\x05\x06" + bytes(18), "ZIP"),
        (b"", "not well-formed"),
        (b"no xml at all", "not well-formed"),
        (listed(short(1), head='<?xml version="1.0" encoding="klingon"?>'), "not well-formed"),
        (listed("<INDIVIDUAL>" + "<X/>" * 600_000 + "</INDIVIDUAL>"), "an entry of more than"),
        (listed("<INDIVIDUAL><COMMENTS1>" + "x" * 2_000_000 + "</COMMENTS1></INDIVIDUAL>"), "an entry of more than"),
        (listed("<A>" * 5_000), "not well-formed"),
    ],
)
def test_hostile_or_foreign_xml_is_refused(tmp_path: Path, store: Store, data: bytes, reason: str) -> None:
    with pytest.raises(WatchlistError) as error:
        store.take(UnListImporter(), write(tmp_path, data))
    assert error.value.reason is Reason.BAD_VALUE
    assert reason in str(error.value)
    assert store.people() == []


def test_of_a_list_that_ends_early_what_came_is_kept(tmp_path: Path, store: Store) -> None:
    whole = listed(*(short(number) for number in range(1, 2001)))
    with pytest.raises(WatchlistError) as error:
        store.take(UnListImporter(), write(tmp_path, whole[: len(whole) // 2]))
    assert "not well-formed" in str(error.value)
    assert 900 < len(store.people()) < 1100
    now = store.take(UnListImporter(), write(tmp_path, whole), restart=True)
    assert now.counts["people"] == 2000
    assert len(store.people()) == 2000


@pytest.mark.parametrize("seed", range(3))
def test_it_can_be_gone_on_with_behind_any_entry(tmp_path: Path, seed: int) -> None:
    path = write(tmp_path, listed(*(short(number) for number in range(200))))
    steps = list(UnListImporter().read(path, 0, 0))
    step = random.Random(seed).choice(steps)
    rest = list(UnListImporter().read(path, step.place, step.line))
    assert [one.items for one in rest] == [one.items for one in steps[step.place :]]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 2_000), data=st.binary(max_size=12))
def test_damage_anywhere_is_an_error_or_a_reject(tmp_path: Path, place: int, data: bytes) -> None:
    whole = listed(GOOD, short(1))
    with suppress(WatchlistError):  # Nothing else comes out.
        list(UnListImporter().read(write(tmp_path, whole[:place] + data + whole[place:]), 0, 0))
