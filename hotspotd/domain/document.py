"""Travel documents by their machine readable zone (ICAO Doc 9303, parts 3 to 7).

Reads TD1, TD2, TD3, MRV-A and MRV-B. A check digit that does not match is reported, never repaired here.
Unknown dates (``74<<<<``), document numbers that overflow into the optional data of a TD1 or TD2, and the issuers
that are not ISO 3166 (XXA, UNO, XPO, EUE, D ...) are valid, as 9303-3 has them. What check digits cannot see: a
character taken for another whose value differs by a multiple of ten (``0``, ``<``, A, K and U; 1, B, L and V ...), and
anything in names, issuer, nationality and sex, and in the optional data of visas.
"""

from __future__ import annotations

import re
from calendar import monthrange
from enum import StrEnum

import msgspec

from hotspotd.errors import DocumentError, Reason

# Lower case is taken; anything else is refused before upper() could make letters of it (ß becomes SS).
_MRZ_LINE = re.compile(r"[A-Za-z0-9<]+")
_DATE = re.compile(r"([0-9]{2})([0-9<]{2})([0-9<]{2})")
_DATE_CHARACTERS = re.compile(r"[0-9<]*")
_WEIGHTS = (7, 3, 1)


class DocumentFormat(StrEnum):
    """The five layouts of 9303."""

    TD1 = "TD1"
    TD2 = "TD2"
    TD3 = "TD3"
    MRVA = "MRV-A"
    MRVB = "MRV-B"


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What the machine readable zone says.

    ``birth_date`` and ``expiry_date`` are the six characters as printed (YYMMDD, parts may be ``<``);
    ``failed_checks`` names each check digit that does not match: an empty tuple means the zone is sound.
    """

    format: DocumentFormat
    code: str
    issuer: str
    number: str
    surname: str
    given_names: str
    nationality: str
    birth_date: str
    sex: str
    expiry_date: str
    optional: str = ""
    mrz: tuple[str, ...] = ()
    failed_checks: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether every check digit matches."""
        return not self.failed_checks

    def born(self, today_year: int) -> str | None:
        """Date of birth as ISO 8601, reduced where parts are unknown (``1974``); ``None`` where the year is.

        A part that cannot be, such as a thirteenth month, counts as unknown, and so does what follows it.
        A two-digit year is read as the latest one that is not after ``today_year``.
        """
        return _iso_date(self.birth_date, latest=today_year)

    def expires(self, today_year: int) -> str | None:
        """Date of expiry as ISO 8601; two-digit years are read as up to 50 years ahead."""
        return _iso_date(self.expiry_date, latest=today_year + 50)


def _iso_date(printed: str, latest: int) -> str | None:
    parts = _DATE.fullmatch(printed)
    if parts is None:
        return None
    year = latest - (latest - int(parts[1])) % 100
    if not (parts[2].isdigit() and 1 <= int(parts[2]) <= 12):
        return f"{year:04d}"
    month = int(parts[2])
    if not (parts[3].isdigit() and 1 <= int(parts[3]) <= monthrange(year, month)[1]):
        return f"{year:04d}-{month:02d}"
    return f"{year:04d}-{month:02d}-{parts[3]}"


def printed_date(iso: str) -> str:
    """YYMMDD as a document has it of an ISO 8601 date, which may be reduced to month or year, or empty."""
    year, month, day = [*iso.split("-"), "", ""][:3]
    return f"{year[2:] or '<<'}{month or '<<'}{day or '<<'}"


def check_digit(text: str) -> str:
    """Check digit of ``text`` (9303-3, 4.9): weights 7, 3, 1; A=10 ... Z=35; ``<`` counts 0; modulo 10."""
    total = 0
    for place, character in enumerate(text):
        value = 0 if character == "<" else int(character, 36)
        total += value * _WEIGHTS[place % 3]
    return str(total % 10)


