"""The officers' queue in a real Chromium: alerts come by themselves, none is missed, and none is decided by mistake."""

from __future__ import annotations

import asyncio
import json
import random
import re

import msgspec
import pytest
from playwright.async_api import Page, Request, Route, expect

from hotspotd.domain.candidate import Determination
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import Notice
from hotspotd.domain.verdict import ReferReason
from hotspotd.events import DeviceState, DeviceView, LaneState, Prompt
from tests.console.browser.browsing import BROWSER, MOST_BYTES, Window, missing_icons
from tests.console.kiosk import Kiosk, drawn, finger_hit, png, record

pytestmark = BROWSER


async def test_an_alert_appears_without_a_reload_and_is_confirmed_and_undone_by_key(
    kiosk: Kiosk, window: Window
) -> None:
    listed = record(Notice.RED)
    kiosk.pictures.held[listed.reference, "finger", FingerPosition.RIGHT_INDEX] = png(drawn(7))
    page = window.page
    await page.goto(f"{kiosk.origin}/guard")
    await expect(page.locator(".empty")).to_contain_text("No open alerts")
    await page.evaluate("window.untouched = true")
    alert = await kiosk.check(await kiosk.encounter(), finger_hit(listed))
    assert alert is not None
    await expect(page.locator(".alert h1")).to_have_text("ERIKSSON, ANNA MARIA")
    await expect(page.locator(".alert .chip")).to_have_text("Red notice")
    await expect(page.locator(".alert .chips")).to_contain_text("unconfirmed")
    await expect(page.locator(".facts tr[data-differs] th")).to_have_text(["Document"])
    await page.keyboard.press("c")
    await expect(page.locator(".decided")).to_contain_text("Confirmed")
    assert (await kiosk.records.alert(alert)).state == "confirmed"
    await page.keyboard.press("u")
    await expect(page.locator(".actions .first")).to_be_visible()
    assert (await kiosk.records.alert(alert)).state == "open"
    assert await page.evaluate("window.untouched")
    assert await missing_icons(page) == []
    assert window.complaints == []
    assert await window.weight() <= MOST_BYTES


async def test_an_alert_is_dismissed_by_key_with_a_reason(kiosk: Kiosk, window: Window) -> None:
    alert = await kiosk.check(await kiosk.encounter(), finger_hit())
    assert alert is not None
    page = window.page
    await page.goto(f"{kiosk.origin}/guard")
    await expect(page.locator(".alert")).to_be_visible()
    await page.keyboard.press("d")
    await page.keyboard.press("2")
    await expect(page.locator(".decided")).to_contain_text("Document is in order")
    await page.keyboard.press("Escape")
    await expect(page.locator(".empty")).to_be_visible()
    stored = await kiosk.records.alert(alert)
    assert (stored.state, stored.decision_reason) == ("dismissed", "document_in_order")


async def test_a_new_alert_does_not_take_the_place_of_the_one_being_read(kiosk: Kiosk, window: Window) -> None:
    page = window.page
    await kiosk.check(await kiosk.encounter(), trouble=(ReferReason.DOCUMENT_UNREADABLE,))
    await page.goto(f"{kiosk.origin}/guard")
    await expect(page.locator(".alert h1")).to_have_text("Document could not be read")
    await kiosk.check(await kiosk.encounter("lane-2"), finger_hit())
    await expect(page.locator("#alerts li")).to_have_count(2)
    await expect(page.locator("#alerts li").first).to_contain_text("Red notice")
    await expect(page.locator(".alert h1")).to_have_text("Document could not be read")
    await page.keyboard.press("ArrowUp")
    await expect(page.locator(".alert h1")).to_have_text("ERIKSSON, ANNA MARIA")
    await page.reload()
    await expect(page.locator("#alerts li")).to_have_count(2)


class Decisions:
    """What a page asks to have decided, as ``(alert, decision)``."""

    def __init__(self, page: Page) -> None:
        self.posted: list[tuple[int, str]] = []
        page.on("request", self._sent)

    def _sent(self, request: Request) -> None:
        if found := re.search(r"/api/alerts/(\d+)/decision$", request.url):
            self.posted.append((int(found[1]), json.loads(request.post_data or "{}")["decision"]))


