"""Finger image records of ISO/IEC 19794-4: read back what is written, refuse what is damaged, never anything else."""

from __future__ import annotations

import struct
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drivers.base import DriverError, DriverReason
from drivers.fingerprint.iso_record import Coding, Representation, coded, pixels_of, read_record, write_record
from tests.drivers.pictures import striped

PICTURE = striped(3, (120, 100))
ONE = write_record([coded(PICTURE, 500, 2)])
# Offsets in a record of 2011 without quality blocks: 16 of the general header, 19 of the representation's beginning.
END = 16 + 19


def pictures(data: bytes) -> list[NDArray[np.uint8]]:
    return [pixels_of(picture) for picture in read_record(data)]


def reason(data: bytes) -> DriverReason:
    with pytest.raises(DriverError) as caught:
        pictures(data)
    assert caught.value.advice
    return caught.value.reason


def changed(data: bytes, at: int, layout: str, value: int) -> bytes:
    found = bytearray(data)
    struct.pack_into(layout, found, at, value)
    return bytes(found)


@pytest.mark.parametrize("coding", [Coding.RAW, Coding.PNG, Coding.JPEG2000])
def test_what_is_written_is_read_back_without_loss(coding: Coding) -> None:
    record = write_record([coded(PICTURE, 1000, 7, coding), coded(PICTURE.T.copy(), 500, 8, coding)])
    first, second = read_record(record)
    assert (first.position, first.dpi, first.coding) == (7, 1000, coding)
    assert np.array_equal(pixels_of(first), PICTURE)
    assert np.array_equal(pixels_of(second), PICTURE.T)


def test_a_jpeg_is_read() -> None:
    data = cv2.imencode(".jpg", PICTURE, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    picture = Representation(2, 100, 120, 500, Coding.JPEG, data)
    assert np.abs(pixels_of(read_record(write_record([picture]))[0]).astype(int) - PICTURE).mean() < 5


def test_quality_blocks_certificates_and_extended_data_are_passed_over() -> None:
    """A representation as scanners write it: two quality blocks, one certification block, a comment after the data."""
    bare = ONE[16:]
    blocks = bytes([2]) + bytes(10)
    certified = bytes([1]) + bytes(3)
    after = b"\0\1\0\0\0\5hello"
    body = bare[4:18] + blocks + certified + bare[19:] + after
    body = struct.pack(">I", len(body) + 4) + body
    record = b"FIR\x00020\x00" + struct.pack(">IHBB", 16 + len(body), 1, 1, 1) + body
    (picture,) = read_record(record)
    assert picture.position == 2
    assert np.array_equal(pixels_of(picture), PICTURE)


def record_of_2005(coding: int, data: bytes, unit: int = 1, dpi: int = 500) -> bytes:
    view = struct.pack(">IBBBBBHHB", 14 + len(data), 2, 1, 1, 0, 0, 100, 120, 0) + data
    head = struct.pack(">HHBBHHHHBBH", 0, 31, 1, unit, dpi, dpi, dpi, dpi, 8, coding, 0)
    return b"FIR\x00010\x00" + (32 + len(view)).to_bytes(6, "big") + head + view


def test_the_edition_of_2005_is_read() -> None:
    (raw,) = read_record(record_of_2005(0, PICTURE.tobytes()))
    assert (raw.position, raw.dpi) == (2, 500)
    assert np.array_equal(pixels_of(raw), PICTURE)
    for code, coding in ((4, Coding.JPEG2000), (5, Coding.PNG)):
        (picture,) = read_record(record_of_2005(code, coded(PICTURE, 500, 2, coding).data))
        assert np.array_equal(pixels_of(picture), PICTURE)


def test_the_resolution_is_the_records_own() -> None:
    (per_cm,) = read_record(record_of_2005(0, PICTURE.tobytes(), unit=2, dpi=197))
    assert per_cm.dpi == 500
    for unit, dpi in ((1, 200), (1, 1200), (2, 90), (0, 500), (3, 500)):
        assert reason(record_of_2005(0, PICTURE.tobytes(), unit, dpi)) in (
            DriverReason.UNSUPPORTED,
            DriverReason.BAD_IMAGE,
        )
    assert reason(changed(ONE, END + 9, ">H", 600)) is DriverReason.UNSUPPORTED  # 500 across, 600 down.


@pytest.mark.parametrize(
    ("at", "layout", "value"),
    [
        (0, ">B", 0),  # no FIR
        (8, ">I", len(ONE) + 1),  # the length of the record
        (12, ">H", 0),  # no representations
        (12, ">H", 2),  # one more than there is
        (12, ">H", 999),
        (14, ">B", 2),  # certification flag
        (16, ">I", 20),  # the length of the representation
        (16, ">I", 0xFFFFFFFF),
        (34, ">B", 200),  # quality blocks that are not there
        (END + 2, ">B", 9),  # scale units
        (END + 12, ">B", 9),  # compression
        (END + 14, ">H", 0),  # width
        (END + 14, ">H", 0xFFFF),
        (END + 16, ">H", 121),  # another height than the picture's
        (END + 18, ">I", 0xFFFFFFFF),  # length of the data
    ],
)
def test_a_damaged_record_is_refused(at: int, layout: str, value: int) -> None:
    assert reason(changed(ONE, at, layout, value)) is DriverReason.BAD_IMAGE


def test_what_cannot_be_shown_is_said_so() -> None:
    assert reason(changed(ONE, 4, ">B", ord("9"))) is DriverReason.UNSUPPORTED  # version
    assert reason(changed(ONE, END + 11, ">B", 16)) is DriverReason.UNSUPPORTED  # depth
    for coding in (Coding.WSQ, Coding.PACKED):
        assert reason(write_record([replace(coded(PICTURE, 500, 2), coding=coding)])) is DriverReason.UNSUPPORTED


def test_a_picture_that_states_gigabytes_is_not_decoded() -> None:
    png = bytearray(coded(PICTURE, 500, 2, Coding.PNG).data)
    struct.pack_into(">II", png, 16, 100_000, 100_000)
    assert reason(write_record([Representation(2, 100, 120, 500, Coding.PNG, bytes(png))])) is DriverReason.BAD_IMAGE
    jp2 = coded(PICTURE, 500, 2).data
    at = jp2.find(b"\xff\x4f\xff\x51") + 8
    big = changed(jp2, at, ">I", 60_000)
    assert reason(write_record([Representation(2, 100, 120, 500, Coding.JPEG2000, big)])) is DriverReason.BAD_IMAGE


@pytest.mark.parametrize("length", [*range(0, 60, 3), len(ONE) // 2, len(ONE) - 1])
def test_a_record_that_ends_early_is_refused(length: int) -> None:
    assert reason(ONE[:length]) is DriverReason.BAD_IMAGE
    assert reason(ONE + b"\0") is DriverReason.BAD_IMAGE


RAW = write_record([coded(PICTURE[:8, :8].copy(), 500, 2, Coding.RAW)])


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(RAW) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_any_damage_gives_pictures_or_a_driver_error(changes: list[tuple[int, int]]) -> None:
    data = bytearray(RAW)
    for at, value in changes:
        data[at] = value
    try:
        found = pictures(bytes(data))
    except DriverError as error:
        found, refused = [], error.reason
    else:
        refused = None
    assert found or refused in (DriverReason.BAD_IMAGE, DriverReason.UNSUPPORTED)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([b"FIR\x00020\x00", b"FIR\x00010\x00", b"FIR\0", b""]), st.binary(max_size=200))
def test_any_bytes_give_a_driver_error(start: bytes, rest: bytes) -> None:
    reason(start + rest)
