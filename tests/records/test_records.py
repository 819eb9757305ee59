"""Encounters, the outbox, answers, alerts and erasure, on a real database."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from hotspotd.domain.candidate import Hit, ListRecord
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import Notice
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome, Outcome, Verdict
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import Records
from hotspotd.records.audit import first_broken
from hotspotd.records.keeping import Keeping
from hotspotd.records.model import AlertKind, AlertState, Decision, OutboxState
from tests.records.conftest import HandClock
from tests.records.examples import CLEAR, KEEPING, REFER_HIT, REFER_TROUBLE, answer, encounter, hit, item


async def test_an_encounter_comes_back_as_it_was_recorded_without_pictures(records: Records) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    stored = await records.encounter(given.encounter_id)
    assert stored.encounter.document == given.document
    assert [s.template for s in stored.encounter.samples] == [s.template for s in given.samples]
    assert [s.position for s in stored.encounter.samples] == [None, *[s.position for s in given.samples[1:]]]
    assert await records.sample_image(given.encounter_id, "finger", FingerPosition.RIGHT_INDEX) == (
        b"print",
        "image/png",
    )


async def test_a_missing_finger_has_no_picture(records: Records) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    with pytest.raises(RecordsError) as caught:
        await records.sample_image(given.encounter_id, "finger", FingerPosition.RIGHT_MIDDLE)
    assert caught.value.reason is Reason.NOT_FOUND


async def test_encounter_and_outbox_row_are_one_transaction(records: Records) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    clashing = encounter(2)
    with pytest.raises(RecordsError):
        await records.record_encounter(clashing, item(given))  # its outbox row breaks on the primary key
    with pytest.raises(RecordsError):
        await records.encounter(clashing.encounter_id)
    assert [row.tcn for row in await records.outbox_due(10)] == [given.tcn]


async def test_a_row_stays_queued_until_the_receipt_is_stored(records: Records) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    await records.outbox_failed(given.tcn, "connection reset")
    (row,) = await records.outbox_due(10)
    assert (row.attempts, row.last_error) == (1, "connection reset")
    await records.outbox_receipt(given.tcn, b"{}")
    await records.outbox_receipt(given.tcn, b"{}")
    assert await records.outbox_due(10) == []
    assert await records.unanswered() == [given.tcn]
    queue = await records.queue_state()
    assert (queue.waiting, queue.oldest) == (0, None)


async def test_a_quarantined_row_lets_the_others_go_on(records: Records) -> None:
    for number in (1, 2):
        given = encounter(number)
        await records.record_encounter(given, item(given))
    await records.outbox_quarantine("UTOE00001", "refused: 107 too long")
    assert [row.tcn for row in await records.outbox_due(10)] == ["UTOE00002"]
    aside = await records.outbox_item("UTOE00001")
    assert (aside.state, aside.last_error) == (OutboxState.QUARANTINED, "refused: 107 too long")


async def test_the_outbox_refuses_above_its_limit_and_keeps_what_it_has(tmp_path: Path) -> None:
    records = await Records.open(tmp_path / "records.db", outbox_limit=1)
    given, refused = encounter(1), encounter(2)
    await records.record_encounter(given, item(given))
    with pytest.raises(RecordsError) as caught:
        await records.record_encounter(refused, item(refused))
    assert caught.value.reason is Reason.STORAGE_FULL
    assert [row.tcn for row in await records.outbox_due(10)] == [given.tcn]
    await records.close()


async def test_a_nearly_full_disk_refuses_new_encounters(tmp_path: Path) -> None:
    records = await Records.open(tmp_path / "records.db", minimum_free_mb=10**9)
    given = encounter()
    with pytest.raises(RecordsError) as caught:
        await records.record_encounter(given, item(given))
    assert caught.value.reason is Reason.STORAGE_FULL
    await records.close()


async def test_an_answer_is_stored_once(records: Records) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    first = await records.store_answer(answer(given, GatewayOutcome.HIT), b"<SRE/>")
    again = await records.store_answer(answer(given, GatewayOutcome.HIT), b"<SRE/>")
    assert first.new
    assert first.alert_id is not None
    assert not again.new
    assert len(await records.alerts()) == 1
    assert (await records.outbox_item(given.tcn)).state is OutboxState.ANSWERED


async def test_a_hit_is_late_only_after_the_traveller_has_left(records: Records) -> None:
    present, gone = encounter(1), encounter(2)
    for given in (present, gone):
        await records.record_encounter(given, item(given))
        await records.record_verdict(given.encounter_id, CLEAR)
    await records.release(gone.encounter_id)
    in_time = await records.store_answer(answer(present, GatewayOutcome.HIT, "R1"), b"")
    late = await records.store_answer(answer(gone, GatewayOutcome.HIT, "R2"), b"")
    assert (in_time.late, late.late) == (False, True)
    assert {alert.encounter_id: alert.kind for alert in await records.alerts()} == {
        present.encounter_id: AlertKind.GATEWAY,
        gone.encounter_id: AlertKind.LATE,
    }


async def test_a_hit_that_the_officer_has_already_is_no_second_alert(records: Records) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    await records.record_verdict(given.encounter_id, REFER_HIT)
    await records.release(given.encounter_id)
    stored = await records.store_answer(answer(given, GatewayOutcome.HIT), b"")
    assert (stored.late, stored.alert_id) == (False, None)
    assert [alert.kind for alert in await records.alerts()] == [AlertKind.LOCAL]


async def test_a_hit_for_somebody_referred_for_trouble_is_not_late(records: Records) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    await records.record_verdict(given.encounter_id, REFER_TROUBLE)
    await records.release(given.encounter_id)
    stored = await records.store_answer(answer(given, GatewayOutcome.HIT), b"")
    assert not stored.late
    assert {alert.kind for alert in await records.alerts()} == {AlertKind.TROUBLE, AlertKind.GATEWAY}


async def test_a_further_hit_joins_the_alert_and_opens_it_again(records: Records) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    await records.record_verdict(given.encounter_id, CLEAR)
    await records.release(given.encounter_id)
    first = await records.store_answer(answer(given, GatewayOutcome.HIT, "R1"), b"")
    assert first.alert_id is not None
    await records.decide(first.alert_id, Decision.CONFIRM, "", "badge 7")
    other = ListRecord(reference="2026/2", notice=Notice.ORANGE, owner="XPO")
    more = GatewayAnswer(outcome=GatewayOutcome.HIT, tcn="R2", tcr=given.tcn, hits=(Hit(record=other, candidates=()),))
    second = await records.store_answer(more, b"")
    assert second.alert_id == first.alert_id
    (alert,) = await records.alerts()
    assert [hit.record.reference for hit in alert.hits] == ["2026/1", "2026/2"]


async def test_the_gateway_raises_again_what_an_officer_dismissed(records: Records) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    (alert_id,) = await records.record_verdict(given.encounter_id, REFER_HIT)
    await records.decide(alert_id, Decision.DISMISS, "other person", "badge 7")
    await records.store_answer(answer(given, GatewayOutcome.HIT), b"")
    assert [alert.kind for alert in await records.alerts()] == [AlertKind.GATEWAY]


async def test_a_traveller_may_go_unless_the_gateway_has_a_hit(records: Records) -> None:
    fine, wanted = encounter(1), encounter(2)
    for given in (fine, wanted):
        await records.record_encounter(given, item(given))
        await records.record_verdict(given.encounter_id, CLEAR)
    await records.store_answer(answer(wanted, GatewayOutcome.HIT, "R2"), b"")
    assert (await records.release_unless_hit(fine.encounter_id)).count == 1
    assert (await records.release_unless_hit(wanted.encounter_id)).count == 0
    late = await records.store_answer(answer(fine, GatewayOutcome.HIT, "R1"), b"")
    assert late.late


async def test_trouble_without_a_hit_is_erased_once_an_officer_has_seen_to_it(
    records: Records, hand_clock: HandClock
) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    (alert_id,) = await records.record_verdict(given.encounter_id, REFER_TROUBLE)
    await records.store_answer(answer(given), b"")
    await records.release(given.encounter_id)
    hand_clock.move(hours=25)
    assert await records.erase_due(KEEPING) == 0
    # Second line still needs to see it.
    await records.decide(alert_id, Decision.HAND_OVER, "", "badge 7")
    assert await records.erase_due(KEEPING) == 0
    await records.decide(alert_id, Decision.CONFIRM, "", "badge 7")
    assert await records.erase_due(KEEPING) == 1


async def test_an_answer_before_its_receipt_ends_the_sending(records: Records) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    await records.store_answer(answer(given), b"")
    assert await records.outbox_due(10) == []
    await records.outbox_receipt(given.tcn, b"late receipt")
    assert (await records.outbox_item(given.tcn)).state is OutboxState.ANSWERED


async def test_a_later_reply_that_knows_nothing_does_not_take_a_hit_back(records: Records) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    for number, outcome in enumerate((GatewayOutcome.NO_HIT, GatewayOutcome.HIT, GatewayOutcome.NO_HIT)):
        await records.store_answer(answer(given, outcome, f"R{number}"), b"")
    stored = await records.encounter(given.encounter_id)
    assert stored.answer is not None
    assert stored.answer.outcome is GatewayOutcome.HIT
    assert len(await records.alerts()) == 1


async def test_an_answer_to_nothing_we_know_is_kept_and_said(records: Records) -> None:
    stored = await records.store_answer(answer(encounter(9)), b"<SRE/>")
    assert (stored.new, stored.encounter_id) == (True, None)


async def test_a_gateway_error_reaches_the_officer(records: Records) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    await records.store_answer(answer(given, GatewayOutcome.ERROR), b"<ERR/>")
    assert [alert.kind for alert in await records.alerts()] == [AlertKind.TROUBLE]


async def test_alerts_are_listed_by_urgency(records: Records) -> None:
    verdicts = (REFER_TROUBLE, Verdict(outcome=Outcome.REFER, hits=(hit(Notice.PURPLE),)), REFER_HIT)
    for number, verdict in enumerate(verdicts):
        given = encounter(number)
        await records.record_encounter(given, item(given))
        await records.record_verdict(given.encounter_id, verdict)
    assert [alert.urgency for alert in await records.alerts()] == [1, 3, 4]


async def test_a_clear_verdict_raises_nothing(records: Records) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    assert await records.record_verdict(given.encounter_id, CLEAR) == []
    (row,) = await records.recent()
    assert (row.local_outcome, row.local_ms) == ("clear", 12.5)


async def test_two_officers_cannot_decide_the_same_alert(records: Records) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    (alert_id,) = await records.record_verdict(given.encounter_id, REFER_HIT)
    decided = await records.decide(alert_id, Decision.DISMISS, "other person", "badge 7")
    assert (decided.state, decided.decided_by) == (AlertState.DISMISSED, "badge 7")
    with pytest.raises(RecordsError) as caught:
        await records.decide(alert_id, Decision.CONFIRM, "", "badge 8")
    assert caught.value.reason is Reason.CONFLICT
    reopened = await records.decide(alert_id, Decision.REOPEN, "", "badge 7")
    assert (reopened.state, reopened.decided_by) == (AlertState.OPEN, None)
    with pytest.raises(RecordsError):
        await records.decide(999, Decision.CONFIRM, "", "badge 8")


async def test_encounters_that_were_never_checked_are_found_again(tmp_path: Path) -> None:
    records = await Records.open(tmp_path / "records.db")
    for number in (1, 2):
        given = encounter(number)
        await records.record_encounter(given, item(given))
    await records.record_verdict("E00001", CLEAR)
    await records.close()
    records = await Records.open(tmp_path / "records.db")
    assert await records.unchecked() == ["E00002"]
    assert await records.release_all() == 2
    await records.close()


async def test_personal_data_is_erased_when_its_time_is_up_and_not_before(
    records: Records, hand_clock: HandClock, tmp_path: Path
) -> None:
    done, unanswered, found = encounter(1), encounter(2), encounter(3)
    for given, verdict in ((done, CLEAR), (unanswered, CLEAR), (found, REFER_HIT)):
        await records.record_encounter(given, item(given))
        await records.record_verdict(given.encounter_id, verdict)
    await records.store_answer(answer(done, tcn="R1"), b"ERIKSSON in the reply")
    await records.store_answer(answer(found, tcn="R3"), b"")
    await records.release_all()
    hand_clock.move(hours=23)
    assert await records.erase_due(KEEPING) == 0
    hand_clock.move(hours=2)
    assert await records.erase_due(KEEPING) == 1
    assert await records.erase_due(KEEPING) == 0
    stored = await records.encounter(done.encounter_id)
    assert stored.encounter.document is None
    assert stored.encounter.samples == ()
    assert (await records.encounter(unanswered.encounter_id)).encounter.document is not None
    assert (await records.encounter(found.encounter_id)).encounter.document is not None


async def test_nothing_is_erased_on_an_untrusted_clock(records: Records, hand_clock: HandClock) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    await records.record_verdict(given.encounter_id, CLEAR)
    await records.store_answer(answer(given), b"")
    hand_clock.move(days=-20_000)
    assert await records.erase_due(Keeping(0, 0, 0.001)) == 0


async def test_the_audit_chain_shows_a_changed_and_a_removed_entry(records: Records, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        given = encounter(number)
        await records.record_encounter(given, item(given))
        await records.record_verdict(given.encounter_id, CLEAR)
    await records.close()
    rows = _audit_rows(tmp_path / "records.db")
    assert first_broken(rows) is None
    assert first_broken([*rows[:2], *rows[3:]]) == 3
    changed = list(rows)
    changed[3] = (*rows[3][:3], "encounter.erased", *rows[3][4:])
    assert first_broken(changed) == 4


def _audit_rows(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT * FROM audit ORDER BY seq").fetchall()
    finally:
        connection.close()
