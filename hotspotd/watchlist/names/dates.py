"""Dates of birth as lists have them: reduced, made up, day and month exchanged. ISO 8601 texts, may be reduced."""

from __future__ import annotations

from enum import StrEnum


class DateAgreement(StrEnum):
    """How two dates of birth agree."""

    SAME = "same"
    AS_FAR_AS_KNOWN = "as far as known"
    SWAPPED = "day and month exchanged"
    ONE_PART = "one of day, month and year differs"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


def dates(left: str | None, right: str | None) -> DateAgreement:
    """How two dates agree. 1 January often stands for a day nobody knows, and counts as a year only."""
    if not left or not right:
        return DateAgreement.UNKNOWN
    one, other = known_parts(left), known_parts(right)
    known = min(len(one), len(other))
    if one[:known] == other[:known]:
        return DateAgreement.SAME if known == 3 else DateAgreement.AS_FAR_AS_KNOWN
    if known == 3 and one == [other[0], other[2], other[1]]:
        return DateAgreement.SWAPPED
    same = sum(a == b for a, b in zip(one, other, strict=False))
    return DateAgreement.ONE_PART if same == 2 else DateAgreement.DIFFERENT


def known_parts(born: str) -> list[str]:
    """Year, month and day of a date (ISO 8601), as many as are known: of a 1 January the year."""
    parts = born.split("-")
    return parts[:1] if parts[1:] == ["01", "01"] else parts


def packed_date(born: str | None) -> int:
    """A date of birth (ISO 8601, may be reduced) as one number; 0 for what is unknown."""
    parts = [int(part) for part in known_parts(born)] if born else []
    year, month, day = (*parts, 0, 0, 0)[:3]
    return year * 10_000 + month * 100 + day
