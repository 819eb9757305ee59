"""One watchlist snapshot, opened: exact search of documents, comparison of names, prints and faces.

Opening takes the same short time whatever the size: small files are checked whole, of large ones each block when it is
first touched (``files``), so a search never reads changed bytes: it raises WatchlistError(DAMAGED), and whoever asked
repeats the search on another snapshot. Nothing is ever written. A record whose time is up never matches. All methods
are synchronous and may be called from several worker threads at once; they are not for the event loop.

Opening does nothing for each print: codes and templates stay where they are, mapped, and a search decodes only the few
templates that its short list names (``hotspotd.biometrics.finger.index``).
"""

from __future__ import annotations

import logging
import mmap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics import finger
from hotspotd.biometrics.finger import FingerTemplate
from hotspotd.biometrics.finger.index import FingerIndex
from hotspotd.domain.candidate import Candidate, ListRecord, Modality
from hotspotd.domain.document import Document
from hotspotd.domain.finger import FingerPosition
from hotspotd.errors import BiometricError, Reason, WatchlistError
from hotspotd.watchlist import layout
from hotspotd.watchlist.blocks import damaged
from hotspotd.watchlist.faces import ListedFaces, RateOf
from hotspotd.watchlist.files import SnapshotFiles
from hotspotd.watchlist.keys import KeyIndex, document_text, key_of
from hotspotd.watchlist.names.listed import ListedNames
from hotspotd.watchlist.numbers import Kind, NumberHit
from hotspotd.watchlist.secret import ListKey

logger = logging.getLogger(__name__)

KeyOf = Callable[[str], ListKey]
"""From the id of a list's key to the key."""

# An officer cannot look at more, and a probe that is like more than this many is a bad probe.
MOST_CANDIDATES = 20
# A print is compared with all fingers, since hands are mistaken and fingers put down in the wrong order. There are
# about ten times as many others as of the finger that was asked for, so each may match by chance a tenth as often.
_OTHER_FINGER_SHARE = 0.1
NAME_SCORE = 0.8
"""From which probability on a name is listed. docs/names.md has what other values find, and whom they find in vain."""
LEAD_FMR = 1e-2
"""A record with a print at this rate or a lower one is worth a look with all fingers (``together``). With two fingers
that make 1e-4 together one is at 3e-3 or less."""


@dataclass(frozen=True, slots=True)
class Search:
    """What the search of one print or face found: candidates, and of each record number with a lead its lowest rate."""

    candidates: list[Candidate]
    leads: Mapping[int, float] = field(default_factory=dict)


