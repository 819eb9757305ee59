"""The interface for other programs: that it is what its description says, whoever asks and whatever is asked."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import hypothesis
import msgspec
import pytest
import schemathesis

from hotspotd.access import secrets
from hotspotd.console.interface.operations import OPERATIONS, description
from hotspotd.domain.rights import Role
from hotspotd.domain.verdict import ReferReason
from hotspotd.records.people import Person
from tests.console.kiosk import SPECIMEN, Kiosk, finger_hit, running

DOCS = Path(__file__).resolve().parents[2] / "docs"
PIN = "82519463"

# --- by hand: the way that docs/api.md shows ------------------------------------------------------------------------


async def add_person(kiosk: Kiosk, *roles: Role, must_change: bool = False) -> None:
    kept = await asyncio.to_thread(secrets.hashed, PIN)
    await kiosk.records.add_person(Person(badge="77", roles=roles, secret=kept, must_change=must_change), "test")


async def sign_in(kiosk: Kiosk) -> str:
    async with (
        aiohttp.ClientSession(kiosk.origin) as anyone,
        anyone.post("/api/v1/session", json={"badge": "77", "secret": PIN}) as answer,
    ):
        assert answer.status == 201
        assert "Set-Cookie" not in answer.headers
        return str((await answer.json())["token"])


async def test_a_program_signs_in_reads_decides_and_signs_out(kiosk: Kiosk) -> None:
    await add_person(kiosk, Role.GUARD)
    encounter = await kiosk.encounter()
    alert = await kiosk.check(encounter, finger_hit())
    shown = {"Authorization": f"Bearer {await sign_in(kiosk)}"}
    async with aiohttp.ClientSession(kiosk.origin, headers=shown) as program:
        async with program.get("/api/v1/session") as answer:
            session = await answer.json()
            assert (session["badge"], session["token"]) == ("77", None)
        async with program.get("/api/v1/lanes/lane-1") as answer:
            assert (await answer.json())["view"]["state"] == "idle"
        async with program.get("/api/v1/encounters?limit=1") as answer:
            (row,) = (await answer.json())["encounters"]
            assert row["encounter_id"] == encounter.encounter_id
        async with program.get(f"/api/v1/encounters/{encounter.encounter_id}") as answer:
            view = await answer.json()
            assert view["document"]["surname"] == "ERIKSSON"
            assert view["document"]["mrz"] == list(SPECIMEN)
            assert (view["local"], view["reasons"]) == ("refer", ["hit"])
        async with program.get(view["samples"][0]["picture"]) as answer:
            assert answer.content_type == "image/jpeg"
        async with program.get("/api/v1/alerts") as answer:
            (line,) = (await answer.json())["alerts"]
            assert line["alert_id"] == alert
        async with program.post(f"/api/v1/alerts/{alert}/decision", json={"decision": "confirm"}) as answer:
            assert (await answer.json())["state"] == "confirmed"
        async with program.post(f"/api/v1/alerts/{alert}/decision", json={"decision": "confirm"}) as answer:
            assert (answer.status, (await answer.json())["reason"]) == (409, "conflict")
        async with program.get("/api/v1/link") as answer:
            assert answer.status == 403  # Not for guards.
        async with program.delete("/api/v1/session") as answer:
            assert answer.status == 204
        async with program.get("/api/v1/lanes") as answer:
            assert (answer.status, (await answer.json())["reason"]) == (401, "not_signed_in")
    # Who read what is in the chain.
    await kiosk.records.views_written()
    rows = await kiosk.records._db.rows("SELECT event FROM audit WHERE actor = 'badge 77'")
    assert {"encounter.viewed", "alerts.viewed", "alert.confirm"} <= {row["event"] for row in rows}


async def test_the_event_stream_begins_with_the_whole_state(kiosk: Kiosk) -> None:
    await add_person(kiosk, Role.GUARD)
    alert = await kiosk.check(await kiosk.encounter(), finger_hit())
    shown = {"Authorization": f"Bearer {await sign_in(kiosk)}"}
    async with (
        aiohttp.ClientSession(kiosk.origin, headers=shown) as program,
        program.get("/api/v1/events") as stream,
    ):
        assert stream.content_type == "text/event-stream"
        while not (line := (await stream.content.readline()).decode()).startswith("data: "):
            pass
        assert [each["alert_id"] for each in json.loads(line[6:])["alerts"]] == [alert]


async def test_a_page_elsewhere_can_neither_sign_in_nor_use_who_is(kiosk: Kiosk) -> None:
    await add_person(kiosk, Role.GUARD)
    wish = {"badge": "77", "secret": PIN}
    async with aiohttp.ClientSession(kiosk.origin) as anyone:
        foreign = {"Origin": "https://elsewhere.test"}
        async with anyone.post("/api/v1/session", json=wish, headers=foreign) as answer:
            assert answer.status == 403
        # What a page may send elsewhere without asking first.
        plain = {"Content-Type": "text/plain"}
        async with anyone.post("/api/v1/session", data=json.dumps(wish), headers=plain) as answer:
            assert answer.status == 415
        async with anyone.options("/api/v1/session", headers=foreign) as answer:
            assert answer.status == 403
    async with kiosk.client(Role.GUARD) as ours:
        del ours.headers["Origin"]  # What a browser never leaves out.
        async with ours.post("/api/v1/lanes/lane-1/next") as answer:
            assert answer.status == 403
    assert kiosk.lane.asked == []


async def test_what_is_refused_says_why_as_json(kiosk: Kiosk) -> None:
    shown = {"Authorization": f"Bearer {kiosk.signed(*Role)}"}
    async with aiohttp.ClientSession(kiosk.origin, headers=shown) as program:
        for path, status in (
            ("/api/v1/alerts/none", 400),
            ("/api/v1/alerts/99", 404),
            ("/api/v1/lanes/none", 404),
            ("/api/v1/encounters/none", 404),
            ("/api/v1/encounters?limit=0", 400),
            ("/api/v1/encounters?limit=1&limit=2", 400),
            ("/api/v1/alerts?colour=red", 400),
            ("/api/v1/nothing", 404),
        ):
            async with program.get(path) as answer:
                problem = await answer.json()
                assert (answer.status, set(problem)) == (status, {"reason", "what", "advice"}), path
        async with program.put("/api/v1/alerts") as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")
            assert (await answer.json())["reason"] == "method_not_allowed"


def test_the_description_that_is_checked_in_is_the_one_that_is_served() -> None:
    written = json.loads((DOCS / "openapi.json").read_text())
    assert written == json.loads(msgspec.json.encode(description())), (
        "make it again: python -m hotspotd.console.interface > docs/openapi.json"
    )


def test_the_walk_through_names_every_operation() -> None:
    text = (DOCS / "api.md").read_text()
    assert [each.name for each in OPERATIONS if f"`{each.method} {each.path}`" not in text] == []


# --- by chance: everything that the description allows, and much that it does not ----------------------------------

# Names of those that do not end, and of the one that would sign the others out.
_APART = ["follow_events", "sign_out"]
_EXAMPLES = 10


def _also(status: int) -> dict[str, Any]:
    """What sense may be answered with, besides what it usually is."""
    return {"positive_data_acceptance": {"expected-statuses": ["2xx", 401, 403, 404, 409, status]}}


SCHEMA = schemathesis.openapi.from_dict(
    description(),
    config=schemathesis.Config.from_dict(
        {
            "generation": {"deterministic": True, "allow-extra-parameters": False},
            "operations": [
                # Nobody knows a badge by chance; which reason a dismissal needs is said in words.
                {"include-operation-id": "sign_in", "checks": _also(429)},
                {"include-operation-id": "decide_alert", "checks": _also(400)},
            ],
        }
    ),
).exclude(operation_id=_APART)


class Elsewhere:
    """A kiosk on the loop of another thread: the requests are made by a library that blocks."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._over: asyncio.Event
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(folder),))
        self.origin = self.token = ""
        self._thread.start()
        assert self._started.wait(30)

    async def _run(self, folder: Path) -> None:
        self._over = asyncio.Event()
        async with running(folder) as kiosk:
            for _ in range(3):
                await kiosk.check(await kiosk.encounter(), finger_hit())
            await kiosk.check(await kiosk.encounter(), trouble=(ReferReason.DOCUMENT_UNREADABLE,))
            self.origin = kiosk.origin
            self.token, _ = kiosk.console.sessions.begin("4711", list(Role), program=True)
            self._started.set()
            await self._over.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)
        self._loop.close()


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    started = Elsewhere(tmp_path_factory.mktemp("kiosk"))
    yield started
    started.stop()


@SCHEMA.parametrize()
@hypothesis.settings(max_examples=_EXAMPLES, derandomize=True, deadline=None, database=None)
def test_every_operation_keeps_to_its_description(case: schemathesis.Case, elsewhere: Elsewhere) -> None:
    case.call_and_validate(base_url=elsewhere.origin, headers={"Authorization": f"Bearer {elsewhere.token}"})
