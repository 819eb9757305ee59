"""The technician's page: links, outbox, devices and versions as they are; rows that were set aside are queued again.

Shows nothing personal: the page may be photographed and sent with a report. Everything on it can be read again at any
time from ``/technician/state``; the stream only says sooner what that would say.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec
from aiohttp import web

from hotspotd import __version__
from hotspotd.clock import Clock
from hotspotd.config import Config
from hotspotd.console.answers import as_json
from hotspotd.console.controls import ListInForce
from hotspotd.console.gate import actor, needs, session_of
from hotspotd.console.streams import Message, Streams
from hotspotd.domain.rights import Act
from hotspotd.errors import Reason
from hotspotd.events import DeviceView, Event, Events, LinkView
from hotspotd.records import Records
from hotspotd.records.model import OutboxRow, OutboxState, Rank

# A page of more would not be read; the command line lists them all.
_ASIDE_SHOWN = 100

_WHY = {
    Reason.BAD_TRANSACTION: "The gateway cannot read it, or it is not by its rules.",
    Reason.TOO_LARGE: "It is larger than the gateway takes.",
    Reason.CONFLICT: "The gateway knows its number with other content.",
}
_WHY_ELSE = "The gateway has answered again and again without taking it."


class AsideRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was set aside: why in words, and what was said by whoever refused it."""

    tcn: str
    kind: str
    lane: str
    created_at: str
    size: int
    attempts: int
    link: str
    why: str
    said: str


class OutboxShown(msgspec.Struct, frozen=True, kw_only=True):
    """What waits by rank, and what has become of the rest by state."""

    waiting: dict[str, int]
    states: dict[str, int]
    bytes: int
    last_error: str
    aside: tuple[AsideRow, ...]


class ListShown(msgspec.Struct, frozen=True, kw_only=True):
    """The watchlist in force."""

    version: str
    made_at: str
    counts: dict[str, int]


class LaneDevices(msgspec.Struct, frozen=True, kw_only=True):
    """The devices of one lane."""

    name: str
    devices: tuple[DeviceView, ...]


class TechnicianState(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of the page."""

    build: str
    now: str
    clock_trusted: bool
    version: str
    link: LinkView | None
    outbox: OutboxShown
    watchlist: ListShown | None
    lanes: tuple[LaneDevices, ...]


class TechnicianPages:
    """Handlers of the technician's page, and the source of its stream."""

    def __init__(
        self,
        config: Config,
        events: Events,
        records: Records,
        streams: Streams,
        watchlist: Callable[[], ListInForce | None],
        *,
        build: str,
        clock: Clock,
    ) -> None:
        self._lanes = tuple(lane.name for lane in config.lanes)
        self._events = events
        self._records = records
        self._streams = streams
        self._watchlist = watchlist
        self._build = build
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Everything but the page itself."""
        return [
            needs(Act.SEE_DEVICES, "GET", "/technician/state", self.get_state),
            needs(Act.SEE_DEVICES, "GET", "/technician/events", self.get_events),
            needs(Act.MEND, "POST", "/api/outbox/{tcn}/retry", self.post_retry),
        ]

    async def state(self) -> TechnicianState:
        """Everything that the page shows. Raises RecordsError."""
        now, present = self._clock.now(), self._events.present()
        devices = [event for event in present if isinstance(event, DeviceView)]
        watchlist = self._watchlist()
        return TechnicianState(
            build=self._build,
            now=now.iso(),
            clock_trusted=now.trusted,
            version=__version__,
            link=next((event for event in present if isinstance(event, LinkView)), None),
            outbox=await self._outbox(),
            watchlist=None
            if watchlist is None
            else ListShown(version=watchlist.version, made_at=watchlist.made_at, counts=dict(watchlist.counts)),
            lanes=tuple(
                LaneDevices(name=name, devices=tuple(device for device in devices if device.lane == name))
                for name in self._lanes
            ),
        )

    async def _outbox(self) -> OutboxShown:
        queue = await self._records.queue_state()
        aside = await self._records.outbox_rows([OutboxState.QUARANTINED], _ASIDE_SHOWN)
        return OutboxShown(
            waiting={rank.name.lower(): queue.ranks.get(rank, 0) for rank in Rank},
            states={state.value: queue.states.get(state, 0) for state in OutboxState},
            bytes=queue.waiting_bytes,
            last_error=queue.last_error,
            aside=tuple(_aside(row) for row in aside),
        )

    async def present(self) -> list[Message]:
        """The whole state."""
        return [("state", msgspec.json.encode(await self.state()))]

    async def changed(self, event: Event) -> list[Message]:
        """The whole state, for what the page shows: it is small, and nothing on it can then be of two moments."""
        return await self.present() if isinstance(event, LinkView | DeviceView) else []

    async def get_state(self, _: web.Request) -> web.StreamResponse:
        """The whole state, as the stream would send it."""
        return as_json(await self.state())

    async def get_events(self, request: web.Request) -> web.StreamResponse:
        """The page's stream."""
        return await self._streams.serve(request, self, session_of(request))

    async def post_retry(self, request: web.Request) -> web.StreamResponse:
        """Queue a row again that was set aside; the courier finds it. Gives the state after that."""
        await self._records.outbox_retry(request.match_info["tcn"], actor(request))
        return await self.get_state(request)


def _aside(row: OutboxRow) -> AsideRow:
    return AsideRow(
        tcn=row.tcn,
        kind=row.kind,
        lane=row.lane,
        created_at=row.created_at,
        size=row.size,
        attempts=row.attempts,
        link=row.link,
        why=why(row.last_error),
        said=row.last_error,
    )


def why(error: str) -> str:
    """Why a row was set aside, in words; ``error`` is a HotspotError as text, with its reason in brackets."""
    found = re.search(r"\[([a-z_]+)\]", error)
    return next((words for reason, words in _WHY.items() if found and reason == found[1]), _WHY_ELSE)
