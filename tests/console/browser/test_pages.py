"""Both pages in a real Chromium: what they show, that they follow without a reload, and that they lose nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from hotspotd.domain.finger import FingerPosition, Slap
from hotspotd.events import LaneState, Prompt
from tests.console.browser.browsing import BROWSER, MOST_BYTES, Window, missing_icons
from tests.console.kiosk import Kiosk, finger_hit, running

pytestmark = BROWSER


async def test_the_travellers_page_follows_the_lane_without_a_reload(kiosk: Kiosk, window: Window) -> None:
    page = window.page
    await page.goto(f"{kiosk.origin}/traveller/lane-1")
    prompt = page.locator("#prompt")
    await expect(prompt).to_have_text("Put your document on the reader")
    await expect(page.locator("#intro")).to_contain_text("erased after 24 hours")
    await page.evaluate("window.untouched = true")
    kiosk.lane.show(LaneState.FACE, Prompt.COME_CLOSER)
    await expect(prompt).to_have_text("Come a little closer")
    kiosk.lane.show(LaneState.FINGER, Prompt.PLACE_FINGER, finger=FingerPosition.RIGHT_INDEX, attempt=2)
    await expect(prompt).to_have_text("Put your right index finger on the glass")
    await expect(page.locator("#attempt")).to_have_text("Try 2 of 3")
    await expect(page.locator('[data-picture="finger"]')).to_be_visible()
    kiosk.lane.show(LaneState.FINGER, Prompt.PLACE_FINGERS, finger=None, fingers=Slap.LEFT_FOUR.fingers)
    await expect(prompt).to_have_text("Put the four fingers of your left hand on the glass")
    hand = page.locator('[data-picture="finger"]')
    await expect(hand.locator(".here.index")).to_be_visible()
    await expect(hand.locator(".here.little")).to_be_visible()
    await expect(hand.locator(".here.thumb")).to_be_hidden()
    two = (FingerPosition.RIGHT_RING, FingerPosition.RIGHT_LITTLE)
    kiosk.lane.show(LaneState.FINGER, Prompt.FINGERS_AGAIN, finger=None, fingers=two)
    await expect(prompt).to_have_text("Put your right ring finger and your right little finger on the glass again")
    await expect(hand.locator(".here.index")).to_be_hidden()
    kiosk.lane.show(LaneState.OFFICER, Prompt.OFFICER_COMES, fingers=())
    await expect(prompt).to_have_text("An officer will help you")
    assert await page.evaluate("window.untouched")
    assert await missing_icons(page) == []
    assert window.complaints == []
    assert await window.weight() <= MOST_BYTES


async def test_the_traveller_is_spoken_to_in_the_documents_language_or_the_chosen_one(
    kiosk: Kiosk, window: Window
) -> None:
    page = window.page
    await page.goto(f"{kiosk.origin}/traveller/lane-1")
    kiosk.lane.show(LaneState.FACE, Prompt.LOOK_AT_CAMERA, nationality="FRA")
    await expect(page.locator("#prompt")).to_have_text("Regardez la caméra")
    await page.click("#language")
    await page.click('[data-language="ar"]')
    await expect(page.locator("html")).to_have_attribute("dir", "rtl")
    await expect(page.locator("#prompt")).to_have_text("انظر إلى الكاميرا")
    # The choice ends with the traveller.
    kiosk.lane.show(LaneState.IDLE, Prompt.PLACE_DOCUMENT)
    await expect(page.locator("html")).to_have_attribute("dir", "ltr")


async def test_the_mirror_is_live_while_the_face_is_taken(kiosk: Kiosk, window: Window) -> None:
    import numpy as np

    kiosk.lane.sees(np.full((480, 640, 3), 200, np.uint8))
    page = window.page
    await page.goto(f"{kiosk.origin}/traveller/lane-1")
    kiosk.lane.show(LaneState.FACE, Prompt.LOOK_AT_CAMERA)
    await expect(page.locator(".mirror[data-live]")).to_be_visible()
    kiosk.lane.show(LaneState.CHECKING, Prompt.WAIT)
    await expect(page.locator(".mirror[data-live]")).to_have_count(0)
    assert window.complaints == []


async def test_help_and_more_time_reach_the_lane(kiosk: Kiosk, window: Window) -> None:
    page = window.page
    await page.goto(f"{kiosk.origin}/traveller/lane-1")
    kiosk.lane.show(LaneState.FACE, Prompt.LOOK_AT_CAMERA, time_left_s=12.0, more_time=True)
    async with page.expect_response("**/more-time"):
        await page.click("#more-time")
    await page.click("#help")
    await expect(page.locator("#prompt")).to_have_text("An officer will help you")
    await expect(page.locator("#help")).to_be_hidden()
    assert kiosk.lane.asked == ["more_time", "help"]


@pytest.mark.parametrize("size", [(1080, 1920), (1280, 800)])
async def test_everything_a_traveller_touches_is_large_and_nothing_is_cut_off(
    kiosk: Kiosk, window: Window, size: tuple[int, int]
) -> None:
    page = window.page
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await page.goto(f"{kiosk.origin}/traveller/lane-1")
    kiosk.lane.show(
        LaneState.FINGER, Prompt.FINGER_AGAIN, finger=FingerPosition.RIGHT_LITTLE, time_left_s=9.0, more_time=True
    )
    await expect(page.locator("#more-time")).to_be_visible()
    for code in ("en", "fr", "ar"):
        await page.click("#language")
        for button in await page.locator("button:visible").all():
            box = await button.bounding_box()
            assert box
            assert min(box["width"], box["height"]) >= 64
        await page.click(f'[data-language="{code}"]')
        for selector in ("#prompt", "#attempt", "#time", ".foot", ".steps", "[data-picture=finger]"):
            box = await page.locator(selector).bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["y"] >= 0
            assert box["x"] + box["width"] <= size[0]
            assert box["y"] + box["height"] <= size[1]


@pytest.mark.parametrize("size", [(1080, 1920), (1280, 800)])
async def test_the_first_screen_has_room_for_every_language(
    tmp_path: Path, window: Window, size: tuple[int, int]
) -> None:
    page = window.page
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    async with running(tmp_path, mode="training") as kiosk:
        await page.goto(f"{kiosk.origin}/traveller/lane-1")
        await expect(page.locator("#intro")).to_be_visible()
        for code in ("en", "fr", "ar"):
            await page.click("#language")
            await page.click(f'[data-language="{code}"]')
            boxes = [await page.locator(each).bounding_box() for each in (".steps", ".words", "#intro", ".foot")]
            tops = [box["y"] for box in boxes if box]
            bottoms = [box["y"] + box["height"] for box in boxes if box]
            assert all(bottom <= top for bottom, top in zip(bottoms, tops[1:], strict=False)), (code, boxes)
            assert bottoms[-1] <= size[1]


async def test_training_is_said_on_both_pages(tmp_path: Path, window: Window) -> None:
    async with running(tmp_path, mode="training") as kiosk:
        await kiosk.sign_in(window.page.context)
        for path in ("/traveller/lane-1", "/guard"):
            await window.page.goto(f"{kiosk.origin}{path}")
            await expect(window.page.locator(".training")).to_contain_text("Training")


async def test_a_demonstration_model_is_said_on_every_page_and_an_operational_one_is_not(
    tmp_path: Path, window: Window
) -> None:
    paths = ("/", "/traveller/lane-1", "/guard")
    for demo in (True, False):
        (tmp_path / str(demo)).mkdir()
        async with running(tmp_path / str(demo), mode="training", demo_models=demo) as kiosk:
            await kiosk.sign_in(window.page.context)
            for path in paths:
                await window.page.goto(f"{kiosk.origin}{path}")
                text = (await window.page.locator("body").inner_text()).lower()
                assert ("demo model" in text) == demo, path
            if demo:
                await window.page.goto(f"{kiosk.origin}/traveller/lane-1")
                await window.page.click("#language")
                await window.page.click('[data-language="fr"]')
                await expect(window.page.locator(".training")).to_contain_text("Modèle de démonstration")


async def test_both_pages_say_that_the_kiosk_is_gone_and_come_back_by_themselves(
    tmp_path: Path, browser: Browser
) -> None:
    traveller, guard = await browser.new_page(), await browser.new_page()
    async with running(tmp_path) as kiosk:
        port = kiosk.console.port
        await kiosk.sign_in(guard.context)
        await traveller.goto(f"{kiosk.origin}/traveller/lane-1")
        await guard.goto(f"{kiosk.origin}/guard")
        await kiosk.check(await kiosk.encounter(), finger_hit())
        await expect(guard.locator(".alert")).to_be_visible()
    await expect(guard.locator("#lost")).to_contain_text("No contact with the kiosk since")
    await expect(guard.locator(".actions .first")).to_be_disabled()
    await expect(traveller.locator("#prompt")).to_have_text("One moment, please")
    # The same records, the same address: the daemon started again.
    async with running(tmp_path, port=port) as kiosk:
        # Whoever was signed in is not any more.
        await expect(guard.locator("#badge")).to_be_visible()
        await expect(guard.locator("#waiting")).to_contain_text("1 alert waits")
        await kiosk.sign_in(guard.context)
        await guard.goto(f"{kiosk.origin}/guard")
        await expect(guard.locator(".alert h1")).to_have_text("ERIKSSON, ANNA MARIA")
        await expect(guard.locator(".actions .first")).to_be_enabled()
        await expect(traveller.locator("#prompt")).to_have_text("Put your document on the reader")
