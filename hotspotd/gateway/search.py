"""Searching the gateway's own watchlist with what a transaction holds. Blocks: for worker threads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics import finger
from hotspotd.biometrics.face import FaceEngine
from hotspotd.domain.candidate import Hit
from hotspotd.domain.document import Document
from hotspotd.domain.finger import FingerPosition
from hotspotd.errors import BiometricError, Reason, WatchlistError
from hotspotd.relay.inquiry import Inquiry
from hotspotd.watchlist.check import Probes, Thresholds, check
from hotspotd.watchlist.numbers import Kind, NumberHit
from hotspotd.watchlist.shelf import Mark, Shelf, mark
from hotspotd.watchlist.snapshot import Snapshot

_T = TypeVar("_T")

logger = logging.getLogger(__name__)


class Search(Protocol):
    """What answers an inquiry."""

    def __call__(self, inquiry: Inquiry, today: date) -> list[Hit]:
        """The records that the inquiry points at. Raises HotspotError."""
        ...


@dataclass(frozen=True, slots=True)
class _Opened:
    folder: Path | None
    snapshot: Snapshot


class WatchlistSearch:
    """Searches the current snapshot of a shelf; a new one is taken up with the next search."""

    def __init__(self, shelf: Shelf, faces: FaceEngine | None, thresholds: Thresholds) -> None:
        self._shelf = shelf
        self._faces = faces
        self._thresholds = thresholds
        self._opening = threading.Lock()
        self._opened: _Opened | None = None
        self._refused: set[Mark] = set()

    def prepare(self) -> str:
        """Open the list now; returns its version. Raises WatchlistError."""
        return self._snapshot().version

    def _snapshot(self) -> Snapshot:
        with self._opening:
            folder = self._shelf.current()
            if self._opened is None or self._opened.folder != folder:
                snapshot = self._shelf.open(
                    finger_engine=finger.ENGINE, face_engine=self._faces.engine if self._faces else None
                )
                # The one before is not closed: a search of another thread may still use it.
                self._opened = _Opened(folder, snapshot)
                logger.info("searching watchlist %s", snapshot.version)
            return self._opened.snapshot

    def __call__(self, inquiry: Inquiry, today: date) -> list[Hit]:
        """See Search. Raises BiometricError (BAD_IMAGE) when there is nothing that could be searched."""
        fingers = self._fingers(inquiry)
        face = self._embedding(inquiry)
        if inquiry.document is None and not fingers and face is None:
            raise BiometricError(Reason.BAD_IMAGE, "nothing in the transaction could be searched")
        probes = Probes(document=inquiry.document, fingers=fingers, face=face)
        fmr_of = self._faces.false_match_rate if self._faces else None
        return self._ask(lambda snapshot: check(snapshot, probes, self._thresholds, today, face_fmr_of=fmr_of))

    def find(
        self, holder: Document | None, numbers: list[tuple[Kind, str, str]], today: date
    ) -> tuple[list[Hit], list[NumberHit], str]:
        """A search by text: see ``gateway.find.TextSearch``. Raises WatchlistError."""

        def ask(snapshot: Snapshot) -> tuple[list[Hit], list[NumberHit], str]:
            hits = check(snapshot, Probes(document=holder), self._thresholds, today) if holder else []
            things = [hit for number in numbers for hit in snapshot.find_number(*number, today)]
            return hits, things, snapshot.version

        return self._ask(ask)

    def _ask(self, ask: Callable[[Snapshot], _T]) -> _T:
        """What the current list answers, or the next one that is whole. Raises WatchlistError."""
        snapshot = self._snapshot()
        while True:
            try:
                return ask(snapshot)
            except WatchlistError as error:
                if error.reason is not Reason.DAMAGED:
                    raise
                snapshot = self._instead_of(snapshot, error)

    def picture(
        self, reference: str, modality: Literal["face", "finger"], position: FingerPosition | None = None
    ) -> bytes | None:
        """The picture that the list holds of a record, or ``None``. Raises WatchlistError (NOT_FOUND, DAMAGED)."""
        return self._snapshot().picture(reference, modality, position)

    def _instead_of(self, damaged: Snapshot, error: WatchlistError) -> Snapshot:
        """The list to search now that this one was found damaged. Raises ``error`` where there is none."""
        with self._opening:
            if self._opened is not None and self._opened.snapshot is not damaged:
                return self._opened.snapshot
            self._refused.add(mark(damaged.folder))
            snapshot = self._shelf.open_instead(
                self._refused,
                error,
                finger_engine=finger.ENGINE,
                face_engine=self._faces.engine if self._faces else None,
            )
            self._opened = _Opened(self._opened.folder if self._opened else None, snapshot)
            return snapshot

    def _fingers(self, inquiry: Inquiry) -> tuple[tuple[FingerPosition | None, finger.FingerTemplate], ...]:
        found: list[tuple[FingerPosition | None, finger.FingerTemplate]] = []
        for probe in inquiry.prints:
            try:
                template = finger.extract(probe.image, probe.dpi)
            except BiometricError as error:
                logger.info("transaction %s: print %s is not searched: %s", inquiry.tcn, probe.position.label, error)
                continue
            found.append((probe.position or None, template))
        return tuple(found)

    def _embedding(self, inquiry: Inquiry) -> NDArray[np.float32] | None:
        if self._faces is None or inquiry.face is None:
            return None
        boxes = self._faces.detect(inquiry.face)
        if not boxes:
            logger.info("transaction %s: no face is found on the portrait", inquiry.tcn)
            return None
        return self._faces.embed(inquiry.face, boxes[0])
