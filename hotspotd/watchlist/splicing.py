"""One snapshot's files made of chosen records of others, as they are: nothing is enrolled, hashed or computed anew.

Records keep their order and are numbered anew; prints, faces, pictures, names and keys follow them. Whoever splices the
same pieces gets the same bytes. Work is by arrays and by runs of bytes, so that its time is that of copying. What is
listed by number is not touched (``hotspotd.watchlist.numbers.changes``). Whoever calls has checked the pieces' bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.index import FaceIndex
from hotspotd.biometrics.face.index_file import FaceIndexWriter
from hotspotd.biometrics.finger.index import FingerIndex, IndexWriter
from hotspotd.watchlist import layout
from hotspotd.watchlist.blocks import damaged
from hotspotd.watchlist.keys import KeyIndex
from hotspotd.watchlist.names.index_file import NameIndexWriter, map_areas

_COPY: Final = 1 << 20
_FACES_AT_ONCE: Final = 4096

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Piece:
    """The records of the snapshot in ``folder`` that are ``kept`` (records,)."""

    folder: Path
    kept: Mask

    @classmethod
    def whole(cls, folder: Path) -> Piece:
        """All records of the snapshot in ``folder``."""
        return cls(folder, np.ones(record_count(folder), np.bool_))

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """Of each record its place among those that are kept; what is not kept has none that means anything."""
        return np.cumsum(self.kept, dtype=np.int64) - 1

    def __len__(self) -> int:
        return int(np.count_nonzero(self.kept))


def record_count(folder: Path) -> int:
    """How many records the snapshot in ``folder`` has."""
    return (folder / layout.RECORD_INDEX).stat().st_size // layout.RECORD_ROW.itemsize


def splice(pieces: Sequence[Piece], out: Path, face_engine: str | None) -> dict[str, int]:
    """Write the files of the pieces' records into ``out``, but for manifest, block hashes and numbers; their counts.

    Raises OSError, WatchlistError, BiometricError.
    """
    firsts = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])]).tolist()
    placed = list(zip(pieces, firsts, strict=False))
    _records(placed, out)
    _keys(placed, out, layout.REFERENCES)
    return {
        "records": int(firsts[-1]),
        "documents": _keys(placed, out, layout.DOCUMENTS),
        "names": _names(placed, out),
        "fingers": _fingers(placed, out),
        "faces": _faces(placed, out, face_engine),
        "pictures": _pictures(placed, out),
    }


_Placed = Sequence[tuple[Piece, int]]
"""Each piece with the number of its first record in the new snapshot."""


def _records(placed: _Placed, out: Path) -> None:
    # A line ends behind what its row tells.
    tables = [(piece, layout.map_array(piece.folder / layout.RECORD_INDEX, layout.RECORD_ROW)) for piece, _ in placed]
    _blobs(
        [(piece.folder / layout.RECORDS, rows[piece.kept]) for piece, rows in tables],
        out / layout.RECORDS,
        out / layout.RECORD_INDEX,
        behind=1,
    )


def _blobs(chosen: Sequence[tuple[Path, NDArray[np.void]]], blob: Path, index: Path, *, behind: int = 0) -> None:
    """Copy what rows with ``offset`` and ``length`` tell of each blob, and write the rows with their new offsets."""
    at = 0
    with ExitStack() as stack:
        target = stack.enter_context(blob.open("wb"))
        table = stack.enter_context(index.open("wb"))
        for path, found in chosen:
            rows = np.array(found)
            lengths = rows["length"].astype(np.int64) + behind
            with path.open("rb") as source:
                for begin, end in _runs(rows["offset"].astype(np.int64), lengths):
                    _copy(source, begin, end, target)
            ends = np.cumsum(lengths)
            rows["offset"] = at + ends - lengths
            at += int(ends[-1]) if len(ends) else 0
            table.write(rows.tobytes())


def _runs(begins: NDArray[np.int64], lengths: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """What lies side by side as one: begin and end of each run of bytes."""
    if not len(begins):
        return
    ends = begins + lengths
    breaks = np.flatnonzero(begins[1:] != ends[:-1])
    firsts = np.concatenate([[0], breaks + 1])
    lasts = np.concatenate([breaks, [len(begins) - 1]])
    yield from zip(begins[firsts].tolist(), ends[lasts].tolist(), strict=True)


def _copy(source: BinaryIO, begin: int, end: int, target: BinaryIO) -> None:
    source.seek(begin)
    left = end - begin
    while left:
        data = source.read(min(left, _COPY))
        if not data:
            raise damaged(Path(source.name), f"ends before byte {end}")
        target.write(data)
        left -= len(data)


def _keys(placed: _Placed, out: Path, name: str) -> int:
    """Write the sorted keys of the kept records; of how many records."""
    keys, numbers = [np.zeros(0, layout.KEY)], [np.zeros(0, layout.RECORD_NUMBER)]
    for piece, first in placed:
        own_keys, own_numbers = KeyIndex.read(piece.folder / name)
        kept = piece.kept[own_numbers]
        keys.append(own_keys[kept])
        numbers.append((piece.numbers[own_numbers[kept]] + first).astype(layout.RECORD_NUMBER))
    all_keys, all_numbers = np.concatenate(keys), np.concatenate(numbers)
    order = np.lexsort((all_numbers, all_keys))
    with (out / name).open("wb") as file:
        file.write(all_keys[order].tobytes())
        file.write(all_numbers[order].tobytes())
    return len(all_keys)


def _names(placed: _Placed, out: Path) -> int:
    writer = NameIndexWriter()
    for piece, first in placed:
        writer.add_stored(map_areas(piece.folder / layout.NAMES), piece.kept, first)
    writer.write(out / layout.NAMES)
    return len(writer)


def _fingers(placed: _Placed, out: Path) -> int:
    chosen = []
    with IndexWriter(out / layout.FINGER_CODES) as writer:
        for piece, first in placed:
            index = FingerIndex(piece.folder / layout.FINGER_CODES)
            kept = piece.kept[index.persons]
            persons = piece.numbers[index.persons[kept]] + first
            writer.add_codes(index.codes_of(kept), persons.tolist(), index.positions[kept].tolist())
            rows = layout.map_array(piece.folder / layout.FINGER_INDEX, layout.FINGER_ROW)
            chosen.append((piece.folder / layout.FINGERS, rows[kept]))
    _blobs(chosen, out / layout.FINGERS, out / layout.FINGER_INDEX)
    return sum(len(rows) for _, rows in chosen)


def _faces(placed: _Placed, out: Path, engine: str | None) -> int:
    with FaceIndexWriter(out / layout.FACES, engine or "none") as writer:
        for piece, first in placed:
            index = FaceIndex(piece.folder / layout.FACES)
            kept = np.flatnonzero(piece.kept[index.persons])
            for begin in range(0, len(kept), _FACES_AT_ONCE):
                some = kept[begin : begin + _FACES_AT_ONCE]
                persons = piece.numbers[index.persons[some]] + first
                writer.add_stored(index.rows(some), persons.astype(np.uint32))
        return len(writer)


def _pictures(placed: _Placed, out: Path) -> int:
    chosen = []
    for piece, first in placed:
        rows = layout.map_array(piece.folder / layout.PICTURE_INDEX, layout.PICTURE_ROW)
        found = np.array(rows[piece.kept[rows["record"]]])
        found["record"] = piece.numbers[found["record"]] + first
        chosen.append((piece.folder / layout.PICTURES, found))
    _blobs(chosen, out / layout.PICTURES, out / layout.PICTURE_INDEX)
    return sum(len(rows) for _, rows in chosen)
