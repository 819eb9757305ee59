"""Which characters may stand where in each layout, and which of them a check digit covers (ICAO 9303, parts 4 to 7)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hotspotd.domain.document import DocumentFormat
from hotspotd.mrz.alphabet import ALPHABET, LAYOUTS, NUMBER_OF

_DIGITS = "0123456789"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_KINDS = {
    "n": _DIGITS,  # a digit
    "d": _DIGITS + "<",  # part of a date, or a check digit that may be left out
    "a": _LETTERS + "<",  # names and states
    "x": _DIGITS + _LETTERS + "<",
    "s": "MFX<",
    "v": "V",
    "p": "P",
    "i": "ACI",
}
_HEAD = "X" * 9 + "N" + "aaa" + "D" * 6 + "N" + "s" + "N" * 6 + "N"
"""Of the second line of all layouts but TD1: number, state, birth, sex, expiry."""
_FORMS: dict[DocumentFormat, tuple[str, ...]] = {
    DocumentFormat.TD3: ("p" + "a" * 43, _HEAD + "X" * 14 + "DN"),
    DocumentFormat.TD2: ("i" + "a" * 35, _HEAD + "X" * 7 + "N"),
    DocumentFormat.TD1: (
        "i" + "a" * 4 + "X" * 9 + "D" + "X" * 15,
        "D" * 6 + "N" + "s" + "N" * 6 + "N" + "aaa" + "X" * 11 + "N",
        "a" * 30,
    ),
    DocumentFormat.MRVA: ("v" + "a" * 43, _HEAD + "x" * 16),
    DocumentFormat.MRVB: ("v" + "a" * 35, _HEAD + "x" * 8),
}
"""One letter for each place; capitals mark what a check digit covers, and check digits themselves."""

_LOOK_ALIKES = ("0ODQ", "1IL", "2Z", "5S", "8B", "6G", "4A", "7T", "UV", "VY")
"""Characters that a spoilt print makes one of the other."""


@dataclass(frozen=True)
class Form:
    """A layout's places: ``allowed`` (lines, length, 37) bool; ``covered`` (lines, length) bool: by a check digit."""

    layout: DocumentFormat
    allowed: NDArray[np.bool_]
    covered: NDArray[np.bool_]


@cache
def form(layout: DocumentFormat) -> Form:
    """The form of a layout."""
    lines, length = LAYOUTS[layout]
    allowed = np.zeros((lines, length, len(ALPHABET)), bool)
    covered = np.zeros((lines, length), bool)
    for row, kinds in enumerate(_FORMS[layout]):
        for place, kind in enumerate(kinds):
            allowed[row, place, [NUMBER_OF[character] for character in _KINDS[kind.lower()]]] = True
            covered[row, place] = kind.isupper()
    return Form(layout, allowed, covered)


@cache
def look_alikes() -> NDArray[np.float64]:
    """(37, 37): row c is 1 where a character that looks like c stands, and 0 elsewhere, at c itself too."""
    out = np.zeros((len(ALPHABET), len(ALPHABET)))
    for group in _LOOK_ALIKES:
        for one in group:
            for other in group:
                out[NUMBER_OF[one], NUMBER_OF[other]] = one != other
    return out


def layouts(count: int, length: int) -> list[DocumentFormat]:
    """The layouts of so many lines of this length."""
    return [layout for layout, shape in LAYOUTS.items() if shape == (count, length)]
