"""Signing in at a page, the screen that clears, and what shows when nobody is signed in."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import msgspec
from playwright.async_api import Browser, Page, Route, expect

from hotspotd.access import secrets
from hotspotd.console.gate import COOKIE
from hotspotd.domain.rights import Role
from hotspotd.events import LaneState, Prompt
from hotspotd.records.people import Person
from tests.console.browser.browsing import ONE_LOOP, in_browser, page_fixture
from tests.console.kiosk import Kiosk, config, finger_hit, running

pytestmark = ONE_LOOP

PIN = "428571"


async def add(kiosk: Kiosk, badge: str, *roles: Role, must_change: bool = False) -> None:
    kept = await kiosk.console.worker.run(secrets.hashed, PIN)
    await kiosk.records.add_person(Person(badge=badge, roles=roles, secret=kept, must_change=must_change), "test")


async def test_the_cookie_is_for_this_kiosks_pages_alone(kiosk: Kiosk) -> None:
    await add(kiosk, "1042", Role.GUARD)
    async with kiosk.stranger() as client:
        async with client.get("/api/session") as answer:
            assert answer.status == 204
        async with client.post("/api/session", json={"badge": "1042", "secret": PIN}) as answer:
            assert answer.status == 201
            told = await answer.json()
            cookie = answer.headers["Set-Cookie"]
        assert told["roles"] == ["guard"]
        assert told["token"] is None
        for part in ("HttpOnly", "SameSite=Strict", "Path=/"):
            assert part in cookie
        async with client.post("/api/session", json={"badge": "1042", "secret": "000000"}) as answer:
            assert answer.status == 401
        async with client.post("/api/session", json={"badge": "1042"}) as answer:
            assert answer.status == 400
        async with client.post("/api/session", json={}, headers={"Origin": "http://elsewhere.test"}) as answer:
            assert answer.status == 403


async def test_a_program_signs_in_with_a_token_and_out_again(kiosk: Kiosk) -> None:
    await add(kiosk, "BMS-1", Role.GUARD)
    wish = {"badge": "BMS-1", "secret": PIN, "bearer": True}
    async with kiosk.stranger() as client, client.post("/api/session", json=wish) as answer:
        token = (await answer.json())["token"]
        assert "Set-Cookie" not in answer.headers
    async with aiohttp.ClientSession(kiosk.origin, headers={"Authorization": f"Bearer {token}"}) as program:
        async with program.get("/guard/state") as answer:
            assert answer.status == 200
        kiosk.lane.show(LaneState.OFFICER, Prompt.OFFICER_COMES)
        async with program.post("/api/lanes/lane-1/next") as answer:
            assert answer.status == 204
        async with program.delete("/api/session") as answer:
            assert answer.status == 204
        async with program.get("/guard/state") as answer:
            assert answer.status == 401


async def test_the_stream_of_a_page_ends_with_its_session(kiosk: Kiosk) -> None:
    async with kiosk.client(Role.GUARD) as client, client.get("/guard/events") as stream:
        await stream.content.readuntil(b"event: state")
        async with client.delete("/api/session") as answer:
            assert answer.status == 204
        rest = await stream.content.read()
    assert rest.rstrip().endswith(b"event: signed_out\ndata: {}")


@page_fixture
async def page(browser: Browser) -> Page:
    context = await browser.new_context(viewport={"width": 1920, "height": 1080})
    return await context.new_page()


@in_browser
async def test_a_new_guard_signs_in_chooses_a_pin_sees_alerts_and_signs_out(kiosk: Kiosk, page: Page) -> None:
    await add(kiosk, "1042", Role.GUARD, must_change=True)
    await kiosk.check(await kiosk.encounter(), finger_hit())
    kiosk.lane.show(LaneState.OFFICER, Prompt.OFFICER_COMES)
    await page.goto(f"{kiosk.origin}/guard")
    await expect(page.locator("#waiting")).to_have_text("1 alert waits. An officer is asked for at lane-1")
    assert "ERIKSSON" not in await page.content()
    await page.keyboard.type("1042")
    await page.keyboard.press("Tab")
    await page.keyboard.type("000111")
    await page.keyboard.press("Enter")
    await expect(page.locator("#problem")).to_have_text("Badge number or secret is wrong. Try again.")
    await page.keyboard.type(PIN)
    await page.keyboard.press("Enter")
    await expect(page.locator("#change")).to_be_visible()
    await page.keyboard.type("907163")
    await page.keyboard.press("Tab")
    await page.keyboard.type("907163")
    await page.keyboard.press("Enter")
    await expect(page.locator(".alert h1")).to_have_text("ERIKSSON, ANNA MARIA")
    await expect(page.locator("#who")).to_contain_text("1042 guard")
    await page.click("#sign-out")
    await expect(page.locator("#badge")).to_be_visible()
    assert "ERIKSSON" not in await page.content()
    await page.go_back()
    assert "ERIKSSON" not in await page.content()
    assert COOKIE not in {cookie["name"] for cookie in await page.context.cookies()}


@in_browser
async def test_while_the_kiosk_is_slow_to_sign_out_nothing_shows_acts_or_breaks(kiosk: Kiosk, page: Page) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    acted: list[str] = []
    page.on("request", lambda request: acted.append(request.url) if request.method == "POST" else None)
    slow = asyncio.Event()

    async def held(route: Route) -> None:
        await slow.wait()
        await route.continue_()

    await page.route("**/api/session", held)
    await page.clock.install()
    await kiosk.check(await kiosk.encounter(), finger_hit())
    await kiosk.sign_in(page.context)
    await page.goto(f"{kiosk.origin}/guard")
    await expect(page.locator(".alert h1")).to_have_text("ERIKSSON, ANNA MARIA")
    acted.clear()
    async with page.expect_request("**/api/session"):
        await page.click("#sign-out")
    await expect(page.locator("html")).to_be_hidden()
    await page.keyboard.press("c")
    await page.clock.run_for(2_000)
    slow.set()
    await expect(page.locator("#badge")).to_be_visible()
    assert "ERIKSSON" not in await page.content()
    assert complaints == []
    assert acted == []


@in_browser
async def test_the_screen_clears_when_nobody_does_anything(tmp_path: Path, page: Page) -> None:
    settings = config()
    short = msgspec.structs.replace(settings.console, idle_minutes=0.1)
    async with running(tmp_path, settings=msgspec.structs.replace(settings, console=short)) as kiosk:
        await kiosk.check(await kiosk.encounter(), finger_hit())
        await kiosk.sign_in(page.context)
        await page.goto(f"{kiosk.origin}/guard")
        await expect(page.locator(".alert h1")).to_have_text("ERIKSSON, ANNA MARIA")
        await expect(page.locator("#leaving")).to_contain_text("The screen clears in")
        await expect(page.locator("#badge")).to_be_visible()
        assert "ERIKSSON" not in await page.content()
