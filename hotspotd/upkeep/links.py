"""Each link to the gateway tried: round trip, the other side's certificate, how far the clocks are apart.

Opens a connection of its own and sends nothing but the link's probe: no message, and nothing that is acknowledged.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from cryptography import x509

from hotspotd.clock import Clock
from hotspotd.config import Config, LinkSection, RelaySection
from hotspotd.errors import ConfigError, Reason, RelayError, UpkeepError
from hotspotd.relay.links.tls import client_context
from hotspotd.relay.seal import Trust
from hotspotd.relay.uplinks import Papers, open_link, open_session

_LIMIT_S = 10.0
# A header Date has whole seconds: the truth lies half a second later on average.
_HALF = 0.5
_TLS_PORTS = {"https": 443, "smtps": 465}


class PeerCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """What the other side showed: to whom it belongs, and until when it is valid (ISO 8601)."""

    subject: str
    until: str
    days_left: int


class LinkTest(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. ``clock_s`` is how far the gateway's clock is ahead of this one, to about a second.

    ``certificate`` and ``clock_s`` are ``None`` where the link does not tell, which ``untold`` explains.
    """

    name: str
    ok: bool
    round_trip_ms: float | None = None
    certificate: PeerCertificate | None = None
    clock_s: float | None = None
    untold: str = ""
    problem: str = ""
    advice: str = ""


async def try_named(name: str, config: Config, file: Path, clock: Clock) -> LinkTest:
    """Try the link of this name in ``config``, read from ``file``. Raises UpkeepError (NOT_FOUND)."""
    relay = config.relay
    section = next((link for link in relay.in_order() if link.name == name), None)
    if section is None:
        raise UpkeepError(Reason.NOT_FOUND, "no such link", "The configuration names them.")
    papers = await asyncio.to_thread(Papers.of, file, config.device.name, relay)
    return await try_link(section, relay, papers, clock)


async def try_link(section: LinkSection, relay: RelaySection, papers: Papers, clock: Clock) -> LinkTest:
    """Try one link. Never raises for what the other side does."""
    limit_s = min(relay.request_timeout_s, _LIMIT_S)
    test = LinkTest(name=section.name, ok=False)
    try:
        test = msgspec.structs.replace(test, certificate=await _certificate(section, papers, limit_s))
        if section.url.startswith("https://"):
            return await _ask(test, section, papers, limit_s, clock)
        return await _probe(test, section, relay, papers, limit_s)
    except (RelayError, ConfigError) as error:
        return msgspec.structs.replace(test, problem=error.what, advice=error.advice)


async def _ask(test: LinkTest, section: LinkSection, papers: Papers, limit_s: float, clock: Clock) -> LinkTest:
    """Over HTTPS: the second of two requests is timed, since the first one connects."""
    session = await open_session(section.url, papers, limit_s)
    try:
        await session.ask("OPTIONS", "uploads", {})
        began, sent = time.monotonic(), clock.now()
        answer = await session.ask("OPTIONS", "uploads", {})
        took = time.monotonic() - began
    finally:
        await session.close()
    ahead = _ahead(answer.headers.get("Date", ""), sent.at.timestamp() + took / 2)
    return msgspec.structs.replace(
        test,
        ok=True,
        round_trip_ms=round(took * 1000, 1),
        clock_s=ahead,
        untold="" if ahead is not None else "The gateway does not say what time it has.",
    )


def _ahead(date: str, here: float) -> float | None:
    try:
        return round(parsedate_to_datetime(date).timestamp() + _HALF - here, 1)
    except (ValueError, TypeError):
        return None


async def _probe(test: LinkTest, section: LinkSection, relay: RelaySection, papers: Papers, limit_s: float) -> LinkTest:
    trust = await asyncio.to_thread(Trust.load, papers.trust_anchors, "gateway", relay.gateway_name)
    link = await open_link(section, papers, trust, limit_s)
    try:
        await link.probe()
        began = time.monotonic()
        await link.probe()
        took = time.monotonic() - began
    finally:
        await link.close()
    scheme = urlsplit(section.url).scheme
    untold = f"Over {scheme} nobody says what time it is" + ("." if test.certificate else ", and TLS begins later.")
    return msgspec.structs.replace(test, ok=True, round_trip_ms=round(took * 1000, 1), untold=untold)


async def _certificate(section: LinkSection, papers: Papers, limit_s: float) -> PeerCertificate | None:
    """The other side's, where TLS begins with the connection; ``None`` where it cannot be seen, for any reason.

    Whether it is believed is the link's own question, asked afterwards.
    """
    parts = urlsplit(section.url)
    port = parts.port or _TLS_PORTS.get(parts.scheme)
    if parts.scheme not in _TLS_PORTS or parts.hostname is None:
        return None
    anchors = papers.brokers.get(section.name, papers.trust_anchors)
    context = await asyncio.to_thread(client_context, anchors, papers.certificate, papers.key)
    writer = None
    try:
        async with asyncio.timeout(limit_s):
            _, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
        shown = writer.get_extra_info("ssl_object")
        return _shown(shown.getpeercert(binary_form=True)) if isinstance(shown, ssl.SSLObject) else None
    except (OSError, ssl.SSLError):  # TimeoutError too; the link itself says what is wrong.
        return None
    finally:
        if writer is not None:
            writer.transport.abort()


def _shown(der: bytes | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> PeerCertificate | None:
    if der is None:
        return None
    certificate = x509.load_der_x509_certificate(der)
    until = certificate.not_valid_after_utc
    return PeerCertificate(
        subject=certificate.subject.rfc4514_string(), until=until.isoformat(), days_left=(until - now()).days
    )
