"""Zones that are valid by construction, from the layouts of ICAO 9303-4 to 7, for tests to read and to damage."""

from __future__ import annotations

import string
from dataclasses import dataclass

from hypothesis import strategies as st

from hotspotd.domain.document import DocumentFormat, check_digit

# ISO 3166 and what 9303-3, 5 has beside it.
ISSUERS = ("UTO", "MKD", "D", "XXA", "XXB", "XXC", "XXX", "UNO", "UNA", "XPO", "XCE", "XMP", "IAO", "EUE", "GBD", "RKS")

# Places that a check digit covers, itself among them: line and columns (0-based, the end not counted).
CHECKED = {
    DocumentFormat.TD1: ((0, 5, 30), (1, 0, 7), (1, 8, 15), (1, 18, 30)),
    DocumentFormat.TD2: ((1, 0, 10), (1, 13, 20), (1, 21, 36)),
    DocumentFormat.TD3: ((1, 0, 10), (1, 13, 20), (1, 21, 44)),
    DocumentFormat.MRVA: ((1, 0, 10), (1, 13, 20), (1, 21, 28)),
    DocumentFormat.MRVB: ((1, 0, 10), (1, 13, 20), (1, 21, 28)),
}
_LONGEST_NUMBER = {DocumentFormat.TD1: 22, DocumentFormat.TD2: 14}
_OPTIONAL = {
    DocumentFormat.TD1: 15,
    DocumentFormat.TD2: 7,
    DocumentFormat.TD3: 14,
    DocumentFormat.MRVA: 16,
    DocumentFormat.MRVB: 8,
}


@dataclass(frozen=True)
class Zone:
    """What a zone was made of, and its lines."""

    layout: DocumentFormat
    issuer: str
    number: str
    surname: str
    given_names: str
    nationality: str
    birth_date: str
    sex: str
    expiry_date: str
    optional: str
    lines: tuple[str, ...]


def value(character: str) -> int:
    """What a check digit makes of a character, modulo ten."""
    return (0 if character == "<" else int(character, 36)) % 10


@st.composite
def zones(draw: st.DrawFn) -> Zone:
    """Any valid zone: long numbers, unknown dates and sex, every kind of issuer, no given names."""
    layout = draw(st.sampled_from(list(DocumentFormat)))
    signs = string.ascii_uppercase + string.digits
    number = draw(st.text(signs, max_size=_LONGEST_NUMBER.get(layout, 9)))
    room = _OPTIONAL[layout] - (max(0, len(number) - 9 + 2) if len(number) > 9 else 0)
    optional = draw(st.text(signs, max_size=max(0, room)))
    names = [draw(st.lists(st.text(string.ascii_uppercase, min_size=1, max_size=5), max_size=2)) for _ in range(2)]
    zone = Zone(
        layout,
        draw(st.sampled_from(ISSUERS)),
        number,
        " ".join(names[0]),
        " ".join(names[1]),
        draw(st.sampled_from(ISSUERS)),
        draw(dates()),
        draw(st.sampled_from("MFX<")),
        draw(dates()),
        optional,
        (),
    )
    return Zone(**{**vars(zone), "lines": _lines(zone, draw(st.sampled_from("<0")))})


def dates() -> st.SearchStrategy[str]:
    """A date as printed, parts of it unknown."""
    return st.builds(
        lambda year, month, day, known: (f"{year:02d}{month:02d}{day:02d}"[: known * 2]).ljust(6, "<"),
        st.integers(0, 99),
        st.integers(1, 12),
        st.integers(1, 28),
        st.integers(0, 3),
    )


def _with_digit(field: str) -> str:
    return field + check_digit(field)


def _lines(zone: Zone, empty_digit: str) -> tuple[str, ...]:
    """The zone's lines; ``empty_digit`` is what an empty optional field of a TD3 has for its check digit."""
    names = f"{zone.surname}  {zone.given_names}".replace(" ", "<")
    number, optional = _with_digit(f"{zone.number:<<9}"), zone.optional
    if len(zone.number) > 9:
        number, optional = zone.number[:9] + "<", _with_digit(zone.number)[9:] + "<" + zone.optional
        if layout_room(zone.layout) < len(optional):
            optional = optional.rstrip("<")
    middle = _with_digit(zone.birth_date) + zone.sex + _with_digit(zone.expiry_date)
    code = "V<" if zone.layout in (DocumentFormat.MRVA, DocumentFormat.MRVB) else "I<"
    if zone.layout is DocumentFormat.TD1:
        first = f"{code}{zone.issuer:<<3}{number}{optional:<<15}"
        second = f"{middle}{zone.nationality:<<3}{'':<<11}"
        composite = check_digit(first[5:30] + second[0:7] + second[8:15] + second[18:29])
        return first, second + composite, f"{names:<<30}"
    born, rest = middle[:7], middle[7:]
    second = f"{number}{zone.nationality:<<3}{born}{rest}"
    match zone.layout:
        case DocumentFormat.TD2:
            second += f"{optional:<<7}"
            second += check_digit(second[0:10] + second[13:20] + second[21:35])
            return f"{code}{zone.issuer:<<3}{names:<<31}", second
        case DocumentFormat.TD3:
            field = f"{optional:<<14}"
            second += field + (check_digit(field) if optional else empty_digit)
            second += check_digit(second[0:10] + second[13:20] + second[21:43])
            return f"P<{zone.issuer:<<3}{names:<<39}", second
        case DocumentFormat.MRVA:
            return f"{code}{zone.issuer:<<3}{names:<<39}", f"{second}{optional:<<16}"
        case DocumentFormat.MRVB:
            return f"{code}{zone.issuer:<<3}{names:<<31}", f"{second}{optional:<<8}"


def layout_room(layout: DocumentFormat) -> int:
    """How many characters of optional data a layout has."""
    return _OPTIONAL[layout]
