"""A courier with real records on links that a test hands in, and a link that does what a test says. No test waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import msgspec

from hotspotd.clock import Clock
from hotspotd.errors import RelayError
from hotspotd.events import Event, Events, LinkView, Missed
from hotspotd.records import Records
from hotspotd.records.model import OutboxState, Rank
from hotspotd.relay.backoff import Backoff
from hotspotd.relay.compose import compose_nps
from hotspotd.relay.courier import Courier
from hotspotd.relay.inquiry import Responder, compose_result
from hotspotd.relay.inti import xml6
from hotspotd.relay.inti.transaction import Organisation
from hotspotd.relay.links.base import Incoming, IncomingKind, Link, Outgoing, Pace
from hotspotd.relay.links.wire import Receipt, digest
from hotspotd.relay.message import pack, unpack
from hotspotd.relay.pace import Pacer
from hotspotd.relay.parts import Parts, Patience
from hotspotd.relay.routes import Route, Routes
from hotspotd.relay.seal import Sealer
from tests.gateway.bench import Certificates
from tests.relay.travellers import ORIGIN, encounter, hit, item

CLOCK = Clock()
PATIENCE = Patience(first_s=1.0, longest_s=60.0, poll_s=5.0, rows_s=1000.0, others_s=1000.0, row_tries=3)
# A pause that is longer than any retry: whoever takes it waits for something else.
_NO_RETRY_S = 900.0


class Rig:
    """One kiosk's records, events and courier."""

    def __init__(self, records: Records, path: Path, sealer: Sealer) -> None:
        self.records = records
        self.path = path
        self.sealer = sealer
        self.events = Events()
        self.delays: list[float] = []
        self.courier: Courier | None = None
        self.routes = Routes([])
        self.patience = PATIENCE
        self._running: asyncio.Task[None] | None = None

    async def _sleep(self, seconds: float) -> None:
        """No test waits: a retry is due at once, and the delay it would have had is kept."""
        if seconds >= _NO_RETRY_S:
            await asyncio.Event().wait()
        self.delays.append(seconds)
        await asyncio.sleep(0)

    def start(self, *links: Link) -> Courier:
        # Rows in trouble are due again whenever the courier looks, as its sleep takes no time.
        ticks = iter(range(0, 10_000_000, 100))
        clock = Clock(wall=CLOCK.wall, monotonic=lambda: float(next(ticks)))
        self.routes = Routes(
            [
                Route(link, Pacer(Rank.DECISION), Backoff(self.patience.first_s, self.patience.longest_s))
                for link in links
            ]
        )
        parts = Parts(self.records, self.routes, self.sealer, self.events, clock, self.patience, self._sleep)
        self.courier = Courier(parts)
        self._running = asyncio.create_task(self.courier.run())
        # A courier that ends by itself is looked at by whoever waits for an event.
        self._running.add_done_callback(lambda _: self.events.publish(Missed()))
        return self.courier

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None

    async def add(self, number: int = 1, passport: str = "L898902C3", payload: bytes | None = None) -> str:
        given = encounter(number, passport, pictures=False)
        await self.records.record_encounter(given, item(given, CLOCK.now(), payload))
        if self.courier is not None:
            self.courier.wake()
        return given.tcn

    async def state(self, tcn: str) -> OutboxState:
        return (await self.records.outbox_item(tcn)).state

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> list[Event]:
        """Wait until ``condition`` holds, looking again whenever the courier publishes something."""
        seen: list[Event] = []
        with self.events.subscribe() as subscription:
            async with asyncio.timeout(60):
                while not await condition():
                    if self._running is not None and self._running.done():
                        self._running.result()
                    seen.append(await subscription.next())
        return seen

    async def until_tried(self, times: int) -> None:
        """Wait until the link was tried again so often."""

        async def tried() -> bool:
            return len(self.delays) >= times

        await self.until(tried)

    async def until_shown(self, as_it_should: Callable[[LinkView], bool]) -> LinkView:
        """Wait until the pages are told so."""
        found: list[LinkView] = []

        async def shown() -> bool:
            found[:] = [event for event in self.events.present() if isinstance(event, LinkView)]
            return bool(found) and as_it_should(found[0])

        await self.until(shown)
        return found[0]

    async def until_answered(self, *tcns: str) -> list[Event]:
        async def answered() -> bool:
            return {await self.state(tcn) for tcn in tcns} == {OutboxState.ANSWERED}

        return await self.until(answered)


class ScriptedLink(Link):
    """A gateway that misbehaves in ways the reference one cannot be told to: what it does is handed in."""

    def __init__(self, certificates: Certificates, name: str = "scripted") -> None:
        self.name = name
        self.trust = certificates.trust()
        self._sealer = certificates.sealer("gateway")
        self.sent: list[str] = []
        self.on_send: Callable[[str, bytes], bytes | None] = good_receipt
        self.to_come: asyncio.Queue[list[Incoming] | RelayError] = asyncio.Queue()
        self.asked_after: list[str] = []
        self.probes = 0
        self.on_probe: Callable[[], None] = lambda: None

    def sealed(self, kind: IncomingKind, tcr: str, payload: bytes, cursor: str = "") -> Incoming:
        content = pack(payload)
        seal = self._sealer.seal(
            content, kind=kind.value, tcn=tcr, now=CLOCK.wall(), valid=timedelta(minutes=5), with_certificate=True
        )
        return Incoming(cursor, kind, tcr, seal, content)

    def reply(self, tcn: str, cursor: str, tcn_of_reply: str = "R1", *, hits: bool = False) -> Incoming:
        request = xml6.decode(compose_nps(encounter(pictures=False), ORIGIN, CLOCK.now(), "IMM"))
        request = msgspec.structs.replace(request, header=msgspec.structs.replace(request.header, tcn=tcn))
        responder = Responder(Organisation(identifier="NCB"))
        answer = compose_result(request, tcn_of_reply, [hit()] if hits else [], responder, CLOCK.now())
        return self.sealed(IncomingKind.REPLY, tcn, answer, cursor)

    async def probe(self) -> None:
        self.probes += 1
        self.on_probe()

    async def send(self, message: Outgoing, pace: Pace) -> Incoming | None:
        self.sent.append(message.tcn)
        await pace(len(message.content))
        receipt = self.on_send(message.tcn, unpack(message.content, 10_000_000))
        return None if receipt is None else self.sealed(IncomingKind.RECEIPT, message.tcn, receipt)

    async def incoming(self, after: str, wait_s: float) -> list[Incoming]:
        self.asked_after.append(after)
        if not wait_s:
            return []
        come = await self.to_come.get()
        if isinstance(come, RelayError):
            raise come
        return come

    @staticmethod
    def receipt(tcn: str, payload: bytes) -> bytes:
        """The receipt of a gateway that holds it."""
        return good_receipt(tcn, payload)

    @property
    def resend_s(self) -> float:
        return 600.0

    async def close(self) -> None:
        pass


def good_receipt(tcn: str, payload: bytes) -> bytes:
    receipt = Receipt(
        tcn=tcn, sha256=digest(payload), bytes=len(payload), device="kiosk-1", gateway="g", received_at="now"
    )
    return msgspec.json.encode(receipt)
