"""The gateway's side of a NATS broker: fetches what devices have published, publishes receipts and replies.

Promises: a message is acknowledged to the broker when it is stored here and its receipt lies at the broker; what cannot
be taken for what it is is answered with a sealed refusal, and stops nothing else; what cannot be taken just now comes
again. A broker that is away is tried again for ever. docs/relay-nats.md. Needs nats-py (the extra ``nats``).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import msgspec
from aiohttp import web

from hotspotd.cancelling import insist
from hotspotd.clock import Clock
from hotspotd.errors import GatewayError, HotspotError, Reason, RelayError
from hotspotd.gateway.doors.nats_letters import Arrived, Letter, letter_of, sha256_of
from hotspotd.gateway.doors.nats_streams import Terms, incoming_stream, outgoing_stream
from hotspotd.gateway.reception import Receipted, Reception
from hotspotd.relay.backoff import Backoff
from hotspotd.relay.links.base import IncomingKind
from hotspotd.relay.links.jetstream import subjects
from hotspotd.relay.links.jetstream.connection import Connection
from hotspotd.relay.links.jetstream.pulling import Pulling
from hotspotd.relay.links.tls import client_context
from hotspotd.relay.links.wire import Refusal
from hotspotd.relay.message import decode, encode, pack, unpack
from hotspotd.relay.seal import Sealer

logger = logging.getLogger(__name__)

_CONSUMER = "gateway"
_VALID = timedelta(seconds=subjects.KEPT_S)
_BATCH = 8
_POLL_S = 25.0
_REPLIES_AT_ONCE = 16
# Handed out anew to a device that asks for what the broker may have lost; it asks again when it has had these.
_REPLIES_AGAIN = 64
_MOST_ACK_BYTES = 16 * 1024
_LOOK_S = 5.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
# Of the message, and not of the moment: it is answered, and gone. Anything else comes again.
_FINAL = frozenset(
    (
        Reason.UNSIGNED,
        Reason.TAMPERED,
        Reason.UNTRUSTED,
        Reason.REVOKED,
        Reason.STALE,
        Reason.REPLAYED,
        Reason.BAD_TRANSACTION,
        Reason.TOO_LARGE,
        Reason.CONFLICT,
    )
)


class NatsDoor:
    """One broker. ``run`` it as a part of the service."""

    name = "nats"

    def __init__(
        self,
        terms: Terms,
        context: ssl.SSLContext,
        reception: Reception,
        sealer: Sealer,
        clock: Clock,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._terms = terms
        self._context = context
        self._reception = reception
        self._sealer = sealer
        self._clock = clock
        self._sleep = sleep
        self._complained = False
        self.connected = asyncio.Event()
        """Set while the broker is connected and its streams are there."""

    @classmethod
    async def open(
        cls,
        terms: Terms,
        *,
        trust_anchors: Path,
        certificate: Path,
        key: Path,
        reception: Reception,
        sealer: Sealer,
    ) -> NatsDoor:
        """A door that connects with a client certificate; ``trust_anchors`` are the broker's. Raises ConfigError."""
        context = await asyncio.to_thread(client_context, trust_anchors, certificate, key)
        return cls(terms, context, reception, sealer, Clock())

    def add_to(self, application: web.Application) -> None:
        """It has no routes."""

    async def run(self) -> None:
        """Serve until cancelled."""
        backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        while True:
            try:
                await self._serve(backoff)
            except* RelayError as several:
                error = _first(several)
                if error.reason is Reason.LINK_REFUSED:
                    backoff.jump()
                self._failed(error)
            finally:
                self.connected.clear()
            await self._sleep(backoff.next())

    async def _serve(self, backoff: Backoff) -> None:
        """One connection's life. Raises RelayError, or a group of such."""
        connection = await Connection.open(
            self._terms.place,
            self._context,
            name="hotspotd gateway",
            inbox=subjects.GATEWAY_INBOX,
            timeout_s=self._terms.timeout_s,
        )
        try:
            latest = await connection.make_stream(incoming_stream(self._terms))
            await connection.make_stream(outgoing_stream(self._terms))
            pulling = await connection.consume(subjects.STREAM_IN, _CONSUMER, None, batch=_BATCH, most=8 * _BATCH)
            await connection.answer(subjects.SUBJECTS_PING)
            # When this is answered the broker knows that somebody answers.
            await connection.ping()
            backoff.reset()
            self._works()
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._take(connection, pulling, latest), name="nats-take"),
                    group.create_task(self._push(connection), name="nats-push"),
                ]
                group.create_task(insist(tasks), name="nats-end")
        finally:
            await connection.close()

    def _works(self) -> None:
        if self._complained:
            logger.info("door nats: the broker is there again")
        self._complained = False
        self.connected.set()

    def _failed(self, error: RelayError) -> None:
        logger.log(logging.DEBUG if self._complained else logging.WARNING, "door nats: %s", error)
        self._complained = True

    async def _take(self, connection: Connection, pulling: Pulling, latest: int) -> None:
        """Messages of devices, for ever. Those up to number ``latest`` may have been stored here before."""
        while True:
            messages = await pulling.next(_POLL_S)
            async with asyncio.TaskGroup() as group:
                for message in messages:
                    arrived = Arrived(message, latest)
                    if arrived.tcn:
                        group.create_task(self._one(connection, arrived))
                    elif arrived.device:
                        # In their order: a question comes after what was acknowledged before it.
                        await self._acknowledged(connection, arrived)
                    else:
                        await connection.guard(message.ack())

    async def _one(self, connection: Connection, arrived: Arrived) -> None:
        try:
            receipted = await self._receipted(arrived)
        except RelayError as error:
            if error.reason not in _FINAL:
                await self._later(connection, arrived, error)
                return
            letter = self._refusal(arrived.tcn, error)
        except HotspotError as error:
            await self._later(connection, arrived, error)
            return
        else:
            letter = Letter(IncomingKind.RECEIPT, receipted.tcn, receipted.seal, receipted.content)
        await self._post(connection, arrived.device, letter)
        await connection.guard(arrived.message.ack())

    async def _receipted(self, arrived: Arrived) -> Receipted:
        """Have the message taken. Raises RelayError for one that is refused, and HotspotError."""
        try:
            seal, content = decode(arrived.message.data)
        except RelayError:
            seal, content = "", arrived.message.data  # Refused, and counted, where seals are.
        if arrived.again and seal:
            # Under the same seal as before: the broker's doing, or ours, and nobody's replay.
            sha256 = await asyncio.to_thread(sha256_of, content, self._reception.max_bytes)
            known = await self._reception.receipt(arrived.device, arrived.tcn, sha256, valid=_VALID, whole=True)
            if known is not None:
                return known
        return await self._reception.take(
            seal, content, door=self.name, device=arrived.device, valid=_VALID, whole=True
        )

    async def _later(self, connection: Connection, arrived: Arrived, error: HotspotError) -> None:
        """It comes again."""
        logger.warning("door nats: message %s of %s has to wait: %s", arrived.tcn, arrived.device, error)
        await connection.guard(arrived.message.nak(delay=self._terms.again_s))

    def _refusal(self, tcn: str, error: RelayError) -> Letter:
        refusal = Refusal(reason=error.reason.value, what=error.what, advice=error.advice)
        content = pack(msgspec.json.encode(refusal))
        kind = IncomingKind.REFUSAL
        now = self._clock.now().at
        seal = self._sealer.seal(content, kind=kind.value, tcn=tcn, now=now, valid=_VALID, with_certificate=True)
        return Letter(kind, tcn, seal, content)

    async def _acknowledged(self, connection: Connection, arrived: Arrived) -> None:
        try:
            cursors = await self._cursors(arrived)
            for cursor in cursors:
                await self._reception.acknowledge_one(arrived.device, cursor)
            replies = []
            if not cursors:
                replies = await self._reception.replies(arrived.device, _REPLIES_AGAIN, valid=_VALID, whole=True)
        except RelayError as error:
            logger.warning("door nats: what %s holds could not be read: %s", arrived.device, error)
            replies = []
        except HotspotError as error:
            await self._later(connection, arrived, error)
            return
        for reply in replies:
            await self._post(connection, arrived.device, letter_of(reply))
        await connection.guard(arrived.message.ack())

    async def _cursors(self, arrived: Arrived) -> list[str]:
        """Which replies the device holds; none: it asks for all that it doesn't. Raises RelayError."""
        seal, content = decode(arrived.message.data)
        opened = await self._reception.opened(seal, content, arrived.device)
        if opened.claims.kind != subjects.ACK_KIND:
            raise RelayError(Reason.UNTRUSTED, "message: sealed for something else")
        try:
            return msgspec.json.decode(unpack(content, _MOST_ACK_BYTES), type=list[str])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise RelayError(Reason.BAD_TRANSACTION, "message: no list of cursors") from error

    async def _push(self, connection: Connection) -> None:
        """Replies to what came through here, as they are made."""
        while True:
            self._reception.news(self.name).clear()
            try:
                while replies := await self._reception.to_push(self.name, _REPLIES_AT_ONCE):
                    for device, reply in replies:
                        await self._post(connection, device, letter_of(reply), once=f"{device}/{reply.cursor}")
                        await self._reception.pushed(device, reply.cursor)
            except GatewayError as error:
                logger.warning("door nats: %s", error)
                await self._sleep(self._terms.again_s)
                continue
            with suppress(TimeoutError):
                # Bureau officers may decide in a process of their own, which is told nobody here.
                async with asyncio.timeout(_LOOK_S):
                    await self._reception.news(self.name).wait()

    async def _post(self, connection: Connection, device: str, letter: Letter, once: str = "") -> None:
        headers = {subjects.KIND_HEADER: letter.kind.value, subjects.TCR_HEADER: letter.tcr}
        if letter.cursor:
            headers[subjects.CURSOR_HEADER] = letter.cursor
        if once:
            headers["Nats-Msg-Id"] = once
        await connection.store(subjects.outgoing(device), encode(letter.seal, letter.content), headers)


def _first(several: BaseExceptionGroup[RelayError]) -> RelayError:
    error = several.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
