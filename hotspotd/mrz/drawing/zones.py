"""Zones of people who do not exist, in every layout, with right check digits (ICAO 9303, parts 3 to 7)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hotspotd.domain.document import DocumentFormat, check_digit

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = "0123456789"
_SURNAMES = """
ABDULLAH ADEYEMI AKINFENWA ALVAREZ ANDERSSON ANDRIJASEVIC ANGELOPOULOS ARSLAN BAKER BALOGH BEGUM BENNETT BERISHA
BIANCHI BJORNSDOTTIR BRANDT BRKIC CASTILLO CELIK CHAUDHRY CHEN CHRISTENSEN COHEN COLLINS CRNKOVIC DANG DEMIR DIALLO
DIMITROV DJOKIC DUBOIS EKWUEME ERIKSSON ESPOSITO FARKAS FERNANDEZ FISCHER FITZGERALD FONSECA GARCIA GASHI
GJORGJIEVSKA GONZALEZ GRUBER GUPTA HAKIMI HANSEN HASANOVIC HORVAT HOXHA HUSSAIN IBRAHIM IVANOVA JANKOWSKI JENSEN
JIMENEZ JOVANOVIC KAPLAN KHALIL KIM KOVAC KOWALCZYK KRASNIQI KRISHNAMURTHY KUZNETSOV LAMBERT LARSEN LE LEFEBVRE LI
LINDQVIST LOPEZ MACDONALD MARKOVIC MARTINEZ MBEKI MEHMETI MEYER MOHAMED MORETTI MUELLER MURPHY NAKAMURA NDIAYE
NGUYEN NOVAK OBRADOVIC OCONNOR OEZTUERK OKAFOR OLSEN OYELARAN PAPADOPOULOS PARK PATEL PEREIRA PETROVSKI POPESCU
QURESHI RAHMAN RAMIREZ RASMUSSEN RODRIGUES ROSSI RUZICKA SALIHU SANCHEZ SCHNEIDER SHARMA SHEVCHENKO SILVA SINGH
SMITH SOARES STOJANOVIC SZABO TANAKA THOMSEN TRAN TSVETKOV UZUN VANDENBERG VASQUEZ VUKOVIC WAGNER WANG WEISS
WILLIAMS WISNIEWSKI WOJCIK XHAKA YAMAMOTO YILMAZ YUSUF ZAJAC ZHANG ZIMMERMANN ZUPANCIC
""".split()  # noqa: SIM905  # A list of words reads better as words.
_GIVEN = """
AADHYA ABDUL ADA AGNIESZKA AHMED AISHA ALEKSANDAR ALEXANDRA ALI AMELIE ANA ANDREJ ANNA ANTOINE ARBEN AYSE BEATRIZ
BENJAMIN BLERTA BOGDAN CARLOS CATHERINE CHARLOTTE CHIARA DANIEL DAVID DEJAN DIEGO DMITRI DRAGANA EKATERINA ELENA
ELIF EMMA ERIK FATIMA FELIX FRANCISCO GABRIELA GEORGE GIULIA GORAN GRZEGORZ HANNAH HARUTO HELGA HUGO IBRAHIM INGRID
IVAN JACQUELINE JAKUB JASMINA JOAO JOHN JONAS JOSE JULIA KATARZYNA KEVIN KHALED KRISTJAN LAURA LEILA LENA LIAM LUCA
LUKAS MAGDALENA MARIA MARIE MARKO MARTIN MEHMET MICHAEL MILICA MOHAMMED NATALIA NIKOLA NOAH OLGA OLIVER OMAR OSCAR
PATRICIA PAUL PETRA QUENTIN RAFAEL REBECCA RICARDO ROBERT SAMIRA SEBASTIAN SOFIA STEFAN SVETLANA TARIQ TERESA THOMAS
TOMASZ UROS VALENTINA VICTOR VIKTORIJA WEI WILLIAM XAVIER XIN YASMIN YOUSSEF YUKI YVONNE ZEYNEP ZOE ZSOFIA
""".split()  # noqa: SIM905  # A list of words reads better as words.
_STATES = """
AFG ALB ARG ARM AUS AUT AZE BEL BGR BIH BLR BRA CAN CHE CHL CHN COL CZE D DEU DNK DZA EGY ESP EST ETH FIN FRA GBR
GEO GHA GRC HRV HUN IND IRL IRN IRQ ISL ISR ITA JPN KAZ KEN KOR LBN LKA LTU LUX LVA MAR MDA MEX MKD MNE NGA NLD NOR
NPL NZL PAK PER PHL POL PRT QAT RKS ROU RUS SAU SEN SGP SRB SVK SVN SWE SYR THA TUN TUR UKR UNO USA UTO UZB VNM XXA
XXB YEM ZAF ZWE
""".split()  # noqa: SIM905  # A list of words reads better as words.
_NUMBERS = (
    "LDDDDDDD",
    "LLDDDDDDD",
    "DDDDDDDDD",
    "LDDDDDDDD",
    "DDLLDDDDD",
    "XXXXXXXXX",
    "CDDXXXXXX",
    "LLDDDDDD",
    "DDDDDDD",
)


def _one(rng: np.random.Generator, among: str | list[str] | tuple[str, ...]) -> str:
    return str(among[int(rng.integers(len(among)))])


def _pattern(rng: np.random.Generator, pattern: str) -> str:
    kinds = {"L": _LETTERS, "D": _DIGITS, "X": _DIGITS + _LETTERS, "C": "CFGHJKLMNPRTVWXYZ"}
    return "".join(_one(rng, kinds[kind]) for kind in pattern)


def _names(rng: np.random.Generator, room: int) -> str:
    if rng.random() < 0.08:
        # Names that no list holds: what is read must come from the picture.
        surname, given = (_pattern(rng, "L" * int(rng.integers(2, 13))) for _ in range(2))
    else:
        surname = "<".join(_one(rng, _SURNAMES) for _ in range(1 + int(rng.random() < 0.2)))
        given = "<".join(_one(rng, _GIVEN) for _ in range(int(rng.choice([1, 2, 3], p=[0.5, 0.38, 0.12]))))
    text = surname if rng.random() < 0.01 else f"{surname}<<{given}"
    return text[:room].ljust(room, "<")


def _date(rng: np.random.Generator, first: int, years: int) -> str:
    return f"{(first + int(rng.integers(years))) % 100:02d}{int(rng.integers(1, 13)):02d}{int(rng.integers(1, 29)):02d}"


def _optional(rng: np.random.Generator, room: int) -> str:
    if rng.random() < 0.55:
        return "<" * room
    return _pattern(rng, _one(rng, ("D", "X", "LD")) * room)[: int(rng.integers(4, room + 1))].ljust(room, "<")


def _person(rng: np.random.Generator) -> tuple[str, str, str, str]:
    """Birth date, sex and expiry date with their check digits, and nationality."""
    birth = _date(rng, 1940, 80)
    if rng.random() < 0.02:
        birth = birth[:2] + "<<<<"
    expiry = _date(rng, 2024, 12)
    state = _one(rng, _STATES).ljust(3, "<")
    return birth + check_digit(birth), _one(rng, "MMMFFF<"), expiry + check_digit(expiry), state


def _td3(rng: np.random.Generator) -> tuple[str, ...]:
    birth, sex, expiry, state = _person(rng)
    issuer = state if rng.random() < 0.9 else _one(rng, _STATES).ljust(3, "<")
    first = _one(rng, ("P<", "P<", "P<", "PD", "PO", "PS", "PN")) + issuer + _names(rng, 39)
    number = _pattern(rng, _one(rng, _NUMBERS)).ljust(9, "<")
    optional = _optional(rng, 14)
    digit = "<" if not optional.strip("<") and rng.random() < 0.5 else check_digit(optional)
    body = number + check_digit(number) + state + birth + sex + expiry + optional + digit
    return first, body + check_digit(body[0:10] + body[13:20] + body[21:43])


def _td2(rng: np.random.Generator) -> tuple[str, ...]:
    birth, sex, expiry, state = _person(rng)
    first = _one(rng, ("I<", "ID", "AC", "C<", "IP")) + state + _names(rng, 31)
    number = _pattern(rng, _one(rng, _NUMBERS)).ljust(9, "<")
    body = number + check_digit(number) + state + birth + sex + expiry + _optional(rng, 7)
    return first, body + check_digit(body[0:10] + body[13:20] + body[21:35])


def _visa(rng: np.random.Generator, width: int) -> tuple[str, ...]:
    birth, sex, expiry, state = _person(rng)
    issuer = _one(rng, _STATES).ljust(3, "<")
    first = _one(rng, ("V<", "V<", "VC", "VD")) + issuer + _names(rng, width - 5)
    number = _pattern(rng, _one(rng, _NUMBERS)).ljust(9, "<")
    return first, number + check_digit(number) + state + birth + sex + expiry + _optional(rng, width - 28)


def _td1(rng: np.random.Generator) -> tuple[str, ...]:
    birth, sex, expiry, state = _person(rng)
    if rng.random() < 0.06:
        # 9303-5, note j: a number of more than nine characters goes on in the optional data.
        long = _pattern(rng, "L" + "D" * int(rng.integers(9, 13)))
        first = long[:9] + "<" + (long[9:] + check_digit(long)).ljust(15, "<")
    else:
        number = _pattern(rng, _one(rng, _NUMBERS)).ljust(9, "<")
        first = number + check_digit(number) + _optional(rng, 15)
    first = _one(rng, ("I<", "ID", "IR", "AR", "C<", "IN")) + state + first
    second = birth + sex + expiry + state + _optional(rng, 11)
    composite = first[5:30] + second[0:7] + second[8:15] + second[18:29]
    return first, second + check_digit(composite), _names(rng, 30)


_MAKERS: dict[DocumentFormat, Callable[[np.random.Generator], tuple[str, ...]]] = {
    DocumentFormat.TD1: _td1,
    DocumentFormat.TD2: _td2,
    DocumentFormat.TD3: _td3,
    DocumentFormat.MRVA: lambda rng: _visa(rng, 44),
    DocumentFormat.MRVB: lambda rng: _visa(rng, 36),
}


def zone(rng: np.random.Generator, layout: DocumentFormat) -> tuple[str, ...]:
    """The lines of one document."""
    return _MAKERS[layout](rng)
