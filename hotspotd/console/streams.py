"""Server-sent events: the present state first, then what changes.

Promises that a page which connects, reconnects or falls behind is first given the whole present state, so that
nothing depends on having seen an earlier event; that a silent connection gets a beat every ``beat_s``; that a
reader which takes nothing for ``stall_s`` is let go; and that all streams end when the console stops.
Event ids grow within one run of the daemon. A page that comes back with one gets the present state, which holds
whatever it missed.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

from hotspotd.access.sessions import Session
from hotspotd.errors import HotspotError
from hotspotd.events import (
    AlertChanged,
    EncounterChanged,
    Event,
    Events,
    LinkView,
    Missed,
    Subscription,
)

log = logging.getLogger(__name__)

Message = tuple[str, bytes]
"""Name of an event and its data: one line of JSON."""


class Source(Protocol):
    """What one kind of page is told."""

    async def present(self) -> list[Message]:
        """The whole present state."""
        ...

    async def changed(self, event: Event) -> list[Message]:
        """What ``event`` means for the page; nothing for what it does not show."""
        ...


def latest(events: Sequence[Event]) -> list[Event]:
    """Of events that wait together those that say something.

    For an alert, an encounter or the link a page reads the whole of them anew: the last one counts. Of what was missed,
    all that came after.
    """
    kept: dict[object, Event] = {}
    for number, event in enumerate(events):
        match event:
            case Missed():
                kept.clear()
                about: object = number
            case AlertChanged() | EncounterChanged() | LinkView():
                about = type(event)
            case _:
                about = number
        kept.pop(about, None)
        kept[about] = event
    return list(kept.values())


class Streams:
    """All open event streams of the console, at most ``limit`` of them."""

    # Eight lanes with a page each, some officers' pages, and as many again that are being replaced by a reload.
    def __init__(self, events: Events, *, limit: int = 48, beat_s: float = 2.0, stall_s: float = 15.0) -> None:
        self._events = events
        self._limit = limit
        self._beat_s = beat_s
        self._stall_s = stall_s
        self._open = 0
        self._ending = asyncio.Event()
        self._run = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    @property
    def open(self) -> int:
        """How many streams are being served."""
        return self._open

    def end(self) -> None:
        """End every stream, now and from now on."""
        self._ending.set()

    async def serve(self, request: web.Request, source: Source, session: Session | None = None) -> web.StreamResponse:
        """Serve one stream until its reader goes, the console stops or ``session`` ends: the last is said first."""
        if self._open >= self._limit or self._ending.is_set():
            return web.Response(status=503, headers={"Retry-After": "2"}, text="too many open pages")
        self._open += 1
        try:
            response = web.StreamResponse(
                headers={"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store"}
            )
            await response.prepare(request)
            with self._events.subscribe() as subscription:
                await self._feed(response, source, subscription, session)
        except (ConnectionResetError, TimeoutError):
            log.debug("a page's event stream was closed by its reader")
        except HotspotError as error:
            # The page comes back, and asks again; meanwhile it says that it has lost the kiosk.
            log.warning("a page's event stream was ended: %s", error)
        finally:
            self._open -= 1
        return response

    async def _feed(
        self, response: web.StreamResponse, source: Source, subscription: Subscription, session: Session | None
    ) -> None:
        ending = asyncio.create_task(self._ending.wait())
        over = asyncio.create_task((session.ended if session else asyncio.Event()).wait())
        upcoming = asyncio.create_task(subscription.next())
        try:
            await self._send(response, b"retry: 1000\n\n")
            await self._send_all(response, await source.present())
            while not ending.done():
                waited = {ending, over, upcoming}
                await asyncio.wait(waited, timeout=self._beat_s, return_when=asyncio.FIRST_COMPLETED)
                if over.done():
                    await self._send(response, b"event: signed_out\ndata: {}\n\n")
                    return
                if upcoming.done():
                    events = [upcoming.result(), *subscription.waiting()]
                    upcoming = asyncio.create_task(subscription.next())
                    for event in latest(events):
                        missed = isinstance(event, Missed)
                        told = await source.present() if missed else await source.changed(event)
                        await self._send_all(response, told)
                elif not ending.done():
                    # The comment keeps connections open; the event lets the page notice silence.
                    await self._send(response, b": alive\nevent: beat\ndata: {}\n\n")
        finally:
            for task in (ending, over, upcoming):
                task.cancel()

    async def _send_all(self, response: web.StreamResponse, messages: list[Message]) -> None:
        for name, data in messages:
            number = f"{self._run}-{next(self._numbers)}"
            await self._send(response, f"id: {number}\nevent: {name}\ndata: ".encode() + data + b"\n\n")

    async def _send(self, response: web.StreamResponse, data: bytes) -> None:
        async with asyncio.timeout(self._stall_s):
            await response.write(data)
