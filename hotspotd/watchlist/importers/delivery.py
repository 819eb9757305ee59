"""What importers deliver: people, documents and samples of people, numbers, and what could not be used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeAlias

from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.finger import FingerPosition
from hotspotd.watchlist.build import ListedDocument
from hotspotd.watchlist.entries import DeliveredNumber

LARGEST_PICTURE = 16 * 1024 * 1024


class SampleKind(StrEnum):
    """What a picture shows."""

    FACE = "face"
    FINGER = "finger"


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture of a person as it came: not decoded, not judged. ``name`` tells samples of one person apart.

    ``dpi`` is meant for prints only: pixels per inch.
    """

    kind: SampleKind
    name: str
    picture: bytes
    position: FingerPosition = FingerPosition.UNKNOWN
    dpi: int = 500


@dataclass(frozen=True, slots=True)
class Person:
    """A whole record of a person: it takes the place of what the same source said before under its reference."""

    record: ListRecord
    documents: tuple[ListedDocument, ...] = ()
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonsDocument:
    """A document delivered apart from the person that holds it, before or after."""

    reference: str
    document: ListedDocument


@dataclass(frozen=True, slots=True)
class PersonsSample:
    """A picture delivered apart from the person that it shows, before or after."""

    reference: str
    sample: Sample


Item: TypeAlias = Person | PersonsDocument | PersonsSample | DeliveredNumber


@dataclass(frozen=True, slots=True)
class Reject:
    """What could not be used: ``line`` counts from 1 in its file, ``field`` is empty where it is the whole row.

    ``whole``: nothing of the row was taken; otherwise only this part of it was left out.
    """

    line: int
    reference: str
    field: str
    reason: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """One row and what it gave. An import can go on behind it, from ``place``.

    ``place`` is the importer's own: a byte offset where rows are lines, otherwise a count. ``read`` is how many bytes
    of the file were read, for the progress bar.
    """

    place: int
    line: int
    read: int
    items: tuple[Item, ...] = ()
    rejects: tuple[Reject, ...] = ()
    passed_over: int = 0
    """Rows that are no mistake and not meant for this list, such as companies."""


class Importer(Protocol):
    """Reads one kind of delivery."""

    def read(self, path: Path, place: int, line: int) -> Iterator[Step]:
        """The rows of ``path`` from ``place`` on; 0, 0 from the start.

        Raises WatchlistError (UNREADABLE, BAD_VALUE, TOO_LARGE) where the file as a whole cannot be read: what came
        before stays taken.
        """


class Delivers(StrEnum):
    """What a kind of delivery holds all of: what ``--replace`` may withdraw when it is missing."""

    PEOPLE = "people"
    NUMBERS = "numbers"
    SAMPLES = "samples"
