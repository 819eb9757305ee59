"""The links to the gateway that the configuration names, opened and put in order. Part of the composition root."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from hotspotd.config import Config, LinkSection
from hotspotd.records.model import Rank
from hotspotd.relay.backoff import Backoff
from hotspotd.relay.links.base import Link
from hotspotd.relay.links.https import HttpsLink
from hotspotd.relay.pace import Pacer, TokenBucket
from hotspotd.relay.routes import Route, Routes
from hotspotd.relay.seal import Trust

_BYTES_PER_KBIT = 125.0


async def open_routes(
    config: Config,
    trust_anchors: Path,
    certificate: Path,
    key: Path,
    monotonic: Callable[[], float],
    stack: AsyncExitStack,
) -> Routes:
    """Every link of the configuration, most preferred first; closed by ``stack``. Raises ConfigError."""
    trust = await asyncio.to_thread(Trust.load, trust_anchors, "gateway")
    relay = config.relay
    routes = []
    for section in relay.in_order():
        link = await _open(section, config, trust, trust_anchors, certificate, key)
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


async def _open(
    section: LinkSection, config: Config, trust: Trust, trust_anchors: Path, certificate: Path, key: Path
) -> Link:
    return await HttpsLink.open(
        section.url,
        trust_anchors=trust_anchors,
        certificate=certificate,
        key=key,
        timeout_s=config.relay.request_timeout_s,
        name=section.name,
        trust=trust,
    )
