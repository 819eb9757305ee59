"""Folders of portraits and prints whose names say whose and what they are, for people that another delivery named.

``REFERENCE__WHAT.png`` or ``REFERENCE/WHAT.png``; ``WHAT`` is ``face`` or a finger (``right_index``, or its number in
ANSI/NIST-ITL, ``2``), then perhaps ``-2`` for a second picture of it and ``@1000`` for a print's pixels per inch. What
cannot stand in a file's name is written as in an address: ``XPO%2F2026%2F1__face.jpg``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from hotspotd.domain.finger import FingerPosition
from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.importers.delivery import (
    LARGEST_PICTURE,
    PersonsSample,
    Reject,
    Sample,
    SampleKind,
    Step,
)
from hotspotd.watchlist.importers.pictures import portrait_picture, print_picture
from hotspotd.watchlist.rules import RowError, check_text

_WHAT = re.compile(r"(?P<what>[a-z_]+|\d{1,2})(-(?P<count>\d{1,3}))?(@(?P<dpi>\d{2,4}))?", re.ASCII)


class PortraitsImporter:
    """Reads pictures, one a file; ``dpi`` of prints that do not say theirs."""

    def __init__(self, dpi: int = 500) -> None:
        self._dpi = dpi

    def read(self, path: Path, place: int, line: int) -> Iterator[Step]:  # noqa: ARG002 - a file is one row
        """The picture in ``path``, line 1 of its file. Raises WatchlistError (UNREADABLE)."""
        if place:
            return
        reference = ""
        try:
            reference, sample = self._sample(path)
        except RowError as error:
            yield Step(1, 1, 0, rejects=(Reject(1, reference, error.field, error.what),))
            return
        except OSError as error:
            raise WatchlistError(
                Reason.UNREADABLE, f"{path}: {error.strerror}", "Give the files to the user who imports."
            ) from error
        yield Step(1, 1, len(sample.picture), (PersonsSample(reference, sample),))

    def _sample(self, path: Path) -> tuple[str, Sample]:
        before, apart, what = path.stem.rpartition("__")
        reference = unquote(before if apart else path.parent.name)
        check_text("name", reference)
        if not 1 <= len(reference) <= 60:
            raise RowError("name", "a reference has 1 to 60 characters")
        found = _WHAT.fullmatch(what)
        if found is None:
            raise RowError("name", "not written REFERENCE__face.jpg or REFERENCE__right_index.png")
        if path.stat().st_size > LARGEST_PICTURE:
            raise RowError("picture", f"larger than {LARGEST_PICTURE} bytes")
        data = path.read_bytes()
        if found["what"] == "face":
            return reference, Sample(SampleKind.FACE, what, portrait_picture("picture", data))
        dpi = int(found["dpi"] or self._dpi)
        check_dpi(dpi)
        position = _finger(found["what"])
        return reference, Sample(SampleKind.FINGER, what, print_picture("picture", data), position, dpi)


def check_dpi(dpi: int) -> None:
    """Raises RowError outside 250 to 1000 pixels per inch."""
    if not 250 <= dpi <= 1000:
        raise RowError("resolution", f"{dpi} pixels per inch; 250 to 1000 are read")


def _finger(text: str) -> FingerPosition:
    try:
        return FingerPosition(int(text)) if text.isdecimal() else FingerPosition.from_label(text)
    except (KeyError, ValueError) as error:
        raise RowError("name", f"{text[:30]!r} is neither face nor a finger") from error
