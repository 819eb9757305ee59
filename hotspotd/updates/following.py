"""Software that somebody has signed for this kiosk: from the repository's signed metadata to a bundle on the disk.

The Update Framework judges who signed, whether it is fresh and whether it is older than what was seen before: a server
that was broken into can neither make up a version nor bring back one with a known fault. Blocks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hotspotd.errors import Reason, UpdateError, WatchlistError
from hotspotd.updates.bundle import MOST_BYTES, machine
from hotspotd.updates.offers import LATEST, MOST_LATEST_BYTES, Offer, kind, read_offers
from hotspotd.updates.versions import Step, no_step
from hotspotd.watchlist.sync.trusted_source import TrustedSource


class Following:
    """What ``source`` offers to this machine; ``state`` keeps what was fetched."""

    def __init__(self, source: TrustedSource, state: Path, step: Step = no_step) -> None:
        self._source = source
        self._state = state
        self._step = step

    def check(self) -> Offer:
        """The newest version for this machine. Raises UpdateError: NOT_FOUND, UNTRUSTED, STALE, LINK_DOWN, DAMAGED."""
        mine = kind(machine(), f"{sys.version_info.major}.{sys.version_info.minor}")
        path = self._state / LATEST
        with _told():
            self._source.refresh()
            self._source.fetch(LATEST, path, MOST_LATEST_BYTES)
        self._step("checked")
        offer = read_offers(path.read_bytes()).get(mine)
        if offer is None:
            raise UpdateError(Reason.NOT_FOUND, f"nothing is published for {mine}", "Publish a bundle for it.")
        return offer

    def fetch(self, offer: Offer) -> Path:
        """The bundle, whole and as signed; at once where it is here already. Raises as ``check``, and TOO_LARGE."""
        path = self._state / "bundle.tar"
        with _told():
            self._source.fetch(offer.path, path, MOST_BYTES)
        self._step("fetched")
        return path


@contextmanager
def _told() -> Iterator[None]:
    """What the repository's reader says of lists, said of software."""
    try:
        yield
    except WatchlistError as error:
        advice = "The software that runs stays. Tell whoever publishes it, and look at the kiosk's clock and network."
        raise UpdateError(error.reason, f"software: {error.what}", advice) from error
