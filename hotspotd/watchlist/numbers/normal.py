"""What makes two numbers the same: one normal form of each, and the other ways in which it may have been written.

Listed and asked-for numbers go through ``normal_form``: capital letters and digits only, O as 0 and I as 1 (read one
for the other by eye and by optical readers), and what each kind needs besides. ``readings`` adds the forms that
cannot be made one on both sides without making two documents one: a check digit that was typed along, or left out.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from hotspotd.domain.document import check_digit
from hotspotd.watchlist.numbers.kinds import Kind

LONGEST: Final = 40
"""Characters of a normal form. A hull identification number has 14, a VIN 17."""
_ZONE_FIELD: Final = 9
_RULES: Final = Path(__file__).with_name("issuers.toml")
# Germany is D in a machine readable zone (9303-3, section 5) and DEU in lists that use ISO 3166.
_ISSUER_ALIASES: Final = {"DEU": "D"}
_ASCII: Final = str.maketrans(
    {
        **{chr(code): None for code in range(128) if not chr(code).isalnum() and chr(code) != "\n"},
        **{letter: letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"},
        **dict.fromkeys("Oo", "0"),
        **dict.fromkeys("Ii", "1"),
    }
)
# Cyrillic and Greek capitals that stand on plates because they look like Latin ones (1968 Convention on Road Traffic,
# annex 2: plates in international traffic are in Latin letters).
_LIKE_LATIN: Final = str.maketrans("АВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCTYXIJSABEZHIKMNOPTYX")
_IMO: Final = re.compile(r"1M0(\d{7})")


def issuer_code(kind: Kind, issuer: str) -> str:
    """``issuer`` as it is compared: as in a machine readable zone, without fillers; empty for kinds without one."""
    if not kind.has_issuer:
        return ""
    plain = issuer.upper().replace("<", "").strip()
    return _ISSUER_ALIASES.get(plain, plain)


def normal_form(kind: Kind, number: str, issuer: str) -> str | None:
    """The one form of ``number`` in which it is listed and looked for; ``None`` where it cannot be one of ``kind``.

    ``issuer`` is an ``issuer_code``. A VIN has 5 to 17 characters (17 since 1981) and no Q: that is a 0 misread.
    """
    return rule_of(kind, issuer)(plain(number))


def plain(text: str) -> str:
    """``text`` in capital letters and digits only, O as 0, I as 1. Lines stay apart: several at once are quicker."""
    return text.translate(_ASCII) if text.isascii() else _folded(text).translate(_ASCII)


def rule_of(kind: Kind, issuer: str) -> Callable[[str], str | None]:
    """What makes a normal form of a ``plain`` number of this kind and issuer."""
    match kind:
        case Kind.DOCUMENT if (digits := _leading_zeros().get(issuer)) is not None:
            return lambda text: _whole(text.zfill(digits) if text.isdigit() and text.isascii() else text)
        case Kind.VIN:
            return _vin
        case Kind.VESSEL:
            return _vessel
        case _:
            return _whole


def _whole(text: str) -> str | None:
    return text if 0 < len(text) <= LONGEST and "\n" not in text else None


def _vin(text: str) -> str | None:
    return _whole(text.replace("Q", "0")) if 5 <= len(text) <= 17 else None


def _vessel(text: str) -> str | None:
    imo = _IMO.fullmatch(text)
    return imo[1] if imo else _whole(text)


def readings(kind: Kind, number: str, issuer: str) -> dict[str, str]:
    """Normal forms under which ``number`` may be listed, likeliest first, each with how it then agrees, in words."""
    forms: dict[str, str] = {}

    def add(text: str, how: str) -> None:
        form = normal_form(kind, text, issuer)
        if form is not None:
            forms.setdefault(form, how)

    add(number, "Number")
    if kind is Kind.DOCUMENT:
        bare = re.sub(r"[^A-Z0-9]+", "", number.upper())
        # The number field of a zone has nine characters, and the check digit stands beside it as a tenth. In shorter
        # numbers one last character in ten looks like a check digit by chance.
        if len(bare) == _ZONE_FIELD:
            add(bare + check_digit(bare), "Number with its check digit")
        elif len(bare) == _ZONE_FIELD + 1 and check_digit(bare[:-1]) == bare[-1]:
            add(bare[:-1], "Number without its check digit")
    return forms


def _folded(text: str) -> str:
    """Letters without their marks, look-alikes of other scripts as Latin ones, digits of any script as 0 to 9."""
    bare = unicodedata.normalize("NFKD", text.upper()).translate(_LIKE_LATIN)
    return "".join(
        str(unicodedata.digit(c)) if c.isdigit() else c
        for c in bare
        if (c.isalnum() and not unicodedata.combining(c)) or c == "\n"
    )


@lru_cache(maxsize=1)
def _leading_zeros() -> Mapping[str, int]:
    rules = tomllib.loads(_RULES.read_text(encoding="utf-8"))["leading_zeros"]
    return {issuer_code(Kind.DOCUMENT, rule["issuer"]): int(rule["digits"]) for rule in rules}
