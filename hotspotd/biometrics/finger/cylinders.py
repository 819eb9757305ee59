"""Minutia Cylinder-Code: a bit pattern for the neighbourhood of each minutia, and how alike two of them are.

Cappelli, Ferrara and Maltoni, "Minutia Cylinder-Code: a new representation and matching technique for fingerprint
recognition", PAMI 2010. Invariant to shift and rotation, so neighbourhoods can be compared before prints are aligned.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.template import FingerTemplate

Float = NDArray[np.float32]
Small = NDArray[np.uint8]
"""Counts kept in memory for every print of a list: a quarter of what the products need."""

_SIDE = 18
"""Cells along the side of the square around the disc (NS)."""
_SECTORS = 4
"""Sections of relative direction (ND)."""
_RADIUS = 70.0
"""[px at 500 dpi]: about eight ridges."""
_SIGMA = 8.0
"""Spread of a neighbour's place [px], nearly one ridge distance."""
_SIGMA_ANGLE = 0.35
"""Spread of a neighbour's direction [rad]."""
_MU = 0.01
"""A cell is set where its neighbours' share exceeds this."""
_HULL_MARGIN = 50.0
"""Cells up to this far [px] outside the hull of all minutiae are still known to be empty or not."""
_LEAST_CELLS = 0.65
_LEAST_NEIGHBOURS = 2
_LEAST_COMMON = 0.3
_MOST_TURN = np.pi / 2
"""Prints turned further than this against each other are not looked for."""


@dataclass(frozen=True, eq=False)
class Cylinders:
    """Of n minutiae: bits (n, cells·SECTORS) 0/1, folded (n, cells) set bits in each cell, known (n, cells) 0/1,
    usable (n,); and of all of them x, y, angle.
    """

    bits: Small
    folded: Small
    known: Small
    usable: NDArray[np.bool_]
    x: Float
    y: Float
    angle: Float

    def __len__(self) -> int:
        return len(self.x)


@cache
def _cells() -> tuple[Float, NDArray[np.bool_]]:
    """Centres along one side [px] (SIDE,), and which of the SIDE² cells lie in the disc."""
    size = 2 * _RADIUS / _SIDE
    centres = (np.arange(_SIDE) - (_SIDE - 1) / 2) * size
    disc = np.hypot(centres[:, None], centres[None, :]) <= _RADIUS
    return centres.astype(np.float32), disc


def _angle_share(turn: Float) -> Float:
    """Share of a Gaussian in angle, centred ``turn`` off, that falls in one sector; from a table, wrapped."""
    return np.asarray(np.interp(np.abs(turn), *_angle_table()), dtype=np.float32)


@cache
def _angle_table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    half = np.pi / _SECTORS
    turn = np.linspace(0, np.pi, 257)
    fine = np.linspace(-half, half, 129)
    off = np.mod(turn[:, None] + fine[None] + np.pi, 2 * np.pi) - np.pi
    density = np.exp(-0.5 * (off / _SIGMA_ANGLE) ** 2) / (_SIGMA_ANGLE * np.sqrt(2 * np.pi))
    return turn, density.mean(axis=1) * 2 * half


