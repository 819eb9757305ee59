"""The kiosk's watchlist kept as its gateway publishes it, over the link's own identity; or brought on a stick, once.

A list that cannot be fetched or trusted is said once, loudly, and the one in force stays in force.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hotspotd.clock import Clock
from hotspotd.config import Config, resolve
from hotspotd.errors import ConfigError, HotspotError, Reason
from hotspotd.provisioning.identity import PREVIOUS
from hotspotd.provisioning.secrets import read_key
from hotspotd.relay.links.tls import client_context
from hotspotd.watchlist import Shelf
from hotspotd.watchlist.sync.following import Engines, Follower, Identity, Outcome
from hotspotd.watchlist.sync.trusted_source import TrustedSource
from hotspotd.watchlist.sync.trusted_time import TrustedTime
from hotspotd.workers import Worker

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Credentials:
    """The kiosk's name, its certificate and key, whom it trusts for TLS, and the root of what is published."""

    device: str
    trust_anchors: Path
    certificate: Path
    key: Path
    root: Path

    @classmethod
    def of(cls, path: Path, config: Config) -> Credentials | None:
        """What ``config``, read from ``path``, names; None where it has no root, without which nothing is trusted."""
        root = config.watchlist.root
        if not root:
            return None
        anchors, certificate, key = config.relay.files(path)
        return cls(
            device=config.device.name,
            trust_anchors=anchors,
            certificate=certificate,
            key=key,
            root=resolve(path, root),
        )


class ListUpdates:
    """Updates one watchlist folder. ``bring`` blocks; ``run`` does it in ``worker``.

    ``key_file`` holds the keys to what is listed by its number, as for ``Shelf``.
    """

    def __init__(
        self, folder: Path, credentials: Credentials, engines: Engines, clock: Clock, key_file: Path | None = None
    ) -> None:
        self._folder = folder
        self._key_file = key_file
        self._credentials = credentials
        self._engines = engines
        self._clock = clock
        self._problem = ""

    def bring(self, origin: str, progress: Progress = lambda _done, _all: None) -> Outcome:
        """Put the newest list of ``origin`` in force: an ``https://`` address, or a folder such as that of a stick.

        Raises WatchlistError, ConfigError, OSError.
        """
        credentials = self._credentials
        root = _read(credentials.root)
        previous = credentials.key.with_name(PREVIOUS)
        identity = Identity(
            credentials.device, read_key(credentials.key), read_key(previous) if previous.exists() else None
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        follower = Follower(Shelf(self._folder, self._key_file), identity, self._engines)
        time = TrustedTime(follower.state / "time", self._clock)
        if origin.startswith("https://"):
            context = client_context(credentials.trust_anchors, credentials.certificate, credentials.key)
            source = TrustedSource.https(origin, context, follower.state, root, time)
        else:
            source = TrustedSource.folder(Path(origin), follower.state, root, time)
        try:
            return follower.update(source, progress)
        finally:
            source.close()

    async def run(self, url: str, every_s: float, worker: Worker, changed: Callable[[], None]) -> None:
        """Bring what ``url`` has, now and every ``every_s`` seconds, for ever; ``changed`` follows a new list."""
        while True:
            try:
                outcome = await worker.run(self.bring, url)
            except (HotspotError, OSError) as error:
                told = str(error)
                log.log(logging.DEBUG if told == self._problem else logging.WARNING, "watchlist update: %s", told)
                self._problem = told
            else:
                if self._problem:
                    log.info("watchlist update: works again")
                self._problem = ""
                if outcome.how != "unchanged":
                    changed()
            await asyncio.sleep(every_s)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            Reason.UNREADABLE,
            f"{path}: {error.strerror}",
            "Copy metadata/1.root.json of the gateway's repository there, by a way that you trust.",
        ) from error
