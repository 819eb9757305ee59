"""Decisions that take two people, and alerts handed to second line: who may ask for what, and who is told when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hotspotd.access import secrets
from hotspotd.clock import Stamp
from hotspotd.console.controls import Reporting
from hotspotd.console.gate import COOKIE
from hotspotd.domain.rights import Role
from hotspotd.domain.verdict import ReferReason
from hotspotd.records.model import Alert, Decision, OutboxItem
from hotspotd.records.people import Person
from hotspotd.relay.decisions import compose_decision
from hotspotd.relay.reports import decode_decision
from tests.console.kiosk import BADGE, Kiosk, finger_hit, of_two_persons, running

PIN = "428571"
OTHER = "1042"


@pytest.fixture(scope="module")
def kept() -> str:
    """The PIN as it is kept; hashing takes its time."""
    return secrets.hashed(PIN)


@pytest.fixture
async def pair(tmp_path: Path, kept: str) -> AsyncIterator[Kiosk]:
    """A kiosk at which two people decide, which tells the bureau, and where a guard and a technician may sign in."""

    def compose(alert: Alert, decision: Decision, now: Stamp) -> OutboxItem | None:
        return compose_decision(alert, decision, now, country="UTO", role="officer")

    reporting = Reporting(compose, lambda: None)
    async with running(tmp_path, settings=of_two_persons(), reporting=reporting) as kiosk:
        people = (
            (OTHER, Role.GUARD, False),
            ("3001", Role.TECHNICIAN, False),
            ("2002", Role.GUARD, True),
            (BADGE, Role.GUARD, False),
        )
        for badge, role, fresh in people:
            await kiosk.records.add_person(Person(badge=badge, roles=(role,), secret=kept, must_change=fresh), "test")
        yield kiosk


def elsewhere(kiosk: Kiosk, badge: str) -> aiohttp.ClientSession:
    """A page of this kiosk at which somebody else is signed in."""
    token, _ = kiosk.console.sessions.begin(badge, [Role.GUARD])
    return aiohttp.ClientSession(kiosk.origin, headers={"Origin": kiosk.origin, "Cookie": f"{COOKIE}={token}"})


async def ask(client: aiohttp.ClientSession, alert: int | None, what: str, **wish: object) -> tuple[int, Any]:
    async with client.post(f"/api/alerts/{alert}/{what}", json=wish) as answer:
        is_json = answer.content_type == "application/json"
        return answer.status, await answer.json() if is_json else await answer.text()


async def told(kiosk: Kiosk) -> list[Decision]:
    """What the bureau has been told, oldest first."""
    rows = await kiosk.records._db.rows("SELECT tcn FROM outbox WHERE kind = 'decision' ORDER BY rowid")
    items = [await kiosk.records.outbox_item(row["tcn"]) for row in rows]
    return [decode_decision(item.payload).decision for item in items]


async def test_a_hit_is_confirmed_by_two_and_the_bureau_is_told_after_the_second(pair: Kiosk) -> None:
    alert = await pair.check(await pair.encounter(), finger_hit())
    async with pair.client(Role.GUARD) as client:
        status, line = await ask(client, alert, "decision", decision="confirm")
        assert (status, line["state"], line["proposed"], line["decided_by"]) == (
            200,
            "awaiting",
            "confirm",
            f"badge {BADGE}",
        )
        assert await told(pair) == []
        async with client.get("/guard/state") as answer:
            assert [one["state"] for one in (await answer.json())["alerts"]] == ["awaiting"]
        # Somebody beside them, without signing anybody out.
        wish = {"decision": "confirm", "agree": True, "badge": OTHER, "secret": PIN}
        status, line = await ask(client, alert, "second", **wish)
        assert (status, line["state"], line["seconded_by"]) == (200, "confirmed", f"badge {OTHER}")
        async with client.get("/api/session") as answer:
            assert (await answer.json())["badge"] == BADGE
    assert await told(pair) == [Decision.CONFIRM]
    rows = await pair.records._db.rows("SELECT event, actor FROM audit ORDER BY seq")
    done = [(row["event"], row["actor"]) for row in rows if row["event"].startswith(("alert.", "sign_in."))]
    assert done[-3:] == [
        ("alert.proposed", f"badge {BADGE}"),
        ("sign_in.done", f"badge {OTHER}"),
        ("alert.confirm", f"badge {OTHER}"),
    ]


@pytest.mark.parametrize(
    ("badge", "secret", "status", "reason"),
    [
        ("", "", 403, "not_allowed"),  # whoever proposed it, with nobody beside them
        (BADGE, PIN, 403, "not_allowed"),
        (OTHER, "000000", 401, "wrong_secret"),
        ("9999", PIN, 401, "wrong_secret"),
        ("3001", PIN, 403, "not_allowed"),  # a technician decides nothing
        ("2002", PIN, 403, "not_allowed"),  # a secret that somebody else knows
    ],
)
async def test_the_second_person_is_another_one_who_may_decide(
    pair: Kiosk, badge: str, secret: str, status: int, reason: str
) -> None:
    alert = await pair.check(await pair.encounter(), finger_hit())
    async with pair.client(Role.GUARD) as client:
        await ask(client, alert, "decision", decision="confirm")
        for agree in (True, False):
            wish = {"decision": "confirm", "agree": agree, "badge": badge, "secret": secret}
            found, problem = await ask(client, alert, "second", **wish)
            assert (found, problem["reason"]) == (status, reason)
        # What was proposed cannot be decided past.
        assert (await ask(client, alert, "decision", decision="confirm"))[0] == 409
    assert alert is not None
    assert (await pair.records.alert(alert)).state == "awaiting"
    assert await told(pair) == []


async def test_somebody_at_another_screen_refuses_and_then_agrees(pair: Kiosk) -> None:
    alert = await pair.check(await pair.encounter(), finger_hit())
    async with pair.client(Role.GUARD) as client, elsewhere(pair, OTHER) as other:
        await ask(client, alert, "decision", decision="dismiss", reason="misread", note="smudged")
        status, problem = await ask(other, alert, "second", decision="confirm", agree=True)
        assert (status, problem["reason"]) == (409, "conflict")
        assert (await ask(other, alert, "second", decision="dismiss", agree=False))[1]["state"] == "open"
        await ask(client, alert, "decision", decision="dismiss", reason="misread", note="smudged")
        line = (await ask(other, alert, "second", decision="dismiss", agree=True))[1]
        assert (line["state"], line["decision_reason"]) == ("dismissed", "misread: smudged")
        for nonsense in ({}, {"decision": "escalate", "agree": True}, {"decision": "confirm", "agree": "yes"}):
            assert (await ask(other, alert, "second", **nonsense))[0] == 400
    rows = await pair.records._db.rows("SELECT event, detail FROM audit WHERE event LIKE 'alert.%' ORDER BY seq")
    assert [row["event"] for row in rows[1:]] == ["alert.proposed", "alert.refused", "alert.proposed", "alert.dismiss"]
    assert "smudged" not in str([tuple(row) for row in rows])


async def test_what_is_proposed_is_taken_back_without_a_word_to_the_bureau(pair: Kiosk) -> None:
    alert = await pair.check(await pair.encounter(), finger_hit())
    async with pair.client(Role.GUARD) as client:
        await ask(client, alert, "decision", decision="confirm")
        assert (await ask(client, alert, "decision", decision="reopen"))[1]["state"] == "open"
    assert await told(pair) == []


async def test_one_person_may_see_to_trouble_and_escalate(pair: Kiosk) -> None:
    trouble = await pair.check(await pair.encounter(), trouble=(ReferReason.DOCUMENT_UNREADABLE,))
    hit = await pair.check(await pair.encounter("lane-2"), finger_hit())
    async with pair.client(Role.GUARD) as client:
        assert (await ask(client, trouble, "decision", decision="confirm"))[1]["state"] == "confirmed"
        assert (await ask(client, hit, "decision", decision="escalate"))[1]["state"] == "escalated"
    assert await told(pair) == [Decision.ESCALATE]


async def test_an_alert_with_second_line_stays_in_sight_and_the_bureau_knows(pair: Kiosk) -> None:
    first = await pair.check(await pair.encounter(), finger_hit())
    async with pair.client(Role.GUARD) as client, elsewhere(pair, OTHER) as second_line:
        status, line = await ask(client, first, "decision", decision="hand_over", note="to Ivan")
        assert (status, line["state"], line["handed_over_by"]) == (200, "handed_over", f"badge {BADGE}")
        async with client.get("/guard/state") as answer:
            assert [one["state"] for one in (await answer.json())["alerts"]] == ["handed_over"]
        # Nobody in the room has anything to do about it.
        async with client.get("/waiting/events") as stream:
            assert b'"alerts":0' in await stream.content.readuntil(b'"lanes"')
        assert (await ask(second_line, first, "decision", decision="reopen"))[1]["state"] == "open"
    assert await told(pair) == [Decision.HAND_OVER, Decision.REOPEN]
