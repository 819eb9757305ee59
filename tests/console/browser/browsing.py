"""What tests in a real Chromium have in common.

A module's tests share one event loop and on it one browser, for starting one takes as long as many a test; each has
contexts of its own. Async fixtures of these modules are of that loop: ``@page_fixture``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import ConsoleMessage, Page, Response, expect

from tests.console.chromium import chromium

ONE_LOOP: Final = pytest.mark.asyncio(loop_scope="module")
BROWSER: Final = [
    ONE_LOOP,
    pytest.mark.browser,
    # Playwright starts and reads a process on the loop.
    pytest.mark.blocking_allowed,
    pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine (apt-get install chromium)"),
]
MOST_BYTES: Final = 200_000
"""What a page may weigh."""
page_fixture = pytest_asyncio.fixture(loop_scope="module")
# Only how long a failing test takes: a busy machine shows a page late, not wrongly.
expect.set_options(timeout=20_000)


def in_browser(test: Callable[..., Any]) -> Callable[..., Any]:
    """One test of a module in which others want no browser; the module is marked ``ONE_LOOP``."""
    for mark in BROWSER[1:]:
        test = mark(test)
    return test


class Window:
    """A page, with what its console said and how much it loaded."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.loaded: list[Response] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("response", self._loaded)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _loaded(self, response: Response) -> None:
        self.loaded.append(response)

    async def weight(self) -> int:
        """Bytes of the page itself: everything loaded but streams, and pictures and data of people."""
        own = [each for each in self.loaded if not re.search(r"/events$|/api/|mirror", each.url)]
        return sum([len(await each.body()) for each in own if each.status == 200])


async def missing_icons(page: Page) -> list[str]:
    """Icons that the page refers to and the sprite does not have."""
    found: list[str] = await page.evaluate(
        "[...document.querySelectorAll('use')].map(u => u.getAttribute('href')).filter(h => !document.querySelector(h))"
    )
    return found
