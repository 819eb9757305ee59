"""What the records hold, as other rooms see it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from hotspotd.domain.candidate import Hit
from hotspotd.domain.encounter import Encounter
from hotspotd.domain.verdict import GatewayAnswer, Verdict


class OutboxState(StrEnum):
    """Life of a transaction on its way to the gateway."""

    QUEUED = "queued"  # durable here, not yet receipted by the gateway
    RECEIVED = "received"  # the gateway's receipt is stored; its reply is not here yet
    ANSWERED = "answered"
    QUARANTINED = "quarantined"  # set aside with its reason; needs a person


class OutboxItem(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction to be relayed. ``priority`` 1 (first) to 9 as in 1.006 PRY; ``payload`` is INT-I."""

    tcn: str
    encounter_id: str
    kind: str
    priority: int
    payload: bytes
    created_at: str
    state: OutboxState = OutboxState.QUEUED
    attempts: int = 0
    last_error: str = ""


class AlertKind(StrEnum):
    """Where an alert came from."""

    LOCAL = "local"  # the local watchlist
    GATEWAY = "gateway"  # the gateway, while the traveller was in the lane
    LATE = "late"  # the gateway, after the traveller had left
    TROUBLE = "trouble"  # no hit: something could not be captured or checked


class AlertState(StrEnum):
    """What has become of an alert."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    ESCALATED = "escalated"


class Decision(StrEnum):
    """What an officer does with an alert; REOPEN takes the last decision back."""

    CONFIRM = "confirm"
    DISMISS = "dismiss"
    ESCALATE = "escalate"
    REOPEN = "reopen"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One thing an officer has to look at. ``urgency`` 1 (most) to 4; ``determination`` as in 2.094 RDM."""

    alert_id: int
    encounter_id: str
    lane: str
    kind: AlertKind
    urgency: int
    hits: tuple[Hit, ...]
    reasons: tuple[str, ...]
    determination: str
    state: AlertState
    raised_at: str
    decided_at: str | None = None
    decided_by: str | None = None
    decision_reason: str | None = None


class EncounterRow(msgspec.Struct, frozen=True, kw_only=True):
    """An encounter as a line in a list; nothing personal in it."""

    encounter_id: str
    tcn: str
    lane: str
    opened_at: str
    local_outcome: str | None
    local_ms: float | None
    gateway_outcome: str | None
    released_at: str | None


class StoredEncounter(msgspec.Struct, frozen=True, kw_only=True):
    """An encounter with everything that came of it; samples without their pictures."""

    encounter: Encounter
    verdict: Verdict | None = None
    answer: GatewayAnswer | None = None
    answered_at: str | None = None
    released_at: str | None = None
    erased_at: str | None = None


class StoredAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What storing a gateway's answer came to.

    ``new`` is false for a copy of an answer that is stored already; ``encounter_id`` is ``None`` for an answer
    to a transaction that this device does not know.
    """

    encounter_id: str | None
    lane: str | None
    new: bool
    late: bool = False
    alert_id: int | None = None
