"""The traveller's page in a real Chromium: what moves, what is heard, what comes within reach, and what is legible."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.async_api import Browser, Page, expect

from hotspotd.config import TravellerSection
from hotspotd.domain.finger import FingerPosition
from hotspotd.events import LaneState, Prompt
from tests.console.browser.browsing import BROWSER
from tests.console.browser.test_traveller_languages import AMISS, CODES
from tests.console.kiosk import Kiosk, config, running
from tests.console.screens.scenes import LANDSCAPE, PORTRAIT

pytestmark = BROWSER

INDEX = {"finger": FingerPosition.RIGHT_INDEX}
STATES: tuple[tuple[LaneState, Prompt, dict[str, Any]], ...] = (
    (LaneState.IDLE, Prompt.PLACE_DOCUMENT, {}),
    (LaneState.DOCUMENT, Prompt.CHIP_AGAIN, {"attempt": 2, "time_left_s": 9.0, "more_time": True}),
    (LaneState.FACE, Prompt.COME_CLOSER, {}),
    (LaneState.FINGER, Prompt.PRESS_HARDER, {"attempt": 2, "time_left_s": 9.0, "more_time": True, **INDEX}),
    (LaneState.CHECKING, Prompt.WAIT, {}),
    (LaneState.GO, Prompt.THANK_YOU, {}),
    (LaneState.OFFICER, Prompt.OFFICER_COMES, {}),
    (LaneState.OUT_OF_SERVICE, Prompt.CLOSED, {}),
)

# Every text with the colour it stands on, as WCAG 2.2 (1.4.6) measures it; and letters too small for who stands.
HARD_TO_READ = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((each) => each / 255)
    .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (each) => {
    for (let at = each; at; at = at.parentElement) {
      const [r, g, b, a = 1] = parts(getComputedStyle(at).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = [];
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (words.nextNode()) {
    const each = words.currentNode.parentElement;
    if (!words.currentNode.data.trim() || !each.checkVisibility({ visibilityProperty: true })) continue;
    seen += 1;
    const style = getComputedStyle(each);
    const [one, other] = [light(parts(style.color)), light(ground(each))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < 7) found.push(`${contrast.toFixed(1)}: ${words.currentNode.data}`);
    if (parseFloat(style.fontSize) < 22) found.push(`${style.fontSize}: ${words.currentNode.data}`);
  }
  return seen > 2 ? found : ["nothing to be read"];
}"""

# A transition that is turned back half way is shorter: it says so of itself.
MOVING = """() => document.getAnimations().filter((each) => !(each instanceof CSSTransition)).map((each) => {
  const { iterations, duration } = each.effect.getTiming();
  return [each.animationName ?? "", iterations === Infinity ? 0 : duration];
})"""

# Notes what the page has said, and lets the test end it: a browser without loudspeaker, and with three voices.
VOICES = """
window.heard = [];
window.notes = 0;
const voice = (lang, localService) => ({ lang, localService, name: lang });
class Utterance extends EventTarget { constructor(text) { super(); this.text = text; } }
window.SpeechSynthesisUtterance = Utterance;
Object.defineProperty(window, "speechSynthesis", { value: {
  getVoices: () => [voice("fr-FR", false), voice("en-GB", true), voice("fr-FR", true)],
  speak: (said) => {
    window.heard.push(`${said.voice.localService} ${said.lang}: ${said.text}`);
    window.saying = said;
  },
  cancel: () => { window.saying?.dispatchEvent(new Event("error")); window.saying = null; },
} });
window.AudioContext = class {
  state = "running";
  currentTime = 0;
  createOscillator() { return { frequency: {}, connect: (to) => to, start: () => { window.notes += 1; }, stop() {} }; }
  createGain() { return { gain: { setValueAtTime() {}, linearRampToValueAtTime() {} }, connect: (to) => to }; }
};
"""


