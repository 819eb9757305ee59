"""The table of rights, walked: every address of the console, asked by every role and by nobody."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from hotspotd.console.gate import Open, guarded_of
from hotspotd.domain.rights import RIGHTS, Act, Role, may
from tests.console.kiosk import Kiosk

DOCS = Path(__file__).resolve().parents[2] / "docs" / "rights.md"
# What an address that is let through may answer to a request that makes no sense.
_LET_IN = {200, 201, 204, 303, 304, 400, 404, 409, 415, 422, 503}
_STREAMS = re.compile(r"/events$")


def routes(kiosk: Kiosk) -> list[web.AbstractRoute]:
    app = kiosk.console._runner.app  # type: ignore[union-attr]  # The routes as they are, not as tests list them.
    return [route for route in app.router.routes() if route.method != "HEAD"]


async def ask(client: aiohttp.ClientSession, route: web.AbstractRoute) -> int:
    path = route.resource.canonical.replace("{lane}", "lane-1") if route.resource else "/"
    path = re.sub(r"\{[^}]*\}", "99", path)
    body = {} if route.method == "GET" else {"json": {}}
    async with client.request(route.method, path, allow_redirects=False, **body) as answer:
        return answer.status


async def test_every_address_says_what_it_needs(kiosk: Kiosk) -> None:
    for route in routes(kiosk):
        assert guarded_of(route.handler) is not None, (
            f"{route.method} {route.resource}: made without console.gate.needs"
        )


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_reaches_what_the_table_gives_it_and_nothing_else(kiosk: Kiosk, role: Role) -> None:
    reached = 0
    for route in routes(kiosk):
        guarded = guarded_of(route.handler)
        assert guarded is not None
        if not isinstance(guarded.need, Act):
            continue
        allowed = may([role], guarded.need)
        if allowed and _STREAMS.search(route.resource.canonical if route.resource else ""):
            continue  # Would not end; that others are refused is asked all the same.
        async with kiosk.client(role) as client:
            status = await ask(client, route)
        told = f"{role}: {route.method} {route.resource.canonical if route.resource else ''}"
        assert status in _LET_IN if allowed else status == 403, f"{told}: {status}"
        reached += allowed
    assert reached


async def test_nobody_reaches_what_needs_somebody(kiosk: Kiosk) -> None:
    for route in routes(kiosk):
        guarded = guarded_of(route.handler)
        assert guarded is not None
        if guarded.need in (Open.ANYONE, Open.AT_KIOSK):
            continue
        async with kiosk.stranger() as client:
            assert await ask(client, route) == (303 if guarded.page else 401), route


async def test_whoever_has_to_change_the_secret_may_do_nothing_else(kiosk: Kiosk) -> None:
    token, _ = kiosk.console.sessions.begin("1042", list(Role), must_change=True)
    shown = {"Origin": kiosk.origin, "Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(kiosk.origin, headers=shown) as client:
        for route in routes(kiosk):
            guarded = guarded_of(route.handler)
            if guarded is not None and isinstance(guarded.need, Act):
                assert await ask(client, route) == 403


def test_the_documented_table_is_the_one_that_is_enforced() -> None:
    rows = [re.findall(r"[^|]+", line) for line in DOCS.read_text().splitlines() if line.startswith("| `")]
    documented = {
        row[0].strip().strip("`"): {role for role, cell in zip(Role, row[2:], strict=True) if cell.strip() == "yes"}
        for row in rows
    }
    assert documented == {act.value: set(RIGHTS[act]) for act in Act}
