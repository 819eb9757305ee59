"""One observation of a master with everything that is true about it: what a learner needs, and nothing it must guess.

Promises, for every observation: the picture, where each minutia lies in it, which way ridges run, the ridges as they
would be on a perfect sensor, and how well each place can be read at all. Ranges are wide on purpose: dry and wet
skin, creases, scars, worn patches, smears and residue, part of a finger only, optical, capacitive, swept and coarse
sensors. Skin is in ``skin``, sensors are in ``sensors``.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.synthetic.masters import Float, Master
from hotspotd.biometrics.finger.synthetic.noise import Pool
from hotspotd.biometrics.finger.synthetic.sensors import Sensor, sense
from hotspotd.biometrics.finger.synthetic.skin import touch
from hotspotd.biometrics.finger.synthetic.truth import Truth


@dataclass(frozen=True)
class Observation:
    """Of one picture (h, w) at 500 dpi.

    image uint8, ridges dark; ridges (h, w) float32, -1 on ridges to 1 in valleys, without any wear; theta (h/8, w/8)
    float32 ridge orientation [0, π) at pixel (8i, 8j); readable (h/8, w/8) float32 0..1, how well picture and ridges
    agree there, 0 off the finger; points: the minutiae that lie in the picture.
    """

    image: NDArray[np.uint8]
    ridges: Float
    theta: Float
    readable: Float
    points: Truth


_STEP = 8


def observe(
    master: Master,
    truth: Truth,
    rng: np.random.Generator,
    pool: Pool,
    sensor: Sensor,
    size: tuple[int, int] = (256, 256),
) -> Observation:
    """What ``sensor`` sees of ``master`` once, by chance from ``rng``; ``size`` (height, width), multiples of 8."""
    at_x, at_y = _pose(master, rng, pool, size)
    ridges = np.asarray(
        cv2.remap(master.ridges, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), dtype=np.float32
    )
    skin = touch(ridges, rng, pool)
    image = sense(skin, rng, pool, sensor)
    readable = _readable(image, ridges)[::_STEP, ::_STEP] * (skin.contact[::_STEP, ::_STEP] > 0.5)
    return Observation(
        image,
        ridges,
        _theta(master, at_x, at_y),
        np.ascontiguousarray(readable, dtype=np.float32),
        _points(truth, at_x, at_y),
    )


def _pose(master: Master, rng: np.random.Generator, pool: Pool, size: tuple[int, int]) -> tuple[Float, Float]:
    """Where on the master each pixel looks: shift, turn, scale, and the skin's own give."""
    height, width = size
    rows, columns = master.ridges.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    turn = rng.normal(0, 0.35) if rng.random() < 0.75 else rng.uniform(-np.pi, np.pi)
    scale = rng.uniform(0.82, 1.25) * (1 + rng.normal(0, 0.015, size=2))
    u, v = (x - width / 2) * scale[0], (y - height / 2) * scale[1]
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    middle_x = columns / 2 + np.clip(rng.normal(0, 0.14), -0.3, 0.3) * columns
    middle_y = rows / 2 + np.clip(rng.normal(-0.03, 0.15), -0.3, 0.3) * rows
    give = rng.uniform(0, 6.0)
    at_x = cos * u - sin * v + middle_x + give * pool.cut(rng, size, 40.0)
    at_y = sin * u + cos * v + middle_y + give * pool.cut(rng, size, 40.0)
    if rng.random() < 0.5:
        at_x = columns - 1 - at_x
    return at_x.astype(np.float32), at_y.astype(np.float32)


def _jacobian(at_x: Float, at_y: Float, step: int) -> tuple[Float, Float, Float, Float]:
    def slope(values: Float, axis: int) -> Float:
        return np.asarray(np.gradient(values[::step, ::step], step, axis=axis), dtype=np.float32)

    return slope(at_x, 1), slope(at_x, 0), slope(at_y, 1), slope(at_y, 0)


