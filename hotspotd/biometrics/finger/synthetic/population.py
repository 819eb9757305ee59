"""Minutiae of very many fingers that nobody has, drawn without pictures: the background of a search at scale.

A finger is an orientation field (zero-pole model of Sherlock and Monro with the sine term of ``masters``, the classes
at their shares among people), minutiae strewn over an ellipse no closer than a ridge distance, and for each the field's
direction or its opposite. As in skin, neighbours mostly point alike: the side is drawn from a smooth random wave. Two
such fingers are about as alike to the comparator as two real ones, which is what a search needs of them; nothing else
about them is realistic. ``mate`` gives a second impression. Arrays are padded: a finger of n minutiae has the first n.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

MOST: Final = 60
FEWEST: Final = 30
SIZE: Final = (400, 480)
"""Width and height [px at 500 dpi] of the picture that the minutiae lie in."""

_DRAWN: Final = 100
_APART: Final = 9.0
"""Least distance of two minutiae [px]: one ridge."""
_UNIT: Final = 440.0
"""Width of a whole finger pad [px], the unit of the model's axes."""
_SHARES: Final = np.cumsum([0.04, 0.03, 0.33, 0.32, 0.28])
"""Arch, tented arch, left loop, right loop, whorl and double loop."""
_WAVES: Final = 3


@dataclass(frozen=True)
class Minutiae:
    """Of f fingers: x, y (f, m) float32 [px], angle (f, m) float32 [rad, 0..2π), count (f,) int32 of valid places."""

    x: Float
    y: Float
    angle: Float
    count: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.count)


@dataclass(frozen=True)
class Wear:
    """How much a second impression differs; lengths [px], angles [rad], the others shares 0..1.

    lost, spurious: of the minutiae; shift, twist: spread of each place and direction; bend: size of the smooth
    distortion; turn: greatest rotation to either side; overlap: least and greatest share of the print in contact.
    """

    lost: float = 0.25
    spurious: float = 0.2
    shift: float = 2.2
    twist: float = 0.15
    bend: float = 5.0
    turn: float = np.pi / 6
    overlap: tuple[float, float] = (0.4, 1.0)


def fingers(rng: np.random.Generator, count: int) -> Minutiae:
    """``count`` fingers of FEWEST to MOST minutiae each; some thousands at a time use memory best."""
    wanted = np.clip(np.round(rng.normal(44, 8, count)), FEWEST, MOST).astype(np.int32)
    x, y, placed = _places(rng, wanted)
    u, v = x / _UNIT, -y / _UNIT
    theta = _field(rng, u, v)
    for _ in range(_WAVES):
        theta += 0.12 * _wave(rng, x, y, 160.0)
    side = _wave(rng, x, y, 90.0) + 0.5 * rng.standard_normal(x.shape, dtype=np.float32) > 0
    angle = -theta + np.pi * side + 0.08 * rng.standard_normal(x.shape, dtype=np.float32)
    return _laid(rng, x, y, angle, placed, turn=0.15)


