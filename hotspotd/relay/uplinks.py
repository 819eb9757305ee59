"""The links to the gateway that the configuration names, opened and put in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from hotspotd.config import LinkSection, RelaySection, resolve
from hotspotd.errors import ConfigError, Reason
from hotspotd.records.model import Rank
from hotspotd.relay.backoff import Backoff
from hotspotd.relay.links.base import Link
from hotspotd.relay.links.https import HttpsLink
from hotspotd.relay.links.https_session import HttpsSession
from hotspotd.relay.links.nats import NatsLink
from hotspotd.relay.pace import Pacer, TokenBucket
from hotspotd.relay.routes import Route, Routes
from hotspotd.relay.seal import Sealer, Trust

_BYTES_PER_KBIT = 125.0


@dataclass(frozen=True, slots=True)
class Papers:
    """By what a device is known to the gateway, and whom it believes: PEM files."""

    device: str
    trust_anchors: Path
    certificate: Path
    key: Path
    brokers: Mapping[str, Path] = field(default_factory=dict)
    """Whom a link believes that has trust anchors of its own, by its name."""

    @classmethod
    def of(cls, config_path: Path, device: str, relay: RelaySection) -> Papers:
        """As the configuration, read from ``config_path``, names them."""
        anchors, certificate, key = relay.files(config_path)
        own = {link.name: resolve(config_path, link.trust_anchors) for link in relay.links if link.trust_anchors}
        return cls(device, anchors, certificate, key, own)


async def open_routes(
    relay: RelaySection, papers: Papers, monotonic: Callable[[], float], stack: AsyncExitStack
) -> Routes:
    """Every link of the configuration, most preferred first; closed by ``stack``. Raises ConfigError."""
    trust = await asyncio.to_thread(Trust.load, papers.trust_anchors, "gateway", relay.gateway_name)
    routes = []
    for section in relay.in_order():
        link = await open_link(section, papers, trust, relay.request_timeout_s)
        stack.push_async_callback(link.close)
        bucket = TokenBucket(section.backlog_kbit * _BYTES_PER_KBIT, monotonic) if section.backlog_kbit else None
        routes.append(
            Route(
                link,
                Pacer(Rank.DECISION, bucket),
                Backoff(relay.retry_first_s, relay.retry_longest_s),
                frozenset(Rank[name.upper()] for name in section.carries),
                section.metered,
            )
        )
    return Routes(routes)


async def take_new_identity(routes: Routes, sealer: Sealer, papers: Papers) -> None:
    """Go over to the certificate and key that are in the files now: what begins from here on is under them.

    What is under way is finished as it began. Everything is read before anything changes. Raises ConfigError,
    ProvisioningError.
    """
    fresh = await asyncio.to_thread(Sealer.load, papers.certificate, papers.key)
    switches = [await route.link.renewal() for route in routes.all]
    sealer.take_over(fresh)
    for switch in switches:
        switch()


async def open_link(section: LinkSection, papers: Papers, trust: Trust, timeout_s: float) -> Link:
    """One link; connects with its first use. Raises ConfigError."""
    if section.url.startswith(("smtp://", "smtps://")):
        return await _open_mail(section, papers, trust, timeout_s)
    if section.url.startswith("nats://"):
        return await NatsLink.open(
            section.name,
            section.url,
            trust_anchors=papers.brokers.get(section.name, papers.trust_anchors),
            certificate=papers.certificate,
            key=papers.key,
            timeout_s=timeout_s,
            device=papers.device,
            trust=trust,
        )
    return HttpsLink(await open_session(section.url, papers, timeout_s), trust, section.name)


async def _open_mail(section: LinkSection, papers: Papers, trust: Trust, timeout_s: float) -> Link:
    try:
        from hotspotd.relay.links.mail import MailLink  # noqa: PLC0415  # aiosmtplib is optional.
    except ImportError as error:
        raise ConfigError(
            Reason.MISSING_KEY,
            f"relay.links {section.name}: needs aiosmtplib",
            "Install hotspotd with its extra 'mail'.",
        ) from error
    return await MailLink.open(
        section.url,
        trust_anchors=papers.trust_anchors,
        certificate=papers.certificate,
        key=papers.key,
        timeout_s=timeout_s,
        name=section.name,
        trust=trust,
    )


async def open_session(url: str, papers: Papers, timeout_s: float) -> HttpsSession:
    """For requests to the gateway that carry no message. Raises ConfigError."""
    return await HttpsSession.open(
        url,
        trust_anchors=papers.trust_anchors,
        certificate=papers.certificate,
        key=papers.key,
        timeout_s=timeout_s,
    )
