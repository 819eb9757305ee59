"""The operations of the interface. They stand on the handlers of the pages: nothing is decided here twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web

from hotspotd.clock import Clock
from hotspotd.console.alert_detail import AlertDetail, AlertDetails
from hotspotd.console.alert_view import AlertLine
from hotspotd.console.controls import LaneControls
from hotspotd.console.decisions import DecisionRequest, Decisions, SecondRequest
from hotspotd.console.gate import Open, actor
from hotspotd.console.guard import GuardPages, GuardState, LaneStatus
from hotspotd.console.interface.declared import EVENTS, Call, Operation
from hotspotd.console.interface.description import describe
from hotspotd.console.interface.views import (
    AlertPath,
    EncounterPath,
    Encounters,
    EncounterView,
    LanePath,
    Lanes,
    OpenAlerts,
    Recent,
    SignInBody,
    encounter_view,
)
from hotspotd.console.look_up import Asked, LookUpAnswer, LookUps
from hotspotd.console.sign_in_page import SessionView, SignInPages
from hotspotd.console.technician import OutboxShown, TechnicianPages
from hotspotd.domain.officer import LaneAct, LaneOrder
from hotspotd.domain.rights import Act
from hotspotd.events import DeskView, DeviceView, LaneView, LinkView
from hotspotd.records import Records
from hotspotd.records.model import EncounterRow


@dataclass(frozen=True, slots=True)
class Parts:
    """What the operations stand on."""

    records: Records
    clock: Clock
    lanes: Mapping[str, LaneControls]
    guard: GuardPages
    details: AlertDetails
    decisions: Decisions
    look_ups: LookUps
    technician: TechnicianPages
    door: SignInPages


class LinkState(msgspec.Struct, frozen=True, kw_only=True):
    """The links to the gateway, ``None`` before they were first looked at, and what waits for them."""

    link: LinkView | None
    outbox: OutboxShown


async def sign_in(parts: Parts, call: Call) -> object:
    """Sign in with a badge.

    The token is given once; send it as a bearer token. The session ends after some minutes without a request, and at
    the latest after some hours, as the kiosk's configuration says. 401 for a wrong badge or secret, 429 while the
    badge is locked after too many of them.
    """
    return await parts.door.begin(call.body.badge, call.body.secret)


async def get_session(parts: Parts, call: Call) -> object:
    """Who is signed in, with which rights, and for how long still.

    While ``must_change`` is true nothing else may be done: the secret was set by somebody else, and its owner changes
    it at the kiosk's page.
    """
    return parts.door.view_of(call.request)


async def sign_out(parts: Parts, call: Call) -> object:
    """Sign out: the token is worth nothing from now on."""
    await parts.door.delete_session(call.request)
    return None


async def list_lanes(parts: Parts, _: Call) -> object:
    """Every lane: what it shows its traveller now, and the state of its devices."""
    state = await parts.guard.state()
    return Lanes(now=state.now, clock_trusted=state.clock_trusted, lanes=state.lanes)


async def get_lane(parts: Parts, call: Call) -> object:
    """One lane."""
    for status in (await parts.guard.state()).lanes:
        if status.name == call.path.lane:
            return status
    raise web.HTTPNotFound(text="no such lane")


async def take_next(parts: Parts, call: Call) -> object:
    """An officer has seen to the traveller: the lane goes on to the next. 409 where no officer is waited for."""
    lane = parts.lanes.get(call.path.lane)
    if lane is None:
        raise web.HTTPNotFound(text="no such lane")
    await lane.order(LaneOrder(act=LaneAct.NEXT, by=actor(call.request)))
    return None


async def list_encounters(parts: Parts, call: Call) -> object:
    """The latest encounters, newest first."""
    return Encounters(encounters=tuple(await parts.records.recent(call.query.limit)))


async def get_encounter(parts: Parts, call: Call) -> object:
    """One encounter: document, captures and results. The reading of it is audited."""
    stored = await parts.records.encounter(call.path.encounter)
    parts.records.viewed("encounter.viewed", subject=call.path.encounter, actor=actor(call.request))
    return encounter_view(stored, parts.clock.now().at.year)


async def list_alerts(parts: Parts, call: Call) -> object:
    """Alerts that wait for a decision. The reading of them is audited."""
    alerts = await parts.guard.alert_lines()
    parts.records.viewed("alerts.viewed", subject="alerts", actor=actor(call.request))
    return OpenAlerts(alerts=tuple(alerts))


async def get_alert(parts: Parts, call: Call) -> object:
    """One alert as an officer judges it: hits, what was compared with what, pictures. The reading of it is audited."""
    return await parts.details.get_alert(call.request)


async def decide_alert(parts: Parts, call: Call) -> object:
    """Decide on an alert, or take the decision back (``reopen``); answers with the alert as it then is.

    A dismissal takes one of the reasons of docs/api.md. 409 where somebody else has decided already. The decision is on
    disk when this is answered, and the bureau is told of it where it concerns a hit.
    """
    return await parts.decisions.post_decision(call.request)


async def second_decision(parts: Parts, call: Call) -> object:
    """Agree to, or refuse, what another person has proposed, where decisions take two people."""
    return await parts.decisions.post_second(call.request)


async def look_up(parts: Parts, call: Call) -> object:
    """Look a document, a vehicle or a person up in the kiosk's list. It is audited with its purpose before it is done.

    ``purpose`` is one of the codes of docs/api.md. What is found is unconfirmed.
    """
    return await parts.look_ups.post_look_up(call.request)


async def get_link(parts: Parts, _: Call) -> object:
    """The links to the gateway, what waits for them, and what was set aside. Nothing personal."""
    state = await parts.technician.state()
    return LinkState(link=state.link, outbox=state.outbox)


async def follow_events(parts: Parts, call: Call) -> object:
    """What happens, as server-sent events: first ``state``, the whole present state, then what changes.

    ``x-events`` names the data of each. On a lost connection come again: the first event holds whatever was missed. A
    ``beat`` comes every 5 s; ``signed_out`` is the last where the session has ended. The reading is audited.
    """
    return await parts.guard.get_events(call.request)


async def get_description(_: Parts, __: Call) -> object:
    """The interface as OpenAPI 3.1: what you are reading."""
    return description()


_GONE: Final = (HTTPStatus.NOT_FOUND,)
_DECIDED: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
_REFUSED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS)
_NONE: Final = HTTPStatus.NO_CONTENT

OPERATIONS: Final[tuple[Operation[Parts], ...]] = (
    Operation(
        "POST",
        "/session",
        Open.ANYONE,
        sign_in,
        "session",
        SessionView,
        HTTPStatus.CREATED,
        takes=SignInBody,
        refuses=_REFUSED,
    ),
    Operation("GET", "/session", Open.SIGNED_IN, get_session, "session", SessionView),
    Operation("DELETE", "/session", Open.SIGNED_IN, sign_out, "session", status=_NONE),
    Operation("GET", "/lanes", Act.SEE_ALERTS, list_lanes, "lanes", Lanes),
    Operation("GET", "/lanes/{lane}", Act.SEE_ALERTS, get_lane, "lanes", LaneStatus, path_type=LanePath, refuses=_GONE),
    Operation(
        "POST",
        "/lanes/{lane}/next",
        Act.TAKE_OVER,
        take_next,
        "lanes",
        status=_NONE,
        path_type=LanePath,
        refuses=_DECIDED,
    ),
    Operation("GET", "/encounters", Act.SEE_ALERTS, list_encounters, "encounters", Encounters, query_type=Recent),
    Operation(
        "GET",
        "/encounters/{encounter}",
        Act.SEE_ALERTS,
        get_encounter,
        "encounters",
        EncounterView,
        path_type=EncounterPath,
        refuses=_GONE,
    ),
    Operation("GET", "/alerts", Act.SEE_ALERTS, list_alerts, "alerts", OpenAlerts),
    Operation(
        "GET", "/alerts/{alert}", Act.SEE_ALERTS, get_alert, "alerts", AlertDetail, path_type=AlertPath, refuses=_GONE
    ),
    Operation(
        "POST",
        "/alerts/{alert}/decision",
        Act.DECIDE,
        decide_alert,
        "alerts",
        AlertLine,
        path_type=AlertPath,
        takes=DecisionRequest,
        refuses=_DECIDED,
    ),
    Operation(
        "POST",
        "/alerts/{alert}/second",
        Act.DECIDE,
        second_decision,
        "alerts",
        AlertLine,
        path_type=AlertPath,
        takes=SecondRequest,
        refuses=(*_DECIDED, *_REFUSED),
    ),
    Operation("POST", "/look-ups", Act.LOOK_UP, look_up, "look-ups", LookUpAnswer, takes=Asked),
    Operation("GET", "/link", Act.SEE_DEVICES, get_link, "link", LinkState),
    Operation("GET", "/events", Act.SEE_ALERTS, follow_events, "events", media=EVENTS),
    Operation("GET", "/openapi.json", Open.ANYONE, get_description, "description", dict[str, Any]),
)

_STREAMED: Final[Mapping[str, Any]] = {
    "state": GuardState,
    "lane": LaneView,
    "desk": DeskView,
    "device": DeviceView,
    "link": LinkView,
    "recent": list[EncounterRow],
    "alerts": list[AlertLine],
}


def description() -> dict[str, Any]:
    """The interface as OpenAPI 3.1."""
    return describe(OPERATIONS, _STREAMED)


def routes(parts: Parts) -> list[web.RouteDef]:
    """The routes of every operation, on ``parts``."""
    return [operation.route(parts) for operation in OPERATIONS]
