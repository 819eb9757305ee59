"""What the error codes of a MOSIP biometric service mean to whoever stands beside the scanner.

Codes 0 to 109: Secure Biometric Interface 0.9.5, "Error Codes"; 110 to 112, 202 and 701 are those of MOSIP's own mock
service and compliance kit. Every other code is its provider's own and comes with the provider's words.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.base import DriverError, DriverReason

SUCCESS = 0
NOTHING_THERE = frozenset({101, 701})
"""No finger was laid on the glass in time."""
BUSY = 111

_LONGEST_TEXT = 120
_KNOWN = {
    100: (DriverReason.DENIED, "the device is not registered: have its provider register it"),
    101: (DriverReason.BAD_IMAGE, "lay the fingers on the glass"),
    102: (DriverReason.BAD_IMAGE, "lift the fingers, then lay them down again"),
    103: (DriverReason.UNTRUSTED, "the device says that it was tampered with: take it out of service"),
    104: (DriverReason.DENIED, "its management server cannot be reached: look at the network"),
    105: (DriverReason.BAD_IMAGE, "lay the fingers straight on the glass, of the hand that is asked for"),
    106: (DriverReason.ABSENT, "plug the scanner in"),
    107: (DriverReason.UNTRUSTED, "the device's key has expired: have its provider renew it"),
    108: (DriverReason.DENIED, "the service lacks the domain's certificate: have its provider install it"),
    109: (DriverReason.UNSUPPORTED, "the scanner does not take that many fingers at once"),
    110: (DriverReason.BUSY, "the scanner is not ready: look at its cable, or wait"),
    BUSY: (DriverReason.BUSY, "another program uses the scanner"),
    112: (DriverReason.PROTOCOL, "the service refuses the request: look for a newer version of it"),
    202: (DriverReason.ABSENT, "plug the scanner in"),
    701: (DriverReason.BAD_IMAGE, "lay the fingers on the glass"),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """An ``error`` object of the service: its code and what the provider says."""

    code: int
    text: str = ""


def explained(failure: Failure) -> DriverError:
    """The DriverError for ``failure``."""
    reason, advice = _KNOWN.get(failure.code, (DriverReason.PROTOCOL, "ask the provider of the device's service"))
    said = "".join(letter for letter in failure.text[:_LONGEST_TEXT] if letter.isprintable())
    return DriverError(reason, f"error {failure.code} of the device's service" + (f" ({said})" if said else ""), advice)
