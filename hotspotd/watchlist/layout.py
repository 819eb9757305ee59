"""The files of one snapshot: what they are called, how they are laid out, written and mapped.

A snapshot is one folder that never changes once it has its name. Its manifest holds size and SHA-256 of every
other file and a digest of itself. Small files are checked at opening; of a large one each block of BLOCK bytes has its
hash in ``blocks.sha256`` and is checked when it is first touched (``files``). Either way a changed byte is found before
anything is answered from it. Everything is little endian. This module knows nothing of persons, documents or prints.

The digest protects against damage, not against a hand that can write here: signatures come with a later version.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.blocks import BlockHasher, damaged
from hotspotd.watchlist.numbers import rows as numbers

_T = TypeVar("_T", bound=np.generic)

FORMAT_VERSION = 4
MANIFEST = "manifest.json"
# A manifest lists a dozen files. Whatever is larger is none.
_MANIFEST_LIMIT = 256 * 1024

RECORDS = "records.jsonl"
RECORD_INDEX = "records.index"
REFERENCES = "references.keys"
DOCUMENTS = "documents.keys"
# All names of all records: the file of ``hotspotd.watchlist.names.candidates``.
NAMES = "names.index"
FINGERS = "fingers.blob"
FINGER_INDEX = "fingers.index"
# Codes, persons (record numbers) and positions: the file of ``hotspotd.biometrics.finger.index``.
FINGER_CODES = "fingers.codes"
# Embeddings as float32 and int8, and whose they are: the file of ``hotspotd.biometrics.face.index``.
FACES = "faces.embeddings"
PICTURES = "pictures.blob"
PICTURE_INDEX = "pictures.index"
# BLOCKS_MAGIC, then the hashes of the blocks of the large files among BY_BLOCK, in the order of FILES.
BLOCKS = "blocks.sha256"
BLOCKS_MAGIC = b"HSBLOCKS"
FILES = (
    RECORDS,
    RECORD_INDEX,
    REFERENCES,
    DOCUMENTS,
    NAMES,
    FINGERS,
    FINGER_INDEX,
    FINGER_CODES,
    FACES,
    PICTURES,
    PICTURE_INDEX,
    BLOCKS,
)
NUMBER_INDEX, NUMBER_ROWS = numbers.INDEX, numbers.ROWS
OPTIONAL_FILES = (NUMBER_INDEX, NUMBER_ROWS)
"""Written where something is listed by its number. The index checks the rows, block by block."""
BY_BLOCK = frozenset(
    (
        RECORDS,
        RECORD_INDEX,
        REFERENCES,
        DOCUMENTS,
        NAMES,
        FINGERS,
        FINGER_INDEX,
        FINGER_CODES,
        FACES,
        PICTURES,
        PICTURE_INDEX,
    )
)
"""Files whose readers touch each block before they use it, where they are larger than SMALL. Others are checked whole
at opening, whatever that takes."""
SMALL = 1 << 20
BLOCK = 1 << 20

BYTE = np.dtype(np.uint8)
KEY = np.dtype(np.uint64).newbyteorder("<")
RECORD_NUMBER = np.dtype(np.uint32).newbyteorder("<")
# ``expires``: proleptic Gregorian ordinal of the last day on which the record counts; NEVER where it has none.
RECORD_ROW = np.dtype([("offset", "<u8"), ("length", "<u4"), ("expires", "<i4")])
NEVER = np.iinfo(np.int32).max
# Where a print's template lies; whose it is and of which finger stands in the codes' file, in the same order.
FINGER_ROW = np.dtype([("offset", "<u8"), ("length", "<u4"), ("pad", "V4")])
# ``kind``: 0 the portrait, otherwise 1 + finger position. Rows are sorted by record.
PICTURE_ROW = np.dtype([("offset", "<u8"), ("length", "<u4"), ("record", "<u4"), ("kind", "u1"), ("pad", "V7")])


class FileMark(msgspec.Struct, frozen=True):
    """Size [bytes] and SHA-256 (hexadecimal) of one file."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot says about itself.

    ``key`` (hexadecimal) keys the hashes of document numbers and names. It lies beside what it protects for now;
    a later version moves it to the device's secret store.
    """

    format_version: int
    version: str
    made_at: str
    finger_engine: str
    face_engine: str | None
    key: str
    counts: dict[str, int]
    files: dict[str, FileMark]
    digest: str = ""

    def own_digest(self) -> str:
        """SHA-256 of this manifest without its ``digest``."""
        return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(self, digest=""))).hexdigest()


class _Versioned(msgspec.Struct):
    format_version: int


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the snapshot in ``folder``, its own digest checked.

    Raises WatchlistError: NOT_FOUND without one, WRONG_VERSION for a layout this software doesn't know, UNREADABLE,
    DAMAGED.
    """
    path = folder / MANIFEST
    try:
        if path.stat().st_size > _MANIFEST_LIMIT:
            raise damaged(path, f"larger than {_MANIFEST_LIMIT} bytes")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise WatchlistError(
            Reason.NOT_FOUND, f"no watchlist snapshot in {folder}", "Build one: hotspotctl watchlist build."
        ) from error
    except OSError as error:
        raise unread(path, error) from error
    try:
        found = msgspec.json.decode(data, type=_Versioned).format_version
        if found != FORMAT_VERSION:
            raise WatchlistError(
                Reason.WRONG_VERSION,
                f"{folder}: snapshot of layout {found}, this software reads {FORMAT_VERSION}",
                "Build it again with this version of hotspotctl.",
            )
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise damaged(path, "not a manifest") from error
    if manifest.digest != manifest.own_digest():
        raise damaged(path, "does not match its own digest")
    if missing := set(FILES) - set(manifest.files):
        raise damaged(path, f"does not list {', '.join(sorted(missing))}")
    return manifest


