"""What is kept of a print: its minutiae and which way its ridges run; no picture can be had back from it directly.

Encoding, little endian, at most MOST_BYTES: magic ``HSFT``, version u8, quality u8, width u16, height u16, n u16; of
the box of the ridge field that is stored first row u8, first column u8, rows u8, columns u8; four zero bytes kept free;
CRC-32 u32 of quality, sizes, n, box and all that follows. Then for each of n <= MOST_MINUTIAE minutiae x u16, y u16
[1/16 px at 500 dpi], angle u8 [1/256 turn], u8 kind (high bit set = bifurcation) and quality 0..100 (low seven
bits); then the box, row by row, a byte a sample.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hotspotd.errors import BiometricError, Reason

MOST_MINUTIAE: Final = 128
"""A full fingertip has 40 to 100; more is noise."""
MOST_BYTES: Final = 2048
RIDGE_STEP: Final = 16
"""Pixels between samples of the ridge field, nearly two ridges."""
RIDGE_TURNS: Final = 250
"""Steps of ridge direction in half a turn."""
NO_RIDGES: Final = 255

ENDING, BIFURCATION = 0, 1

_MAGIC = b"HSFT"
_VERSION = 2
_HEAD = struct.Struct("<4sBBHHH4B4xI")
_CHECKED = struct.Struct("<BHHH4B")
_POINT = np.dtype([("x", "<u2"), ("y", "<u2"), ("angle", "u1"), ("mark", "u1")])
_GRID = 16.0
_TURN = 2 * np.pi / 256
_MOST_SIDE = 2000
_KEPT_MINUTIAE = 64
"""Where a template would be too long, its weakest minutiae go down to so many, then the edges of its ridge field."""

Ridges = NDArray[np.uint8]


def no_ridges() -> Ridges:
    """The ridge field of a print whose ridges are not known, as in templates of other makers."""
    return np.zeros((0, 0), dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class FingerTemplate:
    """Minutiae of one print at 500 dpi; all arrays but the last have one length, n.

    x, y float32 [px], x rightwards and y downwards from the top left of the picture; angle float32 [rad, 0..2π),
    from x towards y, pointing from an ending into its ridge and from a bifurcation between its branches; kind uint8
    (ENDING, BIFURCATION); point_quality uint8 0..100; width, height of the picture [px]; quality of the whole 0..100;
    ridges uint8, direction of the ridge line, from x towards y, in 1/RIDGE_TURNS of half a turn, NO_RIDGES where
    there is no print, sample (i, j) at pixel (i·RIDGE_STEP, j·RIDGE_STEP) for all such pixels of the picture, or
    (0, 0) where not known.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    angle: NDArray[np.float32]
    kind: NDArray[np.uint8]
    point_quality: NDArray[np.uint8]
    width: int
    height: int
    quality: int
    ridges: Ridges = field(default_factory=no_ridges)

    def __len__(self) -> int:
        return len(self.x)

    def encode(self) -> bytes:
        """The template as bytes; ``decode`` gives it back to within 1/32 px and 1/512 turn.

        Minutiae beyond MOST_MINUTIAE are left out, and what does not fit in MOST_BYTES: the weakest first.
        """
        top, left, box = _boxed(self.ridges)
        room = (MOST_BYTES - _HEAD.size - box.size) // _POINT.itemsize
        most = min(MOST_MINUTIAE, max(room, _KEPT_MINUTIAE))
        chosen = np.sort(np.argsort(-self.point_quality.astype(np.int64), kind="stable")[:most])
        while box.size > MOST_BYTES - _HEAD.size - len(chosen) * _POINT.itemsize:
            rows, columns = box.shape
            if rows >= columns:
                top, box = (top + 1, box[1:]) if rows % 2 else (top, box[:-1])
            else:
                left, box = (left + 1, box[:, 1:]) if columns % 2 else (left, box[:, :-1])
        down, across, box = _boxed(box)
        top, left = (top + down, left + across) if box.size else (0, 0)
        points = np.zeros(len(chosen), dtype=_POINT)
        points["x"] = np.clip(np.round(self.x[chosen] * _GRID), 0, self.width * _GRID - 1)
        points["y"] = np.clip(np.round(self.y[chosen] * _GRID), 0, self.height * _GRID - 1)
        points["angle"] = np.mod(np.round(self.angle[chosen] / _TURN), 256)
        points["mark"] = self.kind[chosen] << 7 | self.point_quality[chosen]
        body = points.tobytes() + box.tobytes()
        sizes = (self.quality, self.width, self.height, len(chosen), top, left, *box.shape)
        return _HEAD.pack(_MAGIC, _VERSION, *sizes, zlib.crc32(_CHECKED.pack(*sizes) + body)) + body

    @classmethod
    def decode(cls, data: bytes) -> FingerTemplate:
        """The template in ``data``. Raises BiometricError(BAD_TEMPLATE) on anything ``encode`` cannot have written."""
        if not _HEAD.size <= len(data) <= MOST_BYTES:
            raise _bad(f"{len(data)} bytes")
        magic, version, *sizes, crc = _HEAD.unpack_from(data)
        if magic != _MAGIC or version != _VERSION:
            raise _bad(f"not a template of version {_VERSION}")
        quality, width, height, count, top, left, rows, columns = sizes
        if any(data[_HEAD.size - 8 : _HEAD.size - 4]):
            raise _bad("the free bytes are not zero")
        end = _HEAD.size + count * _POINT.itemsize
        if count > MOST_MINUTIAE or len(data) != end + rows * columns:
            raise _bad(f"{len(data)} bytes for {count} minutiae and {rows}x{columns} samples")
        if quality > 100 or not (0 < width <= _MOST_SIDE and 0 < height <= _MOST_SIDE):
            raise _bad(f"quality {quality}, {width}x{height} pixels")
        if crc != zlib.crc32(_CHECKED.pack(*sizes) + data[_HEAD.size :]):
            raise _bad("its checksum is wrong")
        points = np.frombuffer(data, dtype=_POINT, offset=_HEAD.size, count=count)
        x, y = (points[name].astype(np.float32) / np.float32(_GRID) for name in ("x", "y"))
        marks = points["mark"]
        if (x >= width).any() or (y >= height).any() or (marks & 127 > 100).any():
            raise _bad("a minutia lies off the picture or has no such quality")
        angle = points["angle"].astype(np.float32) * np.float32(_TURN)
        kind, point_quality = (marks >> 7).astype(np.uint8), (marks & 127).astype(np.uint8)
        box = np.frombuffer(data, dtype=np.uint8, offset=end).reshape(rows, columns)
        ridges = _unboxed(box, top, left, ridge_shape(width, height))
        return cls(x, y, angle, kind, point_quality, width, height, quality, ridges)


