"""The traveller's page in a real Chromium, in its languages: walked in Arabic and Tajik, measured in all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from hotspotd.console.languages import HEADS
from hotspotd.console.words import Language, load, separators
from hotspotd.domain.finger import FingerPosition, Slap
from hotspotd.events import LaneState, Prompt
from tests.console.browser.browsing import BROWSER, Window, page_fixture
from tests.console.kiosk import Kiosk, running
from tests.console.screens.scenes import LANDSCAPE, PORTRAIT

pytestmark = BROWSER

CODES = [head.code for head in HEADS]
FINGERS = (Prompt.PLACE_FINGER, Prompt.FINGER_AGAIN)
SEVERAL = (Prompt.PLACE_FINGERS, Prompt.FINGERS_AGAIN)
FIXED = {
    Prompt.PLACE_DOCUMENT: LaneState.DOCUMENT,
    Prompt.DOCUMENT_AGAIN: LaneState.DOCUMENT,
    Prompt.LEAVE_DOCUMENT: LaneState.DOCUMENT,
    Prompt.CHIP_AGAIN: LaneState.DOCUMENT,
    Prompt.PRESS_HARDER: LaneState.FINGER,
    Prompt.PRESS_LIGHTER: LaneState.FINGER,
    Prompt.FINGER_TO_MIDDLE: LaneState.FINGER,
    Prompt.FINGER_STILL: LaneState.FINGER,
    Prompt.LIFT_FINGER: LaneState.FINGER,
    Prompt.LIFT_FINGERS: LaneState.FINGER,
    Prompt.WAIT: LaneState.CHECKING,
    Prompt.THANK_YOU: LaneState.GO,
    Prompt.OFFICER_COMES: LaneState.OFFICER,
    Prompt.CLOSED: LaneState.OUT_OF_SERVICE,
    **dict.fromkeys((*FINGERS, *SEVERAL), LaneState.FINGER),
}

# Shows every language and says what does not fit: texts wider or higher than their box or the screen, and things that
# stand one over the other which should stand one below the other.
AMISS = """(codes) => {
  const found = [];
  const seen = (each) => each.checkVisibility({ visibilityProperty: true }) && each.getBoundingClientRect().width > 0;
  const all = (selector) => [...document.querySelectorAll(selector)].filter(seen);
  for (const code of codes) {
    document.querySelector(`#languages [data-language="${code}"]`).click();
    const say = (what) => found.push(`${code}: ${what}: ${document.querySelector("#prompt").textContent}`);
    const texts = all("h1, h2, p, li, button, output, #attempt, #time").filter((each) => each.textContent.trim());
    for (const each of texts) {
      const box = each.getBoundingClientRect();
      if (each.scrollWidth > each.clientWidth + 1 && each.clientWidth) say(`too wide: ${each.textContent}`);
      const outside = box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight;
      if (outside) say(`outside: ${each.textContent}`);
      if (each.matches("button") && each.scrollHeight > each.clientHeight + 1) say(`too high: ${each.textContent}`);
    }
    for (const each of all(".steps li > span, button > span, .intro li > span")) {
      const [own, whole] = [each.getBoundingClientRect(), each.parentElement.getBoundingClientRect()];
      if (own.left < whole.left - 1 || own.right > whole.right + 1) say(`beside its box: ${each.textContent}`);
    }
    const stack = all(".training, .steps, #prompt, #hint, #intro, #attempt, #time, .foot")
      .filter((each) => each.textContent.trim());
    stack.slice(1).forEach((each, at) => {
      const over = stack[at].getBoundingClientRect().bottom - each.getBoundingClientRect().top;
      if (over > 1) say(`${each.id || each.className} covers ${Math.round(over)} px of what is above`);
    });
    const row = all(".foot button, #time > *").map((each) => each.getBoundingClientRect());
    for (const one of row) for (const other of row) {
      const beside = one.right <= other.left || other.right <= one.left;
      const below = one.bottom <= other.top || other.bottom <= one.top;
      if (one !== other && !beside && !below) say("buttons over each other");
    }
    for (const each of all("button")) {
      const box = each.getBoundingClientRect();
      if (Math.min(box.width, box.height) < 64) say(`too small to touch: ${each.textContent}`);
    }
    if (document.documentElement.lang !== code) say("not shown");
  }
  return found;
}"""

AMISS_IN_DIALOG = """() => {
  const dialog = document.querySelector("#languages");
  const box = dialog.getBoundingClientRect();
  const cut = [...dialog.querySelectorAll("h2, button")].filter((each) => each.scrollWidth > each.clientWidth + 1);
  const outside = box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight;
  const scrolls = dialog.scrollHeight > dialog.clientHeight + 1 || dialog.scrollWidth > dialog.clientWidth + 1;
  const found = cut.map((each) => `cut off: ${each.textContent}`);
  if (outside || scrolls) found.push(`the choice of languages has no room: ${dialog.querySelector("h2").textContent}`);
  return found;
}"""


@page_fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page about which the browser has nothing to complain of."""
    width, height = PORTRAIT
    context = await browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    window = Window(await context.new_page())
    yield window.page
    assert window.complaints == []