def mate(rng: np.random.Generator, of: Minutiae, wear: Wear) -> tuple[Minutiae, NDArray[np.intp]]:
    """Another impression of each of the fingers ``of``, MOST minutiae at most.

    Beside it, of each of its minutiae the place in ``of`` that it came from; -1 for spurious ones and padding.
    """
    count, width = of.x.shape
    valid = np.arange(width) < of.count[:, None]
    x, y, angle = of.x - SIZE[0] / 2, of.y - SIZE[1] / 2, of.angle.copy()
    extra = rng.poisson(wear.spurious * of.count).clip(0, width)
    # Spurious ones lie where the print is, a little off one of its minutiae, and point anywhere.
    source = (rng.random((count, width)) * of.count[:, None]).astype(np.intp)
    new_x, new_y = (np.take_along_axis(c, source, 1) + 25 * _normal(rng, x.shape) for c in (x, y))
    x, y = np.concatenate([x, new_x], 1), np.concatenate([y, new_y], 1)
    angle = np.concatenate([angle, (2 * np.pi * rng.random(new_x.shape)).astype(np.float32)], 1)
    kept = valid & (rng.random(valid.shape) >= wear.lost)
    kept = np.concatenate([kept, np.arange(width) < extra[:, None]], 1)
    kept &= _contact(rng, x, y, kept, wear.overlap)
    bent_x = x + wear.bend * _wave(rng, x, y, 220.0) + wear.shift * _normal(rng, x.shape)
    bent_y = y + wear.bend * _wave(rng, x, y, 220.0) + wear.shift * _normal(rng, x.shape)
    angle += wear.twist * _normal(rng, x.shape)
    order = np.argsort(~kept, axis=1, kind="stable")[:, :MOST]
    bent_x, bent_y, angle = (np.take_along_axis(c, order, 1) for c in (bent_x, bent_y, angle))
    placed = np.minimum(kept.sum(axis=1), MOST).astype(np.int32)
    real = (order < width) & (np.arange(order.shape[1]) < placed[:, None])
    laid = _laid(rng, bent_x, bent_y, angle, placed, turn=wear.turn, uniform=True)
    return laid, np.where(real, order, -1)


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Float:
    return rng.standard_normal(shape, dtype=np.float32)


def _places(rng: np.random.Generator, wanted: NDArray[np.int32]) -> tuple[Float, Float, NDArray[np.int32]]:
    """Places around the origin, in an ellipse, no two closer than APART; and how many there are."""
    count = len(wanted)
    across = rng.uniform(95, 125, (count, 1)).astype(np.float32)
    along = across * rng.uniform(1.15, 1.4, (count, 1)).astype(np.float32)
    radius = np.sqrt(rng.random((count, _DRAWN), dtype=np.float32))
    bearing = np.float32(2 * np.pi) * rng.random((count, _DRAWN), dtype=np.float32)
    drawn_x, drawn_y = across * radius * np.cos(bearing), along * radius * np.sin(bearing)
    x = np.full((count, MOST), 1e6, np.float32)
    y = np.full((count, MOST), 1e6, np.float32)
    placed = np.zeros(count, np.int32)
    row = np.arange(count)
    for at_x, at_y in zip(drawn_x.T, drawn_y.T, strict=True):
        gap = (x - at_x[:, None]) ** 2 + (y - at_y[:, None]) ** 2
        chosen = row[(gap.min(axis=1) >= _APART**2) & (placed < wanted)]
        x[chosen, placed[chosen]], y[chosen, placed[chosen]] = at_x[chosen], at_y[chosen]
        placed[chosen] += 1
    return np.where(x < 1e6, x, 0), np.where(y < 1e6, y, 0), placed


def _field(rng: np.random.Generator, u: Float, v: Float) -> Float:
    """Ridge direction [rad] at the places, each finger of a class of its own; v upwards."""
    count = len(u)
    kind = np.searchsorted(_SHARES, rng.random(count) * _SHARES[-1], side="right")
    loop, whorl = (kind == 2) | (kind == 3), kind == 4
    side = np.where(kind == 3, 1.0, -1.0)
    gap = np.where(whorl, rng.uniform(0.03, 0.16, count), 0.0)
    lean = np.where(whorl, rng.normal(0, 0.07, count), 0.0)
    core_u = rng.normal(0, 0.03, count)
    core_v = rng.uniform(0.02, 0.16, count)
    delta_u = np.where(loop, -side * rng.uniform(0.3, 0.42, count), rng.uniform(-0.03, 0.03, count))
    delta_u = np.where(whorl, -0.42 + rng.normal(0, 0.04, count), delta_u)
    delta_v = core_v - np.where(kind == 1, rng.uniform(0.22, 0.4, count), rng.uniform(0.4, 0.62, count))
    bend = np.where(whorl, 0.0, rng.uniform(0.4, 0.9, count))
    total = _pole(u, v, core_u + lean, core_v + gap, bend) - _turn(u, v, delta_u, delta_v)
    second = _pole(u, v, core_u - lean, core_v - gap, bend) - _turn(u, v, -delta_u, delta_v)
    total = 0.5 * (total + np.where(whorl[:, None], second, 0)) + np.where(loop, 0.12 * side, 0)[:, None]
    rise = rng.uniform(0.9, 1.5, count)[:, None] * np.exp(-(((v + 0.1) / 0.45) ** 2))
    arch = np.arctan(-rise * np.sin(2 * np.pi * np.clip(u, -0.5, 0.5)))
    return np.asarray(np.where((kind == 0)[:, None], arch, total), dtype=np.float32)


