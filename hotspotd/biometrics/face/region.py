"""The face image that quality is measured on: upright, of one size, and which of its pixels are face and background.

The crop has the proportions of a portrait (35 x 45, the eyes a quarter of the width apart), so that measures made on it
do not hang on the camera's resolution or on where the traveller stands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.align import warp
from hotspotd.biometrics.face.box import FaceBox
from hotspotd.biometrics.manifest import Input

WIDTH, HEIGHT = 196, 252
EYES = 49.0
"""Distance of the eyes in the crop [px]."""
EYE_LEVEL = 113.0
"""Of the eyes' line, from the top [px]: 45 % of the height."""

_FORM = Input(width=WIDTH, height=HEIGHT, layout="NHWC", colour="RGB", mean=0.0, scale=1.0)
# From the eyes' line to the chin in distances of the eyes: 115 mm to 63 mm in adults (ISO/IEC 29794-5 measures it).
CHIN = 1.8
# The outline of a face in the topology mediapipe-468.
_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
# About the middle between the eyes, in distances of the eyes: where a face is when only its eyes are known.
_CENTRE, _AXES = 0.45, (1.0, 1.35)
# What the hair and the ears take around the face; beyond it is background.
_HEAD_CENTRE, _HEAD_AXES = 0.3, (1.5, 2.1)


def _ellipse(centre: float, axes: tuple[float, float]) -> NDArray[np.bool_]:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    across, down = (x - WIDTH / 2) / (axes[0] * EYES), (y - EYE_LEVEL - centre * EYES) / (axes[1] * EYES)
    return np.asarray(across**2 + down**2 <= 1, np.bool_)


_FACE = _ellipse(_CENTRE, _AXES)
_AROUND = ~_ellipse(_HEAD_CENTRE, _HEAD_AXES)
_AROUND[int(EYE_LEVEL + CHIN * EYES) :] = False


@dataclass(frozen=True, slots=True)
class Region:
    """The crop, (252, 196, 3) RGB and its grey, with masks of the same height and width."""

    rgb: NDArray[np.uint8]
    grey: NDArray[np.uint8]
    face: NDArray[np.bool_]
    background: NDArray[np.bool_]
    """Beside and above the head, down to the chin, and inside the picture."""


def region(rgb: NDArray[np.uint8], box: FaceBox) -> Region:
    """The face in ``box`` of ``rgb`` (h, w, 3)."""
    (lx, ly), (rx, ry) = box.eyes
    scale, roll = EYES / max(1.0, box.eye_distance), math.radians(box.roll)
    c, s = scale * math.cos(roll), scale * math.sin(roll)
    mx, my = (lx + rx) / 2, (ly + ry) / 2
    matrix = np.array([[c, s, WIDTH / 2 - c * mx - s * my], [-s, c, EYE_LEVEL + s * mx - c * my]])
    crop = warp(rgb, matrix, _FORM)
    inside = _inside(matrix, rgb.shape[1], rgb.shape[0])
    if box.mesh is not None and box.topology == "mediapipe-468":
        oval = box.mesh[list(_OVAL), :2].astype(np.float64) @ matrix[:, :2].T + matrix[:, 2]
        filled = cv2.fillPoly(np.zeros((HEIGHT, WIDTH), np.uint8), [_bounded(oval)], [1])
        face = np.asarray(filled, np.bool_)
    else:
        face = _FACE
    grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)
    return Region(crop, grey, face & inside, _AROUND & inside)


def _inside(matrix: NDArray[np.float64], width: int, height: int) -> NDArray[np.bool_]:
    """Which pixels of the crop come from the picture, not from its repeated edge."""
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float64)
    seen = corners @ matrix[:, :2].T + matrix[:, 2]
    picture = cv2.fillConvexPoly(np.zeros((HEIGHT, WIDTH), np.uint8), _bounded(seen), [1])
    return np.asarray(picture, np.bool_)


def _bounded(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """Whole pixels, far ones brought near enough for OpenCV's drawing."""
    return np.rint(np.clip(points, -20_000, 20_000)).astype(np.int32)
