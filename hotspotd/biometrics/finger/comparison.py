"""How alike two templates are: local similarity, mutual support, alignment, and what then falls into place.

1. Cylinders give each pair of minutiae a similarity (``cylinders``).
2. The best pairs support each other where their relative position and directions agree (relaxation; Feng 2008, and
   the LSS-R consolidation of Cappelli and others 2010).
3. A few best supported pairs each propose a rigid alignment, refined on what agrees with it.
4. Skin stretches: the alignment is bent by a smooth kernel warp, and minutiae are paired one to one.
5. Paired minutiae, weighed against those that should have found a partner, are the score.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.cylinders import Cylinders, Float, describe, similarities
from hotspotd.biometrics.finger.template import FingerTemplate

_ROUNDS: Final = 5
_KEEP: Final = 0.65
"""Part of its own weight that a pair keeps in each round of relaxation (wR)."""
_SIGMOIDS: Final = ((7.0, -0.8), (np.pi / 6, -15.0), (np.pi / 12, -15.0))
"""Centre and steepness for differences of distance [px], direction [rad] and bearing [rad]."""
_FAR_PX, _FAR_RAD = 25.0, 1.0
"""Pairs that differ by more give each other no support."""
_SEEDS: Final = 4
_INLIER_PX: Final = 8.0
_INLIER_SLOPES: Final = (0.15, 0.10, 0.10)
"""Tolerance grows with distance from the seed, since skin stretches; less once aligned."""
_INLIER_RAD: Final = 0.5
_WARP_SIGMA: Final = 40.0
_WARP_ROUNDS: Final = 3
_PAIR_PX: Final = 18.0
_WARP_PX: Final = 12.0
"""Partners that may bend the alignment lie closer than those that may be counted."""
_NEAR_PX: Final = 8.0
_STRAIGHT_RAD: Final = 0.3
"""Spread of place and direction of the same minutia in two prints, once bent."""
_LOCAL_SHARE: Final = 0.65
"""Part of a pair's weight that its neighbourhood's similarity decides."""
_OVERLAP_MARGIN: Final = 5.0
_FEWEST_EXPECTED: Final = 8.0
"""In a small overlap a few chance pairs are a large share: count at least so many as expected."""
_SHARE_POWER: Final = 1.25
_RELAXED_SHARE: Final = 6.0
_FULL_SEARCH: Final = 40
"""References that are compared in full; with more, only that many best by their cylinders."""

_described: weakref.WeakKeyDictionary[FingerTemplate, Cylinders] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class Evidence:
    """What a comparison found, before it became one number.

    local, relaxed: mean similarity of the best pairs, alone and with the support of the others; paired minutiae, the
    sum of their weights, and how many pairs the overlap of the two prints would have let one expect.
    """

    local: float
    relaxed: float
    paired: int
    weight: float
    expected: float


@dataclass(frozen=True)
class _Laid:
    """The probe laid on the reference: bent places x, y (n_probe,) beside b_x, b_y (n_reference,), weight (pairs,)."""

    x: Float
    y: Float
    b_x: Float
    b_y: Float
    weight: Float


_NOTHING = Evidence(0.0, 0.0, 0, 0.0, 0.0)


def compare(probe: FingerTemplate, reference: FingerTemplate) -> float:
    """Comparison score of two templates, 0 upwards, higher = more alike; ``calibration`` says what it is worth."""
    return score_of(examine(probe, reference))


def prepare(template: FingerTemplate) -> None:
    """Make what comparisons with ``template`` need, about 3 ms, so that the first one is as quick as the others."""
    cylinders_of(template)


def search(probe: FingerTemplate, references: Sequence[FingerTemplate]) -> NDArray[np.float64]:
    """Scores (n,) of ``probe`` against each of ``references``.

    Up to FULL_SEARCH references each get their ``compare`` score. Beyond, only the FULL_SEARCH most alike by their
    cylinders do and the others get 0: a reference further down would have had to win on geometry alone.
    """
    out = np.zeros(len(references), dtype=np.float64)
    chosen: list[int] = list(range(len(references)))
    if len(references) > _FULL_SEARCH:
        rough = np.array([_rough(probe, reference) for reference in references])
        chosen = np.argsort(-rough, kind="stable")[:_FULL_SEARCH].tolist()
    for index in chosen:
        out[index] = compare(probe, references[index])
    return out


def _rough(probe: FingerTemplate, reference: FingerTemplate) -> float:
    """Mean of the best local similarities: quick, and blind to whether they fit together."""
    if min(len(probe), len(reference)) < 2:
        return 0.0
    local = similarities(cylinders_of(probe), cylinders_of(reference))
    best = np.sort(local.max(axis=1))[::-1]
    return float(best[: max(4, min(local.shape) // 3)].mean())


def cylinders_of(template: FingerTemplate) -> Cylinders:
    """The cylinders of ``template``, made once for as long as the template lives."""
    found = _described.get(template)
    if found is None:
        found = describe(template)
        _described[template] = found
    return found


def examine(probe: FingerTemplate, reference: FingerTemplate) -> Evidence:
    """All evidence that two templates are of one finger."""
    if min(len(probe), len(reference)) < 2:
        return _NOTHING
    a, b = cylinders_of(probe), cylinders_of(reference)
    local = similarities(a, b)
    rows, columns = _best_pairs(local)
    if len(rows) < 2:
        return _NOTHING
    first = local[rows, columns]
    relaxed = _relax(a, b, rows, columns, first)
    order = np.argsort(-relaxed, kind="stable")
    seeds = _distinct(rows, columns, order, _SEEDS)
    count = min(len(rows), max(4, min(len(probe), len(reference)) // 3))
    laid = [_verify(a, b, local, (rows, columns, relaxed), seed) for seed in seeds]
    best = max(
        (found for found in laid if found is not None), key=lambda found: float(found.weight.sum()), default=None
    )
    top = np.sort(first)[::-1][:count]
    strongest, supported = float(top.mean()), float(relaxed[order[:count]].mean())
    if best is None:
        return Evidence(strongest, supported, 0, 0.0, 0.0)
    return Evidence(strongest, supported, len(best.weight), float(best.weight.sum()), _expected(best))


def score_of(found: Evidence) -> float:
    """One number of the evidence."""
    if found.paired < 3:
        return 0.0
    share = found.weight / max(found.expected, _FEWEST_EXPECTED)
    return float(found.weight * share**_SHARE_POWER + _RELAXED_SHARE * found.relaxed)


def _best_pairs(local: Float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Index pairs with the greatest similarity, each minutia in at most a few."""
    rows, columns = local.shape
    count = min(rows, columns) + 10
    # The best two partners of every minutia of either side, then the best of those.
    allowed = np.zeros(local.shape, dtype=bool)
    by_row = np.argpartition(-local, min(2, columns - 1), axis=1)[:, :2]
    allowed[np.arange(rows)[:, None], by_row] = True
    by_column = np.argpartition(-local, min(2, rows - 1), axis=0)[:2]
    allowed[by_column, np.arange(columns)[None]] = True
    allowed &= local > 0
    flat = np.flatnonzero(allowed)
    flat = flat[np.argsort(-local.ravel()[flat], kind="stable")[:count]]
    return np.asarray(flat // columns), np.asarray(flat % columns)


def _wrapped(angle: Float) -> Float:
    return np.asarray(np.abs(np.mod(angle + np.pi, 2 * np.pi) - np.pi), dtype=np.float32)


def _relations(c: Cylinders, index: NDArray[np.intp]) -> tuple[Float, Float, Float]:
    """Distance, difference of direction and bearing between every two of the chosen minutiae."""
    x, y, angle = c.x[index], c.y[index], c.angle[index]
    dx, dy = x[None] - x[:, None], y[None] - y[:, None]
    return np.hypot(dx, dy), angle[:, None] - angle[None], angle[:, None] - np.arctan2(dy, dx)


def _relax(a: Cylinders, b: Cylinders, rows: NDArray[np.intp], columns: NDArray[np.intp], weight: Float) -> Float:
    distance_a, direction_a, bearing_a = _relations(a, rows)
    distance_b, direction_b, bearing_b = _relations(b, columns)
    differences = (
        np.abs(distance_a - distance_b),
        _wrapped(direction_a - direction_b),
        _wrapped(bearing_a - bearing_b),
    )
    support = np.ones(distance_a.shape, dtype=np.float32)
    for difference, (centre, steep) in zip(differences, _SIGMOIDS, strict=True):
        support /= 1.0 + np.exp(np.clip(-steep * (difference - centre), -40, 40))
    support *= (differences[0] <= _FAR_PX) & (differences[1] <= _FAR_RAD) & (differences[2] <= _FAR_RAD)
    support *= (rows[:, None] != rows[None]) & (columns[:, None] != columns[None])
    now = weight
    for _ in range(_ROUNDS):
        now = _KEEP * now + (1 - _KEEP) / (len(rows) - 1) * (support @ now)
    return np.asarray(now, dtype=np.float32)


def _distinct(rows: NDArray[np.intp], columns: NDArray[np.intp], order: NDArray[np.intp], count: int) -> list[int]:
    """The first ``count`` pairs that share no minutia."""
    chosen: list[int] = []
    used_rows: set[int] = set()
    used_columns: set[int] = set()
    for index in order:
        row, column = int(rows[index]), int(columns[index])
        if row in used_rows or column in used_columns:
            continue
        chosen.append(int(index))
        used_rows.add(row)
        used_columns.add(column)
        if len(chosen) == count:
            break
    return chosen


def _verify(
    a: Cylinders, b: Cylinders, local: Float, pairs: tuple[NDArray[np.intp], NDArray[np.intp], Float], seed: int
) -> _Laid | None:
    """Align on one seed pair and see what falls into place; None where nothing agrees with the seed."""
    rows, columns, relaxed = pairs
    turn = float(b.angle[columns[seed]] - a.angle[rows[seed]])
    ax, ay = a.x - a.x[rows[seed]], a.y - a.y[rows[seed]]
    bx, by = b.x - b.x[columns[seed]], b.y - b.y[columns[seed]]
    reach = np.hypot(ax, ay)[rows]
    shift = np.zeros(2)
    inlier = np.zeros(len(rows), dtype=bool)
    for slope in _INLIER_SLOPES:
        mx, my = _moved(ax, ay, turn, shift)
        gap = np.hypot(mx[rows] - bx[columns], my[rows] - by[columns])
        twist = _wrapped(a.angle[rows] + turn - b.angle[columns])
        inlier = (gap <= _INLIER_PX + slope * reach) & (twist <= _INLIER_RAD)
        if inlier.sum() < 2:
            return None
        turn, shift = _rigid(ax[rows], ay[rows], bx[columns], by[columns], relaxed * inlier)
    mx, my = _moved(ax, ay, turn, shift)
    twist = _wrapped(a.angle[:, None] + np.float32(turn) - b.angle[None])
    wx, wy = _warp(mx, my, bx, by, twist, rows[inlier], columns[inlier])
    return _weigh(wx, wy, bx, by, twist, local)


def _moved(x: Float, y: Float, turn: float, shift: NDArray[np.float64]) -> tuple[Float, Float]:
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    return cos * x - sin * y + np.float32(shift[0]), sin * x + cos * y + np.float32(shift[1])


def _rigid(ax: Float, ay: Float, bx: Float, by: Float, weight: Float) -> tuple[float, NDArray[np.float64]]:
    """Weighted least-squares turn and shift that bring a onto b."""
    total = weight.sum()
    mean_a = ((ax * weight).sum() / total, (ay * weight).sum() / total)
    mean_b = ((bx * weight).sum() / total, (by * weight).sum() / total)
    ca, sa, cb, sb = ax - mean_a[0], ay - mean_a[1], bx - mean_b[0], by - mean_b[1]
    turn = float(np.arctan2((weight * (ca * sb - sa * cb)).sum(), (weight * (ca * cb + sa * sb)).sum()))
    cos, sin = np.cos(turn), np.sin(turn)
    shift = (mean_b[0] - cos * mean_a[0] + sin * mean_a[1], mean_b[1] - sin * mean_a[0] - cos * mean_a[1])
    return turn, np.array(shift, dtype=np.float64)


def _warp(
    mx: Float, my: Float, bx: Float, by: Float, twist: Float, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> tuple[Float, Float]:
    """Bend the aligned a towards b by what its current partners say, smoothed over the neighbourhood."""
    wx, wy = mx, my
    for _ in range(_WARP_ROUNDS):
        if len(rows) < 3:
            return wx, wy
        kernel = np.exp(
            -((mx[:, None] - mx[rows][None]) ** 2 + (my[:, None] - my[rows][None]) ** 2) / (2 * _WARP_SIGMA**2)
        )
        # The added share pulls places far from any partner back to no bending.
        norm = kernel.sum(axis=1) + 1.0
        wx = mx + (kernel @ (bx[columns] - mx[rows])) / norm
        wy = my + (kernel @ (by[columns] - my[rows])) / norm
        gap = np.hypot(wx[:, None] - bx[None], wy[:, None] - by[None])
        rows, columns = _one_to_one(gap, twist, _WARP_PX)
    return wx, wy


def _one_to_one(gap: Float, twist: Float, limit: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Greedy pairing, closest first, of minutiae within ``limit`` px and INLIER_RAD."""
    cost = np.where((gap <= limit) & (twist <= _INLIER_RAD), gap + 12.0 * twist, np.inf)
    # Mutual nearest first settles nearly all; what is left is settled in the same way.
    rows: list[NDArray[np.intp]] = []
    columns: list[NDArray[np.intp]] = []
    for _ in range(3):
        best_column = np.argmin(cost, axis=1)
        best_row = np.argmin(cost, axis=0)
        index = np.arange(cost.shape[0])
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


def _weigh(wx: Float, wy: Float, bx: Float, by: Float, twist: Float, local: Float) -> _Laid | None:
    gap = np.hypot(wx[:, None] - bx[None], wy[:, None] - by[None])
    rows, columns = _one_to_one(gap, twist, _PAIR_PX)
    if len(rows) == 0:
        return None
    near, straight = gap[rows, columns], twist[rows, columns]
    place = np.exp(-0.5 * ((near / _NEAR_PX) ** 2 + (straight / _STRAIGHT_RAD) ** 2))
    weight = place * (1 - _LOCAL_SHARE + _LOCAL_SHARE * local[rows, columns])
    return _Laid(wx, wy, bx, by, np.asarray(weight, dtype=np.float32))


def _expected(laid: _Laid) -> float:
    """How many pairs there should be: of either print, the minutiae within the other's hull (geometric mean)."""
    inside_a = int(np.count_nonzero(_inside_hull(laid.x, laid.y, laid.b_x, laid.b_y)))
    inside_b = int(np.count_nonzero(_inside_hull(laid.b_x, laid.b_y, laid.x, laid.y)))
    return float(max(np.sqrt(max(inside_a, 1) * max(inside_b, 1)), len(laid.weight)))


def _inside_hull(x: Float, y: Float, of_x: Float, of_y: Float) -> NDArray[np.bool_]:
    """Which of the points lie in the hull of the others, widened by OVERLAP_MARGIN."""
    hull = cv2.convexHull(np.stack([of_x, of_y], axis=1).astype(np.float32)).reshape(-1, 2)
    after = np.roll(hull, -1, axis=0)
    edge = after - hull
    length = np.maximum(np.hypot(edge[:, 0], edge[:, 1]), 1e-6)
    # OpenCV gives hulls clockwise on the screen: inside is where every cross product is positive.
    cross = edge[:, 0] * (y[:, None] - hull[:, 1]) - edge[:, 1] * (x[:, None] - hull[:, 0])
    side = cross / length
    centre = edge[:, 0] * (of_y.mean() - hull[:, 1]) - edge[:, 1] * (of_x.mean() - hull[:, 0])
    side = side * np.where(centre.sum() >= 0, 1.0, -1.0)
    return np.asarray((side >= -_OVERLAP_MARGIN).all(axis=1))
