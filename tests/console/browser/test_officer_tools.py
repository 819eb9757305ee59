"""The officers' tools in a real Chromium: lanes, look-ups, the note. The traveller's page shows nothing of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from hotspotd.console.controls import Searched
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.officer import LaneAct
from hotspotd.domain.verdict import ReferReason
from hotspotd.events import DeskView, DeviceState, DeviceView, LaneState, Prompt
from hotspotd.watchlist import Snapshot
from tests.console.browser.browsing import BROWSER, MOST_BYTES, Window, missing_icons, page_fixture
from tests.console.kiosk import BADGE, SPECIMEN, Kiosk, finger_hit, running, with_lanes
from tests.console.test_look_up import list_of

pytestmark = BROWSER

EIGHT = 8


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return list_of(tmp_path_factory.mktemp("list"))


@page_fixture
async def kiosk(tmp_path: Path, listed: Snapshot) -> AsyncIterator[Kiosk]:
    searched = Searched(lambda: listed, lambda _damaged, _error: None)
    async with running(tmp_path, settings=with_lanes(EIGHT), searched=searched) as started:
        yield started


async def test_a_lane_is_taken_over_by_key_and_its_traveller_reads_calm_words(kiosk: Kiosk, window: Window) -> None:
    page, lane = window.page, kiosk.lanes["lane-3"]
    traveller = await page.context.new_page()
    await traveller.goto(f"{kiosk.origin}/traveller/lane-3")
    lane.show(LaneState.FINGER, Prompt.PLACE_FINGER, finger=FingerPosition.RIGHT_INDEX, attempt=2)
    await expect(traveller.locator("#prompt")).to_contain_text("right index finger")
    await page.goto(f"{kiosk.origin}/guard")
    await expect(page.locator('[data-lane="lane-3"]')).to_contain_text("try 2 of 3")
    await page.keyboard.press("t")
    dialog = page.locator("#lane")
    await page.keyboard.press("3")
    await expect(dialog.locator("h2")).to_have_text("lane-3")
    await page.keyboard.press("t")
    await expect(dialog.locator(".says")).to_contain_text("You have this traveller in hand")
    await expect(traveller.locator("#prompt")).to_have_text("An officer will help you")

    # A finger that is bandaged.
    await page.keyboard.press("s")
    await page.keyboard.press("1")
    await expect(dialog.locator(".problem")).to_have_text("Choose a finger first.")
    await dialog.get_by_label("right index").check()
    await page.keyboard.press("1")
    await expect(dialog.locator("[data-act=skip_finger]")).to_be_visible()
    # A zone that is typed: refused by the machine, put right.
    await page.keyboard.press("y")
    await page.keyboard.type("\n".join(SPECIMEN))
    await dialog.get_by_label("Note").fill("coffee on it")
    await dialog.get_by_role("button", name="Zone is damaged").click()
    await expect(dialog.locator("[data-act=go_on]")).to_be_visible()
    await page.keyboard.press("w")
    await page.keyboard.press("2")
    await expect(dialog.locator("[data-act=retry_fingers]")).to_be_visible()
    await page.keyboard.press("r")
    await dialog.get_by_label("right index").uncheck()
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()

    told = [(one.act, one.reason, one.fingers, one.lines, one.note) for one in lane.orders]
    assert told == [
        (LaneAct.TAKE_OVER, "", (), (), ""),
        (LaneAct.SKIP_FINGER, "bandaged", (FingerPosition.RIGHT_INDEX,), (), ""),
        (LaneAct.TYPE_DOCUMENT, "zone_damaged", (), SPECIMEN, "coffee on it"),
        (LaneAct.WITHOUT_FACE, "medical", (), (), ""),
        (LaneAct.RETRY_FINGERS, "", (FingerPosition.LEFT_INDEX,), (), ""),
    ]
    assert {one.by for one in lane.orders} == {f"badge {BADGE}"}
    words = await traveller.locator("body").inner_text()
    assert not re.search(r"4711|bandage|medical|skip|alert|hit", words)
    assert "ERIKSSON" not in await page.content()
    assert await missing_icons(page) == []
    assert window.complaints == []
    assert await window.weight() <= MOST_BYTES


async def test_what_the_lane_refuses_is_said_and_another_officers_traveller_is_left_alone(
    kiosk: Kiosk, window: Window
) -> None:
    page, lane = window.page, kiosk.lanes["lane-2"]
    await page.goto(f"{kiosk.origin}/guard")
    await page.click('[data-lane="lane-2"] .lane-name')
    dialog = page.locator("#lane")
    await expect(dialog.locator("[data-act]")).to_have_text(["TTake over", "CClose the lane…"])
    # The lane goes on between the look and the key.
    lane.desk = DeskView(lane="lane-2")
    await page.keyboard.press("t")
    await expect(dialog.locator(".problem")).to_have_text("not now. Look at the lane.")
    lane.offer(LaneAct.TAKE_OVER, LaneAct.GO_ON, LaneAct.END, holder="badge 1042")
    await expect(dialog.locator(".says")).to_have_text("badge 1042 has this traveller in hand.")
    await expect(dialog.locator("[data-act]")).to_have_text(["TTake over", "CClose the lane…"])
    await page.keyboard.press("c")
    await page.keyboard.press("2")
    await expect(dialog).to_be_hidden()
    assert [(one.act, one.reason) for one in lane.orders] == [(LaneAct.CLOSE, "cleaning")]
    lane.show(LaneState.OUT_OF_SERVICE, Prompt.CLOSED)
    lane.offer(closed=True)
    await expect(page.locator('[data-lane="lane-2"]')).to_contain_text("Closed")


async def test_eight_lanes_and_fifty_alerts_stay_where_they_are(kiosk: Kiosk, window: Window) -> None:
    page = window.page
    for number in range(50):
        encounter = await kiosk.encounter(f"lane-{1 + number % EIGHT}")
        hits = [finger_hit()] if number % 3 else []
        await kiosk.check(encounter, *hits, trouble=() if hits else (ReferReason.DOCUMENT_UNREADABLE,))
    kiosk.link(up=False, queued=3, oldest_s=40.0)
    await page.goto(f"{kiosk.origin}/guard")
    await expect(page.locator("#alerts li")).to_have_count(50)
    await expect(page.locator(".alert h1")).to_be_visible()
    rows = page.locator("#lanes > li")

    async def tops() -> list[float]:
        boxes = [await row.bounding_box() for row in await rows.all()]
        return [box["y"] for box in boxes if box]

    before = await tops()
    assert len(before) == EIGHT
    kiosk.lanes["lane-2"].show(LaneState.OFFICER, Prompt.OFFICER_COMES)
    kiosk.lanes["lane-3"].show(LaneState.FACE, Prompt.LOOK_AT_CAMERA, attempt=2)
    fault = DeviceView(lane="lane-4", device="scanner", state=DeviceState.FAULTED, reason="lost", advice="Plug it in.")
    kiosk.events.publish(fault)
    kiosk.lanes["lane-5"].offer(LaneAct.END, holder="badge 1042")
    await expect(page.locator('[data-lane="lane-2"] .action')).to_contain_text("Next")
    await expect(page.locator('[data-lane="lane-4"]')).to_contain_text("Scanner not working")
    await expect(page.locator('[data-lane="lane-5"]')).to_contain_text("With badge 1042")
    assert await tops() == before
    for size in ((1920, 1080), (1366, 768)):
        await page.set_viewport_size({"width": size[0], "height": size[1]})
        for selector in ("#gateway", "#link", "#open-look-up", "#open-note", "#alerts", ".actions"):
            box = await page.locator(selector).bounding_box()
            assert box, selector
            assert box["x"] + box["width"] <= size[0], selector
            assert box["y"] + box["height"] <= size[1], selector
    # What does not fit is reached by scrolling the list, not the page.
    await page.locator('[data-lane="lane-8"] .lane-name').click()
    await expect(page.locator("#lane h2")).to_have_text("lane-8")
    assert await page.evaluate("document.scrollingElement.scrollTop") == 0


async def test_a_person_a_document_and_a_plate_are_looked_up_with_a_purpose(kiosk: Kiosk, window: Window) -> None:
    page = window.page
    await page.goto(f"{kiosk.origin}/guard")
    await expect(page.locator(".empty")).to_be_visible()
    await page.keyboard.press("l")
    dialog = page.locator("#look-up")
    await page.keyboard.type("x1000001")
    await page.keyboard.press("Enter")
    await expect(dialog.locator(".problem")).to_have_text("Say what it is for.")
    await dialog.get_by_label("What for").select_option("document")
    await dialog.get_by_role("button", name="Look up").click()
    await expect(dialog.locator(".found .chip")).to_have_text("Stolen or lost document")
    await expect(dialog.locator(".found")).to_contain_text("Keep the document. Establish identity.")
    await dialog.get_by_label("Plate").check()
    await expect(dialog.locator(".found")).to_have_count(0)
    await dialog.get_by_label("Registration plate").fill("LJ 12-345")
    await page.keyboard.press("Enter")
    await expect(dialog.locator(".found .title")).to_have_text("Plate LJ 12-345 (SVN)")
    await dialog.get_by_label("Person").check()
    await dialog.get_by_label("Surname").fill("Eriksson")
    await dialog.get_by_label("Born").fill("12.8.1974")
    await page.keyboard.press("Enter")
    await expect(dialog.locator(".problem")).to_contain_text("Write the date as 1974-08-12")
    await dialog.get_by_label("Given names").fill("Anna Maria")
    await dialog.get_by_label("Born").fill("1974-08")
    await page.keyboard.press("Enter")
    await expect(dialog.locator(".found .title")).to_have_text("ERIKSSON, ANNA MARIA")
    await expect(dialog.locator(".found")).to_contain_text("unconfirmed")
    await dialog.get_by_label("Born").fill("1931")
    await dialog.get_by_label("Surname").fill("Nobody")
    await page.keyboard.press("Enter")
    await expect(dialog.locator(".answer")).to_contain_text("Nothing found")
    await dialog.get_by_label("Surname").fill("Eriksson")
    await dialog.get_by_label("Born").fill("1974-08-12")
    await page.keyboard.press("Enter")
    await expect(dialog.locator(".found")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    # Nothing of it stays, in the page or in its fields. A dialog tells that it was closed after it is hidden.
    await expect(dialog.locator(".found")).to_have_count(0)
    assert "ERIKSSON" not in (await page.content()).upper()
    assert await page.evaluate(
        "[...document.querySelectorAll('#look-up input:not([type=radio])')].every(i => !i.value)"
    )
    rows = await kiosk.records._db.rows("SELECT detail FROM audit WHERE event = 'watchlist.lookup'")
    assert [row["detail"].split(" note=")[0] for row in rows] == [
        "document 1 hits",
        "vehicle 1 hits",
        "person 1 hits",
        "person 0 hits",
        "person 1 hits",
    ]
    assert window.complaints == []


async def test_a_note_is_handed_to_the_next_shift(kiosk: Kiosk, window: Window) -> None:
    page = window.page
    await kiosk.check(await kiosk.encounter(), finger_hit())
    await page.goto(f"{kiosk.origin}/guard")
    await expect(page.locator(".alert")).to_be_visible()
    await page.keyboard.press("s")
    dialog = page.locator("#note-dialog")
    await expect(dialog.locator("#note-open")).to_contain_text("1 open alert,")
    await page.keyboard.type("Scanner of lane 2 sticks")
    await page.keyboard.press("Control+Enter")
    await expect(dialog.locator(".notes li")).to_contain_text("Scanner of lane 2 sticks")
    await expect(dialog.locator(".notes li")).to_contain_text(f"badge {BADGE}")
    await page.keyboard.press("Escape")
    # Somebody else signs in.
    await page.reload()
    await expect(page.locator("#open-note .count")).to_have_text("1")
    assert "sticks" not in await page.content()
    await page.click("#open-note")
    await expect(dialog.locator(".notes li")).to_contain_text("1 open alert then")
    assert window.complaints == []
