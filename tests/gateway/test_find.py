"""Searches by text, over TLS, on a real list: what is found, what is refused, and what is written down of them."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hotspotd.biometrics import finger
from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.caution import Caution
from hotspotd.domain.notice import Notice
from hotspotd.gateway.find import FindAnswer
from hotspotd.gateway.search import WatchlistSearch
from hotspotd.relay.links.wire import Refusal
from hotspotd.watchlist.build import Entry
from hotspotd.watchlist.check import Thresholds
from hotspotd.watchlist.numbers import Kind, Listing, NumberEntry, Status
from hotspotd.watchlist.shelf import Shelf
from tests.gateway.bench import Certificates, GatewayBench, NumberSearch, ask

PERSON = ListRecord(
    reference="2026/1",
    notice=Notice.RED,
    owner="XPO",
    surname="ERIKSSON",
    given_names="ANNA MARIA",
    birth_date="1974-08-12",
    nationality="UTO",
    sex="F",
    document_number="L898902C3",
    document_issuer="UTO",
    cautions=(Caution.ARMED,),
)
NUMBERS = [
    NumberEntry("C01X00T47", Listing(Kind.DOCUMENT, "D", Status.STOLEN_BLANK, "DEU")),
    NumberEntry("LJ12345", Listing(Kind.VEHICLE, "SVN", Status.LOST_OR_STOLEN, "SVN", "Taken in Koper")),
    NumberEntry("1HGCM82633A004352", Listing(Kind.VIN, "", Status.LOST_OR_STOLEN, "SVN")),
]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "list").mkdir()
    shelf = Shelf(tmp_path / "list")
    shelf.publish([Entry(PERSON)], finger_engine=finger.ENGINE, face_engine=None, version="list-1", numbers=NUMBERS)
    return shelf


@pytest.fixture
async def office(tmp_path: Path, certificates: Certificates, shelf: Shelf) -> AsyncIterator[GatewayBench]:
    bench = GatewayBench(tmp_path / "gateway.db", certificates, NumberSearch())
    bench.text_search = WatchlistSearch(shelf, None, Thresholds(finger_fmr=1e-4, face_fmr=1e-5))
    await bench.start()
    yield bench
    await bench.stop()


@pytest.fixture
def kiosk(certificates: Certificates) -> ssl.SSLContext:
    return certificates.device("kiosk-1")


async def find(office: GatewayBench, kiosk: ssl.SSLContext, **asked: Any) -> FindAnswer:
    body = msgspec.json.encode({"purpose": "second line, lane 2", **asked})
    status, raw = await ask(f"{office.url}/v1/find", kiosk, "POST", body)
    assert status == 200, raw
    return msgspec.json.decode(raw, type=FindAnswer)


@pytest.mark.parametrize(
    ("asked", "reference", "kind"),
    [
        ({"document": {"number": "L898902C3", "issuer": "UTO"}}, "2026/1", "person"),
        (
            {"person": {"surname": "Eriksson", "given_names": "Anna Maria", "birth_date": "1974-08-12"}},
            "2026/1",
            "person",
        ),
        ({"document": {"number": "c01x00t47", "issuer": "d"}}, None, "document"),
        ({"document": {"number": "C01X00T47"}}, None, "document"),
        ({"plate": {"number": "LJ 12-345", "issuer": "SVN"}}, None, "vehicle"),
        ({"vin": {"number": "1HGCM82633A004352"}}, None, "vin"),
    ],
)
async def test_what_is_listed_is_found_and_is_unconfirmed(
    office: GatewayBench, kiosk: ssl.SSLContext, asked: dict[str, Any], reference: str | None, kind: str
) -> None:
    answer = await find(office, kiosk, **asked)
    (candidate,) = answer.candidates
    assert (answer.list, answer.total) == ("list-1", 1)
    assert (candidate.kind, candidate.determination) == (kind, "UC")
    assert candidate.instruction
    assert all(candidate.agrees)
    if reference:
        assert (candidate.reference, candidate.notice) == (reference, "red")
        assert candidate.cautions == (Caution.ARMED.words,)


@pytest.mark.parametrize(
    "asked",
    [
        {"document": {"number": "L898902C4", "issuer": "UTO"}},
        {"person": {"surname": "Ericsdottir", "given_names": "Helga", "birth_date": "1990"}},
        {"plate": {"number": "LJ12345", "issuer": "HRV"}},
        {"firearm": {"number": "LJ12345"}},
    ],
)
async def test_what_is_not_listed_is_not_found(
    office: GatewayBench, kiosk: ssl.SSLContext, asked: dict[str, Any]
) -> None:
    assert await find(office, kiosk, **asked) == FindAnswer(list="list-1", total=0, candidates=())


async def test_several_things_are_searched_at_once(office: GatewayBench, kiosk: ssl.SSLContext) -> None:
    answer = await find(
        office,
        kiosk,
        document={"number": "L898902C3", "issuer": "UTO"},
        person={"surname": "ERIKSSON", "given_names": "ANNA MARIA", "birth_date": "1974"},
        plate={"number": "LJ12345", "issuer": "SVN"},
    )
    assert [candidate.kind for candidate in answer.candidates] == ["person", "vehicle"]
    assert len(answer.candidates[0].agrees) == 2


async def test_who_asked_and_why_is_written_down_and_never_for_whom(
    office: GatewayBench, kiosk: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "hotspotd"):
        await find(office, kiosk, person={"surname": "ERIKSSON", "birth_date": "1974-08-12"}, vin={"number": "WVWZZZ1"})
    assert office.store
    (entry,) = await office.store.finds.latest(9)
    assert (entry.device, entry.purpose, entry.asked) == ("kiosk-1", "second line, lane 2", ("person", "vin"))
    assert entry.candidates <= 1
    assert "ERIKSSON" not in caplog.text
    assert "WVWZZZ1" not in caplog.text
    await office.stop()
    assert b"ERIKSSON" not in office.database.read_bytes()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"document": {"number": "SECRET", "issuer": "UTO"}}',
        b'{"purpose": "  \\u0007 ", "document": {"number": "SECRET"}}',
        b'{"purpose": "why not"}',
        b'{"purpose": "why not", "document": {"number": ""}}',
        b'{"purpose": "why not", "document": {"number": "SECRET", "issuer": "../"}}',
        b'{"purpose": "why not", "person": {"surname": "SECRET", "birth_date": "12.8.1974"}}',
        b'{"purpose": "why not", "person": {"surname": "SECRET", "religion": "SECRET"}}',
    ],
)
async def test_what_is_no_search_is_refused_and_nothing_written_down(
    office: GatewayBench, kiosk: ssl.SSLContext, body: bytes
) -> None:
    status, raw = await ask(f"{office.url}/v1/find", kiosk, "POST", body)
    assert status == 400
    assert msgspec.json.decode(raw, type=Refusal).reason == "bad_value"
    assert b"SECRET" not in raw
    assert office.store
    assert await office.store.finds.latest(9) == []


async def test_a_search_that_is_too_long_is_refused(office: GatewayBench, kiosk: ssl.SSLContext) -> None:
    assert (await ask(f"{office.url}/v1/find", kiosk, "POST", b" " * 9_000))[0] == 413


async def test_a_gateway_without_a_list_to_search_has_no_such_route(
    gateway: GatewayBench, kiosk: ssl.SSLContext
) -> None:
    assert (await ask(f"{gateway.url}/v1/find", kiosk, "POST", b"{}"))[0] == 404
