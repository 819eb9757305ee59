"""A memory-mapped index of very many face embeddings, and the exact search of one among them.

Each embedding is held twice: as float32, and as int8 with a scale of its own, a quarter of the size. A search reads all
of the int8 rows, as fast as memory gives them, and compares in full only those that can be among the best: every row
comes with the most by which its int8 score can be wrong (Cauchy and Schwarz: the length of what rounding took off it),
so that what is found is what comparing all in float32 finds, always. Where there is no compiled scan, numpy reads
the float32 rows instead and finds the same. ``index_file`` says what the file holds.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face import native
from hotspotd.biometrics.face.index_file import OFF_UNIT, StoredRows, quantised, read_layout
from hotspotd.errors import BiometricError, Reason

_LOOKS: Final = (1 << 11, 1 << 14, 1 << 17)
"""Rows between two looks at what is best so far. Few at first: all of them can be among the best as yet. Not more in
the end than whose scores stay in the second-level cache."""
_COMPARED: Final = 1024
"""Rows compared in full at a time: in a list of equal embeddings that is all of them."""
_ROUNDING: Final = 1e-5
"""How far off float32 sums of 8192 products of unit vectors may be, with a margin."""

_T = TypeVar("_T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Found:
    """Of a search: embedding numbers (k,) and their cosine similarities (k,), best first."""

    references: NDArray[np.intp]
    similarities: NDArray[np.float64]


class FaceIndex:
    """An index, mapped: nothing of it is read before a search. Searches may run in several threads."""

    def __init__(self, path: Path) -> None:
        """Map ``path``. Raises BiometricError(DAMAGED) where it is no whole index; OSError."""
        layout = read_layout(path)
        begins, count, width = layout.areas, layout.count, layout.row_bytes
        self.engine = layout.engine
        self.dimensions = dimensions = layout.dimensions
        self.row_bytes = width
        self._floats = _mapped(path, begins[0], np.dtype("<f4"), (count, dimensions))
        self._rows = _mapped(path, begins[1], np.dtype(np.int8), (count, width))
        self._scales = _mapped(path, begins[2], np.dtype("<f4"), (count,))
        self._errors = _mapped(path, begins[3], np.dtype("<f4"), (count,))
        self.persons: NDArray[np.uint32] = _mapped(path, begins[4], np.dtype("<u4"), (count,))
        """Of each embedding the number of its person (n,)."""

    def __len__(self) -> int:
        return len(self.persons)

    def embedding(self, number: int) -> NDArray[np.float32]:
        """The embedding with this number (d,) float32."""
        return np.array(self._floats[number], np.float32)

    def rows(self, numbers: NDArray[np.intp]) -> StoredRows:
        """All that the file holds of the embeddings with these numbers, as ``FaceIndexWriter.add_stored`` takes it."""
        return StoredRows(self._floats[numbers], self._rows[numbers], self._scales[numbers], self._errors[numbers])

    def search(
        self,
        probe: NDArray[np.float32],
        most: int,
        *,
        wanted: NDArray[np.bool_] | None = None,
        at_least: float = -1.0,
    ) -> Found:
        """The ``most`` embeddings most like ``probe`` (d,) of length 1, among those ``wanted`` (n,), best first.

        None of less similarity than ``at_least``. Exact: what float32 comparison of all would give, of equal ones the
        first added. Blocks: reads the whole index.

        Raises BiometricError: WRONG_MODEL for a probe of another length, BAD_TEMPLATE where it is no unit vector.
        """
        if probe.shape != (self.dimensions,):
            raise BiometricError(
                Reason.WRONG_MODEL,
                f"a list of embeddings of {self.dimensions} numbers, the probe has {probe.shape}",
                "Enrol both with the same model.",
            )
        if not abs(float(np.linalg.norm(probe.astype(np.float64))) - 1) <= OFF_UNIT:
            raise BiometricError(Reason.BAD_TEMPLATE, "the probe's embedding has not the length 1")
        if most < 1 or not len(self):
            return _none()
        look = _Scan(self, probe) if native.library() else _Floats(self, probe)
        kept = _Best(most, at_least)
        begin = 0
        for looked in itertools.chain(_LOOKS, itertools.repeat(_LOOKS[-1])):
            end = min(begin + looked, len(self))
            kept.take(begin, look(begin, end), None if wanted is None else wanted[begin:end])
            begin = end
            if begin == len(self):
                break
        numbers, highest = kept.possible()
        # The likeliest first: what they reach shuts out most of the others.
        first = np.argsort(-highest, kind="stable")[: 2 * most]
        similarities = np.full(len(numbers), -np.inf)
        similarities[first] = self._compared(probe, numbers[first])
        if len(numbers) > len(first):
            floor = max(at_least, float(np.partition(similarities[first], -most)[-most]))
            rest = np.flatnonzero((similarities == -np.inf) & (highest >= np.float32(floor - _ROUNDING)))
            similarities[rest] = self._compared(probe, numbers[rest])
        order = np.lexsort((numbers, -similarities))[:most]
        order = order[similarities[order] >= at_least]
        return Found(numbers[order], similarities[order])

    def _compared(self, probe: NDArray[np.float32], numbers: NDArray[np.intp]) -> NDArray[np.float64]:
        """Similarities of the float32 rows with these numbers, the same to the last bit whichever others there are."""
        wide = probe.astype(np.float64)
        parts = [numbers[at : at + _COMPARED] for at in range(0, len(numbers), _COMPARED)]
        sums = [(self._floats[part].astype(np.float64) * wide).sum(axis=1) for part in parts]
        return np.concatenate(sums) if sums else np.zeros(0, np.float64)

    def scanned(self, probe: NDArray[np.int8], begin: int, end: int) -> NDArray[np.float32]:
        """Sums of the int8 rows ``begin`` to ``end`` with ``probe``, times each row's scale."""
        sums = native.scan(probe, self._rows[begin:end])
        if sums is None:
            raise RuntimeError("there is no compiled scan here")
        return np.multiply(sums, self._scales[begin:end], dtype=np.float32)

    def errors(self, begin: int, end: int) -> NDArray[np.float32]:
        """Lengths of the rounding errors of the rows ``begin`` to ``end``."""
        return self._errors[begin:end]

    def multiplied(self, probe: NDArray[np.float32], begin: int, end: int) -> NDArray[np.float32]:
        """Products of the float32 rows ``begin`` to ``end`` with ``probe``."""
        return np.asarray(self._floats[begin:end] @ probe, np.float32)


