"""Signing in and out, and what the page shows while nobody is: how much waits, and nothing about anybody."""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta

from hotspotd.access.sessions import Session
from hotspotd.access.sign_in import SignIn
from hotspotd.console import alert_view
from hotspotd.console.answers import as_json, asked
from hotspotd.console.gate import COOKIE, Open, needs, present_session, session_of
from hotspotd.console.streams import Message, Streams
from hotspotd.events import AlertChanged, Event, LaneState, LaneView
from hotspotd.events import Events as AllEvents
from hotspotd.records import Records
from hotspotd.records.model import AlertState

T = TypeVar("T")
_Secret = Annotated[str, Meta(max_length=256)]


class SignInRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``bearer``: for a program, which gets its token in the answer and no cookie."""

    badge: Annotated[str, Meta(max_length=20)]
    secret: _Secret
    bearer: bool = False


class SecretRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One's own secret, as it is and as it shall be."""

    secret: _Secret
    new: _Secret


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in. ``left_s``: seconds until it ends if nobody does anything."""

    badge: str
    roles: tuple[str, ...]
    acts: tuple[str, ...]
    must_change: bool
    left_s: float
    token: str | None = None


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """How much waits for an officer. ``urgency`` is that of the most urgent alert that is not handled silently."""

    build: str
    alerts: int
    urgency: int | None
    lanes: tuple[str, ...]


class SignInPages:
    """Handlers of sessions, and the stream of the page where nobody is signed in."""

    def __init__(self, sign_in: SignIn, events: AllEvents, records: Records, streams: Streams, *, build: str) -> None:
        self._sign_in = sign_in
        self._events = events
        self._records = records
        self._streams = streams
        self._build = build

    def routes(self) -> list[web.RouteDef]:
        """Everything but the page itself."""
        return [
            needs(Open.ANYONE, "POST", "/api/session", self.post_session),
            needs(Open.ANYONE, "GET", "/api/session", self.get_session),
            needs(Open.SIGNED_IN, "DELETE", "/api/session", self.delete_session),
            needs(Open.SIGNED_IN, "POST", "/api/session/active", self.post_active),
            needs(Open.SIGNED_IN, "POST", "/api/session/secret", self.post_secret),
            needs(Open.AT_KIOSK, "GET", "/waiting/events", self.get_events),
        ]

    async def begin(self, badge: str, secret: str) -> SessionView:
        """Sign a program in; the token is in the answer. Raises AccessError: WRONG_SECRET, LOCKED, BUSY."""
        token, session = await self._sign_in.with_secret(badge.strip(), secret, program=True)
        return self._session_view(session, token)

    def view_of(self, request: web.Request) -> SessionView:
        """Who is asking, where somebody has to be signed in."""
        return self._session_view(session_of(request))

    async def post_session(self, request: web.Request) -> web.StreamResponse:
        """Sign in. 401 for a wrong badge or secret, 429 while the badge is locked."""
        wish = await asked(request, SignInRequest)
        token, session = await self._sign_in.with_secret(wish.badge.strip(), wish.secret, program=wish.bearer)
        response = self._view(session, token if wish.bearer else None, status=201)
        if not wish.bearer:
            response.set_cookie(COOKIE, token, path="/", httponly=True, samesite="Strict", secure=request.secure)
        return response

    async def get_session(self, request: web.Request) -> web.StreamResponse:
        """Who is signed in, and for how long still; 204 where nobody is."""
        session = present_session(request)
        return web.Response(status=204) if session is None else self._view(session)

    async def post_active(self, request: web.Request) -> web.StreamResponse:
        """Somebody is there: the session goes on."""
        return self._view(session_of(request))

    async def delete_session(self, request: web.Request) -> web.StreamResponse:
        """Sign out."""
        session = session_of(request)
        self._sign_in.sessions.end(session)
        await self._records.audited("sign_in.ended", subject=session.actor, actor=session.actor)
        response = web.Response(status=204)
        response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict", secure=request.secure)
        return response

    async def post_secret(self, request: web.Request) -> web.StreamResponse:
        """Change one's own secret."""
        wish = await asked(request, SecretRequest)
        await self._sign_in.change_secret(session_of(request), wish.secret, wish.new)
        return self._view(session_of(request))

    async def get_events(self, request: web.Request) -> web.StreamResponse:
        """How much waits, as server-sent events."""
        return await self._streams.serve(request, self)

    async def present(self) -> list[Message]:
        """How much waits now."""
        # What is with second line waits for nobody in this room.
        standing = await self._records.standing_alerts()
        alerts = [alert for alert in standing if alert.state is not AlertState.HANDED_OVER]
        # What is to be handled silently is not announced to a room in which nobody is signed in.
        loud = [alert.urgency for alert in alerts if alert_view.line(alert).tone != "quiet"]
        lanes = [view for view in self._events.present() if isinstance(view, LaneView)]
        waiting = Waiting(
            build=self._build,
            alerts=len(loud),
            urgency=min(loud, default=None),
            lanes=tuple(sorted(view.lane for view in lanes if view.state is LaneState.OFFICER)),
        )
        return [("waiting", msgspec.json.encode(waiting))]

    async def changed(self, event: Event) -> list[Message]:
        """The same, when it may have changed."""
        return await self.present() if isinstance(event, AlertChanged | LaneView) else []

    def _view(self, session: Session, token: str | None = None, *, status: int = 200) -> web.Response:
        return as_json(self._session_view(session, token), status)

    def _session_view(self, session: Session, token: str | None = None) -> SessionView:
        return SessionView(
            badge=session.badge,
            roles=session.roles,
            acts=tuple(sorted(act for act in session.acts if session.may(act))),
            must_change=session.must_change,
            left_s=round(self._sign_in.sessions.left_s(session), 1),
            token=token,
        )
