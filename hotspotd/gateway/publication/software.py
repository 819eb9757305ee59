"""Publishing the kiosks' software: bundles as targets, and which of them is the newest for each kind of machine."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import msgspec
from tuf.api.metadata import TargetFile

from hotspotd.errors import Reason, UpdateError
from hotspotd.gateway.publication.key_ring import KeyRing
from hotspotd.gateway.publication.repository import Repository
from hotspotd.updates import bundle as bundles
from hotspotd.updates.offers import LATEST, Offer, kind, read_offers, target


def publish_software(repository: Repository, bundle: Path, ring: KeyRing) -> Offer:
    """Offer ``bundle`` as the newest for its kind of machine. The one before for that kind goes.

    Raises UpdateError: as ``bundles.read``, CONFLICT for a version that is offered; WatchlistError (UNTRUSTED).
    """
    said = bundles.read(bundle)
    offer = Offer(said.version, target(said), bundle.stat().st_size)
    latest = repository.find(LATEST)
    offers = {} if latest is None else read_offers(latest.read_bytes())
    mine = kind(said.architecture, said.python)
    if mine in offers and offers[mine].version == offer.version:
        raise UpdateError(Reason.CONFLICT, f"{offer.version} is published for {mine}", "Make another version.")
    offers[mine] = offer
    kept = {one.path for one in offers.values()}
    targets: dict[str, Path | TargetFile] = {
        path: entry for path, entry in repository.target_files().items() if path in kept
    }
    with tempfile.TemporaryDirectory(prefix=".publishing-", dir=repository.targets.parent) as scratch:
        copy, description = Path(scratch, "bundle"), Path(scratch, "latest")
        shutil.copyfile(bundle, copy)
        description.write_bytes(msgspec.json.encode(offers, order="sorted"))
        repository.publish({**targets, offer.path: copy, LATEST: description}, ring)
    return offer
