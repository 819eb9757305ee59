"""From a picture and a face box to the tensor that a model's manifest asks for."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.detect import FaceBox
from hotspotd.biometrics.models import BoxAlignment, EyeAlignment, Input, ModelManifest

REVISION = 1
"""Raised whenever the same picture would give other tensors: embeddings of two revisions are not compared."""


def crop(rgb: NDArray[np.uint8], box: FaceBox, manifest: ModelManifest) -> NDArray[np.uint8]:
    """The model's view of the face: (input.height, input.width, 3) RGB; the edge repeats outside the picture."""
    size, where = manifest.input, manifest.alignment
    if isinstance(where, EyeAlignment):
        targets = (
            (where.left_x * size.width, where.left_y * size.height),
            (where.right_x * size.width, where.right_y * size.height),
        )
        matrix = _two_points(box.eyes, targets)
    elif isinstance(where, BoxAlignment):
        side = max(box.width, box.height) * where.scale
        matrix = _centred(box.centre, size, size.width / side)
    else:
        height, width = rgb.shape[:2]
        matrix = _centred((width / 2, height / 2), size, min(size.width / width, size.height / height))
    # Shrinking by bilinear sampling alone would fold fine texture into the descriptor.
    shrink = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    source = rgb
    if shrink < 0.6:
        sigma = 0.45 / shrink - 0.45
        source = np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.uint8)
    return np.asarray(
        cv2.warpAffine(
            source, matrix, (size.width, size.height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )


def tensor(pixels: NDArray[np.uint8], form: Input) -> NDArray[np.float32]:
    """``pixels`` (height, width, 3) RGB as the input tensor of ``form``."""
    if form.colour == "GREY":
        planes = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[:, :, None]
    else:
        planes = pixels[:, :, ::-1] if form.colour == "BGR" else pixels
    values = (planes.astype(np.float32) - np.float32(form.mean)) / np.float32(form.scale)
    if form.layout == "NCHW":
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values[None])


def _two_points(
    source: tuple[tuple[float, float], ...], target: tuple[tuple[float, float], ...]
) -> NDArray[np.float64]:
    """The turn, scale and shift (2x3) that takes two points to two others."""
    s0, s1 = (complex(*point) for point in source)
    t0, t1 = (complex(*point) for point in target)
    turn = (t1 - t0) / (s1 - s0)
    shift = t0 - turn * s0
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def _centred(centre: tuple[float, float], size: Input, scale: float) -> NDArray[np.float64]:
    return np.array([[scale, 0, size.width / 2 - scale * centre[0]], [0, scale, size.height / 2 - scale * centre[1]]])
