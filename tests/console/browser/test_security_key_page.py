"""Security keys in a real Chromium, with its own virtual key: registered on one's page, then signed in with."""

from __future__ import annotations

import sys
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Browser, Page, expect

pytest.importorskip("fido2")

from hotspotd.access import secrets
from hotspotd.console.gate import COOKIE
from hotspotd.domain.rights import Role
from hotspotd.records.people import Person
from tests.access.soft_key import SoftKey
from tests.console.browser.browsing import ONE_LOOP, in_browser, page_fixture
from tests.console.kiosk import Kiosk, running

pytestmark = ONE_LOOP

PIN = "428571"


@page_fixture
async def page(browser: Browser) -> Page:
    context = await browser.new_context(viewport={"width": 1920, "height": 1080})
    return await context.new_page()


async def has_key(page: Page, *, verifies: bool) -> None:
    """Put a key into the machine, in the place of the one before."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasUserVerification": verifies,
        "isUserVerified": verifies,
        "automaticPresenceSimulation": True,
    }
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


@in_browser
@pytest.mark.parametrize("verifies", [True, False])
async def test_a_guard_registers_a_key_and_signs_in_with_it(kiosk: Kiosk, page: Page, verifies: bool) -> None:
    kept = await kiosk.console.worker.run(secrets.hashed, PIN)
    await kiosk.records.add_person(Person(badge="1042", roles=(Role.GUARD,), secret=kept), "test")
    origin = f"http://localhost:{kiosk.console.port}"
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await has_key(page, verifies=verifies)
    await page.goto(f"{origin}/sign-in")
    await page.fill("#badge", "1042")
    await page.fill("#secret", PIN)
    await page.press("#secret", "Enter")
    await page.wait_for_url("**/guard")
    await page.goto(origin)
    await page.click("text=Your security key")
    await expect(page.locator("#state")).to_have_text("No key is registered for your badge.")
    await page.fill("#secret", "000111")
    await page.click("text=Register a key")
    await expect(page.locator("#problem")).to_contain_text("secret is wrong")
    await page.fill("#secret", PIN)
    await page.click("text=Register a key")
    await expect(page.locator("#state")).to_contain_text("A key is registered for your badge.")
    await page.click("#sign-out")
    await page.fill("#badge", "1042")
    await page.click("#use-key")
    if not verifies:
        await expect(page.locator("#problem")).to_contain_text("Type your PIN or password as well")
        await page.fill("#secret", PIN)
        await page.click("#use-key")
    await page.wait_for_url("**/guard")
    await expect(page.locator("#who")).to_contain_text("1042 guard")
    await page.goto(f"{origin}/key")
    await page.click("#remove")
    await expect(page.locator("#state")).to_have_text("No key is registered for your badge.")
    assert await kiosk.records.badges_with_key() == frozenset()
    assert complaints == []


@in_browser
async def test_at_an_address_of_numbers_the_page_says_where_keys_work(kiosk: Kiosk, page: Page) -> None:
    await page.goto(f"{kiosk.origin}/sign-in")
    await expect(page.locator("#key-elsewhere a")).to_have_attribute(
        "href", f"http://localhost:{kiosk.console.port}/sign-in"
    )
    await expect(page.locator("#use-key")).to_be_hidden()
    async with kiosk.stranger() as client, client.post("/api/session/key/begin", json={"badge": "1042"}) as answer:
        assert answer.status == 409


async def test_without_the_package_nothing_of_it_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fido2", None)
    async with running(tmp_path) as kiosk, kiosk.client() as client:
        for path, status in (("/", 200), ("/sign-in", 200), ("/key", 404), ("/api/session/keys", 404)):
            async with client.get(path) as answer:
                assert answer.status == status
                assert "security key" not in await answer.text() or status == 404


async def test_one_is_offered_under_the_kiosks_name_with_the_same_cookie_as_with_a_secret(kiosk: Kiosk) -> None:
    kept = await kiosk.console.worker.run(secrets.hashed, PIN)
    await kiosk.records.add_person(Person(badge="1042", roles=(Role.GUARD,), secret=kept), "test")
    origin = f"http://localhost:{kiosk.console.port}"
    key = SoftKey()
    token, _ = kiosk.console.sessions.begin("1042", [Role.GUARD])
    shown = {"Origin": origin, "Cookie": f"{COOKIE}={token}"}
    async with aiohttp.ClientSession(origin, headers=shown) as client:
        async with client.post("/api/session/keys/begin", json={"secret": PIN}) as answer:
            made = key.create(await answer.json(), origin)
        async with client.post("/api/session/keys/complete", json={"answer": made}) as answer:
            assert answer.status == 204
    async with aiohttp.ClientSession(origin, headers={"Origin": origin}) as client:
        for given, status in ((SoftKey(), 401), (key, 201)):
            async with client.post("/api/session/key/begin", json={"badge": "1042"}) as answer:
                signed = given.get(await answer.json(), origin)
            async with client.post("/api/session/key/complete", json={"answer": signed}) as answer:
                assert answer.status == status
                cookie = answer.headers.get("Set-Cookie", "")
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        async with client.get("/api/session") as answer:
            assert (await answer.json())["badge"] == "1042"
