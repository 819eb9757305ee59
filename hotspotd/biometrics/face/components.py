"""Quality components of a face image, by the names of ISO/IEC 29794-5 and its open implementation OFIQ.

Each has a native value and a quality from 0 to 100. Where the standard's measure needs nothing but pixels and points,
its idea is followed; where it needs a model that is not here (sharpness, compression, occlusion, segmentation of the
background), a plain statistic stands in its place, and what is not measured is None, never a guess. The mappings are
chosen for a live camera: this is no conformant implementation, and its numbers do not compare with another's.
docs/faces.md has the table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.box import FaceBox
from hotspotd.biometrics.face.pose import head_pose
from hotspotd.biometrics.face.region import CHIN, EYE_LEVEL, EYES, HEIGHT, WIDTH, Region, region


class Measure(StrEnum):
    """Components, by the standard's names; ``name`` in lower case is the key of its threshold in the configuration."""

    SINGLE_FACE_PRESENT = "SingleFacePresent"
    HEAD_SIZE = "HeadSize"
    INTER_EYE_DISTANCE = "InterEyeDistance"
    LEFTWARD_CROP = "LeftwardCropOfTheFaceImage"
    RIGHTWARD_CROP = "RightwardCropOfTheFaceImage"
    MARGIN_ABOVE = "MarginAboveOfTheFaceImage"
    MARGIN_BELOW = "MarginBelowOfTheFaceImage"
    HEAD_POSE_YAW = "HeadPoseYaw"
    HEAD_POSE_PITCH = "HeadPosePitch"
    HEAD_POSE_ROLL = "HeadPoseRoll"
    EYES_OPEN = "EyesOpen"
    MOUTH_CLOSED = "MouthClosed"
    SHARPNESS = "Sharpness"
    LUMINANCE_MEAN = "LuminanceMean"
    LUMINANCE_VARIANCE = "LuminanceVariance"
    UNDER_EXPOSURE_PREVENTION = "UnderExposurePrevention"
    OVER_EXPOSURE_PREVENTION = "OverExposurePrevention"
    DYNAMIC_RANGE = "DynamicRange"
    ILLUMINATION_UNIFORMITY = "IlluminationUniformity"
    BACKGROUND_UNIFORMITY = "BackgroundUniformity"
    NATURAL_COLOUR = "NaturalColour"
    COMPRESSION_ARTIFACTS = "CompressionArtifacts"


@dataclass(frozen=True, slots=True)
class Component:
    """One measure: ``native`` in its own unit, ``quality`` 0 to 100; both None where it was not measured."""

    measure: Measure
    native: float | None
    quality: int | None


# Of the topology mediapipe-468, the picture's left first: lids above and below the pupil, inner lips, chin.
_LIDS = ((159, 145), (386, 374))
_LIPS = (13, 14)
_CHIN = 152
_SHARPNESS_SIDE = 128
_XYZ_OF_RGB = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_BLOCK = 8


def measure(rgb: NDArray[np.uint8], box: FaceBox, others: Sequence[FaceBox] = ()) -> tuple[Component, ...]:
    """All components of the face in ``box`` of ``rgb`` (h, w, 3), in the order of ``Measure``."""
    seen = region(rgb, box)
    native = {**_places(rgb, box, others), **_posture(box), **_light(seen)}
    native[Measure.SHARPNESS] = _sharpness(seen)
    native[Measure.BACKGROUND_UNIFORMITY] = _background(seen)
    native[Measure.NATURAL_COLOUR] = _colour(seen)
    native[Measure.COMPRESSION_ARTIFACTS] = _blocks(rgb, box)
    return tuple(_component(one, native.get(one)) for one in Measure)


def _component(which: Measure, native: float | None) -> Component:
    if native is None or not math.isfinite(native):
        return Component(which, None, None)
    return Component(which, native, round(min(100.0, max(0.0, quality_of(which, native)))))


