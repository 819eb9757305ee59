"""What libfprint's errors mean to whoever stands beside the scanner.

Source: libfprint 1.94, FpDeviceRetry and FpDeviceError (fp-device.h); gusb 0.3, GUsbDeviceError (gusb-device.h).
"""

from __future__ import annotations

from typing import Any

from drivers.base import DriverError, DriverReason

RETRY_DOMAIN = "fp - device - retry - quark"
DEVICE_DOMAIN = "fp - device - error - quark"
USB_DOMAIN = "g-usb-device-error-quark"
CANCELLED_DOMAIN, CANCELLED_CODE = "g-io-error-quark", 19

_AGAIN = {
    1: "swipe again, more slowly",  # TOO_SHORT
    2: "lay the middle of the finger on the glass",  # CENTER_FINGER
    3: "lift the finger, then lay it down again",  # REMOVE_FINGER
}
_TAKEN = "another program has it: systemctl mask --now fprintd"
_DENIED = "give its USB device to a group of the daemon's user by a udev rule"

_DEVICE = {
    1: (DriverReason.UNSUPPORTED, "use a scanner that gives pictures"),  # NOT_SUPPORTED
    4: (DriverReason.BUSY, _TAKEN),  # BUSY
    0x100: (DriverReason.LOST, "check its cable"),  # REMOVED
    0x101: (DriverReason.BUSY, "it is too hot: let it cool"),  # TOO_HOT
}
_USB = {
    2: (DriverReason.TIMEOUT, "unplug it and plug it in again"),  # TIMED_OUT
    4: (DriverReason.LOST, "check its cable"),  # NO_DEVICE
    9: (DriverReason.DENIED, _DENIED),  # PERMISSION_DENIED
    10: (DriverReason.BUSY, _TAKEN),  # BUSY
}


def gone(place: str) -> DriverError:
    """The scanner at ``place`` has been taken away."""
    return DriverError(DriverReason.LOST, f"the fingerprint scanner at {place} has gone", "check its cable")


def explained(error: Any, place: str) -> DriverError:
    """The DriverError for this GLib.Error of the scanner at ``place``."""
    said = f"the fingerprint scanner at {place}: {error.message}"
    if error.domain == RETRY_DOMAIN:
        return DriverError(DriverReason.BAD_IMAGE, said, _AGAIN.get(error.code, "lay the finger down again"))
    if (error.domain, error.code) == (CANCELLED_DOMAIN, CANCELLED_CODE):
        return DriverError(DriverReason.LOST, f"{place} was closed while it was used")
    known = {DEVICE_DOMAIN: _DEVICE, USB_DOMAIN: _USB}.get(error.domain, {})
    reason, advice = known.get(error.code, (DriverReason.PROTOCOL, "unplug it and plug it in again"))
    return DriverError(reason, said, advice)
