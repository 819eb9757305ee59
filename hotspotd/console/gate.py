"""The gate: what each address needs, and who is asking. The only place where the pages' rights are enforced.

A route is made with ``needs``; one that was not is refused, whoever asks. Rights themselves are ``domain.rights``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final
from urllib.parse import quote

from aiohttp import web

from hotspotd.access.sessions import Session, Sessions
from hotspotd.domain.rights import Act
from hotspotd.errors import AccessError, Reason

COOKIE: Final = "hotspot"
_SESSION: Final = web.RequestKey("session", Session)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Open(Enum):
    """What needs nobody to be signed in."""

    ANYONE = "anyone"
    """Whoever reaches the kiosk: styles, scripts, signing in. Nothing about anybody."""
    AT_KIOSK = "at the kiosk"
    """The kiosk's own screens, on loopback: the travellers' pages."""
    SIGNED_IN = "signed in"
    """Whoever is signed in, whatever the role: one's own session."""


Need = Act | Open


class Guarded:
    """A handler and what it needs. ``page``: it is looked at by a person, who is shown the way instead of an error."""

    def __init__(self, need: Need, handler: Handler, *, page: bool) -> None:
        self.need = need
        self.page = page
        self._handler = handler

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        return await self._handler(request)


def needs(need: Need, method: str, path: str, handler: Handler, *, page: bool = False) -> web.RouteDef:
    """A route that is answered only where ``need`` is met."""
    guarded = Guarded(need, handler, page=page)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await guarded(request)

    answer.guarded = guarded  # type: ignore[attr-defined]  # aiohttp takes functions only; the gate reads this.
    return web.RouteDef(method, path, answer, {})


def guarded_of(handler: object) -> Guarded | None:
    """What was said of ``handler`` with ``needs``; ``None`` where nothing was."""
    found = getattr(handler, "guarded", None)
    return found if isinstance(found, Guarded) else None


def session_of(request: web.Request) -> Session:
    """Who is asking. Only in handlers that need somebody to be signed in."""
    return request[_SESSION]


def present_session(request: web.Request) -> Session | None:
    """Who is asking, where somebody is signed in; for handlers that need nobody to be."""
    return request.get(_SESSION)


def actor(request: web.Request) -> str:
    """Whose doing it is, for the audit chain."""
    return session_of(request).actor


class Gate:
    """Lets requests through to their handlers, or says why not."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def session(self, request: web.Request) -> Session | None:
        """The session that the request's cookie or bearer token names."""
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._sessions.of(bearer.strip())
        token = request.cookies.get(COOKIE)
        return self._sessions.of(token) if token else None

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer, or raise AccessError (NOT_SIGNED_IN, NOT_ALLOWED)."""
        if request.match_info.http_exception is not None:
            return await handler(request)  # No such address: says so.
        guarded = guarded_of(request.match_info.handler)
        if guarded is None:
            raise AccessError(Reason.NOT_ALLOWED, "nobody is let in here", "This is a defect: report it.")
        session = self.session(request)
        if session is not None:
            request[_SESSION] = session
            # Reading does not keep a page signed in, since pages read by themselves.
            if session.program or request.method not in ("GET", "HEAD"):
                self._sessions.touch(session)
        try:
            _check(guarded.need, session, request)
        except AccessError as error:
            if guarded.page and error.reason is Reason.NOT_SIGNED_IN:
                raise web.HTTPSeeOther(f"/sign-in?to={quote(request.path, safe='/')}") from error
            raise
        return await handler(request)


def _check(need: Need, session: Session | None, request: web.Request) -> None:
    if need is Open.ANYONE:
        return
    if need is Open.AT_KIOSK:
        if not is_here(request):
            raise AccessError(Reason.NOT_ALLOWED, "served to the kiosk's own screens only", "Look at the kiosk itself.")
        return
    if session is None:
        raise AccessError(Reason.NOT_SIGNED_IN, "nobody is signed in", "Sign in first.")
    if isinstance(need, Act) and not session.may(need):
        if session.must_change:
            raise AccessError(Reason.NOT_ALLOWED, "the secret is to be changed first", "Change it at /sign-in.")
        raise AccessError(
            Reason.NOT_ALLOWED,
            f"not for {' and '.join(session.roles)}s",
            "Ask somebody whose part it is.",
        )


def is_here(request: web.Request) -> bool:
    """Whether the kiosk's own screen is asking."""
    if request.remote is None:
        return False
    try:
        return ipaddress.ip_address(request.remote).is_loopback
    except ValueError:
        return False
