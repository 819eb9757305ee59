"""The faces of one snapshot: searched exactly, memory-mapped, and those of one record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.index import FaceIndex, Found
from hotspotd.errors import BiometricError, Reason, WatchlistError

MOST_LISTED = 64
"""Faces looked at of a search, likest first: an officer is shown fewer, and a record may hold several."""

Embedding = NDArray[np.float32]
RateOf = Callable[[float], float]
"""From a cosine similarity to the model's calibrated false match rate, which never rises with it."""


@dataclass(frozen=True, slots=True)
class LikeFaces:
    """The faces most like a probe: record number, similarity and false match rate of each, best first."""

    records: list[int] = field(default_factory=list)
    similarities: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def leads(self, at: float) -> Mapping[int, float]:
        """Of each record with a face at the rate ``at`` or a lower one its lowest rate."""
        found: dict[int, float] = {}
        for record, rate in zip(self.records, self.rates, strict=True):
            if rate <= at:
                found.setdefault(record, rate)
        return found


class ListedFaces:
    """The faces in one file of a snapshot. Thread-safe; blocks."""

    def __init__(self, path: Path) -> None:
        """Map ``path``. Raises WatchlistError (DAMAGED); OSError."""
        try:
            self._index = FaceIndex(path)
        except BiometricError as error:
            raise WatchlistError(error.reason, error.what, error.advice) from error
        self.engine = self._index.engine

    def __len__(self) -> int:
        return len(self._index)

    @property
    def records(self) -> NDArray[np.uint32]:
        """Of each face the number of its record (n,), ascending."""
        return self._index.persons

    def search(self, probe: Embedding, alive: NDArray[np.bool_], rate_of: RateOf, at_most: float) -> LikeFaces:
        """The faces, among those ``alive`` (n,), whose false match rate is at most ``at_most``, MOST_LISTED of them.

        Raises WatchlistError (WRONG_MODEL) for an embedding of another length.
        """
        try:
            found: Found = self._index.search(probe, MOST_LISTED, wanted=alive)
        except BiometricError as error:
            if error.reason is not Reason.WRONG_MODEL:
                raise
            raise WatchlistError(
                Reason.WRONG_MODEL, error.what, "Build the list again with the lane's face model."
            ) from error
        like = LikeFaces()
        for number, similarity in zip(found.references, found.similarities.tolist(), strict=True):
            rate = rate_of(similarity)
            if rate > at_most:
                break  # The rate never falls with the similarity.
            like.records.append(int(self.records[number]))
            like.similarities.append(similarity)
            like.rates.append(rate)
        return like

    def of_record(self, number: int) -> list[Embedding]:
        """The embeddings of the record with this number."""
        first, last = np.searchsorted(self.records, np.array([number, number + 1], dtype=np.uint32))
        return [self._index.embedding(one) for one in range(int(first), int(last))]
