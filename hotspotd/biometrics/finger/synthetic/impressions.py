"""What a sensor sees of a finger once: placement, skin distortion, pressure, moisture, dirt, the sensor itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.synthetic.masters import Float, Master


class Condition(StrEnum):
    """How a finger is put down."""

    GOOD = "good"
    DRY = "dry"
    WET = "wet"
    LIGHT = "light"
    PARTIAL = "partial"
    OFF_CENTRE = "off_centre"


@dataclass(frozen=True)
class _Touch:
    """Ranges drawn from for one condition; lengths in px at 500 dpi, ridge levels on the master's -1..1 scale."""

    thickness: tuple[float, float]
    dryness: tuple[float, float]
    smear: tuple[float, float]
    contact: tuple[float, float]
    offset: float
    rotation: float
    distortion: float
    dark: tuple[float, float]
    shove: float = 0.0


_TOUCHES = {
    Condition.GOOD: _Touch((-0.15, 0.2), (0.0, 0.15), (0.0, 0.1), (0.92, 1.15), 12, 10, 2.5, (45, 90)),
    Condition.DRY: _Touch((-0.6, -0.4), (0.85, 1.0), (0.0, 0.0), (0.75, 0.95), 12, 10, 2.5, (90, 140)),
    Condition.WET: _Touch((0.85, 1.05), (0.0, 0.0), (0.75, 1.0), (1.0, 1.25), 12, 10, 4.0, (20, 50)),
    Condition.LIGHT: _Touch((-0.35, -0.1), (0.2, 0.4), (0.0, 0.0), (0.42, 0.55), 12, 10, 1.5, (150, 175)),
    Condition.PARTIAL: _Touch((-0.2, 0.1), (0.0, 0.3), (0.0, 0.1), (0.34, 0.42), 12, 15, 2.5, (50, 100), 30.0),
    Condition.OFF_CENTRE: _Touch((-0.15, 0.2), (0.0, 0.2), (0.0, 0.1), (0.9, 1.1), 10, 10, 2.5, (45, 90), 125.0),
}


def impression(
    master: Master,
    rng: np.random.Generator,
    condition: Condition = Condition.GOOD,
    size: tuple[int, int] = (288, 256),
    levels: int = 16,
) -> NDArray[np.uint8]:
    """One picture of ``master`` at 500 dpi: ``size`` (height, width) uint8, ridges dark, in ``levels`` greys.

    The defaults are those of the R30x family of optical modules: 288 rows of 256, 4 bits.
    """
    touch = _TOUCHES[condition]
    at_x, at_y, shove = _placement(master, rng, touch, size)
    ridges = cv2.remap(master.ridges, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=1.0)
    contact = _contact(rng, touch, size, shove)
    ink = _ink(np.asarray(ridges, dtype=np.float32), rng, touch, size)
    return _sense(ink * contact, rng, touch, levels)


def _between(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    return float(rng.uniform(*limits))


def _cloud(rng: np.random.Generator, size: tuple[int, int], sigma: float) -> Float:
    """Smooth noise of unit spread; made small and enlarged where it is smooth enough."""
    scale = max(1, int(sigma / 3))
    small = (size[0] // scale + 2, size[1] // scale + 2)
    noise = cv2.GaussianBlur(rng.standard_normal(small).astype(np.float32), (0, 0), max(sigma / scale, 0.5))
    noise = cv2.resize(noise, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(noise / (noise.std() + 1e-6), dtype=np.float32)


def _placement(
    master: Master, rng: np.random.Generator, touch: _Touch, size: tuple[int, int]
) -> tuple[Float, Float, tuple[float, float]]:
    """Where on the master each pixel looks, and by how much the finger lies off the sensor's middle."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    side = rng.uniform(0, 2 * np.pi)
    shove = (touch.shove * float(np.cos(side)), touch.shove * float(np.sin(side)))
    turn = np.radians(rng.normal(0, touch.rotation / 2))
    u = x - width / 2 - shove[0]
    v = y - height / 2 - shove[1]
    stretch = 1 + rng.normal(0, 0.012, size=2)
    rows, columns = master.ridges.shape
    at_x = columns / 2 + stretch[0] * (np.cos(turn) * u - np.sin(turn) * v) + rng.normal(0, touch.offset)
    at_y = rows * 0.46 + stretch[1] * (np.sin(turn) * u + np.cos(turn) * v) + rng.normal(0, touch.offset)
    at_x += touch.distortion * _cloud(rng, size, 45.0)
    at_y += touch.distortion * _cloud(rng, size, 45.0)
    return at_x.astype(np.float32), at_y.astype(np.float32), shove


def _contact(rng: np.random.Generator, touch: _Touch, size: tuple[int, int], shove: tuple[float, float]) -> Float:
    """(h, w) 0..1: where skin touches the glass."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    reach = _between(rng, touch.contact)
    across = reach * 122 * rng.uniform(0.93, 1.07)
    along = reach * 158 * rng.uniform(0.93, 1.07)
    centre_x = width / 2 + shove[0] + rng.normal(0, 4)
    centre_y = height / 2 + shove[1] + rng.normal(0, 4)
    radius = np.hypot((x - centre_x) / across, (y - centre_y) / along)
    ragged = radius + 0.03 * _cloud(rng, size, 12.0) + 0.015 * _cloud(rng, size, 3.0)
    return np.asarray(np.clip((1.0 - ragged) * 25.0, 0, 1), dtype=np.float32)


def _ink(ridges: Float, rng: np.random.Generator, touch: _Touch, size: tuple[int, int]) -> Float:
    """(h, w) 0..1: how firmly skin touches, from the ridge profile, the pressure and the moisture."""
    thickness = _between(rng, touch.thickness) + 0.12 * _cloud(rng, size, 30.0)
    firm = 0.5 + 0.5 * np.tanh(2.2 * (thickness - ridges))
    dryness = np.clip(_between(rng, touch.dryness) + 0.2 * _cloud(rng, size, 25.0), 0, 1.2)
    # Dry ridges touch in dots about as large as the distance of pores.
    dots = 0.5 + 0.5 * np.tanh(2.5 * (_cloud(rng, size, 1.7) + 1.6 - 2.3 * dryness))
    firm = firm * dots
    smear = _between(rng, touch.smear)
    smear = np.clip(smear - 0.15 + (0.1 + 0.3 * smear) * _cloud(rng, size, 22.0), 0, 1)
    blurred = np.asarray(cv2.GaussianBlur(firm.astype(np.float32), (0, 0), 4.0), dtype=np.float32)
    return np.asarray(firm * (1 - smear) + np.clip(1.25 * blurred, 0, 1) * smear, dtype=np.float32)


def _sense(ink: Float, rng: np.random.Generator, touch: _Touch, levels: int) -> NDArray[np.uint8]:
    size = (ink.shape[0], ink.shape[1])
    light = 228 + rng.normal(0, 6) + 5 * _cloud(rng, size, 60.0)
    dark = _between(rng, touch.dark)
    grey = light + (dark - light) * cv2.GaussianBlur(ink, (0, 0), 0.7)
    grey = grey + 9 * ink * rng.standard_normal(size) + 3 * rng.standard_normal(size)
    step = 255 / (levels - 1)
    return np.asarray(np.clip(np.round(np.round(grey / step) * step), 0, 255), dtype=np.uint8)
