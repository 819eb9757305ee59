"""What is asked of a MOSIP biometric service for a capture, and what its answer says. Pure code.

Secure Biometric Interface 0.9.5, "Registration Capture". ``LF_INDEX`` of the early drafts is taken beside ``Left
IndexFinger``. An answer that makes no sense raises DriverError (PROTOCOL); one that is about something else, UNTRUSTED.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from drivers.base import DriverError, DriverReason
from drivers.fingerprint.sbi_errors import Failure
from drivers.fingerprint.sbi_jwt import decode_base64url
from drivers.fingerprint.sbi_messages import (
    FINGERS_OF,
    MOST_ENTRIES,
    PURPOSE,
    SPEC,
    SUB_ID,
    DigitalId,
    ServiceDevice,
    failure_of,
    json_of,
    text_of,
    wrong,
)

FIRST_HASH = hashlib.sha256(b"").hexdigest().upper()
"""``previousHash`` of the first capture: that of an empty text."""

NAMES: Mapping[int, str] = {
    1: "Right Thumb",
    2: "Right IndexFinger",
    3: "Right MiddleFinger",
    4: "Right RingFinger",
    5: "Right LittleFinger",
    6: "Left Thumb",
    7: "Left IndexFinger",
    8: "Left MiddleFinger",
    9: "Left RingFinger",
    10: "Left LittleFinger",
}
"""FGP code -> bioSubType."""
_POSITIONS = {name.upper(): code for code, name in NAMES.items()} | {
    f"{name[0]}F_{name.split(' ')[1].removesuffix('Finger').upper()}": code for code, name in NAMES.items()
}


def _other(why: str) -> DriverError:
    return DriverError(
        DriverReason.UNTRUSTED, f"the device's answer is not to what was asked: {why}", "look which service answers"
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """One capture as it is asked for. ``fingers`` are FGP codes, or (0,) for any finger; ``at`` is aware."""

    device: ServiceDevice
    transaction: str
    at: datetime
    timeout_s: float
    fingers: tuple[int, ...]
    slap: int
    score: int
    previous_hash: str

    @property
    def exceptions(self) -> tuple[int, ...]:
        """The fingers of the slap that are not asked for."""
        return tuple(code for code in FINGERS_OF.get(self.slap, ()) if code not in self.fingers)

    def request(self) -> bytes:
        """For RCAPTURE."""
        bio = {
            "type": self.device.digital.kind,
            "count": str(len(self.fingers)),
            "bioSubType": [NAMES.get(code, "UNKNOWN") for code in self.fingers],
            "exception": [NAMES[code] for code in self.exceptions],
            "requestedScore": str(self.score),
            "deviceId": self.device.device_id,
            "deviceSubId": str(SUB_ID.get(self.slap, 0)),
            "previousHash": self.previous_hash,
        }
        return json.dumps(
            {
                "env": self.device.env,
                "purpose": PURPOSE,
                "specVersion": SPEC,
                "timeout": str(round(1000 * self.timeout_s)),
                "captureTime": self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "transactionId": self.transaction,
                "bio": [bio],
                "customOpts": {},
            }
        ).encode()


@dataclass(frozen=True, slots=True)
class Block:
    """One entry of an answer to RCAPTURE: the token of its data and its hash, or what went wrong with it."""

    token: str
    digest: str
    failure: Failure | None


def read_capture(data: bytes) -> tuple[Block, ...]:
    """The entries of an answer to RCAPTURE, at least one."""
    found = json_of(data)
    entries = found.get("biometrics") if isinstance(found, Mapping) else None
    if entries is None and isinstance(found, Mapping) and (failure := failure_of(found)) is not None:
        return (Block("", "", failure),)
    if not isinstance(entries, list) or not 0 < len(entries) <= MOST_ENTRIES:
        raise wrong("no captures")
    blocks = []
    for entry in entries:
        if not isinstance(entry, Mapping):
            raise wrong("a capture that is no object")
        token, failure = entry.get("data"), failure_of(entry)
        if failure is None and not (isinstance(token, str) and token):
            raise wrong("a capture without data")
        blocks.append(Block(token if isinstance(token, str) else "", text_of(entry, "hash"), failure))
    return tuple(blocks)


@dataclass(frozen=True, slots=True)
class Captured:
    """The signed data of one capture: ``position`` an FGP code, 0 where it is not told; ``record`` as it came."""

    position: int
    record: bytes


def read_data(told: Mapping[str, Any], digital: DigitalId, asked: Asked, now: datetime, skew: timedelta) -> Captured:
    """The payload of a capture's data, whose digitalId says ``digital``, held against what was asked.

    Its time lies between the request and ``now``, give or take ``skew``. Raises DriverError (UNTRUSTED, PROTOCOL).
    """
    expected = {
        "transactionId": asked.transaction,
        "env": asked.device.env,
        "purpose": PURPOSE,
        "deviceCode": asked.device.code,
    }
    for key, wanted in expected.items():
        if text_of(told, key).lower() != wanted.lower():
            raise _other(f"another {key}")
    if (digital.serial, digital.make, digital.model) != (
        asked.device.digital.serial,
        asked.device.digital.make,
        asked.device.digital.model,
    ):
        raise _other("another device")
    if text_of(told, "bioType").lower() not in ("finger", "fingerprint", "fir"):
        raise _other("no fingerprint")
    taken = _time(text_of(told, "timestamp"))
    if not asked.at - skew <= taken <= now + skew:
        raise _other(f"taken at {taken:%Y-%m-%d %H:%M:%S} by the device's clock")
    value = told.get("bioValue")
    try:
        record = decode_base64url(value) if isinstance(value, str) else b""
    except ValueError as error:
        raise wrong("a bioValue that is no base64url") from error
    if not record:
        raise wrong("a capture without bioValue")
    return Captured(_POSITIONS.get(text_of(told, "bioSubType").upper(), 0), record)


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise wrong("a timestamp that is none") from error
    if found.tzinfo is None:
        raise wrong("a timestamp without a time zone")
    return found


def chained(previous: str, record: bytes) -> str:
    """``hash`` of a capture: SHA-256 over the previous one and the SHA-256 of the record, upper case hexadecimal.

    Over their bytes, as MOSIP's own service and client have it.
    """
    return hashlib.sha256(bytes.fromhex(previous) + hashlib.sha256(record).digest()).hexdigest().upper()


def check_chain(previous: str, record: bytes, told: str) -> str:
    """``told``, upper case, where it continues ``previous``; raises DriverError (UNTRUSTED).

    The standard's words can be read as over the hexadecimal texts as well: that is taken too.
    """
    texts = hashlib.sha256((previous + hashlib.sha256(record).hexdigest().upper()).encode()).hexdigest().upper()
    given = told.upper().encode()
    if not any(hmac.compare_digest(given, known.encode()) for known in (chained(previous, record), texts)):
        raise _other("a broken chain of hashes")
    return told.upper()
