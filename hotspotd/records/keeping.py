"""How long an encounter is kept, and why: pure rules. docs/privacy.md has them as a table.

Time counts from when a trusted clock first saw the encounter: what was recorded before the clock was set is neither
erased at once nor kept for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from hotspotd.clock import Stamp


@dataclass(frozen=True, slots=True)
class Keeping:
    """Hours: of what has no hit, after the answer; of a hit, after it was handed over; of everything, at most."""

    clear_hours: float
    hit_hours: float
    longest_hours: float


class Why(StrEnum):
    """Why an encounter is held."""

    NO_HIT = "no_hit"  # its time runs since the gateway's answer
    HANDED_OVER = "handed_over"  # a hit that was decided and reported: its time runs
    NOT_CHECKED = "not_checked"
    NOT_ANSWERED = "not_answered"  # to be sent, or the gateway's answer is not here
    NOT_SEARCHED = "not_searched"  # the gateway answered with an error
    NOT_DECIDED = "not_decided"  # an alert is open
    NOT_HANDED_OVER = "not_handed_over"  # decided, and the gateway does not know yet
    LEGAL_HOLD = "legal_hold"


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules look at; nothing personal. Times as ``Stamp.iso`` gives them."""

    encounter_id: str
    tcn: str
    lane: str
    operation: str
    recorded_at: str
    kept_from: str | None
    local_outcome: str | None
    gateway_outcome: str | None
    answered_at: str | None
    released_at: str | None
    hit: bool
    open_alerts: int
    decided_at: str | None
    unsent: bool
    unreported: bool
    received_at: str | None
    held_since: str | None


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """Why, and until when: ``None`` for as long as there is the reason, or as no clock was trusted."""

    why: Why
    until: str | None


def term(held: Held, keeping: Keeping) -> Term:
    """How long ``held`` is kept by ``keeping``, as things stand."""
    if held.held_since is not None:
        return Term(why=Why.LEGAL_HOLD, until=None)
    why = _why(held)
    if held.kept_from is None:
        return Term(why=why, until=None)
    until = _later(held.kept_from, keeping.longest_hours)
    if why is Why.NO_HIT:
        until = min(until, _later(max(held.kept_from, held.answered_at or ""), keeping.clear_hours))
    elif why is Why.HANDED_OVER:
        since = max(held.kept_from, held.answered_at or "", held.decided_at or "", held.received_at or "")
        until = min(until, _later(since, keeping.hit_hours))
    return Term(why=why, until=until)


def _why(held: Held) -> Why:
    if held.local_outcome is None:
        return Why.NOT_CHECKED
    if held.open_alerts:
        return Why.NOT_DECIDED
    if held.gateway_outcome is None or (held.unsent and not held.hit):
        return Why.NOT_ANSWERED
    if held.hit:
        return Why.NOT_HANDED_OVER if held.unsent or held.unreported else Why.HANDED_OVER
    return Why.NOT_SEARCHED if held.gateway_outcome == "error" else Why.NO_HIT


def _later(moment: str, hours: float) -> str:
    return Stamp(datetime.fromisoformat(moment) + timedelta(hours=hours), trusted=True).iso()