async def test_a_line_of_which_nothing_new_is_told_keeps_its_place_and_focus(kiosk: Kiosk, window: Window) -> None:
    page = window.page
    _, document = await two_alerts(kiosk)
    await page.goto(f"{kiosk.origin}/guard")
    await expect(page.locator(".alert h1")).to_have_text("ERIKSSON, ANNA MARIA")
    line = page.locator(f'#alerts [data-alert="{document}"]')
    lanes = page.locator("#lanes [data-lane]")
    await line.evaluate("one => { one.same = true; one.focus(); }")
    await lanes.last.evaluate("one => { one.same = true; }")
    kiosk.lane.show(LaneState.FACE, Prompt.HOLD_STILL)
    await expect(lanes.first).to_contain_text("Face")
    await kiosk.check(await kiosk.encounter("lane-2"), finger_hit(record(Notice.RED, reference="2026/2")))
    await expect(page.locator("#count")).to_have_text("3")
    assert await line.evaluate("one => one.same && document.activeElement === one")
    assert await lanes.last.evaluate("one => one.same")
    order = "[...document.querySelectorAll('#alerts [data-alert]')].map((one) => one.dataset.alert)"
    assert await page.evaluate(order) == [str(line.alert_id) for line in await kiosk.records.standing_alerts()]
    # What is drawn anew keeps the focus for its successor.
    await page.keyboard.press("Enter")
    await expect(line).to_have_attribute("aria-current", "true")
    assert await line.evaluate("one => document.activeElement === one && !one.same")
    assert window.complaints == []


async def two_alerts(kiosk: Kiosk) -> tuple[int, int]:
    """A red notice, which stands first, and a document that could not be read."""
    first = await kiosk.check(await kiosk.encounter(), finger_hit())
    second = await kiosk.check(await kiosk.encounter("lane-2"), trouble=(ReferReason.DOCUMENT_UNREADABLE,))
    assert first is not None
    assert second is not None
    return first, second


async def test_nothing_is_decided_between_two_alerts(kiosk: Kiosk, window: Window) -> None:
    first, second = await two_alerts(kiosk)
    page = window.page
    decisions = Decisions(page)
    go_on = asyncio.Event()

    async def late(route: Route) -> None:
        await go_on.wait()
        await route.continue_()

    await page.route(f"**/api/alerts/{second}", late)
    await page.goto(f"{kiosk.origin}/guard")
    await expect(page.locator(".alert h1")).to_have_text("ERIKSSON, ANNA MARIA")
    await page.keyboard.press("ArrowDown")
    await expect(page.locator(f'#alerts [data-alert="{second}"]')).to_have_attribute("aria-current", "true")
    await expect(page.locator(".actions .first")).to_be_disabled()
    for key in ("c", "e", "d"):
        await page.keyboard.press(key)
    await expect(page.locator("#dismissals")).to_be_hidden()
    go_on.set()
    await expect(page.locator(".alert h1")).to_have_text("Document could not be read")
    await page.keyboard.press("c")
    await expect(page.locator(".decided")).to_contain_text("Confirmed")
    assert decisions.posted == [(second, "confirm")]
    assert (await kiosk.records.alert(first)).state == "open"


async def test_an_alert_that_cannot_be_read_leaves_nothing_to_decide(kiosk: Kiosk, window: Window) -> None:
    _, second = await two_alerts(kiosk)
    page = window.page
    decisions = Decisions(page)
    await page.route(f"**/api/alerts/{second}", lambda route: route.abort())
    await page.goto(f"{kiosk.origin}/guard")
    await expect(page.locator(".alert h1")).to_have_text("ERIKSSON, ANNA MARIA")
    await page.keyboard.press("ArrowDown")
    await expect(page.locator("#detail h1")).to_have_text("This alert could not be read")
    await page.keyboard.press("c")
    await page.keyboard.press("e")
    await page.unroute(f"**/api/alerts/{second}")
    await page.click(f'[data-alert="{second}"]')
    await expect(page.locator(".alert h1")).to_have_text("Document could not be read")
    assert decisions.posted == []


@pytest.mark.parametrize("stored", [True, False])
async def test_a_late_answer_to_a_decision_is_not_shown_as_the_next_alerts(
    kiosk: Kiosk, window: Window, stored: bool
) -> None:
    first, _ = await two_alerts(kiosk)
    page = window.page
    go_on = asyncio.Event()

    # The kiosk itself never hears of it: no event of its own sets the page right.
    async def late(route: Route) -> None:
        await go_on.wait()
        if stored:
            await route.fulfill(json={"alert_id": first, "title": "ERIKSSON, ANNA MARIA", "state": "confirmed"})
        else:
            await route.fulfill(status=500)

    await page.route(f"**/api/alerts/{first}/decision", late)
    await page.goto(f"{kiosk.origin}/guard")
    await expect(page.locator(".alert h1")).to_have_text("ERIKSSON, ANNA MARIA")
    await page.keyboard.press("c")
    await page.keyboard.press("ArrowDown")
    await expect(page.locator(".alert h1")).to_have_text("Document could not be read")
    go_on.set()
    if stored:
        await expect(page.locator("#undo")).to_contain_text("Confirmed: ERIKSSON, ANNA MARIA")
    else:
        await expect(page.locator("#problem")).to_contain_text("ERIKSSON, ANNA MARIA: Not stored.")
    await expect(page.locator(".alert h1")).to_have_text("Document could not be read")
    await expect(page.locator(".decided")).to_have_count(0)
    await expect(page.locator(".actions .first")).to_be_enabled()


