"""The gateway over HTTP: takes transactions, hands out replies. docs/relay.md has the protocol.

Who a device is, is the common name of the certificate its TLS connection showed, never something in a request.
A receipt is sent when the transaction is on disk. Every refusal is JSON with a reason.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import msgspec
from aiohttp import web

from hotspotd.clock import Clock
from hotspotd.errors import GatewayError, HotspotError, Reason, RelayError
from hotspotd.gateway.faults import FaultOrder, Faults
from hotspotd.gateway.processing import Processor
from hotspotd.gateway.requests import Bodies, answer, device_of
from hotspotd.gateway.storage import Store
from hotspotd.gateway.storage.base import Received
from hotspotd.relay.inti import xml6
from hotspotd.relay.inti.transaction import Transaction
from hotspotd.relay.links.wire import TCN_PATTERN, Refusal, WireReplies, WireReply

logger = logging.getLogger(__name__)

_REPLIES_AT_ONCE = 16
_DEFAULT_PRIORITY = 9
_STATUS = {
    Reason.BAD_TRANSACTION: 422,
    Reason.BAD_VALUE: 400,
    Reason.TOO_LARGE: 413,
    Reason.CONFLICT: 409,
    Reason.REPLAYED: 409,
    Reason.BUSY: 503,
    Reason.LINK_DOWN: 408,
    Reason.UNTRUSTED: 422,
}


class Part(Protocol):
    """What is served beside transactions: its routes, and what it does by itself while the gateway runs."""

    name: str

    def add_to(self, application: web.Application) -> None:
        """Add its routes."""

    async def run(self) -> None:
        """Until cancelled."""


class Service:
    """The HTTP side of one gateway."""

    def __init__(
        self,
        store: Store,
        processor: Callable[[Callable[[str], None], Faults], Processor],
        *,
        clock: Clock,
        max_bytes: int,
        body_timeout_s: float,
        longest_wait_s: float,
        most_unprocessed: int,
        allow_faults: bool = False,
    ) -> None:
        self._parts: list[Part] = []
        self._running: list[asyncio.Task[None]] = []
        self._store = store
        self._clock = clock
        self._max_bytes = max_bytes
        self._bodies = Bodies("transaction", max_bytes, body_timeout_s)
        self._longest_wait_s = longest_wait_s
        self._most_unprocessed = most_unprocessed
        self._allow_faults = allow_faults
        self._faults = Faults()
        self._arrived: dict[str, asyncio.Event] = {}
        self._closing = asyncio.Event()
        self._processor = processor(self.answered, self._faults)
        self._processing: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None

    def also_serve(self, part: Part) -> None:
        """Serve this as well; before ``start``."""
        self._parts.append(part)

    async def start(self, host: str, port: int, context: ssl.SSLContext) -> int:
        """Listen and process; returns the port. Raises OSError."""
        application = web.Application(middlewares=[_refusals], client_max_size=self._max_bytes)
        application.router.add_put("/v1/transactions/{tcn}", self._take, expect_handler=self._bodies.expected)
        application.router.add_get("/v1/replies", self._replies)
        application.router.add_get("/v1/status", self._status)
        for part in self._parts:
            part.add_to(application)
        if self._allow_faults:
            application.router.add_post("/v1/faults", self._order_faults)
        self._runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=2.0)
        await self._runner.setup()
        # No address reuse across processes: two gateways on one port would share the devices between them.
        await web.TCPSite(self._runner, host, port, ssl_context=context, reuse_port=False).start()
        self._processing = asyncio.create_task(self._processor.run(), name="gateway-processing")
        self._running = [asyncio.create_task(part.run(), name=f"gateway-{part.name}") for part in self._parts]
        return int(self._runner.addresses[0][1])

    async def wait(self) -> None:
        """Until processing fails. Raises what it failed with."""
        if self._processing is not None:
            await asyncio.shield(self._processing)

    async def stop(self) -> None:
        """Let go of waiting devices, stop listening and processing. What is unprocessed stays stored."""
        self._closing.set()
        for event in self._arrived.values():
            event.set()
        if self._runner is not None:
            await self._runner.cleanup()
        for task in (self._processing, *self._running):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    def answered(self, device: str) -> None:
        """There is a new reply for ``device``: whatever of it waits for one looks again."""
        self._arrival(device).set()

    def _arrival(self, device: str) -> asyncio.Event:
        return self._arrived.setdefault(device, asyncio.Event())

    async def _take(self, request: web.Request) -> web.StreamResponse:
        device = device_of(request)
        tcn = request.match_info["tcn"]
        if not TCN_PATTERN.fullmatch(tcn):
            raise RelayError(Reason.BAD_TRANSACTION, "the control number has characters that are not allowed")
        body = await self._bodies.read(request)
        if self._faults.take("drop_next"):
            return _cut(request)
        if self._faults.take("error_next"):
            raise RelayError(Reason.BUSY, "ordered to fail")
        transaction = await asyncio.to_thread(_readable, body, tcn, device)
        # A device that goes away must not undo half of a commit: it is carried through whatever becomes of the request.
        receipt, new = await asyncio.shield(
            self._store.take(
                Received(
                    device=device,
                    tcn=tcn,
                    priority=transaction.header.priority or _DEFAULT_PRIORITY,
                    body=body,
                    nonce="",
                    signed_at="",
                    expires_at="",
                ),
                at=self._clock.now().iso(),
                most_unprocessed=self._most_unprocessed,
            )
        )
        self._processor.wake()
        if not new:
            self.answered(device)
        if self._faults.take("hang_after_commit_next"):
            await self._closing.wait()
            return _cut(request)
        return web.Response(status=201 if new else 200, body=receipt, content_type="application/json")

    async def _replies(self, request: web.Request) -> web.StreamResponse:
        device = device_of(request)
        after = _sequence(request.query.get("after", ""), self._store.gateway)
        wait_s = _seconds(request.query.get("wait", "0"), self._longest_wait_s)
        if after:
            await asyncio.shield(self._store.acknowledge(device, after))
        arrival = self._arrival(device)
        arrival.clear()
        # Outside the time limit: what is there already is handed out however short the wait is.
        found = await self._store.replies(device, _REPLIES_AT_ONCE)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not (found or self._closing.is_set()):
                    await arrival.wait()
                    arrival.clear()
                    found = await self._store.replies(device, _REPLIES_AT_ONCE)
        replies = tuple(
            WireReply(cursor=f"{self._store.gateway}:{reply.sequence}", tcr=reply.tcr, payload=reply.body)
            for reply in self._faults.handed_out(found)
        )
        return answer(WireReplies(replies=replies))

    async def _status(self, request: web.Request) -> web.StreamResponse:
        return answer(await self._store.counts(device_of(request)))

    async def _order_faults(self, request: web.Request) -> web.StreamResponse:
        device = device_of(request)
        try:
            order = msgspec.json.decode(await request.read(), type=FaultOrder)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise RelayError(Reason.BAD_VALUE, f"faults: {error}") from error
        logger.warning("%s orders faults: %s", device, order)
        self._faults.order(order)
        return answer(order)


def _readable(body: bytes, tcn: str, device: str) -> Transaction:
    transaction = xml6.decode(body)
    if transaction.header.tcn != tcn:
        raise RelayError(Reason.BAD_TRANSACTION, "1.009 TCN is not the control number it was sent under")
    if transaction.header.origin.identifier != device:
        raise RelayError(Reason.BAD_TRANSACTION, "1.008 ORI is not the device of the certificate")
    return transaction


def _sequence(cursor: str, gateway: str) -> int:
    """The number in ``cursor``; 0 for none and for one that another database gave out."""
    name, _, number = cursor.partition(":")
    if not cursor or name != gateway:
        return 0
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        raise RelayError(Reason.BAD_VALUE, "replies: this is no cursor")
    return int(number)


def _seconds(text: str, longest: float) -> float:
    try:
        wanted = float(text)
    except ValueError as error:
        raise RelayError(Reason.BAD_VALUE, "replies: wait is not a number") from error
    return min(wanted, longest) if wanted > 0 else 0.0


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)


@web.middleware
async def _refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Every refusal as JSON with a reason."""
    try:
        return await handler(request)
    except GatewayError as error:
        logger.error("the gateway cannot store: %s", error)
        return _refused(503, Refusal(reason=error.reason.value, what="the gateway cannot store just now"))
    except HotspotError as error:
        status = 403 if error.reason is Reason.LINK_REFUSED else _STATUS.get(error.reason, 500)
        return _refused(status, Refusal(reason=error.reason.value, what=error.what, advice=error.advice))
    except web.HTTPException as error:
        return _refused(error.status, Refusal(reason="http", what=error.reason))


def _refused(status: int, refusal: Refusal) -> web.Response:
    response = answer(refusal, status)
    if status in {408, 413}:
        # The rest of the body is not read: the connection cannot be used again.
        response.force_close()
    return response