async def left(place: Locator) -> float:
    box = await place.bounding_box()
    assert box
    return box["x"]


async def test_an_arabic_traveller_is_led_through_from_right_to_left(kiosk: Kiosk, page: Page) -> None:
    html, prompt = page.locator("html"), page.locator("#prompt")
    hand = page.locator('[data-picture="finger"] .hand')
    await page.goto(f"{kiosk.origin}/traveller/lane-1")
    kiosk.lane.show(LaneState.FINGER, Prompt.PLACE_FINGER, finger=FingerPosition.LEFT_THUMB)
    await expect(prompt).to_have_text("Put your left thumb on the glass")
    as_drawn = await hand.evaluate("each => JSON.stringify(each.getBoundingClientRect())")
    kiosk.lane.show(LaneState.IDLE, Prompt.PLACE_DOCUMENT)
    await expect(html).to_have_attribute("lang", "en")
    await page.click("#language")
    await page.get_by_role("button", name="العربية").last.click()
    await expect(html).to_have_attribute("lang", "ar")
    await expect(html).to_have_attribute("dir", "rtl")
    await expect(page).to_have_title("التفتيش الحدودي")
    await expect(page.locator("#intro")).to_contain_text("نأخذ وثيقتك وصورة لوجهك وبصمات أصابعك (من سن 12).")
    await expect(page.locator("#intro")).to_contain_text("بعد 24 ساعة")
    # What was chosen goes before what the document says, and stays at one touch from it.
    kiosk.lane.show(LaneState.DOCUMENT, Prompt.LEAVE_DOCUMENT, nationality="TUN")
    await expect(prompt).to_have_text("اترك وثيقتك على القارئ")
    await expect(page.locator("#offered button")).to_have_text(["Français"])
    assert await left(page.locator('[data-step="document"] .mark')) > await left(
        page.locator('[data-step="done"] .mark')
    )
    assert await left(page.locator("#language")) > await left(page.locator("#help"))
    kiosk.lane.show(LaneState.FACE, Prompt.TURN_LEFT, nationality="TUN")
    await expect(prompt).to_have_text("أدر رأسك إلى اليسار")
    # Left is left in every script: of the mirror, and of the hand.
    await expect(page.locator(".mirror .cue.left")).to_be_visible()
    kiosk.lane.show(
        LaneState.FINGER, Prompt.FINGER_AGAIN, finger=FingerPosition.LEFT_THUMB, attempt=2, time_left_s=10.0
    )
    await expect(prompt).to_have_text("ضع إبهام يدك اليسرى على الزجاج مرة أخرى")
    await expect(page.locator("#attempt")).to_have_text("المحاولة 2 من 3")
    await expect(page.locator("#time output")).to_contain_text("ثوانٍ")
    bar, filled = page.locator(".bar"), page.locator(".bar i")
    ends = "each => each.getBoundingClientRect().right"
    assert await bar.evaluate(ends) - await filled.evaluate(ends) < 4
    await expect(page.locator(".steps")).to_have_attribute("aria-label", "الخطوات")
    drawn = await hand.evaluate("each => JSON.stringify(each.getBoundingClientRect())")
    assert drawn == as_drawn
    kiosk.lane.show(LaneState.OFFICER, Prompt.OFFICER_COMES)
    await expect(prompt).to_have_text("سيساعدك أحد الموظفين")
    kiosk.lane.show(LaneState.IDLE, Prompt.PLACE_DOCUMENT)
    await expect(html).to_have_attribute("lang", "en")
    await expect(html).to_have_attribute("dir", "ltr")


