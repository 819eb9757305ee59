"""Tells pages and metrics how the links are and what waits for them: soon after a change, and not for each of a
thousand changes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Literal

from hotspotd.clock import Stamp
from hotspotd.errors import RecordsError
from hotspotd.events import LinkView, RouteView
from hotspotd.records.model import OutboxState
from hotspotd.relay.parts import Parts
from hotspotd.relay.receiving import Receiving
from hotspotd.relay.routes import Route

# As the courier's own.
logger = logging.getLogger("hotspotd.relay.courier")

_AT_MOST_EVERY_S = 0.1
# One that is enrolled has been renewed long before; another one needs somebody to come.
_SOON = timedelta(days=7)


class Telling:
    """Publishes one ``LinkView`` of everything."""

    def __init__(self, parts: Parts, receiving: Receiving) -> None:
        self._records = parts.records
        self._routes = parts.routes
        self._events = parts.events
        self._clock = parts.clock
        self._sealer = parts.sealer
        self._receiving = receiving
        self._changed = asyncio.Event()
        self._changed.set()
        self._sending: dict[str, Route] = {}
        self._was: dict[str, tuple[bool, str]] = {}

    def soon(self) -> None:
        """Something has changed."""
        self._changed.set()

    @contextmanager
    def sending(self, tcn: str, route: Route) -> Iterator[None]:
        """For as long as this is being sent on ``route``, perhaps beside others."""
        self._sending[tcn] = route
        self.soon()
        try:
            yield
        finally:
            del self._sending[tcn]
            self.soon()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._tell()
            except RecordsError as error:
                logger.debug("courier: %s", error)
            await asyncio.sleep(_AT_MOST_EVERY_S)

    async def _tell(self) -> None:
        queue = await self._records.queue_state()
        oldest_s = None
        if queue.oldest is not None:
            oldest_s = max((self._clock.wall() - datetime.fromisoformat(queue.oldest)).total_seconds(), 0.0)
        active = self._routes.active
        down = next((route.last_error for route in self._routes.all if route.last_error), "")
        self._events.publish(
            LinkView(
                up=self._routes.up,
                queued=queue.waiting,
                oldest_s=oldest_s,
                oldest_at=queue.oldest,
                last_error="" if self._routes.up else down,
                active=active.name if active and active.up else "",
                queued_bytes=queue.waiting_bytes,
                waiting={rank.name.lower(): count for rank, count in queue.ranks.items() if count},
                set_aside=queue.states.get(OutboxState.QUARANTINED, 0),
                refused=dict(self._receiving.refused),
                trouble=self._receiving.answers.trouble,
                routes=tuple(self._view(route) for route in self._routes.all),
                since=self._since("", up=self._routes.up),
                identity=self._identity(),
                identity_until=Stamp(self._sealer.not_after, trusted=True).iso(),
            )
        )

    def _identity(self) -> Literal["", "revoked", "expired", "expires"]:
        """What is wrong with this device's certificate, as far as the gateway or a clock that is right can tell."""
        if any(route.revoked for route in self._routes.all):
            return "revoked"
        now = self._clock.now()
        if not now.trusted or now.at < self._sealer.not_after - _SOON:
            return ""
        return "expired" if now.at > self._sealer.not_after else "expires"

    def _since(self, name: str, *, up: bool) -> str:
        """When the link called ``name``, or any where it is empty, came to be as it is."""
        was = self._was.get(name)
        if was is None or was[0] is not up:
            was = self._was[name] = (up, self._clock.now().iso())
        return was[1]

    def _view(self, route: Route) -> RouteView:
        return RouteView(
            name=route.name,
            up=bool(route.up),
            metered=route.metered,
            carries=tuple(sorted(rank.name.lower() for rank in route.carries)),
            sent_bytes=route.pacer.sent,
            received_bytes=route.received,
            under_way=len(route.handed),
            sending=next((tcn for tcn, on in self._sending.items() if on is route), ""),
            last_error=route.last_error,
            since=self._since(route.name, up=bool(route.up)),
        )
