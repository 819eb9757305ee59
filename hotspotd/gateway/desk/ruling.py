"""An officer's decision on a hit: what it must hold, and the reply that it makes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from hotspotd.clock import Clock, Stamp
from hotspotd.errors import GatewayError, Reason
from hotspotd.gateway.storage import Store
from hotspotd.gateway.storage.desk import DeskHit, HitState, Ruling
from hotspotd.relay.inquiry import Responder, compose_confirmed, compose_withdrawn
from hotspotd.relay.inti.transaction import Header
from hotspotd.relay.links.wire import digest

BADGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9./-]{0,31}")
SHORTEST_REASON: Final = 3
LONGEST_REASON: Final = 500


class Rulings:
    """Decides hits of one store. ``answered`` is told the device that has a further reply."""

    def __init__(self, store: Store, responder: Responder, clock: Clock, answered: Callable[[str], None]) -> None:
        self._store = store
        self._responder = responder
        self._clock = clock
        self._answered = answered

    async def rule(self, hit_id: int, state: HitState, by: str, reason: str) -> DeskHit:
        """Confirm or reject a hit; the reply to the device is stored with it. Returns the hit as it is now.

        Raises GatewayError: BAD_VALUE for a badge number or reason that is none, NOT_FOUND, CONFLICT for a hit that
        was decided before, and storage.
        """
        by, reason = by.strip(), " ".join(reason.split())
        if not BADGE.fullmatch(by):
            raise GatewayError(
                Reason.BAD_VALUE, "This is no badge number.", "Letters, digits, dots, strokes; at most 32."
            )
        if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON or not reason.isprintable():
            raise GatewayError(
                Reason.BAD_VALUE,
                "A decision needs its reason.",
                f"What did you see? {SHORTEST_REASON} to {LONGEST_REASON} characters.",
            )
        now = self._clock.now()
        ruling = Ruling(state=state, by=by, reason=reason, at=now.iso())
        hit = await self._store.desk.decide(hit_id, ruling, lambda asked, hit: self._reply(asked, hit, now))
        self._answered(hit.device)
        return hit

    def _reply(self, asked: Header, hit: DeskHit, now: Stamp) -> bytes:
        record = hit.hit.record
        # Made from what is answered, so that it is a number of its own, and the same however often it is made.
        tcn = "R" + digest(f"{hit.device}/{hit.tcn}/{record.owner}/{record.reference}/{hit.state}".encode())[:31]
        if hit.state is HitState.CONFIRMED:
            return compose_confirmed(asked, tcn, hit.hit, self._responder, now)
        return compose_withdrawn(asked, tcn, (record.reference,), self._responder, now)