class Snapshot:
    """A snapshot that was found whole. Made by ``open``."""

    def __init__(self, folder: Path, manifest: layout.Manifest, *, search_faces: bool) -> None:
        self.folder = folder
        self._files = SnapshotFiles(folder, manifest)
        self.numbers = self._files.numbers
        """What is listed by its number; ``None`` where nothing is."""
        self.version = manifest.version
        self.made_at = manifest.made_at
        self.counts = dict(manifest.counts)
        self._secret = bytes.fromhex(manifest.key)
        self._records = layout.map_bytes(folder / layout.RECORDS)
        self._record_rows = layout.map_array(folder / layout.RECORD_INDEX, layout.RECORD_ROW)
        self._references = self._keys(layout.REFERENCES)
        self._documents = self._keys(layout.DOCUMENTS)
        self._names = ListedNames(folder / layout.NAMES, self._record)
        self._finger_rows = layout.map_array(folder / layout.FINGER_INDEX, layout.FINGER_ROW)
        self._templates = layout.map_bytes(folder / layout.FINGERS)
        self._fingers = _finger_index(folder)
        self._fingers_alive: tuple[date, NDArray[np.bool_]] | None = None
        self._faces = _faces(folder, manifest)
        self._faces_alive: tuple[date, NDArray[np.bool_]] | None = None
        self._search_faces = search_faces
        self._picture_rows = layout.map_array(folder / layout.PICTURE_INDEX, layout.PICTURE_ROW)
        self._pictures = layout.map_bytes(folder / layout.PICTURES)

    def _keys(self, name: str) -> KeyIndex:
        return KeyIndex(self.folder / name, partial(self._files.touch, name))

    @classmethod
    def open(
        cls, folder: Path, *, finger_engine: str, face_engine: str | None, key_of_list: KeyOf | None = None
    ) -> Snapshot:
        """The snapshot in ``folder``. What damage is in large files comes out when they are used, or with ``step``.

        ``face_engine`` ``None``: this lane compares no faces. ``key_of_list`` gives the key with an id, where numbers
        are listed. Raises WatchlistError: NOT_FOUND, WRONG_VERSION, DAMAGED or UNREADABLE naming the file, WRONG_MODEL
        when its templates come from another engine than the lane's, NO_KEY or what ``key_of_list`` raises.
        """
        manifest = layout.read_manifest(folder)
        if manifest.counts.get("fingers") and manifest.finger_engine != finger_engine:
            raise _wrong_model(folder, "prints", manifest.finger_engine, finger_engine)
        faces = bool(manifest.counts.get("faces"))
        if faces and face_engine is not None and manifest.face_engine != face_engine:
            raise _wrong_model(folder, "faces", manifest.face_engine or "none", face_engine)
        try:
            snapshot = cls(folder, manifest, search_faces=faces and face_engine is not None)
        except (OSError, ValueError) as error:
            raise damaged(folder, f"cannot be mapped: {error}") from error
        if snapshot.numbers is not None:
            if key_of_list is None:
                raise WatchlistError(Reason.NO_KEY, f"{folder}: numbers, and no key to them", "Name the key file.")
            snapshot.numbers.unlock(key_of_list(snapshot.numbers.key_id))
        return snapshot

    def step(self) -> bool:
        """Check one more block of what nobody touched yet; False when all are checked.

        Raises WatchlistError(DAMAGED) naming the file.
        """
        return self._files.step()

    def find_number(self, kind: Kind, number: str, issuer: str, today: date) -> list[NumberHit]:
        """What is listed under this number; without ``issuer``, under whichever issuer."""
        return self.numbers.find(kind, number, issuer, today) if self.numbers else []

    def listed_number(self, reference: str) -> NumberHit | None:
        """The record of a thing by number that ``find_number`` gave this reference; ``None`` for no such one."""
        return self.numbers.listed(reference) if self.numbers else None

    def find_document(self, document: Document, today: date) -> list[Candidate]:
        """Records that list this document's number and issuer."""
        text = document_text(document.number, document.issuer)
        found = self._look_up(self._documents, [text] if text else [], today)
        return [
            Candidate(modality=Modality.DOCUMENT, reference=reference, score=1.0, detail="Document number and issuer")
            for reference in found
        ]

    def find_name(self, document: Document, today: date, at_least: float = NAME_SCORE) -> list[Candidate]:
        """Records whose names, date of birth, sex and nationality make ``document`` theirs at ``at_least`` or more.

        Likeliest first. Names may be written otherwise, in another order, in another script, or cut off by a short
        zone (``hotspotd.watchlist.names``); what agrees and what differs stands in ``detail``.
        """
        self._files.touch_all(layout.NAMES)
        alive = self._alive(np.arange(self._names.records, dtype=np.uint32), today)
        found = self._names.search(document, today, alive, at_least)[:MOST_CANDIDATES]
        layout.let_go(self._records)
        return found

    def _look_up(self, index: KeyIndex, texts: Sequence[str], today: date) -> list[str]:
        numbers = {number for text in texts for number in index.find(key_of(self._secret, text))}
        return sorted(self._record(number).reference for number in numbers if self._counts(number, today))

    def find_finger(
        self, template: FingerTemplate, position: FingerPosition | None, max_fmr: float, today: date
    ) -> list[Candidate]:
        """Prints whose false match rate against ``template`` is at most ``max_fmr``, best first.

        Compared in full are the prints that the codes make likely. Where the position is known, most of these are of
        that finger or of an unknown one; a print of another finger is a candidate from a tenth of ``max_fmr`` on.
        """
        return self.search_finger(template, position, max_fmr, today).candidates

    def search_finger(
        self, template: FingerTemplate, position: FingerPosition | None, max_fmr: float, today: date
    ) -> Search:
        """As ``find_finger``, and the records with a print at LEAD_FMR or less, of whatever finger."""
        self._files.touch_all(layout.FINGER_CODES)
        found = self._fingers.search(
            template, self._template, wanted=self._alive_fingers(today), preferred=self._of_finger(position)
        )
        layout.let_go(self._templates)
        candidates: list[Candidate] = []
        leads: dict[int, float] = {}
        for number, score in zip(found.references, found.scores, strict=True):
            rate = finger.false_match_rate(float(score))
            if rate > max(max_fmr, LEAD_FMR):
                break  # The rate never falls with the score.
            if rate <= LEAD_FMR:
                leads.setdefault(int(self._fingers.persons[number]), rate)
            if rate > max_fmr or len(candidates) == MOST_CANDIDATES:
                continue
            listed = FingerPosition(int(self._fingers.positions[number]))
            detail = f"Print, {called(listed)}" if listed else "Print, finger unknown"
            if position and listed and listed != position:
                if rate > max_fmr * _OTHER_FINGER_SHARE:
                    continue
                detail += f", given as {called(position)}"
            candidates.append(
                Candidate(
                    modality=Modality.FINGER,
                    reference=self._record(int(self._fingers.persons[number])).reference,
                    score=float(score),
                    fmr=rate,
                    position=listed,
                    given=None if listed == position else position,
                    detail=detail,
                )
            )
        return Search(candidates, leads)

    def reference(self, number: int) -> str:
        """The reference of the record with this number, as in ``Search.leads``."""
        return self._record(number).reference

    def prints(self, number: int) -> list[tuple[FingerPosition, FingerTemplate]]:
        """All prints of the record with this number that have a template."""
        self._files.touch_all(layout.FINGER_CODES)
        first, last = np.searchsorted(self._fingers.persons, np.array([number, number + 1], dtype=np.uint32))
        listed = range(int(first), int(last))
        return [(FingerPosition(int(self._fingers.positions[one])), self._template(one)) for one in listed]

    def listed_print(self, reference: str, position: FingerPosition) -> FingerTemplate | None:
        """The template of the print that ``picture`` shows of this finger; ``None`` where the list has none.

        Raises WatchlistError: NOT_FOUND for an unknown reference, DAMAGED.
        """
        if self.listed_number(reference) is not None:
            return None
        found = (template for listed, template in self.prints(self._number(reference)) if listed == position)
        return next(found, None)

    def _template(self, number: int) -> FingerTemplate:
        self._touch_row(layout.FINGER_INDEX, layout.FINGER_ROW, number)
        row = self._finger_rows[number]
        begin, end = int(row["offset"]), int(row["offset"]) + int(row["length"])
        self._files.touch(layout.FINGERS, begin, end)
        return FingerTemplate.decode(self._templates[begin:end])

    def _touch_row(self, name: str, dtype: np.dtype[np.void], number: int) -> None:
        self._files.touch(name, number * dtype.itemsize, (number + 1) * dtype.itemsize)

    def _of_finger(self, position: FingerPosition | None) -> NDArray[np.bool_] | None:
        if not position:
            return None
        positions = self._fingers.positions
        return np.asarray((positions == int(position)) | (positions == int(FingerPosition.UNKNOWN)))

    def _alive_fingers(self, today: date) -> NDArray[np.bool_]:
        known = self._fingers_alive
        if known is None or known[0] != today:
            known = (today, self._alive(self._fingers.persons, today))
            self._fingers_alive = known
        return known[1]

    def find_face(self, embedding: NDArray[np.float32], max_fmr: float, today: date, fmr_of: RateOf) -> list[Candidate]:
        """Faces whose false match rate against ``embedding`` (L2-normalised) is at most ``max_fmr``, best first.

        ``fmr_of`` turns a cosine similarity into the model's calibrated false match rate. Exact: all are compared.
        """
        return self.search_face(embedding, max_fmr, today, fmr_of).candidates

    def search_face(self, embedding: NDArray[np.float32], max_fmr: float, today: date, fmr_of: RateOf) -> Search:
        """As ``find_face``, and the records with a face at LEAD_FMR or less."""
        if not self._search_faces:
            return Search([])
        self._files.touch_all(layout.FACES)
        like = self._faces.search(embedding, self._alive_faces(today), fmr_of, max(max_fmr, LEAD_FMR))
        candidates = [
            Candidate(
                modality=Modality.FACE,
                reference=self._record(record).reference,
                score=similarity,
                fmr=rate,
                detail="Face",
            )
            for record, similarity, rate in zip(like.records, like.similarities, like.rates, strict=True)
            if rate <= max_fmr
        ]
        return Search(candidates[:MOST_CANDIDATES], like.leads(LEAD_FMR))

    @property
    def searched_faces(self) -> int:
        """With how many faces a search compares."""
        return len(self._faces) if self._search_faces else 0

    def faces(self, number: int) -> list[NDArray[np.float32]]:
        """The embeddings of the record with this number; none where this lane compares no faces."""
        if not self._search_faces:
            return []
        self._files.touch_all(layout.FACES)
        return self._faces.of_record(number)

    def _alive_faces(self, today: date) -> NDArray[np.bool_]:
        known = self._faces_alive
        if known is None or known[0] != today:
            known = (today, self._alive(self._faces.records, today))
            self._faces_alive = known
        return known[1]

    def record(self, reference: str) -> ListRecord:
        """The record with this reference. Raises WatchlistError(NOT_FOUND)."""
        return self._record(self._number(reference))

    def picture(
        self, reference: str, modality: Literal["face", "finger"], position: FingerPosition | None = None
    ) -> bytes | None:
        """The encoded picture enrolled for a record, or ``None``; without a position the first print.

        Raises WatchlistError(NOT_FOUND) for an unknown reference. ``media_type`` says what the bytes are.
        """
        if self.listed_number(reference) is not None:
            return None
        number = self._number(reference)
        self._files.touch_all(layout.PICTURE_INDEX)
        first, last = np.searchsorted(self._picture_rows["record"], [number, number + 1])
        for row in self._picture_rows[first:last]:
            if _is_picture_of(int(row["kind"]), modality, position):
                return self._slice(layout.PICTURES, self._pictures, row)
        return None

    def _number(self, reference: str) -> int:
        for number in self._references.find(key_of(self._secret, f"reference|{reference}")):
            if self._record(number).reference == reference:
                return number
        raise WatchlistError(
            Reason.NOT_FOUND, f"no such record in list {self.version}", "It may be of a list that was replaced."
        )

    def _record(self, number: int) -> ListRecord:
        self._touch_row(layout.RECORD_INDEX, layout.RECORD_ROW, number)
        row = self._record_rows[number]
        return msgspec.json.decode(self._slice(layout.RECORDS, self._records, row), type=ListRecord)

    def _slice(self, name: str, blob: mmap.mmap | bytes, row: np.void) -> bytes:
        begin, end = int(row["offset"]), int(row["offset"]) + int(row["length"])
        self._files.touch(name, begin, end)
        return blob[begin:end]

    def _counts(self, number: int, today: date) -> bool:
        self._touch_row(layout.RECORD_INDEX, layout.RECORD_ROW, number)
        return int(self._record_rows[number]["expires"]) >= today.toordinal()

    def _alive(self, numbers: NDArray[np.uint32], today: date) -> NDArray[np.bool_]:
        self._files.touch_all(layout.RECORD_INDEX)
        alive: NDArray[np.bool_] = self._record_rows["expires"][numbers] >= today.toordinal()
        return alive


