"""One comparison in numpy, step for step as native/kernels/compare_kernel.h: where there are no compiled kernels.

Both give the same scores but for rounding; tests hold them equal. ``comparison`` says what the steps are for.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.cylinders import Print
from hotspotd.biometrics.finger.portable_align import UNIT, Float, Index, Laid, Pairs, best_alignment, expected, fields

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
_OCTETS: Final = np.array([index.bit_count() for index in range(256)], dtype=np.uint8)


def evidence(a: Print, b: Print, hopeless: float, *, whole: bool) -> list[float]:
    """The fields of ``comparison.Evidence``; unless ``whole``, only two where the second is below ``hopeless``."""
    found = [0.0] * 9
    seen = _supported(a, b)
    if seen is None:
        return found
    local, pairs = seen
    count = min(len(pairs.row), max(4, min(len(a), len(b)) // 3))
    found[0], found[1] = (float(np.sort(values)[-count:].mean()) for values in (pairs.first, pairs.relaxed))
    if not whole and found[1] < hopeless:
        return found
    best = best_alignment(a, b, local, pairs)
    if best is not None:
        found[2:5] = len(best.row), best.weight, expected(a, b, best)
        found[5:7] = float(best.gap.mean()), float(best.twist.mean())
        found[7:9] = fields(a, b, best)
    return found


def laid_on(a: Print, b: Print) -> Laid | None:
    """``a`` laid on ``b`` as the comparison does it; None where nothing agrees."""
    seen = _supported(a, b)
    return None if seen is None else best_alignment(a, b, *seen)


def _supported(a: Print, b: Print) -> tuple[Float, Pairs] | None:
    """Similarity of all minutiae (n_a, n_b), and the best pairs with their support; None where there is no pair."""
    if min(len(a), len(b)) < 2 or not a.usable.any() or not b.usable.any():
        return None
    local = similarities(a, b)
    row, column = _best_pairs(local)
    if len(row) < 2:
        return None
    first = local[row, column]
    return local, Pairs(row, column, first, _relax(a, b, row, column, first))


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
