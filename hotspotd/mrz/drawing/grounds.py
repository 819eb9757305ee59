"""What security print leaves under a zone: tints, guilloches, fine lines and grain. Grey, 0 black to 1 white."""

from __future__ import annotations

from enum import Enum

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


class Ground(Enum):
    """Kinds of ground."""

    PLAIN = "plain"
    WAVES = "waves"
    ROSETTES = "rosettes"
    LATTICE = "lattice"
    MICROTEXT = "microtext"
    BLOTCHES = "blotches"


def ground(rng: np.random.Generator, kind: Ground, shape: tuple[int, int], pitch: float, depth: float) -> Float:
    """A ground of ``shape`` (h, w) for characters of ``pitch`` [px]; ``depth`` 0..1 is its darkest part's."""
    height, width = shape
    rows = np.arange(height, dtype=np.float32)[:, None] / np.float32(pitch)
    columns = np.arange(width, dtype=np.float32)[None] / np.float32(pitch)
    tint = _blotches(rng, shape, pitch * rng.uniform(3, 12)) * np.float32(0.5)
    match kind:
        case Ground.PLAIN:
            marks = np.zeros(shape, np.float32)
        case Ground.WAVES:
            marks = _lines(rng, rows, columns) if rng.random() < 0.5 else _waves(rng, rows, columns)
        case Ground.ROSETTES:
            marks = _rosettes(rng, shape, pitch)
        case Ground.LATTICE:
            marks = np.maximum(_lines(rng, rows, columns), _lines(rng, rows, columns))
        case Ground.MICROTEXT:
            marks = _microtext(rng, shape, pitch)
        case Ground.BLOTCHES:
            marks = _blotches(rng, shape, pitch * rng.uniform(0.2, 1.2))
    dark = np.float32(depth) * np.maximum(marks, tint)
    if rng.random() < 0.3:
        dark += rng.standard_normal(shape, np.float32) * np.float32(0.04 * rng.random())
    return np.asarray(1 - np.clip(dark, 0, 1), np.float32)


def _waves(rng: np.random.Generator, rows: Float, columns: Float) -> Float:
    out = np.zeros((rows.shape[0], columns.shape[1]), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        every, thin = rng.uniform(0.12, 0.9), rng.uniform(1, 4)
        bend = rng.uniform(0.1, 1.2) * np.sin(columns * rng.uniform(0.2, 2.5) + rng.uniform(0, 6))
        slope = rng.uniform(-0.6, 0.6)
        phase = (rows + slope * columns + bend.astype(np.float32)) * np.float32(2 * np.pi / every)
        lines = (0.5 + 0.5 * np.cos(phase)) ** np.float32(thin)
        out = np.maximum(out, lines.astype(np.float32))
    return out


def _lines(rng: np.random.Generator, rows: Float, columns: Float) -> Float:
    turn, every = rng.uniform(0, np.pi), rng.uniform(0.12, 1.5)
    phase = (rows * np.float32(np.sin(turn)) + columns * np.float32(np.cos(turn))) * np.float32(2 * np.pi / every)
    return np.asarray((0.5 + 0.5 * np.cos(phase)) ** np.float32(rng.uniform(1, 6)), np.float32)


def _rosettes(rng: np.random.Generator, shape: tuple[int, int], pitch: float) -> Float:
    out = np.zeros(shape, np.uint8)
    turn = np.linspace(0, 2 * np.pi, 181)
    for _ in range(int(rng.integers(1, 4))):
        middle = rng.uniform(0, 1, 2) * (shape[1], shape[0])
        size, leaves, depth = rng.uniform(1.5, 7) * pitch, int(rng.integers(3, 14)), rng.uniform(0.1, 0.6)
        for ring in range(int(rng.integers(4, 14))):
            radius = size * (1 - 0.06 * ring) * (1 + depth * np.sin(leaves * turn + ring * 0.3))
            path = np.stack([middle[0] + radius * np.cos(turn), middle[1] + radius * np.sin(turn)], 1)
            points = np.rint(path * 8).astype(np.int32)
            cv2.polylines(out, [points], True, int(rng.integers(100, 256)), 1, cv2.LINE_AA, 3)
    return np.asarray(out, np.float32) / np.float32(255)


def _microtext(rng: np.random.Generator, shape: tuple[int, int], pitch: float) -> Float:
    out = np.zeros(shape, np.uint8)
    scale, step = pitch * rng.uniform(0.008, 0.02), pitch * rng.uniform(0.35, 0.9)
    letters = "".join(chr(int(code)) for code in rng.integers(65, 91, 12))
    text = letters * (1 + int(shape[1] / (len(letters) * scale * 18)))
    for number in range(int(shape[0] / step) + 1):
        place = int(-rng.uniform(0, 30)), int(number * step)
        cv2.putText(out, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, int(rng.integers(128, 256)), 1, cv2.LINE_AA)
    return np.asarray(out, np.float32) / np.float32(255)


def _blotches(rng: np.random.Generator, shape: tuple[int, int], size: float) -> Float:
    small = max(2, int(shape[0] / size) + 2), max(2, int(shape[1] / size) + 2)
    return cv2.resize(rng.random(small, np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC).clip(0, 1)
