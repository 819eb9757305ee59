"""An emulated certified scanner: what it says of itself and of the fingers on it, signed as SBI 0.9.5 says, or wrongly.

Pure but for its state; ``sbi_service`` speaks HTTP for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivers.emulators.sbi_keys import Keys, Signer, base64url
from drivers.fingerprint.iso_record import Coding, coded, write_record
from drivers.fingerprint.sbi_capture import FIRST_HASH, NAMES, chained
from drivers.fingerprint.sbi_messages import FINGERS_OF, SPEC, SUB_ID

Image = NDArray[np.uint8]
WRONG = (
    "tampered", "unsigned", "no_algorithm", "other_algorithm", "foreign", "expired", "no_chain", "foreign_identity",
    "replayed", "broken_hash", "other_transaction", "other_device", "other_environment", "other_finger", "stale",
)  # fmt: skip
"""How it can be told to answer wrongly."""
_SLAPS = {sub_id: slap for slap, sub_id in SUB_ID.items()}
_SAYS = {
    100: "Device not registered",
    101: "Unable to detect a biometric object",
    102: "Technical error during extraction.",
    105: "Image orientation error",
    106: "Device not found",
    109: "Requested number of biometric (Finger/IRIS) not supported",
    111: "Device is Busy",
    112: "Invalid Transaction ID",
}


@dataclass(frozen=True, slots=True)
class Glass:
    """What lies there: ``each`` finger by its FGP code, ``any`` finger whichever is asked for, or the ``whole``."""

    each: Mapping[int, Image]
    any: Image | None = None
    whole: Image | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing does."""
        return not self.each and self.any is None and self.whole is None