async def test_a_reason_counts_only_for_the_alert_that_it_was_asked_for(kiosk: Kiosk, window: Window) -> None:
    first, second = await two_alerts(kiosk)
    page = window.page
    decisions = Decisions(page)
    await page.goto(f"{kiosk.origin}/guard")
    await expect(page.locator(".alert h1")).to_have_text("ERIKSSON, ANNA MARIA")
    await page.keyboard.press("d")
    await expect(page.locator("#dismissals")).to_be_visible()
    # Decided on another screen; the next change of the queue lets the page go on.
    async with kiosk.client() as client:
        await client.post(f"/api/alerts/{first}/decision", json={"decision": "confirm"})
    await expect(page.locator(".decided")).to_contain_text("Confirmed")
    await kiosk.check(await kiosk.encounter(), trouble=(ReferReason.DOCUMENT_UNREADABLE,))
    await expect(page.locator(f'.alert[data-alert="{second}"]')).to_be_visible()
    await page.keyboard.press("2")
    await expect(page.locator("#dismissals")).to_be_hidden()
    await page.keyboard.press("e")
    await expect(page.locator(".decided")).to_contain_text("Escalated")
    assert decisions.posted == [(second, "escalate")]


# Counts the notes that are played, in a browser without sound, and lets what is repeated every 4 s or more come soon.
_EARS = """
let notes = 0;
const heard = () => { document.documentElement.dataset.notes = ++notes; };
window.AudioContext = class {
  state = "running";
  currentTime = 0;
  createOscillator() { return { frequency: {}, connect: (to) => to, start: heard, stop() {} }; }
  createGain() { return { gain: { setValueAtTime() {}, linearRampToValueAtTime() {} }, connect: (to) => to }; }
};
const every = window.setInterval;
window.setInterval = (act, ms) => every(act, ms >= 4000 ? ms / 40 : ms);
"""


async def test_the_tone_is_repeated_until_somebody_has_the_alert(kiosk: Kiosk, window: Window) -> None:
    page = window.page
    await page.add_init_script(_EARS)
    await page.goto(f"{kiosk.origin}/guard")
    await expect(page.locator(".empty")).to_contain_text("No open alerts")
    await kiosk.check(await kiosk.encounter(), finger_hit())
    await expect(page.locator(".alert h1")).to_have_text("ERIKSSON, ANNA MARIA")
    # Opened by the page, with nobody there.
    await expect(page.locator("html")).to_have_attribute("data-notes", re.compile(r"^(9|\d\d+)$"))
    await expect(page.locator("#alerts .new")).to_have_count(1)
    await page.keyboard.press("Shift")
    await expect(page.locator("#alerts .new")).to_have_count(0)
    played = await page.locator("html").get_attribute("data-notes")
    await page.wait_for_timeout(500)
    assert await page.locator("html").get_attribute("data-notes") == played
    assert window.complaints == []


async def test_the_first_touch_takes_what_is_open_and_does_what_it_touches(kiosk: Kiosk, window: Window) -> None:
    _, second = await two_alerts(kiosk)
    page = window.page
    await page.goto(f"{kiosk.origin}/guard")
    await expect(page.locator(".alert h1")).to_have_text("ERIKSSON, ANNA MARIA")
    await expect(page.locator("#alerts .new")).to_have_count(2)
    await page.click(f'#alerts [data-alert="{second}"]')
    await expect(page.locator(".alert h1")).to_have_text("Document could not be read")
    await expect(page.locator("#alerts .new")).to_have_count(0)


