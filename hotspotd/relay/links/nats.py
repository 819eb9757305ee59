"""The link over a NATS broker: messages wait at the broker until the gateway takes them. docs/relay-nats.md.

A broker confirms before it is durable, so its word counts for nothing here: ``send`` returns ``None``, and the
gateway's receipt comes through ``incoming``. Where it stays away, the broker is asked whether it holds the message
still: only what it has lost is sent again. Needs nats-py (the extra ``nats``), imported when such a link is opened.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hotspotd.clock import Clock
from hotspotd.errors import Reason, RelayError
from hotspotd.relay.links.base import Incoming, IncomingKind, Link, Outgoing, Pace
from hotspotd.relay.links.jetstream import check_library, subjects
from hotspotd.relay.links.tls import client_context
from hotspotd.relay.message import decode, encode, pack
from hotspotd.relay.seal import Sealer, Trust

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from hotspotd.relay.links.jetstream.connection import Connection
    from hotspotd.relay.links.jetstream.pulling import Pulling

logger = logging.getLogger(__name__)

_BATCH = 16
_RESEND_S = 300.0
# How long nothing may come until the gateway is asked whether the broker has lost something of its.
_ASK_AGAIN_S = 3600.0


@dataclass(slots=True)
class _Held:
    """A message of the gateway's that was handed on and not acknowledged yet."""

    incoming: Incoming
    message: Msg
    gateway_cursor: str
    genuine: bool


@dataclass(slots=True)
class _Session:
    """One connection, and what came on it."""

    connection: Connection
    pulling: Pulling
    held: OrderedDict[str, _Held] = field(default_factory=OrderedDict)
    complete_at: float | None = None
    """When (monotonic) the gateway was asked for what the broker may have lost; ``None``: something came since."""


