"""The link over NATS and the gateway's door to it, with Debian's nats-server between them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from hotspotd.errors import Reason, RelayError
from hotspotd.records import Records
from hotspotd.relay.links.base import Incoming
from hotspotd.relay.links.jetstream import subjects
from hotspotd.relay.message import encode
from tests.gateway.bench import Certificates, GatewayBench
from tests.relay.broker import GATEWAY, Broker
from tests.relay.postbox import CLOCK, NatsGateway, Postbox, at_broker, postbox, until, until_so
from tests.relay.test_courier import PATIENCE, Rig

HOUR = timedelta(hours=1)


@pytest.fixture
async def box(broker: Broker, certificates: Certificates, nats_gateway: NatsGateway) -> AsyncIterator[Postbox]:
    made = await postbox(broker, certificates)
    yield made
    await made.link.close()


async def held_by(broker: Broker, stream: str) -> int:
    """How many messages lie in a stream."""
    connection = await at_broker(broker, GATEWAY)
    try:
        return (await connection.guard(connection._js.stream_info(stream))).state.messages
    finally:
        await connection.close()


async def two(broker: Broker) -> bool:
    """Whether a receipt and a reply wait for a device."""
    return await held_by(broker, subjects.STREAM_OUT) == 2


async def refused(box: Postbox, number: int) -> bool:
    """Whether so many refusals have come."""
    await box.fetch()
    return len(box.refusals) >= number


async def test_a_transaction_is_receipted_answered_and_acknowledged(
    box: Postbox, nats_gateway: NatsGateway, broker: Broker
) -> None:
    tcn = await box.send()
    await box.until_receipt(tcn)
    await box.until_reply(tcn)
    await nats_gateway.until_acknowledged(box)
    message = await asyncio.to_thread(box.outgoing)
    assert [size > len(message.content) for size in box.paced] == [True]

    async def nothing_is_left() -> bool:
        await box.fetch()
        # The gateway has stored it before it tells the broker so.
        if await held_by(broker, subjects.STREAM_IN):
            return False
        return await held_by(broker, subjects.STREAM_OUT) == 0

    await until_so(nothing_is_left)


async def test_the_probe_asks_the_gateway_itself(box: Postbox, nats_gateway: NatsGateway) -> None:
    await box.link.probe()
    await nats_gateway.stop()
    with pytest.raises(RelayError) as caught:
        await box.link.probe()
    assert caught.value.reason is Reason.LINK_DOWN
    await nats_gateway.start()
    await box.link.probe()


async def test_a_broker_that_was_killed_still_has_what_it_confirmed(
    box: Postbox, nats_gateway: NatsGateway, broker: Broker
) -> None:
    await nats_gateway.stop()
    tcn = await box.send()
    await broker.kill()
    with pytest.raises(RelayError) as caught:
        await box.fetch()
    assert caught.value.reason is Reason.LINK_DOWN
    await broker.start()
    await nats_gateway.start()
    await box.until_up()
    await box.until_receipt(tcn)
    await box.until_reply(tcn)
    assert await nats_gateway.deliveries(tcn) == 1


async def test_the_door_finds_its_broker_again(box: Postbox, nats_gateway: NatsGateway, broker: Broker) -> None:
    await broker.kill()
    assert nats_gateway.nats is not None
    await until(lambda: nats_gateway.nats is not None and not nats_gateway.nats.connected.is_set())
    await broker.start()
    await nats_gateway.until_connected()
    await box.until_up()
    tcn = await box.send()
    await box.until_reply(tcn)


async def test_what_a_broker_lost_is_sent_again(box: Postbox, nats_gateway: NatsGateway, broker: Broker) -> None:
    await nats_gateway.stop()
    tcn = await box.send()
    await broker.kill()
    broker.wipe()
    await broker.start()
    await nats_gateway.start()
    await box.until_up()
    await box.fetch()
    assert not box.receipts
    await box.send(begun=True)
    await box.until_receipt(tcn)
    await box.until_reply(tcn)
    assert len(box.paced) == 2


async def test_what_waits_at_the_broker_is_not_sent_again(
    box: Postbox, nats_gateway: NatsGateway, broker: Broker
) -> None:
    await nats_gateway.stop()
    tcn = await box.send()
    for _ in range(3):
        await box.send(begun=True)
    assert (len(box.paced), box.link.held_there) == (1, 3)
    assert await held_by(broker, subjects.STREAM_IN) == 1
    await nats_gateway.start()
    await box.until_reply(tcn)
    assert await nats_gateway.deliveries(tcn) == 1


async def test_duplicates_are_discarded_by_their_number(
    box: Postbox, nats_gateway: NatsGateway, broker: Broker
) -> None:
    await nats_gateway.stop()
    tcns = {await box.send() for _ in range(3)}
    assert (len(tcns), box.link.held_there) == (1, 2)
    assert await held_by(broker, subjects.STREAM_IN) == 1
    await nats_gateway.start()
    await box.until_reply(tcns.pop())
    # Taken and gone from the stream: the broker knows the number for a while all the same.
    await box.send()
    assert box.link.held_there == 3
    assert box.link.resend_s > subjects.DUPLICATE_WINDOW_S


async def test_a_receipt_that_is_lost_is_given_again(box: Postbox, nats_gateway: NatsGateway, broker: Broker) -> None:
    tcn = await box.send()
    await until_so(nats_gateway.unacknowledged)
    await nats_gateway.stop()
    await broker.kill()
    broker.wipe()
    await broker.start()
    await nats_gateway.start()
    await box.until_up()
    # The broker has neither receipt nor reply. The reply comes to the one who asks, the receipt to the one who sends.
    await box.until_reply(tcn)
    assert not box.receipts
    await box.send(begun=True)
    await box.until_receipt(tcn)
    assert await nats_gateway.deliveries(tcn) == 2


async def test_a_reply_that_is_lost_is_not_acknowledged_by_a_later_one(
    box: Postbox, nats_gateway: NatsGateway, broker: Broker
) -> None:
    first = await box.send(1)
    await until_so(lambda: two(broker))
    thief = await at_broker(broker, GATEWAY)
    await thief.guard(thief._js.purge_stream(subjects.STREAM_OUT))
    await thief.close()
    second = await box.send(2)
    await box.until_reply(second)
    await box.until_reply(first)
    await nats_gateway.until_acknowledged(box)


async def test_what_was_not_acknowledged_comes_again_after_a_restart(
    box: Postbox, nats_gateway: NatsGateway, broker: Broker, certificates: Certificates
) -> None:
    tcn = await box.send()
    await box.until_reply(tcn)
    # Received, and the power fails before it is stored.
    await box.link.close()
    again = await postbox(broker, certificates)
    again.payloads = box.payloads
    await again.until_reply(tcn)
    assert await nats_gateway.unacknowledged() == [tcn]
    await nats_gateway.until_acknowledged(again)
    await again.link.close()


async def test_a_question_that_acknowledges_nothing_gets_the_same_again(box: Postbox) -> None:
    tcn = await box.send()
    await box.until_reply(tcn)
    held = await box.link.incoming("", 0.0)
    assert [incoming.tcr for incoming in held]
    assert await box.link.incoming("", 0.0) == held
    assert await box.link.incoming("unknown", 0.0) == held


async def test_a_gateway_that_died_before_its_receipt_gives_it_when_it_is_back(
    box: Postbox, nats_gateway: NatsGateway, broker: Broker
) -> None:
    await nats_gateway.stop()
    tcn = await box.send()
    # The last thing of the process before: it stored the message, and no more.
    connection = await at_broker(broker, GATEWAY)
    lying = await connection.guard(connection._js.get_last_msg(subjects.STREAM_IN, subjects.sent("kiosk-1", tcn)))
    await connection.close()
    assert lying.data is not None
    seal, _, content = lying.data.partition(b"\n")
    nats_gateway.doors, doors = [], nats_gateway.doors
    await GatewayBench.start(nats_gateway)
    assert nats_gateway.service is not None
    await nats_gateway.service.reception.take(seal.decode(), content, door="nats", device="kiosk-1", valid=HOUR)
    await nats_gateway.stop()
    nats_gateway.doors = doors
    await nats_gateway.start()
    await box.until_receipt(tcn)
    await box.until_reply(tcn)
    assert not box.refusals
    assert nats_gateway.store is not None
    assert await nats_gateway.store.refusals() == {}


async def test_a_tampered_message_is_refused_and_stops_no_other(
    box: Postbox, nats_gateway: NatsGateway, broker: Broker
) -> None:
    message = await asyncio.to_thread(box.outgoing, 1)
    seal = message.seal(60.0, True)
    other = bytearray(message.content)
    other[-1] ^= 1
    kiosk = await at_broker(broker, "kiosk-1")
    for subject, sealed in (
        (subjects.sent("kiosk-1", message.tcn), encode(seal, bytes(other))),
        (subjects.sent("kiosk-1", "UNSIGNED-1"), b"no seal at all"),
        (subjects.sent("kiosk-1", "EMPTY-1"), b""),
        (subjects.acknowledged("kiosk-1"), b"no seal either"),
    ):
        await kiosk.store(subject, sealed, {})
    await kiosk.close()
    good = await box.send(2)
    await box.until_reply(good)
    await until_so(lambda: refused(box, 3))
    assert {(tcn, refusal.reason) for tcn, refusal in box.refusals} == {
        (message.tcn, "tampered"),
        ("UNSIGNED-1", "unsigned"),
        ("EMPTY-1", "unsigned"),
    }
    assert nats_gateway.store is not None
    assert await nats_gateway.store.refusals() == {"kiosk-1": {"tampered": 1, "unsigned": 2}}

    async def nothing_is_held() -> bool:
        return await held_by(broker, subjects.STREAM_IN) == 0

    # The broker is told after the device.
    await until_so(nothing_is_held)


async def test_a_transaction_that_is_none_is_refused_for_what_it_is(box: Postbox) -> None:
    tcn = await box.send(payload=b"<nothing/>")
    refused, refusal = await box.until_refusal()
    assert (refused, refusal.reason) == (tcn, "bad_transaction")


async def test_a_replayed_message_is_refused(box: Postbox, broker: Broker) -> None:
    message = await asyncio.to_thread(box.outgoing, 1)
    sealed = encode(message.seal(60.0, True), message.content)
    kiosk = await at_broker(broker, "kiosk-1")
    await kiosk.store(subjects.sent("kiosk-1", message.tcn), sealed, {})
    await box.until_receipt(message.tcn)
    await kiosk.store(subjects.sent("kiosk-1", message.tcn), sealed, {})
    _, refusal = await box.until_refusal()
    assert refusal.reason == "replayed"
    await kiosk.close()


async def test_a_gateway_that_is_full_takes_it_later(
    tmp_path: Path, certificates: Certificates, broker: Broker
) -> None:
    full = await asyncio.to_thread(NatsGateway, tmp_path, certificates, broker, unprocessed=1)
    await full.start()
    box = await postbox(broker, certificates)
    tcns = [await box.send(number) for number in range(1, 6)]
    for tcn in tcns:
        await box.until_reply(tcn)
    assert not box.refusals
    await box.link.close()
    await full.stop()


async def test_a_full_stream_refuses_and_keeps_what_it_has(
    box: Postbox, nats_gateway: NatsGateway, broker: Broker
) -> None:
    await nats_gateway.stop()
    nats_gateway.terms = replace(nats_gateway.terms, incoming_mb=1)
    await nats_gateway.start()
    await nats_gateway.stop()
    noise = random.Random(7)
    for number in range(1, 6):
        await box.send(number, payload=noise.randbytes(200_000))
    with pytest.raises(RelayError, match="maximum bytes") as caught:
        await box.send(6, payload=noise.randbytes(200_000))
    assert caught.value.reason is Reason.LINK_PROTOCOL
    await nats_gateway.start()
    # Noise is no transaction; it is gone when that is said.
    await until_so(lambda: refused(box, 5))
    tcn = await box.send(50)
    await box.until_reply(tcn)


async def test_a_message_above_the_brokers_limit_stays_for_other_links(
    box: Postbox, nats_gateway: NatsGateway, broker: Broker
) -> None:
    broker.max_payload = "64K"
    await broker.kill()
    await broker.start()
    await nats_gateway.until_connected()
    await box.until_up()
    with pytest.raises(RelayError) as caught:
        await box.send(payload=random.Random(7).randbytes(100_000))
    assert caught.value.reason is Reason.LINK_PROTOCOL
    tcn = await box.send(2)
    await box.until_reply(tcn)


async def test_what_is_not_the_gateways_is_given_once_and_stops_nothing(
    box: Postbox, nats_gateway: NatsGateway, broker: Broker
) -> None:
    tcn = await box.send()
    await box.until_reply(tcn)
    await nats_gateway.until_acknowledged(box)
    message = await asyncio.to_thread(box.outgoing, 2)
    # Sealed by a device, in the place of a reply; then something that is no message at all.
    forged = encode(message.seal(60.0, True), message.content)
    liar = await at_broker(broker, GATEWAY)
    headers = {subjects.KIND_HEADER: "reply", subjects.TCR_HEADER: tcn, subjects.CURSOR_HEADER: "x:1"}
    await liar.store(subjects.outgoing("kiosk-1"), forged, headers)
    await liar.store(subjects.outgoing("kiosk-1"), b"nothing", {})
    await liar.close()
    seen: list[Incoming] = []

    async def given() -> bool:
        seen.extend(await box.link.incoming(box.cursor, 0.2))
        return bool(seen)

    await until_so(given)
    with pytest.raises(RelayError) as caught:
        box.link.trust.open(seen[0].seal, seen[0].content, nats_gateway.clock.now().at)
    assert caught.value.reason is Reason.UNTRUSTED
    # It was not acknowledged, and is gone all the same.
    assert await box.link.incoming(box.cursor, 0.2) == []
    assert await held_by(broker, subjects.STREAM_OUT) == 0


@pytest.fixture
async def rig(box: Postbox, tmp_path: Path) -> AsyncIterator[Rig]:
    records = await Records.open(tmp_path / "records.db", CLOCK)
    made = Rig(records, tmp_path / "records.db", box.sealer)
    # Its clock runs ahead: what was handed to a link is soon to be sent again.
    made.patience = replace(PATIENCE, rows_s=1.0)
    yield made
    await made.stop()
    await records.close()


async def test_the_courier_carries_over_a_broker_that_loses_everything(
    box: Postbox, nats_gateway: NatsGateway, broker: Broker, rig: Rig
) -> None:
    rig.start(box.link)
    before = [await rig.add(number) for number in (1, 2)]
    await rig.until_answered(*before)
    await nats_gateway.stop()
    lost = [await rig.add(number) for number in (3, 4)]
    for tcn in lost:
        await until_so(lambda tcn=tcn: lies(broker, tcn))
    await broker.kill()
    broker.wipe()
    await broker.start()
    await nats_gateway.start()
    after = [await rig.add(number) for number in (5, 6)]
    every = (*before, *lost, *after)
    await rig.until_answered(*every)
    assert nats_gateway.store is not None
    counts = (await nats_gateway.store.counts("kiosk-1")).by_tcn
    assert {tcn: (count.processed, count.replies) for tcn, count in counts.items()} == dict.fromkeys(every, (1, 1))


async def lies(broker: Broker, tcn: str) -> bool:
    """Whether a message waits for the gateway."""
    connection = await at_broker(broker, GATEWAY)
    try:
        await connection.guard(connection._js.get_last_msg(subjects.STREAM_IN, subjects.sent("kiosk-1", tcn)))
    except RelayError:
        return False
    finally:
        await connection.close()
    return True
