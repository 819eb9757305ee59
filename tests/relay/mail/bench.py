"""Kiosk and gateway that write to each other by a mail host."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from msgspec import structs

from hotspotd.clock import Clock, Stamp
from hotspotd.gateway.config import MailDeviceSection, MailSection, ServerSection
from hotspotd.gateway.doors.mail import MailDoor
from hotspotd.gateway.doors.post_office import PostOffice
from hotspotd.gateway.reception import Reception
from hotspotd.relay.compose import compose_nps
from hotspotd.relay.links.base import Incoming, IncomingKind, Outgoing
from hotspotd.relay.links.mail import MailLink
from hotspotd.relay.links.wire import digest
from hotspotd.relay.mail.keys import read_identity
from hotspotd.relay.mail.smime import Identity
from hotspotd.relay.mail.url import read_url
from hotspotd.relay.message import pack
from hotspotd.relay.seal import Sealer
from tests.gateway.bench import Certificates, GatewayBench
from tests.relay.mail.host import DOMAIN, MailHost
from tests.relay.travellers import ORIGIN, encounter

_POLL_S = 0.05
NOW = Stamp(datetime(2026, 11, 22, 12, 0, tzinfo=UTC), trusted=True)


async def at_once(size: int) -> None:
    """No pace."""


@dataclass
class ShiftedClock:
    """The real clock, some time off."""

    by: timedelta = timedelta()

    def clock(self) -> Clock:
        return Clock(wall=lambda: datetime.now(UTC) + self.by)


@dataclass
class Post:
    """One mail host, the keys of both ends, and links and doors made of them."""

    host: MailHost
    certificates: Certificates
    device_clock: ShiftedClock = field(default_factory=ShiftedClock)

    @property
    def folder(self) -> Path:
        return self.certificates.folder

    def url(self, device: str = "kiosk-1", **others: str) -> str:
        said = {
            "to": f"gateway@{DOMAIN}",
            "from": f"{device}@{DOMAIN}",
            "mailbox": f"pop3s://127.0.0.1:{self.host.pop3_port}",
            "login": f"{device}.login",
        }
        scheme = "smtps" if self.host.implicit_tls else "smtp"
        return f"{scheme}://127.0.0.1:{self.host.smtp_port}?{urlencode({**said, **others})}"

    async def link(self, device: str = "kiosk-1", timeout_s: float = 10.0, **others: str) -> MailLink:
        post = await asyncio.to_thread(
            read_url,
            self.url(device, **others),
            self.certificates.anchor,
            self.folder / f"{device}.pem",
            self.folder / f"{device}.key",
            timeout_s,
            datetime.now(UTC),
        )
        trust = await asyncio.to_thread(self.certificates.trust, "gateway")
        return MailLink("mail", replace(post, poll_s=_POLL_S), trust, self.device_clock.clock())

    def section(self, **others: object) -> MailSection:
        values = {
            "submission": f"{'smtps' if self.host.implicit_tls else 'smtp'}://127.0.0.1:{self.host.smtp_port}",
            "mailbox": f"pop3s://127.0.0.1:{self.host.pop3_port}",
            "address": f"gateway@{DOMAIN}",
            "login": "gateway.login",
            "certificate": "gateway-mail.pem",
            "key": "gateway-mail.key",
            "poll_s": 0.05,
            "timeout_s": 10.0,
            "devices": tuple(
                MailDeviceSection(name=name, address=f"{name}@{DOMAIN}", certificate=f"{name}-mail.pem")
                for name in ("kiosk-1", "kiosk-2")
            ),
        }
        return MailSection(**{**values, **others})  # type: ignore[arg-type]

    def office(self, **others: object) -> PostOffice:
        server = ServerSection(certificate="gateway.pem", key="gateway.key", trust_anchors="ca.pem")
        return PostOffice.of(self.folder / "gateway.toml", self.section(**others), server, datetime.now(UTC))

    async def door(self, again_s: float = 3_600.0, **others: object) -> Callable[[Reception], MailDoor]:
        office = await asyncio.to_thread(lambda: self.office(**others))
        return lambda reception: MailDoor(reception, office, Clock(), again_s)

    def identity(self, name: str) -> Identity:
        return identity(self.folder, name)


@cache
def identity(folder: Path, name: str) -> Identity:
    """The keys of one end. Read once, before there is a loop that it would block."""
    return read_identity(*(folder / f"{name}{end}" for end in (".pem", ".key", "-mail.pem", "-mail.key")))


def body(number: int = 1, device: str = "kiosk-1") -> tuple[str, bytes]:
    """A transaction, and its control number."""
    one = encounter(number, pictures=False)
    return one.tcn, compose_nps(one, structs.replace(ORIGIN, device=device), NOW, "IMM")


def outgoing(
    post: Post,
    number: int = 1,
    device: str = "kiosk-1",
    *,
    payload: bytes | None = None,
    kind: str = "transaction",
    sealer: Sealer | None = None,
) -> Outgoing:
    """As the courier makes it."""
    tcn, composed = body(number, device)
    content = pack(composed if payload is None else payload)
    by = sealer or post.certificates.sealer(device)

    def seal(valid_s: float, whole: bool) -> str:
        return by.seal(
            content,
            kind=kind,
            tcn=tcn,
            now=post.device_clock.clock().now().at,
            valid=timedelta(seconds=valid_s),
            with_certificate=whole,
        )

    return Outgoing(tcn, digest(composed), content, seal)


@dataclass
class Kiosk:
    """Takes what comes as the courier does: stored, then acknowledged with the next question."""

    link: MailLink
    got: list[Incoming] = field(default_factory=list)
    cursor: str = ""

    async def ask(self, wait_s: float = 5.0) -> list[Incoming]:
        found = await self.link.incoming(self.cursor, wait_s)
        self.cursor = found[-1].cursor if found else self.cursor
        self.got += found
        return found

    async def until(self, *kinds: IncomingKind) -> list[Incoming]:
        """Ask until as much has come; it must be of these kinds."""
        await self.until_true(lambda: len(self.got) >= len(kinds))
        assert sorted(one.kind for one in self.got) == sorted(kinds)
        return self.got

    async def until_true(self, true: Callable[[], bool]) -> None:
        """Ask until something is so."""
        async with asyncio.timeout(30):
            while not true():
                await self.ask(1.0)

    async def settle(self) -> None:
        """Ask once more, so that all is acknowledged."""
        await self.ask(0.0)


async def until(true: Callable[[], bool]) -> None:
    """Wait for what another task or process does."""

    async def so() -> bool:
        return true()

    await until_so(so)


async def until_so(so: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what another task or process does."""
    async with asyncio.timeout(20):
        while not await so():  # noqa: ASYNC110  # A folder and a database tell nobody.
            await asyncio.sleep(0.02)


async def until_processed(gateway: GatewayBench, wanted: dict[str, tuple[int, int]]) -> None:
    """Wait until transactions of kiosk-1 were delivered and processed so often."""

    async def so() -> bool:
        return await processed(gateway) == wanted

    await until_so(so)


async def until_counted(gateway: GatewayBench, device: str, **refused: int) -> None:
    """Wait until the gateway has refused so many messages, and no others."""

    async def so() -> bool:
        assert gateway.store is not None
        found = (await gateway.store.refusals()).get(device, {})
        assert sum(found.values()) <= sum(refused.values()), found
        return found == refused

    await until_so(so)


async def processed(gateway: GatewayBench, device: str = "kiosk-1") -> dict[str, tuple[int, int]]:
    """How often each transaction was delivered and processed."""
    assert gateway.store is not None
    by_tcn = (await gateway.store.counts(device)).by_tcn
    return {tcn: (count.deliveries, count.processed) for tcn, count in by_tcn.items()}