def _faces(folder: Path, manifest: layout.Manifest) -> ListedFaces:
    faces = ListedFaces(folder / layout.FACES)
    if len(faces) and faces.engine != manifest.face_engine:
        raise _wrong_model(folder, "faces", faces.engine, manifest.face_engine or "none")
    return faces


def _finger_index(folder: Path) -> FingerIndex:
    try:
        return FingerIndex(folder / layout.FINGER_CODES)
    except BiometricError as error:
        raise WatchlistError(error.reason, error.what, error.advice) from error


def called(position: FingerPosition) -> str:
    """The finger in words: ``right index``."""
    return position.label.replace("_", " ")


def _is_picture_of(kind: int, modality: Literal["face", "finger"], position: FingerPosition | None) -> bool:
    if modality == "face":
        return kind == 0
    return kind > 0 and (position is None or kind - 1 == int(position))


def _wrong_model(folder: Path, what: str, found: str, wanted: str) -> WatchlistError:
    return WatchlistError(
        Reason.WRONG_MODEL,
        f"{folder}: {what} enrolled with {found}, this lane compares with {wanted}",
        "Build the list again from its source on this machine: hotspotctl watchlist build SOURCE FOLDER.",
    )


def media_type(picture: bytes) -> str:
    """What an encoded picture is, by its first bytes: image/png, image/jpeg or application/octet-stream."""
    if picture.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if picture.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "application/octet-stream"
