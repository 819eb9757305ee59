"""How long what is kept, and what an officer, a court or a person asked for."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hotspotd.domain.verdict import GatewayOutcome
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import Records
from hotspotd.records.data_subjects import Subject
from hotspotd.records.keeping import Held, Keeping, Why, term
from hotspotd.records.model import Decision, Kind, OutboxItem, OutboxState, Rank
from tests.records.conftest import HandClock
from tests.records.examples import CLEAR, KEEPING, REFER_HIT, answer, encounter, item

HELD = Held(
    encounter_id="E1",
    tcn="T1",
    lane="lane-1",
    operation="demo",
    recorded_at="2026-11-22T12:00:00.000Z",
    kept_from="2026-11-22T12:00:00.000Z",
    local_outcome="clear",
    gateway_outcome="no_hit",
    answered_at="2026-11-22T13:00:00.000Z",
    released_at="2026-11-22T12:01:00.000Z",
    hit=False,
    open_alerts=0,
    decided_at=None,
    unsent=False,
    unreported=False,
    received_at="2026-11-22T12:00:30.000Z",
    held_since=None,
)
LONGEST = "2026-12-22T12:00:00.000Z"


@pytest.mark.parametrize(
    ("change", "why", "until"),
    [
        ({}, Why.NO_HIT, "2026-11-23T13:00:00.000Z"),
        ({"local_outcome": None}, Why.NOT_CHECKED, LONGEST),
        ({"gateway_outcome": None, "answered_at": None}, Why.NOT_ANSWERED, LONGEST),
        ({"unsent": True}, Why.NOT_ANSWERED, LONGEST),
        ({"gateway_outcome": "error"}, Why.NOT_SEARCHED, LONGEST),
        ({"open_alerts": 1}, Why.NOT_DECIDED, LONGEST),
        ({"hit": True, "open_alerts": 1}, Why.NOT_DECIDED, LONGEST),
        ({"hit": True, "unreported": True}, Why.NOT_HANDED_OVER, LONGEST),
        ({"hit": True, "unsent": True}, Why.NOT_HANDED_OVER, LONGEST),
        ({"hit": True, "decided_at": "2026-11-24T12:00:00.000Z"}, Why.HANDED_OVER, "2026-11-27T12:00:00.000Z"),
        ({"hit": True, "decided_at": "2026-12-21T12:00:00.000Z"}, Why.HANDED_OVER, LONGEST),
        ({"held_since": "2026-11-22T14:00:00.000Z"}, Why.LEGAL_HOLD, None),
        # Recorded and answered before the clock was set.
        ({"kept_from": None}, Why.NO_HIT, None),
        (
            {"answered_at": "1970-01-01T00:00:00.000Z", "kept_from": "2026-11-25T12:00:00.000Z"},
            Why.NO_HIT,
            "2026-11-26T12:00:00.000Z",
        ),
    ],
)
def test_how_long_and_why(change: dict[str, object], why: Why, until: str | None) -> None:
    kept = term(replace(HELD, **change), KEEPING)
    assert (kept.why, kept.until) == (why, until)


async def hit_in_the_lane(records: Records) -> int:
    """Somebody who was found here and at the gateway, and has left; the alert."""
    given = encounter()
    await records.record_encounter(given, item(given))
    [alert_id] = await records.record_verdict(given.encounter_id, REFER_HIT)
    await records.store_answer(answer(given, GatewayOutcome.HIT), b"")
    await records.release(given.encounter_id)
    return alert_id


async def test_a_hit_is_kept_until_it_was_decided_and_reported_and_then_its_hours(
    records: Records, hand_clock: HandClock
) -> None:
    alert_id = await hit_in_the_lane(records)
    hand_clock.move(hours=100)
    assert await records.erase_due(KEEPING) == 0
    report = OutboxItem(
        tcn="UTOD00001",
        encounter_id="E00001",
        kind=Kind.DECISION,
        rank=Rank.DECISION,
        payload=b"{}",
        created_at="2026-11-26T16:00:00.000Z",
    )
    await records.decide(alert_id, Decision.CONFIRM, "his face", "badge 7", report)
    hand_clock.move(hours=73)
    assert await records.erase_due(KEEPING) == 0, "the gateway does not know"
    assert (await records.outbox_item("UTOD00001")).payload == b"{}"
    await records.outbox_receipt("UTOD00001", b"{}")
    hand_clock.move(hours=71)
    assert await records.erase_due(KEEPING) == 0
    hand_clock.move(hours=2)
    assert await records.erase_due(KEEPING) == 1
    alert = await records.alert(alert_id)
    assert (alert.hits, alert.decision_reason, alert.state, alert.decided_by) == ((), None, "confirmed", "badge 7")
    assert await records.held() == []


async def test_nothing_is_kept_for_longer_than_the_longest_but_under_legal_hold(
    records: Records, hand_clock: HandClock
) -> None:
    for number in (1, 2):
        given = encounter(number)
        await records.record_encounter(given, item(given))
    await records.release_all()
    await records.hold("E00002", "badge 7", "order 12")
    with pytest.raises(RecordsError) as caught:
        await records.hold("E00002", "badge 7", "order 12")
    assert caught.value.reason is Reason.CONFLICT
    hand_clock.move(hours=721)
    assert await records.erase_due(KEEPING) == 1
    gone = await records.outbox_item("UTOE00001")
    assert (gone.state, gone.payload) == (OutboxState.QUARANTINED, b"")
    with pytest.raises(RecordsError) as caught:
        await records.erase_encounter("E00002", "badge 7", "request 17", unsent=True)
    assert caught.value.reason is Reason.CONFLICT
    await records.lift("E00002", "badge 8", "order ended")
    assert await records.erase_due(KEEPING) == 1
    rows = await records._db.rows("SELECT event, actor, detail FROM audit WHERE event GLOB 'encounter.*' ORDER BY seq")
    said = [
        (row["event"], row["actor"], row["detail"].partition("note=")[0].strip())
        for row in rows
        if "recorded" not in row["event"]
    ]
    assert said == [
        ("encounter.held", "badge 7", ""),
        ("encounter.erased", "daemon", "longest not_checked"),
        ("encounter.hold_lifted", "badge 8", ""),
        ("encounter.erased", "daemon", "longest not_checked"),
    ]


async def test_what_came_before_the_clock_was_set_is_kept_from_when_it_was(
    records: Records, hand_clock: HandClock
) -> None:
    hand_clock.move(days=-20_000)
    given = encounter()
    await records.record_encounter(given, item(given))
    await records.record_verdict(given.encounter_id, CLEAR)
    await records.store_answer(answer(given), b"")
    await records.release_all()
    assert await records.erase_due(KEEPING) == 0
    hand_clock.move(days=20_000)
    assert await records.erase_due(KEEPING) == 0
    hand_clock.move(hours=23)
    assert await records.erase_due(KEEPING) == 0
    hand_clock.move(hours=1)
    assert await records.erase_due(KEEPING) == 1


async def test_whoever_is_in_the_lane_is_not_erased(records: Records, hand_clock: HandClock) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    await records.record_verdict(given.encounter_id, CLEAR)
    await records.store_answer(answer(given), b"")
    assert await records.erase_due(Keeping(0, 72, 720)) == 0
    await records.release(given.encounter_id)
    assert await records.erase_due(Keeping(0, 72, 720)) == 1


async def test_a_person_is_found_by_what_the_document_says_however_it_is_spelt(records: Records) -> None:
    for number in (1, 2):
        given = encounter(number)
        await records.record_encounter(given, item(given))
    everyone = ["E00001", "E00002"]
    for person in (
        Subject(document="l898 902-c3"),
        Subject(surname="Ériksson"),
        Subject(surname="ERIKSSON", given_names="maria", birth_date="740812"),
    ):
        assert await records.encounters_of(person) == everyone
    for person in (
        Subject(document="L898902C"),
        Subject(surname="Eriksson", given_names="Eva"),
        Subject(surname="Eriksson", birth_date="740813"),
    ):
        assert await records.encounters_of(person) == []
    with pytest.raises(ValueError, match="surname"):
        Subject(given_names="Anna")