async def test_no_alert_is_missed_however_often_the_connection_breaks(kiosk: Kiosk, window: Window) -> None:
    page = window.page
    await page.goto(f"{kiosk.origin}/guard")
    await expect(page.locator(".empty")).to_contain_text("No open alerts")
    rng = random.Random(5)
    waiting: list[int] = []
    cuts = 0
    async with kiosk.client() as client:
        for step in range(60):
            match rng.choice(("raise", "raise", "decide", "cut")):
                case "raise":
                    raised = await kiosk.check(await kiosk.encounter(), finger_hit())
                    assert raised is not None
                    waiting.append(raised)
                case "decide" if waiting:
                    one = waiting.pop(rng.randrange(len(waiting)))
                    async with client.post(f"/api/alerts/{one}/decision", json={"decision": "confirm"}) as answer:
                        assert answer.status == 200
                case "cut" if step > 5:
                    cuts += cut_connections(kiosk)
            # At any moment of what the page does then: back or not, in the middle of being told or not.
            await asyncio.sleep(rng.uniform(0, 0.15))
    assert cuts
    open_now = sorted(alert.alert_id for alert in await kiosk.records.alerts())
    assert open_now == sorted(waiting)
    shown = "() => [...document.querySelectorAll('#alerts [data-alert]')].map(each => Number(each.dataset.alert))"
    async with asyncio.timeout(60):
        while sorted(await page.evaluate(shown)) != open_now:
            await page.wait_for_timeout(50)
    await expect(page.locator("#lost")).to_be_hidden()
    await expect(page.locator("#count")).to_have_text(str(len(open_now)))


def cut_connections(kiosk: Kiosk) -> int:
    """Break every connection to the kiosk as a cable does that is pulled: without a goodbye. How many there were."""
    server = kiosk.console._runner.server  # type: ignore[union-attr]  # Where they are.
    broken = [each.transport for each in server.connections if each.transport is not None]
    for transport in broken:
        transport.abort()
    return len(broken)


async def test_a_late_hit_and_a_faulted_device_are_said(kiosk: Kiosk, window: Window) -> None:
    page = window.page
    await page.goto(f"{kiosk.origin}/guard")
    encounter = await kiosk.encounter("lane-2")
    await kiosk.check(encounter)
    await kiosk.records.release(encounter.encounter_id)
    await kiosk.answer(encounter, finger_hit())
    late = page.locator(".latehit")
    await expect(late).to_contain_text(re.compile(r"Late hit: the traveller has left"))
    # The examples' travellers were seen on a day of their own, long ago or not yet.
    await expect(late).to_contain_text(re.compile(r"Seen in lane-2 at (\d+ \w+, )?\d\d:\d\d, \d+ (s|min|h|days) ago"))
    await expect(late).to_contain_text(re.compile(r"Left at \d\d:\d\d"))
    assert await late.locator("img").evaluate("one => one.decode().then(() => one.naturalWidth > 0)")
    await expect(page.locator("#alerts .late")).to_contain_text("ago")
    kiosk.events.publish(
        DeviceView(lane="lane-1", device="scanner", state=DeviceState.FAULTED, reason="lost", advice="Plug it in.")
    )
    await expect(page.locator('[data-lane="lane-1"] .fault')).to_contain_text("Plug it in.")
    kiosk.events.publish(
        DeviceView(lane="lane-1", device="camera", state=DeviceState.ABSENT, reason="no device", advice="Look for it.")
    )
    await expect(page.locator('[data-lane="lane-1"] .fault').last).to_have_text("Camera absent (no device)Look for it.")
    kiosk.lanes["lane-2"].show(LaneState.OFFICER, Prompt.OFFICER_COMES)
    await expect(page.locator('[data-lane="lane-2"]')).to_contain_text("Needs an officer")
    await page.keyboard.press("n")
    await expect(page.locator('[data-lane="lane-2"]')).to_contain_text("Ready")
    assert kiosk.lanes["lane-2"].asked == ["next"]
    assert window.complaints == []


async def test_what_the_bureau_takes_back_is_marked_and_what_is_silent_makes_no_sound(
    kiosk: Kiosk, window: Window
) -> None:
    page = window.page
    await page.goto(f"{kiosk.origin}/guard")
    encounter = await kiosk.encounter()
    await kiosk.check(encounter)
    hit = msgspec.structs.replace(finger_hit(), determination=Determination.SILENT)
    await kiosk.answer(encounter, hit, total=3)
    shown = page.locator(".alert")
    await expect(shown).to_have_attribute("data-tone", "quiet")
    await expect(shown).to_contain_text("show nothing to the traveller")
    await expect(shown.locator(".more")).to_have_text("2 more at the bureau")
    await expect(page.locator("#alerts [data-alert]")).to_have_attribute("data-tone", "quiet")
    await kiosk.answer(encounter, withdrawn=(hit.record.reference,))
    await expect(shown.locator(".withdrawn")).to_have_text("The bureau has looked: not this person")
    await expect(shown).to_contain_text("Nothing is to be done on this record.")
    kiosk.link(trouble="The gateway does not accept how checks are written (112 DOB).")
    await expect(page.locator("#link .trouble")).to_contain_text("112 DOB). Call a technician.")
    assert window.complaints == []
