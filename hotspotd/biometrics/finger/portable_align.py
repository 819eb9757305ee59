"""One probe laid on one reference in numpy, step for step as native/kernels/compare_align.h and compare_evidence.h."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.cylinders import Print, hull_of
from hotspotd.biometrics.finger.template import NO_RIDGES, RIDGE_STEP, RIDGE_TURNS

Float = NDArray[np.float32]
Index = NDArray[np.intp]

UNIT: Final = np.float32(2 * np.pi / 256)
_SEEDS: Final = 4
_RIGID_ROUNDS: Final = 3
_INLIERS: Final = ((13.0, 0.07), (13.0, 0.09), (13.0, 0.09), (10.0, 0.075), (10.0, 0.075))
"""Tolerance [px] of each round, and what it grows by with each pixel from the seed, since skin stretches; the rounds
after the rigid ones stretch the print as a whole."""
_INLIER_RAD: Final = 0.35
_STIFF_PX: Final = np.float32(45.0)
"""The stretch is drawn towards none as if all minutiae stood so far from each other on a stiff print."""
_NEAR_PX: Final = 38.0
"""Minutiae further apart once aligned are never paired, however the print is bent."""
_MOST_NEAR, _MOST_ROWS = 2048 - 160, 160
_WARP_SIGMA: Final = np.float32(40.0)
_WARP_ROUNDS: Final = 2
_HOLD: Final = np.float32(0.15)
"""Pull of places far from any partner back to no bending, in partners right beside them."""
_WARP_PX, _PAIR_PX = 15.0, 23.0
"""Partners that may bend the alignment lie closer than those that may be counted."""
_PAIR_RAD: Final = 0.8
"""Where skin is dragged, directions turn by much more than over the whole print."""
_TWIST_COST: Final = np.float32(12.0)
"""[px] that one radian weighs in the choice of partners."""
_SAME_PX: Final = 8.0
"""An alignment that pairs the minutiae of another seed this closely is the one that this seed would lead to."""
_CLOSE_PX: Final = np.float32(4.0)
_STRAIGHT_RAD: Final = np.float32(0.6)
"""Spread of place and direction of the same minutia in two prints, once bent: places are what bending mends."""
_LOCAL_SHARE: Final = np.float32(0.65)
"""Part of a pair's weight that its neighbourhood's similarity decides."""
_TRUST_POWER, _WORTH_POWER = 0.4, 2.0
"""A pair counts by how sure both minutiae are; that one without a partner should have one, much more so."""
_OVERLAP_MARGIN: Final = np.float32(5.0)
_DIRECTIONS: Final = np.arange(RIDGE_TURNS) * (np.pi / RIDGE_TURNS)

Linear = tuple[np.float32, np.float32, np.float32, np.float32]


@dataclass(frozen=True)
class Pairs:
    """The best pairs: row, column, similarity first, relaxed similarity, places and directions (pairs,) each."""

    row: Index
    column: Index
    first: Float
    relaxed: Float


@dataclass(frozen=True)
class Laid:
    """The probe laid on the reference.

    stretch (row by row) and shift from places about origin to places about target, bent places x, y (n_probe,), and
    who is paired.
    """

    stretch: Linear
    shift: tuple[np.float32, np.float32]
    origin: tuple[float, float]
    target: tuple[float, float]
    x: Float
    y: Float
    row: Index
    column: Index
    gap: Float
    twist: Float
    weight: float


def best_alignment(a: Print, b: Print, local: Float, pairs: Pairs) -> Laid | None:
    """The heaviest of the alignments that the best supported pairs propose; None where nothing agrees with any."""
    best: Laid | None = None
    free = np.ones(len(pairs.row), dtype=bool)
    for _ in range(_SEEDS):
        if not free.any():
            break
        seed = int(np.argmax(np.where(free, pairs.relaxed, -1)))
        row, column = pairs.row[seed], pairs.column[seed]
        free &= (pairs.row != row) & (pairs.column != column)
        if best is not None:
            # An alignment that pairs these two as well would be found again.
            same = np.flatnonzero(best.row == row)
            if same.size and best.column[same[0]] == column and best.gap[same[0]] <= _SAME_PX:
                continue
        laid = _verify(a, b, local, pairs, seed)
        if laid is not None and (best is None or laid.weight > best.weight):
            best = laid
    return best


def _verify(a: Print, b: Print, local: Float, pairs: Pairs, seed: int) -> Laid | None:
    """Align on one seed pair and see what falls into place; None where nothing agrees with the seed."""
    row, column = pairs.row, pairs.column
    origin = (a.x[row[seed]], a.y[row[seed]])
    target = (b.x[column[seed]], b.y[column[seed]])
    ax, ay = a.x[row] - origin[0], a.y[row] - origin[1]
    bx, by = b.x[column] - target[0], b.y[column] - target[1]
    off = (a.direction[:, None] - b.direction[None]).astype(np.uint8).view(np.int8).astype(np.float32) * UNIT
    turn, shift = np.float32(-off[row[seed], column[seed]]), (np.float32(0), np.float32(0))
    stretch = _turned(turn)
    reach = np.sqrt(ax * ax + ay * ay)
    inlier = np.zeros(len(row), dtype=bool)
    for number, (most, slope) in enumerate(_INLIERS):
        mx, my = _moved(ax, ay, stretch, shift)
        limit = np.float32(most) + np.float32(slope) * reach
        inlier = (mx - bx) ** 2 + (my - by) ** 2 <= limit * limit
        inlier &= _wrapped(off[row, column] + turn) <= _INLIER_RAD
        if inlier.sum() < 2:
            return None
        turn, stretch, shift = _fitted(ax, ay, bx, by, pairs.relaxed * inlier, None if number < _RIGID_ROUNDS else turn)
    mx, my = _moved(a.x - origin[0], a.y - origin[1], stretch, shift)
    mx, my = mx + target[0], my + target[1]
    twist = _wrapped(off + turn)
    near = (mx[:, None] - b.x[None]) ** 2 + (my[:, None] - b.y[None]) ** 2 <= _NEAR_PX**2
    near &= twist <= _PAIR_RAD
    before = np.concatenate([[0], np.cumsum(near.sum(axis=1))[:-1]])
    near[before >= _MOST_NEAR] = False
    chosen = np.flatnonzero(inlier)[:_MOST_ROWS]
    x, y = _warp(mx, my, b, np.where(near, twist, np.inf), row[chosen], column[chosen])
    gap = _gaps(x, y, b)
    row, column = _one_to_one(gap, np.where(near, twist, np.inf), _PAIR_PX)
    if row.size == 0:
        return None
    gaps, twists = gap[row, column], twist[row, column]
    place = np.exp(np.float32(-0.5) * ((gaps / _CLOSE_PX) ** 2 + (twists / _STRAIGHT_RAD) ** 2))
    trust = ((a.certainty[row] / 100.0) * (b.certainty[column] / 100.0)) ** _TRUST_POWER
    weight = float((trust * place * (1 - _LOCAL_SHARE + _LOCAL_SHARE * local[row, column])).sum())
    return Laid(stretch, shift, origin, target, x, y, row, column, gaps, twists, weight)


def _turned(turn: np.float32) -> Linear:
    cos, sin = np.cos(turn), np.sin(turn)
    return cos, -sin, sin, cos


def _moved(x: Float, y: Float, by: Linear, shift: tuple[np.float32, np.float32]) -> tuple[Float, Float]:
    return by[0] * x + by[1] * y + shift[0], by[2] * x + by[3] * y + shift[1]


def _fitted(
    ax: Float, ay: Float, bx: Float, by: Float, weight: Float, turn: np.float32 | None
) -> tuple[np.float32, Linear, tuple[np.float32, np.float32]]:
    """Turn, linear map and shift that bring a onto b best, weighted: rigid, or stretched about a known ``turn``."""
    total = np.maximum(weight.sum(), np.float32(1e-12))
    mean_ax, mean_ay, mean_bx, mean_by = ((weight * values).sum() / total for values in (ax, ay, bx, by))
    x, y, u, v = ax - mean_ax, ay - mean_ay, bx - mean_bx, by - mean_by
    if turn is None:
        turn = np.arctan2((weight * (x * v - y * u)).sum(), (weight * (x * u + y * v)).sum())
        map_ = _turned(turn)
    else:
        map_ = _stretched(x, y, u, v, weight, _turned(turn), _STIFF_PX * _STIFF_PX * total)
    return (
        turn,
        map_,
        (mean_bx - map_[0] * mean_ax - map_[1] * mean_ay, mean_by - map_[2] * mean_ax - map_[3] * mean_ay),
    )


def _stretched(x: Float, y: Float, u: Float, v: Float, weight: Float, towards: Linear, own: np.float32) -> Linear:
    """The linear map of (x, y) to (u, v), drawn ``towards`` another with the weight ``own``."""
    xx, xy, yy = own + (weight * x * x).sum(), (weight * x * y).sum(), own + (weight * y * y).sum()
    ux, uy = own * towards[0] + (weight * u * x).sum(), own * towards[1] + (weight * u * y).sum()
    vx, vy = own * towards[2] + (weight * v * x).sum(), own * towards[3] + (weight * v * y).sum()
    whole = xx * yy - xy * xy
    return (
        (ux * yy - uy * xy) / whole,
        (uy * xx - ux * xy) / whole,
        (vx * yy - vy * xy) / whole,
        (vy * xx - vx * xy) / whole,
    )


def _wrapped(angle: Float) -> Float:
    """Size of an angle of at most a turn and a half [rad], 0..pi."""
    size = np.abs(angle)
    return np.where(size > np.float32(np.pi), np.float32(2 * np.pi) - size, size)


def _warp(mx: Float, my: Float, b: Print, twist: Float, row: Index, column: Index) -> tuple[Float, Float]:
    """Bend the aligned a towards b by what its current partners say, smoothed over the neighbourhood."""
    x, y = mx, my
    for number in range(_WARP_ROUNDS):
        if len(row) < 3:
            break
        if number:
            row, column = _one_to_one(_gaps(x, y, b), twist, _WARP_PX)
            if len(row) < 3:
                break
        far = ((mx[:, None] - mx[row][None]) ** 2 + (my[:, None] - my[row][None]) ** 2) / (2 * _WARP_SIGMA**2)
        kernel = np.exp(-np.minimum(far, np.float32(60)))
        norm = kernel.sum(axis=1) + _HOLD
        x = mx + (kernel @ (b.x[column] - mx[row])) / norm
        y = my + (kernel @ (b.y[column] - my[row])) / norm
    return x, y


def _gaps(x: Float, y: Float, b: Print) -> Float:
    dx, dy = x[:, None] - b.x[None], y[:, None] - b.y[None]
    return np.asarray(np.sqrt(dx * dx + dy * dy), dtype=np.float32)


def _one_to_one(gap: Float, twist: Float, limit: float) -> tuple[Index, Index]:
    """Greedy one-to-one pairing within ``limit`` px of those with finite ``twist``: mutual best first, three times."""
    cost = np.where((gap <= limit) & np.isfinite(twist), gap + _TWIST_COST * twist, np.inf)
    rows: list[Index] = []
    columns: list[Index] = []
    index = np.arange(cost.shape[0])
    for _ in range(3):
        best_column = np.argmin(cost, axis=1)
        best_row = np.argmin(cost, axis=0)
        mutual = (best_row[best_column] == index) & np.isfinite(cost[index, best_column])
        if not mutual.any():
            break
        rows.append(index[mutual])
        columns.append(best_column[mutual])
        cost[mutual] = np.inf
        cost[:, best_column[mutual]] = np.inf
    if not rows:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    return np.concatenate(rows), np.concatenate(columns)


def expected(a: Print, b: Print, laid: Laid) -> float:
    """What should find partners: of either print, the minutiae within the other's hull (geometric mean)."""
    inside_a = _inside(laid.x, laid.y, b.x, b.y)
    inside_b = _inside(b.x, b.y, laid.x, laid.y)
    return float(np.sqrt(_worth(a.certainty[inside_a]) * _worth(b.certainty[inside_b])))


