"""A network camera that speaks RTSP (RFC 2326), through OpenCV's FFmpeg, over TCP.

Address: ``rtsp://user:password@10.0.0.5:554/stream1#limit=5``: options stand after ``#``, all before it is the
camera's. Whatever FFmpeg decodes comes: H.264, H.265, Motion JPEG. A frame's time is that of its arrival; with H.264
a camera may be behind by some pictures. ``rtsps`` is not taken: FFmpeg does not check the camera's certificate as
OpenCV calls it.
"""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import cv2
import numpy as np

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DriverError, DriverReason
from drivers.camera.jpeg import LARGEST_PIXELS
from drivers.camera.live import LiveCamera, Picture, Source
from drivers.worker import Token

_OPTIONS = frozenset({"limit"})
_PORT = 554
_REACH_S = 2.0
# Shorter than closing waits for the thread: OpenCV cannot be told to leave a read.
_READ_MS = 1500


class RtspCamera(LiveCamera):
    """One address."""

    def __init__(self, address: DeviceAddress) -> None:
        address.require("rtsp", _OPTIONS)
        limit_s = address.number("limit", 5.0, 0.5, 3600.0)
        super().__init__("rtsp", str(address), _Session(address, limit_s), limit_s, "look at the camera's own page")


class _Session(Source):
    def __init__(self, address: DeviceAddress, limit_s: float) -> None:
        self._address = address
        self._limit_s = limit_s
        self._capture: cv2.VideoCapture | None = None

    def open(self, token: Token) -> DeviceInfo:
        self._reach()
        token.check()
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(self._limit_s * 1000), cv2.CAP_PROP_READ_TIMEOUT_MSEC, _READ_MS]
        self._capture = cv2.VideoCapture(self._address.url, cv2.CAP_FFMPEG, limits)
        if not self._capture.isOpened():
            raise DriverError(
                DriverReason.PROTOCOL,
                f"{self._address} gives no stream",
                "look at the path, at user:password@, and at how many may watch at once",
            )
        width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        if not 0 < width * height <= LARGEST_PIXELS:
            raise DriverError(DriverReason.UNSUPPORTED, f"{self._address} gives {width} x {height}", "ask it for less")
        return DeviceInfo("rtsp", str(self._address), model="RTSP camera", details={"picture": f"{width} x {height}"})

    def grab(self, token: Token) -> Picture | None:
        token.check()
        if self._capture is None:
            raise DriverError(DriverReason.LOST, f"the camera {self._address} is not open", "open it first")
        there, frame = self._capture.read()
        if not there or frame is None:
            raise DriverError(
                DriverReason.LOST, f"the stream of {self._address} has ended", "look at its cable and its supply"
            )
        arrived_at = time.monotonic()
        return Picture(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False), arrived_at)

    def close(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def _reach(self) -> None:
        """Tell a camera that is not there from one that does not answer well: OpenCV does not say."""
        parts = urlsplit(self._address.url)
        place = str(parts.hostname), parts.port or _PORT
        try:
            socket.create_connection(place, timeout=min(_REACH_S, self._limit_s)).close()
        except (OSError, UnicodeError) as error:
            raise DriverError(
                DriverReason.ABSENT, f"{self._address} cannot be reached ({error})", "look at its cable and its number"
            ) from error
