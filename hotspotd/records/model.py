"""What the records hold, as other rooms see it."""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec

from hotspotd.domain.candidate import Determination, Hit
from hotspotd.domain.encounter import Encounter
from hotspotd.domain.verdict import GatewayAnswer, Verdict


class Kind(StrEnum):
    """What an outbox row carries."""

    TRANSACTION = "transaction"  # INT-I; the only one that is answered
    DECISION = "decision"  # JSON, as those below: an officer's, on a hit
    CHECKPOINT = "checkpoint"  # how far the audit chain is, sealed
    STATISTICS = "statistics"
    LOG = "log"


class Rank(IntEnum):
    """What goes first. Nothing is held up by what ranks below it."""

    LIVE = 1  # the traveller is in the lane and waits
    DECISION = 2
    BACKLOG = 3  # the traveller has gone
    STATISTICS = 4
    LOG = 5


class OutboxState(StrEnum):
    """Life of a row on its way to the gateway; ``records.outbox`` has the moves."""

    QUEUED = "queued"  # durable here, not handed to a link
    SENDING = "sending"  # handed to a link; not yet receipted by the gateway
    RECEIVED = "received"  # the gateway's receipt is stored; its reply is not here yet
    ANSWERED = "answered"  # the reply is stored, or the receipt of what gets none
    EXPIRED = "expired"  # its deadline passed before it could go
    QUARANTINED = "quarantined"  # set aside with its reason; needs a person


# What may pass its deadline: the gateway must have the others, however late.
PERISHABLE = frozenset((Kind.STATISTICS, Kind.LOG))


class OutboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row without its payload. ``size`` is the payload's in bytes when it came, ``link`` was the last to have it.

    Times are ISO 8601 as ``Stamp.iso`` gives them. ``encounter_id`` is ``None`` for what belongs to none.
    """

    tcn: str
    encounter_id: str | None
    kind: Kind
    rank: Rank
    lane: str = ""
    created_at: str
    deadline: str | None = None
    state: OutboxState = OutboxState.QUEUED
    attempts: int = 0
    last_error: str = ""
    link: str = ""
    size: int = 0


class OutboxDetail(OutboxRow, frozen=True, kw_only=True):
    """A row as a person looks into it. ``receipt`` is the gateway's, JSON as it came.

    ``held`` counts the bytes of the payload that are here now: none where it was dropped.
    """

    failed_at: str | None = None
    received_at: str | None = None
    receipt: str | None = None
    held: int = 0


class OutboxItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be relayed, fields as in ``OutboxRow``. ``payload`` is INT-I, or JSON for what is no transaction.

    Raises ValueError for a deadline on a kind that may not be lost.
    """

    tcn: str
    encounter_id: str | None = None
    kind: Kind
    rank: Rank
    lane: str = ""
    payload: bytes
    created_at: str
    deadline: str | None = None
    state: OutboxState = OutboxState.QUEUED
    attempts: int = 0
    last_error: str = ""
    link: str = ""

    def __post_init__(self) -> None:
        if self.deadline is not None and self.kind not in PERISHABLE:
            raise ValueError(f"a {self.kind} has no deadline")


class QueueState(msgspec.Struct, frozen=True, kw_only=True):
    """The outbox at a glance. Waiting is what is queued or being sent; every state and every rank has its count."""

    states: dict[OutboxState, int]
    ranks: dict[Rank, int]  # of what waits
    waiting_bytes: int = 0
    oldest: str | None = None  # when the oldest of what waits came
    last_error: str = ""  # of the latest failure that nothing has made good

    @property
    def waiting(self) -> int:
        """How many rows wait."""
        return sum(self.ranks.values())


class AlertKind(StrEnum):
    """Where an alert came from."""

    LOCAL = "local"  # the local watchlist
    GATEWAY = "gateway"  # the gateway, while the traveller was in the lane
    LATE = "late"  # the gateway, after the traveller had left
    TROUBLE = "trouble"  # no hit: something could not be captured or checked


class AlertState(StrEnum):
    """What has become of an alert."""

    OPEN = "open"
    AWAITING = "awaiting"  # one person has decided; another one has to agree
    HANDED_OVER = "handed_over"  # with second line, who decide
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    ESCALATED = "escalated"


class Decision(StrEnum):
    """What an officer does with an alert; HAND_OVER gives it to second line, REOPEN takes the last decision back."""

    CONFIRM = "confirm"
    DISMISS = "dismiss"
    ESCALATE = "escalate"
    HAND_OVER = "hand_over"
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
    determination: Determination
    state: AlertState
    raised_at: str
    decided_at: str | None = None
    decided_by: str | None = None
    decision_reason: str | None = None
    proposed: Decision | None = None
    """What ``decided_by`` would decide, and a second person has yet to agree to."""
    seconded_by: str | None = None
    handed_over_at: str | None = None
    handed_over_by: str | None = None
    unsent: int = 0
    """How many more hits the bureau has than it sent."""
    tcn: str = ""
    """The control number of its encounter's transaction; of the later one, where the fingers were sent again."""


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
    """The first of ``alerts``."""
    alerts: tuple[int, ...] = ()
    """Alerts that it raised or changed."""


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """How many travellers have left their lanes, and the alerts that their leaving gave cause for."""

    count: int
    alerts: tuple[int, ...] = ()
