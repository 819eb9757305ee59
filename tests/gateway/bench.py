"""A gateway in the test's own loop on real TLS, a wire that can be cut at any byte, and a search that knows numbers."""

from __future__ import annotations

import asyncio
import base64
import io
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import aiohttp
import msgspec
from cryptography import x509

from hotspotd.clock import Clock
from hotspotd.domain.candidate import Hit
from hotspotd.gateway.__main__ import Identity, make_service
from hotspotd.gateway.authority import Authority
from hotspotd.gateway.config import (
    BureauSection,
    GatewayConfig,
    LimitsSection,
    ListSection,
    RepositorySection,
    ServerSection,
    StoreSection,
)
from hotspotd.gateway.find import Find, TextSearch
from hotspotd.gateway.intake.routes import Intake
from hotspotd.gateway.publication.serving import Serving
from hotspotd.gateway.reception import Reception
from hotspotd.gateway.service import Part, Service
from hotspotd.gateway.storage import Store, open_store
from hotspotd.relay.inquiry import Inquiry
from hotspotd.relay.links.https import HttpsLink
from hotspotd.relay.links.https_session import HttpsSession
from hotspotd.relay.links.tls import client_context, server_context
from hotspotd.relay.links.wire import SEAL_HEADER, TUS, TUS_VERSION, digest
from hotspotd.relay.message import pack, unpack
from hotspotd.relay.seal import Sealer, Trust


@dataclass(frozen=True)
class Certificates:
    """Paths of one authority's files, and a context for each who holds one. What seals need is read at once."""

    folder: Path
    sealers: dict[str, Sealer]
    anchors: list[x509.Certificate]

    @property
    def anchor(self) -> Path:
        return self.folder / "ca.pem"

    def device(self, name: str) -> ssl.SSLContext:
        return client_context(self.anchor, self.folder / f"{name}.pem", self.folder / f"{name}.key")

    def sealer(self, name: str) -> Sealer:
        return self.sealers[name]

    def trust(self, purpose: Literal["device", "gateway"] = "gateway") -> Trust:
        return Trust(self.anchors, purpose)

    def server(self) -> ssl.SSLContext:
        return server_context(self.anchor, self.folder / "gateway.pem", self.folder / "gateway.key")


def make_certificates(folder: Path) -> Certificates:
    authority = Authority.create(folder)
    authority.issue_server(["localhost", "127.0.0.1"])
    for device in ("kiosk-1", "kiosk-2"):
        authority.issue_device(device)
    return certificates_in(folder, "gateway", "kiosk-1", "kiosk-2")


def certificates_in(folder: Path, *names: str) -> Certificates:
    """What an authority has issued to ``names`` in ``folder``."""
    sealers = {name: Sealer.load(folder / f"{name}.pem", folder / f"{name}.key") for name in names}
    return Certificates(folder, sealers, x509.load_pem_x509_certificates((folder / "ca.pem").read_bytes()))


@dataclass
class NumberSearch:
    """Finds what is listed under the document's number; counts what it was asked."""

    listed: dict[str, Hit] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    fails_with: Exception | None = None

    def __call__(self, inquiry: Inquiry, today: date) -> list[Hit]:
        assert today.year > 2000
        self.asked.append(inquiry.tcn)
        if self.fails_with is not None:
            raise self.fails_with
        number = inquiry.document.number if inquiry.document else ""
        return [self.listed[number]] if number in self.listed else []


