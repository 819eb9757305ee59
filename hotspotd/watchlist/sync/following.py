"""Bringing a kiosk's watchlist to what the gateway has published.

Parts that were fetched stay until the list they belong to is in force, so that whatever breaks off is gone on with.
What comes out of them is compared with the signed description, byte for byte, before it takes the present list's place.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric import ec

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist import delta, layout
from hotspotd.watchlist.build import SNAPSHOT_PREFIX, locked
from hotspotd.watchlist.secret import ListKey, Secrets
from hotspotd.watchlist.shelf import Shelf
from hotspotd.watchlist.sync import packing, publication
from hotspotd.watchlist.sync.publication import Publication, Step, Stream
from hotspotd.watchlist.sync.sealing import TAG_BYTES, StreamKey, unwrap_key
from hotspotd.watchlist.sync.trusted_source import TrustedSource

log = logging.getLogger(__name__)

STATE: Final = ".sync"
LIST_KEY: Final = "list.key"
"""A file of a stream that is no file of the list: the key to what is listed by number, hexadecimal."""
_FETCHING: Final = ".fetching-"
_MAKING: Final = ".making-"
_NO_WAY: Final = frozenset((Reason.DAMAGED, Reason.CONFLICT, Reason.NOT_FOUND, Reason.UNTRUSTED, Reason.NO_KEY))
"""Where changes fail for these, the whole list may yet be had."""
Progress = Callable[[int, int], None]
_MOST_PART: Final = packing.PART_BYTES + 1 + TAG_BYTES
MOST_LIST_BYTES: Final = 64 * 1024**3


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this kiosk is, and the key of its certificate, which opens what was sealed for it.

    ``previous`` is the key before that: what was published before a renewal was sealed for it.
    """

    device: str
    key: ec.EllipticCurvePrivateKey
    previous: ec.EllipticCurvePrivateKey | None = None