def quality_of(which: Measure, x: float) -> float:  # noqa: C901, PLR0911, PLR0912  # A table: one arm for each component.
    """The quality of the native value ``x``, before it is cut to 0 to 100."""
    match which:
        case Measure.SINGLE_FACE_PRESENT:
            return 100 * (1 - x)
        case Measure.HEAD_SIZE:
            # Half at a sixth of the shorter side and at a half: outside, a portrait lacks pixels or its margins.
            return 100 * _sigmoid(x, 0.164, 0.02) * (1 - _sigmoid(x, 0.51, 0.03))
        case Measure.INTER_EYE_DISTANCE:
            return 100 * _sigmoid(x, 40, 10)
        case Measure.LEFTWARD_CROP | Measure.RIGHTWARD_CROP:
            # A portrait takes 2; at 1.5 an ear is at the edge.
            return 100 * _sigmoid(x, 1.5, 0.15)
        case Measure.MARGIN_ABOVE:
            return 100 * _sigmoid(x, 1.0, 0.1)
        case Measure.MARGIN_BELOW:
            return 100 * _sigmoid(x, 1.1, 0.1)
        case Measure.HEAD_POSE_YAW | Measure.HEAD_POSE_PITCH | Measure.HEAD_POSE_ROLL:
            return 100 * max(0.0, math.cos(math.radians(x))) ** 2
        case Measure.EYES_OPEN:
            return 100 * _sigmoid(x, 0.04, 0.008)
        case Measure.MOUTH_CLOSED:
            return 100 * (1 - _sigmoid(x, 0.2, 0.06))
        case Measure.SHARPNESS:
            # On a face of 128 pixels at equal contrast, one in focus gives over 60, a blur of two pixels under 15.
            return 100 * (1 - math.exp(-x / 29))
        case Measure.LUMINANCE_MEAN:
            return 100 * _sigmoid(x, 0.2, 0.05) * (1 - _sigmoid(x, 0.8, 0.05))
        case Measure.LUMINANCE_VARIANCE:
            return 100 * math.sin(60 * x / (60 * x + 1) * math.pi)
        case Measure.UNDER_EXPOSURE_PREVENTION:
            return 120 * (0.832 - _sigmoid(x, 0.92, 0.05))
        case Measure.OVER_EXPOSURE_PREVENTION:
            return 1 / (x + 0.01)
        case Measure.DYNAMIC_RANGE:
            return 12.5 * x
        case Measure.ILLUMINATION_UNIFORMITY:
            return 100 * math.pow(x, 0.3)
        case Measure.BACKGROUND_UNIFORMITY:
            return 190 * (1 - _sigmoid(x, 10, 100))
        case Measure.NATURAL_COLOUR:
            return 200 * (1 - _sigmoid(x, 0, 10))
        case Measure.COMPRESSION_ARTIFACTS:
            return 100 * (1 - _sigmoid(x, 1.8, 0.2))


def _sigmoid(x: float, middle: float, width: float) -> float:
    return 1 / (1 + math.exp(-min(60.0, max(-60.0, (x - middle) / width))))


def _places(rgb: NDArray[np.uint8], box: FaceBox, others: Sequence[FaceBox]) -> dict[Measure, float | None]:
    """Where the face is in the picture. Crops and margins are in distances of the eyes, and eye to chin."""
    height, width = rgb.shape[:2]
    apart = box.eye_distance
    mx, my = ((box.eyes[0][i] + box.eyes[1][i]) / 2 for i in (0, 1))
    tall = eye_to_chin(box)
    pose = head_pose(box)
    turned = 0.0 if pose is None else max(-60.0, min(60.0, pose.yaw))
    second = max((one.width * one.height for one in others if one != box), default=0)
    return {
        Measure.SINGLE_FACE_PRESENT: min(1.0, second / max(1, box.width * box.height)),
        Measure.HEAD_SIZE: tall / min(height, width),
        Measure.INTER_EYE_DISTANCE: apart / math.cos(math.radians(turned)),
        Measure.LEFTWARD_CROP: mx / apart,
        Measure.RIGHTWARD_CROP: (width - mx) / apart,
        Measure.MARGIN_ABOVE: my / tall,
        Measure.MARGIN_BELOW: (height - my) / tall,
    }


def eye_to_chin(box: FaceBox) -> float:
    """From the middle between the eyes to the chin in pixels: by the mesh, else by usual proportions."""
    if box.mesh is None or box.topology != "mediapipe-468":
        return CHIN * box.eye_distance
    (lx, ly), (rx, ry) = box.eyes
    x, y = box.mesh[_CHIN, :2]
    return max(1.0, float(np.hypot(x - (lx + rx) / 2, y - (ly + ry) / 2)))


def _posture(box: FaceBox) -> dict[Measure, float | None]:
    """How the head is held; all but its roll need the mesh."""
    found: dict[Measure, float | None] = {Measure.HEAD_POSE_ROLL: box.roll if box.eyes_seen else None}
    pose = head_pose(box)
    if pose is None or box.mesh is None:
        return found
    tall = eye_to_chin(box)

    def gap(pair: tuple[int, int]) -> float:
        upper, lower = box.mesh[list(pair), :2] if box.mesh is not None else np.zeros((2, 2))
        return float(np.hypot(*(upper - lower))) / tall

    found[Measure.HEAD_POSE_YAW] = pose.yaw
    found[Measure.HEAD_POSE_PITCH] = pose.pitch
    found[Measure.EYES_OPEN] = min(gap(pair) for pair in _LIDS)
    found[Measure.MOUTH_CLOSED] = gap(_LIPS)
    return found


