"""From the outbox to a link: what goes next, and what becomes of a row that was not taken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

from hotspotd.errors import Reason, RelayError
from hotspotd.records.model import OutboxItem, OutboxState, Rank
from hotspotd.relay.links.base import Outgoing
from hotspotd.relay.links.wire import digest
from hotspotd.relay.message import pack
from hotspotd.relay.parts import Parts
from hotspotd.relay.receiving import HOPELESS, Receiving
from hotspotd.relay.routes import Route
from hotspotd.relay.telling import Telling
from hotspotd.relay.trouble import Troubles

# Nobody is there, or nobody who wants us, or not by this clock: the next row would fare no better on this link.
_NO_LINK = frozenset((Reason.LINK_DOWN, Reason.LINK_REFUSED, Reason.REVOKED, Reason.STALE))


class Sending:
    """Sends rows, each on the best link that may carry it."""

    def __init__(self, parts: Parts, receiving: Receiving, telling: Telling) -> None:
        self._records = parts.records
        self._routes = parts.routes
        self._sealer = parts.sealer
        self._clock = parts.clock
        self._patience = parts.patience
        self._sleep = parts.sleep
        self._receiving = receiving
        self._telling = telling
        self._troubles = Troubles(parts.patience, parts.clock.monotonic)
        self._new_row = asyncio.Event()
        self._busy: set[str] = set()
        self._choosing = asyncio.Lock()
        self._cut_on = ""
        self._version = 0

    def wake(self) -> None:
        """There is a new row in the outbox."""
        event, self._new_row = self._new_row, asyncio.Event()
        event.set()

    def put_off(self, tcn: str, error: RelayError) -> None:
        """The gateway has refused a row for now: it is tried again in a while."""
        self._troubles.add(tcn, error)
        self.wake()

    def taken(self, tcn: str) -> None:
        """The gateway's receipt has come by a link that does not answer."""
        self._troubles.over(tcn, taken=True)

    async def next(self, ranks: tuple[Rank, ...]) -> None:
        """Send the row of ``ranks`` that is due first, if there is one and a link for it; otherwise wait for that."""
        new_row, change = self._new_row, asyncio.ensure_future(self._routes.change())
        try:
            async with self._choosing:
                found = await self._due(ranks)
                if found is not None:
                    self._busy.add(found[0].tcn)
            if found is None:
                await _first(new_row.wait(), change, self._sleep(self._troubles.next_due_s()))
                return
        finally:
            change.cancel()
        item, route = found
        try:
            await self._send(item, route)
        finally:
            self._busy.discard(item.tcn)

    async def look_after(self) -> None:
        """Send again what was handed to a link too long ago, and let go of what is past its time; then wait."""
        now = self._clock.monotonic()
        for route in self._routes.all:
            for tcn in [tcn for tcn, due in route.handed.items() if due <= now]:
                del route.handed[tcn]
                await self._records.outbox_requeue(tcn)
                self.wake()
        if await self._records.outbox_expire():
            self._telling.soon()
        await self._sleep(self._patience.rows_s)

    async def look_beside(self) -> None:
        """Look for what another process has done to the outbox, a row that a person queued again, say; then wait."""
        version = await self._records.version()
        if version != self._version:
            # Seen as well when it was this process: then a look too many, at most each time.
            self._version = version
            self.wake()
            self._telling.soon()
        await self._sleep(self._patience.others_s)

    async def _due(self, ranks: tuple[Rank, ...]) -> tuple[OutboxItem, Route] | None:
        usable = {rank: route for rank in ranks if (route := self._routes.best(rank)) is not None}
        if not usable:
            return None
        # One more than may be left out, so that there is another one to the row on which the link broke.
        most = 2 + len(self._busy) + self._troubles.waiting()
        items = await self._records.outbox_due(most, tuple(usable))
        due = [item for item in items if item.tcn not in self._busy and self._troubles.is_due(item.tcn)]
        # The row on which the link broke last goes last: if the line is too slow for it, the others still go.
        due.sort(key=lambda item: item.tcn == self._cut_on)
        return (due[0], usable[due[0].rank]) if due else None

    async def _send(self, item: OutboxItem, route: Route) -> None:
        content, sha256 = await asyncio.to_thread(lambda: (pack(item.payload), digest(item.payload)))
        if not await self._records.outbox_sending(item.tcn, route.name):
            return  # Answered meanwhile.
        try:
            with self._telling.sending(item.tcn, route), route.pacer.turn(item.rank, len(content)) as turn:
                receipt = await route.link.send(self._outgoing(item, content, sha256), turn)
            if receipt is not None:
                await self._receiving.receipt(receipt, route.link.trust, item.payload)
        except RelayError as error:
            await self._not_sent(item, route, error)
            return
        if receipt is None:
            await self._handed(item, route)
            return
        self._troubles.over(item.tcn, taken=True)
        self._routes.worked(route, sent=True)
        self._telling.soon()

    async def _handed(self, item: OutboxItem, route: Route) -> None:
        """The row is on its way, unless its receipt or refusal was quicker than its sender."""
        if (await self._records.outbox_item(item.tcn)).state is OutboxState.SENDING:
            route.handed[item.tcn] = self._clock.monotonic() + route.link.resend_s
            self._routes.stir()
        self._routes.worked(route, sent=True)
        self._telling.soon()

    def _outgoing(self, item: OutboxItem, content: bytes, sha256: str) -> Outgoing:
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

        return Outgoing(item.tcn, sha256, content, seal, begun=bool(item.link))

    async def _not_sent(self, item: OutboxItem, route: Route, error: RelayError) -> None:
        if error.reason in HOPELESS:
            await self._set_aside(item.tcn, error)
            return
        await self._records.outbox_failed(item.tcn, str(error))
        if error.reason in _NO_LINK:
            self._cut_on = item.tcn
            self._routes.failed(route, error, sending=True)
        elif self._troubles.add(item.tcn, error):
            # So many rows at once are trouble of the gateway's.
            self._routes.failed(route, error, sending=True)
        elif self._troubles.hopeless(item.tcn):
            await self._set_aside(item.tcn, error)
        self._telling.soon()

    async def _set_aside(self, tcn: str, error: RelayError) -> None:
        await self._receiving.set_aside(tcn, error)
        self._troubles.over(tcn, taken=False)
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