class SbiDevice:
    """One scanner of slaps, or with ``slap=False`` of single fingers."""

    def __init__(self, keys: Keys, *, slap: bool, serial: str, dpi: int, coding: Coding) -> None:
        self._keys = keys
        self._slap = slap
        self._serial = serial
        self._dpi = dpi
        self._coding = coding
        self.port = 0
        self.there = True
        self.busy = False
        self.how = "right"
        self.status = "Ready"
        self.env = "Developer"
        self.purpose = "Registration"

    def _digital(self, serial: str) -> dict[str, str]:
        return {
            "serialNo": serial,
            "make": "Emulated",
            "model": "Slap" if self._slap else "Single",
            "type": "Finger",
            "deviceSubType": "Slap" if self._slap else "Single",
            "deviceProvider": "Emulated Device Provider",
            "deviceProviderId": "EMULATED",
            "dateTime": _now(),
        }

    def _described(self) -> dict[str, Any]:
        return {
            "deviceStatus": "Busy" if self.busy else self.status,
            "deviceId": "1",
            "firmware": "1.0",
            "certification": "L0",
            "serviceVersion": "0.9.5.1",
            "deviceSubId": ["1", "2", "3"] if self._slap else ["0"],
            "callbackId": f"http://127.0.0.1:{self.port}/",
            "deviceCode": "emulated-1",
            "env": self.env,
            "purpose": self.purpose,
            "specVersion": [SPEC],
        }

    def discovery(self) -> list[dict[str, Any]]:
        """The answer to MOSIPDISC."""
        if not self.there:
            return [{"error": error_of(106)}]
        bare = base64url(json.dumps(self._digital(self._serial)).encode())
        return [self._described() | {"digitalId": bare, "error": error_of(0)}]

    def info(self) -> list[dict[str, Any]]:
        """The answer to MOSIPDINFO."""
        if not self.there:
            return [{"deviceInfo": "", "error": error_of(106)}]
        described = self._described() | {"digitalId": self._identity()}
        if self.status == "Not Registered":
            return [{"deviceInfo": base64url(json.dumps(described).encode()), "error": error_of(100)}]
        return [{"deviceInfo": self._token(self._signer(), described), "error": error_of(0)}]

    def _identity(self, serial: str = "") -> str:
        signer = self._foreign.signer if self.how == "foreign_identity" else self._signer()
        return signer.token(self._digital(serial or self._serial))

    @cached_property
    def _foreign(self) -> Keys:
        """Of the same names, by other keys."""
        return Keys.make()

    def _signer(self) -> Signer:
        match self.how:
            case "foreign":
                return self._foreign.signer
            case "expired":
                return self._keys.expired()
            case "no_chain":
                return Signer(self._keys.signer.key, self._keys.signer.chain[:1])
            case _:
                return self._keys.signer

    def _token(self, signer: Signer, payload: Mapping[str, Any]) -> str:
        match self.how:
            case "tampered":
                head, _, signature = signer.token(payload).split(".")
                return f"{head}.{base64url(json.dumps(dict(payload) | {'firmware': '9'}).encode())}.{signature}"
            case "unsigned":
                return base64url(json.dumps(payload).encode())
            case "no_algorithm":
                head, body, _ = signer.token(payload, alg="none").split(".")
                return f"{head}.{body}."
            case "other_algorithm":
                return signer.token(payload, alg="HS256")
            case _:
                return signer.token(payload)

    def refusal(self, asked: Mapping[str, Any]) -> int:
        """The error code with which a capture is refused at once; 0 where it is not."""
        bio = asked["bio"][0]
        if not self.there or bio["deviceId"] != "1":
            return 106
        if self.busy:
            return 111
        if not asked["transactionId"]:
            return 112
        fits = asked["env"] == self.env and asked["purpose"] == self.purpose and asked["specVersion"] == SPEC
        if not fits or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", asked["captureTime"]):
            return 112
        return 0 if int(bio["count"]) == len(self._wanted(bio)) else 109

    def _wanted(self, bio: Mapping[str, Any]) -> list[int]:
        if not self._slap:
            return [0] if bio["deviceSubId"] == "0" else []
        excepted = set(bio["exception"])
        return [
            code for code in FINGERS_OF.get(_SLAPS.get(int(bio["deviceSubId"]), 0), ()) if NAMES[code] not in excepted
        ]

    def captured(self, asked: Mapping[str, Any], glass: Glass) -> bytes:
        """The answer to a capture of what lies on the glass. In a thread: pictures are coded and signed."""
        bio = asked["bio"][0]
        wanted = self._wanted(bio)
        pictures: list[tuple[int, Image | None]]
        if glass.whole is not None and self._slap:
            pictures = [(_SLAPS[int(bio["deviceSubId"])], glass.whole)]
        else:
            found = dict(glass.each)
            if glass.any is not None:
                found[wanted[0]] = glass.any
            pictures = [(code, found.get(code)) for code in wanted]
        blocks = []
        previous = bio["previousHash"] or FIRST_HASH
        for code, picture in pictures:
            if picture is None:
                blocks.append({"specVersion": SPEC, "data": "", "hash": "", "error": error_of(101)})
                continue
            record = write_record([coded(picture, self._dpi, code, self._coding)])
            previous = chained(previous, record)
            told = previous if self.how != "broken_hash" else chained(previous, record)
            data = self._token(self._signer(), self._data(asked, code, record))
            blocks.append({"specVersion": SPEC, "data": data, "hash": told, "error": error_of(0)})
        return json.dumps({"biometrics": blocks}).encode()

    def _data(self, asked: Mapping[str, Any], code: int, record: bytes) -> dict[str, Any]:
        wrong = self.how
        when = datetime.now(UTC) - (timedelta(days=1) if wrong == "stale" else timedelta())
        return {
            "digitalId": self._identity("230099999999" if wrong == "other_device" else ""),
            "deviceCode": "emulated-1",
            "deviceServiceVersion": "0.9.5.1",
            "bioType": "Finger",
            "bioSubType": NAMES.get((code % 10) + 1 if wrong == "other_finger" else code, "UNKNOWN"),
            "purpose": self.purpose,
            "env": "Staging" if wrong == "other_environment" else asked["env"],
            "bioValue": base64url(record),
            "transactionId": "another" if wrong == "other_transaction" else asked["transactionId"],
            "timestamp": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestedScore": asked["bio"][0]["requestedScore"],
            "qualityScore": "70",
        }


def error_of(code: int) -> dict[str, str]:
    """An ``error`` object."""
    return {"errorCode": str(code), "errorInfo": "Success" if code == 0 else _SAYS.get(code, "")}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