async def opened(browser: Browser, kiosk: Kiosk, size: tuple[int, int] = PORTRAIT, script: str = "") -> Page:
    """The page of lane-1, which fails the test where the browser has something to complain of."""
    page = await browser.new_page(viewport={"width": size[0], "height": size[1]})

    def complained(text: str) -> None:
        raise AssertionError(text)

    page.on("console", lambda said: complained(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complained(str(error)))
    if script:
        await page.add_init_script(script)
    await page.goto(f"{kiosk.origin}/traveller/lane-1")
    await expect(page.locator("#intro")).to_be_visible()
    return page


async def shown(page: Page, kiosk: Kiosk, state: LaneState, prompt: Prompt, **more: Any) -> None:
    kiosk.lane.show(state, prompt, **more)
    await page.wait_for_selector(f'body[data-state="{state}"][data-prompt="{prompt}"]')


async def test_pictograms_move_slowly_and_for_nobody_who_wants_no_motion(kiosk: Kiosk, browser: Browser) -> None:
    page = await opened(browser, kiosk)
    moved: set[str] = set()
    for state, prompt, more in STATES:
        await shown(page, kiosk, state, prompt, **more)
        running_now = await page.evaluate(MOVING)
        # What has an end shows where something came from: 150 to 250 ms. The rest is a picture that moves.
        assert [each for each in running_now if each[1] and not 150 <= each[1] <= 250] == []
        moved |= {name for name, duration in running_now if not duration}
    assert {"laid", "touch", "breathe"} <= moved
    await page.emulate_media(reduced_motion="reduce")
    await page.evaluate("Promise.allSettled(document.getAnimations().map((each) => each.finished))")
    for state, prompt, more in STATES:
        await shown(page, kiosk, state, prompt, **more)
        assert await page.evaluate(MOVING) == []


@pytest.mark.parametrize("size", [PORTRAIT, LANDSCAPE])
async def test_every_text_can_be_read_and_the_focus_be_seen(
    kiosk: Kiosk, browser: Browser, size: tuple[int, int]
) -> None:
    page = await opened(browser, kiosk, size)
    for state, prompt, more in STATES:
        await shown(page, kiosk, state, prompt, **more)
        assert await page.evaluate(HARD_TO_READ) == []
    await page.click("#language")
    assert await page.evaluate(HARD_TO_READ) == []
    await page.keyboard.press("Tab")
    outline = await page.evaluate("getComputedStyle(document.activeElement).outline")
    assert "solid 3px" in outline


async def test_everything_comes_within_reach_and_goes_back_for_the_next_traveller(
    kiosk: Kiosk, browser: Browser
) -> None:
    page = await opened(browser, kiosk)
    # As it is, all that can be touched is in the lower half: the choice of a language too.
    tops = "each => each.filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().top)"
    assert min(await page.locator(".foot button").evaluate_all(tops)) > PORTRAIT[1] / 2
    await page.click("#language")
    assert min(await page.locator("#languages button").evaluate_all(tops)) > PORTRAIT[1] / 3
    await page.keyboard.press("Escape")
    await page.emulate_media(reduced_motion="reduce")
    await page.click("#lower")
    await expect(page.locator("#lower")).to_have_attribute("aria-pressed", "true")
    amiss = []
    for state, prompt, more in STATES:
        await shown(page, kiosk, state, prompt, nationality="MKD", **more)
        amiss += await page.evaluate(AMISS, CODES)
        for place in (".steps", ".picture", "#prompt"):
            box = await page.locator(place).bounding_box()
            assert box
            assert box["y"] >= 0.3 * PORTRAIT[1]
    assert amiss == []
    await shown(page, kiosk, LaneState.IDLE, Prompt.PLACE_DOCUMENT)
    await expect(page.locator("#lower")).to_have_attribute("aria-pressed", "false")
    await page.set_viewport_size({"width": LANDSCAPE[0], "height": LANDSCAPE[1]})
    await expect(page.locator("#lower")).to_be_hidden()


async def test_words_are_read_aloud_by_a_voice_of_the_device_to_who_asks(kiosk: Kiosk, browser: Browser) -> None:
    page = await opened(browser, kiosk, script=VOICES)
    await page.click("#language")
    await page.click('#languages [data-language="fr"]')
    assert await page.evaluate("window.heard") == []
    await page.click("#sound")
    (first,) = await page.evaluate("window.heard")
    assert first.startswith("true fr-FR: Posez votre document sur le lecteur. ")
    assert "24 heures" in first
    await shown(page, kiosk, LaneState.FACE, Prompt.LOOK_AT_CAMERA)
    await expect(page.locator("#prompt")).to_have_text("Regardez la caméra")
    assert len(await page.evaluate("window.heard")) == 2  # Another step: it breaks off what was being said.
    await shown(page, kiosk, LaneState.FACE, Prompt.COME_CLOSER)
    await shown(page, kiosk, LaneState.FACE, Prompt.HOLD_STILL, time_left_s=14.0, more_time=True)
    assert len(await page.evaluate("window.heard")) == 2  # Advice of the same step waits for the end.
    await page.evaluate("window.saying.dispatchEvent(new Event('end'))")
    third = (await page.evaluate("window.heard"))[2]
    assert third.startswith("true fr-FR: ")
    assert "Un peu plus près" not in third  # Nor is old advice said late.
    await page.click("#sound")
    await shown(page, kiosk, LaneState.CHECKING, Prompt.WAIT)
    assert len(await page.evaluate("window.heard")) == 3
    assert await page.evaluate("window.notes") == 0


async def test_without_a_voice_one_chime_stands_for_every_end(kiosk: Kiosk, browser: Browser) -> None:
    page = await opened(browser, kiosk, script=VOICES)
    await page.click("#language")
    await page.click('#languages [data-language="tg"]')
    await page.click("#sound")
    assert await page.evaluate("window.notes") == 2
    for state, prompt in (
        (LaneState.CHECKING, Prompt.WAIT),
        (LaneState.OFFICER, Prompt.OFFICER_COMES),
        (LaneState.GO, Prompt.THANK_YOU),
    ):
        before = await page.evaluate("window.notes")
        await shown(page, kiosk, state, prompt)
        assert await page.evaluate("window.notes") == before + 2
    # The next traveller has not asked for it.
    await shown(page, kiosk, LaneState.IDLE, Prompt.PLACE_DOCUMENT)
    await expect(page.locator("#sound")).to_have_attribute("aria-pressed", "false")
    notes = await page.evaluate("window.notes")
    await shown(page, kiosk, LaneState.FACE, Prompt.LOOK_AT_CAMERA)
    assert await page.evaluate("window.notes") == notes
    assert await page.evaluate("window.heard") == []


async def test_a_kiosk_without_a_loudspeaker_offers_no_sound(tmp_path: Path, browser: Browser) -> None:
    settings = msgspec.structs.replace(config(), traveller=TravellerSection(audio="off"))
    async with running(tmp_path, settings=settings) as kiosk:
        page = await opened(browser, kiosk, script=VOICES)
        await expect(page.locator("#help")).to_be_visible()
        await expect(page.locator("#sound")).to_be_hidden()


async def test_a_child_is_shown_no_step_for_fingers(kiosk: Kiosk, browser: Browser) -> None:
    page = await opened(browser, kiosk)
    steps = page.locator(".steps li:visible")
    await expect(steps).to_have_count(4)
    await expect(page.locator("#intro")).to_contain_text("your fingerprints (from the age of 12)")
    await shown(page, kiosk, LaneState.FACE, Prompt.LOOK_AT_CAMERA, fingers_asked=False)
    await expect(steps).to_have_text(["Document", "Face", "Done"])
    await shown(page, kiosk, LaneState.CHECKING, Prompt.WAIT, fingers_asked=False)
    await expect(page.locator('[aria-current="step"]')).to_have_text("Done")
    await shown(page, kiosk, LaneState.IDLE, Prompt.PLACE_DOCUMENT)
    await expect(steps).to_have_count(4)


async def test_time_is_announced_and_the_button_goes_with_the_last_time_it_can_be_had(
    kiosk: Kiosk, browser: Browser
) -> None:
    page = await opened(browser, kiosk)
    await shown(page, kiosk, LaneState.FACE, Prompt.LOOK_AT_CAMERA, time_left_s=40.0, more_time=True)
    await expect(page.locator("#time")).to_be_hidden()
    await shown(page, kiosk, LaneState.FACE, Prompt.COME_CLOSER, time_left_s=14.0, more_time=True)
    await expect(page.locator("#more-time")).to_be_visible()
    await shown(page, kiosk, LaneState.FACE, Prompt.HOLD_STILL, time_left_s=13.0, more_time=False)
    await expect(page.locator("#time output")).to_contain_text("seconds")
    await expect(page.locator("#more-time")).to_be_hidden()


async def test_the_loss_of_the_kiosk_is_said_in_the_travellers_language_and_then_whom_to_ask(
    tmp_path: Path, browser: Browser
) -> None:
    async with running(tmp_path) as kiosk:
        page = await browser.new_page()
        await page.clock.install()
        await page.goto(f"{kiosk.origin}/traveller/lane-1")
        await shown(page, kiosk, LaneState.FACE, Prompt.LOOK_AT_CAMERA, nationality="FRA")
    await page.wait_for_selector('body[data-state="lost"]')
    await expect(page.locator("#prompt")).to_have_text("Un instant, s’il vous plaît")
    await expect(page.locator("#hint")).to_have_text("Cet écran reprend tout seul.")
    await expect(page.locator("#help")).to_be_hidden()
    await page.clock.fast_forward(16_000)
    await expect(page.locator("#hint")).to_have_text("Si cela dure, adressez-vous à un agent.")


async def test_a_call_for_help_is_seen_and_heard_by_the_officer(kiosk: Kiosk, browser: Browser) -> None:
    traveller = await opened(browser, kiosk)
    context = await browser.new_context()
    await kiosk.sign_in(context)
    officer = await context.new_page()
    await officer.add_init_script(VOICES)
    await officer.goto(f"{kiosk.origin}/guard")
    await expect(officer.locator(".empty")).to_contain_text("No open alerts")
    assert await officer.evaluate("window.notes") == 0
    # Before any document: there is no encounter, and no alert.
    await traveller.click("#help")
    await expect(traveller.locator("#prompt")).to_have_text("An officer will help you")
    await expect(officer.locator('[data-lane="lane-1"]')).to_contain_text("Asks for help")
    assert await officer.evaluate("window.notes") > 0
    await asyncio.gather(officer.keyboard.press("n"), expect(traveller.locator("#intro")).to_be_visible())
    await expect(officer.locator('[data-lane="lane-1"]')).to_contain_text("Ready")
