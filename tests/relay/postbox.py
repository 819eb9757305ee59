"""A kiosk at a broker without its courier: sends what a test has, opens what the gateway says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import msgspec

from hotspotd.clock import Clock
from hotspotd.errors import RelayError
from hotspotd.gateway.doors.nats import NatsDoor
from hotspotd.gateway.doors.nats_streams import Terms
from hotspotd.gateway.reception import Reception
from hotspotd.relay.compose import compose_nps
from hotspotd.relay.links.base import Incoming, IncomingKind, Outgoing
from hotspotd.relay.links.jetstream import subjects
from hotspotd.relay.links.jetstream.connection import Connection
from hotspotd.relay.links.nats import NatsLink
from hotspotd.relay.links.wire import Refusal, check_receipt, digest
from hotspotd.relay.message import pack, unpack
from hotspotd.relay.seal import Sealer
from tests.gateway.bench import Certificates, GatewayBench, NumberSearch
from tests.relay.broker import GATEWAY, Broker
from tests.relay.travellers import ORIGIN, encounter

CLOCK = Clock()
WAIT_S = 0.3
"""How long one question waits for messages; what is waited for longer is asked for again."""


@dataclass
class Postbox:
    """One device's link, and what came through it."""

    link: NatsLink
    certificates: Certificates
    sealer: Sealer
    device: str = "kiosk-1"
    payloads: dict[str, bytes] = field(default_factory=dict)
    receipts: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    refusals: list[tuple[str, Refusal]] = field(default_factory=list)
    cursor: str = ""
    paced: list[int] = field(default_factory=list)

    def outgoing(self, number: int = 1, *, begun: bool = False, payload: bytes | None = None) -> Outgoing:
        given = encounter(number, pictures=False)
        payload = payload or self.payloads.get(given.tcn)
        if payload is None:
            payload = compose_nps(given, ORIGIN, CLOCK.now(), "IMM")
        content = pack(payload)
        self.payloads[given.tcn] = payload

        def seal(valid_s: float, whole: bool) -> str:
            return self.sealer.seal(
                content,
                kind="transaction",
                tcn=given.tcn,
                now=CLOCK.now().at,
                valid=timedelta(seconds=valid_s),
                with_certificate=whole,
            )

        return Outgoing(given.tcn, digest(payload), content, seal, begun)

    async def send(self, number: int = 1, *, begun: bool = False, payload: bytes | None = None) -> str:
        """Hand transaction ``number`` to the broker; returns its control number."""
        message = await asyncio.to_thread(lambda: self.outgoing(number, begun=begun, payload=payload))
        assert await self.link.send(message, self._pace) is None
        return message.tcn

    async def _pace(self, size: int) -> None:
        self.paced.append(size)

    async def fetch(self, wait_s: float = WAIT_S) -> list[Incoming]:
        """Ask once, and open what came. The next question acknowledges it."""
        found = await self.link.incoming(self.cursor, wait_s)
        for incoming in found:
            self._open(incoming)
            self.cursor = incoming.cursor
        return found

    def _open(self, incoming: Incoming) -> None:
        opened = self.link.trust.open(incoming.seal, incoming.content, CLOCK.now().at)
        assert (opened.claims.kind, opened.claims.tcn) == (incoming.kind.value, incoming.tcr)
        payload = unpack(incoming.content, 1_000_000)
        match incoming.kind:
            case IncomingKind.RECEIPT:
                check_receipt(payload, incoming.tcr, self.payloads[incoming.tcr])
                self.receipts.append(incoming.tcr)
            case IncomingKind.REPLY:
                self.replies.append(incoming.tcr)
            case IncomingKind.REFUSAL:
                self.refusals.append((incoming.tcr, msgspec.json.decode(payload, type=Refusal)))

    async def until_receipt(self, tcn: str) -> None:
        async with asyncio.timeout(30):
            while tcn not in self.receipts:
                await self.fetch()

    async def until_reply(self, tcn: str) -> None:
        async with asyncio.timeout(30):
            while tcn not in self.replies:
                await self.fetch()

    async def until_refusal(self) -> tuple[str, Refusal]:
        async with asyncio.timeout(30):
            while not self.refusals:
                await self.fetch()
        return self.refusals[-1]

    async def until_up(self) -> None:
        """Try until the broker answers again."""
        async with asyncio.timeout(30):
            while True:
                try:
                    await self.fetch(0.0)
                except RelayError:
                    continue
                return


async def postbox(
    broker: Broker, certificates: Certificates, device: str = "kiosk-1", timeout_s: float = 10.0
) -> Postbox:
    folder = certificates.folder
    link = await NatsLink.open(
        "broker",
        broker.url,
        trust_anchors=broker.anchor,
        certificate=folder / f"{device}.pem",
        key=folder / f"{device}.key",
        timeout_s=timeout_s,
        device=device,
        trust=await asyncio.to_thread(certificates.trust),
    )
    return Postbox(link, certificates, await asyncio.to_thread(certificates.sealer, device), device)


async def at_broker(broker: Broker, name: str) -> Connection:
    """A connection of the test's own, with the certificate ``name``."""
    inbox = subjects.GATEWAY_INBOX if name == GATEWAY else subjects.inbox(name)
    context = await asyncio.to_thread(broker.context, name)
    return await Connection.open(subjects.place(broker.url), context, name="test", inbox=inbox, timeout_s=5.0)


async def until_so(condition: Callable[[], Awaitable[object]]) -> None:
    """Ask until the answer is not nothing."""
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110  # What is looked at tells nobody.
            await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Look until it is so."""

    async def look() -> bool:
        return condition()

    await until_so(look)


class NatsGateway(GatewayBench):
    """A gateway that is open to a broker."""

    def __init__(self, folder: Path, certificates: Certificates, broker: Broker, **limits: float) -> None:
        super().__init__(folder / "gateway.db", certificates, NumberSearch(), **limits)
        self.terms = Terms(subjects.place(broker.url), timeout_s=10.0, incoming_mb=16, outgoing_mb=16, again_s=0.2)
        self.context = broker.context(GATEWAY)
        self.doors = [self._open_door]
        self.nats: NatsDoor | None = None

    def _open_door(self, reception: Reception) -> NatsDoor:
        self.nats = NatsDoor(self.terms, self.context, reception, self.identity.sealer, self.clock, sleep=self._pause)
        return self.nats

    @staticmethod
    async def _pause(seconds: float) -> None:
        """A hundredth of it: no test waits for a broker's return as long as a gateway does."""
        await asyncio.sleep(seconds / 100)

    async def start(self) -> None:
        await super().start()
        await self.until_connected()

    async def until_connected(self) -> None:
        assert self.nats is not None
        async with asyncio.timeout(30):
            await self.nats.connected.wait()

    async def unacknowledged(self, device: str = "kiosk-1") -> list[str]:
        """Which replies the gateway thinks that the device doesn't hold."""
        assert self.store is not None
        return [reply.tcr for reply in await self.store.replies(device, 100)]

    async def until_acknowledged(self, box: Postbox) -> None:
        async with asyncio.timeout(30):
            while await self.unacknowledged(box.device):
                await box.fetch()

    async def deliveries(self, tcn: str, device: str = "kiosk-1") -> int:
        assert self.store is not None
        return (await self.store.counts(device)).by_tcn[tcn].deliveries
