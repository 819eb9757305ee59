"""The gateway's search with the real engines: what a transaction's compressed pictures still find."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from hotspotd.biometrics import finger
from hotspotd.biometrics.finger.synthetic import Condition, impression, master
from hotspotd.clock import Stamp
from hotspotd.domain.candidate import Hit, ListRecord, Modality
from hotspotd.domain.document import parse_mrz
from hotspotd.domain.encounter import Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import Notice
from hotspotd.errors import BiometricError, Reason, WatchlistError
from hotspotd.gateway.search import WatchlistSearch
from hotspotd.relay.compose import compose_nps
from hotspotd.relay.inquiry import Inquiry, read_inquiry
from hotspotd.relay.inti import xml6
from hotspotd.watchlist import layout
from hotspotd.watchlist.build import EnrolledFinger, Entry
from hotspotd.watchlist.check import Thresholds
from hotspotd.watchlist.numbers import Kind, Listing, NumberEntry, Status
from hotspotd.watchlist.shelf import Shelf
from tests.relay.travellers import ORIGIN, encoded, encounter

NOW = Stamp(datetime(2026, 11, 22, 12, 0, tzinfo=UTC), trusted=True)
TODAY = date(2026, 11, 22)
POSITION = FingerPosition.RIGHT_INDEX


def inquiry(seed: int) -> Inquiry:
    """What the gateway reads when the finger ``seed`` was captured, through JP2 and XML, without a document."""
    image = impression(master(seed), np.random.default_rng(seed + 100), Condition.GOOD)
    sample = Sample(
        modality="finger", position=POSITION, media_type="image/png", image=encoded(image, ".png"), dpi=500, quality=70
    )
    given = replace(encounter(pictures=False), document=None, samples=(sample,))
    return read_inquiry(xml6.decode(compose_nps(given, ORIGIN, NOW, "IMM")))


def publish(shelf: Shelf, version: str, seeds: Sequence[int]) -> None:
    entries = []
    for seed in seeds:
        image = impression(master(seed), np.random.default_rng(seed + 500), Condition.GOOD)
        record = ListRecord(reference=f"2026/{seed}", notice=Notice.BLUE, owner="XPO")
        template = finger.extract(image, 500).encode()
        entries.append(Entry(record, fingers=(EnrolledFinger(POSITION, template),)))
    shelf.publish(entries, finger_engine=finger.ENGINE, face_engine=None, version=version)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "list").mkdir()
    return Shelf(tmp_path / "list")


def searching(shelf: Shelf) -> WatchlistSearch:
    return WatchlistSearch(shelf, None, Thresholds(finger_fmr=1e-4, face_fmr=1e-5))


def found(hits: list[Hit]) -> list[tuple[str, Modality]]:
    return [(hit.record.reference, candidate.modality) for hit in hits for candidate in hit.candidates]


def test_another_impression_of_a_listed_finger_is_found_through_the_compression(shelf: Shelf) -> None:
    publish(shelf, "1", [1, 2])
    search = searching(shelf)
    assert found(search(inquiry(1), TODAY)) == [("2026/1", Modality.FINGER)]
    assert found(search(inquiry(3), TODAY)) == []


def test_a_new_list_is_searched_without_a_restart(shelf: Shelf) -> None:
    publish(shelf, "1", [2])
    search = searching(shelf)
    assert search.prepare() == "1"
    assert found(search(inquiry(1), TODAY)) == []
    publish(shelf, "2", [1, 2])
    assert found(search(inquiry(1), TODAY)) == [("2026/1", Modality.FINGER)]


def test_a_print_that_cannot_be_used_is_left_out_and_nothing_usable_is_an_error(shelf: Shelf) -> None:
    publish(shelf, "1", [1])
    blank = replace(
        encounter(pictures=False),
        document=None,
        samples=(
            Sample(
                modality="finger",
                position=POSITION,
                media_type="image/png",
                image=encoded(np.full((288, 256), 255, np.uint8), ".png"),
                dpi=500,
            ),
        ),
    )
    with pytest.raises(BiometricError):
        searching(shelf)(read_inquiry(xml6.decode(compose_nps(blank, ORIGIN, NOW, "IMM"))), TODAY)


def test_no_list_is_said_before_anything_is_searched(shelf: Shelf) -> None:
    with pytest.raises(WatchlistError):
        searching(shelf).prepare()


def test_a_list_found_damaged_is_left_for_the_one_before(shelf: Shelf) -> None:
    listing = Listing(Kind.DOCUMENT, "UTO", Status.REVOKED, "UTO")
    document = parse_mrz(
        ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
    )
    asked = dataclasses.replace(inquiry(1), prints=(), face=None, document=document)
    for version in ("1", "2"):
        numbers = [NumberEntry("L898902C3", listing)]
        shelf.publish([], finger_engine=finger.ENGINE, face_engine=None, version=version, numbers=numbers)
    search = WatchlistSearch(shelf, None, Thresholds(finger_fmr=1e-4, face_fmr=1e-5))
    assert search.prepare() == "2"
    for version in ("2", "1"):
        (hit,) = search(asked, TODAY)
        assert hit.record.reason == "Revoked by the issuer"
        rows = shelf.folder / f"snapshot-{version}" / layout.NUMBER_ROWS
        rows.write_bytes(bytes(len(rows.read_bytes())))
    with pytest.raises(WatchlistError) as error:
        search(asked, TODAY)
    assert error.value.reason is Reason.DAMAGED
