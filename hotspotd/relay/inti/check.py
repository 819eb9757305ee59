"""What is wrong with a transaction, in INT-I's error codes, so that an ERR can say it. Pure.

Checks what ``fields.py`` has rules for: which fields there must be, how often, and what their items hold; besides that
the list of records, the record types of the type of transaction, and whether images are as large as they say.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, time

import msgspec

from hotspotd.errors import RelayError
from hotspotd.relay.inti.fields import ALL, RECORDS, REQUESTS, RULES, Item, Kind, Rule
from hotspotd.relay.inti.limits import MAX_FAULTS
from hotspotd.relay.inti.record import Encoding, Field, Package, Record
from hotspotd.relay.inti.tables import ERRORS
from hotspotd.relay.inti.transaction import FieldError, TransactionType
from hotspotd.relay.inti.xml_parser import is_empty

SizeOf = Callable[[bytes], tuple[int, int]]
"""Width and height that a picture's header states; raises RelayError."""

# What a reader can pass over: the rules are not all public, and INTERPOL's own samples break some of them.
_TOLERATED = frozenset(("103", "104", "105", "106", "107", "111", "115", "117"))
_PICTURED = frozenset((10, 13, 14, 15))
_TCN = re.compile(r"[!-~]{1,64}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}")
_TIME_POINT = re.compile(r"(\d{4}-?\d{2}-?\d{2})T?(\d{2}:?\d{2}:?\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})?")
_REAL = re.compile(r"[+-]?\d{1,15}(\.\d{1,20})?([eE][+-]?\d{1,3})?")
_RAW = frozenset(("NONE", ""))


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong. ``place`` counts the records from 1; ``field`` is a number, 0 the record as a whole."""

    code: str
    mnemonic: str
    text: str
    place: int
    type: int
    field: int = 0
    tolerated: bool = False
    """The transaction can be worked on all the same."""

    def as_error(self) -> FieldError:
        """As an ERR says it."""
        return FieldError(code=self.code, field=self.mnemonic, text=self.text)

    def __str__(self) -> str:
        where = f"{self.type}.{self.field:03}" if self.field else f"Type-{self.type}"
        return f"{self.code} {where} {self.mnemonic} (record {self.place}): {self.text}"


def check(package: Package, size_of: SizeOf | None = None) -> tuple[Fault, ...]:
    """What is wrong, in the order of the records; at most ``MAX_FAULTS`` that are tolerated and as many others."""
    found: list[Fault] = []
    told = Counter[bool]()
    for fault in _faults(package, size_of):
        # Not the end: what stops a transaction must not be hidden behind what doesn't.
        if told[fault.tolerated] < MAX_FAULTS:
            told[fault.tolerated] += 1
            found.append(fault)
        if told[False] == MAX_FAULTS:
            break
    return tuple(found)


def _faults(package: Package, size_of: SizeOf | None) -> Iterator[Fault]:
    tot = _tot(package.header)
    yield from _listed(package)
    for place, record in enumerate(package.records, start=1):
        one = _Checked(record, place, tot, package.encoding)
        yield from one.record_type()
        if record.understood and record.type in RULES:
            yield from one.mandatory()
            for field in record.fields:
                yield from one.field(field)
            yield from one.occurrences()
            if record.type in _PICTURED or record.type == 4:
                yield from one.image(size_of)
            yield from one.unknown_elements()


def _tot(header: Record) -> TransactionType | None:
    text = header.item(4)
    return next((tot for tot in TransactionType if tot.value == text), None)


def _listed(package: Package) -> Iterator[Fault]:
    """1.003 CNT against the records that are there."""
    content = package.header.field(3)
    place = package.records.index(package.header) + 1
    if not content:
        return
    there = [(record.type, record.idc) for record in package.records if record is not package.header]
    listed = [_pair(items) for items in content[1:]]
    if Counter(map(_numbers, listed)) != Counter(map(_numbers, there)):
        text = "does not list the records that are there"
        yield Fault(code="117", mnemonic="CNT", text=text, place=place, type=1, field=3, tolerated=True)
    elif content[0][1:2] != (str(len(listed)),):
        text = "does not say how many records it lists"
        yield Fault(code="117", mnemonic="CNT", text=text, place=place, type=1, field=3, tolerated=True)


def _pair(items: tuple[str, ...]) -> tuple[str, str]:
    return (items[0] if items else "", items[1] if len(items) > 1 else "")


def _numbers(pair: tuple[int | str, str]) -> tuple[str, ...]:
    """Type and IDC without leading zeros."""
    return tuple(str(one).lstrip("0") or "0" for one in pair)


class _Checked:
    """One record under the rules of its type."""

    def __init__(self, record: Record, place: int, tot: TransactionType | None, encoding: Encoding) -> None:
        self._record, self._place, self._tot, self._encoding = record, place, tot, encoding
        self._rules = RULES.get(record.type, {})

    def _fault(self, code: str, mnemonic: str, text: str = "", field: int = 0, *, tolerated: bool = False) -> Fault:
        return Fault(
            code=code,
            mnemonic=mnemonic,
            text=text or ERRORS[code].lower(),
            place=self._place,
            type=self._record.type,
            field=field,
            tolerated=tolerated or code in _TOLERATED,
        )

    def record_type(self) -> Iterator[Fault]:
        """102: a record that this type of transaction does not have."""
        if self._tot is not None and self._record.type != 1 and self._record.type not in RECORDS[self._tot]:
            yield self._fault("102", "RCC", f"a {self._tot} has no record of Type-{self._record.type}")

    def mandatory(self) -> Iterator[Fault]:
        """101: fields that must be there."""
        for rule in self._rules.values():
            needed = self._tot in rule.needed if self._tot else rule.needed == ALL
            if needed and not self._record.field(rule.number):
                yield self._fault("101", rule.mnemonic, field=rule.number)
        if self._record.type == 2 and self._tot in REQUESTS and not (self._record.field(10) or self._record.field(11)):
            yield self._fault("101", "ORN", "neither CRN nor ORN is there", 11)

    def occurrences(self) -> Iterator[Fault]:
        """104: a field twice in a record."""
        for number, times in Counter(field.number for field in self._record.fields).items():
            if times > 1:
                rule = self._rules.get(number)
                yield self._fault("104", rule.mnemonic if rule else str(number), field=number)

    def unknown_elements(self) -> Iterator[Fault]:
        """103: elements that are none of INT-I, where they say anything."""
        for foreign in self._record.foreign:
            if foreign.position >= 0 and not is_empty(foreign.xml):
                name = foreign.xml[1:200].split(">")[0].split(" ")[0].rpartition(":")[2]
                yield self._fault("103", name[:64])

    def field(self, field: Field) -> Iterator[Fault]:
        """What is wrong with one field."""
        rule = self._rules.get(field.number)
        if field.number == 1:
            return
        if rule is None:
            yield self._fault("103", str(field.number), field=field.number)
            return
        if len(field.subfields) > rule.most + self._extra(field.number):
            yield self._fault("104", rule.mnemonic, f"at most {rule.most} times", field.number)
        for items in field.subfields:
            yield from self._items(rule, items)

    def _extra(self, number: int) -> int:
        # The first subfield of CNT is about the Type-1 record, that of RCI about the way of counting.
        return 1 if (self._record.type, number) in {(1, 3), (9, 138)} else 0

    def _items(self, rule: Rule, items: tuple[str, ...]) -> Iterator[Fault]:
        if len(items) > len(rule.items):
            yield self._fault("105", rule.mnemonic, f"has {len(items)} items of {len(rule.items)}", rule.number)
        for position, item in enumerate(rule.items):
            text = items[position] if position < len(items) else ""
            code = _item_fault(item, text, rule)
            if code == "105":
                yield self._fault(code, rule.mnemonic, f"{item.mnemonic} is not there", rule.number)
            elif code:
                yield self._fault(code, item.mnemonic, field=rule.number)
            if self._record.type == 1 and self._encoding is Encoding.TRADITIONAL and not text.isascii():
                yield self._fault("111", item.mnemonic, "a Type-1 record is in ASCII", rule.number)

    def image(self, size_of: SizeOf | None) -> Iterator[Fault]:
        """101 and 118: an image, and its size as it says of itself."""
        record = self._record
        if not record.data:
            if record.type != 10 and not record.field(18):
                yield self._fault("101", "DATA", "neither an image nor AMP is there", 999)
            return
        if record.type in _PICTURED:
            for number in (6, 7, 8, 9, 10, 11):
                if not record.field(number):
                    yield self._fault("101", self._rules[number].mnemonic, field=number)
        yield from self._size(record.data, size_of)

    def _size(self, data: bytes, size_of: SizeOf | None) -> Iterator[Fault]:
        record = self._record
        said = tuple(int(text) if text.isdigit() and len(text) < 10 else 0 for text in (record.item(6), record.item(7)))
        raw = record.item(8) == "0" if record.type == 4 else record.item(11) in _RAW
        if raw:
            # Grey of 8 bits, or three colours of them.
            if len(data) not in {said[0] * said[1], 3 * said[0] * said[1]}:
                yield self._fault("118", "HLL", "the image is not HLL x VLL pixels", 6)
            return
        if size_of is None:
            return
        try:
            there = size_of(data)
        except RelayError as error:
            yield self._fault("117", "DATA", error.what, 999)
            return
        if there != said:
            text = f"the image has {there[0]} x {there[1]} pixels"
            # INTERPOL's own sample has them the wrong way round.
            yield self._fault("118", "HLL", text, 6, tolerated=there == said[::-1])


def _item_fault(item: Item, text: str, rule: Rule) -> str:
    """The code of the first thing that is wrong with an item, empty for nothing."""
    if not text:
        return "105" if item.needed else ""
    if rule.mnemonic == "TCN":
        return "" if _TCN.fullmatch(text) else "201"
    return next(_item_faults(item, text, rule), "")


def _item_faults(item: Item, text: str, rule: Rule) -> Iterator[str]:
    if any(ord(character) < 32 and character not in "\t\r\n" for character in text):
        yield "111"
    if len(text) < item.shortest:
        yield "106"
    if len(text) > item.longest:
        yield "107"
    if item.kind in {Kind.NUMBER, Kind.REAL}:
        yield from _number_faults(item, text)
    if item.kind is Kind.DATE and not _is_date(text):
        yield "112"
    if item.kind is Kind.TIME_POINT:
        yield from _time_point_faults(text)
    if item.table is not None and text not in item.table:
        yield "116" if rule.mnemonic == "TOT" else "115"


def _number_faults(item: Item, text: str) -> Iterator[str]:
    sound = text.isascii() and (text.isdigit() if item.kind is Kind.NUMBER else bool(_REAL.fullmatch(text)))
    if not sound:
        yield "108"
    elif item.low is not None and float(text) < item.low:
        yield "109"
    elif item.high is not None and float(text) > item.high:
        yield "110"


def _is_date(text: str) -> bool:
    if not (text.isascii() and _DATE.fullmatch(text)):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _time_point_faults(text: str) -> Iterator[str]:
    parts = _TIME_POINT.fullmatch(text) if text.isascii() else None
    if parts is None:
        yield "114"
    elif not _is_date(parts[1]):
        yield "112"
    else:
        try:
            time.fromisoformat(parts[2])
        except ValueError:
            yield "113"
