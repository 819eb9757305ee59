"""Packs rows into the chunks of one delta, within its limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hotspotd.relay.national.deltas import (
    CHUNK_PLAIN,
    MOST_CHUNKS,
    MOST_ROWS,
    ChunkMark,
    Put,
    Withdraw,
    encode_row,
    mark_of,
    pack,
)
from hotspotd.relay.national.ledger import PendingRow
from hotspotd.relay.national.records import LONGEST_LINE

_CHUNK_FULL: Final = CHUNK_PLAIN - LONGEST_LINE - 256


@dataclass(frozen=True, slots=True)
class Packed:
    """The chunks of a delta as sent, what the statement says of them, and what each row does."""

    chunks: tuple[bytes, ...]
    marks: tuple[ChunkMark, ...]
    rows: tuple[PendingRow, ...]


class Packing:
    """One delta being packed."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._marks: list[ChunkMark] = []
        self._lines = bytearray()
        self._rows_of_chunk = 0
        self.rows: list[PendingRow] = []

    @property
    def full(self) -> bool:
        """Whether it takes no further row."""
        return len(self._chunks) == MOST_CHUNKS or len(self.rows) == MOST_ROWS

    def add(self, row: Put | Withdraw, row_id: bytes, content: bytes | None, line: int) -> None:
        """Pack a row; not when it is full."""
        self._lines += encode_row(row)
        self._rows_of_chunk += 1
        self.rows.append(PendingRow(row_id, content, line))
        if len(self._lines) > _CHUNK_FULL:
            self._close_chunk()

    def close(self) -> Packed:
        """The whole delta."""
        if self._lines:
            self._close_chunk()
        return Packed(tuple(self._chunks), tuple(self._marks), tuple(self.rows))

    def _close_chunk(self) -> None:
        chunk = pack(bytes(self._lines))
        self._chunks.append(chunk)
        self._marks.append(mark_of(chunk, self._rows_of_chunk))
        self._lines.clear()
        self._rows_of_chunk = 0