def _theta(master: Master, at_x: Float, at_y: Float) -> Float:
    """Orientation in the picture: the master's, pulled back through the pose."""
    sampled_x, sampled_y = at_x[::_STEP, ::_STEP], at_y[::_STEP, ::_STEP]
    cos2, sin2 = (
        cv2.remap(part, sampled_x, sampled_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        for part in (np.cos(2 * master.theta), np.sin(2 * master.theta))
    )
    theta = 0.5 * np.arctan2(sin2, cos2)
    xx, xy, yx, yy = _jacobian(at_x, at_y, _STEP)
    along_x, along_y = np.cos(theta), np.sin(theta)
    # Inverse of the 2x2 slope matrix; its determinant's size doesn't matter for a direction, its sign does.
    sign = np.sign(xx * yy - xy * yx)
    back_x, back_y = (yy * along_x - xy * along_y) * sign, (xx * along_y - yx * along_x) * sign
    return np.asarray(np.mod(np.arctan2(back_y, back_x), np.pi), dtype=np.float32)


def _points(truth: Truth, at_x: Float, at_y: Float) -> Truth:
    """The minutiae carried into the picture: the pose inverted by a few Newton steps from the nearest coarse sample."""
    height, width = at_x.shape
    coarse_x, coarse_y = at_x[::_STEP, ::_STEP].ravel(), at_y[::_STEP, ::_STEP].ravel()
    near = (
        (truth.x > coarse_x.min() - 4)
        & (truth.x < coarse_x.max() + 4)
        & (truth.y > coarse_y.min() - 4)
        & (truth.y < coarse_y.max() + 4)
    )
    mx, my, angle, kind = truth.x[near], truth.y[near], truth.angle[near], truth.kind[near]
    gap = (coarse_x[None] - mx[:, None]) ** 2 + (coarse_y[None] - my[:, None]) ** 2
    best = np.argmin(gap, axis=1) if len(mx) else np.zeros(0, dtype=np.intp)
    per_row = -(-width // _STEP)
    px = (best % per_row * _STEP).astype(np.float32)
    py = (best // per_row * _STEP).astype(np.float32)
    xx, xy, yx, yy = _jacobian(at_x, at_y, 1)
    row, column = np.zeros(len(px), dtype=np.intp), np.zeros(len(px), dtype=np.intp)
    for _ in range(4):
        row, column = (
            np.clip(np.rint(place), 0, side - 1).astype(np.intp) for place, side in ((py, height), (px, width))
        )
        off_x = mx - at_x[row, column]
        off_y = my - at_y[row, column]
        a, b, c, d = xx[row, column], xy[row, column], yx[row, column], yy[row, column]
        determinant = a * d - b * c
        px = column + (d * off_x - b * off_y) / determinant
        py = row + (a * off_y - c * off_x) / determinant
    inside = (px >= 0) & (py >= 0) & (px <= width - 1) & (py <= height - 1)
    a, b, c, d = xx[row, column], xy[row, column], yx[row, column], yy[row, column]
    sign = np.sign(a * d - b * c)
    back_x = (d * np.cos(angle) - b * np.sin(angle)) * sign
    back_y = (a * np.sin(angle) - c * np.cos(angle)) * sign
    turned = np.mod(np.arctan2(back_y, back_x), 2 * np.pi).astype(np.float32)
    return Truth(
        px[inside].astype(np.float32), py[inside].astype(np.float32), turned[inside], kind[inside].astype(np.uint8)
    )


def _readable(image: NDArray[np.uint8], ridges: Float) -> Float:
    """(h, w) 0..1: local correlation of the picture with its true ridges."""

    def mean(values: Float) -> Float:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), 6.0), dtype=np.float32)

    grey = image.astype(np.float32)
    flat = grey - mean(grey)
    wave = ridges - mean(ridges)
    both = mean(flat * wave)
    own = np.sqrt(mean(flat * flat) * mean(wave * wave))
    # Two grey levels of noise: a place without any contrast can't be read however well it correlates.
    return np.asarray(np.clip(both / (own + 1.0), 0.0, 1.0), dtype=np.float32)
