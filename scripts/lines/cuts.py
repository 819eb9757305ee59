"""An upload cut at each byte in turn, by a cable that is pulled: what is sent again until the gateway has it all.

The link is the daemon's own, over TLS and through a ``Wire`` to a gateway process. What a cut costs beside the content,
a new connection's handshake, is measured and left out.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from hotspotd.clock import Clock
from hotspotd.errors import Reason, RelayError
from hotspotd.relay.compose import Origin, compose_nps
from hotspotd.relay.links.base import Link, Outgoing
from hotspotd.relay.links.https import HttpsLink
from hotspotd.relay.links.https_session import HttpsSession
from hotspotd.relay.links.tls import client_context
from hotspotd.relay.links.wire import check_receipt, digest
from hotspotd.relay.message import pack, unpack
from hotspotd.relay.seal import Sealer, Trust
from lines import people
from lines.ends import gateway
from lines.wire import Wire
from lines.world import DEVICE, LANE, World, build

CHUNK_BYTES = 16 * 1024
"""What may be sent again."""
# Headers of the requests that ask how far the gateway is and go on, which are no content.
_REQUESTS_BYTES = 2048
_TRIES = 5
_MAX_RECEIPT = 16 * 1024
_HOST = "127.0.0.1"
# A gateway's database holds the uploads of this many cuts; they are not processed, and would fill the disk.
_BLOCK = 1000


@dataclass(frozen=True, slots=True)
class Upload:
    """One transaction that is sent under another control number each time; its size stays the same."""

    tcn: str
    payload: bytes

    def numbered(self, number: int) -> tuple[str, bytes]:
        """Its control number and payload the ``number``-th time."""
        tcn = f"{self.tcn[:-8]}{number:08d}"
        return tcn, self.payload.replace(self.tcn.encode(), tcn.encode())


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes from the kiosk until the receipt, and connections."""

    sent: int
    connections: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Who uploads, and whom it believes."""

    context: ssl.SSLContext
    sealer: Sealer
    trust: Trust


class Cutter:
    """A link through a wire to a gateway."""

    def __init__(self, wire: Wire, ids: Identity, upload: Upload) -> None:
        self._wire = wire
        self._ids = ids
        self._upload = upload
        self._number = 0

    async def send(self, cut_after: int | None) -> Cost:
        """Upload on a fresh connection, cut after so many bytes, until there is a receipt. Raises RelayError."""
        self._number += 1
        tcn, payload = self._upload.numbered(self._number)
        before = Cost(self._wire.carried, self._wire.connections)
        link = self._link()
        content = await asyncio.to_thread(pack, payload)
        if cut_after is not None:
            self._wire.cut_next_after(cut_after)
        try:
            receipt = await _persistently(link, self._outgoing(tcn, payload, content))
            check_receipt(unpack(receipt, _MAX_RECEIPT), tcn, payload)
        finally:
            await link.close()
        return Cost(self._wire.carried - before.sent, self._wire.connections - before.connections)

    async def handshake(self) -> int:
        """What a connection costs before anything is asked."""
        before = self._wire.carried
        _, writer = await asyncio.open_connection(_HOST, self._wire.port, ssl=self._ids.context)
        writer.close()
        await writer.wait_closed()
        return self._wire.carried - before

    def _link(self) -> Link:
        # It listens only a moment for whether the gateway hangs up: this one does not.
        session = HttpsSession(f"https://{_HOST}:{self._wire.port}", self._ids.context, timeout_s=20.0, listen_s=0.01)
        return HttpsLink(session, self._ids.trust)

    def _outgoing(self, tcn: str, payload: bytes, content: bytes) -> Outgoing:
        def seal(valid_s: float, whole: bool) -> str:
            now, valid = Clock().now().at, timedelta(seconds=valid_s)
            return self._ids.sealer.seal(
                content, kind="transaction", tcn=tcn, now=now, valid=valid, with_certificate=whole
            )

        return Outgoing(tcn, digest(payload), content, seal)


async def _persistently(link: Link, message: Outgoing) -> bytes:
    """As the courier does, without its pauses."""
    for _ in range(_TRIES):
        try:
            receipt = await link.send(message, _at_once)
        except RelayError as error:
            if error.reason is not Reason.LINK_DOWN:
                raise
            message = replace(message, begun=True)
        else:
            if receipt is None:
                raise RelayError(Reason.LINK_PROTOCOL, "this link waits for its receipt")
            return receipt.content
    raise RelayError(Reason.LINK_DOWN, f"no receipt in {_TRIES} tries")


async def _at_once(_size: int) -> None:
    """Nothing else is to be sent."""


async def measure(folder: Path, stride: int, positions: int | None) -> dict[str, Any]:
    """Cut at every ``stride``-th byte of a whole upload, or at ``positions`` places spread over it."""
    upload = await asyncio.to_thread(_make_upload)
    whole, handshake = await _uncut(folder / "uncut", upload)
    places = list(range(1, whole, stride if positions is None else max(whole // positions, 1)))
    again: list[int] = []
    for block, part in enumerate(_blocks(places)):
        async with AsyncExitStack() as stack:
            cutter = await _open(folder / f"block{block}", upload, stack)
            for place in part:
                cost = await cutter.send(place)
                again.append(max(cost.sent - whole - (cost.connections - 1) * handshake, 0))
    most = max(again)
    return {
        "positions": len(places),
        "whole_bytes": whole,
        "payload_bytes": len(upload.payload),
        "handshake_bytes": handshake,
        "again_most_bytes": most,
        "again_mean_bytes": round(sum(again) / len(again)),
        "chunk_bytes": CHUNK_BYTES,
        "met": most <= CHUNK_BYTES + _REQUESTS_BYTES,
    }


async def _uncut(folder: Path, upload: Upload) -> tuple[int, int]:
    async with AsyncExitStack() as stack:
        cutter = await _open(folder, upload, stack)
        return (await cutter.send(None)).sent, await cutter.handshake()


async def _open(folder: Path, upload: Upload, stack: AsyncExitStack) -> Cutter:
    await asyncio.to_thread(folder.mkdir)
    world = await asyncio.to_thread(build, folder, _HOST)
    world.settle_gateway(_HOST, 0)
    serving = gateway(world.gateway_config, folder / "gateway.log")
    stack.push_async_callback(serving.stop)
    await serving.start()
    port = int((await serving.wait_for_line("ready https://")).rsplit(":", 1)[1])
    ids = await asyncio.to_thread(_identity, world)
    await _hold_processing(port, ids.context)
    wire = await stack.enter_async_context(Wire(port, random.Random(1)))
    return Cutter(wire, ids, upload)


async def _hold_processing(port: int, context: ssl.SSLContext) -> None:
    """What is uploaded here needs no answer."""
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
        session.post(f"https://{_HOST}:{port}/v1/faults", json={"delay_s": 86_400.0}) as response,
    ):
        response.raise_for_status()


def _identity(world: World) -> Identity:
    folder = world.certificates
    anchor, certificate, key = folder / "ca.pem", folder / f"{DEVICE}.pem", folder / f"{DEVICE}.key"
    return Identity(
        client_context(anchor, certificate, key), Sealer.load(certificate, key), Trust.load(anchor, "gateway")
    )


def _make_upload() -> Upload:
    now = Clock().now()
    traveller = people.encounter(now.at, pictured=True, lane=LANE)
    origin = Origin(device=DEVICE, organisation="Border Police", country=people.COUNTRY)
    return Upload(traveller.tcn, compose_nps(traveller, origin, now, "IMM"))


def _blocks(places: list[int]) -> Iterator[list[int]]:
    for begin in range(0, len(places), _BLOCK):
        yield places[begin : begin + _BLOCK]
