"""A Raspberry Pi camera module through Picamera2, which comes with Raspberry Pi OS.

Address: ``picamera2:///0?width=1280&height=720&preview=640&fps=15&exposure=auto&gain=1&focus=auto&limit=5``; the path
is the camera's number. ``width`` and ``height`` are the main stream's, ``preview`` the width of a second, smaller
stream of the same instants (0: none), which the image processor makes at no cost to the CPU. ``exposure`` is
``auto`` or milliseconds, then with ``gain``; ``focus`` is ``auto`` (continuous, where the module can) or dioptres.

A pipeline that stops giving pictures is LOST; closing cancels what hangs in it, and opening makes a new one.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import cv2
import numpy as np
from libcamera import controls as libcamera_controls  # type: ignore[import-not-found,import-untyped,unused-ignore]
from numpy.typing import NDArray
from picamera2 import Picamera2  # type: ignore[import-not-found,import-untyped,unused-ignore]

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DriverError, DriverReason
from drivers.camera.live import LiveCamera, Picture, Source
from drivers.worker import Token

_log = logging.getLogger(__name__)
_OPTIONS = frozenset({"width", "height", "preview", "fps", "exposure", "gain", "focus", "limit"})
# libcamera gives up on its own front end after about 1 s; a pipeline silent for longer does not come back by itself.
_SILENT_S = 2.0
_LOOK_S = 0.05
_BUFFERS = 4
# What Picamera2 raises: RuntimeError of its own and of libcamera's, OSError of the kernel's devices.
_FAILURES = (RuntimeError, OSError)


class PiCamera(LiveCamera):
    """One camera module."""

    def __init__(self, address: DeviceAddress) -> None:
        address.require("picamera2", _OPTIONS)
        if not (address.path[1:].isascii() and address.path[1:].isdigit() and len(address.path) <= 3):
            raise DriverError(DriverReason.BAD_ADDRESS, f"address {address}", "give a number: picamera2:///0")
        limit_s = address.number("limit", 5.0, 0.1, 3600.0)
        super().__init__("picamera2", str(address), _Module(address), limit_s, "look at its ribbon cable")


class _Module(Source):
    def __init__(self, address: DeviceAddress) -> None:
        self._address = address
        self._number = int(address.path[1:])
        # Even sizes: YUV420 halves them.
        self._size = address.integer("width", 1280, 160, 9152) & ~1, address.integer("height", 720, 120, 6944) & ~1
        self._preview = address.integer("preview", 640, 0, 1920) & ~1
        self._fps = address.number("fps", 15.0, 0.5, 120.0)
        self._gain = address.number("gain", 1.0, 1.0, 64.0)
        self._exposure_ms = self._amount("exposure", 0.01, 10_000.0)
        self._dioptres = self._amount("focus", 0.0, 32.0)
        self._camera: Any = None
        self._job: Any = None
        self._has_preview = False

    def _amount(self, key: str, lowest: float, highest: float) -> float | None:
        return (
            None if self._address.options.get(key, "auto") == "auto" else self._address.number(key, 0, lowest, highest)
        )

    def open(self, token: Token) -> DeviceInfo:
        token.check()
        there = Picamera2.global_camera_info()
        if self._number >= len(there):
            raise DriverError(
                DriverReason.ABSENT,
                f"there is no camera {self._address}",
                "look at its ribbon cable; rpicam-hello --list",
            )
        try:
            self._camera = Picamera2(self._number)
            self._camera.configure(self._configuration(self._camera))
            self._camera.set_controls(self._controls(self._camera.camera_controls))
            self._camera.start()
        except _FAILURES as error:
            raise DriverError(
                DriverReason.BUSY, f"{self._address} cannot be started ({error})", "another program may have it"
            ) from error
        taken = self._camera.camera_configuration()
        width, height = taken["main"]["size"]
        return DeviceInfo(
            "picamera2",
            str(self._address),
            model=str(there[self._number].get("Model", "camera module")),
            details={
                "picture": f"{width} x {height}",
                "preview": f"{taken['lores']['size'][0]} x {taken['lores']['size'][1]}"
                if self._has_preview
                else "none",
                "focus": "automatic" if "AfMode" in self._camera.camera_controls else "fixed",
            },
        )

    def grab(self, token: Token) -> Picture | None:
        if self._camera is None:
            raise DriverError(DriverReason.LOST, f"the camera {self._address} is not open", "open it first")
        try:
            request = self._request(token)
            try:
                # Both copy out of the buffer, which goes back to the camera at once.
                pixels = request.make_array("main")
                small = request.make_array("lores") if self._has_preview else None
                stamp = request.get_metadata().get("SensorTimestamp", 0) / 1e9
            finally:
                request.release()
            now = time.monotonic()
            preview = None if small is None else self._rgb(small)
        except _FAILURES as error:
            raise DriverError(
                DriverReason.LOST, f"the pipeline of {self._address} failed ({error})", "it is started anew"
            ) from error
        # libcamera names the boot clock and gives the monotonic one where the computer never sleeps.
        captured_at = stamp if now - 1 < stamp <= now else now
        return Picture(np.ascontiguousarray(pixels, np.uint8), captured_at, preview)

    def close(self) -> None:
        camera, self._camera = self._camera, None
        job, self._job = self._job, None
        if camera is None:
            return
        # Stopping waits its turn behind what is asked for already, which may never come.
        steps = [camera.cancel_all_and_flush] if job is not None else []
        for step in (*steps, camera.stop, camera.close):
            try:
                step()
            except _FAILURES as error:
                _log.debug("closing %s: %s", self._address, error)

    def _request(self, token: Token) -> Any:
        """The next completed request, which the caller releases."""
        until = time.monotonic() + _SILENT_S
        self._job = self._camera.capture_request(wait=False)
        while True:
            token.check()
            try:
                request = self._camera.wait(self._job, timeout=_LOOK_S)
            except TimeoutError as error:
                if time.monotonic() > until:
                    raise DriverError(
                        DriverReason.LOST, f"{self._address} gives no pictures", "look at its ribbon cable"
                    ) from error
                continue
            self._job = None
            return request

    def _configuration(self, camera: Any) -> dict[str, Any]:
        width, height = self._size
        # A preview is never larger than the main stream: the image processor only makes things smaller.
        self._has_preview = 0 < self._preview <= width
        small = (self._preview, (height * self._preview // width) & ~1)
        step_us = round(1e6 / self._fps)
        # BGR888 is named from the most significant byte: in memory it is R, G, B.
        configuration: dict[str, Any] = camera.create_video_configuration(
            main={"size": self._size, "format": "BGR888"},
            lores={"size": small, "format": "YUV420"} if self._has_preview else None,
            buffer_count=_BUFFERS,
            controls={"FrameDurationLimits": (step_us, step_us)},
        )
        return configuration

    def _controls(self, known: dict[str, Any]) -> dict[str, Any]:
        chosen: dict[str, Any] = {}
        if self._exposure_ms is not None:
            chosen |= {"AeEnable": False, "ExposureTime": round(self._exposure_ms * 1000), "AnalogueGain": self._gain}
        if self._dioptres is not None:
            chosen |= {"AfMode": libcamera_controls.AfModeEnum.Manual, "LensPosition": self._dioptres}
        elif "AfMode" in known:
            chosen["AfMode"] = libcamera_controls.AfModeEnum.Continuous
        missing = [name for name in chosen if name not in known]
        if missing:
            raise DriverError(
                DriverReason.UNSUPPORTED,
                f"{self._address} has no {', '.join(missing)}",
                "leave focus= or exposure= out",
            )
        return chosen

    def _rgb(self, planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """YUV420 as Picamera2 gives it, (height * 3 / 2, stride) with padding at the right, as RGB."""
        width, height = self._camera.camera_configuration()["lores"]["size"]
        # Chroma rows have half the stride, so the padding lies at the right of the whole picture.
        rgb = cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420)
        return np.ascontiguousarray(rgb[:height, :width], np.uint8)
