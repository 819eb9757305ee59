"""The names of a list: which ones a record goes by, and the records whose names are like a document's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hotspotd.domain.candidate import Candidate, ListRecord, Modality
from hotspotd.domain.document import Document
from hotspotd.watchlist.names.candidates import NameIndex
from hotspotd.watchlist.names.explanation import in_words
from hotspotd.watchlist.names.forms import NameForm, form, form_of, form_of_document
from hotspotd.watchlist.names.scoring import Identity, Score, score

_HOPELESS = 0.02
_PATIENCE = 8
"""So many names in a row with a lower score than _HOPELESS end a search: the short list is sorted by likeness."""


class ListedName(NamedTuple):
    """A name of a record: its form, and as written where that is not the record's own surname and given names."""

    form: NameForm
    written: str


def names_of(record: ListRecord) -> list[ListedName]:
    """All names of a record, its own first; one without letters keeps its place."""
    return [name_of(record, place) for place in range(1 + len(record.other_names))]


def name_of(record: ListRecord, place: int) -> ListedName:
    """One name of a record: 0 its own, from 1 on its others."""
    if place == 0:
        return ListedName(form_of(record.surname, record.given_names), "")
    alias = record.other_names[place - 1].listed
    return ListedName(form(alias), alias)


class ListedNames:
    """The names in one file of a snapshot. Thread-safe; blocks."""

    def __init__(self, path: Path, record: Callable[[int], ListRecord]) -> None:
        """Map ``path``; ``record`` gives the record of a number. Raises WatchlistError (DAMAGED); OSError."""
        self._index = NameIndex(path)
        self._record = record

    @property
    def records(self) -> int:
        """How many numbers of records ``alive`` is asked for."""
        return self._index.records

    def search(self, document: Document, today: date, alive: NDArray[np.bool_], at_least: float) -> list[Candidate]:
        """The records ``alive`` (records,) whose name, date of birth, sex and nationality make the bearer of
        ``document`` at least so likely to be meant, likeliest first, each with its reasons in words.
        """
        born = document.born(today.year)
        probe = Identity((form_of_document(document),), born, document.sex, document.nationality)
        best: dict[str, tuple[Score, str]] = {}
        for reference, found, written in self._scored(probe, alive):
            if found.probability >= max(at_least, best[reference][0].probability if reference in best else 0.0):
                best[reference] = (found, written)
        ordered = sorted(best.items(), key=lambda item: (-item[1][0].probability, item[0]))
        return [
            Candidate(
                modality=Modality.NAME,
                reference=reference,
                score=round(found.probability, 4),
                detail=in_words(found, through=written),
            )
            for reference, (found, written) in ordered
        ]

    def _scored(self, probe: Identity, alive: NDArray[np.bool_]) -> Iterator[tuple[str, Score, str]]:
        hopeless = 0
        for listed in self._index.search(probe.names[0], probe.born, alive):
            record = self._record(listed.record)
            name = name_of(record, listed.place)
            other = Identity((name.form,), record.birth_date, record.sex, record.nationality)
            found = score(probe, other, crowd=max(1, listed.crowd // (1 + len(record.other_names))))
            if found is None:
                continue
            yield record.reference, found, name.written
            hopeless = 0 if found.probability >= _HOPELESS else hopeless + 1
            if hopeless == _PATIENCE:
                return
