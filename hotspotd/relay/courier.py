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
from dataclasses import dataclass
from datetime import timedelta

from hotspotd.clock import Clock
from hotspotd.errors import Reason, RecordsError, RelayError
from hotspotd.events import Events
from hotspotd.records import Records
from hotspotd.records.model import OutboxItem, Rank
from hotspotd.relay.backoff import Backoff
from hotspotd.relay.links.base import Incoming, IncomingKind, Outgoing
from hotspotd.relay.links.wire import digest
from hotspotd.relay.message import pack
from hotspotd.relay.receiving import Receiving
from hotspotd.relay.routes import Route, Routes
from hotspotd.relay.seal import Sealer
from hotspotd.relay.telling import Telling
from hotspotd.relay.trouble import Patience, Troubles

logger = logging.getLogger(__name__)

# The gateway refused the row for what it is: sending it again would change nothing.
_HOPELESS = frozenset((Reason.BAD_TRANSACTION, Reason.TOO_LARGE, Reason.CONFLICT))
# Nobody is there, or nobody who wants us, or not by this clock: the next row would fare no better on this link.
_NO_LINK = frozenset((Reason.LINK_DOWN, Reason.LINK_REFUSED, Reason.STALE))

_URGENT = (Rank.LIVE, Rank.DECISION)
_REST = (Rank.BACKLOG, Rank.STATISTICS, Rank.LOG)
# Two at a time of each: while the gateway writes its receipt for one, the bytes of the next are on their way.
_SENDERS = 2


