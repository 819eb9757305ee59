"""Changing the software at the technician's page, in a real Chromium: in words, asked twice, followed to the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from hotspotd.updates import wishes
from hotspotd.updates.wishing import Wishing
from hotspotd.workers import Worker
from tests.console.browser.browsing import BROWSER, Window, missing_icons, page_fixture
from tests.console.kiosk import Kiosk, running
from tests.updates.machine import Machine

pytestmark = BROWSER


@page_fixture
async def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine")


@page_fixture
async def kiosk(tmp_path: Path, machine: Machine) -> AsyncIterator[Kiosk]:
    worker = Worker("software")
    updates = Wishing(worker, machine.clock, machine.places, lambda _: asyncio.to_thread(machine.obeys))
    async with running(tmp_path, updates=updates) as started:
        yield started
    worker.close()


@page_fixture
async def page(browser: Browser, kiosk: Kiosk) -> AsyncIterator[Page]:
    """The page, about which the browser has nothing to complain of."""
    context = await browser.new_context(viewport={"width": 1920, "height": 1080})
    await kiosk.sign_in(context)
    window = Window(await context.new_page())
    await window.page.goto(f"{kiosk.origin}/technician")
    yield window.page
    assert [one for one in window.complaints if "(Conflict)" not in one] == []


async def wish(page: Page, name: str) -> None:
    """Press the button, and wait until the kiosk has answered."""
    async with page.expect_response(lambda answer: "/api/software/" in answer.url):
        await page.get_by_role("button", name=name).click()


async def test_a_newer_version_is_put_in_force_after_it_was_asked_twice(machine: Machine, page: Page) -> None:
    await asyncio.to_thread(machine.publish, "0.3.0")
    panel = page.locator("#software")
    await expect(page.get_by_role("button", name="Put")).to_have_count(0)
    await page.get_by_role("button", name="Look for a newer version").click()
    await expect(panel).to_contain_text("Version 0.3.0 is fetched and can be put in force.")

    await page.get_by_role("button", name="Put 0.3.0 in force").click()
    await expect(panel).to_contain_text("Put 0.3.0 in force in place of 0.2.0?")
    await expect(panel).to_contain_text("A traveller in a lane may finish first, for up to 15 seconds.")
    assert not wishes.waits(machine.places.wishes)
    # Whoever presses on without reading changes nothing.
    await expect(page.get_by_role("button", name="Leave it as it is")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(panel).not_to_contain_text("in place of")
    assert not wishes.waits(machine.places.wishes)

    await page.get_by_role("button", name="Put 0.3.0 in force").click()
    assert [one["id"] for one in (await Axe().run(page)).response["violations"]] == []
    await wish(page, "Put 0.3.0 in force")
    await expect(panel).to_contain_text("Putting 0.3.0 in force.")
    await expect(panel.get_by_role("button")).to_have_count(0)
    assert wishes.waits(machine.places.wishes)
    await asyncio.to_thread(machine.obeys)
    await expect(panel).to_contain_text("Version 0.3.0 is in force.")
    await expect(page.get_by_role("button", name="Go back to 0.2.0")).to_be_visible()
    assert await missing_icons(page) == []


async def test_one_that_does_not_become_ready_is_told_after_going_back(machine: Machine, page: Page) -> None:
    machine.works = False
    panel = page.locator("#software")
    await page.get_by_role("button", name="Go back to 0.1.0").click()
    await wish(page, "Go back to 0.1.0")
    await expect(panel).to_contain_text("Going back to the version before.")
    await asyncio.to_thread(machine.obeys)
    await expect(panel).to_contain_text("Version 0.1.0 did not become ready either; 0.2.0 runs.")


async def test_a_refusal_is_shown_with_the_command(machine: Machine, page: Page) -> None:
    machine.places.unit.unlink()
    await page.get_by_role("button", name="Go back to 0.1.0").click()
    await wish(page, "Go back to 0.1.0")
    await expect(page.locator("#software")).to_contain_text("On the kiosk: sudo hotspotctl update rollback")
    await expect(page.get_by_role("button", name="Go back to 0.1.0")).to_be_enabled()


@pytest.mark.parametrize("size", [(412, 900), (1280, 800)])
async def test_nothing_of_the_question_is_cut_off(page: Page, size: tuple[int, int]) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await page.get_by_role("button", name="Go back to 0.1.0").click()
    over = await page.evaluate(
        "[...document.querySelectorAll('#software *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
        ".map(e => e.tagName + '.' + e.className)"
    )
    assert over == []
