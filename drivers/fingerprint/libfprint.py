"""Driver of the USB scanners that libfprint supports (U.are.U 4000/4500, UPEK, AuthenTec, Elan, ...).

Address: ``libfprint:///`` for the first scanner that gives pictures, ``libfprint:///uru4000?number=1`` for the second
one of libfprint's driver ``uru4000``; ``dpi=`` where libfprint does not know the resolution (default 500). Needs
Debian's python3-gi and gir1.2-fprint-2.0. Captures pictures only: nothing is matched or kept by the scanner.

libfprint ends a capture when the finger has been lifted, not before: ``capture`` returns then. Pictures come
with ridges dark, whatever the sensor does.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import numpy as np

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DriverError, DriverReason, FingerImage, FingerprintScanner
from drivers.fingerprint.libfprint_errors import explained, gone
from drivers.glib_thread import introspected
from drivers.glib_turns import GlibTurns, Turn

_log = logging.getLogger(__name__)

PACKAGES = "python3-gi gir1.2-fprint-2.0"
_DEFAULT_DPI = 500
_MM_PER_INCH = 25.4
# Opening loads firmware on some scanners, which takes a second or two; longer, it hangs.
_OPEN_S = 15.0


class LibfprintScanner(FingerprintScanner):
    """One scanner. All calls of libfprint are made in the GLib thread."""

    def __init__(self, address: DeviceAddress) -> None:
        address.require("libfprint", frozenset({"dpi", "number"}))
        self._address = address
        self._driver = address.path.strip("/")
        self._place = f"libfprint://{address.path}"
        self._number = address.integer("number", 0, 0, 15)
        self._dpi = address.integer("dpi", 0, 250, 1000)
        self._fprint = introspected("FPrint", "2.0", PACKAGES)
        self._gio = introspected("Gio", "2.0", PACKAGES)
        self._glib = introspected("GLib", "2.0", PACKAGES)
        self._turns = GlibTurns(self._place)
        # Belongs to the GLib thread, as everything does that libfprint gives.
        self._device: Any = None
        # Holds the USB connection; gusb's devices do not keep it alive.
        self._context: Any = None

    async def open(self) -> DeviceInfo:
        """Look for the scanner and open it. Raises DriverError (ABSENT, BUSY, DENIED, UNSUPPORTED, TIMEOUT)."""
        await self.close()
        self._turns.start()
        try:
            async with asyncio.timeout(_OPEN_S):
                info: DeviceInfo = await self._turns.run(self._open)
        except TimeoutError as error:
            await self.close()
            raise DriverError(
                DriverReason.TIMEOUT,
                f"the fingerprint scanner at {self._place} does not open",
                "unplug it for a moment",
            ) from error
        except BaseException:
            await self.close()
            raise
        return info

    async def close(self) -> None:
        """End what is being done and let go of the scanner; at most some seconds."""
        await self._turns.close(self._close)

    async def capture(self) -> FingerImage:
        """Wait for a finger and return its picture, once it is lifted; BAD_IMAGE where it is to be laid down again."""
        image: FingerImage = await self._turns.run(self._capture)
        return image

    async def wait_lifted(self) -> None:
        """Return when libfprint reports no finger on the glass."""
        await self._turns.run(self._wait_lifted)

    # What follows runs in the GLib thread.

    def _open(self, turn: Turn) -> None:
        context = self._fprint.Context.new()
        context.enumerate()
        device = self._chosen(context.get_devices())

        def opened(_: object, result: Any) -> None:
            try:
                device.open_finish(result)
            except self._glib.Error as error:
                turn.end(error=explained(error, self._place))
                return
            # Kept from here on only: one that did not open is not to be closed.
            self._device, self._context = device, context
            turn.end(self._info(device))

        device.open(self._cancellable(turn), opened)

    def _chosen(self, devices: list[Any]) -> Any:
        named = [device for device in devices if self._driver in ("", device.get_driver())]
        able = [device for device in named if device.has_feature(self._fprint.DeviceFeature.CAPTURE)]
        if named and not able:
            raise DriverError(
                DriverReason.UNSUPPORTED,
                f"the fingerprint scanner at {self._place} ({named[0].get_name()}) keeps its pictures to itself",
                "use a scanner that gives pictures, such as a U.are.U 4500",
            )
        if self._number >= len(able):
            there = ", ".join(device.get_driver() for device in devices) or "none"
            raise DriverError(
                DriverReason.ABSENT,
                f"there is no fingerprint scanner at {self._place}",
                f"plug it in, or correct its address; libfprint sees: {there}",
            )
        return able[self._number]

    def _info(self, device: Any) -> DeviceInfo:
        return DeviceInfo(
            "libfprint",
            str(self._address),
            model=device.get_name(),
            details={
                "libfprint driver": device.get_driver(),
                "device id": device.get_device_id(),
                "scan": device.get_scan_type().value_nick,
                "dpi": str(self._dpi) if self._dpi else f"as libfprint says, else {_DEFAULT_DPI}",
            },
        )

    def _capture(self, turn: Turn) -> None:
        device, cancellable = self._device, self._cancellable(turn)

        # libfprint leaves a capture waiting when its scanner is taken away before the driver has a transfer under way.
        def look(*_: object) -> None:
            if device.props.removed:
                cancellable.cancel()

        def captured(_: object, result: Any) -> None:
            device.disconnect(handler)
            try:
                image = device.capture_finish(result)
            except self._glib.Error as error:
                turn.end(error=gone(self._place) if device.props.removed else explained(error, self._place))
                return
            turn.end(self._picture(image))

        handler = device.connect("notify::removed", look)
        device.capture(True, cancellable, captured)
        look()

    def _picture(self, image: Any) -> FingerImage:
        pixels = np.frombuffer(bytes(image.get_data()), np.uint8).reshape(image.get_height(), image.get_width())
        told = round(image.get_ppmm() * _MM_PER_INCH)
        return FingerImage(pixels, self._dpi or (told if 250 <= told <= 1000 else _DEFAULT_DPI))

    def _wait_lifted(self, turn: Turn) -> None:
        device, present = self._device, self._fprint.FingerStatusFlags.PRESENT
        handler = 0

        def look(*_: object) -> None:
            # A scanner that has gone holds no finger; the next capture says that it has gone.
            if not device.get_finger_status() & present or device.props.removed:
                done()

        def done() -> None:
            device.disconnect(handler)
            turn.end()

        handler = device.connect("notify::finger-status", look)
        turn.cancel = done
        look()

    def _close(self, turn: Turn) -> None:
        device, context, self._device, self._context = self._device, self._context, None, None
        if device is None:
            turn.end()
            return

        def closed(_: object, result: Any) -> None:
            nonlocal context
            try:
                device.close_finish(result)
            except self._glib.Error as error:
                _log.debug("closing %s: %s", self._place, error.message)  # One that has gone cannot be closed.
            context = None
            turn.end()

        device.close(None, closed)

    def _cancellable(self, turn: Turn) -> Any:
        cancellable = self._gio.Cancellable()
        turn.cancel = cancellable.cancel
        return cancellable
