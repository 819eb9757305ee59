"""From a picture and a face to the tensor that a model's manifest asks for."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.box import FaceBox, Point
from hotspotd.biometrics.manifest import BoxAlignment, EyeAlignment, FivePointAlignment, Input
from hotspotd.biometrics.models import ModelManifest

REVISION = 2
"""Raised whenever the same picture would give other tensors: embeddings of two revisions are not compared."""

__all__ = ["REVISION", "Input", "crop", "fit", "inverse", "matrix", "tensor", "upright", "warp"]


def crop(rgb: NDArray[np.uint8], box: FaceBox, manifest: ModelManifest) -> NDArray[np.uint8]:
    """The model's view of the face: (input.height, input.width, 3) RGB; the edge repeats outside the picture."""
    height, width = rgb.shape[:2]
    return warp(rgb, matrix(box, manifest, (width, height)), manifest.input)


def matrix(box: FaceBox, manifest: ModelManifest, picture: tuple[int, int]) -> NDArray[np.float64]:
    """The turn, scale and shift (2x3) from ``picture``, given by width and height, to the model's input."""
    size, where = manifest.input, manifest.alignment
    if isinstance(where, EyeAlignment):
        targets = (
            (where.left_x * size.width, where.left_y * size.height),
            (where.right_x * size.width, where.right_y * size.height),
        )
        return fit(np.array(box.eyes), np.array(targets))
    if isinstance(where, FivePointAlignment):
        return _five_points(box, where, size)
    if isinstance(where, BoxAlignment):
        side = max(box.width, box.height) * where.scale
        return upright(box.centre, side, math.radians(box.roll) if where.upright else 0.0, size)
    width, height = picture
    side = max(width * size.height / size.width, height) * size.width / size.height
    return upright((width / 2, height / 2), side, 0.0, size)


def _five_points(box: FaceBox, where: FivePointAlignment, size: Input) -> NDArray[np.float64]:
    """By all the points that are known of the face: five, or eyes, nose and middle of the mouth, or the eyes alone."""
    unit = (1, 1) if where.unit == "pixels" else (size.width, size.height)
    left, right, nose, mouth_left, mouth_right = (
        np.array(point, np.float64) * unit
        for point in (where.left_eye, where.right_eye, where.nose, where.mouth_left, where.mouth_right)
    )
    points = box.five_points
    if points is not None:
        return fit(points, np.array([left, right, nose, mouth_left, mouth_right]))
    if box.nose is not None and box.mouth is not None:
        known = np.array([*box.eyes, box.nose, box.mouth])
        return fit(known, np.array([left, right, nose, (mouth_left + mouth_right) / 2]))
    return fit(np.array(box.eyes), np.array([left, right]))


def fit(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The turn, scale and shift (2x3), no mirroring, that takes points (n, 2) nearest to others, by least squares.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991; in the plane it
    is one complex division.
    """
    s, t = source @ np.array([1, 1j]), target @ np.array([1, 1j])
    s0, t0 = s.mean(), t.mean()
    turn = ((t - t0) * (s - s0).conj()).sum() / (np.abs(s - s0) ** 2).sum()
    shift = t0 - turn * s0
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def upright(middle: Point, side: float, roll: float, size: Input) -> NDArray[np.float64]:
    """The matrix (2x3) that shows a square of ``side`` pixels about ``middle`` in the input, its width across.

    ``roll`` [rad], clockwise in the picture, is turned back.
    """
    scale = size.width / side
    c, s = scale * math.cos(roll), scale * math.sin(roll)
    x, y = middle
    return np.array([[c, s, size.width / 2 - c * x - s * y], [-s, c, size.height / 2 + s * x - c * y]])


def inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix (2x3) that undoes one."""
    back = np.linalg.inv(matrix[:, :2])
    return np.column_stack([back, -back @ matrix[:, 2]])


def warp(
    rgb: NDArray[np.uint8], matrix: NDArray[np.float64], size: Input, *, enlarging: int = cv2.INTER_LINEAR
) -> NDArray[np.uint8]:
    """The picture as ``matrix`` shows it in the input; the edge repeats outside the picture.

    ``enlarging`` is OpenCV's way to interpolate where it is not made smaller.
    """
    # Shrinking by bilinear sampling alone would fold fine texture into what the model sees.
    shrink = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    source, how = rgb, enlarging if shrink >= 1 else cv2.INTER_LINEAR
    if shrink < 0.6:
        sigma = 0.45 / shrink - 0.45
        source, matrix = _about(rgb, matrix, size, 3 * sigma + 2)
        source = np.asarray(cv2.GaussianBlur(source, (0, 0), sigma), np.uint8)
    return np.asarray(
        cv2.warpAffine(source, matrix, (size.width, size.height), flags=how, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


def _about(
    rgb: NDArray[np.uint8], matrix: NDArray[np.float64], size: Input, margin: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The part of the picture that the input shows, and the matrix from there: the rest needs no smoothing."""
    back = inverse(matrix)
    corners = np.array([[0, 0], [size.width, 0], [0, size.height], [size.width, size.height]], np.float64)
    seen = corners @ back[:, :2].T + back[:, 2]
    limits = np.array([rgb.shape[1], rgb.shape[0]])
    low = np.clip(np.floor(seen.min(axis=0) - margin), 0, limits - 1).astype(int)
    high = np.clip(np.ceil(seen.max(axis=0) + margin), low + 1, limits).astype(int)
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ low
    return rgb[low[1] : high[1], low[0] : high[0]], moved


def tensor(pixels: NDArray[np.uint8], form: Input) -> NDArray[np.float32]:
    """``pixels`` (height, width, 3) RGB as the input tensor of ``form``."""
    if form.colour == "GREY":
        planes = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[:, :, None]
    else:
        planes = pixels[:, :, ::-1] if form.colour == "BGR" else pixels
    values = (planes.astype(np.float32) - np.asarray(form.mean, np.float32)) / np.asarray(form.scale, np.float32)
    if form.layout == "NCHW":
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values[None])
