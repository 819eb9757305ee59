"""The courier with real records, over real TLS, to a real gateway, through a wire that can be cut anywhere."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import msgspec
import pytest

from hotspotd.domain.verdict import GatewayOutcome, Outcome, Verdict
from hotspotd.errors import Reason, RelayError
from hotspotd.events import AlertChanged, EncounterChanged
from hotspotd.gateway.storage.base import TransactionCount
from hotspotd.records import Records
from hotspotd.records.model import AlertKind, OutboxState
from hotspotd.relay.links.base import IncomingKind, Link
from tests.gateway.bench import Certificates, GatewayBench, Wire, ask, put
from tests.relay.courier_rig import CLOCK, PATIENCE, Rig, ScriptedLink, good_receipt
from tests.relay.travellers import encounter, hit


async def counted(gateway: GatewayBench) -> dict[str, TransactionCount]:
    assert gateway.store
    return (await gateway.store.counts("kiosk-1")).by_tcn


def once(count: TransactionCount) -> bool:
    return (count.processed, count.replies) == (1, 1)


async def test_a_row_is_sent_receipted_and_answered(rig: Rig, gateway: GatewayBench, link: Link) -> None:
    courier = rig.start(link)
    tcn = await rig.add()
    await rig.until_answered(tcn)
    stored = await rig.records.encounter("019-00001")
    assert stored.answer
    assert stored.answer.outcome is GatewayOutcome.NO_HIT
    assert courier.link_up
    await rig.until_shown(lambda view: view.up and view.active == "gateway" and not view.queued)
    assert (await counted(gateway))[tcn] == TransactionCount(deliveries=1, processed=1, replies=1)


async def test_a_hit_raises_an_alert_and_says_so(rig: Rig, gateway: GatewayBench, link: Link) -> None:
    gateway.search.listed["L898902C3"] = hit()
    with rig.events.subscribe() as subscription:
        rig.start(link)
        tcn = await rig.add()
        events = {}
        async with asyncio.timeout(60):
            while not {EncounterChanged, AlertChanged} <= events.keys():
                event = await subscription.next()
                events[type(event)] = event
    (alert,) = await rig.records.alerts()
    assert (alert.kind, alert.hits, alert.determination) == (AlertKind.GATEWAY, (hit(),), "UC")
    assert events[EncounterChanged] == EncounterChanged(encounter_id="019-00001", lane="lane-1", gateway="hit", tcn=tcn)
    assert events[AlertChanged] == AlertChanged(alert_id=alert.alert_id, encounter_id="019-00001", state="open")


async def test_a_hit_after_the_traveller_has_left_is_a_late_hit(
    rig: Rig, gateway: GatewayBench, wire: Wire, link: Link
) -> None:
    gateway.search.listed["L898902C3"] = hit()
    wire.up = False
    courier = rig.start(link)
    tcn = await rig.add()

    await rig.until_tried(3)
    assert not courier.link_up
    queue = await rig.records.queue_state()
    assert (queue.waiting, queue.oldest) == (1, "2026-11-22T12:00:01.000Z")
    await rig.records.record_verdict("019-00001", Verdict(outcome=Outcome.CLEAR))
    await rig.records.release("019-00001")
    wire.up = True
    await rig.until_answered(tcn)
    (alert,) = await rig.records.alerts()
    assert alert.kind is AlertKind.LATE
    assert once((await counted(gateway))[tcn])


@pytest.mark.parametrize("place", [0, 1, 300, 1500, 1600, 2200, 3500, 5000])
async def test_a_link_cut_at_any_byte_on_the_way_there_loses_and_doubles_nothing(
    rig: Rig, gateway: GatewayBench, wire: Wire, link: Link, place: int
) -> None:
    wire.cut_after = place
    rig.start(link)
    tcns = [await rig.add(number) for number in (1, 2)]
    await rig.until_answered(*tcns)
    assert [once(count) for count in (await counted(gateway)).values()] == [True, True]
    assert wire.cut_after is None


@pytest.mark.parametrize("place", [0, 1, 700, 1400, 2000, 2300, 2600, 3000, 4000])
async def test_a_link_cut_at_any_byte_on_the_way_back_loses_and_doubles_nothing(
    rig: Rig, gateway: GatewayBench, wire: Wire, link: Link, place: int
) -> None:
    wire.cut_back_after = place
    rig.start(link)
    tcns = [await rig.add(number) for number in (1, 2)]
    await rig.until_answered(*tcns)
    assert [once(count) for count in (await counted(gateway)).values()] == [True, True]
    assert wire.cut_back_after is None


@pytest.mark.parametrize("fault", ["drop_next", "error_next"])
async def test_a_gateway_that_fails_before_it_stores_is_asked_again(
    rig: Rig, gateway: GatewayBench, link: Link, kiosk: ssl.SSLContext, fault: str
) -> None:
    await ask(f"{gateway.url}/v1/faults", kiosk, "POST", msgspec.json.encode({fault: 2}))
    rig.start(link)
    tcn = await rig.add()
    await rig.until_answered(tcn)
    assert (await counted(gateway))[tcn] == TransactionCount(deliveries=1, processed=1, replies=1)


async def test_a_gateway_that_dies_after_its_commit_and_before_its_receipt_processes_once(
    rig: Rig, gateway: GatewayBench, link: Link, kiosk: ssl.SSLContext
) -> None:
    await ask(f"{gateway.url}/v1/faults", kiosk, "POST", b'{"hang_after_commit_next": 1, "delay_s": 3600}')
    rig.start(link)
    tcn = await rig.add()
    while tcn not in await counted(gateway):  # noqa: ASYNC110  # The commit is in another room's database.
        await asyncio.sleep(0)
    assert await rig.state(tcn) is OutboxState.SENDING
    await gateway.stop()
    await gateway.start()
    await rig.until_answered(tcn)
    count = (await counted(gateway))[tcn]
    assert once(count)
    assert gateway.search.asked == [tcn]


@pytest.mark.parametrize(
    "fault", [{"duplicate_next": 1}, {"reorder_next": 1}, {"duplicate_next": 2, "reorder_next": 2}]
)
async def test_replies_that_come_twice_or_newest_first_are_each_stored_once(
    rig: Rig, gateway: GatewayBench, link: Link, kiosk: ssl.SSLContext, fault: dict[str, int]
) -> None:
    assert gateway.store
    assert gateway.service
    gateway.search.listed["L898902C3"] = hit()
    tcns = [await rig.add(number) for number in (1, 2, 3)]
    for tcn in tcns:
        payload = (await rig.records.outbox_item(tcn)).payload
        assert (await put(gateway, kiosk, payload, tcn))[0] == 200
    while len(await gateway.store.replies("kiosk-1", 9)) < 3:  # noqa: ASYNC110  # Another room's database.
        await asyncio.sleep(0)
    await ask(f"{gateway.url}/v1/faults", kiosk, "POST", msgspec.json.encode(fault))
    rig.start(link)
    await rig.until_answered(*tcns)
    while await gateway.store.replies("kiosk-1", 9):  # noqa: ASYNC110  # As above: until each is acknowledged.
        await asyncio.sleep(0)
    assert len(await rig.records.alerts()) == 3
    assert [once(count) for count in (await counted(gateway)).values()] == [True] * 3
    assert not any(gateway.service._faults.take(name) for name in fault)


async def test_a_new_courier_goes_on_where_the_old_one_was_ended(
    rig: Rig, gateway: GatewayBench, link: Link, kiosk: ssl.SSLContext
) -> None:
    """The kiosk's process ends with one row receipted and unanswered, and one not sent."""
    await ask(f"{gateway.url}/v1/faults", kiosk, "POST", b'{"delay_s": 3600}')
    rig.start(link)
    first = await rig.add(1)

    async def received() -> bool:
        return await rig.state(first) is OutboxState.RECEIVED

    await rig.until(received)
    await rig.stop()
    second = await rig.add(2)
    await rig.records.close()
    await gateway.stop()
    await gateway.start()
    rig.records = await Records.open(rig.path, CLOCK)
    assert await rig.records.unanswered() == [first]
    rig.start(link)
    await rig.until_answered(first, second)
    assert await counted(gateway) == {
        first: TransactionCount(deliveries=1, processed=1, replies=1),
        second: TransactionCount(deliveries=1, processed=1, replies=1),
    }