class NatsLink(Link):
    """One device at one broker. Make it with ``open``."""

    def __init__(
        self,
        name: str,
        place: tuple[str, int],
        context: ssl.SSLContext,
        trust: Trust,
        sealer: Sealer,
        *,
        device: str,
        timeout_s: float,
        clock: Clock,
    ) -> None:
        self.name = name
        self.trust = trust
        self.held_there = 0
        """Messages that the broker had already and did not store again."""
        self._place = place
        self._context = context
        self._sealer = sealer
        self._device = device
        self._timeout_s = timeout_s
        self._clock = clock
        self._connecting = asyncio.Lock()
        self._session: _Session | None = None
        self._closed = False
        self._handed = 0
        self._read: Callable[[], tuple[ssl.SSLContext, Sealer]] | None = None

    async def renewal(self) -> Callable[[], None]:
        """See Link. The connection stays: it was let in."""
        if self._read is None:
            return await super().renewal()
        context, sealer = await asyncio.to_thread(self._read)

        def switch() -> None:
            self._context = context
            self._sealer.take_over(sealer)

        return switch

    @classmethod
    async def open(
        cls,
        name: str,
        url: str,
        *,
        trust_anchors: Path,
        certificate: Path,
        key: Path,
        timeout_s: float,
        device: str,
        trust: Trust | None = None,
    ) -> NatsLink:
        """The link to the broker at ``url`` (``nats://HOST:PORT``); connects with the first call.

        ``trust_anchors`` are those of the broker's certificate, and of the gateway's seals unless there is ``trust``.
        Raises ConfigError.
        """
        await asyncio.to_thread(check_library)

        def read() -> tuple[ssl.SSLContext, Sealer]:
            return client_context(trust_anchors, certificate, key), Sealer.load(certificate, key)

        context, sealer = await asyncio.to_thread(read)
        anchors = trust if trust is not None else await asyncio.to_thread(Trust.load, trust_anchors, "gateway")
        link = cls(
            name,
            subjects.place(url),
            context,
            anchors,
            sealer,
            device=device,
            timeout_s=timeout_s,
            clock=Clock(),
        )
        link._read = read
        return link

    async def probe(self) -> None:
        """See Link. Asks the gateway itself, through the broker."""
        await (await self._connected()).connection.ask(subjects.pinged(self._device))

    async def send(self, message: Outgoing, pace: Pace) -> Incoming | None:
        """See Link. Returns when the broker has the message, which is not yet a receipt."""
        subject = subjects.sent(self._device, message.tcn)
        connection = (await self._connected()).connection
        if message.begun and await connection.holds(subject):
            self.held_there += 1
            return None
        sealed = encode(message.seal(float(subjects.KEPT_S), True), message.content)
        # A message goes in one piece here.
        await pace(len(sealed))
        if not await connection.store(subject, sealed, _once(message.tcn)):
            self.held_there += 1
        return None

    async def incoming(self, after: str, wait_s: float) -> list[Incoming]:
        """See Link."""
        session = await self._connected()
        await self._acknowledge(session, after)
        if not session.held:
            await self._take(session, await self._pulled(session, wait_s))
        return [held.incoming for held in session.held.values()]

    @property
    def resend_s(self) -> float:
        """See Link. Longer than the broker would take it for a duplicate."""
        return _RESEND_S

    async def close(self) -> None:
        """See Link."""
        self._closed = True
        async with self._connecting:
            await self._drop()

    async def _connected(self) -> _Session:
        async with self._connecting:
            if self._closed:
                raise RelayError(Reason.LINK_DOWN, "broker: the link was closed")
            if self._session is not None and not self._session.connection.ended:
                return self._session
            await self._drop()
            self._session = await self._connect()
            return self._session

    async def _connect(self) -> _Session:
        from hotspotd.relay.links.jetstream.connection import Connection  # noqa: PLC0415  # Needs the extra "nats".

        connection = await Connection.open(
            self._place,
            self._context,
            name=self._device,
            inbox=subjects.inbox(self._device),
            timeout_s=self._timeout_s,
        )
        try:
            subject = subjects.outgoing(self._device)
            pulling = await connection.consume(
                subjects.STREAM_OUT, self._device, subject, batch=_BATCH, most=4 * _BATCH
            )
        except BaseException:
            await connection.close()
            raise
        return _Session(connection, pulling)

    async def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.connection.close()

    async def _pulled(self, session: _Session, wait_s: float) -> list[Msg]:
        try:
            messages = await session.pulling.next(wait_s)
        except RelayError:
            # Whatever it was: the next call begins on a new connection.
            await session.connection.close()
            raise
        now = self._clock.monotonic()
        if messages:
            session.complete_at = None
        elif session.complete_at is None or now - session.complete_at > _ASK_AGAIN_S:
            # An empty list of what is held asks for all that is not.
            await self._tell(session, [])
            session.complete_at = now
        return messages

    async def _take(self, session: _Session, messages: list[Msg]) -> None:
        strange = [message for message in messages if not self._hold(session, message)]
        for message in strange:
            logger.warning("link %s: the broker gave what is no message of a gateway's", self.name)
            await session.connection.guard(message.ack())

    def _hold(self, session: _Session, message: Msg) -> bool:
        """Keep a message until it is acknowledged; whether it is one."""
        headers = message.headers or {}
        try:
            kind = IncomingKind(headers.get(subjects.KIND_HEADER, ""))
            seal, content = decode(message.data)
        except (ValueError, RelayError):
            return False
        self._handed += 1
        incoming = Incoming(str(self._handed), kind, headers.get(subjects.TCR_HEADER, ""), seal, content)
        cursor = headers.get(subjects.CURSOR_HEADER, "")
        session.held[incoming.cursor] = _Held(incoming, message, cursor, self._is_genuine(incoming))
        return True

    def _is_genuine(self, incoming: Incoming) -> bool:
        try:
            claims = self.trust.open(incoming.seal, incoming.content, self._clock.now().at).claims
        except RelayError as error:
            # By a clock that is wrong everything is stale; it comes again until the clock is right.
            return error.reason is Reason.STALE
        return (claims.kind, claims.tcn) == (incoming.kind.value, incoming.tcr)

    async def _acknowledge(self, session: _Session, after: str) -> None:
        """Everything up to ``after`` is stored here: the gateway may forget it, and then the broker."""
        upto = int(after) if after in session.held else 0
        # What is not genuine is handed on once, so that it is refused and counted, and then stops nothing more.
        done = [held for cursor, held in session.held.items() if int(cursor) <= upto or not held.genuine]
        for held in done:
            del session.held[held.incoming.cursor]
        # That it arrived is not said of it: the gateway gives the true one again.
        replies = [held.gateway_cursor for held in done if held.gateway_cursor and held.genuine]
        if replies:
            await self._tell(session, replies)
        for held in done:
            await session.connection.guard(held.message.ack())

    async def _tell(self, session: _Session, cursors: list[str]) -> None:
        content = pack(msgspec.json.encode(cursors))
        seal = self._sealer.seal(
            content,
            kind=subjects.ACK_KIND,
            tcn="",
            now=self._clock.now().at,
            valid=timedelta(seconds=subjects.KEPT_S),
            with_certificate=True,
        )
        await session.connection.publish(subjects.acknowledged(self._device), encode(seal, content))


def _once(tcn: str) -> dict[str, str]:
    """Never twice at the broker at the same time, nor within the time that it remembers numbers for."""
    return {"Nats-Msg-Id": tcn, "Nats-Expected-Last-Subject-Sequence": "0"}
