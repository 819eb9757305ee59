"""A browser for each module, and a kiosk and a window for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.console.browser.browsing import Window, page_fixture
from tests.console.chromium import CHROMIUM_ARGUMENTS, chromium
from tests.console.kiosk import Kiosk, running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started_browser() -> AsyncIterator[Browser]:
    """Chromium."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_ARGUMENTS))
        yield started
        await started.close()


@page_fixture
async def browser(started_browser: Browser) -> AsyncIterator[Browser]:
    """Chromium without any page."""
    yield started_browser
    for context in started_browser.contexts:
        await context.close()


@page_fixture
async def kiosk(tmp_path: Path) -> AsyncIterator[Kiosk]:
    """A running kiosk."""
    async with running(tmp_path) as started:
        yield started


@page_fixture
async def window(browser: Browser, kiosk: Kiosk) -> Window:
    """A page in which somebody is signed in."""
    context = await browser.new_context(viewport={"width": 1920, "height": 1080})
    await kiosk.sign_in(context)
    return Window(await context.new_page())
