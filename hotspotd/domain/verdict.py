"""What a check says: clear, or refer to an officer, and why. The machine never decides about a person."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from hotspotd.domain.candidate import Hit


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
    GATEWAY_HIT = "gateway_hit"


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
    """A gateway's reply to one transaction, whatever format it came in."""

    outcome: GatewayOutcome
    tcn: str
    """The reply's own control number."""
    tcr: str
    """The control number of the request it answers."""
    hits: tuple[Hit, ...] = ()
    determination: str = "UC"
    """2.094 RDM: UC unconfirmed, CO confirmed by the responding system, AC auto-confirmed."""
    text: str = ""
    """2.063 INF, or the text of an error."""
    withdrawn: tuple[str, ...] = ()
    """References of hits of earlier replies that the bureau has looked at and found to be somebody else."""
