"""Reads the staging store as a source that a list is built from, pictures enrolled one by one.

Each source has its own references; a list has one space for all. Where two sources use the same, the later one by
name is listed as ``REFERENCE (source)``, since leaving a person out would be worse than a longer number.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import msgspec

from hotspotd.errors import BiometricError, WatchlistError
from hotspotd.watchlist.build import EnrolledFace, EnrolledFinger, Entry
from hotspotd.watchlist.enrol import Enroller
from hotspotd.watchlist.entries import DeliveredNumber
from hotspotd.watchlist.importers.delivery import SampleKind
from hotspotd.watchlist.number_source import MOST_PROBLEMS, listing_of
from hotspotd.watchlist.numbers import NumberEntry
from hotspotd.watchlist.source import Problem
from hotspotd.watchlist.staging import StagedPerson, Staging


class StagedSource:
    """The people of a staging store. ``problems`` fills while ``entries`` is read; the order is that of references."""

    def __init__(self, staging: Staging, enroller: Enroller) -> None:
        self._staging = staging
        self._enroller = enroller
        self.problems: list[Problem] = []
        self.rows = 0

    def entries(self) -> Iterator[Entry]:
        """Everybody, enrolled one by one. Raises WatchlistError (DAMAGED, STORAGE_FAILED)."""
        before = ""
        for person in self._staging.people():
            self.rows += 1
            record = person.record
            if record.reference == before:
                record = msgspec.structs.replace(record, reference=f"{before} ({person.source})")
            else:
                before = record.reference
            fingers, face = self._enrolled(person, record.reference)
            yield Entry(record, person.documents, tuple(fingers), face)

    def _enrolled(self, person: StagedPerson, reference: str) -> tuple[list[EnrolledFinger], EnrolledFace | None]:
        fingers: list[EnrolledFinger] = []
        face: EnrolledFace | None = None
        for sample in person.samples:
            try:
                if sample.kind is SampleKind.FINGER:
                    fingers.append(self._enroller.finger(sample.position, sample.picture, sample.dpi))
                elif face is None:  # A record has one portrait: the first that can be enrolled.
                    face = self._enroller.face(sample.picture)
            except BiometricError as error:
                self.problems.append(Problem(0, reference, f"{sample.name}: {error}", rejected=False))
        return fingers, face


class StagedNumbers:
    """The documents and things of a staging store, as a ``NumberSource`` gives those of a folder."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging
        self.problems: list[Problem] = []
        self.rows = 0
        self.left_out = 0
        """Numbers that could not be used; of the first MOST_PROBLEMS ``problems`` says why."""

    def entries(self) -> Iterator[NumberEntry]:
        """The usable ones, as a stream. Raises WatchlistError (DAMAGED, STORAGE_FAILED)."""
        for one in self._staging.numbers():
            self.rows += 1
            try:
                yield _entry(one)
            except WatchlistError as error:
                self.left_out += 1
                if len(self.problems) < MOST_PROBLEMS:
                    self.problems.append(Problem(0, one.reference, error.what, rejected=True))


def _entry(one: DeliveredNumber) -> NumberEntry:
    listing = listing_of(one.kind, one.number, one.issuer, one.status, one.owner, one.reason, one.source)
    return NumberEntry(one.number, listing, date.fromisoformat(one.expires) if one.expires else None)
