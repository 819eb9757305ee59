"""A biometric service's answers, checked: the scanner that it describes, the pictures of a capture. Pure code.

Every signed part is verified before anything in it is believed (``sbi_jwt``), then held against what was asked
(``sbi_capture``). What is wrong raises DriverError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from drivers.base import DriverError, DriverReason, FingerImage
from drivers.fingerprint.iso_record import pixels_of, read_record
from drivers.fingerprint.sbi_capture import Asked, Captured, check_chain, read_capture, read_data
from drivers.fingerprint.sbi_errors import BUSY, NOTHING_THERE, explained
from drivers.fingerprint.sbi_jwt import Anchors, payload_of
from drivers.fingerprint.sbi_messages import FINGERS_OF, PURPOSE, SPEC, DigitalId, ServiceDevice, read_info


@dataclass(frozen=True, slots=True)
class Wanted:
    """The scanner that is looked for: its serial number and environment, "" for any."""

    serial: str = ""
    env: str = ""


def scanner_of(answer: bytes, wanted: Wanted, anchors: Anchors | None, now: datetime) -> ServiceDevice:
    """The first fingerprint scanner in an answer to MOSIPDINFO that is ``wanted`` and can be used.

    Raises DriverError (ABSENT, BUSY, DENIED, UNSUPPORTED, UNTRUSTED, PROTOCOL).
    """
    failure: DriverError | None = None
    for token, told in read_info(answer):
        # An unregistered device is described unsigned, beside its error.
        if told is not None and (not token or anchors is not None):
            failure = failure or explained(told)
            continue
        payload = payload_of(token, anchors, now)
        device = ServiceDevice.of(payload, _identity(payload, anchors, now))
        if device.digital.takes_fingers and wanted.serial in ("", device.digital.serial):
            _check_usable(device, wanted.env)
            return device
    named = f" with the serial number {wanted.serial}" if wanted.serial else ""
    raise failure or DriverError(
        DriverReason.ABSENT,
        f"the service has no fingerprint scanner{named}",
        "plug the scanner in, or correct its address",
    )


def _identity(payload: Mapping[str, Any], anchors: Anchors | None, now: datetime) -> DigitalId:
    token = payload.get("digitalId")
    return DigitalId.of(payload_of(token if isinstance(token, str) else "", anchors, now))


def _check_usable(device: ServiceDevice, env: str) -> None:
    status = device.status.lower()
    if status == "not registered":
        raise DriverError(DriverReason.DENIED, "it is not registered", "have its provider register it")
    if status == "not ready":
        raise DriverError(DriverReason.BUSY, "it is not ready", "look at its cable, or wait")
    if device.purpose.lower() != PURPOSE.lower():
        raise DriverError(
            DriverReason.UNSUPPORTED, f"it is for {device.purpose or 'nothing'}", f"use one for {PURPOSE}"
        )
    if SPEC not in device.specs:
        known = ", ".join(device.specs) or "no version"
        raise DriverError(DriverReason.UNSUPPORTED, f"it speaks {known} of SBI", f"use a service of SBI {SPEC}")
    if env and device.env != env:
        raise DriverError(DriverReason.UNSUPPORTED, f"it is registered for {device.env}", "correct env= in the address")


@dataclass(frozen=True, slots=True)
class Taken:
    """What a capture gave: no images where no finger was there in time; ``digest`` the hash of the last record."""

    images: tuple[FingerImage, ...]
    digest: str


class ServiceBusyError(Exception):
    """Another capture is under way; ``told`` is what to say when that goes on."""

    def __init__(self, told: DriverError) -> None:
        super().__init__(told)
        self.told = told


def taken_of(answer: bytes, asked: Asked, anchors: Anchors | None, now: datetime, skew: timedelta) -> Taken:
    """The pictures in an answer to RCAPTURE: of a slap those fingers that were there and could be taken.

    Raises ServiceBusyError, and DriverError: BAD_IMAGE where none could be taken but some were there, LOST where the
    scanner has gone, UNTRUSTED, PROTOCOL and what the service's error means.
    """
    images: dict[int, FingerImage] = {}
    digest = asked.previous_hash
    bad: DriverError | None = None
    for block in read_capture(answer):
        if block.failure is not None:
            error = explained(block.failure)
            if block.failure.code == BUSY:
                raise ServiceBusyError(error)
            if error.reason is not DriverReason.BAD_IMAGE:
                raise error
            if block.failure.code not in NOTHING_THERE:
                bad = error
            continue
        payload = payload_of(block.token, anchors, now)
        captured = read_data(payload, _identity(payload, anchors, now), asked, now, skew)
        digest = check_chain(digest, captured.record, block.digest)
        for image in _images(captured, asked):
            if image.position in images:
                raise DriverError(DriverReason.PROTOCOL, f"two pictures of finger {image.position}")
            images[image.position] = image
    if bad is not None and not images:
        raise bad
    return Taken(tuple(image for code, image in images.items() if code not in asked.exceptions), digest)


def _images(captured: Captured, asked: Asked) -> list[FingerImage]:
    """The pictures of one capture, whose record may hold several. The signed name and the record have to agree."""
    images = []
    for picture in read_record(captured.record):
        if captured.position and picture.position and captured.position != picture.position:
            raise DriverError(
                DriverReason.PROTOCOL,
                f"a capture of finger {captured.position} with a record of finger {picture.position}",
                "ask the provider of the device's service",
            )
        position = captured.position or picture.position
        if asked.slap and position not in (*FINGERS_OF[asked.slap], asked.slap):
            raise DriverError(
                DriverReason.BAD_IMAGE,
                f"finger {position} was given, and others were asked for",
                "lay the hand on the glass that is asked for",
            )
        images.append(FingerImage(pixels_of(picture), picture.dpi, position=position))
    return images