@dataclass(frozen=True, slots=True)
class Parts:
    """What a courier works with."""

    records: Records
    routes: Routes
    sealer: Sealer
    events: Events
    clock: Clock
    patience: Patience = Patience()
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Courier:
    """One courier for one device. ``run`` it once."""

    def __init__(self, parts: Parts) -> None:
        self._records = parts.records
        self._routes = parts.routes
        self._sealer = parts.sealer
        self._clock = parts.clock
        self._patience = parts.patience
        self._sleep = parts.sleep
        self._new_row = asyncio.Event()
        self._busy: set[str] = set()
        self._troubles = Troubles(parts.patience, parts.clock.monotonic)
        self._cut_on = ""
        self.receiving = Receiving(parts.records, parts.events, parts.clock)
        self._telling = Telling(parts.records, parts.routes, parts.events, parts.clock, self.receiving)

    @property
    def link_up(self) -> bool:
        """Whether the last exchange with the gateway went well, on one link at least."""
        return self._routes.up

    def wake(self) -> None:
        """There is a new row in the outbox."""
        event, self._new_row = self._new_row, asyncio.Event()
        event.set()

    async def run(self) -> None:
        """Carry until cancelled."""
        await self._persistently(self._begin)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._telling.run(), name="courier-telling")
            group.create_task(self._forever(self._look_after_rows), name="courier-rows")
            for ranks in (_URGENT, _REST):
                for number in range(_SENDERS):
                    group.create_task(self._forever(self._send_next, ranks), name=f"courier-{ranks[0].name}-{number}")
            for route in self._routes.all:
                group.create_task(self._forever(self._keep, route), name=f"courier-link-{route.name}")

    async def _begin(self) -> None:
        """What was being sent when the process ended is sent again: the gateway knows it by its number."""
        await self._records.outbox_requeue(None)

    async def _persistently(self, work: Callable[[], Awaitable[None]]) -> None:
        backoff = Backoff(self._patience.first_s, self._patience.longest_s)
        while True:
            try:
                await work()
            except RecordsError as error:
                # The lane and the watchdog report storage; here it is only a reason to wait.
                logger.warning("courier: %s", error)
                await self._sleep(backoff.next())
            else:
                return

    async def _forever(self, work: Callable[..., Awaitable[None]], *arguments: object) -> None:
        while True:
            await self._persistently(lambda: work(*arguments))

    # Sending.

    async def _send_next(self, ranks: tuple[Rank, ...]) -> None:
        """Send the row that is due first, if there is one and a link for it; otherwise wait until there may be."""
        new_row, change = self._new_row, asyncio.ensure_future(self._routes.change())
        try:
            found = await self._next(ranks)
            if found is None:
                await _first(new_row.wait(), change, self._sleep(self._troubles.next_due_s()))
                return
        finally:
            change.cancel()
        item, route = found
        self._busy.add(item.tcn)
        try:
            await self._send(item, route)
        finally:
            self._busy.discard(item.tcn)

    async def _next(self, ranks: tuple[Rank, ...]) -> tuple[OutboxItem, Route] | None:
        usable = {rank: route for rank in ranks if (route := self._routes.best(rank)) is not None}
        if not usable:
            return None
        items = await self._records.outbox_due(1 + len(self._busy) + self._troubles.waiting(), tuple(usable))
        due = [item for item in items if item.tcn not in self._busy and self._troubles.is_due(item.tcn)]
        # The row on which the link broke last goes last: if the line is too slow for it, the others still go.
        due.sort(key=lambda item: item.tcn == self._cut_on)
        return (due[0], usable[item_rank]) if due and (item_rank := due[0].rank) in usable else None

    async def _send(self, item: OutboxItem, route: Route) -> None:
        content = await asyncio.to_thread(pack, item.payload)
        await self._records.outbox_sending(item.tcn, route.name)
        self._telling.sending(item.tcn, route)
        try:
            with route.pacer.turn(item.rank, len(content)) as turn:
                receipt = await route.link.send(self._outgoing(item, content), turn)
            if receipt is not None:
                await self.receiving.receipt(receipt, route.link.trust, item.payload)
        except RelayError as error:
            await self._not_sent(item, route, error)
            return
        finally:
            self._telling.sending("", route)
        if receipt is None:
            route.handed[item.tcn] = self._clock.monotonic() + route.link.resend_s
            self._routes.stir()
        self._troubles.over(item.tcn, taken=True)
        await self._worked(route, sent=True)
        self._telling.soon()

    def _outgoing(self, item: OutboxItem, content: bytes) -> Outgoing:
        def seal(valid_s: float, whole: bool) -> str:
            return self._sealer.seal(
                content,
                kind=item.kind.value,
                tcn=item.tcn,
                lane=item.lane,
                now=self._clock.now().at,
                valid=timedelta(seconds=valid_s),
                with_certificate=whole,
            )

        return Outgoing(item.tcn, digest(item.payload), content, seal, begun=bool(item.link))

    async def _not_sent(self, item: OutboxItem, route: Route, error: RelayError) -> None:
        if error.reason in _HOPELESS:
            await self._set_aside(item.tcn, str(error))
            return
        await self._records.outbox_failed(item.tcn, str(error))
        if error.reason in _NO_LINK:
            self._cut_on = item.tcn
            await self._failed(route, error, sending=True)
            return
        if self._troubles.add(item.tcn, error):
            # More rows than this at once are trouble of the gateway's.
            await self._failed(route, error, sending=True)
        elif self._troubles.hopeless(item.tcn):
            await self._set_aside(item.tcn, f"not taken in many tries while others were: {error}")

    async def _set_aside(self, tcn: str, reason: str) -> None:
        logger.warning("courier: transaction %s is set aside: %s", tcn, reason)
        await self._records.outbox_quarantine(tcn, reason)
        self._troubles.over(tcn, taken=False)
        self._telling.soon()

    async def _look_after_rows(self) -> None:
        """Send again what was handed to a link too long ago, and let go of what is past its time."""
        now = self._clock.monotonic()
        for route in self._routes.all:
            for tcn in [tcn for tcn, due in route.handed.items() if due <= now]:
                del route.handed[tcn]
                await self._records.outbox_requeue(tcn)
                self.wake()
        if await self._records.outbox_expire():
            self._telling.soon()
        await self._sleep(self._patience.rows_s)

    # Each link.

    async def _keep(self, route: Route) -> None:
        """Listen on a link that is in use, probe one that is down, leave the others alone."""
        try:
            if route.up is False:
                await self._revive(route)
            elif self._routes.listens(route):
                await self._listen(route)
            else:
                await self._routes.change()
        except RelayError as error:
            await self._failed(route, error, sending=False)

    async def _revive(self, route: Route) -> None:
        await self._sleep(route.backoff.next())
        await route.link.probe()
        if self._routes.probed(route):
            self._say_up(route)

    async def _listen(self, route: Route) -> None:
        """Take what the gateway says, each stored before the next question acknowledges it."""
        cursor = ""
        while self._routes.listens(route):
            # A link that has not answered yet is asked without waiting, so that it shows as up at once.
            wait_s = self._patience.poll_s if route.up else 0.0
            incoming = await route.link.incoming(cursor, wait_s)
            await self._worked(route, sent=False)
            asked = cursor
            for one in incoming:
                route.received += len(one.content)
                await self._store(one, route)
                cursor = one.cursor
            if incoming and cursor == asked:
                raise RelayError(Reason.LINK_PROTOCOL, "gateway: sends what was acknowledged again and again")

    async def _store(self, incoming: Incoming, route: Route) -> None:
        trust = route.link.trust
        if incoming.kind is IncomingKind.REPLY:
            await self.receiving.reply(incoming, trust)
        elif incoming.kind is IncomingKind.RECEIPT:
            await self.receiving.receipt(incoming, trust)
        else:
            error = self.receiving.refusal(incoming, trust)
            if error.reason in _HOPELESS:
                await self._set_aside(incoming.tcr, str(error))
            else:
                await self._records.outbox_failed(incoming.tcr, str(error))
        route.handed.pop(incoming.tcr, None)
        self._telling.soon()

    async def _worked(self, route: Route, *, sent: bool) -> None:
        if self._routes.worked(route, sent=sent):
            self._say_up(route)

    def _say_up(self, route: Route) -> None:
        if route.complained:
            logger.info("courier: the gateway answers again by %s", route.name)
        route.complained = False
        self._telling.soon()

    async def _failed(self, route: Route, error: RelayError, *, sending: bool) -> None:
        level = logging.DEBUG if route.complained else logging.WARNING
        logger.log(level, "courier: %s: %s", route.name, error)
        route.complained = True
        self._routes.failed(route, error, sending=sending)
        self._telling.soon()


async def _first(*waits: Awaitable[object]) -> None:
    """Until the first of ``waits`` is over; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
