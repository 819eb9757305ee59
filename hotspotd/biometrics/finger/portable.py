"""One comparison in numpy, step for step as native/kernels/compare_kernel.h: where there are no compiled kernels.

Both give the same scores but for rounding; tests hold them equal. ``comparison`` says what the steps are for.
"""

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
_MOST_TURN: Final = 64
"""[1/256 turn] Prints turned further than a quarter turn against each other are not looked for."""
_LEAST_COMMON: Final = 77
"""Of 256 cells: 30 %."""
_MORE_PAIRS: Final = 10
_ROUNDS: Final = 5
_KEEP: Final = np.float32(0.65)
"""Part of its own weight that a pair keeps in each round of relaxation (wR)."""
_FAR_PX, _FAR_TURN, _FAR_RAD = 25.0, 40, 1.0
"""Pairs that differ by more give each other no support."""
_SEEDS: Final = 4
_INLIER_PX: Final = np.float32(8.0)
_INLIER_SLOPES: Final = (0.105, 0.07, 0.07)
"""Tolerance grows with distance from the seed, since skin stretches; less once aligned."""
_INLIER_RAD: Final = 0.5
_NEAR_PX: Final = 45.0
"""Minutiae further apart once aligned are never paired, however the print is bent."""
_MOST_NEAR, _MOST_ROWS = 2048 - 160, 160
_WARP_SIGMA: Final = np.float32(40.0)
_WARP_ROUNDS: Final = 3
_WARP_PX, _PAIR_PX = 15.0, 18.0
"""Partners that may bend the alignment lie closer than those that may be counted."""
_TWIST_COST: Final = np.float32(12.0)
"""[px] that one radian weighs in the choice of partners."""
_SAME_PX: Final = 8.0
"""An alignment that pairs the minutiae of another seed this closely is the one that this seed would lead to."""
_CLOSE_PX: Final = np.float32(7.0)
_STRAIGHT_RAD: Final = np.float32(0.3)
"""Spread of place and direction of the same minutia in two prints, once bent."""
_LOCAL_SHARE: Final = np.float32(0.65)
"""Part of a pair's weight that its neighbourhood's similarity decides."""
_OVERLAP_MARGIN: Final = np.float32(5.0)
_OCTETS: Final = np.array([index.bit_count() for index in range(256)], dtype=np.uint8)


@dataclass(frozen=True)
class _Pairs:
    """The best pairs: row, column, similarity first, relaxed similarity, places and directions (pairs,) each."""

    row: Index
    column: Index
    first: Float
    relaxed: Float


@dataclass(frozen=True)
class _Laid:
    """The probe laid on the reference: turn and shift about a and b, bent places x, y (n_probe,), and who is paired."""

    turn: float
    shift: tuple[float, float]
    origin: tuple[float, float]
    target: tuple[float, float]
    x: Float
    y: Float
    row: Index
    column: Index
    gap: Float
    twist: Float
    weight: float