def _worth(certainty: NDArray[np.uint8]) -> float:
    return float(((certainty / 100.0) ** _WORTH_POWER).sum())


def _inside(x: Float, y: Float, of_x: Float, of_y: Float) -> NDArray[np.bool_]:
    """Which of the points lie in the hull of the others, widened by OVERLAP_MARGIN."""
    corners = hull_of(list(zip(of_x.tolist(), of_y.tolist(), strict=True)))
    outside = np.zeros(len(x), dtype=bool)
    for corner, after in zip(corners, [*corners[1:], corners[0]], strict=True):
        cx, cy = np.float32(corner[0]), np.float32(corner[1])
        ex, ey = np.float32(after[0]) - cx, np.float32(after[1]) - cy
        outside |= ex * (y - cy) - ey * (x - cx) < -_OVERLAP_MARGIN * np.sqrt(ex * ex + ey * ey)
    return ~outside


def fields(a: Print, b: Print, laid: Laid) -> tuple[float, float]:
    """Samples of the ridge fields that both prints have, and mean cosine of twice their difference there."""
    row, column = np.nonzero(a.field != NO_RIDGES)
    x = (column * RIDGE_STEP).astype(np.float32) - laid.origin[0]
    y = (row * RIDGE_STEP).astype(np.float32) - laid.origin[1]
    mx, my = _moved(x, y, laid.stretch, laid.shift)
    at_column = np.floor((mx + laid.target[0]) / np.float32(RIDGE_STEP) + np.float32(0.5)).astype(np.intp)
    at_row = np.floor((my + laid.target[1]) / np.float32(RIDGE_STEP) + np.float32(0.5)).astype(np.intp)
    rows, columns = b.field.shape
    on = (at_row >= 0) & (at_row < rows) & (at_column >= 0) & (at_column < columns)
    own, other = a.field[row[on], column[on]], b.field[at_row[on], at_column[on]]
    both = other != NO_RIDGES
    if not both.any():
        return 0.0, 0.0
    laid_x = laid.stretch[0] * np.cos(_DIRECTIONS) + laid.stretch[1] * np.sin(_DIRECTIONS)
    laid_y = laid.stretch[2] * np.cos(_DIRECTIONS) + laid.stretch[3] * np.sin(_DIRECTIONS)
    off = np.arctan2(laid_y, laid_x)[own[both]] - _DIRECTIONS[other[both]]
    return float(both.sum()), float(np.cos(2 * off).mean())