def _light(seen: Region) -> dict[Measure, float | None]:
    """The face's luminance: mean and variance of 0 to 1, shares of dark and bright pixels, entropy, left with right."""
    values = seen.grey[seen.face]
    if values.size < 100:
        return {}
    histogram = np.bincount(values, minlength=256) / values.size
    levels = np.arange(256) / 255
    mean = float(histogram @ levels)
    some = histogram[histogram > 0]
    halves = seen.face.copy(), seen.face.copy()
    halves[0][:, WIDTH // 2 :] = False
    halves[1][:, : WIDTH // 2] = False
    left, right = (np.bincount(seen.grey[half] // 8, minlength=32) / max(1, int(half.sum())) for half in halves)
    return {
        Measure.LUMINANCE_MEAN: mean,
        Measure.LUMINANCE_VARIANCE: float(histogram @ (levels - mean) ** 2),
        Measure.UNDER_EXPOSURE_PREVENTION: float(histogram[:26].sum()),
        Measure.OVER_EXPOSURE_PREVENTION: float(histogram[247:].sum()),
        Measure.DYNAMIC_RANGE: float(-(some @ np.log2(some))),
        Measure.ILLUMINATION_UNIFORMITY: float(np.minimum(left, right).sum()),
    }


def _sharpness(seen: Region) -> float:
    """Variance of the Laplacian about the face, at equal contrast, so that a dim face is not called blurred as well."""
    left, top = (WIDTH - _SHARPNESS_SIDE) // 2, int(EYE_LEVEL - 0.4 * _SHARPNESS_SIDE)
    face = seen.grey[top : top + _SHARPNESS_SIDE, left : left + _SHARPNESS_SIDE].astype(np.float32)
    face *= 50.0 / max(10.0, float(face.std()))
    return float(cv2.Laplacian(face, cv2.CV_32F).var())


def _background(seen: Region) -> float | None:
    """Mean steepness of the background, 0 to 255 a pixel; None where a head fills the picture."""
    if int(seen.background.sum()) < 0.03 * WIDTH * HEIGHT:
        return None
    across = cv2.Sobel(seen.grey, cv2.CV_32F, 1, 0, ksize=3)
    down = cv2.Sobel(seen.grey, cv2.CV_32F, 0, 1, ksize=3)
    return float(cv2.magnitude(across, down)[seen.background].mean())


def _colour(seen: Region) -> float:
    """How far the cheeks' colour is from that of skin: distance in CIELAB a*, b* from 5 to 25 and 5 to 35."""
    y, half = int(EYE_LEVEL + 0.75 * EYES), int(0.2 * EYES)
    patches = [
        seen.rgb[y - half : y + half, x - half : x + half]
        for x in (int(WIDTH / 2 - 0.5 * EYES), int(WIDTH / 2 + 0.5 * EYES))
    ]
    a, b = _cielab(np.concatenate(patches).reshape(-1, 3))
    return math.hypot(max(0.0, 5 - a, a - 25), max(0.0, 5 - b, b - 35))


def _cielab(rgb: NDArray[np.uint8]) -> tuple[float, float]:
    """Mean a* and b* of sRGB pixels (n, 3), white D65 (IEC 61966-2-1, ISO/CIE 11664-4).

    Not OpenCV's: its tables for this take six megabytes for as long as the process lives.
    """
    values = rgb.astype(np.float64) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _XYZ_OF_RGB.T / _XYZ_OF_RGB.sum(axis=1)
    x, y, z = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29).T
    return float(500 * (x - y).mean()), float(200 * (y - z).mean())


def _blocks(rgb: NDArray[np.uint8], box: FaceBox) -> float | None:
    """Steps at the borders of JPEG's 8 x 8 blocks, times those between other pixels; about 1 without compression.

    Wang, Sheikh and Bovik, "No-reference perceptual quality assessment of JPEG compressed images", 2002. The blocks are
    taken to begin at the picture's corner; a picture that was scaled afterwards shows none.
    """
    x0, y0 = -(-box.x // _BLOCK) * _BLOCK, -(-box.y // _BLOCK) * _BLOCK
    grey = cv2.cvtColor(rgb[y0 : box.y + box.height, x0 : box.x + box.width], cv2.COLOR_RGB2GRAY)
    if min(grey.shape) < 6 * _BLOCK:
        return None
    steps = [np.abs(np.diff(plane.astype(np.float32), axis=1)).mean(axis=0) for plane in (grey, grey.T)]
    borders = np.concatenate([one[_BLOCK - 1 :: _BLOCK] for one in steps])
    inner = np.concatenate([np.delete(one, np.s_[_BLOCK - 1 :: _BLOCK]) for one in steps])
    # Half a grey level, so that an even surface has no blocks.
    return float((borders.mean() + 0.5) / (inner.mean() + 0.5))
