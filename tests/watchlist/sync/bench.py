"""A gateway that publishes and a kiosk that follows, without a network unless a test puts one between them."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic as real_monotonic

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hotspotd.biometrics import finger
from hotspotd.clock import Clock
from hotspotd.gateway.authority import Authority
from hotspotd.gateway.publication.key_ring import KINDS, ONLINE, ROOT, TARGETS, KeyRing, make_keys
from hotspotd.gateway.publication.publisher import Publisher, read_devices
from hotspotd.gateway.publication.repository import Repository
from hotspotd.watchlist import Shelf
from hotspotd.watchlist.build import Entry
from hotspotd.watchlist.sync.fetching import HttpFetcher
from hotspotd.watchlist.sync.following import Engines, Follower, Identity, Outcome
from hotspotd.watchlist.sync.publication import Publication
from hotspotd.watchlist.sync.trusted_source import TrustedSource
from hotspotd.watchlist.sync.trusted_time import TrustedTime
from tests.watchlist.examples import FACE_ENGINE, entries
from tests.watchlist.numbers.lists import numbers

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
ENGINES = Engines(finger.ENGINE, FACE_ENGINE)


@dataclass
class Wall:
    """A clock that is set by hand."""

    at: datetime = NOW

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.at)

    def later(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class PublishingGateway:
    """Publishes lists that it builds; root by two of three keys, targets by two of two."""

    folder: Path
    wall: Wall = field(default_factory=Wall)

    def __post_init__(self) -> None:
        self.keys = self.folder / "keys"
        counts = {ROOT: 3, TARGETS: 2, ONLINE: 1}
        made = {kind: make_keys(self.keys / kind, kind, counts[kind]) for kind in KINDS}
        self.ring = KeyRing.load([self.keys / kind for kind in KINDS])
        self.repository = Repository(self.folder / "repository", self.wall.clock())
        public = {kind: [signer.public_key for signer in signers] for kind, signers in made.items()}
        self.repository.create(public, {ROOT: 2, TARGETS: 2}, self.ring)
        self.authority = Authority.create(self.folder / "authority")
        self.publisher = Publisher(self.repository, self.folder / "secrets", self.wall.clock())
        self.shelf = Shelf(self.folder / "lists")
        self.root = (self.repository.metadata / "1.root.json").read_bytes()
        self.identity = self.enrol("kiosk-1")

    @property
    def served(self) -> Path:
        """What a web server would hand out, or a stick hold."""
        return self.folder / "repository"

    def enrol(self, device: str) -> Identity:
        _, key = self.authority.issue_device(device)
        private = serialization.load_pem_private_key(key.read_bytes(), None)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        return Identity(device, private)

    def publish(self, version: str, listed: list[Entry] | None = None, things: int = 0) -> Publication:
        """A list of people, and of so many things by their number."""
        snapshot = self.shelf.publish(
            entries() if listed is None else listed,
            finger_engine=finger.ENGINE,
            face_engine=FACE_ENGINE,
            version=version,
            numbers=numbers()[:things] if things else None,
        )
        return self.publisher.publish(snapshot, read_devices(self.authority.folder), self.ring)


@dataclass
class Kiosk:
    """Follows a gateway's repository."""

    folder: Path
    identity: Identity
    root: bytes
    wall: Wall = field(default_factory=Wall)
    engines: Engines = ENGINES

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.follower = Follower(self.shelf, self.identity, self.engines)

    @property
    def time(self) -> TrustedTime:
        return TrustedTime(self.follower.state / "time", self.wall.clock())

    def from_folder(self, folder: Path) -> Outcome:
        return self.follower.update(TrustedSource.folder(folder, self.follower.state, self.root, self.time))

    def over_http(
        self, url: str, *, silence_s: float = 5.0, monotonic: Callable[[], float] = real_monotonic
    ) -> Outcome:
        partial = self.follower.state / "partial"
        fetcher = HttpFetcher(partial, ssl.create_default_context(), silence_s=silence_s, monotonic=monotonic)
        source = TrustedSource(fetcher, url, self.follower.state, self.root, self.time)
        try:
            return self.follower.update(source)
        finally:
            source.close()

    @property
    def version(self) -> str | None:
        current = self.shelf.current()
        return None if current is None else current.name.removeprefix("snapshot-")
