"""The kiosk in numbers, for Prometheus: read when they are asked for, from the records and the present views.

Nothing is counted where it happens: counters follow the audit chain and the stored replies from the start of the daemon
on, so that none is missed or counted twice, whoever reads how seldom. Labels come from the configuration and from our
own enumerations, never from what travellers, officers or the gateway say.
"""

from __future__ import annotations

import asyncio
import logging

from prometheus_client import CollectorRegistry, generate_latest

from hotspotd.clock import Clock
from hotspotd.errors import RecordsError
from hotspotd.events import Events
from hotspotd.health.metrics_counted import Counted
from hotspotd.health.metrics_present import Present
from hotspotd.records import Records
from hotspotd.records.happenings import Moment

log = logging.getLogger(__name__)


class Metrics:
    """The numbers of one daemon. ``start`` it before anything happens that is to be counted."""

    def __init__(self, records: Records, events: Events, clock: Clock) -> None:
        self._records = records
        self._events = events
        self._clock = clock
        self._counted = Counted()
        self._seen = Moment()
        self._present = Present()
        self._one_at_a_time = asyncio.Lock()
        self._registry = CollectorRegistry()
        self._registry.register(self._present)
        self._registry.register(self._counted)

    async def start(self) -> None:
        """Count from now on. Raises RecordsError."""
        self._seen = await self._records.moment()

    async def exposition(self) -> bytes:
        """Everything, in the text format of Prometheus."""
        async with self._one_at_a_time:
            try:
                await self._catch_up()
                self._present.queue = await self._records.queue_state()
                self._present.open_alerts = await self._records.open_alerts()
                self._present.readable = True
            except RecordsError as error:
                log.log(logging.WARNING if self._present.readable else logging.DEBUG, "metrics: %s", error)
                self._present.readable = False
            self._present.views = self._events.present()
            now = self._clock.now()
            self._present.now, self._present.clock_trusted = now.at, now.trusted
            return generate_latest(self._registry)

    async def _catch_up(self) -> None:
        while entries := await self._records.entries_since(self._seen.entry):
            for entry in entries:
                self._counted.event(entry.event, entry.detail, entry.compute_ms)
            self._seen = Moment(entries[-1].seq, self._seen.reply)
        while replies := await self._records.replies_since(self._seen.reply):
            for reply in replies:
                self._counted.reply(reply.outcome, reply.after_s)
            self._seen = Moment(self._seen.entry, replies[-1].number)