class GatewayBench:
    """One gateway that can be stopped and started again on the same port and database."""

    def __init__(self, database: Path, certificates: Certificates, search: NumberSearch, **limits: float) -> None:
        self.database = database
        self.certificates = certificates
        self.identity = Identity(
            certificates.sealer("gateway"), certificates.trust("device"), database.with_name("uploads")
        )
        self.place: str | Path = database
        """What is opened: the file, or another database's URL."""
        self.search = search
        self.port = 0
        self.allow_faults = True
        self.config = GatewayConfig(
            bureau=BureauSection(country="UTO"),
            server=ServerSection(certificate="", key="", trust_anchors=""),
            store=StoreSection(database=str(database)),
            watchlist=ListSection(folder=""),
            limits=LimitsSection(**limits),  # type: ignore[arg-type]  # The tests name limits that are there.
        )
        self.also: Serving | None = None
        self.text_search: TextSearch | None = None
        """What answers ``/v1/find``; none for a gateway without."""
        self.doors: list[Callable[[Reception], Part]] = []
        """Other ways to its reception, made with each start."""
        self.service: Service | None = None
        self.store: Store | None = None
        self.repositories: dict[str, RepositorySection] = {}
        """National repositories that are taken in; none for a gateway without."""
        self.clock = Clock()
        self.intake: Intake | None = None

    @property
    def national(self) -> Path:
        """The database of the national repositories."""
        return self.database.with_name("national.db")

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self.store = await open_store(self.place)
        self.service = make_service(
            self.config, self.store, self.search, self.identity, allow_faults=self.allow_faults, clock=self.clock
        )
        if self.repositories:
            self.intake = await Intake.open(self.national, self.repositories, self.clock, 20.0)
            self.service.also_serve(self.intake)
        if self.text_search is not None:
            self.service.also_serve(Find(self.text_search, self.store, self.clock, 20.0))
        if self.also is not None:
            self.service.also_serve(self.also)
        for door in self.doors:
            self.service.also_serve(door(self.service.reception))
        self.port = await self.service.start("127.0.0.1", self.port, self.certificates.server())

    async def stop(self) -> None:
        if self.service is not None:
            await self.service.stop()
        if self.intake is not None:
            await self.intake.stop()
        if self.store is not None:
            await self.store.close()
        self.service = self.store = self.intake = None

    async def restart(self, **limits: float) -> None:
        """Begin again with other limits."""
        await self.stop()
        self.config = msgspec.structs.replace(self.config, limits=LimitsSection(**limits))  # type: ignore[arg-type]
        await self.start()

    def link(
        self, context: ssl.SSLContext, port: int | None = None, listen_s: float = 0.05, name: str = "gateway"
    ) -> HttpsLink:
        session = HttpsSession(f"https://127.0.0.1:{port or self.port}", context, timeout_s=20.0, listen_s=listen_s)
        return HttpsLink(session, self.certificates.trust(), name)


class Wire:
    """A TCP proxy to a port. It can be down, or cut each connection after so many bytes of the device's."""

    def __init__(self, to_port: Callable[[], int]) -> None:
        self._to_port = to_port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.up = True
        self.cut_after: int | None = None
        self.cut_back_after: int | None = None
        self.carried = 0
        self.carried_back = 0
        self.connections = 0
        self.was_cut = asyncio.Event()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.cut()
            await self._server.wait_closed()

    def cut(self) -> None:
        """Break every connection now, as a pulled cable that is noticed."""
        for writer in list(self._open):
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        far_writer = None
        try:
            if not self.up:
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port())
            self._open.add(far_writer)
            ways = (
                asyncio.ensure_future(self._there(reader, far_writer)),
                asyncio.ensure_future(self._back(far_reader, writer)),
            )
            _, rest = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in rest:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            return
        finally:
            for end in (writer, far_writer):
                if end is not None:
                    end.transport.abort()
                    self._open.discard(end)

    async def _there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(4096):
            if self.cut_after is not None and self.carried + len(chunk) > self.cut_after:
                writer.write(chunk[: max(self.cut_after - self.carried, 0)])
                await writer.drain()
                self.cut_after = None
                self.was_cut.set()
                return
            self.carried += len(chunk)
            writer.write(chunk)
            await writer.drain()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(4096):
            if self.cut_back_after is not None and self.carried_back + len(chunk) > self.cut_back_after:
                self.cut_back_after = None
                return
            self.carried_back += len(chunk)
            writer.write(chunk)
            await writer.drain()


async def ask(
    url: str, context: ssl.SSLContext, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, bytes]:
    """One request, as any HTTP client makes it."""
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
        session.request(method, url, data=None if body is None else io.BytesIO(body), headers=headers) as response,
    ):
        return response.status, await response.read()


async def put(
    bench: GatewayBench,
    context: ssl.SSLContext,
    body: bytes,
    tcn: str,
    *,
    kind: str = "transaction",
    device: str = "kiosk-1",
    seal: str | None = None,
) -> tuple[int, bytes]:
    """Send a message whole, as a simple client does; returns the status and the receipt's or refusal's JSON."""
    if seal is None:
        seal = sealed(bench.certificates.sealer(device), body, tcn, kind)
    return await put_sealed(bench.url, context, body, tcn, seal)


def sealed(sealer: Sealer, body: bytes, tcn: str, kind: str = "transaction") -> str:
    return sealer.seal(pack(body), kind=kind, tcn=tcn, now=datetime.now(UTC), valid=timedelta(minutes=5))


async def put_sealed(url: str, context: ssl.SSLContext, body: bytes, tcn: str, seal: str) -> tuple[int, bytes]:
    content, said = pack(body), (("tcn", tcn), ("sha256", digest(body)))
    headers = {
        TUS: TUS_VERSION,
        "Upload-Length": str(len(content)),
        "Upload-Metadata": ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said),
        "Content-Type": "application/offset+octet-stream",
        SEAL_HEADER: seal,
    }
    status, answer = await ask(f"{url}/v1/uploads", context, "POST", content, **headers)
    return status, unpack(answer, 100_000) if status == 200 else answer
