"""What takes one snapshot to the next: the records and numbers that are new, and those that are gone.

A folder: ``delta.json``, ``gone.records`` (numbers of the old snapshot's records), ``added`` (a snapshot of its own, of
the new records), ``numbers-added`` and ``numbers-gone`` where numbers change. A changed record is gone and added. The
next snapshot is *defined* as what ``apply`` makes, so that a gateway and all its kiosks have the same bytes.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from hotspotd.biometrics.face.index import FaceIndex
from hotspotd.biometrics.finger.index import FingerIndex
from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist import layout
from hotspotd.watchlist.keys import KeyIndex
from hotspotd.watchlist.layout import Manifest
from hotspotd.watchlist.numbers import NumbersStore
from hotspotd.watchlist.numbers.changes import difference, patched
from hotspotd.watchlist.splicing import Piece, splice

ABOUT: Final = "delta.json"
GONE: Final = "gone.records"
ADDED: Final = "added"
NUMBERS_ADDED: Final = "numbers-added"
NUMBERS_GONE: Final = "numbers-gone"
_COUNT: Final = np.dtype("<u4")
_MOST_ABOUT: Final = 64 * 1024


class Delta(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From which snapshot, by its own digest, to which. ``gone`` and ``added`` count records."""

    since: str
    since_digest: str
    version: str
    made_at: str
    gone: int
    added: int


def make(old: Path, new: Path, folder: Path) -> Delta:
    """Write into ``folder``, which must be empty, what takes the snapshot ``old`` to the records of ``new``.

    Raises WatchlistError (CONFLICT) where no delta can be: lists of other engines, keys or layouts; DAMAGED; OSError.
    """
    before, after = _whole(old), _whole(new)
    if (before.key, before.finger_engine, before.face_engine) != (after.key, after.finger_engine, after.face_engine):
        raise WatchlistError(
            Reason.CONFLICT,
            f"list {after.version} has other engines or another key than {before.version}",
            "It is published whole.",
        )
    had, has = _digests(old), _digests(new)
    gone = np.array([number for number, digest in enumerate(had.values) if digest not in has.known], _COUNT)
    added = np.array([digest not in had.known for digest in has.values], np.bool_)
    (folder / GONE).write_bytes(gone.tobytes())
    about = Delta(
        since=before.version,
        since_digest=before.digest,
        version=after.version,
        made_at=after.made_at,
        gone=len(gone),
        added=int(np.count_nonzero(added)),
    )
    (folder / ABOUT).write_bytes(msgspec.json.encode(about))
    (folder / ADDED).mkdir()
    counts = splice([Piece(new, added)], folder / ADDED, after.face_engine)
    layout.seal(folder / ADDED, msgspec.structs.replace(after, counts=counts, files={}, digest=""))
    difference(_store(old), _store(new), folder / NUMBERS_ADDED, folder / NUMBERS_GONE)
    return about


def apply(old: Path, folder: Path, out: Path) -> None:
    """Write the next snapshot into ``out``, which must be empty: sealed and durable but for the folder's own name.

    Raises WatchlistError: CONFLICT where ``old`` is not what the delta was made for, DAMAGED; OSError.
    """
    before, about = _whole(old), _about(folder)
    if before.digest != about.since_digest:
        raise WatchlistError(
            Reason.CONFLICT, f"the delta begins at another list than {before.version}", "Take the whole list."
        )
    _whole(folder / ADDED)
    kept = np.ones(before.counts["records"], np.bool_)
    gone = np.fromfile(folder / GONE, _COUNT)
    if len(gone) != about.gone or (len(gone) and int(gone.max()) >= len(kept)):
        raise WatchlistError(Reason.DAMAGED, "the delta names records that are not there", "Take the whole list.")
    kept[gone] = False
    counts = splice([Piece(old, kept), Piece.whole(folder / ADDED)], out, before.face_engine)
    numbers = patched(_store(old), _store(folder / NUMBERS_ADDED), _store(folder / NUMBERS_GONE), out)
    if numbers:
        counts["numbers"] = numbers
    layout.seal(
        out,
        msgspec.structs.replace(
            before, version=about.version, made_at=about.made_at, counts=counts, files={}, digest=""
        ),
    )


def files_of(folder: Path) -> list[str]:
    """The files of a delta, as names below its folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _whole(folder: Path) -> Manifest:
    manifest = layout.read_manifest(folder)
    layout.verify(folder, manifest)
    return manifest


def _about(folder: Path) -> Delta:
    path = folder / ABOUT
    try:
        if path.stat().st_size > _MOST_ABOUT:
            raise WatchlistError(Reason.DAMAGED, f"{path} is too long", "Take the whole list.")
        return msgspec.json.decode(path.read_bytes(), type=Delta)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WatchlistError(Reason.DAMAGED, f"{path} is no delta", "Take the whole list.") from error


def _store(folder: Path) -> NumbersStore | None:
    return NumbersStore(folder) if (folder / layout.NUMBER_INDEX).exists() else None


class _Digests(msgspec.Struct):
    values: list[bytes]
    known: set[bytes]


def _digests(folder: Path) -> _Digests:
    """Of each record a hash of all that the snapshot holds of it; its number has no part in that."""
    hashers = [hashlib.sha256() for _ in range(layout.read_manifest(folder).counts["records"])]
    for number, what, data in _contents(folder):
        hashers[number].update(what + len(data).to_bytes(8, "little"))
        hashers[number].update(data)
    values = [hasher.digest() for hasher in hashers]
    return _Digests(values, set(values))


def _contents(folder: Path) -> Iterator[tuple[int, bytes, bytes]]:
    """Number of a record, what of it, and its bytes: of each record in the same order, wherever it stands."""
    rows = layout.map_array(folder / layout.RECORD_INDEX, layout.RECORD_ROW)
    lines = layout.map_bytes(folder / layout.RECORDS)
    for number, row in enumerate(rows):
        yield number, b"record", _bytes(lines, row)
    keys, numbers = KeyIndex.read(folder / layout.DOCUMENTS)
    for key, number in zip(keys.tolist(), numbers.tolist(), strict=True):
        yield number, b"document", key.to_bytes(8, "little")
    fingers = FingerIndex(folder / layout.FINGER_CODES)
    templates = layout.map_bytes(folder / layout.FINGERS)
    places = layout.map_array(folder / layout.FINGER_INDEX, layout.FINGER_ROW)
    for person, position, row in zip(fingers.persons.tolist(), fingers.positions.tolist(), places, strict=True):
        yield person, b"finger" + bytes([position]), _bytes(templates, row)
    faces = FaceIndex(folder / layout.FACES)
    for place, person in enumerate(faces.persons.tolist()):
        yield person, b"face", faces.embedding(place).tobytes()
    pictures = layout.map_bytes(folder / layout.PICTURES)
    for row in layout.map_array(folder / layout.PICTURE_INDEX, layout.PICTURE_ROW):
        yield int(row["record"]), b"picture" + bytes([int(row["kind"])]), _bytes(pictures, row)


def _bytes(blob: mmap.mmap | bytes, row: np.void) -> bytes:
    begin = int(row["offset"])
    return blob[begin : begin + int(row["length"])]
