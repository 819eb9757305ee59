"""The two quick levels of a search (``index``): worth of like codes under one turn, then under one turn and shift.

Compiled, or the same in numpy: all of it is whole numbers, so both find exactly the same.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger import native
from hotspotd.biometrics.finger.codes import BITS, Codes, Places, Words, cosines

Scores = NDArray[np.int32]

# Those of native/kernels/search.h.
_TURNS, _GAP, _SLOPE, _TWIST = 16, 1600, 4, 6

_WORTH_FROM: Final = 24
_FINE_FROM: Final = 27
"""Differing bits, of 58, from which on a pair is worth nothing; different minutiae differ in 29 on average."""
_AT_ONCE: Final = 4096
_MASK: Final = np.uint64((1 << BITS) - 1)


@dataclass(frozen=True)
class Coded:
    """References: of each where its codes begin and how many there are, (n,); words (m,) and places (m, 2) of all."""

    start: NDArray[np.uint32]
    count: NDArray[np.uint8]
    words: Words
    places: Places


class Probe:
    """One print's codes, at most MOST_CODED, ready to be searched with."""

    def __init__(self, made: Codes) -> None:
        self.words = np.ascontiguousarray(made.words)
        self.places = np.ascontiguousarray(made.places)
        distance = np.arange(BITS + 1)
        self.worth = (np.maximum(0, _WORTH_FROM - distance) ** 2).astype(np.int32)
        self.fine = np.maximum(0, _FINE_FROM - distance).astype(np.int32)

    def __len__(self) -> int:
        return len(self.words)


class _Searched(ctypes.Structure):
    _fields_ = [("count", ctypes.c_int32), *((name, ctypes.c_void_p) for name in ("words", "places", "worth", "fine"))]


class _Coded(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("start", "count", "words", "places")]


def _searched(probe: Probe) -> _Searched:
    return _Searched(len(probe), *(c.ctypes.data for c in (probe.words, probe.places, probe.worth, probe.fine)))


def _coded(of: Coded) -> _Coded:
    return _Coded(*(c.ctypes.data for c in (of.start, of.count, of.words, of.places)))


def scan(probe: Probe, of: Coded, wanted: NDArray[np.bool_]) -> Scores:
    """First level: (n,) the worth of the nearest pairs under their best common turn; -1 where not ``wanted``."""
    scores = np.empty(len(of.count), dtype=np.int32)
    library = native.library()
    if library is not None:
        allowed = np.ascontiguousarray(wanted).view(np.uint8)
        library.hf_scan(
            ctypes.byref(_searched(probe)),
            ctypes.byref(_coded(of)),
            ctypes.c_void_p(allowed.ctypes.data),
            ctypes.c_int64(0),
            ctypes.c_int64(len(scores)),
            ctypes.c_void_p(scores.ctypes.data),
        )
        return scores
    scores[:] = -1
    chosen = np.flatnonzero(wanted & (of.count > 0))
    for begin in range(0, len(chosen), _AT_ONCE):
        some = chosen[begin : begin + _AT_ONCE]
        scores[some] = _scan(probe, of, some)
    return scores


def fit(probe: Probe, of: Coded, which: NDArray[np.intp]) -> Scores:
    """Second level: (k,) of the references ``which``, the greatest worth of pairs that one placement explains."""
    scores = np.zeros(len(which), dtype=np.int32)
    library = native.library()
    if library is not None:
        numbers = np.ascontiguousarray(which, dtype=np.int64)
        library.hf_fit(
            ctypes.c_void_p(cosines().ctypes.data),
            ctypes.byref(_searched(probe)),
            ctypes.byref(_coded(of)),
            ctypes.c_void_p(numbers.ctypes.data),
            ctypes.c_int64(len(numbers)),
            ctypes.c_void_p(scores.ctypes.data),
        )
        return scores
    for place, number in enumerate(which):
        scores[place] = _fit(probe, of, int(number))
    return scores


@cache
def _bits_of_halves() -> NDArray[np.uint8]:
    bits = np.unpackbits(np.arange(1 << 16, dtype="<u2").view(np.uint8).reshape(-1, 2), axis=1)
    return np.asarray(bits.sum(axis=1), dtype=np.uint8)


def _distance(a: Words, b: np.uint64) -> NDArray[np.uint8]:
    differ = (a ^ b) & _MASK
    if hasattr(np, "bitwise_count"):  # From numpy 2.0 on.
        return np.asarray(np.bitwise_count(differ), dtype=np.uint8)
    return np.asarray(_bits_of_halves()[differ.view(np.uint16).reshape(-1, 4)].sum(axis=1), dtype=np.uint8)


def _scan(probe: Probe, of: Coded, which: NDArray[np.intp]) -> Scores:
    count, start = of.count[which].astype(np.int64), of.start[which].astype(np.int64)
    first = np.cumsum(count) - count
    number = np.arange(int(count.sum())) - np.repeat(first, count)
    words = of.words[number + np.repeat(start, count)].astype(np.uint64)
    votes = np.zeros((len(which), _TURNS), dtype=np.int64)
    row = np.arange(len(which))
    for word in probe.words:
        key = np.minimum.reduceat(_distance(words, word).astype(np.uint16) << 8 | number.astype(np.uint16), first)
        nearest = words[first + (key & 255)]
        turn = ((nearest >> np.uint64(BITS)) - (word >> np.uint64(BITS))) & np.uint64(63)
        votes[row, (turn // np.uint64(64 // _TURNS)).astype(np.intp)] += probe.worth[key >> 8]
    together = votes + np.roll(votes, -1, axis=1) + np.roll(votes, -2, axis=1)
    return np.asarray(together.max(axis=1), dtype=np.int32)


def _fit(probe: Probe, of: Coded, number: int) -> int:
    here = slice(int(of.start[number]), int(of.start[number]) + int(of.count[number]))
    words, places = of.words[here].astype(np.uint64), of.places[here].astype(np.int64)
    if not (len(words) and len(probe)):
        return 0
    key = np.stack([_distance(words, word).astype(np.int64) << 8 for word in probe.words]) | np.arange(len(words))
    nearest = key.min(axis=1)
    worth = probe.fine[nearest >> 8].astype(np.int64)
    pairs = np.flatnonzero(worth > 0)
    if not pairs.size:
        return 0
    worth, partner = worth[pairs], nearest[pairs] & 255
    shift = np.uint64(BITS)
    turn = (((words[partner] >> shift) - (probe.words[pairs] >> shift)) & np.uint64(63)).astype(np.int64)
    a, b = probe.places[pairs].astype(np.int64), places[partner]
    dx, dy = (a[None, :, axis] - a[:, None, axis] for axis in (0, 1))
    c, s = (cosines()[np.mod(4 * turn - back, 256)].astype(np.int64)[:, None] for back in (0, 64))
    ex = 16 * (b[None, :, 0] - b[:, None, 0]) - ((c * dx - s * dy) >> 10)
    ey = 16 * (b[None, :, 1] - b[:, None, 1]) - ((s * dx + c * dy) >> 10)
    gap, allowed = ex * ex + ey * ey, _GAP + _SLOPE * (dx * dx + dy * dy)
    off = (turn[None] - turn[:, None] + 32) & 63
    near = (gap < allowed).astype(np.int64) + (2 * gap < allowed) + (4 * gap < allowed)
    near[(off <= 32 - _TWIST) | (off >= 32 + _TWIST)] = 0
    return int((near @ worth).max())
