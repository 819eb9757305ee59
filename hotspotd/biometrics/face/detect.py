"""Where the faces are, and where their eyes are: the boosted cascades that come with OpenCV.

Viola and Jones, "Rapid object detection using a boosted cascade of simple features", CVPR 2001. Finds upright
frontal faces, turned
by up to about 15 degrees; profiles are not found. Thread-safe: each detector's cascades run one call at a time.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.box import FaceBox
from hotspotd.errors import BiometricError, Reason

# Faces are searched in a picture reduced to this many pixels on its shorter side: at 360 a head at arm's length is
# over 100 pixels high, five times what the cascade needs, and a frame costs a fifth of full size.
_SEARCH_SIDE = 360
_SMALLEST_SHARE = 0.1
_MOST_FACES = 8
_EYE_FACE_SIDE = 160
_PORTRAIT_SIDE = 240
"""Pictures up to this [px] are no camera frames, but portraits, maybe cropped to the face; they get a second look."""
_PORTRAIT_EDGE = 0.2
# Where the eyes are in a cascade box when the eye cascades see none (mean over upright faces).
NOMINAL_EYES = ((0.31, 0.39), (0.69, 0.39))
_MOST_EYE_OFFSET = 0.11

MIN_SIDE, MAX_SIDE = 32, 8192

__all__ = ["MAX_SIDE", "MIN_SIDE", "FaceBox", "FaceDetector", "check_picture"]


def check_picture(rgb: NDArray[np.uint8]) -> None:
    """Refuse what is no RGB picture of 32 to 8192 pixels a side. Raises BiometricError (BAD_IMAGE)."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise BiometricError(Reason.BAD_IMAGE, f"a picture must be (height, width, 3) uint8, this is {rgb.shape}")
    height, width = rgb.shape[:2]
    if not (MIN_SIDE <= height <= MAX_SIDE and MIN_SIDE <= width <= MAX_SIDE):
        raise BiometricError(
            Reason.BAD_IMAGE, f"a picture of {width} x {height} pixels; {MIN_SIDE} to {MAX_SIDE} a side"
        )


class FaceDetector:
    """The cascades of one engine."""

    def __init__(self) -> None:
        """Load the cascades. Raises BiometricError (MODEL_MISSING) where OpenCV came without them."""
        self._lock = threading.Lock()
        self._faces = _cascade("haarcascade_frontalface_alt2.xml")
        self._eyes = _cascade("haarcascade_eye_tree_eyeglasses.xml")
        self._bare_eyes = _cascade("haarcascade_eye.xml")

    def detect(self, rgb: NDArray[np.uint8]) -> list[FaceBox]:
        """The faces in ``rgb`` (h, w, 3), largest first, at most eight. Raises BiometricError (BAD_IMAGE)."""
        check_picture(rgb)
        grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
        found = self._search(grey)
        if found or min(grey.shape) > _PORTRAIT_SIDE:
            return found
        # A portrait cropped to the face leaves the cascade nothing around it: its edges are drawn out.
        edge = int(_PORTRAIT_EDGE * min(grey.shape))
        wider = np.asarray(cv2.copyMakeBorder(grey, edge, edge, edge, edge, cv2.BORDER_REPLICATE), np.uint8)
        return [_moved(face, edge, grey.shape) for face in self._search(wider)]

    def _search(self, grey: NDArray[np.uint8]) -> list[FaceBox]:
        height, width = grey.shape
        scale = _SEARCH_SIDE / min(height, width)
        if max(height, width) * scale > 4 * _SEARCH_SIDE:
            scale = 4 * _SEARCH_SIDE / max(height, width)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=how)
        small = cv2.equalizeHist(small)
        least = max(20, int(_SMALLEST_SHARE * min(small.shape)))
        with self._lock:
            found = self._faces.detectMultiScale(small, scaleFactor=1.1, minNeighbors=5, minSize=(least, least))
            boxes = sorted((tuple(int(n) for n in box) for box in found), key=lambda b: (-b[2] * b[3], b))
            return [self._with_eyes(grey, box, scale) for box in boxes[:_MOST_FACES]]

    def _with_eyes(self, grey: NDArray[np.uint8], box: tuple[int, ...], scale: float) -> FaceBox:
        x, y, w, h = (round(n / scale) for n in box)
        x, y = max(0, x), max(0, y)
        w, h = min(w, grey.shape[1] - x), min(h, grey.shape[0] - y)
        size = (_EYE_FACE_SIDE, _EYE_FACE_SIDE)
        face = np.asarray(cv2.resize(grey[y : y + h, x : x + w], size, interpolation=cv2.INTER_AREA), np.uint8)
        shares = tuple(self._eye(face, nominal) for nominal in NOMINAL_EYES)
        seen = all(share is not None for share in shares)
        (lx, ly), (rx, ry) = (share or nominal for share, nominal in zip(shares, NOMINAL_EYES, strict=True))
        eyes = ((x + lx * w, y + ly * h), (x + rx * w, y + ry * h))
        return FaceBox(x, y, w, h, eyes, seen)

    def _eye(self, face: NDArray[np.uint8], nominal: tuple[float, float]) -> tuple[float, float] | None:
        """Centre of the eye nearest its usual place, as shares of the face box; None where none is near it."""
        side = _EYE_FACE_SIDE
        left, top = int((nominal[0] - 0.23) * side), int((nominal[1] - 0.22) * side)
        area = face[max(0, top) : top + int(0.42 * side), max(0, left) : left + int(0.46 * side)]
        for cascade in (self._eyes, self._bare_eyes):
            found = cascade.detectMultiScale(area, scaleFactor=1.05, minNeighbors=3, minSize=(22, 22), maxSize=(60, 60))
            centres = [(float(left + x + w / 2) / side, float(top + y + h / 2) / side) for x, y, w, h in found]
            distances = [np.hypot(cx - nominal[0], cy - nominal[1]) for cx, cy in centres]
            if distances and min(distances) <= _MOST_EYE_OFFSET:
                return centres[int(np.argmin(distances))]
        return None


def _moved(face: FaceBox, by: int, shape: tuple[int, ...]) -> FaceBox:
    """``face`` of a picture with edges ``by`` wide, in the picture (h, w) without."""
    left, top = max(0, face.x - by), max(0, face.y - by)
    right, bottom = min(shape[1], face.x - by + face.width), min(shape[0], face.y - by + face.height)
    (lx, ly), (rx, ry) = face.eyes
    eyes = ((lx - by, ly - by), (rx - by, ry - by))
    return replace(face, x=left, y=top, width=right - left, height=bottom - top, eyes=eyes)


def _cascade(file: str) -> cv2.CascadeClassifier:
    path = Path(cv2.__file__).parent / "data" / file
    cascade = cv2.CascadeClassifier(str(path))
    if cascade.empty():
        raise BiometricError(
            Reason.MODEL_MISSING, f"cascade {file} cannot be loaded", "Install opencv-python-headless 4.x."
        )
    return cascade
