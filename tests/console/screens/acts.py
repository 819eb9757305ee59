"""What somebody does at a page before a picture of it is made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import Page

from tests.console.screens.kiosks import FIRST_PIN

Act = Callable[[Page], Awaitable[Any]]


def choose(words: str, act: Act | None = None) -> Act:
    async def click(page: Page) -> None:
        await page.get_by_text(words).first.click()
        if act:
            await act(page)

    return click


async def language_arabic(page: Page) -> None:
    await page.click("#language")
    await page.click('[data-language="ar"]')


async def lower(page: Page) -> None:
    await page.click("#lower")


async def languages(page: Page) -> None:
    await page.click("#language")


def in_language(code: str) -> Act:
    async def choose_it(page: Page) -> None:
        await page.click("#language")
        await page.click(f'#languages [data-language="{code}"]')

    return choose_it


async def flicker(page: Page) -> None:
    await page.wait_for_selector(".alert")
    await page.keyboard.down("f")


async def to_the_end(page: Page) -> None:
    await page.locator(".source").scroll_into_view_if_needed()


async def exact(page: Page) -> None:
    await page.wait_for_selector(".alert")
    await page.keyboard.press("x")


async def links(page: Page) -> None:
    await page.click("#links summary")


async def keys(page: Page) -> None:
    await page.keyboard.press("?")


async def dismiss(page: Page) -> None:
    await page.wait_for_selector(".alert")
    await page.keyboard.press("d")


async def sign_in_first(page: Page) -> None:
    await page.fill("#badge", "1043")
    await page.fill("#secret", FIRST_PIN)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#change:not([hidden])")


async def add_somebody(page: Page) -> None:
    await page.fill("#badge", "1060")
    await page.check("[value=guard]")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#pin[open]")


async def add_known(page: Page) -> None:
    await page.fill("#badge", "1042")
    await page.check("[value=guard]")
    await page.keyboard.press("Enter")
    await page.get_by_text("is known already").wait_for()


async def check_chain(page: Page) -> None:
    await page.click("#begin")
    await page.wait_for_selector("#check[data-tone=good]")


async def check_damaged(page: Page) -> None:
    await page.click("#begin")
    await page.wait_for_selector("#check[data-tone=bad]")


async def narrowed(page: Page) -> None:
    await page.fill("#event", "alert")
    await page.keyboard.press("Enter")
    await page.locator("#entries tr", has_text="encounter.recorded").first.wait_for(state="detached")


async def confirm(page: Page) -> None:
    await page.wait_for_selector(".alert")
    await page.keyboard.press("c")
    await page.wait_for_selector("#undo:not([hidden])")


async def closer(page: Page) -> None:
    await page.wait_for_selector(".marks circle")
    for key in ("p", "p", "+", "+", "Shift+ArrowRight"):
        await page.keyboard.press(key)


async def second(page: Page) -> None:
    await page.wait_for_selector(".alert")
    await page.keyboard.press("c")
    await page.wait_for_selector("#alerts [data-state=awaiting]")
    await page.keyboard.press("a")


async def handed(page: Page) -> None:
    await page.wait_for_selector(".alert")
    await page.keyboard.press("2")
    await page.wait_for_selector("#alerts [data-state=handed_over]")


async def update(page: Page) -> None:
    await page.get_by_role("button", name="Look for a newer version").click()
    await page.get_by_role("button", name="Put 0.3.0 in force").click()
    await page.get_by_role("button", name="Leave it as it is").scroll_into_view_if_needed()