def evidence(a: Print, b: Print, hopeless: float, *, whole: bool) -> list[float]:
    """The fields of ``comparison.Evidence``; unless ``whole``, only two where the second is below ``hopeless``."""
    found = [0.0] * 9
    fewer = min(len(a), len(b))
    if fewer < 2 or not a.usable.any() or not b.usable.any():
        return found
    local = similarities(a, b)
    row, column = _best_pairs(local)
    if len(row) < 2:
        return found
    first = local[row, column]
    pairs = _Pairs(row, column, first, _relax(a, b, row, column, first))
    count = min(len(row), max(4, fewer // 3))
    found[0], found[1] = (float(np.sort(values)[-count:].mean()) for values in (first, pairs.relaxed))
    if not whole and found[1] < hopeless:
        return found
    best = _best_alignment(a, b, local, pairs)
    if best is not None:
        found[2:5] = len(best.row), best.weight, _expected(b, best)
        found[5:7] = float(best.gap.mean()), float(best.twist.mean())
        found[7:9] = _fields(a, b, best)
    return found


def similarities(a: Print, b: Print) -> Float:
    """(n_a, n_b) 0..1: cosine of the set bits in the cells that both know; 0 where not comparable."""
    turn = (a.direction[:, None] - b.direction[None]).astype(np.uint8).view(np.int8).astype(np.int32)
    comparable = (np.abs(turn) <= _MOST_TURN) & (a.usable[:, None] & b.usable[None] != 0)
    known_a, known_b = np.tile(a.known, 4), np.tile(b.known, 4)
    out = np.zeros((len(a), len(b)), dtype=np.float32)
    for index in np.flatnonzero(comparable.any(axis=1)):
        both = _set_bits(a.bits[index] & b.bits)
        own, other = _set_bits(a.bits[index] & known_b), _set_bits(known_a[index] & b.bits)
        common = _set_bits(a.known[index] & b.known)
        similar = both.astype(np.float32) / np.sqrt(np.maximum(own * other, 1).astype(np.float32))
        out[index] = np.where(comparable[index] & (common >= _LEAST_COMMON), similar, 0)
    return out


def _set_bits(words: NDArray[np.uint64]) -> NDArray[np.int32]:
    return np.asarray(_OCTETS[np.ascontiguousarray(words).view(np.uint8)].sum(axis=1, dtype=np.int32))


def _best_pairs(local: Float) -> tuple[Index, Index]:
    """The pairs with the greatest similarity among the best two partners of every minutia of either side."""
    rows, columns = local.shape
    # The low eight bits make room for the partner's index, the lower one first.
    coarse = np.where(local > 0, local.view(np.int32) & ~255, -256)
    by_row = np.argsort(-(coarse | (255 - np.arange(columns, dtype=np.int32))), axis=1)[:, :2]
    by_column = np.argsort(-(coarse | (255 - np.arange(rows, dtype=np.int32)[:, None])), axis=0)[:2]
    listed = [(i, int(j)) for i in range(rows) for j in by_row[i]]
    already = set(listed)
    listed += [(int(i), j) for j in range(columns) for i in by_column[:, j] if (int(i), j) not in already]
    row, column = np.array(listed, dtype=np.intp).reshape(-1, 2).T
    similar = local[row, column]
    row, column, similar = row[similar > 0], column[similar > 0], similar[similar > 0]
    chosen = np.sort(np.argsort(-similar, kind="stable")[: min(rows, columns) + _MORE_PAIRS])
    return row[chosen], column[chosen]


def _relax(a: Print, b: Print, row: Index, column: Index, first: Float) -> Float:
    """The similarity of each pair with the support of the others that have the same place and direction to it."""
    apart, turn, bearing = _differences(a, b, row, column)
    doubt: Float = np.ones(apart.shape, dtype=np.float32)
    for difference, most, centre, steep in (
        (apart, _FAR_PX, 7.0, 0.8),
        (UNIT * turn.astype(np.float32), _FAR_RAD, np.pi / 6, 15.0),
        (bearing, _FAR_RAD, np.pi / 12, 15.0),
    ):
        doubt *= 1 + np.exp(np.float32(steep) * (np.minimum(difference, np.float32(most)) - np.float32(centre)))
    near = (apart <= _FAR_PX) & (turn <= _FAR_TURN) & (bearing <= _FAR_RAD)
    near &= (row[:, None] != row[None]) & (column[:, None] != column[None])
    support = near / doubt
    now, share = first, (1 - _KEEP) / np.float32(len(row) - 1)
    for _ in range(_ROUNDS):
        now = np.asarray(_KEEP * now + share * (support @ now), dtype=np.float32)
    return now


def _differences(a: Print, b: Print, row: Index, column: Index) -> tuple[Float, NDArray[np.int32], Float]:
    """Of distance [px], direction [1/256 turn] and bearing [rad] between every two pairs, seen in both prints."""
    along, across, distance = [], [], []
    for side, index in ((a, row), (b, column)):
        x, y = side.x[index], side.y[index]
        angle = side.direction[index].astype(np.float64) * (2 * np.pi / 256)
        cos, sin = np.cos(angle).astype(np.float32)[:, None], np.sin(angle).astype(np.float32)[:, None]
        dx, dy = x[None] - x[:, None], y[None] - y[:, None]
        distance.append(np.sqrt(dx * dx + dy * dy))
        along.append(cos * dx + sin * dy)
        across.append(cos * dy - sin * dx)
    cross = along[0] * across[1] - across[0] * along[1]
    dot = along[0] * along[1] + across[0] * across[1]
    off = a.direction[row].astype(np.int32) - b.direction[column].astype(np.int32)
    turn = (off[:, None] - off[None]) & 255
    return np.abs(distance[0] - distance[1]), np.minimum(turn, 256 - turn), np.abs(np.arctan2(cross, dot))


def _best_alignment(a: Print, b: Print, local: Float, pairs: _Pairs) -> _Laid | None:
    best: _Laid | None = None
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


def _verify(a: Print, b: Print, local: Float, pairs: _Pairs, seed: int) -> _Laid | None:
    """Align on one seed pair and see what falls into place; None where nothing agrees with the seed."""
    row, column = pairs.row, pairs.column
    origin = (a.x[row[seed]], a.y[row[seed]])
    target = (b.x[column[seed]], b.y[column[seed]])
    ax, ay = a.x[row] - origin[0], a.y[row] - origin[1]
    bx, by = b.x[column] - target[0], b.y[column] - target[1]
    off = (a.direction[:, None] - b.direction[None]).astype(np.uint8).view(np.int8).astype(np.float32) * UNIT
    turn, shift = np.float32(-off[row[seed], column[seed]]), (np.float32(0), np.float32(0))
    reach = np.sqrt(ax * ax + ay * ay)
    inlier = np.zeros(len(row), dtype=bool)
    for slope in _INLIER_SLOPES:
        mx, my = _moved(ax, ay, turn, shift)
        limit = _INLIER_PX + np.float32(slope) * reach
        inlier = (mx - bx) ** 2 + (my - by) ** 2 <= limit * limit
        inlier &= _wrapped(off[row, column] + turn) <= _INLIER_RAD
        if inlier.sum() < 2:
            return None
        turn, shift = _rigid(ax, ay, bx, by, pairs.relaxed * inlier)
    mx, my = _moved(a.x - origin[0], a.y - origin[1], turn, shift)
    mx, my = mx + target[0], my + target[1]
    twist = _wrapped(off + turn)
    near = (mx[:, None] - b.x[None]) ** 2 + (my[:, None] - b.y[None]) ** 2 <= _NEAR_PX**2
    near &= twist <= _INLIER_RAD
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
    weight = float((place * (1 - _LOCAL_SHARE + _LOCAL_SHARE * local[row, column])).sum())
    shifted = (float(shift[0]), float(shift[1]))
    return _Laid(float(turn), shifted, origin, target, x, y, row, column, gaps, twists, weight)


def _moved(x: Float, y: Float, turn: np.float32, shift: tuple[np.float32, np.float32]) -> tuple[Float, Float]:
    cos, sin = np.cos(turn), np.sin(turn)
    return cos * x - sin * y + shift[0], sin * x + cos * y + shift[1]


def _rigid(
    ax: Float, ay: Float, bx: Float, by: Float, weight: Float
) -> tuple[np.float32, tuple[np.float32, np.float32]]:
    """Weighted least-squares turn and shift that bring a onto b."""
    total = np.maximum(weight.sum(), np.float32(1e-12))
    mean_ax, mean_ay, mean_bx, mean_by = ((weight * values).sum() / total for values in (ax, ay, bx, by))
    ca, sa, cb, sb = ax - mean_ax, ay - mean_ay, bx - mean_bx, by - mean_by
    turn = np.arctan2((weight * (ca * sb - sa * cb)).sum(), (weight * (ca * cb + sa * sb)).sum())
    cos, sin = np.cos(turn), np.sin(turn)
    return turn, (mean_bx - cos * mean_ax + sin * mean_ay, mean_by - sin * mean_ax - cos * mean_ay)


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
        # The added share pulls places far from any partner back to no bending.
        norm = kernel.sum(axis=1) + 1
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


def _expected(b: Print, laid: _Laid) -> float:
    """How many pairs there should be: of either print, the minutiae within the other's hull (geometric mean)."""
    inside_a = _inside(laid.x, laid.y, b.x, b.y)
    inside_b = _inside(b.x, b.y, laid.x, laid.y)
    return max(float(np.sqrt(max(inside_a, 1) * max(inside_b, 1))), float(len(laid.row)))


def _inside(x: Float, y: Float, of_x: Float, of_y: Float) -> int:
    """How many of the points lie in the hull of the others, widened by OVERLAP_MARGIN."""
    corners = hull_of(list(zip(of_x.tolist(), of_y.tolist(), strict=True)))
    outside = np.zeros(len(x), dtype=bool)
    for corner, after in zip(corners, [*corners[1:], corners[0]], strict=True):
        cx, cy = np.float32(corner[0]), np.float32(corner[1])
        ex, ey = np.float32(after[0]) - cx, np.float32(after[1]) - cy
        outside |= ex * (y - cy) - ey * (x - cx) < -_OVERLAP_MARGIN * np.sqrt(ex * ex + ey * ey)
    return int(np.count_nonzero(~outside))


def _fields(a: Print, b: Print, laid: _Laid) -> tuple[float, float]:
    """Samples of the ridge fields that both prints have, and mean cosine of twice their difference there."""
    row, column = np.nonzero(a.field != NO_RIDGES)
    x = (column * RIDGE_STEP).astype(np.float32) - laid.origin[0]
    y = (row * RIDGE_STEP).astype(np.float32) - laid.origin[1]
    mx, my = _moved(x, y, np.float32(laid.turn), (np.float32(laid.shift[0]), np.float32(laid.shift[1])))
    at_column = np.floor((mx + laid.target[0]) / np.float32(RIDGE_STEP) + np.float32(0.5)).astype(np.intp)
    at_row = np.floor((my + laid.target[1]) / np.float32(RIDGE_STEP) + np.float32(0.5)).astype(np.intp)
    rows, columns = b.field.shape
    on = (at_row >= 0) & (at_row < rows) & (at_column >= 0) & (at_column < columns)
    own, other = a.field[row[on], column[on]], b.field[at_row[on], at_column[on]]
    both = other != NO_RIDGES
    if not both.any():
        return 0.0, 0.0
    turn = int(np.floor(laid.turn * (RIDGE_TURNS / np.pi) + 0.5))
    off = own[both].astype(np.int64) + turn - other[both]
    return float(both.sum()), float(np.cos(2 * np.pi / RIDGE_TURNS * off).mean())
