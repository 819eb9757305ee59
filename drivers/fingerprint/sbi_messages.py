"""What a MOSIP biometric service says about its devices. Pure code: bytes and payloads in, frozen types out.

Secure Biometric Interface (SBI, formerly MOSIP Device Service) 0.9.5. Its drafts differ, and what services do is taken:
``errorcode`` beside ``errorCode``, sub ids as one text or a list, numbers as texts, ``Fingerprint`` beside ``Finger``.
An answer that makes no sense raises DriverError (PROTOCOL). Captures are in ``sbi_capture``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from drivers.base import DriverError, DriverReason
from drivers.fingerprint.sbi_errors import SUCCESS, Failure
from drivers.fingerprint.sbi_jwt import payload_of

FIRST_PORT, LAST_PORT = 4501, 4600
SPEC = "0.9.5"
PURPOSE = "Registration"
"""Devices of the other purpose, Auth, encrypt their pictures for MOSIP's own servers."""
ENVIRONMENTS = ("Staging", "Developer", "Pre-Production", "Production")
RIGHT_FOUR, LEFT_FOUR, THUMBS = 13, 14, 15
FINGERS_OF: Mapping[int, tuple[int, ...]] = {RIGHT_FOUR: (2, 3, 4, 5), LEFT_FOUR: (7, 8, 9, 10), THUMBS: (6, 1)}
"""FGP codes of each slap's fingers."""
SUB_ID: Mapping[int, int] = {LEFT_FOUR: 1, RIGHT_FOUR: 2, THUMBS: 3}
MOST_ENTRIES = 32
_LONGEST_TEXT = 256


def wrong(why: str) -> DriverError:
    """The error for an answer that makes no sense."""
    return DriverError(
        DriverReason.PROTOCOL, f"no answer of a biometric service: {why}", "look what listens on the port"
    )


def json_of(data: bytes) -> Any:
    """What the JSON in ``data`` says."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise wrong("no JSON") from error


def text_of(source: Mapping[str, Any], key: str) -> str:
    """A text or number under ``key`` as a bounded text, "" where there is none."""
    value = source.get(key)
    return str(value)[:_LONGEST_TEXT].strip() if isinstance(value, str | int | float) else ""


def failure_of(source: Mapping[str, Any]) -> Failure | None:
    """What an ``error`` object says; ``None`` where there is none, or it says success."""
    error = source.get("error")
    if not isinstance(error, Mapping):
        return None
    told = text_of(error, "errorCode") or text_of(error, "errorcode") or "0"
    text = text_of(error, "errorInfo") or text_of(error, "errorinfo")
    code = int(told) if told.isascii() and told.isdigit() and len(told) <= 6 else -1
    return None if code == SUCCESS else Failure(code, text or told)


def _entries(data: bytes) -> list[Mapping[str, Any]]:
    """The objects of an array; one that stands alone counts as one, as services answer errors so."""
    found = json_of(data)
    entries = found if isinstance(found, list) else [found]
    if len(entries) > MOST_ENTRIES or not all(isinstance(entry, Mapping) for entry in entries):
        raise wrong("no list of devices")
    return entries


@dataclass(frozen=True, slots=True)
class DigitalId:
    """Which device it is, as printed on it."""

    serial: str
    make: str
    model: str
    kind: str
    subtype: str
    provider: str

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> DigitalId:
        """From the payload of a digitalId."""
        keys = ("serialNo", "make", "model", "type", "deviceSubType", "deviceProvider")
        return cls(*(text_of(told, key) for key in keys))

    @property
    def takes_fingers(self) -> bool:
        """Whether it is a fingerprint scanner."""
        return self.kind.lower() in ("finger", "fingerprint")


def discovery_request() -> bytes:
    """For MOSIPDISC. Drafts name fingerprint scanners differently: every kind is asked for."""
    return json.dumps({"type": "Biometric Device"}).encode()


def discovered(data: bytes) -> tuple[DigitalId, ...]:
    """The devices in an answer to MOSIPDISC, with nothing in it where one does not say which it is as it should.

    Nothing here is signed: that there are devices is all that is to be taken from it.
    """
    found = []
    for entry in _entries(data):
        token = entry.get("digitalId")
        if "deviceId" in entry or token:
            try:
                told = payload_of(token if isinstance(token, str) else "", None, datetime.now(UTC))
            except DriverError:
                told = {}
            found.append(DigitalId.of(told))
    return tuple(found)


def read_info(data: bytes) -> tuple[tuple[str, Failure | None], ...]:
    """An answer to MOSIPDINFO: for each device its token ("" where there is none) and its error."""
    found = []
    for entry in _entries(data):
        token = entry.get("deviceInfo")
        found.append((token if isinstance(token, str) else "", failure_of(entry)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class ServiceDevice:
    """One device of a service, from its signed description."""

    device_id: str
    status: str
    sub_ids: tuple[int, ...]
    env: str
    purpose: str
    specs: tuple[str, ...]
    code: str
    version: str
    firmware: str
    certification: str
    digital: DigitalId

    @classmethod
    def of(cls, told: Mapping[str, Any], digital: DigitalId) -> ServiceDevice:
        """From the payload of a deviceInfo and that of the digitalId in it."""
        specs = told.get("specVersion")
        texts = specs if isinstance(specs, list) else [specs]
        return cls(
            device_id=text_of(told, "deviceId"),
            status=text_of(told, "deviceStatus"),
            sub_ids=_numbers(told.get("deviceSubId")),
            env=text_of(told, "env"),
            purpose=text_of(told, "purpose"),
            specs=tuple(text[:_LONGEST_TEXT] for text in texts[:MOST_ENTRIES] if isinstance(text, str)),
            code=text_of(told, "deviceCode"),
            version=text_of(told, "serviceVersion"),
            firmware=text_of(told, "firmware"),
            certification=text_of(told, "certification"),
            digital=digital,
        )

    @property
    def slaps(self) -> frozenset[int]:
        """FGP codes of the slaps it takes: none for a scanner of single fingers."""
        if self.digital.subtype.lower() != "slap":
            return frozenset()
        return frozenset(slap for slap, sub_id in SUB_ID.items() if sub_id in self.sub_ids or not any(self.sub_ids))


def _numbers(told: object) -> tuple[int, ...]:
    values = told if isinstance(told, list) else [told]
    texts = [str(value).strip() for value in values[:MOST_ENTRIES]]
    return tuple(int(text) for text in texts if text.isascii() and text.isdigit() and len(text) <= 3)


def stream_request(device: ServiceDevice) -> bytes:
    """For STREAM."""
    sub_id = next((number for number in device.sub_ids if number), 0)
    return json.dumps({"deviceId": device.device_id, "deviceSubId": str(sub_id)}).encode()
