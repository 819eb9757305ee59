"""Writes a snapshot from entries that are already enrolled: records, document numbers, templates, pictures.

Promises: the snapshot's folder appears under its name complete and durable, or not at all. Pictures are turned
into templates by ``hotspotd.watchlist.enrol``; rows that cannot be used are sorted out by ``source``: here an
entry that contradicts another is an error.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.index_file import FaceIndexWriter
from hotspotd.biometrics.finger import FingerTemplate
from hotspotd.biometrics.finger.index import IndexWriter
from hotspotd.clock import Clock
from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.finger import FingerPosition
from hotspotd.errors import BiometricError, Reason, WatchlistError
from hotspotd.watchlist import layout
from hotspotd.watchlist.keys import KeyIndex, document_text, key_of
from hotspotd.watchlist.names.index_file import NameIndexWriter
from hotspotd.watchlist.names.listed import names_of
from hotspotd.watchlist.numbers import NumberEntry
from hotspotd.watchlist.numbers import build as build_numbers
from hotspotd.watchlist.numbers.build import Rejected
from hotspotd.watchlist.secret import ListKey

log = logging.getLogger(__name__)

_SECRET_BYTES = 32
SNAPSHOT_PREFIX = "snapshot-"
_BUILDING_PREFIX = ".building-"
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


@dataclass(frozen=True, slots=True)
class ListedDocument:
    """A document number and its issuer (ICAO 9303 code), as listed."""

    number: str
    issuer: str


@dataclass(frozen=True, slots=True)
class EnrolledFinger:
    """One print: the engine's encoded template, and the encoded picture an officer is shown (may be empty)."""

    position: FingerPosition
    template: bytes
    picture: bytes = b""


@dataclass(frozen=True, slots=True)
class EnrolledFace:
    """One face: (d,) float32 embedding, L2-normalised, ``None`` where only the picture is held; and the picture."""

    embedding: NDArray[np.float32] | None
    picture: bytes = b""