async def test_a_refused_row_is_set_aside_and_the_others_go(
    rig: Rig, gateway: GatewayBench, link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    poisoned = await rig.add(1, payload=b"<not-a-transaction/>")
    other = await rig.add(2)
    rig.start(link)
    await rig.until_answered(other)
    row = await rig.records.outbox_item(poisoned)
    assert row.state is OutboxState.QUARANTINED
    assert "422" in row.last_error
    assert [record.levelname for record in caplog.records if poisoned in record.getMessage()] == ["WARNING"]
    assert list(await counted(gateway)) == [other]


async def test_a_row_over_the_gateways_limit_is_set_aside(rig: Rig, gateway: GatewayBench, link: Link) -> None:
    poisoned = await rig.add(1, payload=b"<" + b"x" * gateway.config.limits.transaction_bytes)
    other = await rig.add(2)
    rig.start(link)
    await rig.until_answered(other)

    async def aside() -> bool:
        return await rig.state(poisoned) is OutboxState.QUARANTINED

    await rig.until(aside)


async def test_a_device_the_gateway_does_not_trust_asks_rarely(
    rig: Rig, gateway: GatewayBench, strangers: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = strangers.device("kiosk-1")
    stranger.check_hostname, stranger.verify_mode = False, ssl.CERT_NONE
    link = gateway.link(stranger, listen_s=20.0)
    await _refused(rig, link, caplog)


async def test_a_gateway_the_device_does_not_trust_gets_nothing(
    rig: Rig, gateway: GatewayBench, strangers: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    link = gateway.link(strangers.device("kiosk-1"))
    await _refused(rig, link, caplog)
    assert await counted(gateway) == {}


async def _refused(rig: Rig, link: Link, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "hotspotd.relay.courier"):
        # There before the courier is: looking for replies would find the link refused first, and the row be left alone.
        tcn = await rig.add()
        courier = rig.start(link)

        await rig.until_tried(3)
        await rig.stop()
    await link.close()
    assert not courier.link_up
    # It may have been stopped in the middle of a try; this is what it begins with when it is started.
    await rig.records.outbox_requeue()
    assert await rig.state(tcn) is OutboxState.QUEUED
    row = await rig.records.outbox_item(tcn)
    assert Reason.LINK_REFUSED.value in row.last_error
    assert min(rig.delays) >= PATIENCE.longest_s / 2
    levels = [record.levelno for record in caplog.records if "certificates" in record.getMessage()]
    assert levels[0] == logging.WARNING
    assert set(levels[1:]) <= {logging.DEBUG}


@pytest.mark.parametrize(
    "receipt",
    [
        lambda tcn, payload: good_receipt(tcn, payload + b" "),
        lambda tcn, payload: good_receipt(tcn + "0", payload),
        lambda _tcn, _payload: b"OK",
        lambda _tcn, _payload: b"{}",
    ],
    ids=["other content", "other number", "no JSON", "empty"],
)
async def test_a_receipt_for_something_else_does_not_count(
    rig: Rig, scripted: ScriptedLink, receipt: Callable[[str, bytes], bytes]
) -> None:
    scripted.on_send = receipt
    rig.start(scripted)
    tcn = await rig.add()

    async def tried() -> bool:
        return (await rig.records.outbox_item(tcn)).attempts >= 5

    while not await tried():  # noqa: ASYNC110  # Nothing is published about a row that stays where it is.
        await asyncio.sleep(0)
    assert await rig.state(tcn) is OutboxState.QUEUED
    scripted.on_send = good_receipt

    async def received() -> bool:
        return await rig.state(tcn) is OutboxState.RECEIVED

    await rig.until(received)


async def test_a_row_that_never_gets_through_while_others_do_is_set_aside(rig: Rig, scripted: ScriptedLink) -> None:
    poisoned = encounter(1).tcn

    def on_send(tcn: str, payload: bytes) -> bytes:
        if tcn == poisoned:
            raise RelayError(Reason.LINK_PROTOCOL, "gateway: 500")
        return good_receipt(tcn, payload)

    scripted.on_send = on_send
    rig.start(scripted)
    await rig.add(1)
    others = [await rig.add(number) for number in range(2, 6)]

    async def sorted_out() -> bool:
        states = [await rig.state(tcn) for tcn in others]
        return await rig.state(poisoned) is OutboxState.QUARANTINED and set(states) == {OutboxState.RECEIVED}

    await rig.until(sorted_out)
    assert scripted.sent.count(poisoned) >= PATIENCE.row_tries


async def test_a_row_on_which_the_link_breaks_every_time_does_not_hold_up_the_others(
    rig: Rig, scripted: ScriptedLink
) -> None:
    too_large_for_the_line = encounter(1).tcn

    def on_send(tcn: str, payload: bytes) -> bytes:
        if tcn == too_large_for_the_line:
            raise RelayError(Reason.LINK_DOWN, "gateway: no answer within 20 s")
        return good_receipt(tcn, payload)

    scripted.on_send = on_send
    await rig.add(1)
    others = [await rig.add(number) for number in range(2, 6)]
    rig.start(scripted)

    async def others_are_through() -> bool:
        return {await rig.state(tcn) for tcn in others} == {OutboxState.RECEIVED}

    await rig.until(others_are_through)
    assert await rig.state(too_large_for_the_line) in {OutboxState.QUEUED, OutboxState.SENDING}


async def test_doubled_reordered_and_unknown_replies_change_nothing_twice(
    rig: Rig, scripted: ScriptedLink, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = await rig.add(1), await rig.add(2)
    rig.start(scripted)
    of_first = scripted.reply(first, "g:2", "R1", hits=True)
    await scripted.to_come.put([scripted.reply(second, "g:1", "R2"), of_first])
    await scripted.to_come.put([replace(of_first, cursor="g:3"), scripted.reply("NOT-OURS", "g:4", "R4")])
    await scripted.to_come.put([replace(of_first, cursor="g:5")])
    await scripted.to_come.put([])
    await rig.until_answered(first, second)
    while "g:5" not in scripted.asked_after:  # noqa: ASYNC110  # Copies are not published.
        await asyncio.sleep(0)
    assert (
        scripted.asked_after
        == [a for a in scripted.asked_after if not a]
        + ["g:2", "g:4", "g:5", "g:5"][: len([a for a in scripted.asked_after if a])]
    )
    assert len(await rig.records.alerts()) == 1
    assert "NOT-OURS, which is not known here" in caplog.text


async def test_a_reply_before_the_receipt_is_stored_and_the_row_is_not_sent_again(
    rig: Rig, scripted: ScriptedLink
) -> None:

    def lost(_tcn: str, _payload: bytes) -> bytes:
        raise RelayError(Reason.LINK_DOWN, "gateway: the connection broke")

    scripted.on_send = lost
    rig.start(scripted)
    tcn = await rig.add()
    await scripted.to_come.put([scripted.reply(tcn, "g:1")])
    await rig.until_answered(tcn)
    scripted.on_send = good_receipt
    other = await rig.add(2)

    async def received() -> bool:
        return await rig.state(other) is OutboxState.RECEIVED

    await rig.until(received)
    assert scripted.sent[-1] == other
    assert await rig.state(tcn) is OutboxState.ANSWERED


async def test_a_reply_that_cannot_be_read_is_kept_as_an_error_and_acknowledged(
    rig: Rig, scripted: ScriptedLink
) -> None:
    rig.start(scripted)
    tcn = await rig.add()
    await scripted.to_come.put([scripted.sealed(IncomingKind.REPLY, tcn, b"<garbled", "g:1")])
    await scripted.to_come.put([])
    await rig.until_answered(tcn)
    stored = await rig.records.encounter("019-00001")
    assert stored.answer
    assert stored.answer.outcome is GatewayOutcome.ERROR
    while scripted.asked_after[-1] != "g:1":  # noqa: ASYNC110  # Asking is not published.
        await asyncio.sleep(0)


async def test_a_link_that_fails_is_complained_of_once_and_its_return_is_told(
    rig: Rig, gateway: GatewayBench, wire: Wire, link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    wire.up = False
    with caplog.at_level(logging.DEBUG, "hotspotd.relay.courier"):
        rig.start(link)
        tcn = await rig.add()

        await rig.until_tried(4)
        wire.up = True
        await rig.until_answered(tcn)
    levels = [record.levelname for record in caplog.records if "gateway" in record.getMessage()]
    assert levels.count("WARNING") == 1
    assert levels.count("INFO") == 1
    assert levels[0] == "WARNING"
    assert await counted(gateway)


async def test_what_waits_and_since_when_is_shown(rig: Rig, scripted: ScriptedLink, wire: Wire, link: Link) -> None:
    wire.up = False
    await rig.add(1)
    await rig.add(2)
    rig.start(link)

    view = await rig.until_shown(lambda view: bool(view.last_error))
    assert (view.up, view.queued, view.waiting) == (False, 2, {"live": 2})
    since = datetime.fromisoformat("2026-11-22T12:00:01.000Z")
    assert view.oldest_s == pytest.approx((CLOCK.wall() - since).total_seconds(), abs=60)
    (route,) = view.routes
    assert (route.name, route.up, route.sending) == ("gateway", False, "")
    assert route.last_error == view.last_error
