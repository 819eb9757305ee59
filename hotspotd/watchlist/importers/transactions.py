"""What every encoding of an ANSI/NIST-ITL transaction has in common when one is imported: one file, one person.

An importer of an encoding turns its records into ``Subject``, ``Print`` and ``Face``; this makes a person of them.
Pictures of four fingers or two thumbs are cut into fingers; where that fails they are left out and told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hotspotd.domain.candidate import ListRecord, OtherName
from hotspotd.domain.finger import FingerPosition, Slap
from hotspotd.domain.notice import Notice
from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.importers import values
from hotspotd.watchlist.importers.delivery import Person, Reject, Sample, SampleKind, Step
from hotspotd.watchlist.importers.lines import opened
from hotspotd.watchlist.importers.parts import Parts, person
from hotspotd.watchlist.importers.pictures import cut_slap, from_pixels, portrait_picture, print_picture
from hotspotd.watchlist.importers.portraits import check_dpi
from hotspotd.watchlist.rules import RowError

LARGEST_FILE = 64 * 1024 * 1024
# FGP 11 and 12 (ANSI/NIST-ITL 1-2011, table 8): the thumbs, plain.
_PLAIN_THUMBS = {11: FingerPosition.RIGHT_THUMB, 12: FingerPosition.LEFT_THUMB}
_DATES = ("%Y-%m-%d", "%Y%m%d", "%Y-%m", "%Y")


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a transaction is about. Dates ISO 8601 or YYYYMMDD; ``nationality`` a code; all may be empty."""

    reference: str
    owner: str = ""
    surname: str = ""
    given_names: str = ""
    aliases: tuple[OtherName, ...] = ()
    birth_date: str = ""
    nationality: str = ""
    sex: str = ""
    reason: str = ""
    expires: str = ""
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class Print:
    """One picture of a print: ``position`` is FGP, ``raw`` its pixels' (width, height) where it is not compressed."""

    position: int
    data: bytes
    dpi: float
    raw: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Defaults:
    """What stands where a transaction says nothing."""

    notice: Notice
    owner: str


def transaction_step(
    path: Path, place: int, read: Callable[[bytes], tuple[Subject, list[Print], list[bytes]]], defaults: Defaults
) -> Iterator[Step]:
    """The one step of the file ``path``; ``read`` gives subject, prints and faces of it or raises RowError.

    Raises WatchlistError (UNREADABLE, BAD_VALUE for an archive).
    """
    if place:
        return
    with opened(path) as file:
        try:
            data = file.read(LARGEST_FILE + 1)
        except OSError as error:
            raise WatchlistError(Reason.UNREADABLE, f"{path}: {error.strerror}", "Read the disk again.") from error
    parts = Parts(1)
    if len(data) > LARGEST_FILE:
        yield Step(1, 1, len(data), rejects=(Reject(1, "", "", f"longer than {LARGEST_FILE} bytes"),))
        return
    try:
        subject, prints, faces = read(data)
    except RowError as error:
        yield Step(1, 1, len(data), rejects=(Reject(1, "", error.field, error.what),))
        return
    parts.reference = subject.reference
    yield parts.step(lambda: _person(subject, prints, faces, parts, defaults), 1, len(data))


def _person(subject: Subject, prints: list[Print], faces: list[bytes], parts: Parts, defaults: Defaults) -> Person:
    record = ListRecord(
        reference=subject.reference,
        notice=subject.notice or defaults.notice,
        owner=subject.owner or defaults.owner,
        surname=subject.surname,
        given_names=subject.given_names,
        birth_date=_date("birth_date", subject.birth_date, parts),
        nationality=parts.maybe(lambda: values.country("nationality", subject.nationality))
        if subject.nationality
        else None,
        sex=parts.maybe(lambda: values.sex(subject.sex)),
        reason=values.shortened(subject.reason),
        other_names=parts.names(subject.aliases),
        expires=_date("expires", subject.expires, parts),
    )
    found = [sample for one in prints for sample in parts.maybe(partial(_fingers, one)) or ()]
    found += filter(None, (parts.maybe(partial(_face, face)) for face in faces))
    return person(record, (), tuple(_numbered(found)))


def _date(field: str, text: str, parts: Parts) -> str | None:
    return parts.maybe(lambda: values.as_date(field, text[:10], _DATES)) if text else None


def _fingers(one: Print) -> list[Sample]:
    """The picture as a sample, or of several fingers each one, cut out."""
    field = f"print {one.position}"
    dpi = round(one.dpi)
    check_dpi(dpi)
    picture = from_pixels(field, one.data, *one.raw) if one.raw else print_picture(field, one.data)
    if one.position in set(Slap):
        return [
            Sample(SampleKind.FINGER, position.label, cut, position, dpi)
            for position, cut in cut_slap(field, picture, dpi, Slap(one.position))
        ]
    try:
        position = _PLAIN_THUMBS.get(one.position) or FingerPosition(one.position)
    except ValueError as error:
        raise RowError(field, f"position {one.position} is neither a finger nor a slap") from error
    return [Sample(SampleKind.FINGER, position.label, picture, position, dpi)]


def _face(data: bytes) -> Sample:
    return Sample(SampleKind.FACE, "face", portrait_picture("face", data))


def _numbered(samples: Iterable[Sample]) -> Iterator[Sample]:
    """Samples with names of their own: ``right_index``, ``right_index-2``."""
    seen: dict[str, int] = {}
    for sample in samples:
        count = seen[sample.name] = seen.get(sample.name, 0) + 1
        name = sample.name if count == 1 else f"{sample.name}-{count}"
        yield Sample(sample.kind, name, sample.picture, sample.position, sample.dpi)
