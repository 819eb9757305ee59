"""The auditors' page: entries page by page, and a check of the chain that names what was changed."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from typing import Any

import aiohttp

from hotspotd.domain.rights import Role
from hotspotd.records import audit
from hotspotd.records.audit_check import PROGRESS_EVERY
from tests.console.kiosk import Kiosk


async def get(client: aiohttp.ClientSession, path: str) -> Any:
    async with client.get(path) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def fill(kiosk: Kiosk, entries: int) -> None:
    """Make the chain ``entries`` longer."""
    now = kiosk.records._clock.now()

    def write(writer: sqlite3.Connection) -> None:
        for number in range(entries):
            audit.append(writer, now, "encounter.recorded", subject=f"E{number}", detail="clear")

    await kiosk.records._db.write(write)


async def checked(client: aiohttp.ClientSession) -> Any:
    """The result of a check, followed as the page does; with how far it was said to be on the way."""
    seen = []
    async with client.get("/audit/events") as stream:
        async with client.post("/api/audit/check", json={}) as answer:
            assert answer.status == 200
        async with asyncio.timeout(60):
            while True:
                line = (await stream.content.readline()).decode()
                if not line.startswith("data: {") or '"entries"' not in line:
                    continue
                state = json.loads(line[6:])["check"]
                if state is None:
                    continue
                if not state["running"]:
                    return state, seen
                seen.append(state["done"])


async def test_entries_are_read_page_by_page_and_filtered(kiosk: Kiosk) -> None:
    await fill(kiosk, 150)
    await kiosk.records.audited("alert.viewed", subject="E7", actor="badge 1042", detail="alert 7")
    await kiosk.records.audited(
        "reference.viewed", subject="watchlist", actor="badge 1042", detail="face", note="L898902C3"
    )
    async with kiosk.client(Role.AUDITOR) as client:
        page = await get(client, "/api/audit/entries")
        assert [entry["seq"] for entry in page["entries"]] == list(range(152, 52, -1))
        assert (page["entries"][0]["detail"], page["entries"][0]["noted"]) == ("face", True)
        assert "L898902C3" not in json.dumps(page)
        rest = await get(client, f"/api/audit/entries?before={page['before']}")
        assert [entry["seq"] for entry in rest["entries"]] == list(range(52, 0, -1))
        assert rest["before"] == 0
        for asked, found in (
            ("event=alert", [151]),
            ("event=aler", []),
            ("subject=E7", [151, 8]),
            ("actor=badge%201042", [152, 151]),
        ):
            page = await get(client, f"/api/audit/entries?{asked}")
            assert [entry["seq"] for entry in page["entries"]] == found, asked
        for wrong in ("before=0", "before=none", "colour=red"):
            async with client.get(f"/api/audit/entries?{wrong}") as answer:
                assert answer.status == 400
    # Whoever reads it stands in it.
    await kiosk.records.views_written()
    async with kiosk.client(Role.AUDITOR) as client:
        page = await get(client, "/api/audit/entries?event=audit.viewed")
        assert page["entries"][0]["actor"] == "badge 4711"


async def test_a_check_says_how_far_it_is_and_that_all_is_whole(kiosk: Kiosk) -> None:
    await fill(kiosk, 2 * PROGRESS_EVERY + 5)
    async with kiosk.client(Role.AUDITOR) as client:
        assert (await get(client, "/api/audit"))["check"] is None
        result, seen = await checked(client)
        assert (result["finding"], result["damage"], result["failed"]) == ("", "", "")
        assert result["done"] == 2 * PROGRESS_EVERY + 5
        assert {PROGRESS_EVERY, 2 * PROGRESS_EVERY} & set(seen)
        page = await get(client, "/api/audit/entries?event=audit.checked")
        assert [entry["detail"] for entry in page["entries"]] == [f"{2 * PROGRESS_EVERY + 5} whole"]


async def test_a_check_names_what_was_changed(kiosk: Kiosk) -> None:
    await fill(kiosk, 20)

    def change() -> None:
        with closing(sqlite3.connect(kiosk.records.path, timeout=5)) as connection, connection:
            connection.execute("UPDATE audit SET subject = 'E99' WHERE seq = 12")

    await asyncio.to_thread(change)
    async with kiosk.client(Role.SUPERVISOR) as client:
        result, _ = await checked(client)
    assert (result["damage"], result["finding"], result["done"]) == ("changed", "entry 12 was changed", 11)
