"""Minutiae records: byte for byte as the standards lay them out, and back within one unit of each quantity."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspotd.biometrics.finger.interchange import (
    CardFormat,
    FingerPosition,
    Impression,
    View,
    read,
    read_card,
    write_card,
    write_incits,
    write_iso,
)
from hotspotd.biometrics.finger.template import BIFURCATION, ENDING, MOST_MINUTIAE, FingerTemplate
from hotspotd.errors import BiometricError, Reason

# Two minutiae and a ridge count area, written by hand from ISO/IEC 19794-2:2005, 7.3 to 7.5.
ISO_EXAMPLE = bytes.fromhex(
    "464d5200"  # 7.3.1 format identifier FMR\0
    "20323000"  # 7.3.2 version " 20\0"
    "00000035"  # 7.3.3 length of the record: 53
    "8123"  # 7.3.4 certification 8, 7.3.5 device 0x123
    "012c"  # 7.3.6 width 300
    "0190"  # 7.3.7 height 400
    "00c5"  # 7.3.8 197 px/cm across
    "00c5"  # 7.3.9 197 px/cm down
    "01"  # 7.3.10 one view
    "00"  # 7.3.11 reserved
    "07"  # 7.4.1.1 left index
    "08"  # 7.4.1.2 view 0, 7.4.1.3 swipe
    "55"  # 7.4.1.4 quality 85
    "02"  # 7.4.1.5 two minutiae
    "4064"  # 7.4.2 ending (01), x 100
    "00c8"  # y 200
    "40"  # 64 units = 90 degrees counter-clockwise: up
    "5a"  # quality 90
    "8000"  # bifurcation (10), x 0
    "018f"  # y 399
    "20"  # 45 degrees: right and up
    "00"  # quality not reported
    "000b"  # 7.5 extended data: 11 bytes
    "0001"  # ridge counts
    "000b"  # 11 bytes with this head
    "01010203040506"
)

# The same in INCITS 378-2004, 6.4 to 6.6, without extended data.
INCITS_EXAMPLE = bytes.fromhex(
    "464d5200"  # 6.4.1
    "20323000"  # 6.4.2
    "002c"  # length: 44
    "01030002"  # product: vendor unknown, type 2
    "8123"  # compliance, device
    "012c0190"  # 300 x 400
    "00c500c5"  # 197 px/cm
    "01"
    "00"
    "07080102"  # left index, view 0 and swipe, quality 1, two minutiae
    "406400c82d5a"  # ending 100, 200, 45 units of 2 degrees, quality 90
    "8000018f1600"  # bifurcation 0, 399, 44 degrees, quality not reported
    "0000"  # no extended data
)


def test_an_iso_record_is_read_field_by_field() -> None:
    (view,) = read(ISO_EXAMPLE)
    assert (view.finger, view.number, view.impression) == (FingerPosition.LEFT_INDEX, 0, Impression.SWIPE)
    assert view.quality == view.template.quality == 85
    assert (view.template.width, view.template.height) == (300, 400)
    assert view.template.x.tolist() == [100, 0]
    assert view.template.y.tolist() == [200, 399]
    # Up and right-and-up are negative turns where y points down.
    np.testing.assert_allclose(view.template.angle, [1.5 * np.pi, 1.75 * np.pi], atol=1e-6)
    assert view.template.kind.tolist() == [ENDING, BIFURCATION]
    assert view.template.point_quality.tolist() == [90, 50]


def test_an_iso_record_is_written_byte_for_byte() -> None:
    (view,) = read(ISO_EXAMPLE)
    # Without the ridge counts, and with the quality that "not reported" was read as.
    without = ISO_EXAMPLE[:8] + (42).to_bytes(4, "big") + ISO_EXAMPLE[12:39] + b"\x32" + b"\x00\x00"
    assert write_iso([view], device=0x123, certification=8) == without


def test_an_incits_record_is_read_field_by_field() -> None:
    (view,) = read(INCITS_EXAMPLE)
    assert (view.finger, view.number, view.impression) == (FingerPosition.LEFT_INDEX, 0, Impression.SWIPE)
    assert view.quality == 1
    assert view.template.x.tolist() == [100, 0]
    assert view.template.y.tolist() == [200, 399]
    np.testing.assert_allclose(view.template.angle, np.radians([270, 360 - 44]), atol=np.pi / 256)
    assert view.template.kind.tolist() == [ENDING, BIFURCATION]


def test_an_incits_record_is_written_byte_for_byte() -> None:
    (view,) = read(INCITS_EXAMPLE)
    without = INCITS_EXAMPLE[:-3] + b"\x32\x00\x00"
    assert write_incits([view], product=(0x0103, 2), device=0x123, certification=8) == without


def test_incits_2009_is_read() -> None:
    view = struct.pack(">BBBBHHHHHHB", 2, 0, 20, 254, 0x0103, 1, 300, 400, 197, 197, 1) + bytes.fromhex("406400c82dff")
    body = struct.pack(">HHBHBB", 0x0103, 0, 0, 0, 1, 0) + view + b"\x00\x00"
    (seen,) = read(b"FMR\x00030\x00" + struct.pack(">I", 12 + len(body)) + body)
    assert (seen.finger, seen.impression, seen.quality, seen.template.quality) == (2, 20, None, 0)
    assert seen.template.point_quality.tolist() == [50]
    np.testing.assert_allclose(seen.template.angle, [1.5 * np.pi], atol=1e-6)


def test_an_ending_points_into_its_ridge_in_the_record_too() -> None:
    """A ridge that ends at (50, 60) and runs on to the right and downwards, by 45 degrees.

    NIST's mindtct, which writes INCITS 378, says of the direction "up the ridge ending": 315 degrees counter-clockwise.
    """
    template = _template([50], [60], [np.pi / 4], [ENDING])
    assert write_iso([View(template)])[32] == 224
    assert write_incits([View(template)])[34] in {157, 158}


def test_another_resolution_becomes_500_dpi() -> None:
    data = bytearray(ISO_EXAMPLE)
    data[18:22] = struct.pack(">HH", 394, 300)
    (view,) = read(bytes(data))
    assert view.template.x.tolist() == [50, 0]
    assert view.template.y[0] == pytest.approx(200 * 500 / 762, abs=1 / 32)
    assert (view.template.width, view.template.height) == (150, 262)


def test_several_fingers_and_views_keep_apart() -> None:
    first, second, third = (_template([n], [n], [0.0], [ENDING]) for n in (10, 20, 30))
    views = [View(third, FingerPosition.LEFT_THUMB), View(first), View(second)]
    for data in (write_iso(views), write_incits(views)):
        assert [(view.finger, view.number, int(view.template.x[0])) for view in read(data)] == [
            (0, 0, 10),
            (0, 1, 20),
            (6, 0, 30),
        ]


def test_a_record_over_64_kb_has_the_long_length() -> None:
    size = MOST_MINUTIAE
    template = _template(list(range(size)), list(range(size)), [0.0] * size, [ENDING] * size)
    views = [View(template, finger) for finger in list(FingerPosition)[:10] for _ in range(9)]
    data = write_incits(views)
    assert data[8:14] == b"\x00\x00" + len(data).to_bytes(4, "big")
    assert len(read(data)) == len(read(write_iso(views))) == 90


def test_of_more_minutiae_than_a_template_holds_the_best_are_kept() -> None:
    points = b"".join(struct.pack(">HHBB", 1 << 14 | n, n, 0, 1 + n % 100) for n in range(255))
    body = struct.pack(">HHHHHBB", 0, 300, 300, 197, 197, 1, 0) + bytes([1, 0, 50, 255]) + points + b"\x00\x00"
    (view,) = read(b"FMR\x00 20\x00" + struct.pack(">I", 12 + len(body)) + body)
    assert len(view.template) == MOST_MINUTIAE
    assert (np.diff(view.template.x) > 0).all()
    assert view.template.point_quality.min() >= 32


def _template(x: list[float], y: list[float], angle: list[float], kind: list[int]) -> FingerTemplate:
    return FingerTemplate(
        x=np.array(x, np.float32),
        y=np.array(y, np.float32),
        angle=np.array(angle, np.float32),
        kind=np.array(kind, np.uint8),
        point_quality=np.full(len(x), 70, np.uint8),
        width=300,
        height=400,
        quality=60,
    )


@st.composite
def templates(draw: st.DrawFn) -> FingerTemplate:
    """Any template that the engine may make."""
    width, height = draw(st.integers(1, 500)), draw(st.integers(1, 500))
    count = draw(st.integers(0, MOST_MINUTIAE))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    made = FingerTemplate(
        x=generator.integers(0, width * 16, count).astype(np.float32) / 16,
        y=generator.integers(0, height * 16, count).astype(np.float32) / 16,
        angle=(generator.integers(0, 256, count) * (2 * np.pi / 256)).astype(np.float32),
        kind=generator.integers(0, 2, count).astype(np.uint8),
        point_quality=generator.integers(0, 101, count).astype(np.uint8),
        width=width,
        height=height,
        quality=draw(st.integers(0, 100)),
    )
    return FingerTemplate.decode(made.encode())


def _same(left: FingerTemplate, right: FingerTemplate, place: float, angle: float) -> None:
    np.testing.assert_allclose(left.x, right.x, atol=place)
    np.testing.assert_allclose(left.y, right.y, atol=place)
    turned = np.angle(np.exp(1j * (left.angle.astype(np.float64) - right.angle)))
    assert (np.abs(turned) <= angle).all()
    np.testing.assert_array_equal(left.kind, right.kind)
    assert (left.width, left.height) == (right.width, right.height)


@given(templates(), st.sampled_from(list(FingerPosition)), st.sampled_from(list(Impression)))
def test_what_is_written_is_read_again(
    template: FingerTemplate, finger: FingerPosition, impression: Impression
) -> None:
    for write, unit in ((write_iso, 256), (write_incits, 180)):
        (view,) = read(write([View(template, finger, impression)]))
        # Half a pixel, or the whole last one; half a unit and the template's own half.
        _same(view.template, template, 1.0, 2 * np.pi / unit / 2 + np.pi / 256 + 1e-6)
        assert (np.abs(view.template.point_quality.astype(int) - template.point_quality) <= 1).all()
        assert (view.finger, view.impression, view.quality) == (finger, impression, template.quality)


@given(templates())
def test_what_was_read_is_written_the_same(template: FingerTemplate) -> None:
    for write in (write_iso, write_incits):
        data = write([View(template)])
        assert write(read(data)) == data


@given(templates())
def test_card_minutiae_are_read_again(template: FingerTemplate) -> None:
    for card, place, turn in ((CardFormat.NORMAL, 0.2, 256), (CardFormat.COMPACT, 1.1, 64)):
        data = write_card(template, card)
        assert len(data) == len(template) * (5 if card is CardFormat.NORMAL else 3)
        seen = read_card(data, card, template.width, template.height)
        _same(seen, template, place, np.pi / turn + np.pi / 256 + 1e-6)


def test_card_minutiae_are_laid_out_as_in_clause_8() -> None:
    template = _template([100], [200], [1.5 * np.pi], [BIFURCATION])
    # 100 px = 5.08 mm, 200 px = 10.16 mm, 90 degrees.
    assert write_card(template, CardFormat.NORMAL) == struct.pack(">HHB", 2 << 14 | 508, 1016, 64)
    assert write_card(template, CardFormat.COMPACT) == bytes([51, 102, 2 << 6 | 16])


def test_what_has_no_room_is_not_written() -> None:
    template = _template([10], [10], [0.0], [ENDING])
    far = FingerTemplate.decode(_template([10], [10], [0.0], [ENDING]).encode())
    wide = FingerTemplate(
        x=np.array([600], np.float32),
        y=far.y,
        angle=far.angle,
        kind=far.kind,
        point_quality=far.point_quality,
        width=700,
        height=400,
        quality=1,
    )
    for attempt in (
        lambda: write_iso([]),
        lambda: write_iso([View(template)] * 17),
        lambda: write_iso([View(template, impression=20)]),
        lambda: write_iso([View(template, quality=254)]),
        lambda: write_iso([View(template)], device=4096),
        lambda: write_incits([View(template)], product=(0, 0)),
        lambda: write_card(wide, CardFormat.COMPACT),
    ):
        with pytest.raises(BiometricError) as refused:
            attempt()
        assert refused.value.reason is Reason.BAD_TEMPLATE