async def test_a_tajik_traveller_is_led_through_and_offered_russian(kiosk: Kiosk, page: Page) -> None:
    html, prompt = page.locator("html"), page.locator("#prompt")
    await page.goto(f"{kiosk.origin}/traveller/lane-1")
    kiosk.lane.show(LaneState.FACE, Prompt.LOOK_AT_CAMERA, nationality="TJK")
    await expect(html).to_have_attribute("lang", "tg")
    await expect(prompt).to_have_text("Ба камера нигоҳ кунед")
    await expect(page.locator("#help")).to_have_text("Ёрӣ")
    await expect(page.locator("#offered button")).to_have_text(["Русский"])
    two = (FingerPosition.RIGHT_INDEX, FingerPosition.RIGHT_MIDDLE)
    kiosk.lane.show(LaneState.FINGER, Prompt.PLACE_FINGERS, fingers=two, attempt=2, time_left_s=9.0, nationality="TJK")
    await expect(prompt).to_have_text(
        "Лутфан ангушти ишоратии дасти ростро ва ангушти миёнаи дасти ростро ба шиша гузоред"
    )
    await expect(page.locator("#time output")).to_contain_text("сония")
    await page.click("#offered button")
    await expect(html).to_have_attribute("lang", "ru")
    await expect(page.locator("#time output")).to_contain_text("секунд")
    await expect(page.locator("#offered button")).to_have_text(["Тоҷикӣ"])
    await page.click("#offered button")
    await expect(html).to_have_attribute("lang", "tg")
    kiosk.lane.show(LaneState.CHECKING, Prompt.WAIT, nationality="TJK")
    await expect(prompt).to_have_text("Лутфан интизор шавед")
    kiosk.lane.show(LaneState.GO, Prompt.THANK_YOU, nationality="TJK")
    await expect(prompt).to_have_text("Ташаккур. Марҳамат, гузаред")


async def test_the_language_can_be_chosen_with_keys_alone(kiosk: Kiosk, page: Page) -> None:
    await page.goto(f"{kiosk.origin}/traveller/lane-1")
    await expect(page.locator("#intro")).to_be_visible()
    await page.locator("#language").focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Choose your language")
    await expect(dialog.get_by_role("button", name="English")).to_be_focused()
    for _ in range(CODES.index("fa")):
        await page.keyboard.press("Tab")
    await expect(dialog.locator('[lang="fa"]')).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("html")).to_have_attribute("lang", "fa")
    await expect(page.locator("#intro")).to_contain_text("۲۴ ساعت")
    await expect(page.locator("#language")).to_be_focused()
    kiosk.lane.show(LaneState.FACE, Prompt.LOOK_AT_CAMERA, attempt=2)
    await expect(page.locator("#attempt")).to_have_text("تلاش ۲ از ۳")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()


async def test_a_choice_is_forgotten_when_whoever_chose_has_left(kiosk: Kiosk, page: Page) -> None:
    html = page.locator("html")
    await page.clock.install()
    await page.goto(f"{kiosk.origin}/traveller/lane-1")
    await expect(page.locator("#intro")).to_be_visible()
    await page.click("#language")
    await page.click('#languages [data-language="sq"]')
    await page.click("#language")
    await expect(html).to_have_attribute("lang", "sq")
    await page.clock.fast_forward(46_000)
    await expect(html).to_have_attribute("lang", "en")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    # In the middle of a visit nobody has left.
    await page.click("#language")
    await page.click('#languages [data-language="sq"]')
    kiosk.lane.show(LaneState.FACE, Prompt.LOOK_AT_CAMERA)
    await expect(page.locator("#prompt")).to_have_text("Shikoni kamerën")
    await page.clock.fast_forward(46_000)
    kiosk.lane.show(LaneState.FACE, Prompt.COME_CLOSER)
    await expect(page.locator("#prompt")).to_have_text("Afrohuni pak")


