"""Whole ridge patterns: an orientation field from poles and zeros, and ridges grown along it.

Orientation: zero-pole model of Sherlock and Monro, with a sine term so that loops don't fan out.
Growth: noise filtered again and again by Gabor functions of the local orientation, at 250 dpi, until it is ridges.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

_HEIGHT, _WIDTH = 300, 220
"""At 250 dpi: 30 x 22 mm, a whole first phalanx pad."""
_ORIENTATIONS = 16
_ROUNDS = 9
_SIDE = 15
"""Side of a growth filter: three ridges at 250 dpi."""


class Pattern(StrEnum):
    """Henry classes."""

    ARCH = "arch"
    TENTED_ARCH = "tented_arch"
    LEFT_LOOP = "left_loop"
    RIGHT_LOOP = "right_loop"
    WHORL = "whorl"
    DOUBLE_LOOP = "double_loop"


_SHARES = {
    Pattern.ARCH: 0.04,
    Pattern.TENTED_ARCH: 0.03,
    Pattern.LEFT_LOOP: 0.33,
    Pattern.RIGHT_LOOP: 0.32,
    Pattern.WHORL: 0.22,
    Pattern.DOUBLE_LOOP: 0.06,
}
"""Among people, about (Cappelli and others, SFinGe; NIST SD 4 documentation)."""


@dataclass(frozen=True)
class Master:
    """``ridges`` (600, 440) float32 at 500 dpi, -1 on ridges to 1 in valleys; ``theta`` ridge orientation there."""

    seed: int
    pattern: Pattern
    ridges: Float
    theta: Float


def master(seed: int, pattern: Pattern | None = None) -> Master:
    """The finger with this ``seed`` (0 upwards); its class is drawn from the shares among people unless given."""
    rng = np.random.default_rng([0x46_49_4E_47, seed])
    drawn = list(_SHARES)[int(rng.choice(len(_SHARES), p=list(_SHARES.values())))]
    chosen = pattern or drawn
    theta = _orientation(chosen, rng)
    ridges = _grow(theta, rng)
    size = (_WIDTH * 2, _HEIGHT * 2)
    double = np.stack([np.cos(2 * theta), np.sin(2 * theta)], axis=2).astype(np.float32)
    double = np.asarray(cv2.resize(double, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    theta_full = np.mod(0.5 * np.arctan2(double[..., 1], double[..., 0]), np.pi)
    full = np.clip(cv2.resize(ridges, size, interpolation=cv2.INTER_CUBIC), -1, 1)
    return Master(seed, chosen, np.asarray(full, np.float32), np.asarray(theta_full, np.float32))


def _orientation(pattern: Pattern, rng: np.random.Generator) -> Float:
    y, x = np.mgrid[:_HEIGHT, :_WIDTH].astype(np.float64)
    # Model axes: x rightwards, y upwards, in units of the finger's width, origin at its middle.
    u = (x - _WIDTH / 2) / _WIDTH
    v = (_HEIGHT / 2 - y) / _WIDTH
    if pattern is Pattern.ARCH:
        theta = _arch(u, v, rng)
    elif pattern is Pattern.TENTED_ARCH:
        core = (rng.uniform(-0.04, 0.04), rng.uniform(-0.05, 0.12))
        delta = (core[0] + rng.uniform(-0.03, 0.03), core[1] - rng.uniform(0.22, 0.4))
        theta = _poles(u, v, [core], [delta], bend=rng.uniform(0.3, 0.7))
    elif pattern in (Pattern.WHORL, Pattern.DOUBLE_LOOP):
        middle, gap = rng.normal(0.0, 0.03), rng.uniform(0.06, 0.28)
        lean = rng.normal(0.0, 0.05)
        if pattern is Pattern.DOUBLE_LOOP:
            # The two loops lie beside each other, one from below and one from above.
            gap, lean = rng.uniform(0.22, 0.36), float(rng.choice([-1.0, 1.0]) * rng.uniform(0.08, 0.16))
        cores = [(middle + lean, 0.1 + gap / 2), (middle - lean, 0.1 - gap / 2)]
        deltas = [(-0.42 + rng.normal(0, 0.04), -0.4 + rng.normal(0, 0.06)), (0.42 + rng.normal(0, 0.04), -0.4)]
        theta = _poles(u, v, cores, deltas, bend=0.0)
    else:
        side = 1.0 if pattern is Pattern.RIGHT_LOOP else -1.0
        core = (side * rng.uniform(-0.06, 0.06), rng.uniform(0.02, 0.18))
        delta = (-side * rng.uniform(0.3, 0.42), core[1] - rng.uniform(0.4, 0.62))
        theta = _poles(u, v, [core], [delta], bend=rng.uniform(0.5, 0.95)) + side * 0.12
    wobble = _smooth_noise(rng, 32.0) * 0.20
    # Back to picture axes, where y points down.
    return np.asarray(np.mod(-(theta + wobble), np.pi), dtype=np.float32)


def _arch(u: NDArray[np.float64], v: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    height = rng.uniform(0.9, 1.5)
    rise = np.clip(height * np.exp(-(((v + 0.1) / 0.45) ** 2)), 0, None)
    return np.asarray(np.arctan(-rise * np.sin(2 * np.pi * np.clip(u, -0.5, 0.5)) - 0.9 * u * (v > 0) * v * 2))


def _poles(
    u: NDArray[np.float64],
    v: NDArray[np.float64],
    cores: list[tuple[float, float]],
    deltas: list[tuple[float, float]],
    bend: float,
) -> NDArray[np.float64]:
    """Half the turn around each core less half that around each delta: level far away, where they cancel."""
    total = np.zeros_like(u)
    for cu, cv in cores:
        upward = np.mod(np.arctan2(v - cv, u - cu) - np.pi / 2 + np.pi, 2 * np.pi) - np.pi
        # Without the sine, ridges below a core fan out like rays; with it they run down side by side.
        total += upward + np.pi / 2 + bend * np.sin(upward)
    for du, dv in deltas:
        total -= np.arctan2(v - dv, u - du)
    return 0.5 * total


def _smooth_noise(rng: np.random.Generator, sigma: float) -> Float:
    noise = cv2.GaussianBlur(rng.standard_normal((_HEIGHT, _WIDTH)).astype(np.float32), (0, 0), sigma)
    return np.asarray(noise / (noise.std() + 1e-9), dtype=np.float32)


def _grow(theta: Float, rng: np.random.Generator) -> Float:
    period = rng.uniform(3.8, 5.3)
    spread = np.clip(1.0 + 0.12 * _smooth_noise(rng, 20.0), 0.8, 1.25)
    banks = [_bank(period * 0.86), _bank(period * 1.16)]
    wide = np.clip((spread - 0.86) / 0.30, 0, 1).astype(np.float32)
    position = theta / np.pi * _ORIENTATIONS
    weights = []
    for index in range(_ORIENTATIONS):
        off = np.abs(position - index)
        share = np.clip(1.0 - np.minimum(off, _ORIENTATIONS - off), 0, 1).astype(np.float32)
        weights.append((share * (1 - wide), share * wide))
    picture = rng.standard_normal(theta.shape).astype(np.float32)
    for _ in range(_ROUNDS):
        grown = np.zeros_like(picture)
        for index in range(_ORIENTATIONS):
            for bank, weight in zip(banks, weights[index], strict=True):
                grown += weight * cv2.filter2D(picture, -1, bank[index], borderType=cv2.BORDER_REFLECT_101)
        picture = np.clip(grown * 1.6, -1, 1)
    return np.asarray(picture, dtype=np.float32)


def _bank(period: float) -> list[Float]:
    y, x = np.mgrid[:_SIDE, :_SIDE] - (_SIDE - 1) / 2
    window = np.exp(-(x**2 + y**2) / (2 * (0.62 * period) ** 2))
    out = []
    for index in range(_ORIENTATIONS):
        angle = np.pi * index / _ORIENTATIONS + np.pi / 2
        gabor = window * np.cos(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
        gabor -= window * gabor.sum() / window.sum()
        out.append((gabor / np.abs(gabor).sum() * 2).astype(np.float32))
    return out