def parse_mrz(lines: tuple[str, ...]) -> Document:
    """The document in these MRZ lines.

    Raises DocumentError (BAD_MRZ) when the lines have no layout of 9303 or hold characters outside A-Z, 0-9
    and ``<``. Failed check digits do not raise: see ``Document.failed_checks``.
    """
    lines = tuple(line.strip() for line in lines if line.strip())
    if not all(_MRZ_LINE.fullmatch(line) for line in lines):
        raise DocumentError(Reason.BAD_MRZ, "machine readable zone with characters outside A-Z, 0-9 and <")
    lines = tuple(line.upper() for line in lines)
    shape = tuple(len(line) for line in lines)
    if shape == (30, 30, 30):
        return _parse_td1(lines)
    if shape == (36, 36):
        return _parse_two_lines(lines, DocumentFormat.MRVB if lines[0][0] == "V" else DocumentFormat.TD2)
    if shape == (44, 44):
        return _parse_two_lines(lines, DocumentFormat.MRVA if lines[0][0] == "V" else DocumentFormat.TD3)
    raise DocumentError(Reason.BAD_MRZ, f"machine readable zone of {len(lines)} lines, lengths {shape}")


def _names(field: str) -> tuple[str, str]:
    surname, _, given = field.rstrip("<").partition("<<")
    return surname.replace("<", " ").strip(), re.sub(r"<+", " ", given).strip()


def _plain(field: str) -> str:
    return field.rstrip("<")


def _failed(checks: dict[str, tuple[str, str]]) -> tuple[str, ...]:
    return tuple(
        name
        for name, (data, digit) in checks.items()
        # The check digit does not tell an A from a 0, but a date has no letters (9303-3, 4.8).
        if not _agrees(data, digit) or (name.endswith("_date") and not _DATE_CHARACTERS.fullmatch(data))
    )


def _agrees(data: str, digit: str) -> bool:
    # An all-filler field may carry < or 0 as its check digit (9303-3, 4.9; 9303-4, 4.2.2.2).
    if digit == "<":
        return not data.strip("<")
    return check_digit(data) == digit


def _whole_number(number: str, digit: str, optional: str) -> tuple[str, str, str]:
    """The document number, its check digit, and the optional data that is left.

    A number over 9 characters has a filler for its check digit and goes on at the beginning of the optional data,
    its check digit last there and a filler behind it (9303-5, note j; 9303-6 has the same for TD2).
    """
    if digit == "<" and number[-1] != "<" and optional[0] != "<":
        overflow, _, rest = optional.partition("<")
        return number + overflow[:-1], overflow[-1], rest
    return number, digit, optional


def _parse_td1(lines: tuple[str, ...]) -> Document:
    first, second, third = lines
    number, number_digit, optional = _whole_number(first[5:14], first[14], first[15:30])
    surname, given = _names(third)
    composite = first[5:30] + second[0:7] + second[8:15] + second[18:29]
    return Document(
        format=DocumentFormat.TD1,
        code=_plain(first[0:2]),
        issuer=_plain(first[2:5]),
        number=_plain(number),
        surname=surname,
        given_names=given,
        nationality=_plain(second[15:18]),
        birth_date=second[0:6],
        sex=_plain(second[7]),
        expiry_date=second[8:14],
        optional=_plain(optional) or _plain(second[18:29]),
        mrz=lines,
        failed_checks=_failed(
            {
                "number": (number, number_digit),
                "birth_date": (second[0:6], second[6]),
                "expiry_date": (second[8:14], second[14]),
                "composite": (composite, second[29]),
            }
        ),
    )


def _parse_two_lines(lines: tuple[str, ...], layout: DocumentFormat) -> Document:
    first, second = lines
    number, number_digit, optional = second[0:9], second[9], second[28:]
    if layout is DocumentFormat.TD2:
        number, number_digit, optional = _whole_number(number, number_digit, second[28:35])
    checks = {
        "number": (number, number_digit),
        "birth_date": (second[13:19], second[19]),
        "expiry_date": (second[21:27], second[27]),
    }
    if layout is DocumentFormat.TD3:
        checks["optional"] = (second[28:42], second[42])
        checks["composite"] = (second[0:10] + second[13:20] + second[21:43], second[43])
        optional = second[28:42]
    elif layout is DocumentFormat.TD2:
        checks["composite"] = (second[0:10] + second[13:20] + second[21:35], second[35])
    surname, given = _names(first[5:])
    return Document(
        format=layout,
        code=_plain(first[0:2]),
        issuer=_plain(first[2:5]),
        number=_plain(number),
        surname=surname,
        given_names=given,
        nationality=_plain(second[10:13]),
        birth_date=second[13:19],
        sex=_plain(second[20]),
        expiry_date=second[21:27],
        optional=_plain(optional),
        mrz=lines,
        failed_checks=_failed(checks),
    )
