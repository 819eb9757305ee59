"""The national side of the demonstration's watchlist: publishes a list, and later the next, for the kiosk to fetch."""

from __future__ import annotations

from pathlib import Path

from hotspotd.gateway.publication.key_ring import KINDS, ONLINE, ROOT, TARGETS, KeyRing, make_keys
from hotspotd.gateway.publication.publisher import Publisher, read_devices
from hotspotd.gateway.publication.repository import Repository
from hotspotd.watchlist.layout import read_manifest

_KEYS = {ROOT: 3, TARGETS: 2, ONLINE: 1}
_NEEDED = {ROOT: 2, TARGETS: 2}


class NationalLists:
    """A repository in ``folder``/repository; its online key lies where the gateway's configuration says."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        keys = folder / "publication-keys"
        made = {kind: make_keys(keys / kind, kind, _KEYS[kind]) for kind in KINDS}
        self._ring = KeyRing([signer for signers in made.values() for signer in signers])
        self._repository = Repository(folder / "repository")
        public = {kind: [signer.public_key for signer in signers] for kind, signers in made.items()}
        self._repository.create(public, _NEEDED, self._ring)

    @property
    def root(self) -> Path:
        """What the kiosk is given to trust."""
        return self._repository.metadata / "1.root.json"

    def publish(self, snapshot: Path, certificates: Path) -> None:
        """Publish this list for every device with a certificate in ``certificates``, if it is not. Blocks."""
        publisher = Publisher(self._repository, self._folder / "publication-secrets")
        latest = publisher.latest()
        if latest is not None and latest.version == read_manifest(snapshot).version:
            return
        publisher.publish(snapshot, read_devices(certificates), self._ring)
