"""The links on the officers' and the technician's page, in a real Chromium: in words, live, and acted on."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace
from playwright.async_api import Browser, Page, expect

from hotspotd.events import DeviceState, DeviceView
from hotspotd.records.model import OutboxState
from tests.console.browser.browsing import BROWSER, Window, missing_icons, page_fixture
from tests.console.kiosk import Kiosk
from tests.console.screens import links
from tests.console.screens.links import FIBRE, FIBRE_DOWN, LTE, LTE_DOWN, LTE_UP, SATELLITE, SATELLITE_DOWN, tell

pytestmark = BROWSER


@page_fixture
async def page(browser: Browser, kiosk: Kiosk) -> AsyncIterator[Page]:
    """A page about which the browser has nothing to complain of, and which is never loaded again."""
    context = await browser.new_context(viewport={"width": 1920, "height": 1080}, timezone_id="Europe/Zagreb")
    await kiosk.sign_in(context)
    window = Window(await context.new_page())
    yield window.page
    # That a request was refused is the answer, and no complaint of the page's.
    assert [one for one in window.complaints if "(Conflict)" not in one] == []
    assert await window.page.evaluate("performance.getEntriesByType('navigation').length") == 1


async def test_the_officer_always_sees_how_the_gateway_is_reached(kiosk: Kiosk, page: Page) -> None:
    line, card = page.locator("#gateway"), page.locator("#link")
    await page.goto(f"{kiosk.origin}/guard")
    await tell(kiosk, FIBRE, LTE, SATELLITE)
    await expect(line).to_have_text("Gateway: connected by fibre")
    await expect(line).to_have_attribute("data-tone", "good")
    await tell(kiosk, FIBRE_DOWN, LTE_UP, SATELLITE)
    await expect(line).to_have_text("Gateway: connected by lte, fibre is down")
    await expect(card).to_contain_text("fibre is down since ")
    at = "2026-11-22T13:02:00.000Z"
    await links.travellers(kiosk, 3, answered=False)
    await tell(kiosk, FIBRE_DOWN, LTE_DOWN, SATELLITE_DOWN, since=at)
    await expect(line).to_contain_text("no connection since ")
    await expect(line).to_contain_text("14:02")
    await expect(line).to_contain_text("3 waiting")
    await expect(card).to_contain_text("Checks are stored and sent later.")
    await expect(card).to_contain_text("3 min")
    await tell(kiosk, LTE, replace(SATELLITE, up=True))
    await expect(line).to_contain_text("changing to another link")
    await tell(kiosk, LTE_DOWN, replace(SATELLITE, up=True, carries=("decision",)))
    await expect(line).to_contain_text("live checks wait")
    await expect(card).to_contain_text("Only satellite is up, which carries decisions.")
    await tell(kiosk, replace(FIBRE, name="gateway"))
    await expect(line).to_have_text("Gateway: connected · 3 waiting")
    await tell(kiosk, replace(FIBRE, name="gateway"), identity="expires", identity_until=at)
    await expect(card).to_contain_text(re.compile(r"certificate ends (22 Nov, )?14:02 and was not renewed"))
    await expect(line).to_have_attribute("data-tone", "care")
    await tell(kiosk, links.REVOKED, identity="revoked")
    await expect(line).to_contain_text("this kiosk is revoked")
    await expect(card).to_contain_text("has to be enrolled again")
    await tell(kiosk, FIBRE_DOWN, identity="expired", identity_until=at)
    await expect(card).to_contain_text("Certificate expired")
    await tell(kiosk, replace(LTE, name="gateway"))
    await expect(line).to_contain_text("connecting to the gateway")
    assert await missing_icons(page) == []


async def test_the_officer_is_told_what_was_set_aside_and_what_was_refused(kiosk: Kiosk, page: Page) -> None:
    await page.goto(f"{kiosk.origin}/guard")
    await links.set_aside(kiosk)
    await expect(page.locator("#gateway")).to_contain_text("3 set aside")
    await expect(page.locator("#link")).to_contain_text("3 messages were set aside")
    await expect(page.locator("#link")).to_contain_text("3 messages refused")
    routes = page.locator("#links")
    await expect(routes.locator(".route").first).to_be_hidden()
    await routes.locator("summary").click()
    await expect(routes.locator(".route")).to_have_count(3)
    await expect(routes.locator(".route").nth(2)).to_contain_text("certificate")
    # What the officer has opened stays open.
    await tell(kiosk, FIBRE_DOWN, LTE_UP, SATELLITE)
    await expect(routes.locator(".route").nth(1)).to_contain_text("in use")
    await expect(routes.locator(".route").nth(1)).to_be_visible()
    assert await missing_icons(page) == []


async def test_the_technicians_page_follows_and_a_row_is_queued_again(kiosk: Kiosk, page: Page) -> None:
    await page.goto(f"{kiosk.origin}/technician")
    await expect(page.locator("#aside")).to_have_text("Nothing is set aside.")
    await links.set_aside(kiosk)
    rows = page.locator("#aside .row")
    await expect(rows).to_have_count(3)
    await expect(rows.first).to_contain_text("The gateway cannot read it")
    await expect(page.locator("#links .route")).to_have_count(3)
    await expect(page.locator("#lanes")).to_contain_text("Plug the scanner in")
    await expect(page.locator("#watchlist")).to_contain_text("2026-11-21")
    assert await missing_icons(page) == []
    (first, *_) = await kiosk.records.outbox_rows([OutboxState.QUARANTINED])
    await rows.first.locator("button").click()
    await expect(rows).to_have_count(2)
    await expect(page.locator("#outcome")).to_contain_text(f"{first.tcn} is queued again")
    assert (await kiosk.records.outbox_item(first.tcn)).state is OutboxState.QUEUED
    kiosk.events.publish(DeviceView(lane="lane-2", device="scanner", state=DeviceState.READY))
    await expect(page.locator("#lanes .device[data-is='absent']")).to_have_count(0)


async def test_a_row_that_somebody_else_has_queued_is_said_to_be(kiosk: Kiosk, page: Page) -> None:
    await links.set_aside(kiosk)
    await page.goto(f"{kiosk.origin}/technician")
    button = page.locator("#aside button").first
    await expect(button).to_be_visible()
    (first, *_) = await kiosk.records.outbox_rows([OutboxState.QUARANTINED])
    await kiosk.records.outbox_retry(first.tcn, "hotspotctl")
    async with page.expect_response(lambda answer: answer.url.endswith("/retry")) as answered:
        await button.click()
    assert (await answered.value).status == 409
    await expect(page.locator("#outcome")).to_contain_text("is not set aside any more")


@pytest.mark.parametrize("size", [(412, 900), (1280, 800), (1920, 1080)])
async def test_nothing_on_the_technicians_page_is_cut_off(kiosk: Kiosk, page: Page, size: tuple[int, int]) -> None:
    await links.set_aside(kiosk)
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await page.goto(f"{kiosk.origin}/technician")
    await expect(page.locator("#aside .row")).to_have_count(3)
    over = await page.evaluate(
        "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
        ".map(e => e.tagName + '.' + e.className)"
    )
    assert over == []
    heights = await page.locator("button:visible").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().height)"
    )
    assert min(heights) >= 32
