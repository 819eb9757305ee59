"""Several links, what overtakes what, and receipts that come later: the courier on more than one way to the gateway."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace

import msgspec
import pytest

from hotspotd.domain.verdict import Outcome, Verdict
from hotspotd.errors import Reason, RelayError
from hotspotd.gateway.storage.base import TransactionCount
from hotspotd.records.model import Kind, OutboxItem, OutboxState, Rank
from hotspotd.relay.links.base import Incoming, IncomingKind, Outgoing, Pace
from hotspotd.relay.links.wire import Refusal
from tests.gateway.bench import Certificates, GatewayBench, Wire
from tests.relay.courier_rig import CLOCK, PATIENCE, Rig, ScriptedLink


@pytest.fixture
async def lte(gateway: GatewayBench) -> AsyncIterator[Wire]:
    made = Wire(lambda: gateway.port)
    await made.start()
    yield made
    await made.stop()


async def test_what_one_link_cannot_carry_goes_by_the_other_and_comes_back_to_the_first(
    rig: Rig, gateway: GatewayBench, wire: Wire, lte: Wire, kiosk: ssl.SSLContext
) -> None:
    fibre_link = gateway.link(kiosk, wire.port, name="fibre")
    lte_link = gateway.link(kiosk, lte.port, name="lte")
    rig.start(fibre_link, lte_link)
    first = await rig.add(1)
    await rig.until_answered(first)
    before = await rig.until_shown(lambda view: view.active == "fibre")
    assert lte.connections == 0
    wire.up = False
    wire.cut()
    second = await rig.add(2)
    await rig.until_answered(second)
    view = await rig.until_shown(lambda view: view.active == "lte")
    assert view.up
    assert [route.up for route in view.routes] == [False, True]
    # The gateway could be reached all the time, or was out of reach for a moment; the fibre is down since it was cut.
    assert all(now.since > then.since for now, then in zip(view.routes, before.routes, strict=True))
    assert before.since <= view.since
    assert (await rig.records.outbox_item(second)).link == "lte"
    wire.up = True
    await rig.until_shown(lambda view: view.active == "fibre")
    third = await rig.add(3)
    await rig.until_answered(third)
    assert (await rig.records.outbox_item(third)).link == "fibre"
    assert gateway.store
    assert (await gateway.store.counts("kiosk-1")).by_tcn == {
        tcn: TransactionCount(deliveries=1, processed=1, replies=1) for tcn in (first, second, third)
    }
    await rig.stop()
    for link in (fibre_link, lte_link):
        await link.close()


async def test_a_message_that_was_begun_on_one_link_is_ended_on_the_other(
    rig: Rig, gateway: GatewayBench, wire: Wire, lte: Wire, kiosk: ssl.SSLContext
) -> None:
    """The gateway has the first part, whichever way it came."""
    links = gateway.link(kiosk, wire.port, name="fibre"), gateway.link(kiosk, lte.port, name="lte")
    wire.cut_after = 2500
    rig.start(*links)
    tcn = await rig.add(1)
    await wire.was_cut.wait()
    wire.up = False
    await rig.until_answered(tcn)
    assert (await rig.records.outbox_item(tcn)).link == "lte"
    assert gateway.store
    assert (await gateway.store.counts("kiosk-1")).by_tcn[tcn].processed == 1
    await rig.stop()
    for link in links:
        await link.close()


class ByHand(ScriptedLink):
    """Sends piece by piece, each when the test lets it."""

    def __init__(self, certificates: Certificates) -> None:
        super().__init__(certificates)
        self.pieces: list[str] = []
        self.go_on = asyncio.Semaphore(0)
        self.both_sent = asyncio.Event()
        self._piece = asyncio.Condition()

    async def at_piece(self, number: int) -> None:
        """Wait until so many pieces have gone."""
        async with asyncio.timeout(60), self._piece:
            await self._piece.wait_for(lambda: len(self.pieces) >= number)

    async def send(self, message: Outgoing, pace: Pace) -> Incoming | None:
        for _ in range(4):
            await pace(len(message.content) // 4)
            async with self._piece:
                self.pieces.append(message.tcn)
                self._piece.notify_all()
            await self.go_on.acquire()
        receipt = await super().send(message, _no_pace)
        if len(self.sent) == 2:
            self.both_sent.set()
        return receipt


async def _no_pace(_size: int) -> None:
    """The pieces were paced."""


async def test_a_live_check_overtakes_a_backlog_between_two_pieces_of_it(rig: Rig, certificates: Certificates) -> None:
    link = ByHand(certificates)
    backlog = await rig.add(1)
    await rig.records.record_verdict("019-00001", Verdict(outcome=Outcome.CLEAR))
    await rig.records.release("019-00001")
    rig.start(link)
    await link.at_piece(1)
    live = await rig.add(2)

    async def wants_to_go() -> bool:
        return await rig.state(live) is OutboxState.SENDING

    await rig.until(wants_to_go)
    for pieces in range(2, 9):
        link.go_on.release()
        await link.at_piece(pieces)
    link.go_on.release()
    async with asyncio.timeout(60):
        await link.both_sent.wait()
    assert link.sent == [live, backlog]
    assert link.pieces == [backlog, *[live] * 4, *[backlog] * 3]


async def test_a_link_carries_what_it_may_and_the_rest_waits(rig: Rig, scripted: ScriptedLink) -> None:
    rig.start(scripted)
    (route,) = rig.routes.all
    route.carries = frozenset((Rank.LIVE,))
    await rig.records.enqueue(
        OutboxItem(
            tcn="UTO-S1",
            encounter_id=None,
            kind=Kind.STATISTICS,
            rank=Rank.STATISTICS,
            payload=b"{}",
            created_at=CLOCK.now().iso(),
        )
    )
    live = await rig.add(1)

    async def received() -> bool:
        return await rig.state(live) is OutboxState.RECEIVED

    await rig.until(received)
    assert scripted.sent == [live]
    assert await rig.state("UTO-S1") is OutboxState.QUEUED


async def test_a_receipt_may_come_later_than_the_message_goes(rig: Rig, scripted: ScriptedLink) -> None:
    payloads: dict[str, bytes] = {}

    def on_the_way(tcn: str, payload: bytes) -> None:
        payloads[tcn] = payload

    scripted.on_send = on_the_way
    rig.start(scripted)
    tcn = await rig.add(1)
    await rig.until_shown(lambda view: view.routes[0].under_way == 1)
    assert await rig.state(tcn) is OutboxState.SENDING
    await scripted.to_come.put(
        [scripted.sealed(IncomingKind.RECEIPT, tcn, scripted.receipt(tcn, payloads[tcn]), "b:1")]
    )
    await rig.until_shown(lambda view: view.routes[0].under_way == 0)
    assert await rig.state(tcn) is OutboxState.RECEIVED
    assert scripted.sent == [tcn]


async def test_what_is_on_its_way_for_too_long_is_sent_again(rig: Rig, scripted: ScriptedLink) -> None:
    def lost(_tcn: str, _payload: bytes) -> None:
        """The broker took it, and nobody else."""

    scripted.on_send = lost
    # The test's clock goes on by 100 s with each look at it.
    rig.patience = replace(PATIENCE, rows_s=1.0)
    rig.start(scripted)
    tcn = await rig.add(1)
    async with asyncio.timeout(60):
        while scripted.sent.count(tcn) < 3:  # noqa: ASYNC110  # What is sent is not published.
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("reason", "state"), [("bad_transaction", OutboxState.QUARANTINED), ("busy", OutboxState.RECEIVED)]
)
async def test_a_refusal_may_come_later_too(rig: Rig, scripted: ScriptedLink, reason: str, state: OutboxState) -> None:
    def refuses(tcn: str, _payload: bytes) -> None:
        refusal = msgspec.json.encode(Refusal(reason=reason, what="no"))
        scripted.to_come.put_nowait([scripted.sealed(IncomingKind.REFUSAL, tcn, refusal, "b:1")])
        scripted.on_send = scripted.receipt

    scripted.on_send = refuses
    rig.start(scripted)
    tcn = await rig.add(1)

    async def settled() -> bool:
        return await rig.state(tcn) is state

    await rig.until(settled)


@pytest.mark.parametrize("damage", ["seal", "content", "number", "kind"])
async def test_what_is_not_under_the_gateways_seal_is_refused_counted_and_shown(
    rig: Rig, scripted: ScriptedLink, damage: str
) -> None:
    rig.start(scripted)
    tcn = await rig.add(1)
    good = scripted.reply(tcn, "g:1")
    bad = {
        "seal": replace(good, seal=""),
        "content": replace(good, content=scripted.reply(tcn, "g:1", "R2", hits=True).content),
        "number": replace(good, tcr="UTO-OTHER"),
        "kind": replace(good, kind=IncomingKind.RECEIPT),
    }[damage]
    await scripted.to_come.put([bad])
    view = await rig.until_shown(lambda view: bool(view.refused))
    assert view.refused == {"unsigned" if damage == "seal" else "tampered": 1}
    assert not await rig.records.alerts()
    # It was not acknowledged: the gateway hands it out again, as it should be.
    await scripted.to_come.put([good])
    await rig.until_answered(tcn)
    assert "g:1" not in scripted.asked_after[: scripted.asked_after.index("") + 1]


async def test_a_gateway_whose_clock_is_another_one_is_no_reason_to_set_rows_aside(
    rig: Rig, scripted: ScriptedLink
) -> None:
    def stale(_tcn: str, _payload: bytes) -> bytes:
        raise RelayError(Reason.STALE, "gateway: 422: sealed in the future")

    scripted.on_send = stale
    rig.start(scripted)
    tcn = await rig.add(1)
    await rig.until_tried(3)
    assert min(rig.delays) >= PATIENCE.longest_s / 2
    scripted.on_send = scripted.receipt

    async def received() -> bool:
        return await rig.state(tcn) is OutboxState.RECEIVED

    await rig.until(received)


class DeafLink(ScriptedLink):
    """Its library takes a cancellation for an answer that failed, as asyncio.wait_for before Python 3.12 may."""

    async def send(self, message: Outgoing, pace: Pace) -> Incoming | None:
        await pace(len(message.content))
        self.sent.append(message.tcn)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise RelayError(Reason.LINK_DOWN, "gone") from error
        return None


async def test_a_courier_that_is_told_to_end_does_so_whatever_its_links_make_of_it(
    rig: Rig, certificates: Certificates
) -> None:
    link = DeafLink(certificates)
    rig.start(link)
    tcn = await rig.add()

    async def sending() -> bool:
        return tcn in link.sent

    await rig.until(sending)
    async with asyncio.timeout(20):
        await rig.stop()
