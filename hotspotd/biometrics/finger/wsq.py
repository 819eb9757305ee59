"""WSQ to pixels: the FBI's wavelet scalar quantisation of prints (IAFIS-IC-0110, version 3.1).

Pure, written out here because the one package for it (NBIS's C behind Pillow) has no wheels for aarch64 and decodes
hostile files in C; nothing here leaves the bounds of an array. Agrees with NBIS to a grey level. About 50 ms for a
print of 388 x 374 pixels on one x86 core.

A file is SOI, tables (transform, quantisation, Huffman, comments), the frame head, and blocks of Huffman codes, EOI.
The codes give the quantised coefficients of 60 of 64 subbands, one after the other; the picture comes from them by
five levels of a biorthogonal 9/7 filter bank. Not read: filters of even length and restart intervals, which no known
encoder uses. There is no checksum: damage that leaves the structure whole gives a wrong picture and no error.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.errors import BiometricError, Reason

SOI = b"\xff\xa0"
_EOI, _SOF, _SOB, _DTT, _DQT, _DHT, _COM = 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA8
_SUBBANDS = 64
_CODED = 60
"""Subbands 60 to 63, the finest diagonal detail, are never coded (clause 3.3)."""
_LEAST_SIDE = 32
"""Five levels leave at least a pixel a subband."""
_MOST_COEFFICIENT = 2.0
"""Filter coefficients are below 1; much larger ones overflow the picture."""
_MOST_TAPS = 31
_MOST_TABLES = 8
"""Huffman tables are numbered 0 to 7."""

Float = NDArray[np.float32]
Area = tuple[int, int, int, int]
"""x, y, width, height."""


@dataclass(frozen=True)
class WsqHead:
    """Size [px] and the resolution of the first NISTCOM comment [dpi], None where there is none."""

    width: int
    height: int
    dpi: int | None


def read_head(data: bytes) -> WsqHead:
    """What a WSQ file says of itself, without decoding it. Raises BiometricError(BAD_IMAGE)."""
    frame, dpi = None, None
    for marker, segment in _segments(data):
        if marker == _SOF:
            frame = _frame(segment)
        elif marker == _COM and dpi is None:
            dpi = _comment_dpi(segment)
    if frame is None:
        raise _bad("no frame head")
    return WsqHead(frame.width, frame.height, dpi)


def decode(data: bytes) -> NDArray[np.uint8]:
    """The picture (height, width). Raises BiometricError(BAD_IMAGE).

    The caller has bounded the size by ``read_head``: a file of a kilobyte can state 65 535 pixels a side.
    """
    tables = _Tables()
    blocks: list[tuple[_Codes, bytes]] = []
    for marker, segment in _segments(data):
        if marker == _SOF:
            tables.frame = _frame(segment)
        elif marker == _DTT:
            tables.low, tables.high = _filters(segment)
        elif marker == _DQT:
            tables.quantisation = _quantisation(segment)
        elif marker == _DHT:
            _huffman(segment, tables.codes)
        elif marker == _SOB:
            blocks.append(_block(segment, tables.codes))
    frame, quantisation = tables.frame, tables.quantisation
    if frame is None or quantisation is None or tables.low is None or tables.high is None:
        raise _bad("a table is missing")
    areas = _subbands(frame.width, frame.height)
    expected = sum(area[2] * area[3] for area, step in zip(areas, quantisation.bins, strict=True) if step)
    coefficients = _coefficients(blocks, expected)
    plane = _dequantised(coefficients, areas, quantisation, (frame.height, frame.width))
    _join(plane, (0, 0, frame.width, frame.height), (False, False), _TREE, tables.low, tables.high)
    grey = np.floor(plane * np.float32(frame.scale) + np.float32(frame.shift + 0.5))
    return np.asarray(np.clip(grey, 0, 255), dtype=np.uint8)


@dataclass(frozen=True)
class _Frame:
    width: int
    height: int
    shift: float
    scale: float


@dataclass(frozen=True)
class _Quantisation:
    """Bin centre, bin widths and zero bin widths (table B.11 of the specification)."""

    centre: float
    bins: tuple[float, ...]
    zeros: tuple[float, ...]


@dataclass(frozen=True)
class _Codes:
    """For each 16 bits that may come next: the symbol that they begin with and its length, 0 = none."""

    symbol: list[int]
    length: list[int]


@dataclass
class _Tables:
    frame: _Frame | None = None
    low: Float | None = None
    high: Float | None = None
    quantisation: _Quantisation | None = None
    codes: dict[int, _Codes] = field(default_factory=dict)


def _bad(why: str) -> BiometricError:
    return BiometricError(Reason.BAD_IMAGE, f"WSQ picture: {why}", "Ask for the picture again; this file is damaged.")


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of each segment up to EOI; a block's content is its head and its codes."""
    if data[:2] != SOI:
        raise _bad("it does not begin with SOI")
    place = 2
    while True:
        first, marker = data[place : place + 1], data[place + 1 : place + 2]
        if first != b"\xff" or not marker:
            raise _bad("it ends or goes wrong where a marker should be")
        if marker[0] == _EOI:
            return
        if marker[0] not in {_SOF, _SOB, _DTT, _DQT, _DHT, _COM}:
            raise _bad(f"marker {marker.hex()} is not read")
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        end = place + 2 + length
        if length < 2 or end > len(data):
            raise _bad("it ends within a segment")
        if marker[0] == _SOB:
            end = _end_of_codes(data, end)
        yield marker[0], data[place + 4 : end]
        place = end


