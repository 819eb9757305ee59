"""The fields of the records: number, mnemonic, items with type, length, range and table, and which TOT needs them.

One table for both encodings. ``RULES[type][number]`` is a field. A field that is not here is not wrong: only its
existence is reported (103). Sources: INT-I v6.00.01 by way of docs/inti.md, which tells what is known and what is not;
ANSI/NIST-ITL 1-2011 Update 2015, record types 1, 4, 9, 10, 13, 14 and 15.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from hotspotd.relay.inti import tables
from hotspotd.relay.inti.transaction import TransactionType as Tot

ALL = frozenset(Tot)
REPLIES = frozenset((Tot.SRE, Tot.ERR))
REQUESTS = ALL - REPLIES


class Kind(Enum):
    """What an item's text is."""

    TEXT = auto()
    NUMBER = auto()
    """Digits."""
    REAL = auto()
    """A decimal number, maybe with a sign."""
    DATE = auto()
    TIME_POINT = auto()
    """Date and time of day, maybe with an offset from UTC."""


@dataclass(frozen=True)
class Item:
    """One information item. ``longest`` counts characters; ``table`` holds the allowed texts, ``None`` any."""

    mnemonic: str
    kind: Kind = Kind.TEXT
    longest: int = 256
    shortest: int = 1
    low: float | None = None
    high: float | None = None
    table: frozenset[str] | None = None
    needed: bool = False
    """The item must be there where the field is."""


@dataclass(frozen=True)
class Rule:
    """One field. ``most`` counts subfields; ``needed`` are the types of transaction that must have it."""

    number: int
    mnemonic: str
    items: tuple[Item, ...]
    most: int = 1
    needed: frozenset[Tot] = frozenset()


def _text(mnemonic: str, longest: int = 256, *, needed: bool = False) -> Item:
    return Item(mnemonic, longest=longest, needed=needed)


def _number(mnemonic: str, low: int = 0, high: int = 99_999, *, needed: bool = False) -> Item:
    return Item(mnemonic, Kind.NUMBER, longest=9, low=low, high=high, needed=needed)


def _real(mnemonic: str, low: float | None = None, high: float | None = None, longest: int = 32) -> Item:
    return Item(mnemonic, Kind.REAL, longest, low=low, high=high)


def _code(mnemonic: str, table: frozenset[str], *, needed: bool = False) -> Item:
    return Item(mnemonic, longest=32, table=table, needed=needed)


def _date(mnemonic: str) -> Item:
    return Item(mnemonic, Kind.DATE, longest=10)


def _moment(mnemonic: str) -> Item:
    return Item(mnemonic, Kind.TIME_POINT, longest=40)


def _of(*rules: Rule) -> dict[int, Rule]:
    return {rule.number: rule for rule in rules}


def _simple(number: int, item: Item, most: int = 1, needed: frozenset[Tot] = frozenset()) -> Rule:
    return Rule(number, item.mnemonic, (item,), most, needed)


_COUNTRY = Item("CC", longest=3, shortest=2)
_NUMBERED = (_COUNTRY, _text("ID", 64, needed=True))
_MISCELLANEOUS = (_text("TYP", 64), _text("ID", 64, needed=True))
_NAME = tuple(_text(one) for one in ("GIV", "MID", "SUR", "PRE", "SUF", "MDN", "EXT"))
_ADDRESS = (
    _text("STN", 32),
    _text("STR"),
    _text("CTY"),
    _text("CNY"),
    _text("STA"),
    _COUNTRY,
    _text("PST", 32),
    _text("FUL", 1_000),
)
_IDC = _simple(2, _number("IDC", 0, 99), needed=ALL)
_CONTENT = 99

