"""Each link of its own: listened on while it is in use, probed while it is down, left alone otherwise."""

from __future__ import annotations

import asyncio

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.links.base import Incoming, IncomingKind
from hotspotd.relay.parts import Parts
from hotspotd.relay.receiving import Receiving
from hotspotd.relay.routes import Route
from hotspotd.relay.sending import Sending
from hotspotd.relay.telling import Telling


class Keeping:
    """Keeps links."""

    def __init__(self, parts: Parts, receiving: Receiving, telling: Telling, sending: Sending) -> None:
        self._routes = parts.routes
        self._patience = parts.patience
        self._sleep = parts.sleep
        self._receiving = receiving
        self._telling = telling
        self._sending = sending

    async def keep(self, route: Route) -> None:
        """Do what ``route`` needs now, until it needs something else."""
        try:
            if route.up is False:
                await self._sleep(route.backoff.next())
                await route.link.probe()
                self._routes.probed(route)
            elif self._routes.listens(route):
                await self._listen(route)
            else:
                await self._routes.change()
        except RelayError as error:
            self._routes.failed(route, error, sending=False)
        self._telling.soon()

    async def _listen(self, route: Route) -> None:
        """Take what the gateway says, each stored before the next question acknowledges it."""
        cursor = ""
        while self._routes.listens(route):
            # A link that has not answered yet is asked without waiting, so that it shows as up at once.
            incoming = await self._asked(route, cursor, self._patience.poll_s if route.up else 0.0)
            if incoming is None:
                return
            if self._routes.worked(route, sent=False):
                self._telling.soon()
            asked = cursor
            for one in incoming:
                route.received += len(one.content)
                await self._store(one, route)
                cursor = one.cursor
            if incoming and cursor == asked:
                raise RelayError(Reason.LINK_PROTOCOL, "gateway: sends what was acknowledged again and again")

    async def _asked(self, route: Route, after: str, wait_s: float) -> list[Incoming] | None:
        """What came; ``None`` when the link has gone out of use meanwhile."""
        poll = asyncio.ensure_future(route.link.incoming(after, wait_s))
        try:
            while not poll.done():
                change = asyncio.ensure_future(self._routes.change())
                await asyncio.wait((poll, change), return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
                if not poll.done() and not self._routes.listens(route):
                    return None
            return poll.result()
        finally:
            poll.cancel()
            await asyncio.gather(poll, return_exceptions=True)

    async def _store(self, incoming: Incoming, route: Route) -> None:
        trust = route.link.trust
        if incoming.kind is IncomingKind.REPLY:
            await self._receiving.reply(incoming, trust)
        elif incoming.kind is IncomingKind.RECEIPT:
            await self._receiving.receipt(incoming, trust)
            self._sending.taken(incoming.tcr)
        else:
            refused = await self._receiving.refusal(incoming, trust)
            if refused is not None:
                self._sending.put_off(incoming.tcr, refused)
                if refused.reason is Reason.REVOKED:
                    self._routes.failed(route, refused, sending=True)
        route.handed.pop(incoming.tcr, None)
        self._telling.soon()
