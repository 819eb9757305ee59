"""Carries what is in the outbox to the gateway, and what the gateway says back into the records.

Promises:
- A row leaves the outbox only when the gateway's own receipt for it (its number, its hash, under its seal) or its reply
  to it is stored.
- What is urgent goes first, and on between the pieces of what is not.
- A reply is stored before it is acknowledged, which is done by asking for what comes after it. Nothing of that is
  kept here: after a restart the gateway hands out again whatever was not acknowledged, and a copy changes nothing.
- One row that the gateway refuses, or that it never manages to take, is set aside and stops no other.
- A gateway that does not want this device is asked rarely; a link that is down with growing delays, and another that is
  up meanwhile does its work.
Doesn't: decide when the traveller has waited long enough, or show anything; it publishes what changed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from hotspotd.cancelling import insist
from hotspotd.errors import RecordsError
from hotspotd.records.model import Rank
from hotspotd.relay.backoff import Backoff
from hotspotd.relay.keeping import Keeping
from hotspotd.relay.parts import Parts
from hotspotd.relay.receiving import Receiving
from hotspotd.relay.sending import Sending
from hotspotd.relay.telling import Telling

logger = logging.getLogger(__name__)

_URGENT = (Rank.LIVE, Rank.DECISION)
_REST = (Rank.BACKLOG, Rank.STATISTICS, Rank.LOG)
# Two at a time of each: while the gateway writes its receipt for one, the bytes of the next are on their way.
_SENDERS = 2


class Courier:
    """One courier for one device. ``run`` it once."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._receiving = Receiving(parts.records, parts.events, parts.clock)
        self._telling = Telling(parts, self._receiving)
        self._sending = Sending(parts, self._receiving, self._telling)
        self._keeping = Keeping(parts, self._receiving, self._telling, self._sending)

    @property
    def link_up(self) -> bool:
        """Whether the gateway can be reached: one link at least works."""
        return self._parts.routes.up

    def wake(self) -> None:
        """There is a new row in the outbox."""
        self._sending.wake()
        self._telling.soon()

    def look_again(self) -> None:
        """The device has another certificate: links that were refused are tried at once."""
        self._parts.routes.forgive()
        self.wake()

    async def run(self) -> None:
        """Carry until cancelled."""
        # What was being sent when the process ended is sent again: the gateway knows it by its number.
        await self._persistently(lambda: self._parts.records.outbox_requeue(None))
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._telling.run(), name="courier-telling"),
                group.create_task(self._forever(self._sending.look_after), name="courier-rows"),
                group.create_task(self._forever(self._sending.look_beside), name="courier-beside"),
            ]
            for ranks in (_URGENT, _REST):
                for _ in range(_SENDERS):
                    work = partial(self._sending.next, ranks)
                    tasks.append(group.create_task(self._forever(work), name="courier-send"))
            for route in self._parts.routes.all:
                keeping = self._forever(partial(self._keeping.keep, route))
                tasks.append(group.create_task(keeping, name=f"courier-{route.name}"))
            group.create_task(insist(tasks), name="courier-end")

    async def _forever(self, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            await self._persistently(work)

    async def _persistently(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do ``work`` once, trying again while the records fail."""
        patience = self._parts.patience
        backoff = Backoff(patience.first_s, patience.longest_s)
        while True:
            try:
                await work()
            except RecordsError as error:
                # The lane and the watchdog report storage; here it is only a reason to wait.
                logger.warning("courier: %s", error)
                await self._parts.sleep(backoff.next())
            else:
                return
