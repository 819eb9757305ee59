"""Texts of other people's lists to the values that a record holds: dates, sex, cautions, countries. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from hotspotd.domain.countries import alpha3
from hotspotd.watchlist.rules import LONGEST_TEXT, RowError

_SEXES = {
    "m": "M", "male": "M", "masculin": "M", "masculino": "M", "man": "M", "1": "M",
    "f": "F", "female": "F", "feminin": "F", "féminin": "F", "femenino": "F", "woman": "F", "2": "F",
    "x": "X", "u": "X", "unknown": "X", "other": "X", "<": "X", "0": "X", "9": "X",
}  # fmt: skip
_YES = {"1", "y", "yes", "true", "t", "x", "oui", "si", "sí"}
_NO = {"", "0", "n", "no", "false", "f", "non"}
_DIRECTIVES = re.compile(r"%(.)")
_DAY, _MONTH = {"d", "e", "j"}, {"m", "b", "B"}


def tidy(text: str) -> str:
    """``text`` on one line, without white space around it."""
    return " ".join(text.split())


def shortened(text: str) -> str:
    """``text`` on one line, cut to what a record may hold; for remarks only, never for a name or a number."""
    plain = "".join(c for c in tidy(text) if c.isprintable())
    return plain if len(plain) <= LONGEST_TEXT else plain[: LONGEST_TEXT - 1] + "…"


def country(field: str, text: str) -> str:
    """Three letters. Raises RowError for what is no country's name or code."""
    found = alpha3(text)
    if found is None:
        raise RowError(field, f"{text[:40]!r} is neither a country's code nor its English name")
    return found


def countries(field: str, texts: Iterable[str]) -> tuple[str, ...]:
    """Three letters each, once. Raises RowError."""
    return tuple(dict.fromkeys(country(field, text) for text in texts if text.strip()))


def sex(text: str) -> str | None:
    """M, F or X (ICAO 9303); ``None`` for an empty text. Raises RowError."""
    plain = text.strip().casefold()
    if not plain:
        return None
    if plain not in _SEXES:
        raise RowError("sex", f"{text[:20]!r} is not known")
    return _SEXES[plain]


def yes(field: str, text: str) -> bool:
    """Raises RowError for what is neither yes nor no."""
    plain = text.strip().casefold()
    if plain in _YES:
        return True
    if plain in _NO:
        return False
    raise RowError(field, f"{text[:20]!r} is neither yes nor no")


def date_format(text: str) -> str:
    """``text``, found to be a date format that gives a year of four digits. Raises ValueError."""
    letters = _DIRECTIVES.findall(text)
    if set(letters) - _DAY - _MONTH - {"Y", "H", "M", "S", "%"} or letters.count("Y") != 1:
        raise ValueError(f"{text!r}: a date format has %Y once, and %m or %b, %d where they are known")
    return text


def as_date(field: str, text: str, formats: Iterable[str]) -> str:
    """ISO 8601, reduced to what ``formats`` tell: a year, a month or a day. Raises RowError."""
    for form in formats:
        try:
            when = datetime.strptime(text, form)  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
        letters = set(_DIRECTIVES.findall(form))
        if letters & _DAY:
            return when.date().isoformat()
        return f"{when.year:04}-{when.month:02}" if letters & _MONTH else f"{when.year:04}"
    raise RowError(field, f"{text[:40]!r} is no date as {' or '.join(formats)}")