def _end_of_codes(data: bytes, place: int) -> int:
    """Where the next marker is: an FF that is not followed by the stuffed zero."""
    while True:
        place = data.find(b"\xff", place)
        if place < 0 or place + 1 >= len(data):
            raise _bad("it ends within a block")
        if data[place + 1] != 0:
            return place
        place += 2


def _unpack(layout: str, segment: bytes, place: int = 0) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, segment, place)
    except struct.error as error:
        raise _bad("a table is cut short") from error


def _scaled(exponent: int, value: int) -> float:
    """``value`` over ten to the ``exponent``, the specification's way of writing fractions."""
    return value / 10.0**exponent


def _frame(segment: bytes) -> _Frame:
    _, _, height, width, shift_exponent, shift, scale_exponent, scale, _, _ = _unpack(">BBHHBHBHBH", segment)
    if min(width, height) < _LEAST_SIDE:
        raise _bad(f"{width} x {height} pixels, at least {_LEAST_SIDE} a side can be read")
    return _Frame(width, height, _scaled(shift_exponent, shift), _scaled(scale_exponent, scale))


def _comment_dpi(segment: bytes) -> int | None:
    """PPI of NBIS's comment: lines of a name and a value, the first NIST_COM."""
    if not segment.startswith(b"NIST_COM"):
        return None
    for line in segment.splitlines():
        name, _, value = line.partition(b" ")
        if name == b"PPI" and value.strip().isdigit() and len(value) < 8:
            return int(value)
    return None


