"""Replies as networks and bureaus hand them out: in any order, twice, to a second transaction, taken back."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hotspotd.domain.candidate import Determination, Hit, ListRecord
from hotspotd.domain.encounter import Encounter, Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.gateway_error import GatewayFault
from hotspotd.domain.identifiers import second_tcn
from hotspotd.domain.notice import Notice
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome, ReferReason, Verdict
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import Records, sealed
from hotspotd.records.audit import first_broken
from hotspotd.records.model import AlertKind, AlertState, Decision, OutboxState
from tests.records import older
from tests.records.conftest import HandClock
from tests.records.examples import CLEAR, KEEPING, REFER_HIT, REFER_TROUBLE, encounter, item

CO, UC, SL = Determination.CONFIRMED, Determination.UNCONFIRMED, Determination.SILENT
POOR, FORM = GatewayFault("501", "FGP", "poor"), GatewayFault("112", "DOB", "date")


def named(reference: str, determination: Determination = UC, notice: Notice = Notice.RED) -> Hit:
    return Hit(
        record=ListRecord(reference=reference, notice=notice, owner="XPO"), candidates=(), determination=determination
    )


def reply(number: int, *hits: Hit, to: str = "UTOE00001", **more: Any) -> GatewayAnswer:
    outcome = GatewayOutcome.HIT if hits else GatewayOutcome.NO_HIT
    made_at = f"2026-11-22T12:{number:02}:00.000Z"
    return GatewayAnswer(
        **{"outcome": outcome, "tcn": f"R{number}", "tcr": to, "made_at": made_at, "hits": hits} | more
    )


def error(number: int, *faults: GatewayFault, to: str = "UTOE00001") -> GatewayAnswer:
    return reply(number, to=to, outcome=GatewayOutcome.ERROR, faults=faults)


async def here(records: Records, verdict: Verdict = CLEAR) -> Encounter:
    """An encounter whose traveller is in the lane, searched here."""
    given = encounter()
    await records.record_encounter(given, item(given))
    await records.record_verdict(given.encounter_id, verdict)
    return given


async def again(records: Records, given: Encounter) -> str:
    """The fingers are taken again; the number under which they are sent."""
    fresh = Sample(
        modality="finger", position=FingerPosition.RIGHT_INDEX, media_type="image/png", image=b"better", quality=90
    )
    taken = replace(given, samples=(given.samples[0], fresh, given.samples[2]))
    second = replace(
        item(given), tcn=second_tcn(given.tcn), payload=b"<second/>", created_at="2026-11-22T12:00:09.000Z"
    )
    await records.record_prints_again(taken, second)
    return second.tcn


async def state(records: Records) -> tuple[object, ...]:
    """Encounter and open alerts, without times and numbers of rows."""
    (row,) = await records.recent()
    stored = await records.encounter(row.encounter_id)
    alerts = [
        (alert.kind, alert.urgency, alert.determination, alert.unsent, alert.hits, alert.reasons)
        for alert in sorted(await records.alerts(), key=lambda alert: alert.kind)
    ]
    return row.gateway_outcome, stored.answer, alerts


SETS: dict[str, Sequence[GatewayAnswer]] = {
    "confirmed": [reply(1, named("1")), reply(2, named("1", CO)), reply(3)],
    "withdrawn": [reply(1, named("1"), named("2")), reply(2, withdrawn=("1",)), reply(3, named("1", CO))],
    "all withdrawn": [reply(1, named("1")), reply(2, withdrawn=("1",)), reply(3, withdrawn=("9",))],
    "error and search": [error(1, FORM), reply(2), reply(3, named("2", SL))],
    "errors": [error(1, FORM), error(2, POOR), error(3, GatewayFault("002"))],
    "partial": [reply(1, named("1"), total=4), reply(2, named("2"), named("3"), total=4), reply(3)],
    "no record": [reply(1, outcome=GatewayOutcome.HIT), reply(2, named("1"))],
}


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("verdict", [CLEAR, REFER_HIT, REFER_TROUBLE], ids=["clear", "hit", "trouble"])
@pytest.mark.parametrize("name", sorted(SETS))
async def test_every_order_and_every_copy_ends_the_same(
    tmp_path: Path, hand_clock: HandClock, name: str, verdict: Verdict, left: bool
) -> None:
    ends = []
    for number, order in enumerate(itertools.permutations(SETS[name])):
        async with opened(tmp_path / f"{number}.db", hand_clock) as records:
            given = await here(records, verdict)
            if left:
                await records.release(given.encounter_id)
            # Each comes twice, the second time late.
            for answer in (*order, *reversed(order)):
                await records.store_answer(answer, b"<reply/>")
            ends.append(await state(records))
    for end in ends[1:]:
        assert end == ends[0]


async def test_a_confirmation_marks_the_alert_that_there_is(records: Records) -> None:
    given = await here(records)
    first = await records.store_answer(reply(1, named("1")), b"")
    second = await records.store_answer(reply(2, named("1", CO)), b"")
    third = await records.store_answer(reply(3, named("1")), b"")
    assert second.alerts == first.alerts
    assert third.alerts == ()
    (alert,) = await records.alerts()
    assert (alert.determination, alert.hits[0].determination) == (CO, CO)
    assert await events(records, given) == ["alert.raised", "alert.confirmed_by_bureau"]


async def test_a_confirmation_opens_what_was_dismissed_and_leaves_what_was_confirmed(records: Records) -> None:
    await here(records)
    first = await records.store_answer(reply(1, named("1")), b"")
    assert first.alert_id is not None
    await records.decide(first.alert_id, Decision.CONFIRM, "", "badge 7")
    await records.store_answer(reply(2, named("1", Determination.AUTO_CONFIRMED)), b"")
    assert (await records.alert(first.alert_id)).state is AlertState.CONFIRMED
    await records.decide(first.alert_id, Decision.REOPEN, "", "badge 7")
    await records.decide(first.alert_id, Decision.DISMISS, "other_person", "badge 7")
    await records.store_answer(reply(3, named("1", CO)), b"")
    assert (await records.alert(first.alert_id)).state is AlertState.OPEN


@pytest.mark.parametrize(
    ("proposed", "after"), [(Decision.DISMISS, AlertState.OPEN), (Decision.CONFIRM, AlertState.AWAITING)]
)
async def test_a_confirmation_opens_what_was_proposed_to_be_dismissed(
    records: Records, proposed: Decision, after: AlertState
) -> None:
    await here(records)
    first = await records.store_answer(reply(1, named("1")), b"")
    assert first.alert_id is not None
    await records.propose(first.alert_id, proposed, "", "badge 7")
    await records.store_answer(reply(2, named("1", CO)), b"")
    assert (await records.alert(first.alert_id)).state is after


async def test_the_gateways_word_reaches_the_alert_of_the_list_here(records: Records) -> None:
    await here(records, REFER_HIT)
    await records.store_answer(reply(1, named("2026/1", CO)), b"")
    (alert,) = await records.alerts()
    assert (alert.kind, alert.determination) == (AlertKind.LOCAL, CO)
    assert alert.hits[0].candidates == REFER_HIT.hits[0].candidates


async def test_a_withdrawn_hit_is_marked_kept_and_no_longer_urgent(records: Records) -> None:
    given = await here(records)
    first = await records.store_answer(reply(1, named("1")), b"")
    (before,) = await records.alerts()
    await records.store_answer(reply(2, withdrawn=("1",)), b"")
    (after,) = await records.alerts()
    assert (before.urgency, after.urgency, after.alert_id) == (1, 4, first.alert_id)
    assert after.hits[0].withdrawn
    assert await events(records, given) == ["alert.raised", "alert.withdrawn_by_bureau"]
    assert (await records.release_unless_hit(given.encounter_id)).count == 1


async def test_hits_to_be_handled_silently_have_no_urgency(records: Records) -> None:
    await here(records)
    await records.store_answer(reply(1, named("1", SL)), b"")
    (alert,) = await records.alerts()
    assert (alert.urgency, alert.determination) == (4, SL)
    await records.store_answer(reply(2, named("2")), b"")
    (alert,) = await records.alerts()
    assert (alert.urgency, alert.determination) == (1, UC)


async def test_poor_prints_are_no_news_to_an_officer_while_the_lane_can_ask_again(records: Records) -> None:
    given = await here(records)
    stored = await records.store_answer(error(1, POOR), b"")
    assert (stored.alerts, await records.alerts()) == ((), [])
    left = await records.release_unless_hit(given.encounter_id)
    (alert,) = await records.alerts()
    assert left.alerts == (alert.alert_id,)
    assert alert.reasons == (ReferReason.PRINTS_REFUSED,)
    assert await records.release(given.encounter_id) == ()


async def test_poor_prints_are_told_after_a_restart(records: Records) -> None:
    await here(records)
    await records.store_answer(error(1, POOR), b"")
    assert await records.release_all() == 1
    (alert,) = await records.alerts()
    assert alert.reasons == (ReferReason.PRINTS_REFUSED,)


async def test_poor_prints_of_somebody_who_has_left_are_told_at_once(records: Records) -> None:
    given = await here(records)
    await records.release(given.encounter_id)
    stored = await records.store_answer(error(1, POOR), b"")
    assert len(stored.alerts) == 1


async def test_poor_prints_of_somebody_who_is_referred_are_told_with_the_rest(records: Records) -> None:
    given = encounter()
    await records.record_encounter(given, item(given))
    await records.store_answer(error(1, POOR), b"")
    assert await records.alerts() == []
    await records.record_verdict(given.encounter_id, REFER_TROUBLE)
    (alert,) = await records.alerts()
    assert alert.reasons == (ReferReason.FINGER_NOT_CAPTURED, ReferReason.PRINTS_REFUSED)
    assert await records.release(given.encounter_id) == ()


async def test_other_errors_are_told_at_once_but_not_that_there_is_nothing_to_do(records: Records) -> None:
    await here(records)
    assert (await records.store_answer(error(1, GatewayFault("002")), b"")).alerts == ()
    assert len((await records.store_answer(error(2, POOR, FORM), b"")).alerts) == 1
    (alert,) = await records.alerts()
    assert alert.reasons == (ReferReason.GATEWAY_ERROR,)


async def test_prints_taken_again_take_the_place_of_those_before_and_are_sent(records: Records) -> None:
    given = await here(records)
    await records.store_answer(error(1, POOR), b"")
    second = await again(records, given)
    assert [row.tcn for row in await records.outbox_due(10)] == [second]
    stored = await records.encounter(given.encounter_id)
    assert (stored.answer, stored.encounter.tcn) == (None, given.tcn)
    image, _ = await records.sample_image(given.encounter_id, "finger", FingerPosition.RIGHT_INDEX)
    assert image == b"better"
    assert await records.sample_image(given.encounter_id, "face") == (b"portrait", "image/jpeg")
    # A power cut now: it is checked again.
    assert await records.unchecked() == [given.encounter_id]


@pytest.mark.parametrize("late_error", [False, True])
async def test_the_answer_to_the_second_transaction_counts(records: Records, late_error: bool) -> None:
    given = await here(records)
    await records.store_answer(error(1, POOR), b"")
    second = await again(records, given)
    await records.record_verdict(given.encounter_id, CLEAR)
    if late_error:
        await records.store_answer(error(9, POOR), b"")
    stored = await records.store_answer(reply(2, named("1"), to=second), b"")
    assert stored.encounter_id == given.encounter_id
    (alert,) = await records.alerts()
    assert alert.kind is AlertKind.GATEWAY
    assert (await records.outbox_item(second)).state is OutboxState.ANSWERED


async def test_a_hit_of_the_first_transaction_stands_beside_the_second(records: Records) -> None:
    given = await here(records)
    await records.store_answer(error(1, POOR), b"")
    second = await again(records, given)
    await records.store_answer(reply(2, named("1")), b"")
    await records.store_answer(reply(3, to=second), b"")
    (row,) = await records.recent()
    assert row.gateway_outcome == GatewayOutcome.HIT


async def test_prints_that_are_poor_twice_are_told_at_once(records: Records) -> None:
    given = await here(records)
    await records.store_answer(error(1, POOR), b"")
    second = await again(records, given)
    await records.record_verdict(given.encounter_id, CLEAR)
    stored = await records.store_answer(error(2, POOR, to=second), b"")
    assert len(stored.alerts) == 1
    assert await records.release(given.encounter_id) == ()


async def test_a_second_transaction_without_an_answer_is_no_trouble_yet(records: Records) -> None:
    given = await here(records)
    await records.store_answer(error(1, POOR), b"")
    await again(records, given)
    await records.record_verdict(given.encounter_id, CLEAR)
    assert (await records.release_unless_hit(given.encounter_id)).alerts == ()


async def test_prints_of_somebody_who_has_left_are_not_taken_again(records: Records) -> None:
    given = await here(records)
    await records.release(given.encounter_id)
    with pytest.raises(RecordsError) as caught:
        await again(records, given)
    assert caught.value.reason is Reason.NOT_FOUND
    assert len(await records.outbox_due(10)) == 1
    image, _ = await records.sample_image(given.encounter_id, "finger", FingerPosition.RIGHT_INDEX)
    assert image == b"print"


async def test_an_error_that_a_search_follows_is_closed_by_itself_unless_decided(records: Records) -> None:
    given = await here(records)
    await records.release(given.encounter_id)
    first = await records.store_answer(error(1, FORM), b"")
    assert first.alert_id is not None
    second = await records.store_answer(reply(2), b"")
    assert second.alerts == first.alerts
    closed = await records.alert(first.alert_id)
    assert (closed.state, closed.decided_by) == (AlertState.DISMISSED, "daemon")
    assert (await events(records, given))[-1] == "alert.answered_since"


async def test_what_a_lane_noted_itself_stays_when_the_gateway_answers(records: Records) -> None:
    await here(records, REFER_TROUBLE)
    await records.store_answer(error(1, FORM), b"")
    (alert,) = await records.alerts()
    assert alert.reasons == (ReferReason.FINGER_NOT_CAPTURED, ReferReason.GATEWAY_ERROR)
    await records.store_answer(reply(2), b"")
    (alert,) = await records.alerts()
    assert alert.reasons == (ReferReason.FINGER_NOT_CAPTURED,)


async def test_a_reply_to_nothing_we_know_is_kept_whole_and_audited(records: Records, tmp_path: Path) -> None:
    stored = await records.store_answer(reply(1, named("1"), to="UTO-NOBODY"), b"<SRE/>")
    assert (stored.encounter_id, stored.new, stored.alerts) == (None, True, ())
    [row] = await records._db.rows(f"SELECT {sealed.REPLY_RAW} FROM reply")  # noqa: S608  # A constant.
    assert row["raw"] == b"<SRE/>"
    with closing(sqlite3.connect(tmp_path / "records.db")) as raw:
        assert raw.execute("SELECT tcr FROM reply").fetchall() == [("UTO-NOBODY",)]
        assert raw.execute("SELECT subject FROM audit WHERE event = 'reply.unknown'").fetchall() == [("UTO-NOBODY",)]


async def test_erasing_takes_what_replies_say_and_a_late_one_is_still_understood(
    records: Records, hand_clock: HandClock, tmp_path: Path
) -> None:
    given = await here(records)
    await records.store_answer(reply(1), b"<SRE/>")
    await records.release(given.encounter_id)
    hand_clock.move(hours=25)
    assert await records.erase_due(KEEPING) == 1
    with closing(sqlite3.connect(tmp_path / "records.db")) as raw:
        assert raw.execute("SELECT raw, answer FROM reply").fetchall() == [(b"", None)]
    await records.store_answer(error(2, FORM), b"")
    (row,) = await records.recent()
    assert row.gateway_outcome == GatewayOutcome.NO_HIT
    late = await records.store_answer(reply(3, named("1")), b"")
    assert late.late


async def test_what_waits_to_be_sent_a_second_time_is_not_erased(records: Records, hand_clock: HandClock) -> None:
    given = await here(records)
    await records.store_answer(error(1, POOR), b"")
    await again(records, given)
    await records.record_verdict(given.encounter_id, CLEAR)
    await records.store_answer(reply(2), b"")
    await records.release(given.encounter_id)
    hand_clock.move(hours=25)
    assert await records.erase_due(KEEPING) == 0


async def test_replies_of_before_this_schema_still_count(tmp_path: Path, hand_clock: HandClock) -> None:
    path = tmp_path / "old.db"
    given = encounter(1)
    with older.of_schema(5, path) as connection:
        older.put(connection, given, reply(1, named("1"), to=given.tcn), b"<NPS/>")
    async with opened(path, hand_clock) as records:
        await records.store_answer(reply(2), b"")
        stored = await records.encounter(given.encounter_id)
    assert stored.answer is not None
    assert [hit.record.reference for hit in stored.answer.hits] == ["1"]


@asynccontextmanager
async def opened(path: Path, hand_clock: HandClock) -> AsyncIterator[Records]:
    records = await Records.open(path, hand_clock.clock())
    try:
        yield records
    finally:
        await records.close()


async def events(records: Records, given: Encounter) -> list[str]:
    """What the audit chain holds about this encounter's alerts; the chain is whole."""
    rows = await records._db.rows("SELECT * FROM audit ORDER BY seq")
    assert first_broken([tuple(row) for row in rows]) is None
    return [row["event"] for row in rows if row["subject"] == given.encounter_id and row["event"].startswith("alert.")]
