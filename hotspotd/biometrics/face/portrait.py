"""Portraits: the picture that is kept, shown and relayed, and reading such pictures back.

The crop follows the proportions of a travel document's photograph (ICAO Doc 9303-3, 35 x 45; ISO/IEC 39794-5, frontal
image of a travel document): the eyes level, a quarter of the width apart, their middle in the middle of the width and
at 45 % of the height from the top. A head is then 60 to 75 % of the height, with the room that the standards ask for.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics import decoding
from hotspotd.biometrics.face.align import upright, warp
from hotspotd.biometrics.face.box import FaceBox
from hotspotd.biometrics.face.components import eye_to_chin
from hotspotd.biometrics.face.detect import MAX_SIDE
from hotspotd.biometrics.face.pose import head_pose
from hotspotd.biometrics.face.region import CHIN
from hotspotd.biometrics.manifest import Input
from hotspotd.biometrics.picture_size import JPEG_START, PNG_SIGNATURE, is_jpeg2000
from hotspotd.errors import BiometricError, Reason

WIDTH, HEIGHT = 420, 540
"""Size of a portrait in pixels."""

_JPEG_QUALITY = 88
_WIDTH_IN_EYES = 4.0
_EYE_LEVEL = 0.45
_FORM = Input(width=WIDTH, height=HEIGHT, layout="NHWC", colour="RGB", mean=0.0, scale=1.0)
_MAX_BYTES = 16 * 1024 * 1024


def portrait(rgb: NDArray[np.uint8], box: FaceBox) -> bytes:
    """The face as a JPEG of 420 x 540 pixels, the eyes level; what lies outside the picture repeats its edge."""
    (lx, ly), (rx, ry) = box.eyes
    matrix = upright(
        ((lx + rx) / 2, (ly + ry) / 2), _width(box), math.radians(box.roll) if box.eyes_seen else 0.0, _FORM
    )
    matrix[1, 2] += (_EYE_LEVEL - 0.5) * HEIGHT
    pixels = warp(rgb, matrix, _FORM, enlarging=cv2.INTER_CUBIC)
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    if not done:
        raise BiometricError(Reason.BAD_IMAGE, "the portrait cannot be encoded")
    return data.tobytes()


def _width(box: FaceBox) -> float:
    """What the portrait shows of the picture across, in pixels of the picture.

    By the distance of the eyes and, where a mesh shows the chin, by the height of the face as well: a head turned aside
    has its eyes nearer, and would be shown too large.
    """
    pose = head_pose(box)
    if pose is None:
        return _WIDTH_IN_EYES * box.eye_distance
    apart = box.eye_distance / math.cos(math.radians(max(-45.0, min(45.0, pose.yaw))))
    return _WIDTH_IN_EYES * (apart + eye_to_chin(box) / CHIN) / 2


def read_picture(data: bytes) -> NDArray[np.uint8]:
    """The (h, w, 3) RGB pixels of a JPEG, JPEG 2000 or PNG.

    Raises BiometricError (BAD_IMAGE) on anything else, torn or oversized.
    The size is taken from the header first, so that a small file cannot unfold into gigabytes.
    """
    if len(data) > _MAX_BYTES:
        raise BiometricError(Reason.BAD_IMAGE, f"a picture file of {len(data)} bytes; at most {_MAX_BYTES}")
    if not (data.startswith((PNG_SIGNATURE, JPEG_START)) or is_jpeg2000(data)):
        raise BiometricError(Reason.BAD_IMAGE, "neither a JPEG nor a PNG picture, nor JPEG 2000")
    # A JPEG that lost its end decodes to a half-grey picture: it is refused instead (T.81, B.2.1: EOI is required).
    if data.startswith(JPEG_START) and b"\xff\xd9" not in data[-64:]:
        raise BiometricError(Reason.BAD_IMAGE, "a JPEG picture that lost its end")
    pixels = decoding.decode(data, cv2.IMREAD_COLOR, most_side=MAX_SIDE)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
