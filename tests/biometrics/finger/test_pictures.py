"""Picture files of prints: the same pixels out of every format, the right resolution, and no harm from bad ones."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hotspotd.biometrics.finger import wsq
from hotspotd.biometrics.finger.pictures import MOST_BYTES, read_picture, read_raw
from hotspotd.errors import BiometricError, Reason

HERE = Path(__file__).parent / "pictures"
WSQ = (HERE / "synthetic.wsq").read_bytes()
"""A synthetic print of 161 x 173 pixels as NBIS's encoder wrote it."""
WSQ_PIXELS = HERE / "synthetic-nbis.png"
"""The same as NBIS's decoder gives it back."""

SIZE = (60, 47)
GREY = np.random.default_rng(7).integers(0, 256, SIZE).astype(np.uint8)
DEEP = np.random.default_rng(8).integers(0, 65536, SIZE).astype(np.uint16)
SMOOTH = cv2.GaussianBlur(GREY, (0, 0), 6).astype(np.uint8)


def encoded(image: NDArray[np.generic], suffix: str) -> bytes:
    done, data = cv2.imencode(suffix, image)
    assert done
    return bytes(data.tobytes())


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(image: NDArray[np.uint8], colour: int, depth: int, *extra: bytes) -> bytes:
    """``image``: rows as they are stored, width from its first row's bits."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    width = image.shape[1] * 8 // (depth * channels)
    rows = b"".join(b"\x00" + row.tobytes() for row in image)
    head = struct.pack(">IIBBBBB", width, len(image), depth, colour, 0, 0, 0)
    body = (chunk(b"IHDR", head), *extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def tiff(pixels: bytes, bits: int, photometric: int, *more: tuple[int, int, int], order: str = "<") -> bytes:
    """Uncompressed, in one strip; ``more`` are tags as tag, type, value."""
    height, width = SIZE
    tags = [(256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1), (262, 3, photometric), (273, 4, 8)]
    tags += [(277, 3, 1), (278, 4, height), (279, 4, len(pixels)), *more]
    entries = b"".join(
        struct.pack(order + "HHI", tag, kind, 1)
        + (struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value))
        for tag, kind, value in sorted(tags)
    )
    start = b"II*\x00" if order == "<" else b"MM\x00*"
    directory = struct.pack(order + "H", len(tags)) + entries + bytes(4)
    # Two fractions stand behind the directory: 1000/1 and 300/1.
    fractions = struct.pack(order + "IIII", 1000, 1, 300, 1)
    return start + struct.pack(order + "I", 8 + len(pixels)) + pixels + directory + fractions


def fraction_place(pixels: bytes, tags: int) -> int:
    return 8 + len(pixels) + 2 + 12 * tags + 4


def codestream(jp2: bytes) -> bytes:
    return jp2[jp2.index(b"\xff\x4f\xff\x51") :]


EIGHT_BITS: dict[str, bytes] = {
    "png": encoded(GREY, ".png"),
    "bmp": encoded(GREY, ".bmp"),
    "tiff": encoded(GREY, ".tiff"),
    "tiff by hand": tiff(GREY.tobytes(), 8, 1),
    "tiff, zero is white": tiff((255 - GREY).tobytes(), 8, 0),
    "tiff, big endian": tiff(GREY.tobytes(), 8, 1, order=">"),
    "pgm": encoded(GREY, ".pgm"),
    "pgm with a comment": b"P5\n# a scanner\n47 60\n255\n" + GREY.tobytes(),
    "png in colour": encoded(cv2.merge([GREY, GREY, GREY]), ".png"),
    "bmp in colour": encoded(cv2.merge([GREY, GREY, GREY]), ".bmp"),
    "png, opaque": encoded(cv2.merge([GREY, GREY, GREY, np.full(SIZE, 255, np.uint8)]), ".png"),
    "png with a palette": png(
        255 - GREY, 3, 8, chunk(b"PLTE", bytes(c for n in range(255, -1, -1) for c in (n, n, n)))
    ),
}


@pytest.mark.parametrize("name", EIGHT_BITS)
def test_a_lossless_format_gives_the_pixels(name: str) -> None:
    picture = read_picture(EIGHT_BITS[name])
    np.testing.assert_array_equal(picture.pixels, GREY)
    assert picture.pixels.dtype == np.uint8
    assert (picture.dpi, picture.assumed) == (500, True)


SIXTEEN_BITS: dict[str, bytes] = {
    "png": encoded(DEEP, ".png"),
    "tiff": encoded(DEEP, ".tiff"),
    "pgm": encoded(DEEP, ".pgm"),
    "tiff, zero is white": tiff((65535 - DEEP).tobytes(), 16, 0),
}


@pytest.mark.parametrize("name", SIXTEEN_BITS)
def test_sixteen_bits_become_eight(name: str) -> None:
    np.testing.assert_allclose(read_picture(SIXTEEN_BITS[name]).pixels, DEEP / 257, atol=0.5)


@pytest.mark.parametrize("peak", [1, 15, 200, 1023, 4095])
def test_a_pgm_is_scaled_by_its_own_maximum(peak: int) -> None:
    values = np.random.default_rng(9).integers(0, peak + 1, SIZE)
    data = b"P5 47 60 %d\n" % peak + values.astype(np.uint8 if peak < 256 else ">u2").tobytes()
    np.testing.assert_allclose(read_picture(data).pixels, values * 255 / peak, atol=0.5)


@pytest.mark.parametrize(
    "data",
    [encoded(SMOOTH, ".jpg"), encoded(SMOOTH, ".jp2"), codestream(encoded(SMOOTH, ".jp2"))],
    ids=["jpeg", "jp2", "j2k"],
)
def test_a_lossy_format_gives_nearly_the_pixels(data: bytes) -> None:
    picture = read_picture(data)
    assert np.abs(picture.pixels.astype(int) - SMOOTH).mean() < 2
    assert picture.dpi == 500


def test_wsq_gives_what_nbis_gives() -> None:
    picture = read_picture(WSQ)
    expected = read_picture(WSQ_PIXELS).pixels
    assert picture.pixels.shape == (173, 161)
    difference = np.abs(picture.pixels.astype(int) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.001
    assert (picture.dpi, picture.assumed) == (500, False)
    assert wsq.read_head(WSQ) == wsq.WsqHead(161, 173, 500)


def test_what_is_transparent_is_white() -> None:
    image = cv2.merge([GREY, GREY, GREY, np.zeros(SIZE, np.uint8)])
    image[:10, :, 3] = 255
    seen = read_picture(encoded(image, ".png")).pixels
    np.testing.assert_array_equal(seen[:10], GREY[:10])
    assert (seen[10:] == 255).all()


def test_one_bit_a_pixel_is_black_and_white() -> None:
    bits = np.packbits(GREY[:, :40] > 127, axis=1)
    np.testing.assert_array_equal(read_picture(png(bits, 0, 1)).pixels, np.where(GREY[:, :40] > 127, 255, 0))


def test_raw_pixels_need_their_size() -> None:
    picture = read_raw(GREY.tobytes(), 47, 60, 508)
    np.testing.assert_array_equal(picture.pixels, GREY)
    assert picture.dpi == 508
    picture.pixels[0, 0] = 1
    for width, height in ((46, 60), (0, 60), (-47, -60), (100_000, 100_000)):
        with pytest.raises(BiometricError) as refused:
            read_raw(GREY.tobytes(), width, height)
        assert refused.value.reason is Reason.BAD_IMAGE


def test_a_file_is_read_by_its_content_not_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "print.wsq"
    path.write_bytes(EIGHT_BITS["bmp"])
    np.testing.assert_array_equal(read_picture(path).pixels, GREY)
    with pytest.raises(BiometricError) as refused:
        read_picture(tmp_path / "missing.png")
    assert refused.value.reason is Reason.BAD_IMAGE


def _png_dpi(across: int, down: int, unit: int = 1) -> bytes:
    return png(GREY, 0, 8, chunk(b"pHYs", struct.pack(">IIB", across, down, unit)))


def _jpeg_dpi(unit: int, across: int, down: int) -> bytes:
    data = encoded(SMOOTH, ".jpg")
    return data[:13] + struct.pack(">BHH", unit, across, down) + data[18:]


def _bmp_dpi(per_metre: int) -> bytes:
    return EIGHT_BITS["bmp"][:38] + struct.pack("<ii", per_metre, per_metre) + EIGHT_BITS["bmp"][46:]


def _tiff_dpi(offset: int, unit: int) -> bytes:
    place = fraction_place(GREY.tobytes(), 12) + offset
    return tiff(GREY.tobytes(), 8, 1, (282, 5, place), (283, 5, place), (296, 3, unit))


def _jp2_dpi(kind: bytes, down: int, across: int, ten: int) -> bytes:
    data = encoded(SMOOTH, ".jp2")
    body = struct.pack(">HHHHbb", down, 1, across, 1, ten, ten)
    box = struct.pack(">I4s", 26, b"res ") + struct.pack(">I4s", 18, kind) + body
    place = data.index(b"jp2h") - 4
    (length,) = struct.unpack_from(">I", data, place)
    head = struct.pack(">I", length + 26) + data[place + 4 : place + length] + box
    return data[:place] + head + data[place + length :]


@pytest.mark.parametrize(
    ("data", "dpi"),
    [
        (_png_dpi(39370, 39370), 1000),
        (_png_dpi(19685, 19685), 500),
        (_jpeg_dpi(1, 1000, 1000), 1000),
        (_jpeg_dpi(2, 197, 197), 500),
        (_bmp_dpi(22441), 570),
        (_tiff_dpi(0, 2), 1000),
        (_tiff_dpi(8, 3), 762),
        (_jp2_dpi(b"resc", 39370, 39370, 0), 1000),
        (_jp2_dpi(b"resd", 197, 197, 2), 500),
        (WSQ.replace(b"PPI 500", b"PPI 569"), 569),
    ],
)
def test_the_resolution_is_the_files_own(data: bytes, dpi: int) -> None:
    picture = read_picture(data)
    assert (picture.dpi, picture.assumed) == (dpi, False)
    assert read_picture(data, dpi=333).dpi == 333


@pytest.mark.parametrize(
    "data",
    [
        _png_dpi(2835, 2835),
        _png_dpi(19685, 39370),
        _png_dpi(19685, 19685, unit=0),
        _jpeg_dpi(1, 72, 72),
        _jpeg_dpi(0, 1, 1),
        _bmp_dpi(3780),
        _bmp_dpi(-1),
        WSQ.replace(b"PPI 500", b"PPI  -1"),
        WSQ.replace(b"NIST_COM", b"SOME_COM"),
    ],
)
def test_a_resolution_that_cannot_be_meant_is_not_taken(data: bytes) -> None:
    picture = read_picture(data)
    assert (picture.dpi, picture.assumed) == (500, True)


def _refusal(data: bytes) -> BiometricError | None:
    caught = None
    try:
        picture = read_picture(data)
    except BiometricError as error:
        caught = error
    if caught is None:
        assert picture.pixels.dtype == np.uint8
        assert picture.pixels.ndim == 2
        return None
    assert caught.reason is Reason.BAD_IMAGE
    assert caught.advice
    return caught


def _siz(width: int, height: int, tile: int, channels: int = 1) -> bytes:
    siz = struct.pack(">HHIIIIIIIIH", 38 + 3 * channels, 0, width, height, 0, 0, tile, tile, 0, 0, channels)
    return b"\xff\x4f\xff\x51" + siz + b"\x07\x01\x01" * channels + b"\xff\xd9"


def _wsq_size(width: int, height: int) -> bytes:
    place = WSQ.index(b"\xff\xa2")
    return WSQ[: place + 6] + struct.pack(">HH", height, width) + WSQ[place + 10 :]


HUGE = 60_000
ONE_SAMPLE = struct.pack("<HHIH", 277, 3, 1, 1)
WIDTH = struct.pack("<HHII", 256, 4, 1, 47)
BY_HAND = EIGHT_BITS["tiff by hand"]
IHDR = chunk(b"IHDR", struct.pack(">IIBBBBB", HUGE, HUGE, 8, 0, 0, 0, 0))
BOMBS: dict[str, bytes] = {
    "png": b"\x89PNG\r\n\x1a\n" + IHDR + chunk(b"IEND", b""),
    "jpeg": b"\xff\xd8\xff\xc0\x00\x0b\x08" + struct.pack(">HH", HUGE, HUGE) + b"\x01\x01\x11\x00\xff\xd9",
    "jpeg 2000": _siz(HUGE, HUGE, HUGE),
    "jpeg 2000 of tiles": _siz(2000, 2000, 1),
    "jpeg 2000 of components": _siz(100, 100, 100, channels=9999),
    "bmp": EIGHT_BITS["bmp"][:18] + struct.pack("<ii", HUGE, -HUGE) + EIGHT_BITS["bmp"][26:],
    "tiff": BY_HAND.replace(WIDTH, struct.pack("<HHII", 256, 4, 1, 1 << 30)),
    "tiff of tiles": tiff(GREY.tobytes(), 8, 1, (322, 4, 1 << 16), (323, 4, 1 << 16)),
    "tiff of samples": BY_HAND.replace(ONE_SAMPLE, struct.pack("<HHIH", 277, 3, 1, 255)),
    "pgm": b"P5 60000 60000 255\n" + bytes(100),
    "wsq": _wsq_size(HUGE, HUGE),
    "bytes": b"BM" + bytes(MOST_BYTES),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_picture_that_would_fill_the_memory_is_refused(name: str) -> None:
    assert _refusal(BOMBS[name]) is not None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"GIF89a" + bytes(100),
        b"P2 2 2 255 1 2 3 4 ",
        bytes(1000),
        png(np.zeros((0, 8), np.uint8), 0, 8),
        b"P5 0 60 255\n",
        b"P5 47 60 0\n" + GREY.tobytes(),
        b"P5 47 60 99999\n" + GREY.tobytes(),
        b"P5" + b" " * 5000,
        _wsq_size(0, 0),
        _wsq_size(31, 200),
        _wsq_size(161, 175),
        WSQ[:-2],
        WSQ[:2] + 2 * (b"\xff\xa8\xff\xff" + bytes(0xFFFD)) + WSQ[2:],
    ],
    ids=range(15),
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    assert _refusal(data) is not None


WHOLE: dict[str, bytes] = {
    "wsq": WSQ,
    "png": EIGHT_BITS["png"],
    "bmp": EIGHT_BITS["bmp"],
    "tiff": EIGHT_BITS["tiff"],
    "pgm": EIGHT_BITS["pgm"],
    "jpeg": encoded(SMOOTH, ".jpg"),
    "jp2": encoded(SMOOTH, ".jp2"),
    "j2k": codestream(encoded(SMOOTH, ".jp2")),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_truncated_file_is_refused(name: str) -> None:
    data = WHOLE[name]
    assert _refusal(data) is None
    for length in sorted({0, 1, 2, 8, 20, 60, *range(0, len(data) - 2, max(1, len(data) // 40)), len(data) - 3}):
        assert _refusal(data[:length]) is not None, length


@pytest.mark.parametrize("name", WHOLE)
def test_a_damaged_file_raises_nothing_else(name: str) -> None:
    dice = random.Random(name)
    refused = 0
    for _ in range(400):
        data = bytearray(WHOLE[name])
        # Half of the damage goes to the heads and tables.
        reach = len(data) if dice.random() < 0.5 else min(len(data), 700)
        for _ in range(dice.choice((1, 1, 2, 8))):
            data[dice.randrange(reach)] = dice.randrange(256)
        if dice.random() < 0.2:
            place = dice.randrange(reach)
            del data[place : place + dice.randrange(1, 40)]
        refused += _refusal(bytes(data)) is not None
    assert refused > 0


@given(st.binary(max_size=300), st.sampled_from([data[:12] for data in WHOLE.values()]))
def test_random_bytes_raise_nothing_else(rest: bytes, start: bytes) -> None:
    _refusal(rest)
    _refusal(start + rest)


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _without(marker: int) -> bytes:
    place = WSQ.index(bytes([0xFF, marker]))
    (length,) = struct.unpack_from(">H", WSQ, place + 2)
    return WSQ[:place] + WSQ[place + 2 + length :]


def _with(change: Callable[[bytes], bytes], marker: int) -> bytes:
    place = WSQ.index(bytes([0xFF, marker]))
    (length,) = struct.unpack_from(">H", WSQ, place + 2)
    body = WSQ[place + 4 : place + 2 + length]
    return WSQ[:place] + _segment(marker, change(body)) + WSQ[place + 2 + length :]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (_without(0xA4), "a table is missing"),
        (_without(0xA5), "a table is missing"),
        (_without(0xA2), "no frame head"),
        (_without(0xA6), "a Huffman table that is not there"),
        (_with(lambda body: body[:20], 0xA4), "cut short"),
        (_with(lambda body: b"\x08" + body[1:], 0xA4), "a filter of 8 coefficients"),
        (_with(lambda body: body[:3] + b"\x00" + body[4:], 0xA4), "out of range"),
        (_with(lambda body: body[:-4] + b"\x01\x00\x00\x00", 0xA5), "a subband is coded"),
        (_with(lambda body: body[:50], 0xA5), "cut short"),
        (_with(lambda body: b"\x09" + body[1:], 0xA6), "out of range"),
        (_with(lambda body: body[:1] + b"\x03" + body[2:17] + bytes(255), 0xA6), "more codes than there are"),
        (_with(lambda body: body + body, 0xA6), "a second one"),
        (_with(lambda body: body[:30], 0xA6), "cut short"),
        (WSQ[:-2] + b"\xff\xa7", "marker a7"),
        (WSQ[:-2] + WSQ[-200:], "more coefficients"),
    ],
)
def test_a_wsq_that_does_not_hang_together_says_why(data: bytes, says: str) -> None:
    refused = _refusal(data)
    assert refused is not None
    assert says in refused.what
