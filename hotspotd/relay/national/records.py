"""One record of a national repository: a document or a thing listed by its number (SLTD, SMV, iARMS). Pure.

A record holds nothing about people: there is no field for it, and a field that is not here is refused. The rules are
the same for who submits and for the gateway, so that what the one lets through the other takes.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

import msgspec

from hotspotd.watchlist.numbers import Kind, Status, issuer_code, normal_form

LONGEST_LINE: Final = 4 * 1024
"""Bytes of one record as JSON."""
_LONGEST_NUMBER: Final = 60
_LONGEST_REFERENCE: Final = 60
_LONGEST_TEXT: Final = 200
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_NOT_ALPHANUMERIC: Final = re.compile(r"[\W_]+")
_ISSUER: Final = re.compile(r"[A-Z]{1,3}")


class RecordError(Exception):
    """Why a record cannot be taken. Says which field, and repeats nothing that stands in it."""


class RecordKey(msgspec.Struct, frozen=True, kw_only=True):
    """What tells two records of a repository apart. Two of a kind with one number need two references.

    ``issuer``: ICAO 9303 code of who issued the document, ISO 3166 alpha-3 of who registered the vehicle; empty where
    there is none. ``reference``: the owning bureau's number for the record; may be empty.
    """

    kind: Kind
    number: str
    issuer: str = ""
    reference: str = ""

    @property
    def bare_number(self) -> str:
        """The number in capitals, letters and digits only: it names the same record however it was written."""
        return _NOT_ALPHANUMERIC.sub("", self.number.upper())

    @property
    def text(self) -> str:
        """The key in one line, for keyed hashes."""
        return f"{self.kind}|{self.issuer}|{self.bare_number}|{self.reference}"

    def check(self) -> None:
        """Raises RecordError."""
        if len(self.number) > _LONGEST_NUMBER or not self.number.isprintable() or not self.bare_number:
            raise RecordError(f"number: 1 to {_LONGEST_NUMBER} printable characters, letters or digits among them")
        if len(self.reference) > _LONGEST_REFERENCE or not self.reference.isprintable():
            raise RecordError(f"reference: at most {_LONGEST_REFERENCE} printable characters")
        if self.issuer and not _ISSUER.fullmatch(self.issuer):
            raise RecordError("issuer: up to three capital letters")
        if not self.issuer and self.kind.has_issuer:
            raise RecordError(f"issuer: a {self.kind.label} has one")
        if normal_form(self.kind, self.number, issuer_code(self.kind, self.issuer)) is None:
            raise RecordError(f"number: cannot be one of a {self.kind.label}")


class Record(RecordKey, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One record. Dates are ISO 8601 days.

    ``since``: day since when it is listed; ``review``: day by which the owner means to look at it again; ``expires``:
    last day on which it counts. The gateway gives a record without ``expires`` the end that its rule says.
    """

    status: Status
    category: str = ""
    """What it is more exactly: type of document (P, ID, V), make and model."""
    reason: str = ""
    """One line for the officer."""
    since: str | None = None
    review: str | None = None
    expires: str | None = None

    def check(self) -> None:
        """Raises RecordError."""
        super().check()
        for name, text in (("category", self.category), ("reason", self.reason)):
            if len(text) > _LONGEST_TEXT or not text.isprintable():
                raise RecordError(f"{name}: at most {_LONGEST_TEXT} printable characters")
        for name, day in (("since", self.since), ("review", self.review), ("expires", self.expires)):
            if day is not None:
                _check_day(name, day)
        if self.since is not None and self.expires is not None and self.expires < self.since:
            raise RecordError("expires: before since")

    def ended(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.expires is not None and self.expires < today.isoformat()


FIELDS: Final = Record.__struct_fields__
"""Names of every field."""


def problem_of(error: msgspec.MsgspecError | UnicodeDecodeError) -> str:
    """What is wrong with a text that is no record, without repeating a value that stood in it."""
    if isinstance(error, msgspec.ValidationError):
        what, _, where = str(error).partition(" - at `")
        field = where.rstrip("`").removeprefix("$").lstrip(".").replace("[...]", "a value")
        if "unknown field" in what:
            return f"{what}: a record has {', '.join(FIELDS)}, and nothing about people"
        if what.startswith("Invalid enum value"):
            choices = {"kind": Kind, "status": Status}.get(field)
            return f"{field}: one of {', '.join(choices)}" if choices else f"{field}: unknown value"
        if what.startswith("Invalid value"):
            return f"{field or 'op'}: unknown value"
        return f"{field}: {what}" if field else what
    return "not JSON in UTF-8"


def _check_day(name: str, day: str) -> None:
    if not _DATE.fullmatch(day):
        raise RecordError(f"{name}: not a date as YYYY-MM-DD")
    try:
        date.fromisoformat(day)
    except ValueError as error:
        raise RecordError(f"{name}: no such day") from error
