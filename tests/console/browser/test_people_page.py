"""Who may sign in, managed at a screen: what each act does to sign-in and sessions, and what nobody may do."""

from __future__ import annotations

from typing import Any

import aiohttp
from playwright.async_api import Browser, expect

from hotspotd.access import secrets
from hotspotd.access.sign_in import FREE_TRIES
from hotspotd.domain.rights import Role
from hotspotd.records.people import Person
from tests.console.browser.browsing import ONE_LOOP, in_browser
from tests.console.kiosk import BADGE, Kiosk

pytestmark = ONE_LOOP

PIN = "428571"


async def add(kiosk: Kiosk, badge: str, *roles: Role) -> None:
    kept = await kiosk.console.worker.run(secrets.hashed, PIN)
    await kiosk.records.add_person(Person(badge=badge, roles=roles, secret=kept), "test")


async def post(client: aiohttp.ClientSession, path: str, **body: Any) -> tuple[int, Any]:
    async with client.post(path, json=body) as answer:
        return answer.status, await answer.json() if answer.content_type == "application/json" else None


async def signs_in(kiosk: Kiosk, badge: str, secret: str) -> tuple[int, Any]:
    async with kiosk.stranger() as client:
        return await post(client, "/api/session", badge=badge, secret=secret)


async def test_somebody_is_added_and_has_to_choose_a_pin(kiosk: Kiosk) -> None:
    async with kiosk.client(Role.SUPERVISOR) as client:
        status, made = await post(client, "/api/people", badge="1042", roles=["auditor", "guard"])
        assert status == 201
        assert await post(client, "/api/people", badge="1042", roles=["guard"]) == (
            409,
            {
                "reason": "conflict",
                "what": "records: badge 1042 is known already",
                "advice": "Give it a new secret instead.",
            },
        )
        for wrong in (
            {"badge": "1043", "roles": []},
            {"badge": "a b", "roles": ["guard"]},
            {"badge": "1", "roles": ["x"]},
        ):
            assert (await post(client, "/api/people", **wrong))[0] == 400
        async with client.get("/api/people") as answer:
            (person,) = (await answer.json())["people"]
            assert (person["badge"], person["roles"], person["must_change"]) == ("1042", ["guard", "auditor"], True)
            assert made["pin"] not in await answer.text()
    status, session = await signs_in(kiosk, "1042", made["pin"])
    assert (status, session["must_change"], session["acts"]) == (201, True, [])


async def test_a_new_pin_unlocks_and_signs_out(kiosk: Kiosk) -> None:
    await add(kiosk, "1042", Role.GUARD)
    _, session = kiosk.console.sessions.begin("1042", [Role.GUARD])
    for _ in range(FREE_TRIES):
        assert (await signs_in(kiosk, "1042", "000000"))[0] == 401
    assert (await signs_in(kiosk, "1042", PIN))[0] == 429
    async with kiosk.client(Role.SUPERVISOR) as client:
        async with client.get("/api/people") as answer:
            assert (await answer.json())["people"][0]["locked_s"] > 0
        _, given = await post(client, "/api/people/1042/pin")
        assert (await post(client, "/api/people/nobody/pin"))[0] == 404
    assert session.ended.is_set()
    assert (await signs_in(kiosk, "1042", PIN))[0] == 401
    assert (await signs_in(kiosk, "1042", given["pin"]))[0] == 201


async def test_unlocking_lets_the_same_secret_in(kiosk: Kiosk) -> None:
    await add(kiosk, "1042", Role.GUARD)
    for _ in range(FREE_TRIES):
        await signs_in(kiosk, "1042", "000000")
    async with kiosk.client(Role.SUPERVISOR) as client:
        status, state = await post(client, "/api/people/1042/unlock")
        assert (status, state["people"][0]["failures"], state["people"][0]["locked_s"]) == (200, 0, 0)
        assert (await post(client, "/api/people/nobody/unlock"))[0] == 404
    assert (await signs_in(kiosk, "1042", PIN))[0] == 201


async def test_who_is_disabled_is_out_at_once_and_never_the_last_supervisor(kiosk: Kiosk) -> None:
    await add(kiosk, "1042", Role.GUARD)
    await add(kiosk, "2001", Role.SUPERVISOR)
    await add(kiosk, BADGE, Role.TECHNICIAN)  # Was a supervisor when the session below began.
    _, session = kiosk.console.sessions.begin("1042", [Role.GUARD])
    async with kiosk.client(Role.SUPERVISOR) as client:
        assert (await post(client, "/api/people/1042/disable"))[0] == 200
        assert session.ended.is_set()
        assert (await signs_in(kiosk, "1042", PIN))[0] == 401
        assert (await post(client, "/api/people/1042/enable"))[0] == 200
        assert (await signs_in(kiosk, "1042", PIN))[0] == 201
        status, problem = await post(client, f"/api/people/{BADGE}/disable")
        assert (status, problem["what"]) == (409, "that is your own badge")
        assert (await post(client, f"/api/people/{BADGE}/pin"))[0] == 409
        status, problem = await post(client, "/api/people/2001/disable")
        assert (status, problem["what"]) == (409, "records: badge 2001 is the last supervisor")
        await add(kiosk, "2002", Role.SUPERVISOR)
        assert (await post(client, "/api/people/2001/disable"))[0] == 200
    person = await kiosk.records.person("2002")
    assert person is not None
    assert not person.disabled


@in_browser
async def test_a_supervisor_adds_somebody_with_the_keyboard_and_follows_what_others_do(
    kiosk: Kiosk, browser: Browser
) -> None:
    context = await browser.new_context()
    await kiosk.sign_in(context, Role.SUPERVISOR)
    page = await context.new_page()
    await page.goto(f"{kiosk.origin}/people")
    await expect(page.locator(".ways a")).to_have_text(["Officer", "Technician", "People", "Audit"])
    await page.focus("#badge")
    await page.keyboard.type("1042")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    await expect(page.locator("#pin")).to_be_visible()
    pin = (await page.locator("#digits").inner_text()).replace(" ", "")
    await page.keyboard.press("Enter")
    await expect(page.locator("#pin")).to_be_hidden()
    await expect(page.locator("#digits")).to_have_text("")  # A dialog tells that it was closed after it is hidden.
    assert (await signs_in(kiosk, "1042", pin))[0] == 201
    row = page.locator("#people tr", has_text="1042")
    await expect(row.locator(".state")).to_have_text("to choose a PIN")
    async with kiosk.client(Role.SUPERVISOR) as other:
        assert (await post(other, "/api/people/1042/disable"))[0] == 200
    await expect(row.locator(".state")).to_have_text("disabled")
    await row.get_by_text("Let in again").click()
    await expect(page.locator("#outcome")).to_have_text("Badge 1042 may sign in again.")
