"""The officers' page: its state and its stream.

Everything the page shows can be read again at any time from ``/guard/state`` and, of one alert, from what
``alert_detail`` serves; the stream only says sooner what these would say.
"""

from __future__ import annotations

import msgspec
from aiohttp import web

from hotspotd.clock import Clock
from hotspotd.config import Config
from hotspotd.console import alert_view
from hotspotd.console.alert_view import AlertLine
from hotspotd.console.answers import as_json
from hotspotd.console.gate import actor, needs, session_of
from hotspotd.console.streams import Message, Streams
from hotspotd.console.traveller import LaneWatch
from hotspotd.domain.rights import Act
from hotspotd.events import AlertChanged, DeskView, DeviceView, EncounterChanged, Event, Events, LaneView, LinkView
from hotspotd.records import Records
from hotspotd.records.model import Alert, AlertKind, EncounterRow

# A page of more would not be read; the records keep them all.
_ALERTS_SHOWN = 200
_RECENT_SHOWN = 40


class LaneStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One lane: its view and its devices."""

    name: str
    view: LaneView | None
    desk: DeskView | None
    devices: tuple[DeviceView, ...]


class GuardState(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of the officers' page but the detail of an alert."""

    build: str
    now: str
    clock_trusted: bool
    lanes: tuple[LaneStatus, ...]
    link: LinkView | None
    alerts: tuple[AlertLine, ...]
    recent: tuple[EncounterRow, ...]


class GuardSource:
    """What an officers' page is told."""

    def __init__(self, pages: GuardPages) -> None:
        self._pages = pages

    async def present(self) -> list[Message]:
        """The whole state."""
        return [("state", msgspec.json.encode(await self._pages.state()))]

    async def changed(self, event: Event) -> list[Message]:
        """The part of the state that ``event`` changed."""
        match event:
            case LaneView() | DeskView() | DeviceView() | LinkView():
                return [(str(event.__struct_config__.tag), msgspec.json.encode(event))]
            case EncounterChanged():
                return [("recent", msgspec.json.encode(await self._pages.recent()))]
            case AlertChanged():
                return [("alerts", msgspec.json.encode(await self._pages.alert_lines()))]
            case _:
                return []


class GuardPages:
    """Handlers of the officers' page."""

    def __init__(
        self,
        config: Config,
        events: Events,
        records: Records,
        watch: LaneWatch,
        streams: Streams,
        *,
        build: str,
        clock: Clock,
    ) -> None:
        self._lanes = tuple(lane.name for lane in config.lanes)
        self._events = events
        self._records = records
        self._watch = watch
        self._streams = streams
        self._build = build
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Everything but the page itself."""
        return [
            needs(Act.SEE_ALERTS, "GET", "/guard/state", self.get_state),
            needs(Act.SEE_ALERTS, "GET", "/guard/events", self.get_events),
        ]

    async def state(self) -> GuardState:
        """Everything the page shows but the detail of an alert."""
        now = self._clock.now()
        present = self._events.present()
        devices = [event for event in present if isinstance(event, DeviceView)]
        desks = {event.lane: event for event in present if isinstance(event, DeskView)}
        link = next((event for event in present if isinstance(event, LinkView)), None)
        return GuardState(
            build=self._build,
            now=now.iso(),
            clock_trusted=now.trusted,
            lanes=tuple(
                LaneStatus(
                    name=name,
                    view=self._watch.view(name),
                    desk=desks.get(name),
                    devices=tuple(device for device in devices if device.lane == name),
                )
                for name in self._lanes
            ),
            link=link,
            alerts=tuple(await self.alert_lines()),
            recent=tuple(await self.recent()),
        )

    async def alert_lines(self) -> list[AlertLine]:
        """Alerts that are somebody's business: open, then awaiting a second person, then with second line."""
        alerts = (await self._records.standing_alerts())[:_ALERTS_SHOWN]
        return [await self.line(alert) for alert in alerts]

    async def line(self, alert: Alert) -> AlertLine:
        """``alert`` as a line of the queue."""
        if alert.kind is not AlertKind.LATE:
            return alert_view.line(alert)
        stored = await self._records.encounter(alert.encounter_id)
        return alert_view.line(alert, stored.encounter.opened_at, stored.released_at)

    async def recent(self) -> list[EncounterRow]:
        """The latest encounters, newest first."""
        return await self._records.recent(_RECENT_SHOWN)

    async def get_state(self, request: web.Request) -> web.StreamResponse:
        """The state as JSON."""
        state = await self.state()
        self._records.viewed("alerts.viewed", subject="alerts", actor=actor(request))
        return as_json(state)

    async def get_events(self, request: web.Request) -> web.StreamResponse:
        """The state and its changes as server-sent events."""
        self._records.viewed("alerts.viewed", subject="alerts", actor=actor(request), detail="as they change")
        return await self._streams.serve(request, GuardSource(self), session_of(request))
