"""Reads ``numbers.jsonl`` of a source folder: documents, vehicles and things that are listed by their number.

One JSON object a line; ``issuer`` for travel documents and plates, ``purpose``, ``source`` and ``expires`` optional::

    {"kind": "document", "number": "L898902C3", "issuer": "UTO", "status": "stolen_blank", "owner": "UTO",
     "purpose": "", "source": "SLTD 2026-11", "expires": "2036-11-22"}

A row that cannot be used is left out, told with line and reason, and never stops the rows after it. Read as a stream,
however long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.numbers import Kind, Listing, NumberEntry, Status, issuer_code, normal_form
from hotspotd.watchlist.numbers.rows import LAST_DAY
from hotspotd.watchlist.source import Problem

NUMBERS: Final = "numbers.jsonl"
MOST_PROBLEMS: Final = 10_000
"""Problems kept with line and reason; more are counted."""

_LONGEST_LINE: Final = 8 * 1024
_LONGEST_TEXT: Final = 200
_OWNER: Final = re.compile(r"[A-Z]{3}")
_ISSUER: Final = re.compile(r"[A-Z]{1,3}")


class _Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: Kind
    number: str
    status: Status
    owner: str
    issuer: str = ""
    purpose: str = ""
    source: str = ""
    expires: date | None = None


class NumberSource:
    """The numbers of a source folder. ``problems`` fills while ``entries`` is read."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NUMBERS
        self.problems: list[Problem] = []
        self.rows = 0
        self.left_out = 0
        """Rows that could not be used; of the first MOST_PROBLEMS ``problems`` says why."""

    def entries(self) -> Iterator[NumberEntry]:
        """The usable rows. Raises WatchlistError(UNREADABLE)."""
        decoder = msgspec.json.Decoder(_Row)
        for line_number, line in self._lines():
            self.rows += 1
            try:
                row = decoder.decode(line)
                listing = _listing(row)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self._leave_out(line_number, str(error))
                continue
            except WatchlistError as error:
                self._leave_out(line_number, error.what)
                continue
            yield NumberEntry(row.number, listing, row.expires)

    def _leave_out(self, line_number: int, why: str) -> None:
        self.left_out += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(line_number, "", why, rejected=True))

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        try:
            with self.path.open("rb") as file:
                number = 0
                while line := file.readline(_LONGEST_LINE + 1):
                    number += 1
                    whole = line
                    while not line.endswith(b"\n") and (line := file.readline(_LONGEST_LINE)):
                        pass  # The rest of a line that is too long is read and left: what is kept is no JSON.
                    if whole.strip():
                        yield number, whole
        except OSError as error:
            raise WatchlistError(Reason.UNREADABLE, f"{self.path}: {error.strerror}", "Check that file.") from error


def listing_of(kind: Kind, number: str, issuer: str, status: Status, owner: str, purpose: str, source: str) -> Listing:
    """What a number is listed under. Raises WatchlistError(BAD_VALUE) saying why this cannot be listed."""
    code = issuer_code(kind, issuer)
    if kind.has_issuer and not _ISSUER.fullmatch(code):
        raise _refused(f"issuer: a {kind.label} has one, of up to three letters")
    if normal_form(kind, number, code) is None:
        raise _refused(f"number: cannot be one of a {kind.label}")
    if not _OWNER.fullmatch(owner):
        raise _refused("owner: three capital letters")
    for name, text in (("purpose", purpose), ("source", source)):
        if len(text) > _LONGEST_TEXT or not text.isprintable():
            raise _refused(f"{name}: at most {_LONGEST_TEXT} printable characters")
    return Listing(kind, code, status, owner, purpose, source)


def _refused(why: str) -> WatchlistError:
    return WatchlistError(Reason.BAD_VALUE, why, "Leave it out, or mend it.")


def _listing(row: _Row) -> Listing:
    if row.expires is not None and row.expires > LAST_DAY:
        raise _refused(f"expires: no later than {LAST_DAY}")
    return listing_of(row.kind, row.number, row.issuer, row.status, row.owner, row.purpose, row.source)
