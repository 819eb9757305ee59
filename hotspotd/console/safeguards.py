"""What holds for every request and answer of the console, whatever is asked.

A request names this kiosk and, where it changes something, comes from one of its own pages or from a program; what is
refused is answered as JSON with its reason; and every answer forbids the browser what no page of ours needs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from hotspotd.console.gate import COOKIE, Handler
from hotspotd.console.interface.declared import PREFIX
from hotspotd.errors import HotspotError, Reason

log = logging.getLogger(__name__)

_STATUS: Final = {
    Reason.BAD_VALUE: 400,
    Reason.UNKNOWN_KEY: 400,
    Reason.MISSING_KEY: 400,
    Reason.NOT_SIGNED_IN: 401,
    Reason.WRONG_SECRET: 401,
    Reason.NOT_ALLOWED: 403,
    Reason.NOT_FOUND: 404,
    Reason.CONFLICT: 409,
    Reason.LOCKED: 429,
    Reason.BUSY: 503,
    Reason.STORAGE_FULL: 507,
}

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=(), serial=()",
}


class Names(Protocol):
    """Under which names, with their ports, the kiosk is asked in the clear and, ``secure``, over TLS."""

    def __call__(self, *, secure: bool) -> frozenset[str]:
        """In small letters."""
        ...


def with_port(names: Iterable[str], port: int, usual: int) -> frozenset[str]:
    """What ``Host`` says of a server at ``port``: ``usual`` need not be said."""
    names = frozenset(names)
    return frozenset(f"{name}:{port}" for name in names) | (names if port == usual else frozenset())


def from_ours(names: Names) -> Middleware:
    """Refuse what is asked under another name, and changes asked for by a page of another origin."""

    # A page elsewhere can neither read (DNS rebinding gives a foreign Host) nor act (browsers send Origin with all that
    # changes something, and scripts of other pages cannot leave it out). A program that shows a bearer token is no
    # page: no browser adds one by itself.
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.host.lower() not in names(secure=request.secure):
            raise web.HTTPForbidden(text="asked under a name that is not this kiosk's")
        is_ours = request.headers.get("Origin") == f"{request.scheme}://{request.host}"
        if request.method not in ("GET", "HEAD") and not is_ours and not _is_program(request):
            raise web.HTTPForbidden(text="not asked by a page of this kiosk: the Origin header is missing or another's")
        return await handler(request)

    return middleware


def _is_program(request: web.Request) -> bool:
    if request.headers.get("Authorization", "").lower().startswith("bearer "):
        return True
    # Without Origin no page asks, and without a cookie nobody is who asks: they may sign in there, by JSON only.
    return request.path.startswith(f"{PREFIX}/") and "Origin" not in request.headers and COOKIE not in request.cookies


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what was raised with its reason, what failed and what to do."""
    try:
        return await handler(request)
    except HotspotError as error:
        status = _STATUS.get(error.reason, 500)
        log.log(logging.WARNING if status >= 500 else logging.DEBUG, "console: %s", error)
        body = {"reason": error.reason, "what": error.what, "advice": error.advice}
        return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """A signal handler: every answer, before it is sent."""
    response.headers.update(SECURITY_HEADERS)
    if request.secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    # Pictures and states of people are not kept by the browser.
    response.headers.setdefault("Cache-Control", "no-store")