_HEADER = _of(
    Rule(2, "VER", (_text("VER", 4), _text("VER", 2)), needed=ALL),
    Rule(3, "CNT", (_number("REC"), _number("IDC")), _CONTENT, ALL),
    _simple(4, _code("TOT", frozenset(one.value for one in Tot)), needed=ALL),
    _simple(5, _date("DAT"), needed=ALL),
    _simple(6, _number("PRY", 1, 9)),
    Rule(7, "DAI", (_text("DAI", 64), _COUNTRY), needed=ALL),
    Rule(8, "ORI", (_text("ORI", 64), _COUNTRY), needed=ALL),
    _simple(9, _text("TCN", 64), needed=ALL),
    _simple(10, _text("TCR", 64), needed=REPLIES),
    _simple(11, _real("NSR", 0, 200), needed=ALL),
    _simple(12, _real("NTR", 0, 200), needed=ALL),
    Rule(13, "DOM", (_text("DNM", 64, needed=True), _text("DVN", 16)), needed=ALL),
    _simple(14, _moment("GMT")),
    Rule(15, "DCS", (_number("CSI", 0, 999), _text("CSN", 16), _text("CSV", 16)), _CONTENT),
    Rule(16, "APS", (_text("APO", 64), _text("APN", 64), _text("APV", 64)), _CONTENT),
    Rule(17, "ANM", (_text("DAN", 125), _text("OAN", 125))),
    _simple(18, _code("GNS", frozenset(("ISO", "GENC")))),
)

_DESCRIPTIVE = _of(
    _IDC,
    Rule(4, "DAR", (_date("DAR"), _moment("DAR"))),
    Rule(5, "DLU", (_date("DLU"), _moment("DLU"))),
    Rule(7, "CNO", _NUMBERED),
    _simple(8, _text("SQN", 64)),
    _simple(9, _text("MID", 64)),
    Rule(10, "CRN", _NUMBERED),
    Rule(11, "ORN", _NUMBERED),
    *(Rule(11 + place, f"MN{place}", _MISCELLANEOUS) for place in range(1, 6)),
    Rule(19, "DPR", (_moment("DPR"), _date("DPR"))),
    _simple(21, _text("RFP", 16), 9),
    Rule(23, "OBU", (_text("OID", 64), _text("ONM"), *_ADDRESS, _COUNTRY)),
    Rule(30, "NAM", _NAME),
    Rule(34, "AKA", _NAME, 99),
    _simple(35, _date("DOB")),
    Rule(36, "DBR", (_date("DBF"), _date("DBT"))),
    Rule(37, "POB", _ADDRESS),
    _simple(38, Item("NAT", longest=3, shortest=3), 9),
    _simple(39, _code("SEX", tables.SEX)),
    _simple(54, _text("OTY", 1_000)),
    Rule(55, "DOO", (_date("DOO"), _moment("TOO"))),
    Rule(63, "INF", (_text("TEL", 64), _text("ORG"), _text("PER"), _text("INF", 4_000))),
    Rule(
        64,
        "RLS",
        (
            _number("SEQ", 0, 9_999),
            _code("MVI", tables.BOOLEAN),
            _number("TOT"),
            _text("TOT", 16),
            _code("RES", tables.RESULT),
        ),
        99,
        frozenset((Tot.SRE,)),
    ),
    Rule(74, "ERM", (_text("COD", 3, needed=True), _text("MNE", 16), _text("TXT", 1_000)), 99, frozenset((Tot.ERR,))),
    Rule(75, "FFN", _NAME),
    Rule(76, "MMN", _NAME),
    Rule(91, "NPI", _NUMBERED),
    _simple(92, _date("EXP")),
    _simple(93, _text("LID", 64)),
    _simple(94, _code("RDM", tables.DETERMINATION)),
    # Numbers of our own: what the numbers of these are in INT-I is not public.
    Rule(970, "CIV", (_code("CIV", tables.CIVIL, needed=True), _text("CVT", 1_000)), needed=frozenset((Tot.NPS,))),
    Rule(
        971,
        "ENT",
        (
            _text("NOT", 32),
            _text("RSN", 4_000),
            _code("DIF", tables.BOOLEAN),
            _text("BUR"),
            _text("PUR", 4_000),
            _text("CTN", 4_000),
        ),
    ),
    Rule(
        972, "CMP", (_text("MOD", 32), Item("SCO", Kind.REAL), Item("FMR", Kind.REAL), _number("POS"), _text("DTL")), 99
    ),
    _simple(974, _text("CTC", 64), 99),
    _simple(975, _text("WDR", 200), 99),
    Rule(973, "LMP", (_number("LPS", 0, 999), _number("LPC", 0, 999)), 99),
)

