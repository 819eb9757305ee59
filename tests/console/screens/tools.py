"""The officers' tools as they may stand, for pictures: busy lanes, a lane in hand, something found, a note."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Page

from hotspotd.biometrics import finger
from hotspotd.console.controls import Searched
from hotspotd.domain.caution import Caution
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.officer import LaneAct
from hotspotd.domain.verdict import ReferReason
from hotspotd.events import DeviceState, DeviceView, LaneState, Prompt
from hotspotd.watchlist import Entry, Shelf, Snapshot
from tests.console.kiosk import Kiosk, finger_hit, record


def searched() -> Searched:
    """A list with one person on it. Blocks."""
    with tempfile.TemporaryDirectory() as folder:
        snapshot = _list(Path(folder))
    return Searched(lambda: snapshot, lambda _damaged, _error: None)


def _list(folder: Path) -> Snapshot:
    shelf = Shelf(folder)
    listed = record(cautions=(Caution.ARMED,), source="interpol-public", since="2024-03-05")
    shelf.publish([Entry(listed)], finger_engine=finger.ENGINE, face_engine=None, version="2026-11-22")
    return shelf.open(finger_engine=finger.ENGINE, face_engine=None)


async def eight_lanes(kiosk: Kiosk) -> None:
    """A busy hall: fifty open alerts, no link, a broken scanner, a closed lane."""
    for number in range(50):
        encounter = await kiosk.encounter(f"lane-{1 + number % 8}")
        hits = [finger_hit()] if number % 3 else []
        await kiosk.check(encounter, *hits, trouble=() if hits else (ReferReason.FINGER_NOT_CAPTURED,))
    kiosk.lanes["lane-2"].show(LaneState.OFFICER, Prompt.OFFICER_COMES)
    kiosk.lanes["lane-3"].show(LaneState.FACE, Prompt.LOOK_AT_CAMERA, attempt=2)
    kiosk.events.publish(
        DeviceView(lane="lane-4", device="scanner", state=DeviceState.FAULTED, reason="lost", advice="Plug it in.")
    )
    kiosk.lanes["lane-5"].show(LaneState.OFFICER, Prompt.OFFICER_COMES)
    kiosk.lanes["lane-5"].offer(LaneAct.TAKE_OVER, LaneAct.END, holder="badge 1042")
    kiosk.lanes["lane-6"].show(LaneState.CHECKING, Prompt.WAIT)
    kiosk.lanes["lane-7"].show(LaneState.OUT_OF_SERVICE, Prompt.CLOSED)
    kiosk.lanes["lane-7"].offer(closed=True)
    kiosk.link(up=False, queued=3, oldest_s=40.0)


async def at_the_fingers(kiosk: Kiosk) -> None:
    """A finger that does not come out."""
    kiosk.lane.show(LaneState.FINGER, Prompt.PLACE_FINGER, finger=FingerPosition.RIGHT_INDEX, attempt=3)
    await kiosk.records.write_shift_note(
        "Scanner of lane 2 sticks, cleaned at 14:00.\nBus of 40 at 22:15.", "badge 1042"
    )


async def lanes_dialog(page: Page) -> None:
    """What can be done at a lane."""
    await page.wait_for_selector(".alert")
    await page.keyboard.press("t")


async def take_over(page: Page) -> None:
    """Taken over, and a finger about to be skipped."""
    await page.keyboard.press("t")
    await page.keyboard.press("t")
    await page.wait_for_selector("[data-act=skip_finger]")
    await page.keyboard.press("s")
    await page.get_by_label("right index").check()


async def look_up(page: Page) -> None:
    """A person found by name and date of birth."""
    await page.keyboard.press("l")
    await page.get_by_label("Person").check()
    await page.get_by_label("Surname").fill("Erikson")
    await page.get_by_label("Given names").fill("Anna Maria")
    await page.get_by_label("Born").fill("1974-08-12")
    await page.get_by_label("What for").select_option("second_line")
    await page.get_by_label("Surname").press("Enter")
    await page.wait_for_selector(".found")


async def note(page: Page) -> None:
    """A note being written."""
    await page.keyboard.press("s")
    await page.keyboard.type("Lane 1: the reader reads Utopian identity cards only at the second try.")


async def built() -> Searched:
    """As ``searched``, without blocking the loop."""
    return await asyncio.to_thread(searched)
