"""Several links to one gateway: which of them is used, and what is known of each.

Links stand in order of preference. A link that fails is left alone for a growing time, then probed; meanwhile the next
one that may carry the message is used. A preferred link that comes back is used again when it has answered twice, so
that one which flaps does not take every message with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field

from hotspotd.errors import Reason, RelayError
from hotspotd.records.model import Rank
from hotspotd.relay.backoff import Backoff
from hotspotd.relay.links.base import Link
from hotspotd.relay.pace import Pacer

# As the courier's own.
logger = logging.getLogger("hotspotd.relay.courier")

ALL_RANKS = frozenset(Rank)
# The other side does not want us: asked rarely from the first time on.
_JUMP = frozenset((Reason.LINK_REFUSED, Reason.REVOKED, Reason.STALE))
_STEADY = 2


@dataclass(slots=True)
class Route:
    """One link with what it may carry, and how it has been."""

    link: Link
    pacer: Pacer
    backoff: Backoff
    carries: frozenset[Rank] = ALL_RANKS
    metered: bool = False
    up: bool | None = None
    """``None``: not tried yet."""
    last_error: str = ""
    complained: bool = False
    revoked: bool = False
    """The gateway has said that it has revoked this device's certificate."""
    send_failed: bool = False
    """Sending failed since it last worked: that something else works says nothing."""
    answered: int = 0
    """Probes in a row that were answered since it was down."""
    received: int = 0
    """Bytes of messages of the gateway's that came this way."""
    handed: dict[str, float] = field(default_factory=dict)
    """Control numbers that are on their way, and when (monotonic) they are sent again."""

    @property
    def name(self) -> str:
        """The link's name."""
        return self.link.name


class Routes:
    """The links of one kiosk, most preferred first."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.all = tuple(routes)
        self._news = asyncio.Event()

    def best(self, rank: Rank) -> Route | None:
        """The most preferred link that is not down and may carry ``rank``."""
        return next((route for route in self.all if route.up is not False and rank in route.carries), None)

    @property
    def active(self) -> Route | None:
        """The link that a live check takes, or else the first that is up at all."""
        return self.best(Rank.LIVE) or next((route for route in self.all if route.up), None)

    @property
    def up(self) -> bool:
        """Whether the gateway can be reached."""
        return any(route.up for route in self.all)

    def listens(self, route: Route) -> bool:
        """Whether what the gateway has to say is asked for on this link."""
        return route.up is not False and (route is self.active or bool(route.handed))

    def worked(self, route: Route, *, sent: bool) -> bool:
        """``route`` did what it was asked for; whether it came up by that.

        One that failed to send comes up by sending, or by a probe: not by an answer that was under way.
        """
        if sent:
            route.send_failed = False
        elif route.up is False:
            return False
        if not route.send_failed:
            route.backoff.reset()
        return self._came_up(route)

    def probed(self, route: Route) -> bool:
        """A link that was down has answered a probe; whether it is used from now on."""
        route.answered += 1
        others = any(other.up for other in self.all if other is not route)
        return (route.answered >= _STEADY or not others) and self._came_up(route)

    def failed(self, route: Route, error: RelayError, *, sending: bool) -> None:
        """``route`` has failed: what it carried goes another way. The first failure is a warning, repeats whisper."""
        logger.log(logging.DEBUG if route.complained else logging.WARNING, "courier: %s: %s", route.name, error)
        route.complained = True
        if error.reason in _JUMP:
            route.backoff.jump()
        route.send_failed = route.send_failed or sending
        route.revoked = error.reason is Reason.REVOKED
        route.up, route.answered, route.last_error = False, 0, str(error)
        self.stir()

    def forgive(self) -> None:
        """What failed is tried anew: this device shows another certificate from now on."""
        for route in self.all:
            if route.up is False:
                route.up = None
                route.backoff.reset()
                route.revoked = False
        self.stir()

    def stir(self) -> None:
        """Wake whoever waits for a change."""
        self._news.set()
        self._news = asyncio.Event()

    def change(self) -> Coroutine[object, object, object]:
        """To be awaited: until something is different from now, which is when this is called."""
        return self._news.wait()

    def _came_up(self, route: Route) -> bool:
        if route.up:
            return False
        if route.complained:
            logger.info("courier: the gateway answers again by %s", route.name)
        route.up, route.answered, route.last_error, route.complained = True, 0, "", False
        route.revoked = False
        self.stir()
        return True
