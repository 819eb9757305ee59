"""A memory-mapped index of the codes of very many prints, and the search of one print among them.

Three levels, each for what the one before leaves over:

1. *Scan*: for each minutia of the probe the likest of the reference's, by their codes; each such pair votes for the
   turn between the two prints with a worth that falls with the distance. The score is what one turn gets, for each
   minutia of the reference. Of all references.
2. *Fit*: the same pairs, now with places: the greatest worth of pairs that one turn and shift explains. Of the best
   tenth.
3. *Comparison* of the templates themselves, by the caller or by ``search``. Of the best LEAST_LISTED and some more.

File, little endian: a header of 64 bytes (HEADER: magic ``HSFC``, format, references, words, identity of the
projection, CRC-32 of what stands before it), then for each minutia its word u64 and its place 2 × i8 (``codes``), then
for each reference person u32, number of words u8, finger position u8. Every area begins at a multiple of 64 bytes.
References are numbered in the order in which they were added. About 10 bytes a minutia, 390 a reference.
"""

from __future__ import annotations

import mmap
import shutil
import struct
import tempfile
import zlib
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger import codes, comparison, preselection
from hotspotd.biometrics.finger.template import FingerTemplate
from hotspotd.errors import BiometricError, Reason

LEAST_LISTED: Final = 32
_LISTED_SHARE: Final = 2_000
"""References compared in full: so many, and one more for each so many in the index."""
REFERENCE_CODED: Final = 40
"""Minutiae coded of a reference: those nearest to its middle. More would cost memory and find little more."""
PROBE_CODED: Final = codes.MOST_CODED

_MAGIC: Final = b"HSFC"
_FORMAT: Final = 1
_HEADER: Final = struct.Struct("<4sHxxQQ32sI4x")
_ALIGNED: Final = 64
_LEAST_FITTED: Final = 1000
_FITTED_SHARE: Final = 10
"""Of the references, one in so many is looked at by the second level, and LEAST_FITTED at least."""
_OTHERS: Final = 4
"""Where some references are preferred, one place in so many is for the others."""
_SCAN_FLOOR: Final = 4.0
_FIT_POWER: Final = 0.4
"""A reference of many minutiae has more chances: scan scores are taken for each, fit scores for each to this power."""
_COPY: Final = 1 << 20


@dataclass(frozen=True)
class Found:
    """Of a search: reference numbers (k,) and their comparison scores (k,), best first."""

    references: NDArray[np.intp]
    scores: NDArray[np.float64]


class IndexWriter:
    """Writes an index to ``path`` print by print, keeping 6 bytes a reference in memory; then ``close``.

    A context manager: left by an error, no file remains.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self._places = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 - Closed by close and by __exit__.
        self._persons, self._counts, self._positions = array("I"), array("B"), array("B")
        self._file.write(bytes(_ALIGNED))

    def add(self, template: FingerTemplate, person: int, position: int) -> None:
        """Add a print: number of the person it is of, 0 to 2^32-1, and finger position, 0 to 255."""
        self.add_codes(codes.of_template(template, REFERENCE_CODED), [person], [position])

    def add_codes(self, made: codes.Codes, persons: Sequence[int], positions: Sequence[int]) -> None:
        """Add several prints whose codes were made by ``codes.of_many`` with REFERENCE_CODED."""
        if not len(made.count) == len(persons) == len(positions) or made.count.max(initial=0) > REFERENCE_CODED:
            raise ValueError("a person and a position for each print, of codes made for an index")
        self._file.write(made.words.astype("<u8", copy=False).tobytes())
        self._places.write(made.places.tobytes())
        self._persons.extend(persons)
        self._positions.extend(positions)
        self._counts.extend(made.count.tolist())

    def close(self) -> None:
        """Write what is still missing. Syncing the file to the disk is the caller's."""
        if self._file.closed:
            return
        words = (self._file.tell() - _ALIGNED) // 8
        self._pad()
        self._places.seek(0)
        shutil.copyfileobj(self._places, self._file, _COPY)
        for column, kind in ((self._persons, "<u4"), (self._counts, "u1"), (self._positions, "u1")):
            self._pad()
            self._file.write(np.asarray(column).astype(kind, copy=False).tobytes())
        self._file.seek(0)
        head = _HEADER.pack(_MAGIC, _FORMAT, len(self._counts), words, codes.projection().identity.encode(), 0)
        self._file.write(head[:-8] + struct.pack("<I4x", zlib.crc32(head[:-8])))
        self._file.close()
        self._places.close()

    def _pad(self) -> None:
        self._file.write(bytes(-self._file.tell() % _ALIGNED))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self._file.close()
            self._places.close()
            self._path.unlink(missing_ok=True)