_HIGH_RESOLUTION = _of(
    _IDC,
    _simple(3, _code("IMP", tables.IMPRESSIONS), needed=ALL),
    _simple(4, _code("FGP", tables.FINGERS), 6, ALL),
    _simple(5, _code("ISR", frozenset("01")), needed=ALL),
    _simple(6, _number("HLL", 1, 65_535), needed=ALL),
    _simple(7, _number("VLL", 1, 65_535), needed=ALL),
    _simple(8, _number("CGA", 0, 6), needed=ALL),
)

_MINUTIAE = _of(
    _IDC,
    _simple(3, _code("IMP", tables.IMPRESSIONS)),
    _simple(4, _code("FMT", frozenset(("true", "false", "0", "1", "S", "U"))), needed=ALL),
    Rule(126, "CBI", (_text("CFO", 8, needed=True), _text("CFT", 8, needed=True), _text("CPI", 8))),
    Rule(127, "CEI", (_text("AFS", 8), _text("CID", 16))),
    _simple(128, _number("HLL", 1)),
    _simple(129, _number("VLL", 1)),
    _simple(130, _code("SLC", tables.SCALE)),
    _simple(131, _number("THPS", 1)),
    _simple(132, _number("TVPS", 1)),
    _simple(133, _number("FVW", 0, 15)),
    _simple(134, _code("FGP", tables.LATENT_POSITIONS)),
    Rule(135, "FQD", (_number("QVU", 0, 255, needed=True), _text("QAV", 8), _text("QAP", 8)), 9),
    _simple(136, _number("NOM", 0, 255)),
    Rule(
        137,
        "FMD",
        (
            _number("MAN", 0, 255),
            _number("MXC"),
            _number("MYC"),
            _number("MAV", 0, 359),
            _text("M1M", 4),
            _number("QOM", 0, 255),
        ),
        255,
    ),
    Rule(138, "RCI", (_number("CMI", 0, 255), _number("NMN", 0, 255), _number("NRC", 0, 255)), 10_000),
    Rule(139, "CIN", (_number("XCC"), _number("YCC"), _number("ANGC", 0, 359)), 15),
    Rule(
        140,
        "DIN",
        (
            _number("XCD"),
            _number("YCD"),
            _number("ANG1", 0, 359),
            _number("ANG2", 0, 359),
            _number("ANG3", 0, 359),
        ),
        15,
    ),
)

_GEOGRAPHY = tuple(
    _text(one)
    for one in (
        "UTE", "LTD", "LTM", "LTS", "LGD", "LGM", "LGS", "ELE", "GDC", "GCM", "GCE", "GCN", "GRT", "OSI", "OCV"
    )
)  # fmt: skip
_QUALITY = (_number("QVU", 0, 255, needed=True), _text("QAV", 8), _text("QAP", 8))
_PLACED = (_number("FRP", 0, 99, needed=True), *_QUALITY)
_SHARED = (
    _IDC,
    Rule(4, "SRC", (_text("SRC", 125), _COUNTRY)),
    _simple(6, _number("HLL", 1)),
    _simple(7, _number("VLL", 1)),
    _simple(8, _code("SLC", tables.SCALE)),
    _simple(9, _number("THPS", 1)),
    _simple(10, _number("TVPS", 1)),
    _simple(11, _code("CGA", tables.COMPRESSION)),
    _simple(16, _number("SHPS", 1)),
    _simple(17, _number("SVPS", 1)),
    _simple(26, _text("SCF", 8)),
    _simple(30, _code("DMM", tables.MONITORING)),
    _simple(34, _text("ICDR", 32)),
    _simple(44, _text("ITX", 32), 18),
    Rule(46, "SUB", (_text("SSC", 1), _text("SBSC", 1), _text("SBCC", 1))),
    _simple(47, _text("CON", 1_000)),
    Rule(902, "ANN", (_moment("GMT"), _text("NAV", 64), _text("OWN", 64), _text("PRO")), 999),
    _simple(903, _text("DUI", 16)),
    Rule(904, "MMS", (_text("MAK", 50), _text("MOD", 50), _text("SER", 50))),
    _simple(992, _text("T2C", 2), 99),
    _simple(993, _text("SAN", 125)),
    Rule(995, "ASC", (_number("ACN"), _number("ASP")), 255),
    _simple(996, _text("HAS", 64)),
    Rule(997, "SOR", (_number("SRN"), _number("RSP")), 255),
    Rule(998, "GEO", _GEOGRAPHY),
)

