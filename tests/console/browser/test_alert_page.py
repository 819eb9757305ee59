"""The officers' page with an alert: pictures looked at closely, two people, second line, all by key; a cut stream."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from hotspotd.access import secrets
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.rights import Role
from hotspotd.domain.verdict import ReferReason
from hotspotd.records.people import Person
from tests.console.browser.browsing import BROWSER, Window, missing_icons
from tests.console.kiosk import Kiosk, finger_hit, of_two_persons, record, running
from tests.console.screens.drawn import fingerprint, minutiae, portrait

pytestmark = BROWSER

PIN = "428571"
# Which the page asks for and a person may give wrongly: said in words on the page, and by the browser in its console.
_REFUSED = "Failed to load resource: the server responded with a status of 40"
# How far paired minutiae lie apart, on average, where one picture is laid over the other: as it is laid, and unmoved.
_APART = """both => {
  const [one, other] = [...both.querySelectorAll('.marks')];
  const image = other.parentElement.querySelector('img');
  const place = (mark, svg) => {
    const { width, height } = svg.viewBox.baseVal;
    const side = Math.max(width, height);
    const [x, y] = [mark.cx.baseVal.value + (side - width) / 2, mark.cy.baseVal.value + (side - height) / 2];
    return new DOMPoint((x * image.offsetWidth) / side, (y * image.offsetWidth) / side);
  };
  const places = svg => [...svg.querySelectorAll('circle')].map(mark => place(mark, svg));
  const [to, from] = [places(one), places(other)];
  const apart = all => all.reduce((sum, at, i) => sum + Math.hypot(at.x - to[i].x, at.y - to[i].y), 0) / all.length;
  const laid = new DOMMatrix(getComputedStyle(image).transform);
  return [apart(from.map(at => laid.transformPoint(at))), apart(from)];
}"""


async def add(kiosk: Kiosk, *badges: str) -> None:
    kept = await asyncio.to_thread(secrets.hashed, PIN)
    for badge in badges:
        await kiosk.records.add_person(Person(badge=badge, roles=(Role.GUARD,), secret=kept), "test")


async def focus_is_visible(page: Page) -> bool:
    focused = page.locator(":focus-visible")
    seen: bool = await focused.evaluate("one => getComputedStyle(one).outlineStyle !== 'none'")
    return seen


async def matching_finger(kiosk: Kiosk) -> int | None:
    """An alert about somebody whose face and finger are on the list."""
    listed = record()
    kiosk.pictures.held[listed.reference, "face", None] = await asyncio.to_thread(portrait, 7, 5)
    kiosk.pictures.held[listed.reference, "finger", FingerPosition.RIGHT_INDEX] = fingerprint(3, 2)
    kiosk.pictures.prints[listed.reference, FingerPosition.RIGHT_INDEX] = await asyncio.to_thread(minutiae, 3, 2)
    template = (await asyncio.to_thread(minutiae, 3, 1)).encode()
    return await kiosk.check(await kiosk.encounter(finger=fingerprint(3, 1), template=template), finger_hit(listed))


async def test_an_officer_does_everything_by_key_alone(tmp_path: Path, browser: Browser) -> None:
    async with running(tmp_path, settings=of_two_persons()) as kiosk:
        await add(kiosk, "1042", "1077")
        window = Window(await browser.new_page(viewport={"width": 1920, "height": 1080}))
        page, keys = window.page, window.page.keyboard
        await page.goto(f"{kiosk.origin}/guard")
        await expect(page.locator("#badge")).to_be_focused()
        await keys.type("1042")
        await keys.press("Tab")
        await keys.type(PIN)
        await keys.press("Enter")
        await expect(page.locator(".empty")).to_contain_text("No open alerts")

        # The alert opens by itself; its prints have the minutiae that belong together, numbered and joined.
        alert = await matching_finger(kiosk)
        await expect(page.locator(".alert h1")).to_have_text("ERIKSSON, ANNA MARIA")
        await expect(page.locator(".paired")).to_contain_text("minutiae agree, of")
        both = page.locator('.pair[data-modality="finger"] .both')
        probe, reference = both.locator(".marks").first, both.locator(".marks").last
        paired = await probe.locator("circle").count()
        assert paired >= 12
        await expect(reference.locator("circle")).to_have_count(paired)
        assert await probe.locator("text").all_text_contents() == [str(number) for number in range(1, 13)]
        joined = await both.locator(".joins path").count()
        assert joined == 12
        await keys.press("j")
        await expect(probe).to_be_hidden()
        await keys.press("j")
        await expect(probe).to_be_visible()

        # Looked at closely: both pictures alike.
        await keys.press("p")
        assert await focus_is_visible(page)
        await keys.press("p")
        await expect(both).to_be_focused()
        assert await focus_is_visible(page)
        for key in ("+", "+", "+", "Shift+ArrowRight", "Shift+ArrowDown"):
            await keys.press(key)
        scales = "views => views.map(view => [getComputedStyle(view).scale, getComputedStyle(view).transformOrigin])"
        one, other = await both.locator(".view").evaluate_all(scales)
        assert one == other
        assert float(one[0]) == pytest.approx(1.4**3)
        assert await both.locator(".joins path").count() < joined
        await expect(page.locator(".alert h1")).to_have_text("ERIKSSON, ANNA MARIA")
        await keys.press("0")
        await expect(both.locator(".joins path")).to_have_count(joined)
        await keys.down("f")
        boxes = [await figure.bounding_box() for figure in await both.locator("figure").all()]
        assert boxes[0] == pytest.approx(boxes[1], abs=0.1)
        laid, unmoved = await both.evaluate(_APART)
        assert laid < unmoved / 2, (laid, unmoved)
        await keys.up("f")

        # Confirmed by one, and by another one at the same screen.
        await keys.press("c")
        await expect(page.locator(".alert .standing")).to_have_text("awaits a second person")
        await expect(page.locator("#alerts .group")).to_contain_text("Awaits a second person")
        assert (await kiosk.records.alert(alert or 0)).state == "awaiting"
        await keys.press("a")
        await expect(page.locator("#second-badge")).to_be_focused()
        await keys.type("1042")
        await keys.press("Tab")
        await keys.type(PIN)
        await keys.press("Enter")
        await expect(page.locator("#second-problem")).to_contain_text("It takes another person")
        await keys.press("Escape")
        await expect(page.locator("#second")).to_be_hidden()
        await expect(page.locator("#second-secret")).to_have_value("")
        await keys.press("a")
        await keys.type("1077")
        await keys.press("Tab")
        await keys.type(PIN)
        await keys.press("Enter")
        await expect(page.locator(".decided")).to_contain_text("by badge 1042 and badge 1077")
        assert (await kiosk.records.alert(alert or 0)).state == "confirmed"
        await expect(page.locator("#who b")).to_have_text("1042")

        # A late hit, handed to second line: out of the way, and not out of sight.
        encounter = await kiosk.encounter("lane-2")
        await kiosk.check(encounter)
        await kiosk.records.release(encounter.encounter_id)
        late = await kiosk.answer(encounter, finger_hit(record(reference="2026/7", surname="MOSER")))
        await expect(page.locator("#alerts .late")).to_contain_text("Late hit")
        await keys.press("Escape")
        await expect(page.locator(".alert h1")).to_have_text("MOSER, ANNA MARIA")
        await keys.press("2")
        await expect(page.locator(".alert .standing")).to_contain_text("with second line since")
        await expect(page.locator("#count")).to_have_text("0")
        await keys.press("Escape")
        await expect(page.locator(".empty")).to_contain_text("No open alerts")
        await keys.press("ArrowDown")
        await expect(page.locator(".actions .said")).to_have_text("Handed over by badge 1042")
        await keys.press("b")
        await expect(page.locator("#count")).to_have_text("1")
        assert (await kiosk.records.alert(late or 0)).state == "open"

        assert await missing_icons(page) == []
        assert [one for one in window.complaints if not one.startswith(_REFUSED)] == []


async def test_what_happened_while_the_page_was_cut_off_is_there_when_it_is_back(
    kiosk: Kiosk, browser: Browser
) -> None:
    context = await browser.new_context()
    await kiosk.sign_in(context)
    page = await context.new_page()
    await page.goto(f"{kiosk.origin}/guard")
    first = await kiosk.check(await kiosk.encounter(), finger_hit())
    await expect(page.locator(".alert h1")).to_have_text("ERIKSSON, ANNA MARIA")
    # Every stream ends and none is begun, while everything else goes on.
    streams = kiosk.console._streams
    streams.end()
    await expect(page.locator("#lost")).to_contain_text("No contact with the kiosk")
    await expect(page.locator(".actions .first")).to_be_disabled()
    async with kiosk.client() as client:
        await client.post(f"/api/alerts/{first}/decision", json={"decision": "hand_over"})
    second = await kiosk.check(await kiosk.encounter("lane-2"), trouble=(ReferReason.DOCUMENT_UNREADABLE,))
    streams._ending = asyncio.Event()
    await expect(page.locator("#lost")).to_be_hidden()
    await expect(page.locator(f'#alerts [data-alert="{second}"][data-state="open"]')).to_be_visible()
    await expect(page.locator(f'#alerts [data-alert="{first}"][data-state="handed_over"]')).to_be_visible()
    await expect(page.locator(".alert .standing")).to_contain_text("with second line")
    await expect(page.locator('.actions [data-act="reopen"]')).to_be_enabled()
    await page.reload()
    await expect(page.locator("#alerts [data-alert]")).to_have_count(2)
    await expect(page.locator(".alert h1")).to_have_text("Document could not be read")
    await context.close()
