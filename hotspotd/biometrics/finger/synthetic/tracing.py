"""Endings and bifurcations of a clean ridge pattern, traced along its skeleton: the truth of synthetic prints.

Angles follow the convention of ``template.FingerTemplate``: an ending and the bifurcation that it turns into under
more pressure point the same way.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.field import Float
from hotspotd.biometrics.finger.minutiae import Points
from hotspotd.biometrics.finger.synthetic.skeleton import Binary, crossing_numbers, follow, neighbour_codes
from hotspotd.biometrics.finger.template import BIFURCATION, ENDING

_BORDER = 11
"""Pixels from the edge of the print within which ridges end only because the print does: over one ridge."""
_SPUR = 8
"""Branches up to this long [px] are made by thinning: less than one ridge distance."""
_TRACE = 14
"""Pixels followed to learn which way a ridge leaves: one and a half ridge distances."""
_SPECK = 14
"""Components of fewer skeleton pixels are dirt or pores, not ridges."""
_GAP = 11.0
"""Two endings that face each other over fewer pixels are one broken ridge."""

Index = NDArray[np.intp]


def trace(lines: Binary, theta: Float) -> Points:
    """Minutiae of the skeleton ``lines`` (h, w), 0 or 1, of ridges that run along ``theta`` (h, w)."""
    lines = _clean(lines)
    crossings = crossing_numbers(lines)
    ends, end_angle, end_dead = _endings(lines, crossings)
    forks, fork_angle, fork_dead, spur_ends = _forks(lines, crossings)
    end_dead |= spur_ends[ends]
    y = np.concatenate([ends[0], forks[0]])
    x = np.concatenate([ends[1], forks[1]])
    kind = np.repeat([ENDING, BIFURCATION], [len(ends[0]), len(forks[0])]).astype(np.uint8)
    angle = _along(np.concatenate([end_angle, fork_angle]), theta[y, x])
    points = Points(x.astype(np.float32), y.astype(np.float32), angle, kind, np.ones(len(x), dtype=np.float32))
    height, width = lines.shape
    depth = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y))
    points = points.only(~np.concatenate([end_dead, fork_dead]) & (depth > _BORDER))
    return points.only(~_facing(points))


def _clean(lines: Binary) -> Binary:
    """Without specks, and zero along the picture's border, so that walks never leave it."""
    out = lines.copy()
    out[:2], out[-2:], out[:, :2], out[:, -2:] = 0, 0, 0, 0
    _, labels, stats, _ = cv2.connectedComponentsWithStats(out, connectivity=8)
    big = stats[:, cv2.CC_STAT_AREA] >= _SPECK
    big[0] = False
    return np.asarray(big[labels], dtype=np.uint8)


def _endings(lines: Binary, crossings: Binary) -> tuple[tuple[Index, ...], Float, NDArray[np.bool_]]:
    y, x = np.nonzero(crossings == 1)
    codes = neighbour_codes(lines)[y, x]
    # An end may touch two neighbouring pixels: leave by the one straight across.
    bits = (codes[:, None] >> np.arange(8)) & 1
    first = np.argmax(bits * np.where(np.arange(8) % 2 == 0, 2, 1), axis=1)
    to_y, to_x, length = follow(lines, y, x, first, _TRACE)
    angle = np.arctan2(to_y - y, to_x - x).astype(np.float32)
    return (y, x), angle, np.asarray(length < _SPUR, dtype=bool)


def _forks(lines: Binary, crossings: Binary) -> tuple[tuple[Index, ...], Float, NDArray[np.bool_], NDArray[np.bool_]]:
    """Forks, their angle, whether each is false, and a map of the spur ends that hang on a fork."""
    spur_ends = np.zeros(lines.shape, dtype=bool)
    y, x = np.nonzero(crossings == 3)
    codes = neighbour_codes(lines)[y, x]
    bits = ((codes[:, None] >> np.arange(8)) & 1).astype(bool)
    starts = bits & ~np.roll(bits, 1, axis=1)
    first = np.nonzero(starts)[1].reshape(-1, 3)
    # A run of neighbours that begins at a corner and goes on to a side is left by the side.
    rows = np.arange(len(y))[:, None]
    first = np.where((first % 2 == 1) & bits[rows, (first + 1) % 8], (first + 1) % 8, first)
    to_y, to_x, length = follow(lines, y.repeat(3), x.repeat(3), first.ravel(), _TRACE)
    short = length < _SPUR
    spur_ends[to_y[short], to_x[short]] = True
    angles = np.arctan2(to_y - y.repeat(3), to_x - x.repeat(3)).reshape(-1, 3)
    dead: NDArray[np.bool_] = np.any(short.reshape(-1, 3), axis=1)
    # The stem is the branch opposite the sum of the other two: the pair that lies closest together are the branches.
    units = np.exp(1j * angles)
    sums = np.stack([units[:, 1] + units[:, 2], units[:, 0] + units[:, 2], units[:, 0] + units[:, 1]], axis=1)
    best = np.argmax(np.abs(sums), axis=1) if len(y) else np.zeros(0, dtype=np.intp)
    angle = np.asarray(np.angle(sums[np.arange(len(y)), best]), dtype=np.float32)
    return (y, x), angle, dead, spur_ends


def _along(angle: Float, theta: Float) -> Float:
    """``angle`` turned onto the ridge orientation, which is steadier than a dozen skeleton pixels."""
    turned = np.where(np.cos(angle - theta) >= 0, theta, theta + np.pi)
    return np.mod(turned, 2 * np.pi).astype(np.float32)


def _facing(points: Points) -> NDArray[np.bool_]:
    """Which points are pairs that cancel: two ends of a broken ridge, or two forks of a bridge."""
    dx = points.x[None] - points.x[:, None]
    dy = points.y[None] - points.y[:, None]
    apart = np.hypot(dx, dy)
    np.fill_diagonal(apart, np.inf)
    opposed = np.cos(points.angle[None] - points.angle[:, None]) < -0.8
    towards = np.arctan2(dy, dx)
    # An ending points into its own ridge, so the other side of the gap lies behind it.
    behind = np.cos(towards - points.angle[:, None])
    ending = points.kind == ENDING
    gap = opposed & ending[None] & ending[:, None] & (apart < _GAP) & ((behind < -0.5) | (apart < 5))
    bridge = opposed & ~ending[None] & ~ending[:, None] & (apart < _SPUR)
    same = (np.cos(points.angle[None] - points.angle[:, None]) > 0.7) & (apart < 4.0)
    later = np.tri(len(points), k=-1, dtype=bool)
    return np.asarray(gap.any(axis=1) | bridge.any(axis=1) | (same & later).any(axis=1))