def verify(folder: Path, manifest: Manifest) -> None:
    """Check every byte of every file. Raises WatchlistError (DAMAGED, UNREADABLE) naming the first that differs."""
    for name, mark in manifest.files.items():
        verify_file(folder / name, mark)


def verify_file(path: Path, mark: FileMark) -> None:
    """Check size and hash of one file. Raises WatchlistError (DAMAGED, UNREADABLE)."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size != mark.size:
                raise damaged(path, f"{size} bytes, should be {mark.size}")
            if hashlib.file_digest(file, "sha256").hexdigest() != mark.sha256:
                raise damaged(path, "its bytes have changed")
    except OSError as error:
        raise unread(path, error) from error


def unread(path: Path, error: OSError) -> WatchlistError:
    """The error for a file that cannot be opened or read."""
    if isinstance(error, PermissionError):
        return WatchlistError(
            Reason.UNREADABLE, f"{path}: {error.strerror}", "Give the list to the group of the user hotspotd runs as."
        )
    return damaged(path, error.strerror or "cannot be read")


def map_array(path: Path, dtype: np.dtype[_T], *, offset: int = 0, count: int | None = None) -> NDArray[_T]:
    """``count`` items of ``path`` from byte ``offset``, mapped read-only; an empty array where there are none."""
    if count is None:
        count = (path.stat().st_size - offset) // dtype.itemsize
    if count == 0:  # mmap refuses length 0.
        return np.zeros(0, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=(count,))


def map_bytes(path: Path) -> mmap.mmap | bytes:
    """All of ``path``, mapped read-only; empty bytes where there are none."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""


def let_go(mapped: mmap.mmap | bytes) -> None:
    """Give the pages of ``mapped`` that were read back to the kernel's cache; what is read again is mapped again.

    A page fault maps the pages around it too, so that few reads in many places make a whole file resident.
    """
    if isinstance(mapped, mmap.mmap):
        mapped.madvise(mmap.MADV_DONTNEED)


def fsync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def seal(folder: Path, manifest: Manifest) -> None:
    """Write the block hashes and ``manifest`` with the marks of the files in ``folder``, and make all of it durable."""
    present = [name for name in OPTIONAL_FILES if (folder / name).exists()]
    marks: dict[str, FileMark] = {}
    with (folder / BLOCKS).open("wb") as blocks:
        blocks.write(BLOCKS_MAGIC)
        for name in (*FILES, *present):
            if name != BLOCKS:
                marks[name], hashes = _marked(folder / name, in_blocks=name in BY_BLOCK)
                blocks.write(hashes)
    marks[BLOCKS], _ = _marked(folder / BLOCKS, in_blocks=False)
    sealed = msgspec.structs.replace(manifest, files=marks, digest="")
    sealed = msgspec.structs.replace(sealed, digest=sealed.own_digest())
    with (folder / MANIFEST).open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(sealed), indent=2))
        file.flush()
        os.fsync(file.fileno())
    fsync_folder(folder)


def _marked(path: Path, *, in_blocks: bool) -> tuple[FileMark, bytes]:
    """The mark of a file, synced to the disk, and the hashes of its blocks where it is checked by them."""
    whole, hasher = hashlib.sha256(), BlockHasher(BLOCK)
    with path.open("rb") as file:
        os.fsync(file.fileno())
        size = os.fstat(file.fileno()).st_size
        in_blocks = in_blocks and size > SMALL
        while data := file.read(BLOCK):
            whole.update(data)
            if in_blocks:
                hasher.update(data)
    return FileMark(size, whole.hexdigest()), hasher.digests()
