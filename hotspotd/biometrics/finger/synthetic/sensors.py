"""Sensors: from skin on glass to grey levels."""

from __future__ import annotations

from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.synthetic.masters import Float
from hotspotd.biometrics.finger.synthetic.noise import Pool
from hotspotd.biometrics.finger.synthetic.skin import Size, Skin


class Sensor(StrEnum):
    """Optical: white ground, deep black. Capacitive: grey ground, grain, stripes. Swept: joined from strips.

    Coarse: the 256x288 module with 16 grey levels.
    """

    OPTICAL = "optical"
    CAPACITIVE = "capacitive"
    SWEPT = "swept"
    COARSE = "coarse"


def sense(skin: Skin, rng: np.random.Generator, pool: Pool, sensor: Sensor) -> NDArray[np.uint8]:
    """(h, w) uint8 picture, ridges dark, that ``sensor`` takes of ``skin``."""
    ink = skin.ink
    size = (ink.shape[0], ink.shape[1])
    if sensor is Sensor.SWEPT:
        ink = _torn(ink, rng)
    ink = np.asarray(cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.4, 1.3)), dtype=np.float32)
    if rng.random() < 0.4:
        ink = np.asarray(np.clip(ink, 0, 1) ** rng.uniform(0.5, 1.9), dtype=np.float32)
    light, dark = _levels(rng, sensor)
    ground = light + rng.uniform(0, 8) * pool.cut(rng, size, 60.0) + _ramp(rng, size)
    grey = ground + (dark - ground) * ink * (1 + rng.uniform(0, 0.12) * pool.cut(rng, size, 25.0))
    grain = 2.0 if sensor is Sensor.OPTICAL else 6.0
    grey = grey + rng.uniform(0.3, 1.0) * grain * pool.cut(rng, size, 0.0)
    grey = grey + rng.uniform(0, 12) * ink * pool.cut(rng, size, 0.7)
    if sensor is Sensor.CAPACITIVE:
        grey = _capacitive(grey, rng, pool)
    if sensor is not Sensor.CAPACITIVE and rng.random() < 0.15:
        grey = _combed(grey, rng)
    if rng.random() < 0.06:
        grey = _repeated(grey, rng)
    if sensor is Sensor.COARSE:
        grey = np.round(grey / 17) * 17
    return np.asarray(np.clip(np.rint(grey), 0, 255), dtype=np.uint8)


def _levels(rng: np.random.Generator, sensor: Sensor) -> tuple[float, float]:
    """Grey of bare glass and of the firmest touch."""
    if sensor is Sensor.CAPACITIVE:
        light = float(rng.uniform(90, 210))
        return light, max(5.0, light - float(rng.uniform(35, 130)))
    light = float(rng.uniform(170, 255))
    return light, float(rng.uniform(0, 0.62 * light))


def _ramp(rng: np.random.Generator, size: Size) -> Float:
    y, x = np.mgrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j]
    slope = rng.normal(0, 8, size=2)
    return np.asarray(slope[0] * x + slope[1] * y, dtype=np.float32)


def _torn(ink: Float, rng: np.random.Generator) -> Float:
    """Strips a few rows high, some a pixel out of place, each a little fainter or darker."""
    out = ink.copy()
    row = 0
    while row < ink.shape[0]:
        tall = int(rng.integers(6, 40))
        shift = int(rng.choice([-1, 0, 0, 0, 1]))
        out[row : row + tall] = np.roll(ink[row : row + tall], shift, axis=1) * rng.uniform(0.85, 1.0)
        row += tall
    return out


def _capacitive(grey: Float, rng: np.random.Generator, pool: Pool) -> Float:
    """Row and column offsets, and grains that stick at black or white."""
    height, width = grey.shape
    columns = rng.normal(0, rng.uniform(0, 6), size=(1, width))
    rows = rng.normal(0, rng.uniform(0, 2), size=(height, 1))
    field = pool.cut(rng, (height, width), 0.7)
    level = rng.uniform(2.0, 3.5)
    return np.asarray(grey + columns + rows - 40 * (field > level) + 40 * (field < -level), dtype=np.float32)


def _combed(grey: Float, rng: np.random.Generator) -> Float:
    """Every other row shifted: interlaced video of a moving finger."""
    out = np.asarray(grey, dtype=np.float32).copy()
    out[::2] = np.roll(out[::2], int(rng.integers(1, 4)), axis=1)
    return out


def _repeated(grey: Float, rng: np.random.Generator) -> Float:
    """The last rows or columns repeated to the edge, as drivers do that lose the end of a picture."""
    out = np.asarray(grey, dtype=np.float32).copy()
    keep = int(rng.integers(out.shape[0] * 2 // 3, out.shape[0]))
    out[keep:] = out[keep - 1]
    return out
