"""What handlers have in common: answers in JSON, and numbers in addresses."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web


def as_json(value: Any) -> web.Response:
    """``value`` as JSON."""
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def alert_number(request: web.Request) -> int:
    """The alert that the address names. Raises HTTPNotFound for what is no number."""
    text = request.match_info["alert"]
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise web.HTTPNotFound(text="no such alert")
    return int(text)