def _turn(u: Float, v: Float, at_u: NDArray[np.float64], at_v: NDArray[np.float64]) -> Float:
    return np.asarray(
        np.arctan2(v - at_v.astype(np.float32)[:, None], u - at_u.astype(np.float32)[:, None]), np.float32
    )


def _pole(u: Float, v: Float, at_u: NDArray[np.float64], at_v: NDArray[np.float64], bend: NDArray[np.float64]) -> Float:
    half = np.float32(np.pi / 2)
    upward = np.mod(_turn(u, v, at_u, at_v) - half + 2 * half, 4 * half) - 2 * half
    return np.asarray(upward + half + bend.astype(np.float32)[:, None] * np.sin(upward), np.float32)


def _wave(rng: np.random.Generator, x: Float, y: Float, length: float) -> Float:
    """A smooth field of about unit spread for each finger: two waves of random bearing, ``length`` px and longer."""
    count = len(x)
    total = np.zeros_like(x)
    for _ in range(2):
        bearing = rng.uniform(0, 2 * np.pi, (count, 1))
        speed = 2 * np.pi / (length * rng.uniform(1.0, 2.5, (count, 1)))
        phase = rng.uniform(0, 2 * np.pi, (count, 1)).astype(np.float32)
        total += np.cos(
            (speed * np.cos(bearing)).astype(np.float32) * x + phase + (speed * np.sin(bearing)).astype(np.float32) * y
        )
    return total


def _contact(
    rng: np.random.Generator, x: Float, y: Float, kept: NDArray[np.bool_], overlap: tuple[float, float]
) -> NDArray[np.bool_]:
    """Which places lie on the touching side of a straight edge that leaves the wanted share of the kept ones."""
    count = len(x)
    bearing = rng.uniform(0, 2 * np.pi, (count, 1)).astype(np.float32)
    level = np.where(kept, x * np.cos(bearing) + y * np.sin(bearing), np.inf)
    share = rng.uniform(*overlap, count)
    last = np.maximum((share * kept.sum(axis=1)).astype(np.intp), 1) - 1
    edge = np.take_along_axis(np.sort(level, axis=1), last[:, None], 1)
    return np.asarray(level <= edge)


def _laid(
    rng: np.random.Generator,
    x: Float,
    y: Float,
    angle: Float,
    placed: NDArray[np.int32],
    *,
    turn: float,
    uniform: bool = False,
) -> Minutiae:
    """Turned and shifted on the sensor; whatever then lies off the picture is drawn in to its edge."""
    count = len(x)
    by = (rng.uniform(-turn, turn, (count, 1)) if uniform else rng.normal(0, turn, (count, 1))).astype(np.float32)
    cos, sin = np.cos(by), np.sin(by)
    shift = (15 * rng.standard_normal((2, count, 1))).astype(np.float32)
    at_x = cos * x - sin * y + shift[0] + SIZE[0] / 2
    at_y = sin * x + cos * y + shift[1] + SIZE[1] / 2
    valid = np.arange(x.shape[1]) < placed[:, None]
    at_x, at_y = np.clip(at_x, 0, SIZE[0] - 1) * valid, np.clip(at_y, 0, SIZE[1] - 1) * valid
    turned = np.mod(angle + by, np.float32(2 * np.pi)) * valid
    return Minutiae(at_x.astype(np.float32), at_y.astype(np.float32), turned.astype(np.float32), placed)