def ridge_shape(width: int, height: int) -> tuple[int, int]:
    """Rows and columns of the ridge field of a picture of this size [px]."""
    return -(-height // RIDGE_STEP), -(-width // RIDGE_STEP)


def _boxed(ridges: Ridges) -> tuple[int, int, Ridges]:
    """First row, first column and samples of the smallest box that holds all print; empty where there is none."""
    rows, columns = np.nonzero(ridges != NO_RIDGES)
    if rows.size == 0:
        return 0, 0, no_ridges()
    top, left = int(rows.min()), int(columns.min())
    return top, left, ridges[top : int(rows.max()) + 1, left : int(columns.max()) + 1]


def _unboxed(box: Ridges, top: int, left: int, shape: tuple[int, int]) -> Ridges:
    rows, columns = box.shape
    if not box.size:
        if rows or columns or top or left:
            raise _bad("an empty ridge field has no place")
        return no_ridges()
    if top + rows > shape[0] or left + columns > shape[1] or ((box >= RIDGE_TURNS) & (box != NO_RIDGES)).any():
        raise _bad("its ridge field lies off the picture or has no such direction")
    ridges = np.full(shape, NO_RIDGES, dtype=np.uint8)
    ridges[top : top + rows, left : left + columns] = box
    return ridges


def _bad(why: str) -> BiometricError:
    return BiometricError(Reason.BAD_TEMPLATE, f"finger template: {why}", "Enrol the finger again.")
