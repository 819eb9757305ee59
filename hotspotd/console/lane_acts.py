"""What officers do at a lane, as the pages and other programs ask for it.

An act is answered when it is done and in the audit chain; where the lane has gone on meanwhile it is refused (409).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from hotspotd.console.answers import asked, one_line
from hotspotd.console.controls import LaneControls
from hotspotd.console.gate import actor, needs
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.officer import LaneAct, LaneOrder
from hotspotd.domain.rights import Act


class ActRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is posted. ``fingers`` are labels (``right_index``), ``lines`` those of a zone that was typed."""

    act: LaneAct
    reason: Annotated[str, Meta(max_length=32)] = ""
    note: Annotated[str, Meta(max_length=200)] = ""
    fingers: Annotated[tuple[str, ...], Meta(max_length=10)] = ()
    lines: Annotated[tuple[Annotated[str, Meta(max_length=100)], ...], Meta(max_length=3)] = ()


class LaneActs:
    """Handlers of officers' acts."""

    def __init__(self, lanes: Mapping[str, LaneControls]) -> None:
        self._lanes = lanes

    def routes(self) -> list[web.RouteDef]:
        """Any act, and the one that needs nothing said."""
        return [
            needs(Act.TAKE_OVER, "POST", "/api/lanes/{lane}/acts", self.post_act),
            needs(Act.TAKE_OVER, "POST", "/api/lanes/{lane}/next", self.post_next),
        ]

    async def post_act(self, request: web.Request) -> web.StreamResponse:
        """Have something done at the lane."""
        lane = self._lane(request)
        wish = await asked(request, ActRequest)
        try:
            fingers = tuple(FingerPosition.from_label(label) for label in wish.fingers)
        except KeyError as error:
            raise web.HTTPBadRequest(text="not an act: no such finger") from error
        note = one_line(wish.note)
        await lane.order(
            LaneOrder(act=wish.act, by=actor(request), reason=wish.reason, note=note, fingers=fingers, lines=wish.lines)
        )
        return web.Response(status=204)

    async def post_next(self, request: web.Request) -> web.StreamResponse:
        """The traveller was seen to: the lane goes on to the next."""
        await self._lane(request).order(LaneOrder(act=LaneAct.NEXT, by=actor(request)))
        return web.Response(status=204)

    def _lane(self, request: web.Request) -> LaneControls:
        lane = self._lanes.get(request.match_info["lane"])
        if lane is None:
            raise web.HTTPNotFound(text="no such lane")
        return lane
