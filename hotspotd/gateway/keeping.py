"""Erases what the store has kept for its time, once an hour, while the gateway runs."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from aiohttp import web

from hotspotd.clock import Clock
from hotspotd.errors import GatewayError
from hotspotd.gateway.config import LimitsSection
from hotspotd.gateway.storage import Store
from hotspotd.gateway.storage.retention import Erased, Terms

log = logging.getLogger(__name__)

_EVERY_S: Final = 3600.0


class Keeping:
    """A part of the gateway without routes."""

    name = "keeping"

    def __init__(self, store: Store, clock: Clock, limits: LimitsSection) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits

    def add_to(self, application: web.Application) -> None:
        """It has no routes."""

    async def run(self) -> None:
        """Erase, for ever. What goes wrong is said, and tried again."""
        while True:
            try:
                await self.erase()
            except GatewayError as error:
                log.error("what was kept for its time could not be erased: %s", error)
            await asyncio.sleep(_EVERY_S)

    async def erase(self) -> Erased | None:
        """Erase once; nothing on a clock that was never set, by which all or nothing would be old."""
        now = self._clock.now()
        if not now.trusted:
            return None
        limits = self._limits
        erased = await self._store.erase(
            Terms(now, report_days=limits.report_days, hit_days=limits.hit_days, find_days=limits.find_days)
        )
        if erased.bodies:
            log.warning("pictures of %d transactions were erased before the desk decided on them", erased.bodies)
        if erased.reports or erased.finds:
            log.info("%d reports and %d searches of the log were erased", erased.reports, erased.finds)
        return erased