_FACE = _of(
    *_SHARED,
    _simple(3, _text("IMT", 16)),
    _simple(5, _date("PHD")),
    _simple(12, _code("CSP", tables.COLOURS)),
    _simple(13, _code("SAP", tables.FACE_PROFILES)),
    Rule(18, "DIST", (_text("IDK", 16), _text("IDM", 16), _text("DSC", 16))),
    _simple(19, _text("LAF", 1), 3),
    _simple(20, _code("POS", tables.POSES)),
    _simple(21, _real("POA", -180, 180)),
    Rule(24, "SQS", _QUALITY, 9),
    Rule(25, "SPA", tuple(_real(one) for one in ("YAW", "PIT", "ROL", "YAWU", "PITU", "ROLU"))),
    _simple(27, _text("SEC", 8)),
    _simple(28, _text("SHC", 8), 2),
    _simple(38, _text("COM", 1_000)),
    _simple(39, _text("T10", 8)),
)


def _friction_ridge(date: str, positions: frozenset[str], most: int, *more: Rule) -> dict[int, Rule]:
    return _of(
        *_SHARED,
        _simple(3, _code("IMP", tables.IMPRESSIONS), needed=ALL),
        _simple(5, _date(date)),
        _simple(12, _number("BPX", 8, 32)),
        _simple(13, _code("FGP", positions), most, ALL),
        Rule(18, "AMP", (_text("FRAP", 2, needed=True), _code("ABC", tables.MISSING)), 10),
        _simple(20, _text("COM", 1_000)),
        Rule(21, "SEG", tuple(_number(one) for one in ("FRSP", "LHC", "RHC", "THC", "BHC")), 10),
        Rule(22, "NQM", (_number("FRNP", 0, 99), _number("IQS", 0, 255)), 10),
        Rule(23, "SQM", _PLACED, 45),
        Rule(24, "FQM", _PLACED, 45),
        _simple(27, _text("SIF", 5)),
        _simple(31, _code("FAP", tables.PROFILES)),
        _simple(901, _text("FCT", 2)),
        *more,
    )


RULES: dict[int, dict[int, Rule]] = {
    1: _HEADER,
    2: _DESCRIPTIVE,
    4: _HIGH_RESOLUTION,
    9: _MINUTIAE,
    10: _FACE,
    13: _friction_ridge("LCD", tables.LATENT_POSITIONS, 12),
    14: _friction_ridge("FCD", tables.FINGERS, 1),
    15: _friction_ridge("PCD", tables.PALMS, 1),
}
"""Rules by record type and field number."""

RECORDS: dict[Tot, frozenset[int]] = {
    Tot.NPS: frozenset((2, 4, 10, 14, 15)),
    Tot.CPS: frozenset((2, 4, 9, 10, 14, 15)),
    Tot.MPS: frozenset((2, 4, 9, 10, 13, 14, 15, 20)),
    Tot.ATP: frozenset((2, 4, 9, 10, 13, 14, 15, 20)),
    Tot.SRE: frozenset((2, 4, 9, 10, 13, 14, 15, 20)),
    Tot.ERR: frozenset((2,)),
}
"""Record types that a type of transaction may have besides Type-1."""
