"""A USB camera through Video4Linux, by way of OpenCV.

Address: ``v4l2:///dev/v4l/by-id/usb-...-index0?width=1280&height=720&fps=30&format=auto&exposure=auto&limit=5``.
``format`` is ``mjpeg``, ``yuyv`` or ``auto`` (MJPEG where the camera has it: USB 2 carries no large raw pictures);
``exposure`` is ``auto`` or milliseconds. A camera that has not the size asked for gives its nearest, which ``open``
tells. Pictures come from OpenCV as the camera sent them and are decoded here, so that a torn one is noticed.

A frame's time is the kernel's (monotonic, V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC) where it is believable, else the time
of its arrival.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DriverError, DriverReason
from drivers.camera.jpeg import LARGEST_PIXELS, decode_jpeg
from drivers.camera.live import LiveCamera, Picture, Source
from drivers.worker import Token

_log = logging.getLogger(__name__)
_OPTIONS = frozenset({"width", "height", "fps", "format", "exposure", "limit"})
_FORMATS = {"mjpeg": cv2.VideoWriter.fourcc(*"MJPG"), "yuyv": cv2.VideoWriter.fourcc(*"YUYV")}
# enum v4l2_exposure_auto_type; USB video cameras have these two of the four.
_EXPOSURE_MANUAL = 1
_EXPOSURE_APERTURE_PRIORITY = 3
# Two buffers: with more, a busy computer would be shown what is past.
_BUFFERS = 2
_SILENT_S = 2.0
_RETRY_S = 0.05
# OpenCV waits this long for a picture, 10 s by default; it reads the variable at its first wait.
_WAIT_VARIABLE, _WAIT_S = "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "1"


class V4l2Camera(LiveCamera):
    """One device file."""

    def __init__(self, address: DeviceAddress) -> None:
        address.require("v4l2", _OPTIONS)
        limit_s = address.number("limit", 5.0, 0.1, 3600.0)
        super().__init__("v4l2", str(address), _Camera(address), limit_s, "look at its cable; try format=yuyv")


class _Camera(Source):
    def __init__(self, address: DeviceAddress) -> None:
        self._address = address
        self._width = address.integer("width", 1280, 160, 7680)
        self._height = address.integer("height", 720, 120, 4320)
        self._fps = address.integer("fps", 30, 1, 240)
        wanted = address.choice("format", "auto", ("auto", *_FORMATS))
        self._wanted = tuple(_FORMATS) if wanted == "auto" else (wanted,)
        automatic = address.options.get("exposure", "auto") == "auto"
        self._exposure_ms = None if automatic else address.number("exposure", 0.0, 0.1, 10_000.0)
        self._capture: cv2.VideoCapture | None = None
        self._format = ""
        self._size = (0, 0)
        self._seen_at = 0.0
        self._warned = False

    def open(self, token: Token) -> DeviceInfo:
        token.check()
        self._require()
        os.environ.setdefault(_WAIT_VARIABLE, _WAIT_S)
        self._capture = cv2.VideoCapture(self._address.path, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            raise self._busy("cannot be opened as a camera")
        self._format = self._negotiate(self._capture)
        self._expose(self._capture)
        # Streaming begins with the first picture, and another program's hold on the camera shows only then.
        if not self._capture.read()[0]:
            raise self._busy("gives no picture")
        self._seen_at = time.monotonic()
        self._warned = False
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        return DeviceInfo(
            "v4l2",
            str(self._address),
            model=self._model(),
            details={"picture": f"{self._size[0]} x {self._size[1]}", "format": self._format, "fps": f"{fps:g}"},
        )

    def grab(self, token: Token) -> Picture | None:
        if self._capture is None:
            raise DriverError(DriverReason.LOST, f"the camera {self._address} is not open", "open it first")
        there, data = self._capture.read()
        now = time.monotonic()
        if not there or data is None:
            if not Path(self._address.path).exists():
                raise DriverError(DriverReason.LOST, f"the camera {self._address} is unplugged", "plug it in again")
            if now - self._seen_at > _SILENT_S:
                raise DriverError(
                    DriverReason.LOST,
                    f"the camera {self._address} gives no pictures",
                    "plug it in anew; look at its hub",
                )
            token.pause(_RETRY_S)
            return None
        self._seen_at = now
        pixels = self._decoded(np.asarray(data, np.uint8).reshape(-1))
        if pixels is None:
            if not self._warned:
                _log.warning("%s: a picture of %d bytes that cannot be decoded; skipped", self._address, data.size)
                self._warned = True
            return None
        stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return Picture(pixels, stamp if now - 1 < stamp <= now else now)

    def close(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def _require(self) -> None:
        path = self._address.path
        try:
            mode = Path(path).stat().st_mode
        except OSError as error:
            raise DriverError(
                DriverReason.ABSENT, f"there is no camera {path}", "plug it in, or correct its path"
            ) from error
        if not stat.S_ISCHR(mode):
            raise DriverError(DriverReason.BAD_ADDRESS, f"{path} is no device", "give a name under /dev/v4l/by-id/")
        if not os.access(path, os.R_OK | os.W_OK):
            raise DriverError(DriverReason.DENIED, f"{path} may not be opened", "join the group that owns it (video)")

    def _busy(self, what: str) -> DriverError:
        return DriverError(
            DriverReason.BUSY, f"{self._address} {what}", "another program may have it, or it is another of its files"
        )

    def _negotiate(self, capture: cv2.VideoCapture) -> str:
        """Set format, size and rate; the format that the camera took."""
        for name in self._wanted:
            capture.set(cv2.CAP_PROP_FOURCC, _FORMATS[name])
            # OpenCV quietly takes another format where the camera has not this one.
            if int(capture.get(cv2.CAP_PROP_FOURCC)) == _FORMATS[name]:
                break
        else:
            raise DriverError(
                DriverReason.UNSUPPORTED, f"{self._address} has not {' or '.join(self._wanted)}", "try format=auto"
            )
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._height)
        capture.set(cv2.CAP_PROP_FPS, self._fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, _BUFFERS)
        capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        self._size = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        if not 0 < self._size[0] * self._size[1] <= LARGEST_PIXELS:
            raise DriverError(
                DriverReason.UNSUPPORTED, f"{self._address} gives {self._size}", "ask for less with width="
            )
        if self._size != (self._width, self._height):
            _log.warning("%s has not %d x %d: %d x %d", self._address, self._width, self._height, *self._size)
        return name

    def _expose(self, capture: cv2.VideoCapture) -> None:
        if self._exposure_ms is None:
            # A camera keeps what an earlier program set; one without the control needs no telling.
            capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, _EXPOSURE_APERTURE_PRIORITY)
            return
        # V4L2_CID_EXPOSURE_ABSOLUTE counts in 100 microseconds.
        if not (
            capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, _EXPOSURE_MANUAL)
            and capture.set(cv2.CAP_PROP_EXPOSURE, round(self._exposure_ms * 10))
        ):
            raise DriverError(
                DriverReason.UNSUPPORTED, f"{self._address}: its exposure cannot be set", "leave exposure= out"
            )

    def _decoded(self, data: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        if self._format == "mjpeg":
            return decode_jpeg(data.tobytes())
        width, height = self._size
        if data.size != width * height * 2:
            return None
        return cv2.cvtColor(data.reshape(height, width, 2), cv2.COLOR_YUV2RGB_YUYV).astype(np.uint8, copy=False)

    def _model(self) -> str:
        name = Path("/sys/class/video4linux") / Path(self._address.path).resolve().name / "name"
        try:
            return name.read_text(encoding="utf-8", errors="replace").strip()[:80] or "Video4Linux camera"
        except OSError:
            return "Video4Linux camera"