async def test_a_choice_is_forgotten_too_when_whoever_chose_left_before_the_lane_was_heard_of(
    kiosk: Kiosk, page: Page
) -> None:
    heard_of = asyncio.Event()

    async def hold(route: Route) -> None:
        await heard_of.wait()
        await route.continue_()

    html = page.locator("html")
    await page.clock.install()
    await page.route("**/events", hold)
    await page.goto(f"{kiosk.origin}/traveller/lane-1")
    await page.click("#language")
    await page.click('#languages [data-language="sq"]')
    await page.clock.fast_forward(46_000)
    heard_of.set()
    await expect(page.locator("#intro")).to_be_visible()
    await expect(html).to_have_attribute("lang", "sq")
    await page.clock.fast_forward(46_000)
    await expect(html).to_have_attribute("lang", "en")


async def test_a_page_that_was_opened_in_the_middle_of_a_visit_comes_back_to_the_language_of_the_house(
    kiosk: Kiosk, page: Page
) -> None:
    kiosk.lane.show(LaneState.FACE, Prompt.LOOK_AT_CAMERA, nationality="TUR")
    await page.goto(f"{kiosk.origin}/traveller/lane-1")
    await expect(page.locator("#prompt")).to_have_text("Kameraya bakın")
    kiosk.lane.show(LaneState.IDLE, Prompt.PLACE_DOCUMENT)
    await expect(page.locator("#prompt")).to_have_text("Put your document on the reader")


def asked_for() -> list[tuple[Prompt, tuple[FingerPosition, ...]]]:
    """Every prompt, with every finger and slap, and with the two fingers that are usual."""
    single = [(prompt, (position,)) for prompt in FINGERS for position in FingerPosition]
    together = [slap.fingers for slap in Slap] + [(FingerPosition.RIGHT_INDEX, FingerPosition.RIGHT_MIDDLE)]
    several = [(prompt, fingers) for prompt in SEVERAL for fingers in together]
    return [(prompt, ()) for prompt in Prompt if prompt not in (*FINGERS, *SEVERAL)] + single + several


def said(language: Language, prompt: Prompt, fingers: tuple[FingerPosition, ...]) -> str:
    """What the page says for it."""
    names = [language.tables["fingers"][finger.label] for finger in fingers]
    slap = next((each.label for each in Slap if set(each.fingers) == set(fingers)), None)
    listed = language.tables["slaps"][slap] if slap else separators(language)[1].join(names)
    text = language.tables["prompts"][prompt]
    return text.replace("{finger}", names[0] if names else "").replace("{fingers}", listed)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("size", [PORTRAIT, LANDSCAPE])
async def test_every_prompt_of_every_language_has_room(tmp_path: Path, page: Page, size: tuple[int, int]) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    # The page is left in the last language.
    last = load().languages[CODES[-1]]
    amiss: list[str] = []
    async with running(tmp_path, mode="training", demo_models=True) as kiosk:
        await page.goto(f"{kiosk.origin}/traveller/lane-1")
        await expect(page.locator("#intro")).to_be_visible()
        amiss += await page.evaluate(AMISS, CODES)
        await page.click("#language")
        for code in CODES:
            await page.locator(f'#languages [data-language="{code}"]').click()
            await page.click("#language")
            amiss += await page.evaluate(AMISS_IN_DIALOG)
        await page.keyboard.press("Escape")
        for prompt, fingers in asked_for():
            # Two more languages at the foot, the longest that are offered together; the count at its longest.
            shown = {"attempt": 2, "time_left_s": 15.0, "more_time": True, "nationality": "MKD"}
            which = {"finger": fingers[0]} if prompt in FINGERS else {"fingers": fingers}
            kiosk.lane.show(FIXED.get(prompt, LaneState.FACE), prompt, **shown, **which)
            await expect(page.locator("#prompt")).to_have_text(said(last, prompt, fingers))
            amiss += await page.evaluate(AMISS, CODES)
    assert amiss == []
