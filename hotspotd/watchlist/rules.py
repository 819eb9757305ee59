"""What a row must be like to stand in a list: the same rules for a source folder and for every import. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from hotspotd.domain.candidate import ListRecord
from hotspotd.watchlist.build import ListedDocument
from hotspotd.watchlist.entries import DeliveredNumber
from hotspotd.watchlist.keys import document_text, normal_number
from hotspotd.watchlist.numbers.kinds import Kind

# A kiosk reads 4000 characters of a text; nothing an officer is shown needs as many.
LONGEST_TEXT = 500
MOST_DOCUMENTS = 64
# The longest list of aliases of the Security Council's list has some forty.
MOST_OTHER_NAMES = 128
MOST_OTHERS = 32
_OWNER = re.compile(r"[A-Z]{3}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_REDUCED_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


class RowError(Exception):
    """Why a row cannot be used: ``field`` may be empty where it is the row as a whole."""

    def __init__(self, field: str, what: str) -> None:
        super().__init__(f"{field}: {what}" if field else what)
        self.field = field
        self.what = what


def check_record(record: ListRecord) -> None:
    """Raises RowError when a record's own fields cannot stand in a list."""
    _check_reference(record.reference)
    _check_texts(record)
    check_owner(record.owner)
    if record.birth_date is not None:
        _check_date("birth_date", record.birth_date, _REDUCED_DATE)
    for text in record.other_birth_dates:
        _check_date("other_birth_dates", text, _REDUCED_DATE)
    _check_days(expires=record.expires, review=record.review, since=record.since)
    if bool(record.document_number) != bool(record.document_issuer):
        raise RowError("", "document_number and document_issuer: both or neither")
    if len(record.other_names) > MOST_OTHER_NAMES:
        raise RowError("other_names", f"more than {MOST_OTHER_NAMES}")
    for key, others in (
        ("other_birth_dates", record.other_birth_dates),
        ("other_nationalities", record.other_nationalities),
        ("cautions", record.cautions),
    ):
        if len(others) > MOST_OTHERS:
            raise RowError(key, f"more than {MOST_OTHERS}")


def check_documents(documents: Iterable[ListedDocument]) -> None:
    """Raises RowError for too many documents, and for one that no document can be compared with."""
    for place, document in enumerate(documents):
        if place == MOST_DOCUMENTS:
            raise RowError("documents", f"more than {MOST_DOCUMENTS}")
        check_text(f"documents[{place}].number", document.number)
        check_text(f"documents[{place}].issuer", document.issuer)
        if document_text(document.number, document.issuer) is None:
            raise RowError(f"documents[{place}]", "a number and an issuer are needed")


def check_number(entry: DeliveredNumber) -> None:
    """Raises RowError when a number cannot stand in a list."""
    _check_reference(entry.reference)
    for key in ("number", "issuer", "category", "reason", "source"):
        check_text(key, getattr(entry, key))
    if not normal_number(entry.number):
        raise RowError("number", "has neither letter nor digit")
    if not entry.issuer and entry.kind in {Kind.DOCUMENT, Kind.VEHICLE}:
        raise RowError("issuer", f"a {entry.kind} needs the country that issued it")
    check_owner(entry.owner)
    _check_days(expires=entry.expires, review=entry.review, since=entry.since)


def check_text(key: str, text: str) -> None:
    """Raises RowError for a text that cannot be sent in XML, or cannot be shown."""
    if len(text) > LONGEST_TEXT or not text.isprintable():
        raise RowError(key, f"at most {LONGEST_TEXT} printable characters")


def _check_reference(reference: str) -> None:
    if not 1 <= len(reference) <= 60:
        raise RowError("reference", "1 to 60 characters")


def check_owner(owner: str) -> None:
    """Raises RowError for what is no code of a bureau."""
    if not _OWNER.fullmatch(owner):
        raise RowError("owner", "three capital letters")


def _check_texts(record: ListRecord) -> None:
    # Written out: a million records have some thirteen million texts.
    for key in _TEXT_KEYS:
        text = getattr(record, key)
        if text and (len(text) > LONGEST_TEXT or not text.isprintable()):
            check_text(key, text)
    for name in record.other_names:
        for text in (name.full, name.surname, name.given_names):
            check_text("other_names", text)
    for text in record.other_nationalities:
        check_text("other_nationalities", text)


_TEXT_KEYS = (
    "reference", "owner", "surname", "given_names", "nationality", "sex", "document_number", "document_issuer",
    "reason", "bureau", "purpose", "caution_note", "source",
)  # fmt: skip


def _check_days(**days: str | None) -> None:
    for key, day in days.items():
        if day is not None:
            _check_date(key, day, _DATE)


def _check_date(key: str, text: str, shape: re.Pattern[str]) -> None:
    if not shape.fullmatch(text):
        raise RowError(key, "not a date as YYYY-MM-DD")
    try:
        date.fromisoformat((text + "-01-01")[:10])
    except ValueError as error:
        raise RowError(key, "no such day") from error
