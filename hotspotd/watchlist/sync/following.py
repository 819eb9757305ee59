"""Bringing a kiosk's watchlist to what the gateway has published.

Parts that were fetched stay until the list they belong to is in force, so that whatever breaks off is gone on with.
What comes out of them is compared with the signed description, byte for byte, before it takes the present list's place.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric import ec

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist import layout
from hotspotd.watchlist.build import SNAPSHOT_PREFIX, locked
from hotspotd.watchlist.shelf import Shelf
from hotspotd.watchlist.snapshot import Snapshot
from hotspotd.watchlist.sync import packing, publication
from hotspotd.watchlist.sync.publication import Publication, Stream
from hotspotd.watchlist.sync.sealing import TAG_BYTES, StreamKey, unwrap_key
from hotspotd.watchlist.sync.trusted_source import TrustedSource

log = logging.getLogger(__name__)

STATE: Final = ".sync"
_FETCHING: Final = ".fetching-"
_MOST_PART: Final = packing.PART_BYTES + 1 + TAG_BYTES
MOST_LIST_BYTES: Final = 64 * 1024**3


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this kiosk is, and the key of its certificate, which opens what was sealed for it."""

    device: str
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Engines:
    """Whose templates this kiosk can search; a list of another engine's is not taken into force."""

    finger: str
    face: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an update did: the version in force, how it came, and how many bytes were fetched over the network."""

    version: str
    how: Literal["unchanged", "full"]
    received: int


class Follower:
    """Updates one shelf. All methods block; one update at a time."""

    def __init__(self, shelf: Shelf, identity: Identity, engines: Engines, most_bytes: int = MOST_LIST_BYTES) -> None:
        self._shelf = shelf
        self._engines = engines
        self._identity = identity
        self._most_bytes = most_bytes
        self._state = shelf.folder / STATE

    @property
    def state(self) -> Path:
        """Where metadata and parts are kept."""
        return self._state

    def update(self, source: TrustedSource, progress: Callable[[int, int], None] = lambda _done, _all: None) -> Outcome:
        """Put the newest published list in force, if it is not. ``progress`` is told bytes fetched, and of how many.

        Raises WatchlistError: as ``TrustedSource`` does; DAMAGED where what was published is not what was described,
        WRONG_MODEL where it is for another engine, BUSY during another update; OSError. The list in force is then
        what it was.
        """
        self._state.mkdir(parents=True, exist_ok=True, mode=0o750)
        with locked(self._state):
            return self._update(source, progress)

    def _update(self, source: TrustedSource, progress: Callable[[int, int], None]) -> Outcome:
        source.refresh()
        latest = self._latest(source)
        if self._in_force() == latest.version:
            return Outcome(latest.version, "unchanged", source.received)
        key = self._key(source, latest.version, latest.bins)
        parts = self._fetch(source, latest.full, progress)
        building = self._shelf.folder / f"{_FETCHING}{latest.version}"
        shutil.rmtree(building, ignore_errors=True)  # Of an update that was broken off.
        building.mkdir(parents=True, mode=0o750)
        try:
            stream_key = StreamKey(key, latest.full.name, latest.full.parts)
            packing.unpack(_opened(parts, stream_key), building, self._most_bytes)
            self._check(building, latest)
            final = self._shelf.folder / (SNAPSHOT_PREFIX + latest.version)
            shutil.rmtree(final, ignore_errors=True)  # Not in force: damaged, or of an update that was broken off.
            building.rename(final)
            layout.fsync_folder(self._shelf.folder)
        finally:
            shutil.rmtree(building, ignore_errors=True)  # Renamed when all went well.
        self._shelf.activate(final)
        shutil.rmtree(self._state / "parts", ignore_errors=True)
        log.info("watchlist %s fetched, %d bytes", latest.version, source.received)
        return Outcome(latest.version, "full", source.received)

    def _latest(self, source: TrustedSource) -> Publication:
        path = self._state / "latest.json"
        source.fetch(publication.LATEST, path, publication.MOST_LATEST_BYTES)
        return publication.read_publication(path.read_bytes())

    def _in_force(self) -> str | None:
        """The version in force, if it can be read; a damaged one is fetched again."""
        current = self._shelf.current()
        if current is None:
            return None
        try:
            return layout.read_manifest(current).version
        except WatchlistError as error:
            log.warning("watchlist: the list in force is fetched again: %s", error)
            return None

    def _key(self, source: TrustedSource, version: str, bins: int) -> bytes:
        path = self._state / "keys.json"
        device = self._identity.device
        source.fetch(publication.keys_path(version, device, bins), path, publication.MOST_KEYS_BYTES)
        wrapped = publication.read_wrapped(path.read_bytes(), device)
        return unwrap_key(wrapped, device, self._identity.key, version)

    def _fetch(self, source: TrustedSource, stream: Stream, progress: Callable[[int, int], None]) -> list[Path]:
        folder = self._state / "parts" / stream.name.replace("/", "-")
        for other in (self._state / "parts").glob("*"):
            if other != folder:
                shutil.rmtree(other)
        parts: list[Path] = []
        done = 0
        for number in range(stream.parts):
            path = folder / f"{number:06d}"
            source.fetch(publication.part_path(stream, number), path, _MOST_PART)
            parts.append(path)
            done += path.stat().st_size
            progress(done, stream.bytes)
        return parts

    def _check(self, building: Path, latest: Publication) -> None:
        with (building / layout.MANIFEST).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != latest.manifest_sha256:
            raise WatchlistError(
                Reason.DAMAGED, f"list {latest.version} is not the one described", "Publish the list again."
            )
        Snapshot.open(building, finger_engine=self._engines.finger, face_engine=self._engines.face)


def _opened(parts: list[Path], key: StreamKey) -> Iterator[bytes]:
    for number, path in enumerate(parts):
        yield key.open(number, path.read_bytes())
