"""What a check says: clear, or refer to an officer, and why. The machine never decides about a person."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from hotspotd.domain.candidate import Determination, Hit
from hotspotd.domain.gateway_error import GatewayFault


class Outcome(StrEnum):
    """Result of the local check."""

    CLEAR = "clear"
    REFER = "refer"


class ReferReason(StrEnum):
    """Why a traveller is referred. The traveller is shown the same for each."""

    HIT = "hit"
    DOCUMENT_UNREADABLE = "document_unreadable"
    DOCUMENT_EXPIRED = "document_expired"
    FACE_NOT_CAPTURED = "face_not_captured"
    FINGER_NOT_CAPTURED = "finger_not_captured"
    LIVENESS_FAILED = "liveness_failed"
    LIVENESS_NOT_DONE = "liveness_not_done"
    CHIP_NOT_GENUINE = "chip_not_genuine"
    CHIP_MISMATCH = "chip_mismatch"
    CHIP_NOT_CHECKED = "chip_not_checked"
    PORTRAIT_MISMATCH = "portrait_mismatch"
    PORTRAIT_NOT_COMPARED = "portrait_not_compared"
    DEVICE_FAULT = "device_fault"
    CHECK_FAILED = "check_failed"
    INTERRUPTED = "interrupted"
    HELP_ASKED = "help_asked"
    TAKEN_OVER = "taken_over"
    OFFICER_OVERRIDE = "officer_override"
    GATEWAY_HIT = "gateway_hit"
    GATEWAY_ERROR = "gateway_error"
    PRINTS_REFUSED = "prints_refused"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The local result of one encounter. ``compute_ms`` is the time of all searches together."""

    outcome: Outcome
    reasons: tuple[ReferReason, ...] = ()
    hits: tuple[Hit, ...] = ()
    compute_ms: float = 0.0


class GatewayOutcome(StrEnum):
    """Result of the national gateway's check."""

    NO_HIT = "no_hit"
    HIT = "hit"
    ERROR = "error"


class GatewayAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway's reply to one transaction, whatever format it came in; or what several say together."""

    outcome: GatewayOutcome
    tcn: str
    """The reply's own control number."""
    tcr: str
    """The control number of the request it answers."""
    hits: tuple[Hit, ...] = ()
    determination: Determination = Determination.UNCONFIRMED
    """2.094 RDM, of the hit that is confirmed furthest; each hit has its own."""
    text: str = ""
    """2.063 INF, or the text of an error."""
    made_at: str = ""
    """When the gateway made it, by its own clock, ISO 8601 in UTC; empty where it does not say."""
    total: int = 0
    """How many hits the gateway has, those that are not in the reply too (2.064 RLS)."""
    faults: tuple[GatewayFault, ...] = ()
    """What an ERR names; empty where the reply could not be read."""
    withdrawn: tuple[str, ...] = ()
    """References of records of which the bureau says that they are not this person."""

    @property
    def unsent(self) -> int:
        """How many more hits the bureau has than it sent."""
        return max(0, self.total - len(self.hits))
