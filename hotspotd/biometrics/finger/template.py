"""What is kept of a print: its minutiae, and nothing that a picture could be read from directly.

Encoding, little endian, 24 + 6·n bytes, n at most MOST_MINUTIAE, so under 2 kB:
magic ``HSFT``, version u8, quality u8, width u16, height u16, n u16, eight zero bytes kept free, CRC-32 of all that
follows u32, then for each minutia x u16, y u16 [1/16 px at 500 dpi], angle u8 [1/256 turn], u8 kind (high bit
set = bifurcation) and quality 0..100 (low seven bits).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hotspotd.errors import BiometricError, Reason

MOST_MINUTIAE = 160
"""A full fingertip has 40 to 100; more is noise."""

ENDING, BIFURCATION = 0, 1

_MAGIC = b"HSFT"
_VERSION = 1
_HEAD = struct.Struct("<4sBBHHH8xI")
_POINT = np.dtype([("x", "<u2"), ("y", "<u2"), ("angle", "u1"), ("mark", "u1")])
_GRID = 16.0
_TURN = 2 * np.pi / 256
_MOST_SIDE = 2000


@dataclass(frozen=True, eq=False)
class FingerTemplate:
    """Minutiae of one print at 500 dpi; all arrays have one length, n.

    x, y float32 [px], x rightwards and y downwards from the top left of the picture; angle float32 [rad, 0..2π),
    from x towards y, pointing from an ending into its ridge and from a bifurcation between its branches; kind uint8
    (ENDING, BIFURCATION); point_quality uint8 0..100; width, height of the picture [px]; quality of the whole 0..100.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    angle: NDArray[np.float32]
    kind: NDArray[np.uint8]
    point_quality: NDArray[np.uint8]
    width: int
    height: int
    quality: int

    def __len__(self) -> int:
        return len(self.x)

    def encode(self) -> bytes:
        """The template as bytes; ``decode`` gives it back to within 1/32 px and 1/512 turn."""
        points = np.zeros(len(self), dtype=_POINT)
        points["x"] = np.round(self.x * _GRID)
        points["y"] = np.round(self.y * _GRID)
        points["angle"] = np.mod(np.round(self.angle / _TURN), 256)
        points["mark"] = self.kind << 7 | self.point_quality
        body = points.tobytes()
        size = (self.width, self.height, len(self))
        crc = zlib.crc32(struct.pack("<BHHH", self.quality, *size) + body)
        return _HEAD.pack(_MAGIC, _VERSION, self.quality, *size, crc) + body

    @classmethod
    def decode(cls, data: bytes) -> FingerTemplate:
        """The template in ``data``. Raises BiometricError(BAD_TEMPLATE) on anything ``encode`` cannot have written."""
        if len(data) < _HEAD.size:
            raise _bad(f"{len(data)} bytes")
        magic, version, quality, width, height, count, crc = _HEAD.unpack_from(data)
        if magic != _MAGIC or version != _VERSION:
            raise _bad(f"not a template of version {_VERSION}")
        if any(data[_HEAD.size - 12 : _HEAD.size - 4]):
            raise _bad("the free bytes are not zero")
        if count > MOST_MINUTIAE or len(data) != _HEAD.size + count * _POINT.itemsize:
            raise _bad(f"{len(data)} bytes for {count} minutiae")
        if quality > 100 or not (0 < width <= _MOST_SIDE and 0 < height <= _MOST_SIDE):
            raise _bad(f"quality {quality}, {width}x{height} pixels")
        if crc != zlib.crc32(struct.pack("<BHHH", quality, width, height, count) + data[_HEAD.size :]):
            raise _bad("its checksum is wrong")
        points = np.frombuffer(data, dtype=_POINT, offset=_HEAD.size)
        x, y = (points[name].astype(np.float32) / np.float32(_GRID) for name in ("x", "y"))
        marks = points["mark"]
        if (x >= width).any() or (y >= height).any() or (marks & 127 > 100).any():
            raise _bad("a minutia lies off the picture or has no such quality")
        angle = points["angle"].astype(np.float32) * np.float32(_TURN)
        kind, point_quality = (marks >> 7).astype(np.uint8), (marks & 127).astype(np.uint8)
        return cls(x, y, angle, kind, point_quality, width, height, quality)


def _bad(why: str) -> BiometricError:
    return BiometricError(Reason.BAD_TEMPLATE, f"finger template: {why}", "Enrol the finger again.")
