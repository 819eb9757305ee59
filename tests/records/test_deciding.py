"""Decisions that take two people, and alerts that are with second line: who may do what, and what is written down."""

from __future__ import annotations

import pytest

from hotspotd.errors import Reason, RecordsError
from hotspotd.records import Records
from hotspotd.records.model import Alert, AlertState, Decision
from tests.records.examples import REFER_HIT, REFER_TROUBLE, encounter, item

FIRST, OTHER = "badge 7", "badge 8"


async def raised(records: Records, verdict: object = REFER_HIT) -> int:
    given = encounter()
    await records.record_encounter(given, item(given))
    (alert_id,) = await records.record_verdict(given.encounter_id, verdict)  # type: ignore[arg-type]
    return int(alert_id)


async def told(records: Records) -> list[tuple[str, str, str]]:
    """What the audit chain holds of decisions: event, actor, detail."""
    rows = await records._db.rows("SELECT event, actor, detail FROM audit ORDER BY seq")
    found = [(row["event"], row["actor"], row["detail"]) for row in rows]
    return [one for one in found if one[0].startswith("alert.") and one[0] != "alert.raised"]


async def reason_of(records: Records, *arguments: object, **more: object) -> Reason:
    with pytest.raises(RecordsError) as caught:
        await records.second(*arguments, **more)  # type: ignore[arg-type]
    return caught.value.reason


def undecided(alert: Alert) -> bool:
    return (alert.decided_at, alert.decided_by, alert.decision_reason, alert.proposed) == (None,) * 4


async def test_a_proposed_decision_holds_when_another_person_agrees(records: Records) -> None:
    alert_id = await raised(records)
    proposed = await records.propose(alert_id, Decision.DISMISS, "misread: smudged", FIRST, code="misread")
    assert (proposed.state, proposed.proposed, proposed.decided_by) == (AlertState.AWAITING, Decision.DISMISS, FIRST)
    assert [alert.alert_id for alert in await records.standing_alerts()] == [alert_id]
    assert await records.open_alerts() == {"local": 1}
    decided = await records.second(alert_id, Decision.DISMISS, OTHER, agrees=True, code="misread")
    assert (decided.state, decided.decided_by, decided.seconded_by) == (AlertState.DISMISSED, FIRST, OTHER)
    assert (decided.proposed, decided.decision_reason) == (None, "misread: smudged")
    assert await records.standing_alerts() == []
    assert await told(records) == [
        ("alert.proposed", FIRST, f"alert {alert_id} dismiss misread"),
        ("alert.dismiss", OTHER, f"alert {alert_id} misread after {FIRST}"),
    ]


async def test_a_refusal_opens_the_alert_again(records: Records) -> None:
    alert_id = await raised(records)
    await records.propose(alert_id, Decision.CONFIRM, "", FIRST)
    refused = await records.second(alert_id, Decision.CONFIRM, OTHER, agrees=False)
    assert refused.state is AlertState.OPEN
    assert undecided(refused)
    assert (await told(records))[-1] == ("alert.refused", OTHER, f"alert {alert_id} confirm of {FIRST}")


async def test_nobody_is_their_own_second_person_and_nothing_else_is_agreed_to(records: Records) -> None:
    alert_id = await raised(records)
    assert await reason_of(records, alert_id, Decision.CONFIRM, OTHER, agrees=True) is Reason.CONFLICT
    await records.propose(alert_id, Decision.CONFIRM, "", FIRST)
    for agrees in (True, False):
        assert await reason_of(records, alert_id, Decision.CONFIRM, FIRST, agrees=agrees) is Reason.NOT_ALLOWED
        assert await reason_of(records, alert_id, Decision.DISMISS, OTHER, agrees=agrees) is Reason.CONFLICT
    assert await reason_of(records, 999, Decision.CONFIRM, OTHER, agrees=True) is Reason.NOT_FOUND
    assert (await records.alert(alert_id)).state is AlertState.AWAITING
    # Whoever is not sure any more takes it back; nobody decides alone past what is proposed.
    for decision in (Decision.CONFIRM, Decision.ESCALATE, Decision.HAND_OVER):
        with pytest.raises(RecordsError, match="awaiting already"):
            await records.decide(alert_id, decision, "", OTHER)
    assert undecided(await records.decide(alert_id, Decision.REOPEN, "", FIRST))


async def test_what_is_with_second_line_is_decided_there_or_taken_back(records: Records) -> None:
    alert_id = await raised(records, REFER_TROUBLE)
    handed = await records.decide(alert_id, Decision.HAND_OVER, "has no passport", FIRST)
    assert (handed.state, handed.handed_over_by) == (AlertState.HANDED_OVER, FIRST)
    assert handed.handed_over_at
    assert [alert.state for alert in await records.standing_alerts()] == ["handed_over"]
    assert await records.open_alerts() == {}
    with pytest.raises(RecordsError, match="handed over already"):
        await records.decide(alert_id, Decision.HAND_OVER, "", OTHER)
    decided = await records.decide(alert_id, Decision.CONFIRM, "", OTHER)
    assert (decided.state, decided.handed_over_by) == (AlertState.CONFIRMED, FIRST)
    # Undone, it is with second line still; taken back from there, it is open as it was.
    undone = await records.decide(alert_id, Decision.REOPEN, "", OTHER)
    assert (undone.state, undone.handed_over_at) == (AlertState.HANDED_OVER, handed.handed_over_at)
    back = await records.decide(alert_id, Decision.REOPEN, "", OTHER)
    assert (back.state, back.handed_over_at, back.handed_over_by) == (AlertState.OPEN, None, None)


async def test_what_has_changed_since_it_was_seen_is_not_decided(records: Records) -> None:
    alert_id = await raised(records)
    await records.propose(alert_id, Decision.CONFIRM, "", FIRST)
    await records.second(alert_id, Decision.CONFIRM, OTHER, agrees=True)
    with pytest.raises(RecordsError, match="confirmed already"):
        await records.decide(alert_id, Decision.REOPEN, "", FIRST, seen=AlertState.AWAITING)


async def test_standing_alerts_are_open_first_and_second_line_last(records: Records) -> None:
    ids = []
    for number in range(3):
        given = encounter(number)
        await records.record_encounter(given, item(given))
        ids += await records.record_verdict(given.encounter_id, REFER_HIT)
    await records.decide(ids[0], Decision.HAND_OVER, "", FIRST)
    await records.propose(ids[1], Decision.CONFIRM, "", FIRST)
    assert [alert.alert_id for alert in await records.standing_alerts()] == [ids[2], ids[1], ids[0]]
