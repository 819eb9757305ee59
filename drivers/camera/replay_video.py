"""A video file as a camera, through OpenCV's FFmpeg.

Address: ``replay:///file.mp4?pace=real&fps=25&limit=5``. It is shown round and round and opened anew for each round, so
that swapping the file changes what is seen. ``pace`` is ``real`` (pictures that are late are passed over) or ``fast``
(every picture, as fast as they can be decoded); ``fps`` overrides the file's own rate.
"""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DriverError, DriverReason
from drivers.camera.jpeg import LARGEST_PIXELS
from drivers.camera.live import LiveCamera, Picture, Source
from drivers.worker import Token

_OPTIONS = frozenset({"fps", "limit", "pace"})
# As with a folder: a file swapped in two steps is away for a moment only.
_AWAY_S = 1.0
_RETRY_S = 0.05
# A file that tells no rate, or a senseless one.
_USUAL_FPS = 25.0
# Late pictures passed over in one go; a computer later than that shows the video slower than real time.
_MOST_SKIPPED = 50


class ReplayVideoCamera(LiveCamera):
    """One file."""

    def __init__(self, address: DeviceAddress) -> None:
        address.require("replay", _OPTIONS)
        limit_s = address.number("limit", 5.0, 0.1, 3600.0)
        super().__init__("replay", address.path, _Video(address), limit_s, "put a video there that OpenCV can read")


class _Video(Source):
    def __init__(self, address: DeviceAddress) -> None:
        self._address = address
        self._fps = address.number("fps", 0.0, 0.1, 240.0)
        self._real = address.choice("pace", "real", ("real", "fast")) == "real"
        self._capture: cv2.VideoCapture | None = None
        self._step_s = 0.0
        self._began_at = 0.0
        self._position = 0
        self._seen_at = 0.0

    def open(self, token: Token) -> DeviceInfo:
        token.check()
        if not Path(self._address.path).is_file():
            raise DriverError(
                DriverReason.ABSENT, f"there is no video {self._address.path}", "put it there, or correct its path"
            )
        self._begin()
        if self._capture is None:
            raise DriverError(DriverReason.BAD_IMAGE, f"{self._address.path} cannot be read", "give a video file")
        width, height = _size(self._capture)
        self._seen_at = time.monotonic()
        return DeviceInfo(
            "replay",
            str(self._address),
            model="video file",
            details={"picture": f"{width} x {height}", "fps": f"{1 / self._step_s:g}"},
        )

    def grab(self, token: Token) -> Picture | None:
        if self._capture is None:
            self._begin()
        if self._capture is None:
            self._missing(token)
            return None
        late = self._wait(token) if self._real else 0
        for _ in range(late):
            if not self._capture.grab():
                break
        there, frame = self._capture.read()
        if not there or frame is None:
            empty = self._position == 0
            self.close()  # The next round begins at the next call.
            if empty:
                self._missing(token)
            return None
        self._position += late + 1
        self._seen_at = time.monotonic()
        return Picture(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False), self._seen_at)

    def _wait(self, token: Token) -> int:
        """Wait until the next picture is due; how many are late by now."""
        due_at = self._began_at + self._position * self._step_s
        token.pause(max(0.0, due_at - time.monotonic()))
        return min(int((time.monotonic() - due_at) / self._step_s), _MOST_SKIPPED)

    def close(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def _begin(self) -> None:
        """Open the file from its beginning; ``_capture`` stays None where it cannot be read."""
        self.close()
        self._position = 0
        if not Path(self._address.path).is_file():
            return
        capture = cv2.VideoCapture(self._address.path, cv2.CAP_FFMPEG)
        width, height = _size(capture)
        if not capture.isOpened() or not 0 < width * height <= LARGEST_PIXELS:
            capture.release()
            return
        told = float(capture.get(cv2.CAP_PROP_FPS))
        self._step_s = 1 / (self._fps or (told if 0.1 <= told <= 240 else _USUAL_FPS))
        self._began_at = time.monotonic()
        self._capture = capture

    def _missing(self, token: Token) -> None:
        if not Path(self._address.path).is_file() and time.monotonic() - self._seen_at > _AWAY_S:
            raise DriverError(DriverReason.LOST, f"the video {self._address.path} has gone", "put it back")
        token.pause(_RETRY_S)


def _size(capture: cv2.VideoCapture) -> tuple[int, int]:
    return int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
