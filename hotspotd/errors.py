"""The one error tree.

Every error carries a machine-readable ``reason``, ``what`` failed, and ``advice``: what the reader can do.
Nothing personal or biometric is ever put into one: errors are logged.
Drivers have a tree of the same shape of their own (``drivers.base.DriverError``), since they import nothing
from here.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why something failed, for machines."""

    # configuration
    UNREADABLE = "unreadable"
    UNKNOWN_KEY = "unknown_key"
    BAD_VALUE = "bad_value"
    MISSING_KEY = "missing_key"
    # domain
    BAD_MRZ = "bad_mrz"
    # biometrics
    NO_FINGER = "no_finger"
    FINGER_COUNT = "finger_count"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    BAD_IMAGE = "bad_image"
    BAD_TEMPLATE = "bad_template"
    MODEL_MISSING = "model_missing"
    MODEL_HASH = "model_hash"
    MODEL_SHAPE = "model_shape"
    MODEL_GRADE = "model_grade"
    NO_RUNTIME = "no_runtime"
    # watchlist
    DAMAGED = "damaged"
    WRONG_MODEL = "wrong_model"
    WRONG_VERSION = "wrong_version"
    NO_KEY = "no_key"
    UNTRUSTED = "untrusted"
    STALE = "stale"
    # records
    STORAGE_FULL = "storage_full"
    STORAGE_FAILED = "storage_failed"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    # relay
    LINK_DOWN = "link_down"
    LINK_REFUSED = "link_refused"
    LINK_PROTOCOL = "link_protocol"
    BAD_TRANSACTION = "bad_transaction"
    TOO_LARGE = "too_large"
    UNSIGNED = "unsigned"
    TAMPERED = "tampered"
    REPLAYED = "replayed"
    WRONG_OFFSET = "wrong_offset"
    # access
    NOT_SIGNED_IN = "not_signed_in"
    NOT_ALLOWED = "not_allowed"
    WRONG_SECRET = "wrong_secret"  # noqa: S105  # A reason, no secret.
    LOCKED = "locked"
    # provisioning
    REVOKED = "revoked"
    EXPIRED = "expired"
    WRONG_CODE = "wrong_code"
    # updates
    FAILED = "failed"
    # work
    BUSY = "busy"


class HotspotError(Exception):
    """Base of every error that hotspotd raises on purpose."""

    def __init__(self, reason: Reason, what: str, advice: str = "") -> None:
        super().__init__(reason, what, advice)
        self.reason = reason
        self.what = what
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.what} [{self.reason}]" + (f": {self.advice}" if self.advice else "")


class ConfigError(HotspotError):
    """The configuration cannot be used; names file, key and reason."""


class DocumentError(HotspotError):
    """The machine readable zone cannot be used."""


class ChipError(HotspotError):
    """What a document's chip holds, or the list of signing authorities, cannot be used."""


class BiometricError(HotspotError):
    """No template or score can be had from this input or with this model."""


class WatchlistError(HotspotError):
    """The watchlist snapshot cannot be opened, built or searched."""


class RecordsError(HotspotError):
    """The database could not read or write."""


class RelayError(HotspotError):
    """A transaction could not be made, read, sent or answered."""


class AccessError(HotspotError):
    """Somebody may not do this, or not yet."""


class LaneError(HotspotError):
    """A lane does not do what an officer asked of it."""


class UpkeepError(HotspotError):
    """A technician's work cannot be done, or not now."""


class RequestError(HotspotError):
    """What a page or a program asked for cannot be read."""


class GatewayError(HotspotError):
    """The reference gateway's database could not read or write; trying again may help."""


class ProvisioningError(HotspotError):
    """A device's identity or one of its secrets could not be made, read, renewed or erased."""


class UpdateError(HotspotError):
    """A version of the software cannot be fetched, trusted, installed or switched to."""


class WorkError(HotspotError):
    """A bounded worker refused or lost a piece of work."""
