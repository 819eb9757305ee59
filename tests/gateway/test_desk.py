"""Hits at the desk, in both databases: what is kept for the officer, what a decision does, what the border decided."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from hotspotd.clock import Stamp
from hotspotd.domain.notice import Notice
from hotspotd.domain.verdict import GatewayAnswer
from hotspotd.errors import GatewayError, Reason, RelayError
from hotspotd.gateway.desk import probes
from hotspotd.gateway.storage import open_store
from hotspotd.gateway.storage.base import Received
from hotspotd.gateway.storage.desk import HitState
from hotspotd.gateway.storage.retention import Terms
from hotspotd.records.model import AlertKind, Decision
from hotspotd.relay.compose import read_answer
from hotspotd.relay.reports import DecisionReport, decode_decision, encode_decision
from tests.gateway.desk import Desk, red, stolen

AT = "2026-11-22T12:05:00.000Z"


@pytest.fixture
async def desk(place: str | Path) -> AsyncIterator[Desk]:
    store = await open_store(place)
    yield Desk(store)
    await store.close()


async def answers(desk: Desk) -> list[GatewayAnswer]:
    return [read_answer(reply.body) for reply in await desk.store.replies("kiosk-1", 99)]


async def decided_at_the_border(desk: Desk, tcn: str, report: DecisionReport) -> None:
    await desk.store.take(
        Received(
            device="kiosk-1",
            tcn=tcn,
            kind="decision",
            body=encode_decision(report),
            nonce="",
            signed_at="",
            expires_at="",
        ),
        at=desk.clock.now().iso(),
        most_unprocessed=9,
    )


def report(tcn: str, decision: Decision, at: str = AT, *references: str) -> DecisionReport:
    return DecisionReport(
        tcn=tcn, alert_kind=AlertKind.GATEWAY, decision=decision, references=references, at=at, by_role="officer"
    )


async def test_a_search_that_found_nobody_leaves_nothing_at_the_desk(desk: Desk) -> None:
    await desk.search(1)
    assert await desk.store.desk.waiting() == []
    assert await desk.store.desk.count_waiting() == 0


async def test_hits_wait_by_urgency_and_then_in_the_order_in_which_they_came(desk: Desk) -> None:
    yellow = red("Y")
    await desk.search(1, replace(yellow, record=replace(yellow.record, notice=Notice.YELLOW)))
    tcn = await desk.search(2, red("A"), stolen("S"))
    await desk.search(3, red("B"))
    waiting = await desk.store.desk.waiting()
    assert [hit.hit.record.reference for hit in waiting] == ["A", "B", "Y", "S"]
    first = waiting[0]
    assert (first.device, first.tcn, first.lane, first.state) == ("kiosk-1", tcn, "lane-2", HitState.WAITING)
    assert first.hit == red("A")
    assert first.pictures


async def test_a_confirmed_hit_is_answered_once_more_as_confirmed_and_its_pictures_erased(desk: Desk) -> None:
    tcn = await desk.search(1, red())
    (hit,) = await desk.store.desk.waiting()
    assert probes.read(await desk.store.desk.body(hit.id)).face
    at = desk.clock.now().iso()
    decided = await desk.rulings.rule(hit.id, HitState.CONFIRMED, " NCB-0417 ", "Scar over\nthe left brow")
    assert (decided.state, decided.decided_by, decided.decided_at) == (HitState.CONFIRMED, "NCB-0417", at)
    assert decided.reason == "Scar over the left brow"
    assert desk.told == ["kiosk-1"]
    first, second = await answers(desk)
    assert (first.tcr, first.determination) == (tcn, "UC")
    assert (second.tcr, second.determination) == (tcn, "CO")
    assert [hit.record for hit in second.hits] == [hit.record for hit in first.hits]
    assert first.tcn != second.tcn
    assert await desk.store.desk.body(hit.id) == b""
    assert not (await desk.store.desk.hit(hit.id)).pictures
    assert [one.id for one in await desk.store.desk.decided()] == [hit.id]
    assert await desk.store.desk.waiting() == []


async def test_a_rejected_hit_is_withdrawn_and_pictures_stay_until_the_last_is_decided(desk: Desk) -> None:
    await desk.search(1, red("A"), red("B"))
    first, second = await desk.store.desk.waiting()
    await desk.rulings.rule(first.id, HitState.REJECTED, "7", "Ears differ")
    assert (await desk.store.desk.hit(second.id)).pictures
    await desk.rulings.rule(second.id, HitState.REJECTED, "7", "Ears differ")
    assert not (await desk.store.desk.hit(second.id)).pictures
    replies = await answers(desk)
    assert [answer.withdrawn for answer in replies] == [(), ("A",), ("B",)]
    assert len({answer.tcn for answer in replies}) == 3


async def test_a_decision_stands(desk: Desk) -> None:
    await desk.search(1, red())
    await desk.rulings.rule(1, HitState.REJECTED, "7", "Ears differ")
    with pytest.raises(GatewayError) as caught:
        await desk.rulings.rule(1, HitState.CONFIRMED, "8", "I think it is")
    assert caught.value.reason is Reason.CONFLICT
    assert len(await answers(desk)) == 2
    with pytest.raises(GatewayError) as caught:
        await desk.rulings.rule(2, HitState.CONFIRMED, "8", "I think it is")
    assert caught.value.reason is Reason.NOT_FOUND


@pytest.mark.parametrize(("by", "reason"), [("", "Ears"), ("7", ""), ("7", " a "), ("a b", "Ears"), ("7", "x" * 501)])
async def test_a_decision_without_badge_number_or_reason_is_none(desk: Desk, by: str, reason: str) -> None:
    await desk.search(1, red())
    with pytest.raises(GatewayError) as caught:
        await desk.rulings.rule(1, HitState.CONFIRMED, by, reason)
    assert caught.value.reason is Reason.BAD_VALUE
    assert len(await desk.store.desk.waiting()) == 1
    assert len(await answers(desk)) == 1


async def test_replies_of_a_decision_are_handed_out_again_with_the_first_when_the_transaction_comes_again(
    desk: Desk,
) -> None:
    tcn = await desk.search(1, red())
    body = await desk.store.desk.body(1)
    await desk.rulings.rule(1, HitState.CONFIRMED, "7", "Same scar")
    await desk.store.acknowledge("kiosk-1", 99)
    assert await answers(desk) == []
    await desk.store.take(
        Received(device="kiosk-1", tcn=tcn, body=body, nonce="", signed_at="", expires_at=""),
        at=desk.clock.now().iso(),
        most_unprocessed=9,
    )
    assert [answer.determination for answer in await answers(desk)] == ["UC", "CO"]


async def test_pictures_of_undecided_hits_are_erased_when_their_time_is_up(desk: Desk) -> None:
    await desk.search(1, red())
    for days, erased in ((29, 0), (31, 1), (31, 0)):
        now = after(desk, days)
        assert (await desk.store.erase(now)).bodies == erased
    (hit,) = await desk.store.desk.waiting()
    assert not hit.pictures
    await desk.rulings.rule(hit.id, HitState.REJECTED, "7", "By what is written")
    assert (await answers(desk))[-1].withdrawn == ("2026/1",)


def after(desk: Desk, days: int) -> Terms:
    stamp = desk.clock.now()
    later = Stamp(stamp.at + timedelta(days=days), trusted=True)
    return Terms(later, report_days=90, hit_days=30, find_days=730)


async def test_pictures_of_undecided_hits_are_there_after_opening_again(place: str | Path) -> None:
    store = await open_store(place)
    await Desk(store).search(1, red())
    await store.close()
    store = await open_store(place)
    assert (await store.desk.hit(1)).pictures
    await store.close()


async def test_what_the_border_decided_stands_with_the_hit_and_an_escalation_comes_first(desk: Desk) -> None:
    await desk.search(1, red("A"))
    tcn = await desk.search(2, stolen("S"), stolen("T"))
    await decided_at_the_border(desk, "D1", report(tcn, Decision.ESCALATE, AT, "T"))
    waiting = await desk.store.desk.waiting()
    assert [(hit.hit.record.reference, hit.escalated) for hit in waiting] == [("T", True), ("A", False), ("S", False)]
    assert (waiting[0].border_decision, waiting[0].border_role, waiting[0].border_at) == ("escalate", "officer", AT)
    assert waiting[2].border_decision == ""
    await decided_at_the_border(desk, "D2", report(tcn, Decision.DISMISS, "2026-11-22T12:04:00.000Z"))
    assert [hit.border_decision for hit in await desk.store.desk.waiting()] == ["escalate", "", "dismiss"], "older"
    await decided_at_the_border(desk, "D3", report(tcn, Decision.DISMISS, "2026-11-22T12:06:00.000Z"))
    assert [hit.hit.record.reference for hit in await desk.store.desk.waiting()] == ["A", "S", "T"]


async def test_a_decision_that_came_before_the_search_was_through_is_not_lost(desk: Desk) -> None:
    await decided_at_the_border(desk, "D1", report("UTO-KIOSK1-00001", Decision.ESCALATE))
    await desk.search(1, red())
    (hit,) = await desk.store.desk.waiting()
    assert (hit.escalated, hit.border_decision) == (True, "escalate")


async def test_a_decision_of_another_device_changes_nothing(desk: Desk) -> None:
    tcn = await desk.search(1, red())
    body = encode_decision(report(tcn, Decision.ESCALATE))
    await desk.store.take(
        Received(device="kiosk-2", tcn="D1", kind="decision", body=body, nonce="", signed_at="", expires_at=""),
        at=desk.clock.now().iso(),
        most_unprocessed=9,
    )
    assert [hit.escalated for hit in await desk.store.desk.waiting()] == [False]


async def test_a_decision_that_is_none_is_refused_and_not_stored(desk: Desk) -> None:
    for body in (b"", b"{}", b'{"tcn":"T1","alert_kind":"gateway","decision":"arrest","at":"' + AT.encode() + b'"}'):
        with pytest.raises(RelayError) as caught:
            await desk.store.take(
                Received(device="k", tcn="D1", kind="decision", body=body, nonce="n", signed_at="", expires_at=AT),
                at=AT,
                most_unprocessed=9,
            )
        assert caught.value.reason is Reason.BAD_TRANSACTION


def test_a_decision_is_read_as_it_was_written_and_is_bounded() -> None:
    given = report("T1", Decision.CONFIRM, AT, "A", "Ä/1")
    assert decode_decision(encode_decision(given)) == given
    body = encode_decision(given)
    for wrong in (
        body.replace(b'"T1"', b'"../1"'),
        body.replace(b'"tcn"', b'"tcr"'),
        body.replace(b"Z", b""),
        body[:-1] + b',"name":"ERIKSSON"}',
    ):
        with pytest.raises(RelayError) as caught:
            decode_decision(wrong)
        assert caught.value.reason is Reason.BAD_TRANSACTION
        assert "ERIKSSON" not in str(caught.value)
    with pytest.raises(RelayError):
        encode_decision(replace(given, references=tuple(str(number) for number in range(65))))
    with pytest.raises(RelayError) as caught:
        decode_decision(body + b" " * 40_000)
    assert caught.value.reason is Reason.TOO_LARGE
