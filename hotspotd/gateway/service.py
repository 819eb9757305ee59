"""The gateway over HTTP: hands out replies, and serves whatever else is a part of it. docs/relay.md has the protocol.

Who a device is, is the common name of the certificate its TLS connection showed, never something in a request.
Every refusal is JSON with a reason.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

import msgspec
from aiohttp import web

from hotspotd.cancelling import end
from hotspotd.errors import GatewayError, HotspotError, Reason, RelayError
from hotspotd.gateway.faults import FaultOrder, Faults
from hotspotd.gateway.processing import Processor
from hotspotd.gateway.reception import Reception, SealedReply
from hotspotd.gateway.requests import answer, device_certificate, device_of
from hotspotd.gateway.storage import Store
from hotspotd.relay.links.wire import Refusal, WireReplies, WireReply

logger = logging.getLogger(__name__)

_REPLIES_AT_ONCE = 16
_ADMITTED_FOR_S = 2.0
_REPLIES_VALID = timedelta(minutes=10)
_STATUS = {
    Reason.BAD_TRANSACTION: 422,
    Reason.BAD_VALUE: 400,
    Reason.TOO_LARGE: 413,
    Reason.CONFLICT: 409,
    Reason.WRONG_OFFSET: 409,
    Reason.BUSY: 503,
    Reason.LINK_DOWN: 408,
    Reason.NOT_FOUND: 404,
    Reason.UNTRUSTED: 422,
    Reason.UNSIGNED: 422,
    Reason.TAMPERED: 422,
    Reason.REPLAYED: 422,
    Reason.STALE: 422,
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
        reception: Reception,
        processor: Processor,
        faults: Faults,
        *,
        longest_wait_s: float,
        allow_faults: bool = False,
    ) -> None:
        self._parts: list[Part] = []
        self._running: list[asyncio.Task[None]] = []
        self._store = store
        self.reception = reception
        self._processor = processor
        self._faults = faults
        self._longest_wait_s = longest_wait_s
        self._allow_faults = allow_faults
        self._closing = asyncio.Event()
        self._processing: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None

    def also_serve(self, part: Part) -> None:
        """Serve this as well; before ``start``."""
        self._parts.append(part)

    async def start(self, host: str, port: int, context: ssl.SSLContext) -> int:
        """Listen and process; returns the port. Raises OSError."""
        application = web.Application(middlewares=[_refusals, self._admission])
        application.router.add_get("/v1/certificate", self._certificate)
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
        """Until processing or a part of this fails. Raises what it failed with."""
        running = [task for task in (self._processing, *self._running) if task is not None]
        if running:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()

    async def stop(self) -> None:
        """Let go of waiting devices, stop listening and processing. What is unprocessed stays stored."""
        self._closing.set()
        self._faults.let_go()
        self.reception.let_go()
        if self._runner is not None:
            await self._runner.cleanup()
        running = [task for task in (self._processing, *self._running) if task is not None]
        await end(running)
        for task in running:
            if not task.cancelled():
                task.result()

    def answered(self, device: str) -> None:
        """There is a new reply for ``device``: whoever waits for one looks again."""
        self.reception.answered(device)

    @web.middleware
    async def _admission(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """A device whose certificate was revoked is told so, and nothing else, whatever it asks for.

        Not in the TLS handshake: a server that hangs up there tells the device nothing. Going on with an upload asks
        for nothing: what comes in is read at once, lest it be lost with the line, and its seal is looked at in the end.
        """
        if request.method != "PATCH":
            await self._admit(request)
        return await handler(request)

    async def _admit(self, request: web.Request) -> None:
        shown = device_certificate(request)
        if shown is not None:
            try:
                await self.reception.admit(shown)
            except RelayError as error:
                await self.reception.count(device_of(request), error)
                raise

    async def _replies(self, request: web.Request) -> web.StreamResponse:
        device = device_of(request)
        await self.reception.acknowledge(device, request.query.get("after", ""))
        wait_s = _seconds(request.query.get("wait", "0"), self._longest_wait_s)
        arrival = self.reception.arrival(device)
        arrival.clear()
        # Outside the time limit: what is there already is handed out however short the wait is.
        found = await self._waiting_for(device)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not (found or self._closing.is_set()):
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_ADMITTED_FOR_S):
                            await arrival.wait()
                    # A device that is revoked while it waits gets nothing more.
                    await self._admit(request)
                    arrival.clear()
                    found = await self._waiting_for(device)
        replies = tuple(
            WireReply(cursor=reply.cursor, tcr=reply.tcr, seal=reply.seal, content=reply.content)
            for reply in self._faults.handed_out(found)
        )
        return answer(WireReplies(replies=replies))

    async def _waiting_for(self, device: str) -> list[SealedReply]:
        return await self.reception.replies(device, _REPLIES_AT_ONCE, valid=_REPLIES_VALID)

    async def _certificate(self, request: web.Request) -> web.StreamResponse:
        device_of(request)
        return web.Response(body=self.reception.certificate, content_type="application/pkix-cert")

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


def _seconds(text: str, longest: float) -> float:
    try:
        wanted = float(text)
    except ValueError as error:
        raise RelayError(Reason.BAD_VALUE, "replies: wait is not a number") from error
    return min(wanted, longest) if wanted > 0 else 0.0


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
        status = 403 if error.reason in (Reason.LINK_REFUSED, Reason.REVOKED) else _STATUS.get(error.reason, 500)
        return _refused(status, Refusal(reason=error.reason.value, what=error.what, advice=error.advice))
    except web.HTTPException as error:
        return _refused(error.status, Refusal(reason="http", what=error.reason))


def _refused(status: int, refusal: Refusal) -> web.Response:
    response = answer(refusal, status)
    if status in {408, 413}:
        # The rest of the body is not read: the connection cannot be used again.
        response.force_close()
    return response
