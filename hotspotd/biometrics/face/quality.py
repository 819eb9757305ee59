"""Whether a picture of a face is good enough, and what the traveller can change if not.

Measures follow ISO/IEC 29794-5's topics (head size, position, illumination, sharpness) with plain image statistics; the
score orders frames of one lane and is no standardised quality number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.detect import FaceBox


class FaceProblem(StrEnum):
    """What is wrong with a picture, most useful to the traveller first."""

    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    TOO_FAR = "too_far"
    TOO_CLOSE = "too_close"
    OFF_CENTRE = "off_centre"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    BLURRED = "blurred"


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """``score`` 0 (useless) to 100; ``problems`` in the order in which to tell them."""

    score: int
    problems: tuple[FaceProblem, ...] = ()


# Head sizes are the cascade box's width as a share of the picture's shorter side.
_FAR, _CLOSE = 0.24, 0.75
_OFF_CENTRE = 0.22
_DARK, _BRIGHT = 55.0, 215.0
_SHARPNESS_SIDE = 128
# Variance of the Laplacian on a 128-pixel face: drawn and photographed faces in focus give over 60, a blur of two
# pixels under 15.
_SHARP = 20.0
# A second face counts from this share of the first one's width: smaller ones stand further back in the queue.
_SECOND_FACE = 0.6


def assess(rgb: NDArray[np.uint8], box: FaceBox | None, others: Sequence[FaceBox] = ()) -> FaceQuality:
    """Quality of the face in ``box`` (None: no face was found); ``others`` are the further faces in the picture."""
    if box is None:
        return FaceQuality(0, (FaceProblem.NO_FACE,))
    problems: list[FaceProblem] = []
    marks: list[float] = []
    if any(other != box and other.width >= _SECOND_FACE * box.width for other in others):
        problems.append(FaceProblem.SEVERAL_FACES)
        marks.append(0.2)
    height, width = rgb.shape[:2]

    share = box.width / min(width, height)
    marks.append(_rise(share, 0.5 * _FAR, 1.4 * _FAR))
    if share < _FAR:
        problems.append(FaceProblem.TOO_FAR)
    elif share > _CLOSE:
        problems.append(FaceProblem.TOO_CLOSE)
        marks.append(0.3)

    offset = max(abs(box.centre[0] / width - 0.5), abs(box.centre[1] / height - 0.5))
    marks.append(1 - _rise(offset, 0.5 * _OFF_CENTRE, 2 * _OFF_CENTRE))
    if offset > _OFF_CENTRE:
        problems.append(FaceProblem.OFF_CENTRE)

    area = rgb[box.y : box.y + box.height, box.x : box.x + box.width]
    face = np.asarray(cv2.cvtColor(area, cv2.COLOR_RGB2GRAY), np.uint8)
    luminance = float(np.median(face[face.shape[0] // 5 :, face.shape[1] // 6 : -(face.shape[1] // 6) or None]))
    marks.append(min(_rise(luminance, 0.4 * _DARK, 1.4 * _DARK), 1 - _rise(luminance, _BRIGHT - 20, 250)))
    if luminance < _DARK:
        problems.append(FaceProblem.TOO_DARK)
    elif luminance > _BRIGHT:
        problems.append(FaceProblem.TOO_BRIGHT)

    sharpness = _sharpness(face)
    marks.append(_rise(sharpness, 0.3 * _SHARP, 2 * _SHARP))
    if sharpness < _SHARP:
        problems.append(FaceProblem.BLURRED)
    # The worst mark decides most: one bad property spoils a picture whatever the others are.
    score = 100 * (0.7 * min(marks) + 0.3 * sum(marks) / len(marks))
    return FaceQuality(round(max(0.0, min(100.0, score))), tuple(problems))


def _sharpness(face: NDArray[np.uint8]) -> float:
    same = cv2.resize(face, (_SHARPNESS_SIDE, _SHARPNESS_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    # At equal contrast, so that a dim face is not called blurred as well.
    same *= 50.0 / max(10.0, float(same.std()))
    return float(cv2.Laplacian(same, cv2.CV_32F).var())


def _rise(value: float, low: float, high: float) -> float:
    """0 at and below ``low``, 1 at and above ``high``, straight between."""
    return min(1.0, max(0.0, (value - low) / (high - low)))
