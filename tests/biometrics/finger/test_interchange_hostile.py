"""Records from outside: whatever the bytes are, a list of views or BAD_TEMPLATE, and what is wrong."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspotd.biometrics.finger.interchange import CardFormat, read, read_card
from hotspotd.errors import BiometricError, Reason


def _record(
    views: bytes, *, count: int = 1, incits: bool = False, picture: tuple[int, int, int, int] | None = None
) -> bytes:
    head = struct.pack(">HHHHHBB", 0, *(picture or (300, 400, 197, 197)), count, 0)
    if incits:
        body = struct.pack(">HH", 0x0103, 0) + head + views
        return b"FMR\x00 20\x00" + struct.pack(">H", 10 + len(body)) + body
    return b"FMR\x00 20\x00" + struct.pack(">I", 12 + len(head) + len(views)) + head + views


POINT = struct.pack(">HHBB", 1 << 14 | 100, 200, 90, 80)
VIEW = bytes([2, 0, 60, 2]) + POINT + POINT
AREA = struct.pack(">HHH", 11, 1, 11) + bytes(7)
ISO = _record(VIEW + AREA)
INCITS = _record(VIEW + AREA, incits=True)
V2009 = (
    b"FMR\x00030\x00"
    + struct.pack(">IHHBHBB", 21 + 19 + 12, 0x0103, 0, 0, 0, 1, 0)
    + struct.pack(">BBBBHHHHHHB", 2, 0, 20, 60, 0x0103, 1, 300, 400, 197, 197, 2)
    + POINT * 2
    + bytes(2)
)
VALID = {"iso": ISO, "incits": INCITS, "incits 2009": V2009}


def _refusal(data: bytes) -> str | None:
    caught = None
    try:
        views = read(data)
    except BiometricError as error:
        caught = error
    if caught is None:
        for view in views:
            # What is accepted is a template like any other.
            view.template.encode()
        return None
    assert caught.reason is Reason.BAD_TEMPLATE
    assert caught.advice
    return caught.what


@pytest.mark.parametrize("name", VALID)
def test_the_examples_are_records(name: str) -> None:
    assert _refusal(VALID[name]) is None


@pytest.mark.parametrize("name", VALID)
def test_every_truncation_is_refused(name: str) -> None:
    data = VALID[name]
    for length in range(len(data)):
        assert _refusal(data[:length]) is not None
        # Shortened, but with a length field that says so.
        told = bytearray(data[:length])
        if length > 12:
            told[8:12] = struct.pack(">I", length)
            assert _refusal(bytes(told)) is not None
    assert _refusal(data + b"\x00") is not None


@given(st.binary(max_size=400))
def test_random_bytes_are_refused(data: bytes) -> None:
    assert _refusal(data) is not None


@given(
    st.sampled_from([b"FMR\x00 20\x00", b"FMR\x00030\x00", b"FMR\x00035\x00"]), st.binary(max_size=400), st.booleans()
)
def test_random_bodies_raise_nothing_else(start: bytes, rest: bytes, short: bool) -> None:
    length = 8 + len(rest)
    _refusal(start + rest)
    _refusal(start + struct.pack(">I", length + 4) + rest)
    if short:
        _refusal(start + struct.pack(">H", length + 2) + rest)


@pytest.mark.parametrize("name", VALID)
def test_mutated_records_raise_nothing_else(name: str) -> None:
    dice = random.Random(1979)
    refused = 0
    for _ in range(3000):
        data = bytearray(VALID[name])
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        refused += _refusal(bytes(data)) is not None
    assert refused > 1000


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "does not begin with FMR"),
        (b"FMR\x00 10\x00" + bytes(20), "version"),
        (b"FMR\x00 20\x00" + struct.pack(">I", 999) + bytes(40), "another length"),
        (_record(VIEW + AREA, picture=(300, 400, 0, 197)), "resolution"),
        (_record(VIEW + AREA, picture=(300, 400, 197, 5000)), "resolution"),
        (_record(VIEW + AREA, picture=(0, 400, 197, 197)), "picture of 0 x 400"),
        (_record(VIEW + AREA, picture=(60000, 400, 197, 197)), "picture of 60000"),
        (_record(VIEW + AREA, picture=(100, 400, 197, 197)), "off the picture"),
        (_record(b"\x0b" + VIEW[1:] + AREA), "finger position 11"),
        (_record(VIEW[:2] + b"\x65" + VIEW[3:] + AREA), "finger quality of 101"),
        (_record(VIEW[:4] + b"\xc0" + VIEW[5:] + AREA), "type 3"),
        (_record(VIEW[:6] + b"\x40" + VIEW[7:] + AREA), "reserved bits"),
        (_record(VIEW[:9] + b"\x65" + VIEW[10:] + AREA), "quality over 100"),
        (_record(VIEW[:8] + b"\xb4" + VIEW[9:] + AREA, incits=True), "angle is over 179"),
        (_record(VIEW + struct.pack(">HHH", 4, 1, 3)), "extended data area of 3 bytes"),
        (_record(VIEW + struct.pack(">HHH", 4, 1, 8)), "within an extended data area"),
        (_record(VIEW + struct.pack(">HH", 2, 1)), "within the head of an extended data area"),
        (_record(VIEW + struct.pack(">H", 9)), "within the extended data"),
        (_record(VIEW + AREA, count=2), "within the head of a view"),
        (_record(VIEW + AREA, count=0), "bytes after the last view"),
        (ISO[:23] + b"\x01" + ISO[24:], "reserved byte"),
        (b"FMR\x00 20\x00" + bytes((1 << 20) + 1), "can be read"),
    ],
)
def test_the_refusal_says_what_is_wrong(data: bytes, says: str) -> None:
    what = _refusal(data)
    assert what is not None
    assert says in what


@given(st.binary(max_size=900), st.sampled_from(list(CardFormat)), st.integers(-1, 2001), st.integers(-1, 2001))
def test_card_bytes_raise_nothing_else(data: bytes, card: CardFormat, width: int, height: int) -> None:
    caught = None
    try:
        read_card(data, card, width, height).encode()
    except BiometricError as error:
        caught = error
    assert caught is None or caught.reason is Reason.BAD_TEMPLATE
