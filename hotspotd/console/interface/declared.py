"""What an operation of the interface is: one declaration that makes its route and its description, which cannot differ.

Promises that a handler is called with what its declaration says and nothing else: parameters and body are read into
the declared types, and what does not fit is refused with 400 before it runs. Whatever is refused under ``PREFIX`` is
answered with a ``Problem`` as JSON.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from types import UnionType
from typing import Any, Final, Generic, TypeVar

import msgspec
from aiohttp import web

from hotspotd.console.gate import Handler, Need, needs
from hotspotd.errors import Reason

PREFIX: Final = "/api/v1"
VERSION: Final = "1.0"
"""Of the interface. The first number is that of the prefix; the second grows when something is added."""

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"

P = TypeVar("P")
_REASONS = {400: Reason.BAD_VALUE, 403: Reason.NOT_ALLOWED, 404: Reason.NOT_FOUND, 413: Reason.TOO_LARGE}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why something was not done: ``reason`` for machines, ``what`` failed, ``advice``: what can be done about it."""

    reason: str
    what: str
    advice: str = ""


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operation without parameters."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read: ``path``, ``query`` and ``body`` are of the types that the operation declares."""

    request: web.Request
    path: Any
    query: Any
    body: Any


@dataclass(frozen=True, slots=True)
class Operation(Generic[P]):
    """One operation. ``handler`` is told the parts of the console and the call; its docstring describes it.

    ``gives`` is the type of the answer, ``None`` for one without a body, ``media`` what it is sent as. ``refuses`` are
    the statuses of its own refusals, besides those that follow from what it needs and takes.
    """

    method: str
    path: str
    need: Need
    handler: Callable[[P, Call], Awaitable[object]]
    group: str
    gives: Any = None
    status: HTTPStatus = HTTPStatus.OK
    media: str = JSON
    path_type: type[msgspec.Struct] = NoParameters
    query_type: type[msgspec.Struct] = NoParameters
    takes: type[msgspec.Struct] | UnionType | None = None
    refuses: tuple[HTTPStatus, ...] = ()

    @property
    def name(self) -> str:
        """What programs that are generated from the description call it."""
        return self.handler.__name__

    def route(self, parts: P) -> web.RouteDef:
        """The route of this operation on ``parts``."""

        async def answer(request: web.Request) -> web.StreamResponse:
            given = await self.handler(parts, await self._read(request))
            if isinstance(given, web.StreamResponse):
                return given
            body = None if self.gives is None else msgspec.json.encode(given)
            return web.Response(status=self.status, body=body, content_type=JSON if body is not None else None)

        return needs(self.need, self.method, PREFIX + self.path, answer)

    async def _read(self, request: web.Request) -> Call:
        repeated = len(request.query) != len(set(request.query))
        if repeated:
            raise web.HTTPBadRequest(text="a parameter is given twice")
        try:
            path = msgspec.convert(dict(request.match_info), self.path_type, strict=False)
            query = msgspec.convert(dict(request.query), self.query_type, strict=False)
            body = None if self.takes is None else await _body(request, self.takes)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise web.HTTPBadRequest(text=f"cannot be read: {error}") from error
        return Call(request, path, query, body)


async def _body(request: web.Request, into: type[msgspec.Struct] | UnionType) -> msgspec.Struct:
    if request.content_type != JSON:
        raise web.HTTPUnsupportedMediaType(text=f"a body of type {JSON} is asked for")
    body: msgspec.Struct = msgspec.json.decode(await request.read(), type=into)
    return body


@web.middleware
async def problems_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what aiohttp or a handler refuses under ``PREFIX`` with a ``Problem``."""
    try:
        return await handler(request)
    except web.HTTPClientError as error:
        if not request.path.startswith(f"{PREFIX}/"):
            raise
        phrase = HTTPStatus(error.status).phrase.lower()
        reason = _REASONS.get(error.status, phrase.replace(" ", "_"))
        text = error.text or ""
        # aiohttp's own words begin with the status.
        what = phrase if text.startswith(str(error.status)) else text
        headers = {name: error.headers[name] for name in ("Allow", "Retry-After") if name in error.headers}
        problem = Problem(reason=reason, what=what, advice=f"The description is {PREFIX}/openapi.json.")
        return web.Response(status=error.status, body=msgspec.json.encode(problem), content_type=JSON, headers=headers)