@dataclass(frozen=True, slots=True)
class Engines:
    """Whose templates this kiosk can search; a list of another engine's is not taken into force."""

    finger: str
    face: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an update did: the version in force, how it came, and how many bytes were fetched over the network."""

    version: str
    how: Literal["unchanged", "delta", "full"]
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

    def update(self, source: TrustedSource, progress: Progress = lambda _done, _all: None) -> Outcome:
        """Put the newest published list in force, if it is not. ``progress`` is told bytes fetched, and of how many.

        Raises WatchlistError: as ``TrustedSource`` does; DAMAGED where what was published is not what was described,
        WRONG_MODEL where it is for another engine, BUSY during another update; OSError. The list in force is then
        what it was.
        """
        self._state.mkdir(parents=True, exist_ok=True, mode=0o750)
        with locked(self._state):
            return self._update(source, progress)

    def _update(self, source: TrustedSource, progress: Progress) -> Outcome:
        source.refresh()
        latest = self._latest(source)
        current = self._in_force()
        if current is not None and _version(current) == latest.version:
            return Outcome(latest.version, "unchanged", source.received)
        how: Literal["delta", "full"] = "full"
        made = None
        if current is not None and (way := latest.way(_version(current))):
            made = self._by_steps(source, current, way, progress)
            how = "delta"
        if made is None:
            how = "full"
            made = self._made(
                source, latest.version, latest.bins, latest.full, latest.manifest_sha256, progress, since=None
            )
        self._shelf.activate(made)
        shutil.rmtree(self._state / "parts", ignore_errors=True)
        log.info("watchlist %s (%s), %d bytes fetched", latest.version, how, source.received)
        return Outcome(latest.version, how, source.received)

    def _latest(self, source: TrustedSource) -> Publication:
        path = self._state / "latest.json"
        source.fetch(publication.LATEST, path, publication.MOST_LATEST_BYTES)
        return publication.read_publication(path.read_bytes())

    def _in_force(self) -> Path | None:
        """The list in force, if its manifest can be read; a damaged one is fetched again."""
        current = self._shelf.current()
        if current is None:
            return None
        try:
            layout.read_manifest(current)
        except WatchlistError as error:
            log.warning("watchlist: the list in force is fetched again: %s", error)
            return None
        return current

    def _by_steps(self, source: TrustedSource, current: Path, way: Sequence[Step], progress: Progress) -> Path | None:
        """The newest list, made of the present one; None, with a word in the log, where that cannot be."""
        at = current
        try:
            for step in way:
                at = self._made(source, step.to, step.bins, step.stream, step.manifest_sha256, progress, since=at)
        except WatchlistError as error:
            if error.reason not in _NO_WAY:
                raise
            log.warning("watchlist: the list is fetched whole, its changes cannot be used: %s", error)
            return None
        return at

    def _made(
        self,
        source: TrustedSource,
        version: str,
        bins: int,
        stream: Stream,
        manifest_sha256: str,
        progress: Progress,
        *,
        since: Path | None,
    ) -> Path:
        """A list on the shelf, not in force yet, out of a stream that holds it or what it differs by from ``since``."""
        key = StreamKey(self._key(source, version, bins), stream.name, stream.parts)
        parts = self._fetch(source, stream, progress)
        fetched = self._empty(f"{_FETCHING}{version}")
        made = fetched if since is None else self._empty(f"{_MAKING}{version}")
        try:
            packing.unpack(_opened(parts, key), fetched, self._most_bytes)
            self._take_list_key(fetched)
            if since is not None:
                delta.apply(since, fetched, made)
            self._check(made, version, manifest_sha256)
            final = self._shelf.folder / (SNAPSHOT_PREFIX + version)
            shutil.rmtree(final, ignore_errors=True)  # Not in force: damaged, or of an update that was broken off.
            made.rename(final)
            layout.fsync_folder(self._shelf.folder)
        finally:
            shutil.rmtree(fetched, ignore_errors=True)  # Renamed, or used up, when all went well.
            shutil.rmtree(made, ignore_errors=True)
        return final

    def _empty(self, name: str) -> Path:
        folder = self._shelf.folder / name
        shutil.rmtree(folder, ignore_errors=True)  # Of an update that was broken off.
        folder.mkdir(parents=True, mode=0o750)
        return folder

    def _take_list_key(self, folder: Path) -> None:
        """The key to what is listed by number travels with the list, and is not kept in it."""
        path = folder / LIST_KEY
        if path.exists():
            Secrets.add(self._shelf.key_file, ListKey.parse(path.read_text(encoding="ascii").strip()))
            path.unlink()

    def _key(self, source: TrustedSource, version: str, bins: int) -> bytes:
        path = self._state / "keys.json"
        device = self._identity.device
        source.fetch(publication.keys_path(version, device, bins), path, publication.MOST_KEYS_BYTES)
        wrapped = publication.read_wrapped(path.read_bytes(), device)
        try:
            return unwrap_key(wrapped, device, self._identity.key, version)
        except WatchlistError:
            if self._identity.previous is None:
                raise
            return unwrap_key(wrapped, device, self._identity.previous, version)

    def _fetch(self, source: TrustedSource, stream: Stream, progress: Progress) -> list[Path]:
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

    def _check(self, folder: Path, version: str, manifest_sha256: str) -> None:
        with (folder / layout.MANIFEST).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != manifest_sha256:
            raise WatchlistError(Reason.DAMAGED, f"list {version} is not the one described", "Publish the list again.")
        layout.verify(folder, layout.read_manifest(folder))
        self._shelf.open_folder(folder, finger_engine=self._engines.finger, face_engine=self._engines.face)


def _version(folder: Path) -> str:
    return folder.name.removeprefix(SNAPSHOT_PREFIX)


def _opened(parts: list[Path], key: StreamKey) -> Iterator[bytes]:
    for number, path in enumerate(parts):
        yield key.open(number, path.read_bytes())
