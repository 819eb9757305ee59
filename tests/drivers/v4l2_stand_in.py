"""Stands in for cv2.VideoCapture on a USB camera, as OpenCV's cap_v4l.cpp (4.x) behaves.

What it follows: ``set`` of width waits for height; a format that the camera has not leaves another one set; with
CONVERT_RGB 0 a picture is its bytes as a (1, n) array, the same memory used again; a camera that is unplugged gives
``(False, None)`` at once; POS_MSEC is the kernel's monotonic time of the last picture.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.drivers.mjpeg_server import jpeg

MJPG, YUYV, NV12 = (cv2.VideoWriter.fourcc(*name) for name in ("MJPG", "YUYV", "NV12"))


@dataclass
class UsbCamera:
    """The camera itself: what it has, what it sees, and what was asked of it."""

    path: Path
    picture: NDArray[np.uint8]
    formats: tuple[int, ...] = (MJPG, YUYV)
    sizes: tuple[tuple[int, int], ...] = ((640, 480), (1280, 720))
    has_exposure: bool = True
    streaming: bool = True
    torn: bool = False
    clock_offset_s: float = 0.0
    controls: dict[int, float] = field(default_factory=dict)
    opened: int = 0
    released: int = 0

    def encoded(self, fourcc: int, size: tuple[int, int]) -> NDArray[np.uint8]:
        """What it sees, as a (1, n) array; a picture of another size is cut or padded with grey."""
        shown = np.full((size[1], size[0]), 128, np.uint8)
        height, width = min(size[1], self.picture.shape[0]), min(size[0], self.picture.shape[1])
        shown[:height, :width] = self.picture[:height, :width]
        if fourcc == YUYV:
            return np.stack([shown, np.full_like(shown, 128)], axis=-1).reshape(1, -1)
        data = jpeg(shown)
        return np.frombuffer(data[: len(data) // 2] if self.torn else data + bytes(2000), np.uint8).reshape(1, -1)

    def capture(self, filename: str, api_preference: int) -> Capture:
        """In place of cv2.VideoCapture."""
        assert (filename, api_preference) == (str(self.path), cv2.CAP_V4L2)
        self.opened += 1
        return Capture(self)


class Capture:
    """One opened camera."""

    def __init__(self, camera: UsbCamera) -> None:
        self._camera = camera
        self._open = camera.path.exists()
        self._fourcc = camera.formats[0]
        self._size = camera.sizes[0]
        self._width = 0
        self._raw = False
        self._stamp = 0.0
        self._held: NDArray[np.uint8] = np.zeros((1, 0), np.uint8)

    def isOpened(self) -> bool:  # noqa: N802  # OpenCV's name.
        return self._open

    def set(self, prop: int, value: float) -> bool:
        match prop:
            case cv2.CAP_PROP_FOURCC:
                has = int(value) in self._camera.formats
                self._fourcc = int(value) if has else self._camera.formats[0]
                return True
            case cv2.CAP_PROP_FRAME_WIDTH:
                self._width = int(value)
            case cv2.CAP_PROP_FRAME_HEIGHT:
                asked = (self._width, int(value))
                self._size = min(self._camera.sizes, key=lambda size: abs(size[0] - asked[0]) + abs(size[1] - asked[1]))
            case cv2.CAP_PROP_CONVERT_RGB:
                self._raw = not value
            case cv2.CAP_PROP_AUTO_EXPOSURE | cv2.CAP_PROP_EXPOSURE if not self._camera.has_exposure:
                return False
            case _:
                self._camera.controls[prop] = value
        return True

    def get(self, prop: int) -> float:
        match prop:
            case cv2.CAP_PROP_FOURCC:
                return float(self._fourcc)
            case cv2.CAP_PROP_FRAME_WIDTH:
                return float(self._size[0])
            case cv2.CAP_PROP_FRAME_HEIGHT:
                return float(self._size[1])
            case cv2.CAP_PROP_POS_MSEC:
                return self._stamp * 1000
            case _:
                return self._camera.controls.get(prop, -1.0)

    def read(self) -> tuple[bool, NDArray[np.uint8] | None]:
        assert self._raw, "decoded pictures were asked for"
        if not self._open or not self._camera.path.exists() or not self._camera.streaming:
            return False, None
        time.sleep(0.01)  # A camera gives a picture when it has one.
        self._stamp = time.monotonic() - 0.005 + self._camera.clock_offset_s
        fresh = self._camera.encoded(self._fourcc, self._size)
        if fresh.shape == self._held.shape:
            self._held[:] = fresh
        else:
            self._held = fresh.copy()
        return True, self._held

    def release(self) -> None:
        if self._open:
            self._camera.released += 1
        self._open = False
