"""The file of a face index: how it is laid out, and how it is written.

Little endian: a header of HEADER_BYTES (magic ``HSFE``, format, embeddings, numbers in each, bytes in an int8 row,
CRC-32 of the whole header with this field zero, then the id of the engine in UTF-8, filled up with zeros), then the
float32 rows, the int8 rows (each filled up to a multiple of 64), for each its scale f32, the length of its rounding
error f32 and the number of its person u32. Every area begins at a multiple of 64 bytes.
"""

from __future__ import annotations

import math
import shutil
import struct
import tempfile
import zlib
from array import array
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face import native
from hotspotd.errors import BiometricError, Reason

HEADER_BYTES: Final = 256
MOST_DIMENSIONS: Final = 8192
OFF_UNIT: Final = 1e-3
"""An embedding's length may differ from 1 by this."""

_MAGIC: Final = b"HSFE"
_FORMAT: Final = 1
_HEADER: Final = struct.Struct("<4sHxxQIII")
_ENGINE_BYTES: Final = HEADER_BYTES - _HEADER.size
_ALIGNED: Final = 64
_COPY: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Layout:
    """What a header says, and where the areas begin: floats, int8 rows, scales, errors, persons, end."""

    count: int
    dimensions: int
    engine: str

    @property
    def row_bytes(self) -> int:
        """Bytes of an int8 row."""
        return row_bytes(self.dimensions)

    @property
    def areas(self) -> tuple[int, ...]:
        """Where each area begins, and where the last one ends."""
        per_row = (4 * self.dimensions, self.row_bytes, 4, 4, 4)
        begins = [HEADER_BYTES]
        for size in per_row:
            begins.append(-(-(begins[-1] + size * self.count) // _ALIGNED) * _ALIGNED)
        return (*begins[:5], begins[4] + 4 * self.count)


class StoredRows(NamedTuple):
    """Embeddings as an index holds them: (k, d) float32, (k, w) int8 rows, and (k,) float32 scales and errors."""

    floats: NDArray[np.float32]
    rows: NDArray[np.int8]
    scales: NDArray[np.float32]
    errors: NDArray[np.float32]


class FaceIndexWriter:
    """Writes an index to ``path`` embedding by embedding, keeping 12 bytes of each in memory; then ``close``.

    ``engine`` names model and runtime that make the embeddings (``FaceEngine.engine``). A context manager: left by
    an error, no file remains.
    """

    def __init__(self, path: Path, engine: str) -> None:
        named = engine.encode()
        if not 0 < len(named) <= _ENGINE_BYTES:
            raise ValueError(f"the id of an engine has 1 to {_ENGINE_BYTES} bytes")
        self._path = path
        self._engine = named
        self._file = path.open("wb")
        self._rows = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 - Closed by close and by __exit__.
        self._scales, self._errors, self._persons = array("f"), array("f"), array("I")
        self.dimensions = 0
        self._file.write(bytes(HEADER_BYTES))

    def __len__(self) -> int:
        return len(self._persons)

    def add(self, embedding: NDArray[np.float32], person: int) -> None:
        """Add an embedding (d,) of length 1, and the number of the person it is of, 0 to 2^32-1."""
        self.add_many(embedding.reshape(1, -1), np.array([person], np.uint32))

    def add_many(self, embeddings: NDArray[np.float32], persons: NDArray[np.uint32]) -> None:
        """Add several (n, d). Raises BiometricError: WRONG_MODEL for another d, BAD_TEMPLATE for another length."""
        rows = np.ascontiguousarray(embeddings, "<f4")
        count, dimensions = rows.shape
        self.dimensions = self.dimensions or dimensions
        if dimensions != self.dimensions or not 0 < dimensions <= MOST_DIMENSIONS:
            raise BiometricError(
                Reason.WRONG_MODEL,
                f"embeddings of {dimensions} and of {self.dimensions} numbers in one list",
                "Enrol all portraits with one model.",
            )
        if len(persons) != count:
            raise ValueError(f"{count} embeddings of {len(persons)} persons")
        lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
        if not bool((np.abs(lengths - 1) <= OFF_UNIT).all()):  # Not a number fails this too.
            raise BiometricError(Reason.BAD_TEMPLATE, "an embedding whose length is not 1", "Enrol the portrait again.")
        whole, scales, errors = quantised(rows)
        stored = np.zeros((count, row_bytes(dimensions)), np.int8)
        stored[:, :dimensions] = whole
        self._file.write(rows.tobytes())
        self._rows.write(stored.tobytes())
        self._scales.frombytes(scales.tobytes())
        self._errors.frombytes(errors.tobytes())
        self._persons.frombytes(np.ascontiguousarray(persons, np.uint32).tobytes())

    def add_stored(self, stored: StoredRows, persons: NDArray[np.uint32]) -> None:
        """Add what ``FaceIndex.rows`` gave, bit for bit. Raises BiometricError (WRONG_MODEL) for another d."""
        dimensions = stored.floats.shape[1]
        if not len(persons):
            return
        self.dimensions = self.dimensions or dimensions
        if dimensions != self.dimensions:
            raise BiometricError(
                Reason.WRONG_MODEL, f"embeddings of {dimensions} and of {self.dimensions} numbers in one list"
            )
        self._file.write(np.ascontiguousarray(stored.floats, "<f4").tobytes())
        self._rows.write(np.ascontiguousarray(stored.rows).tobytes())
        self._scales.frombytes(np.ascontiguousarray(stored.scales, np.float32).tobytes())
        self._errors.frombytes(np.ascontiguousarray(stored.errors, np.float32).tobytes())
        self._persons.frombytes(np.ascontiguousarray(persons, np.uint32).tobytes())

    def close(self) -> None:
        """Write what is still missing. Syncing the file to the disk is the caller's."""
        if self._file.closed:
            return
        self._pad()
        self._rows.seek(0)
        shutil.copyfileobj(self._rows, self._file, _COPY)
        for column, kind in ((self._scales, "<f4"), (self._errors, "<f4"), (self._persons, "<u4")):
            self._pad()
            self._file.write(np.asarray(column).astype(kind, copy=False).tobytes())
        self._file.seek(0)
        self._file.write(_head(len(self), self.dimensions, self._engine))
        self._file.close()
        self._rows.close()

    def _pad(self) -> None:
        self._file.write(bytes(-self._file.tell() % _ALIGNED))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        self._file.close()
        self._rows.close()
        self._path.unlink(missing_ok=True)


def quantised(rows: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]:
    """``rows`` (n, d) as int8 (n, d), each with the scale (n,) that gives it back and the length of the error (n,)."""
    scales = np.asarray(np.abs(rows).max(axis=1) / np.float32(127), np.float32)
    whole = np.rint(rows / scales[:, None]).clip(-127, 127).astype(np.int8)
    left = rows.astype(np.float64) - whole * scales[:, None].astype(np.float64)
    errors = np.linalg.norm(left, axis=1) * (1 + 1e-6)  # Never below the truth when it becomes float32.
    return whole, scales, errors.astype(np.float32)


def row_bytes(dimensions: int) -> int:
    """Bytes of an int8 row of so many numbers."""
    return math.ceil(dimensions / native.BLOCK) * native.BLOCK


def _head(count: int, dimensions: int, engine: bytes) -> bytes:
    def packed(crc: int) -> bytes:
        head = _HEADER.pack(_MAGIC, _FORMAT, count, dimensions, row_bytes(dimensions), crc)
        return head + engine.ljust(_ENGINE_BYTES, b"\0")

    return packed(zlib.crc32(packed(0)))


def read_layout(path: Path) -> Layout:
    """The layout of the index in ``path``. Raises BiometricError(DAMAGED) where it is no whole one; OSError."""
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    if len(head) != HEADER_BYTES or head[:4] != _MAGIC:
        raise _damaged(path, "not an index of faces")
    _, layout, count, dimensions, width, _ = _HEADER.unpack_from(head)
    engine = head[_HEADER.size :].rstrip(b"\0")
    if layout != _FORMAT:
        raise _damaged(path, f"of layout {layout}, this software reads {_FORMAT}")
    sane = dimensions <= MOST_DIMENSIONS and width == row_bytes(dimensions) and (dimensions or not count)
    if not sane or head != _head(count, dimensions, engine):
        raise _damaged(path, "its header has changed")
    read = Layout(count, dimensions, engine.decode(errors="replace"))
    found = path.stat().st_size
    if found != read.areas[-1]:
        raise _damaged(path, f"{found} bytes, its header says {read.areas[-1]}")
    return read


def _damaged(path: Path, how: str) -> BiometricError:
    return BiometricError(Reason.DAMAGED, f"{path}: {how}", "Build the list again.")
