"""One connection to a NATS broker with JetStream. Needs nats-py (the extra ``nats``).

Promises: nothing is sent before the TLS handshake, whatever the broker offers. One object is one connection: when it
ends every call raises, and whoever wants another one makes it. Errors are RelayError as links/base.py has them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig, StreamConfig

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.links.jetstream.errors import (
    FAULTS,
    again,
    as_relay_error,
    is_held,
    is_wrong_sequence,
    untrusted,
)
from hotspotd.relay.links.jetstream.pulling import Pulling
from hotspotd.relay.links.jetstream.transport import SecureTransport

_T = TypeVar("_T")
# Above every message: the client's queue is not to be waited for in its own way, which loses cancellations.
_PENDING_BYTES = 64 * 1024 * 1024
# Half of the 64 kbit/s line that the appliance is made for.
_SLOWEST_BYTES_PER_S = 4_000
_ACK_WAIT_S = 60.0


class Connection:
    """One connection. Make it with ``open``."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._client = Client()
        self._transport = SecureTransport()
        # There is no other way to give it one.
        self._client._transport = self._transport
        self._js = self._client.jetstream(timeout=timeout_s)
        self._ended: asyncio.Future[RelayError] = asyncio.get_running_loop().create_future()
        self._opening = True

    @classmethod
    async def open(
        cls, place: tuple[str, int], context: ssl.SSLContext, *, name: str, inbox: str, timeout_s: float
    ) -> Self:
        """Connect to host and port as ``name``; answers come to subjects below ``inbox``. Raises RelayError."""
        connection = cls(timeout_s)
        try:
            await connection._connect(place, context, name, inbox)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _connect(self, place: tuple[str, int], context: ssl.SSLContext, name: str, inbox: str) -> None:
        host, port = place
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._client.connect(
                    f"nats://[{host}]:{port}" if ":" in host else f"nats://{host}:{port}",
                    name=name,
                    tls=context,
                    inbox_prefix=inbox,
                    allow_reconnect=False,
                    connect_timeout=max(int(self._timeout_s), 1),
                    pending_size=_PENDING_BYTES,
                    error_cb=self._failed,
                    closed_cb=self._closed,
                )
        except FAULTS as error:
            raise self._introduction(error) from error
        if not self._client.is_connected:
            raise self._introduction(nats.errors.UnexpectedEOF())
        self._opening = False

    def _introduction(self, error: Exception) -> RelayError:
        # With TLS 1.3 a server judges this side's certificate when the handshake is over here, and hangs up.
        if self._transport.secure and isinstance(error, (ConnectionError, nats.errors.UnexpectedEOF)):
            return untrusted(error)
        return as_relay_error(error)

    async def _failed(self, error: Exception) -> None:
        """What the client says besides answers. While it connects, raised: it would try again by itself."""
        if self._opening:
            raise error
        self._end(as_relay_error(error))

    async def _closed(self) -> None:
        self._end(as_relay_error(self._client.last_error or nats.errors.ConnectionClosedError()))

    def _end(self, error: RelayError) -> None:
        if not self._ended.done():
            self._ended.set_result(error)

    @property
    def ended(self) -> bool:
        """Whether it is of no more use."""
        return self._ended.done()

    async def close(self) -> None:
        """Hang up, now."""
        self._opening = False
        self._end(RelayError(Reason.LINK_DOWN, "broker: the connection was closed"))
        self._transport.close()
        await self._client.close()

    async def guard(self, work: Coroutine[Any, Any, _T]) -> _T:
        """What ``work`` with the client gives, unless the connection ends before. Raises RelayError."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait((task, self._ended), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise again(self._ended.result())
            return await task
        except FAULTS as error:
            if self.ended:
                raise again(self._ended.result()) from error
            raise as_relay_error(error) from error
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))

    async def store(self, subject: str, message: bytes, headers: dict[str, str]) -> bool:
        """Have the broker store a message; whether it is new to it. A large one has the time that it needs.

        It is none with a Nats-Msg-Id that the broker has seen lately; nor with a Nats-Expected-Last-Subject-Sequence of
        0 where the broker holds one under ``subject``.
        """
        try:
            stored = await self.guard(
                self._js.publish(
                    subject,
                    message,
                    timeout=self._timeout_s + len(message) / _SLOWEST_BYTES_PER_S,
                    headers=dict(headers),
                )
            )
        except RelayError as error:
            if is_held(error.__cause__):
                return False
            raise
        return not stored.duplicate

    async def holds(self, subject: str) -> bool:
        """Whether a message under ``subject`` lies at the broker, for some hundred bytes.

        Asked with a message that cannot be stored: it expects to follow one of a number that there never was.
        """
        try:
            await self.guard(
                self._js.publish(subject, b"", headers={"Nats-Expected-Last-Subject-Sequence": str(2**63 - 1)})
            )
        except RelayError as error:
            if is_wrong_sequence(error.__cause__):
                return is_held(error.__cause__)
            raise
        raise RelayError(Reason.LINK_PROTOCOL, "broker: stores what must not be stored")

    async def publish(self, subject: str, message: bytes = b"", answer_to: str = "") -> None:
        """Publish a message that nobody confirms; who wants to answers to the subject ``answer_to``."""
        await self.guard(self._client.publish(subject, message, reply=answer_to))

    async def ask(self, subject: str) -> None:
        """Have an empty message answered by somebody."""
        await self.guard(self._client.request(subject, timeout=self._timeout_s))

    async def answer(self, subject: str) -> None:
        """Answer every message under ``subject`` with an empty one, as long as the connection lasts."""

        async def respond(message: Msg) -> None:
            if message.reply:
                await self._client.publish(message.reply)

        await self.guard(self._client.subscribe(subject, cb=respond))

    async def make_stream(self, stream: StreamConfig) -> int:
        """See to it that there is such a stream; returns the number of its latest message."""
        try:
            state = (await self.guard(self._js.add_stream(stream))).state
        except RelayError as error:
            if not isinstance(error.__cause__, nats.js.errors.BadRequestError):
                raise
            # It is there already, with other limits perhaps.
            state = (await self.guard(self._js.update_stream(stream))).state
        return state.last_seq

    async def consume(self, stream: str, name: str, subject: str | None, *, batch: int, most: int) -> Pulling:
        """Fetch what lies in ``stream`` under ``subject``, by a consumer that begins anew.

        Nothing is lost by that in a work queue, where only what was acknowledged is gone; and what was on its way to
        an earlier connection comes at once instead of when the broker gives that up.
        """
        try:
            await self.guard(self._js.delete_consumer(stream, name))
        except RelayError as error:
            if not isinstance(error.__cause__, nats.js.errors.NotFoundError):
                raise
        await self.guard(
            self._js.add_consumer(
                stream,
                ConsumerConfig(
                    name=name,
                    durable_name=name,
                    filter_subject=subject,
                    ack_wait=_ACK_WAIT_S,
                    max_ack_pending=most,
                ),
            )
        )
        pulling = Pulling(self, f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}", batch, self._timeout_s)
        await self.guard(self._client.subscribe(pulling.inbox, cb=pulling.arrived))
        return pulling

    def new_inbox(self) -> str:
        """A subject of which only this connection knows."""
        return self._client.new_inbox()

    async def ping(self) -> None:
        """A round trip to the broker."""
        await self.guard(self._client.flush(max(int(self._timeout_s), 1)))
