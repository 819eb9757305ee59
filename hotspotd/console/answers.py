"""What handlers have in common: requests and answers in JSON, numbers in addresses, what people type."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from aiohttp import web

from hotspotd.errors import Reason, RequestError

T = TypeVar("T")


def as_json(value: Any, status: int = 200) -> web.Response:
    """``value`` as JSON."""
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")


async def asked(request: web.Request, into: type[T]) -> T:
    """What was asked, as ``into``. Raises RequestError (BAD_VALUE), for the asker alone: it may quote a value."""
    try:
        return msgspec.json.decode(await request.read(), type=into)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RequestError(
            Reason.BAD_VALUE, f"the request cannot be read: {error}", "Look at the page again."
        ) from error


def one_line(text: str) -> str:
    """What somebody typed, as one line: what cannot be printed is a space."""
    return "".join(character if character.isprintable() else " " for character in text).strip()


def alert_number(request: web.Request) -> int:
    """The alert that the address names. Raises HTTPNotFound for what is no number."""
    text = request.match_info["alert"]
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise web.HTTPNotFound(text="no such alert")
    return int(text)
