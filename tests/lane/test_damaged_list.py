"""A list that turns out damaged in the middle of a check: the one before answers, or the traveller is referred."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hotspotd import config as configuration
from hotspotd.app import _say_watchlist
from hotspotd.biometrics import finger
from hotspotd.domain.document import parse_mrz
from hotspotd.domain.encounter import Encounter
from hotspotd.domain.verdict import Outcome, ReferReason
from hotspotd.events import DeviceState, DeviceView, Events
from hotspotd.lane.local_check import local_check
from hotspotd.watchlist import Shelf, layout
from hotspotd.watchlist.live import LiveWatchlist
from hotspotd.watchlist.numbers import Kind, Listing, NumberEntry, Status
from hotspotd.workers import Worker
from tests.lane.harness import _CONFIG
from tests.watchlist.examples import MRZ, TODAY

_LISTING = Listing(Kind.DOCUMENT, "UTO", Status.STOLEN_BLANK, "UTO")
_MATCHING = configuration.MatchingSection()


def publish(shelf: Shelf, version: str, number: str = "L898902C3") -> Path:
    """A list with one stolen document."""
    numbers = [NumberEntry(number, _LISTING)]
    return shelf.publish([], finger_engine=finger.ENGINE, face_engine=None, version=version, numbers=numbers)


def spoil(folder: Path) -> None:
    """Change what is listed by number."""
    path = folder / layout.NUMBER_ROWS
    path.write_bytes(bytes(byte ^ 1 for byte in path.read_bytes()))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Two lists; "two" is current."""
    shelf = Shelf(tmp_path / "lists")
    publish(shelf, "one")
    publish(shelf, "two")
    return shelf


@pytest.fixture
async def live(shelf: Shelf) -> AsyncIterator[LiveWatchlist]:
    """The current list, in force."""
    worker = Worker("lists")
    live = LiveWatchlist(shelf.folder, finger_engine=finger.ENGINE, face_engine=None, worker=worker)
    await live.look()
    yield live
    worker.close()


@pytest.fixture
def encounter() -> Encounter:
    """A traveller with the specimen passport."""
    return Encounter(
        encounter_id="1", tcn="T1", lane="lane-1", operation="test", opened_at="2026-11-22T12:00:00Z",
        clock_trusted=True, document=parse_mrz(MRZ),
    )  # fmt: skip


async def test_a_listed_number_refers_with_its_status_in_words(live: LiveWatchlist, encounter: Encounter) -> None:
    verdict = await asyncio.to_thread(local_check, encounter, live.snapshot, None, _MATCHING, TODAY)
    (hit,) = verdict.hits
    assert (hit.record.reason, hit.record.document_number) == ("Stolen blank", "L898902C3")
    assert verdict.reasons == (ReferReason.HIT,)


async def test_the_check_is_repeated_on_the_list_before(
    live: LiveWatchlist, shelf: Shelf, encounter: Encounter
) -> None:
    await asyncio.to_thread(spoil, shelf.folder / "snapshot-two")
    verdict = await asyncio.to_thread(local_check, encounter, live.snapshot, None, _MATCHING, TODAY, live.instead_of)
    assert verdict.reasons == (ReferReason.HIT,)
    assert live.snapshot is not None
    assert live.snapshot.version == "one"


async def test_with_no_list_left_the_traveller_is_referred_and_not_cleared(
    live: LiveWatchlist, shelf: Shelf, encounter: Encounter
) -> None:
    for name in ("snapshot-one", "snapshot-two"):
        await asyncio.to_thread(spoil, shelf.folder / name)
    for snapshot in (live.snapshot, None):
        verdict = await asyncio.to_thread(local_check, encounter, snapshot, None, _MATCHING, TODAY, live.instead_of)
        assert verdict.outcome is Outcome.REFER
        assert verdict.reasons == (ReferReason.CHECK_FAILED,)
    assert live.snapshot is None


async def test_the_officers_page_is_told_and_told_again_when_it_is_mended(
    live: LiveWatchlist, shelf: Shelf, encounter: Encounter, tmp_path: Path
) -> None:
    config = await asyncio.to_thread(configuration.parse, _CONFIG, tmp_path / "hotspotd.toml")
    events = Events()

    def said() -> list[DeviceView]:
        _say_watchlist(live, config, events)
        return [view for view in events.present() if isinstance(view, DeviceView)]

    assert said() == []
    await asyncio.to_thread(spoil, shelf.folder / "snapshot-two")
    await asyncio.to_thread(local_check, encounter, live.snapshot, None, _MATCHING, TODAY, live.instead_of)
    (view,) = said()
    assert (view.device, view.state, view.reason) == ("watchlist", DeviceState.FAULTED, "damaged")
    assert "The list one of" in view.advice
    await asyncio.to_thread(publish, shelf, "three")
    await live.look()
    (view,) = said()
    assert view.state is DeviceState.READY