@dataclass(frozen=True, slots=True)
class _Scores:
    """Scores of some rows, by how much they may be wrong at worst, and by how much those at some places may be."""

    scores: NDArray[np.float32]
    worst: float
    doubts: Callable[[NDArray[np.intp]], NDArray[np.float32]]


class _Scan:
    """Scores by int8, and how wrong they can be.

    With probe q = q' + f and row x = x' + e (primed: rounded), q·x - q'·x' = q·e + f·x', at most |e| + |f| (1 + |e|).
    """

    def __init__(self, index: FaceIndex, probe: NDArray[np.float32]) -> None:
        whole, scales, errors = quantised(probe.reshape(1, -1))
        self._index = index
        self._probe = np.zeros(index.row_bytes, np.int8)
        self._probe[: index.dimensions] = whole[0]
        self._scale, self._error = np.float32(scales[0]), float(errors[0])

    def __call__(self, begin: int, end: int) -> _Scores:
        scores = self._index.scanned(self._probe, begin, end)
        scores *= self._scale
        errors = self._index.errors(begin, end)
        worst = float(self._doubt(errors.max(keepdims=True))[0])
        return _Scores(scores, worst, lambda places: self._doubt(errors[places]))

    def _doubt(self, errors: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(
            errors * (1 + OFF_UNIT + self._error) + (self._error * (1 + OFF_UNIT) + _ROUNDING), np.float32
        )


class _Floats:
    """Scores by float32."""

    def __init__(self, index: FaceIndex, probe: NDArray[np.float32]) -> None:
        self._index, self._probe = index, probe

    def __call__(self, begin: int, end: int) -> _Scores:
        scores = self._index.multiplied(self._probe, begin, end)
        return _Scores(scores, _ROUNDING, lambda places: np.full(len(places), _ROUNDING, np.float32))


class _Best:
    """What can be among the ``most`` best, by scores that may be wrong by so much."""

    def __init__(self, most: int, at_least: float) -> None:
        self._most = most
        self._floor = at_least
        self._numbers: list[NDArray[np.intp]] = []
        self._highest: list[NDArray[np.float32]] = []
        self._lowest = np.zeros(0, np.float32)

    def take(self, begin: int, seen: _Scores, wanted: NDArray[np.bool_] | None) -> None:
        """Look at the scores of the numbers from ``begin`` on."""
        places = np.flatnonzero(seen.scores >= np.float32(self._floor - seen.worst))
        if wanted is not None:
            places = places[wanted[places]]
        if len(places) == 0:
            return
        chosen, doubts = seen.scores[places], seen.doubts(places)
        lowest = np.concatenate([self._lowest, chosen - doubts])
        if len(lowest) > self._most:
            lowest = np.partition(lowest, -self._most)[-self._most :]
        self._lowest = lowest
        if len(lowest) == self._most:
            self._floor = max(self._floor, float(lowest.min()))
        highest = chosen + doubts
        # One grain more than float32 can tell apart.
        still = highest >= np.float32(self._floor - _ROUNDING)
        self._numbers.append(places[still] + begin)
        self._highest.append(highest[still])

    def possible(self) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """The numbers of all that can be among the best, ascending, and how similar each can be."""
        if not self._numbers:
            return np.zeros(0, np.intp), np.zeros(0, np.float32)
        numbers, highest = np.concatenate(self._numbers), np.concatenate(self._highest)
        still = highest >= np.float32(self._floor - _ROUNDING)
        return numbers[still], highest[still]


def _none() -> Found:
    return Found(np.zeros(0, np.intp), np.zeros(0, np.float64))


def _mapped(path: Path, offset: int, dtype: np.dtype[_T], shape: tuple[int, ...]) -> NDArray[_T]:
    if 0 in shape:  # mmap refuses length 0.
        return np.zeros(shape, dtype)
    return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=shape)