def _filters(segment: bytes) -> tuple[Float, Float]:
    """Synthesis filters, low and high: the analysis filters swapped, with every other sign turned (clause 3.2)."""
    analysis_low, analysis_high = _unpack(">BB", segment)
    halves, place = [], 2
    for taps in (analysis_low, analysis_high):
        if taps % 2 == 0 or taps > _MOST_TAPS:
            raise _bad(f"a filter of {taps} coefficients is not read")
        half = []
        for index in range((taps + 1) // 2):
            sign, exponent, value = _unpack(">BBI", segment, place)
            half.append(_scaled(exponent, value) * (-1) ** (index + (sign != 0)))
            place += 6
        if max(abs(value) for value in half) > _MOST_COEFFICIENT:
            raise _bad("a filter coefficient is out of range")
        halves.append(np.array(half[:0:-1] + half, dtype=np.float32))
    return halves[1], halves[0]


def _quantisation(segment: bytes) -> _Quantisation:
    numbers = _unpack(">" + "BH" * (1 + 2 * _SUBBANDS), segment)
    values = [_scaled(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]
    bins, zeros = tuple(values[1::2]), tuple(values[2::2])
    if any(bins[_CODED:]):
        raise _bad("a subband is coded that cannot be")
    return _Quantisation(values[0], bins, zeros)


def _huffman(segment: bytes, tables: dict[int, _Codes]) -> None:
    """Adds the tables of one segment: number, 16 counts of code lengths, symbols in the order of their codes."""
    place = 0
    while place < len(segment):
        number, *counts = _unpack(">17B", segment, place)
        place += 17
        symbols = segment[place : place + sum(counts)]
        place += sum(counts)
        if len(symbols) < sum(counts):
            raise _bad("a Huffman table is cut short")
        # Each costs milliseconds, and a file has room for a million.
        if number in tables or number >= _MOST_TABLES:
            raise _bad(f"Huffman table {number} is a second one or out of range")
        tables[number] = _lookup(counts, symbols)


def _lookup(counts: list[int], symbols: bytes) -> _Codes:
    symbol, length = np.zeros(1 << 16, dtype=np.int64), np.zeros(1 << 16, dtype=np.int64)
    start, index = 0, 0
    for bits, count in enumerate(counts, start=1):
        width = 1 << 16 - bits
        for _ in range(count):
            if start + width > 1 << 16:
                raise _bad("a Huffman table has more codes than there are")
            symbol[start : start + width], length[start : start + width] = symbols[index], bits
            start, index = start + width, index + 1
    return _Codes(symbol.tolist(), length.tolist())


def _block(segment: bytes, codes: dict[int, _Codes]) -> tuple[_Codes, bytes]:
    (number,) = _unpack(">B", segment)
    if number not in codes:
        raise _bad("a block names a Huffman table that is not there")
    return codes[number], segment[1:].replace(b"\xff\x00", b"\xff")


def _coefficients(blocks: list[tuple[_Codes, bytes]], expected: int) -> NDArray[np.float32]:
    """All quantised coefficients in their order."""
    # Machine integers: a hostile file may have millions.
    places, values = array("i"), array("i")
    done = 0
    for codes, block in blocks:
        done = _decode_block(codes, block, done, expected, places, values)
    if done != expected:
        raise _bad(f"{done} coefficients of {expected}")
    out = np.zeros(expected, dtype=np.float32)
    out[np.frombuffer(places, dtype=np.intc)] = np.frombuffer(values, dtype=np.intc)
    return out


# Symbols: 1 to 100 are runs of zeros, 107 to 254 small values; these are followed by bits of their own (table 1).
_FOLLOWED = {101: (8, 1), 102: (8, -1), 103: (16, 1), 104: (16, -1), 105: (8, 0), 106: (16, 0)}
"""Symbol to the bits that follow and the sign of the value that they are, 0 = a run of zeros."""
_RUN_END, _VALUE_START, _VALUE_END, _VALUE_ZERO = 100, 107, 254, 180


def _decode_block(codes: _Codes, block: bytes, done: int, most: int, places: array[int], values: array[int]) -> int:
    """Decodes one block, to ``places`` and ``values`` of what is not zero; the count of coefficients after it."""
    padded = np.frombuffer(block + bytes(4), dtype=np.uint8).astype(np.uint32)
    # From each byte on, 32 bits: enough for any code at any of its bits, and for the bits that follow one.
    words = (padded[:-3] << 24 | padded[1:-2] << 16 | padded[2:-1] << 8 | padded[3:]).astype(np.uint32).data
    symbols, lengths = codes.symbol, codes.length
    place, end = 0, 8 * len(block)
    while place < end:
        window = words[place >> 3] >> 16 - (place & 7) & 0xFFFF
        length, symbol = lengths[window], symbols[window]
        place += length
        # Ones to the next byte pad a block; no code is all ones.
        if length == 0 or place > end:
            break
        if symbol >= _VALUE_START:
            places.append(done)
            values.append(symbol - _VALUE_ZERO)
            done += 1
        elif 0 < symbol <= _RUN_END:
            done += symbol
        elif symbol in _FOLLOWED:
            bits, sign = _FOLLOWED[symbol]
            if place + bits > end:
                raise _bad("a block ends within a value")
            value = words[place >> 3] >> 32 - bits - (place & 7) & (1 << bits) - 1
            place += bits
            if sign:
                places.append(done)
                values.append(sign * value)
                done += 1
            else:
                done += value
        else:
            raise _bad(f"symbol {symbol} has no meaning")
        if done > most:
            raise _bad("more coefficients than the picture has")
    if end - place > 8:
        raise _bad("a code that is in no table")
    return done


def _halves(start: int, length: int, turned: bool) -> tuple[tuple[int, int], tuple[int, int]]:
    """Both halves of a side: the low band has the odd pixel; it comes second where the spectrum is ``turned``."""
    first = length // 2 if turned else (length + 1) // 2
    return (start, first), (start + first, length - first)


def _quarters(area: Area, turned: tuple[bool, bool]) -> list[tuple[Area, tuple[bool, bool]]]:
    """The four parts of an area, and whether their own spectra are turned: right ones across, lower ones down."""
    x, y, width, height = area
    across, down = _halves(x, width, turned[0]), _halves(y, height, turned[1])
    return [
        ((left, top, wide, high), (column == 1, row == 1))
        for row, (top, high) in enumerate(down)
        for column, (left, wide) in enumerate(across)
    ]


# Which areas are split, as nested quarters; None is a subband (figure 6 of the specification). The lower right quarter
# of the whole stands as one: its four subbands are never coded.
_Tree = tuple["_Tree | None", "_Tree | None", "_Tree | None", "_Tree | None"]
_LEAVES: _Tree = (None, None, None, None)
_FULL: _Tree = (_LEAVES, _LEAVES, _LEAVES, _LEAVES)
_COARSE: _Tree = ((_LEAVES, None, None, None), _LEAVES, _LEAVES, _LEAVES)
_TREE: _Tree = ((_COARSE, _FULL, _FULL, None), _LEAVES, _LEAVES, None)


def _subbands(width: int, height: int) -> list[Area]:
    """The areas of the 64 subbands in their order; the last four, never coded, are empty."""
    found: list[Area] = []

    def visit(area: Area, turned: tuple[bool, bool], tree: _Tree | None) -> None:
        if tree is None:
            found.append(area)
            return
        for (part, part_turned), below in zip(_quarters(area, turned), tree, strict=True):
            visit(part, part_turned, below)

    visit((0, 0, width, height), (False, False), _TREE)
    return [*found[:_CODED], *[(0, 0, 0, 0)] * (_SUBBANDS - _CODED)]


def _dequantised(coefficients: Float, areas: list[Area], quantisation: _Quantisation, shape: tuple[int, int]) -> Float:
    """The coefficients in their places (height, width), at the middle of their bins (clause 3.3)."""
    plane = np.zeros(shape, dtype=np.float32)
    place = 0
    for (x, y, width, height), step, zero in zip(areas, quantisation.bins, quantisation.zeros, strict=True):
        if not step:
            continue
        band = coefficients[place : place + width * height].reshape(height, width)
        place += width * height
        size = step * (np.abs(band) - quantisation.centre) + zero / 2
        plane[y : y + height, x : x + width] = np.where(band == 0, 0, np.sign(band) * size)
    return plane


def _join(plane: Float, area: Area, turned: tuple[bool, bool], tree: _Tree, low: Float, high: Float) -> None:
    """Puts the quarters of ``area`` together in place, the finer ones first."""
    for (part, part_turned), below in zip(_quarters(area, turned), tree, strict=True):
        if below is not None:
            _join(plane, part, part_turned, below, low, high)
    x, y, width, height = area
    block = plane[y : y + height, x : x + width]
    block = _synthesis(np.ascontiguousarray(block.T), turned[1], low, high).T
    plane[y : y + height, x : x + width] = _synthesis(np.ascontiguousarray(block), turned[0], low, high)


def _synthesis(bands: Float, turned: bool, low: Float, high: Float) -> Float:
    """Rows of both bands side by side to rows of samples: low at even places, high at odd, mirrored at the ends."""
    (start, length), (other, _) = _halves(0, bands.shape[1], turned)
    wide = np.zeros((2, *bands.shape), dtype=np.float32)
    first, second = bands[:, start:length], bands[:, other:]
    wide[0, :, ::2], wide[1, :, 1::2] = (second, first) if turned else (first, second)
    parts = [
        cv2.filter2D(part, cv2.CV_32F, kernel[None, :], borderType=cv2.BORDER_REFLECT_101)
        for part, kernel in zip(wide, (low, high), strict=True)
    ]
    return np.asarray(parts[0] + parts[1], dtype=np.float32)
