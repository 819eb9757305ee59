"""Reads the staging store as a source that a list is built from, pictures enrolled one by one.

Each source has its own references; a list has one space for all. Where two sources use the same, the later one by
name is listed as ``REFERENCE (source)``, since leaving a person out would be worse than a longer number.
Of things without a person a list holds documents for now; ``left_behind`` counts the others.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.notice import Notice
from hotspotd.errors import BiometricError
from hotspotd.watchlist.build import EnrolledFace, EnrolledFinger, Entry, ListedDocument
from hotspotd.watchlist.enrol import Enroller
from hotspotd.watchlist.entries import NumberEntry, NumberKind
from hotspotd.watchlist.importers.delivery import SampleKind
from hotspotd.watchlist.source import Problem
from hotspotd.watchlist.staging import StagedPerson, Staging


@dataclass(frozen=True, slots=True)
class _DocumentRecord:
    """The listed documents of one reference."""

    source: str
    record: ListRecord
    documents: tuple[ListedDocument, ...]


class StagedSource:
    """A staging store as a source. ``problems`` fills while ``entries`` is read; the order is that of references."""

    def __init__(self, staging: Staging, enroller: Enroller) -> None:
        self._staging = staging
        self._enroller = enroller
        self.problems: list[Problem] = []
        self.rows = 0
        self.left_behind: Counter[str] = Counter()

    def entries(self) -> Iterator[Entry]:
        """Everybody and every document, enrolled one by one. Raises WatchlistError (DAMAGED, STORAGE_FAILED)."""
        streams: tuple[Iterator[StagedPerson | _DocumentRecord], ...] = (
            self._staging.people(),
            self._document_records(),
        )
        both = heapq.merge(*streams, key=lambda one: (one.record.reference, one.source))
        before = ""
        for one in both:
            self.rows += 1
            record = one.record
            if record.reference == before:
                record = msgspec.structs.replace(record, reference=f"{before} ({one.source})")
            else:
                before = record.reference
            if isinstance(one, StagedPerson):
                fingers, face = self._enrolled(one, record.reference)
                yield Entry(record, one.documents, tuple(fingers), face)
            else:
                yield Entry(record, one.documents)

    def _document_records(self) -> Iterator[_DocumentRecord]:
        numbers = self._staging.numbers(by_reference=True)
        for _, group in itertools.groupby(numbers, key=lambda entry: (entry.reference, entry.source)):
            documents = []
            for entry in group:
                if entry.kind is NumberKind.DOCUMENT:
                    documents.append(entry)
                else:
                    self.left_behind[entry.kind.value] += 1
            if documents:
                listed = tuple(ListedDocument(entry.number, entry.issuer) for entry in documents)
                yield _DocumentRecord(documents[0].source, document_record(documents[0]), listed)

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


def document_record(entry: NumberEntry) -> ListRecord:
    """What an officer is shown of a listed document."""
    return ListRecord(
        reference=entry.reference,
        notice=Notice.SLTD,
        owner=entry.owner,
        document_number=entry.number,
        document_issuer=entry.issuer,
        reason=entry.reason or entry.status.words,
        expires=entry.expires,
        review=entry.review,
        source=entry.source,
        since=entry.since,
    )