class FingerIndex:
    """An index, mapped. Searches may run in several threads at once; compiled, they leave the interpreter to others.

    persons (n,) uint32 and positions (n,) uint8 of all references.
    """

    def __init__(self, path: Path) -> None:
        """Open ``path``. Raises BiometricError: DAMAGED, WRONG_VERSION, or WRONG_MODEL for codes of another projection.

        Sizes and counts are checked, the codes themselves are not read: whoever keeps the file knows its hash.
        """
        count, words = _read_header(path)
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        at = _ALIGNED
        areas = []
        for kind, length in (("<u8", words), ("i1", 2 * words), ("<u4", count), ("u1", count), ("u1", count)):
            areas.append(np.frombuffer(self._map, dtype=kind, offset=at, count=length))
            at = _aligned(at + areas[-1].nbytes)
        self._coded = preselection.Coded(np.zeros(count, dtype=np.uint32), areas[3], areas[0], areas[1].reshape(-1, 2))
        self.persons: NDArray[np.uint32] = areas[2]
        self.positions: NDArray[np.uint8] = areas[4]
        total = np.cumsum(self._coded.count, dtype=np.uint64)
        if int(total[-1] if count else 0) != words or self._coded.count.max(initial=0) > REFERENCE_CODED:
            raise _damaged(path, "the numbers of codes do not add up")
        self._coded.start[1:] = total[:-1]

    def __len__(self) -> int:
        return len(self.persons)

    def codes_of(self, chosen: NDArray[np.bool_]) -> codes.Codes:
        """The codes of the references ``chosen`` (n,), as ``IndexWriter.add_codes`` takes them."""
        coded = self._coded
        words = np.repeat(chosen, coded.count)
        return codes.Codes(coded.words[words], coded.places[words], coded.count[chosen].astype(np.int32))

    def shortlist(
        self,
        probe: FingerTemplate,
        most: int | None = None,
        *,
        wanted: NDArray[np.bool_] | None = None,
        preferred: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.intp]:
        """Numbers of the at most ``most`` references that ``probe`` should be compared with, likeliest first.

        By default ``most`` is 32 and one more for each 2000 references of the index.

        Only ``wanted`` (n,) ones. Where some are ``preferred`` (n,), three places in four are theirs first. A reference
        without minutiae is never listed, except among the few that all fit on the list.
        """
        most = LEAST_LISTED + len(self) // _LISTED_SHARE if most is None else most
        allowed = np.ones(len(self), dtype=np.bool_) if wanted is None else np.asarray(wanted, dtype=np.bool_)
        if np.count_nonzero(allowed) <= most:
            return np.flatnonzero(allowed)
        searched = preselection.Probe(codes.of_template(probe, PROBE_CODED))
        scores = preselection.scan(searched, self._coded, allowed)
        fitted = max(_LEAST_FITTED, len(self) // _FITTED_SHARE)
        if preferred is None:
            return self._best(searched, scores, most, fitted)
        first = self._best(searched, np.where(preferred, scores, -1), most, fitted)
        other = self._best(searched, np.where(preferred, -1, scores), most, fitted // _OTHERS)
        share = max(most - len(other), most - most // _OTHERS)
        return np.concatenate([first[:share], other[: most - len(first[:share])]])

    def _best(
        self, searched: preselection.Probe, scores: NDArray[np.int32], most: int, fitted: int
    ) -> NDArray[np.intp]:
        rough = np.divide(scores, self._coded.count + np.float32(_SCAN_FLOOR), dtype=np.float32)
        if len(rough) > fitted:
            chosen = np.argpartition(-rough, fitted - 1)[:fitted]
            chosen = np.sort(chosen[scores[chosen] >= 0])
        else:
            chosen = np.flatnonzero(scores >= 0)
        fits = preselection.fit(searched, self._coded, chosen)
        fine = fits / (self._coded.count[chosen] + 1.0) ** _FIT_POWER
        # Where nothing fits one placement, what the scan found decides.
        order = np.lexsort((chosen, -rough[chosen], -fine))
        return np.asarray(chosen[order[:most]], dtype=np.intp)

    def search(
        self,
        probe: FingerTemplate,
        template_of: Callable[[int], FingerTemplate],
        most: int | None = None,
        *,
        threshold: float = 0.0,
        wanted: NDArray[np.bool_] | None = None,
        preferred: NDArray[np.bool_] | None = None,
    ) -> Found:
        """The references of the short list with their comparison scores, of at least ``threshold``.

        ``template_of`` gives the template of a reference by its number; what it raises is passed on.
        """
        listed = self.shortlist(probe, most, wanted=wanted, preferred=preferred)
        scores = comparison.search(probe, [template_of(int(number)) for number in listed])
        order = np.argsort(-scores, kind="stable")
        order = order[scores[order] >= threshold]
        return Found(listed[order], scores[order])


def _aligned(at: int) -> int:
    return at + -at % _ALIGNED


def _size(count: int, words: int) -> int:
    at = _ALIGNED
    for length in (8 * words, 2 * words, 4 * count, count):
        at = _aligned(at + length)
    return at + count


def _read_header(path: Path) -> tuple[int, int]:
    with path.open("rb") as file:
        head = file.read(_HEADER.size)
        size = file.seek(0, 2)
    if len(head) < _HEADER.size:
        raise _damaged(path, f"{size} bytes")
    magic, version, count, words, made_with, crc = _HEADER.unpack(head)
    if magic != _MAGIC or crc != zlib.crc32(head[:-8]):
        raise _damaged(path, "its header is no index's")
    if version != _FORMAT:
        raise BiometricError(
            Reason.WRONG_VERSION, f"{path}: index of format {version}, not {_FORMAT}", "Build the list again."
        )
    if made_with.rstrip(b"\0") != codes.projection().identity.encode():
        raise BiometricError(
            Reason.WRONG_MODEL,
            f"{path}: codes of projection {made_with.rstrip(bytes(1)).decode('ascii', 'replace')}, "
            f"this software has {codes.projection().identity}",
            "Build the list again.",
        )
    if size != _size(count, words) or words > np.iinfo(np.uint32).max:
        raise _damaged(path, f"{size} bytes for {count} references")
    return count, words


def _damaged(path: Path, how: str) -> BiometricError:
    return BiometricError(Reason.DAMAGED, f"{path}: {how}", "Build the list again.")