@dataclass(frozen=True, slots=True)
class Entry:
    """All that a list holds about one record. The record's own document is indexed with ``documents``."""

    record: ListRecord
    documents: tuple[ListedDocument, ...] = ()
    fingers: tuple[EnrolledFinger, ...] = ()
    face: EnrolledFace | None = None


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is listed by its number: a stream of any length, the key to hash with, and whom to tell what is left out."""

    entries: Iterable[NumberEntry]
    key: ListKey
    rejected: Rejected | None = None


@dataclass(slots=True)
class _Tables:
    """What is collected while the blobs are written."""

    records: list[tuple[int, int, int]] = field(default_factory=list)
    references: set[tuple[int, int]] = field(default_factory=set)
    documents: set[tuple[int, int]] = field(default_factory=set)
    names: NameIndexWriter = field(default_factory=NameIndexWriter)
    fingers: list[tuple[int, int]] = field(default_factory=list)
    pictures: list[tuple[int, int, int, int]] = field(default_factory=list)


class Builder:
    """Takes entries one by one and writes them into ``folder``, which must be empty; then ``finish``.

    ``face_engine`` made the embeddings; without one there are none. ``secret`` keys the hashes.
    """

    def __init__(self, folder: Path, face_engine: str | None, secret: bytes | None = None) -> None:
        self._folder = folder
        self._secret = secret or secrets.token_bytes(_SECRET_BYTES)
        self._tables = _Tables()
        self._seen: set[str] = set()
        self._numbers = 0
        self._open = ExitStack()
        self._records = self._file(layout.RECORDS)
        self._fingers = self._file(layout.FINGERS)
        self._codes = self._open.enter_context(IndexWriter(folder / layout.FINGER_CODES))
        self._faces = self._open.enter_context(FaceIndexWriter(folder / layout.FACES, face_engine or "none"))
        self._face_engine = face_engine
        self._pictures = self._file(layout.PICTURES)

    def _file(self, name: str) -> BinaryIO:
        return self._open.enter_context((self._folder / name).open("wb"))

    def close(self) -> None:
        """Close the files; what was written so far is no snapshot."""
        self._open.close()

    def add(self, entry: Entry) -> None:
        """Write one entry.

        Raises WatchlistError: CONFLICT when its reference is there already, WRONG_MODEL for an embedding of another
        length than those before or without a face engine; BiometricError(BAD_TEMPLATE) for a print that is no template
        and an embedding that is none.
        """
        record = entry.record
        if record.reference in self._seen:
            raise WatchlistError(Reason.CONFLICT, f"reference {record.reference} is listed twice", "List it once.")
        self._seen.add(record.reference)
        number = len(self._tables.records)
        line = msgspec.json.encode(record)
        expires = date.fromisoformat(record.expires).toordinal() if record.expires else layout.NEVER
        self._tables.records.append((self._records.tell(), len(line), expires))
        self._records.write(line + b"\n")
        self._tables.references.add((self._key(f"reference|{record.reference}"), number))
        self._add_keys(entry, number)
        self._add_samples(entry, number)

    def add_numbers(self, numbers: Numbers) -> None:
        """Write what is listed by its number. Raises as ``hotspotd.watchlist.numbers.build``."""
        self._numbers = build_numbers(self._folder, numbers.entries, numbers.key, numbers.rejected)
        if not self._numbers:
            for name in layout.OPTIONAL_FILES:
                (self._folder / name).unlink()

    def _key(self, text: str) -> int:
        return key_of(self._secret, text)

    def _add_keys(self, entry: Entry, number: int) -> None:
        record = entry.record
        documents = list(entry.documents)
        if record.document_number and record.document_issuer:
            documents.append(ListedDocument(record.document_number, record.document_issuer))
        texts = {document_text(document.number, document.issuer) for document in documents}
        self._tables.documents.update((self._key(text), number) for text in texts if text)
        self._tables.names.add(number, [name.form for name in names_of(record)], record.birth_date)

    def _add_samples(self, entry: Entry, number: int) -> None:
        if entry.face is not None:
            if entry.face.embedding is not None:
                self._add_embedding(entry.face.embedding, number)
            self._add_picture(entry.face.picture, number, 0)
        for finger in entry.fingers:
            if finger.template:
                self._codes.add(FingerTemplate.decode(finger.template), number, int(finger.position))
                self._tables.fingers.append((self._fingers.tell(), len(finger.template)))
                self._fingers.write(finger.template)
            self._add_picture(finger.picture, number, 1 + int(finger.position))

    def _add_embedding(self, embedding: NDArray[np.float32], number: int) -> None:
        if self._face_engine is None:
            raise WatchlistError(
                Reason.WRONG_MODEL, "an embedding in a list without a face engine", "Name the engine that made it."
            )
        try:
            self._faces.add(embedding.reshape(-1), number)
        except BiometricError as error:
            if error.reason is not Reason.WRONG_MODEL:
                raise
            raise WatchlistError(error.reason, error.what, error.advice) from error

    def _add_picture(self, picture: bytes, number: int, kind: int) -> None:
        if picture:
            self._tables.pictures.append((self._pictures.tell(), len(picture), number, kind))
            self._pictures.write(picture)

    def finish(self, *, finger_engine: str, version: str, clock: Clock) -> None:
        """Write indexes and manifest and make everything durable."""
        tables = self._tables
        self.close()
        self._write(layout.RECORD_INDEX, np.array(tables.records, dtype=layout.RECORD_ROW))
        KeyIndex.write(self._folder / layout.REFERENCES, tables.references)
        KeyIndex.write(self._folder / layout.DOCUMENTS, tables.documents)
        tables.names.write(self._folder / layout.NAMES)
        self._write(layout.FINGER_INDEX, _padded(tables.fingers, layout.FINGER_ROW))
        self._write(layout.PICTURE_INDEX, _padded(tables.pictures, layout.PICTURE_ROW))
        layout.seal(
            self._folder,
            layout.Manifest(
                format_version=layout.FORMAT_VERSION,
                version=version,
                made_at=clock.now().iso(),
                finger_engine=finger_engine,
                face_engine=self._face_engine,
                key=self._secret.hex(),
                counts={
                    "records": len(tables.records),
                    "documents": len(tables.documents),
                    "names": len(tables.names),
                    "fingers": len(tables.fingers),
                    "faces": len(self._faces),
                    "pictures": len(tables.pictures),
                    **({"numbers": self._numbers} if self._numbers else {}),
                },
                files={},
            ),
        )

    def _write(self, name: str, rows: NDArray[np.generic]) -> None:
        (self._folder / name).write_bytes(rows.tobytes())


def _padded(rows: Sequence[tuple[int, ...]], dtype: np.dtype[np.void]) -> NDArray[np.generic]:
    table = np.zeros(len(rows), dtype=dtype)
    for place, row in enumerate(rows):
        for name, value in zip(dtype.names or (), row, strict=False):
            table[name][place] = value
    return table


def _secret_in_use(folder: Path) -> bytes | None:
    """What keys the newest list in ``folder``: with another one, two lists could not be told apart record by record."""
    lists = sorted(folder.glob(f"{SNAPSHOT_PREFIX}*/{layout.MANIFEST}"), key=lambda path: path.stat().st_mtime)
    for path in reversed(lists):
        try:
            return bytes.fromhex(layout.read_manifest(path.parent).key)
        except WatchlistError as error:
            log.debug("watchlist: %s", error)
    return None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: one builder or swap at a time. Raises WatchlistError(BUSY) when another has it."""
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WatchlistError(
                Reason.BUSY, f"{folder}: another process is building or swapping a list", "Wait until it is done."
            ) from error
        yield
    finally:
        os.close(descriptor)


def build(
    folder: Path,
    entries: Iterable[Entry],
    *,
    finger_engine: str,
    face_engine: str | None,
    version: str,
    clock: Clock | None = None,
    numbers: Numbers | None = None,
) -> Path:
    """Write the snapshot ``version`` of ``entries`` and ``numbers`` into the watchlist folder and return its path.

    It is not made current: see ``Shelf.activate`` and ``Shelf.publish``. Blocks (fsync, hashing). Raises
    WatchlistError: BAD_VALUE for a version that is no file name, CONFLICT when this version or a reference is
    there already, BUSY while another process builds; BiometricError(BAD_TEMPLATE); OSError when the disk refuses.
    """
    if not _VERSION.fullmatch(version):
        raise WatchlistError(
            Reason.BAD_VALUE, f"{version!r} is no version", "Use up to 60 letters, digits, dots, - and _."
        )
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / (SNAPSHOT_PREFIX + version)
    with locked(folder):
        if final.exists():
            raise WatchlistError(Reason.CONFLICT, f"{final} is there already", "Give the new list another version.")
        for stale in folder.glob(_BUILDING_PREFIX + "*"):  # Left by a process that was killed: we hold the lock.
            shutil.rmtree(stale)
        temporary = Path(tempfile.mkdtemp(prefix=_BUILDING_PREFIX, dir=folder))
        try:
            builder = Builder(temporary, face_engine, _secret_in_use(folder))
            try:
                for entry in entries:
                    builder.add(entry)
                if numbers is not None:
                    builder.add_numbers(numbers)
                builder.finish(finger_engine=finger_engine, version=version, clock=clock or Clock())
            finally:
                builder.close()
            temporary.chmod(0o750)  # mkdtemp gives 0700; the daemon's group reads what a technician built.
            temporary.rename(final)
            layout.fsync_folder(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)  # Gone already when the rename was done.
    return final