def describe(template: FingerTemplate) -> Cylinders:
    """The cylinders of ``template``."""
    x, y, angle = template.x, template.y, template.angle
    count = len(x)
    centres, disc = _cells()
    cells = int(disc.sum())
    if count < 2:
        empty = np.zeros((count, cells), dtype=np.uint8)
        return Cylinders(
            np.zeros((count, cells * _SECTORS), np.uint8), empty, empty, np.zeros(count, dtype=bool), x, y, angle
        )
    dx, dy = x[None] - x[:, None], y[None] - y[:, None]
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    # Neighbours seen from each minutia, its own direction being the first axis.
    along, across = cos * dx + sin * dy, -sin * dx + cos * dy
    near = np.hypot(dx, dy) <= _RADIUS + 3 * _SIGMA
    np.fill_diagonal(near, val=False)
    peak = 1 / (_SIGMA * np.sqrt(2 * np.pi))
    place_a = np.exp(-0.5 * ((along[:, :, None] - centres) / _SIGMA) ** 2)
    place_b = np.exp(-0.5 * ((across[:, :, None] - centres) / _SIGMA) ** 2) * (near[:, :, None] * peak)
    sectors = -np.pi + (np.arange(_SECTORS) + 0.5) * 2 * np.pi / _SECTORS
    turn = angle[:, None] - angle[None]
    off = np.mod(turn[:, :, None] - sectors + np.pi, 2 * np.pi) - np.pi
    facing = _angle_share(off.astype(np.float32))
    # (n, SECTORS·SIDE, n) @ (n, n, SIDE): both Gaussians of place and the one of direction are separable.
    left = (facing[:, :, :, None] * place_a[:, :, None, :]).reshape(count, count, _SECTORS * _SIDE)
    mass = left.transpose(0, 2, 1) @ place_b
    known = _inside(x, y, cos, sin) & disc[None]
    set_bits = (mass.reshape(count, _SECTORS, _SIDE, _SIDE) > _MU) & known[:, None]
    bits = set_bits[:, :, disc].astype(np.uint8)
    usable = (known[:, disc].mean(axis=1) >= _LEAST_CELLS) & (near.sum(axis=1) >= _LEAST_NEIGHBOURS)
    usable &= bits.any(axis=(1, 2))
    folded = bits.sum(axis=1, dtype=np.uint8)
    return Cylinders(bits.reshape(count, -1), folded, known[:, disc].astype(np.uint8), usable, x, y, angle)


def _inside(x: Float, y: Float, cos: Float, sin: Float) -> NDArray[np.bool_]:
    """(n, SIDE, SIDE): which cells lie in the hull of all minutiae, widened."""
    centres, _ = _cells()
    hull = cv2.convexHull(np.stack([x, y], axis=1)).reshape(-1, 2)
    cx = x[:, None, None] + cos[:, :, None] * centres[None, :, None] - sin[:, :, None] * centres[None, None, :]
    cy = y[:, None, None] + sin[:, :, None] * centres[None, :, None] + cos[:, :, None] * centres[None, None, :]
    (low_x, low_y), (high_x, high_y) = np.min(hull, axis=0), np.max(hull, axis=0)
    # A distance map of the hull at a quarter of the scale: rounded corners for nothing.
    scale, pad = 0.25, 130.0
    canvas = np.ones(
        (int((high_y - low_y + 2 * pad) * scale) + 2, int((high_x - low_x + 2 * pad) * scale) + 2), np.uint8
    )
    origin = np.array([low_x - pad, low_y - pad], dtype=np.float32)
    cv2.fillPoly(canvas, [np.round((hull - origin) * scale).astype(np.int32)], 0)
    within = cv2.distanceTransform(canvas, cv2.DIST_L2, 3) <= _HULL_MARGIN * scale
    row = np.clip(((cy - origin[1]) * scale).astype(np.intp), 0, canvas.shape[0] - 1)
    column = np.clip(((cx - origin[0]) * scale).astype(np.intp), 0, canvas.shape[1] - 1)
    return np.asarray(within[row, column])


def similarities(probe: Cylinders, reference: Cylinders) -> Float:
    """(n_probe, n_reference) 0..1: cosine of the set bits in the cells that both know; 0 where not comparable."""
    probe_known, reference_known = probe.known.astype(np.float32), reference.known.astype(np.float32).T
    both = probe.bits.astype(np.float32) @ reference.bits.astype(np.float32).T
    own = probe.folded.astype(np.float32) @ reference_known
    other = probe_known @ reference.folded.astype(np.float32).T
    common = probe_known @ reference_known
    out = both / np.sqrt(np.maximum(own * other, 1.0))
    turn = np.abs(np.mod(probe.angle[:, None] - reference.angle[None] + np.pi, 2 * np.pi) - np.pi)
    comparable = probe.usable[:, None] & reference.usable[None] & (turn <= _MOST_TURN)
    comparable &= common >= _LEAST_COMMON * _cells()[1].sum()
    return np.asarray(np.where(comparable, out, 0.0), dtype=np.float32)
