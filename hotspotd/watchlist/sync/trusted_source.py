"""A TUF repository as a kiosk sees it: only what is signed, fresh and no older than what was seen before.

python-tuf does the checks (specification 1.0, clause 5). This hands it the files and the time, and says in the
project's own errors what it found.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tuf.api import exceptions as tuf_errors
from tuf.api.metadata import TargetFile
from tuf.ngclient import Updater, UpdaterConfig

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.sync.fetching import FolderFetcher, HttpFetcher
from hotspotd.watchlist.sync.trusted_time import TrustedTime

MADE_AT: Final = "x-hotspotd-made-at"
"""Field of the timestamp: when it was signed, the latest time that a kiosk without a clock can know."""
_CONFIG: Final = UpdaterConfig(max_root_rotations=64, targets_max_length=4_000_000, app_user_agent="hotspotd")


class TrustedSource:
    """One look at one repository: ``refresh`` once, then ``fetch`` targets. Blocks; for one thread."""

    def __init__(
        self, fetcher: HttpFetcher | FolderFetcher, base: str, state: Path, root: bytes, time: TrustedTime
    ) -> None:
        self._fetcher = fetcher
        self._base = base
        self._metadata = state / "metadata"
        self._root = root
        self._time = time
        self._updater: Updater | None = None

    @classmethod
    def https(cls, url: str, context: ssl.SSLContext, state: Path, root: bytes, time: TrustedTime) -> TrustedSource:
        """The repository that a gateway serves at ``url``."""
        return cls(HttpFetcher(state / "partial", context), url.rstrip("/"), state, root, time)

    @classmethod
    def folder(cls, folder: Path, state: Path, root: bytes, time: TrustedTime) -> TrustedSource:
        """The repository in ``folder``, as on a USB stick: its ``metadata`` and ``targets``."""
        folder = folder.resolve()
        return cls(FolderFetcher(folder), folder.as_uri(), state, root, time)

    @property
    def received(self) -> int:
        """Bytes that came over a network so far."""
        return self._fetcher.received if isinstance(self._fetcher, HttpFetcher) else 0

    def close(self) -> None:
        """Let go of connections."""
        self._fetcher.close()

    def refresh(self) -> None:
        """Fetch and check the metadata. Raises WatchlistError (UNTRUSTED, STALE, LINK_DOWN, TOO_LARGE), OSError."""
        self._metadata.mkdir(parents=True, exist_ok=True)
        with _told():
            updater = Updater(
                str(self._metadata),
                f"{self._base}/metadata/",
                target_base_url=f"{self._base}/targets/",
                fetcher=self._fetcher,
                config=_CONFIG,
                bootstrap=self._root,
            )
            # The library takes the wall clock, which a kiosk cannot believe, and has no other way to be told.
            updater._trusted_set.reference_time = self._time.now()
            updater.refresh()
        timestamp = updater._trusted_set.timestamp  # The fields of ours in what it has verified.
        self._time.learn(str(timestamp.unrecognized_fields.get(MADE_AT, "")))
        self._updater = updater

    def size(self, path: str) -> int:
        """Bytes of target ``path``. Raises WatchlistError (NOT_FOUND)."""
        return self._info(path).length

    def fetch(self, path: str, into: Path, most_bytes: int) -> None:
        """Target ``path`` as the file ``into``, checked; at once where it is there already.

        Raises WatchlistError: NOT_FOUND, UNTRUSTED, TOO_LARGE, LINK_DOWN; OSError.
        """
        info = self._info(path)
        if info.length > most_bytes:
            raise WatchlistError(Reason.TOO_LARGE, f"{path} has {info.length} bytes", "Publish the list again.")
        updater = self._ready()
        if updater.find_cached_target(info, str(into)):
            return
        folder, slash, name = path.rpartition("/")
        url = f"{self._base}/targets/{folder}{slash}{next(iter(info.hashes.values()))}.{name}"
        with _told():
            try:
                updater.download_target(info, str(into))
            except (tuf_errors.RepositoryError, tuf_errors.DownloadLengthMismatchError):
                self._fetcher.forget(url)
                raise
        self._fetcher.forget(url)

    def _info(self, path: str) -> TargetFile:
        with _told():
            info = self._ready().get_targetinfo(path)
        if info is None:
            raise WatchlistError(Reason.NOT_FOUND, f"the repository has no {path}", "Publish a list first.")
        return info

    def _ready(self) -> Updater:
        if self._updater is None:
            raise WatchlistError(Reason.NOT_FOUND, "the repository was not looked at yet", "Refresh it first.")
        return self._updater


@contextmanager
def _told() -> Iterator[None]:
    """python-tuf's errors as ours: what happened, and what to do."""
    try:
        yield
    except tuf_errors.ExpiredMetadataError as error:
        raise WatchlistError(
            Reason.STALE,
            f"the published list is out of date: {error}",
            "Have the gateway publish anew, and look at the kiosk's clock.",
        ) from error
    except tuf_errors.BadVersionNumberError as error:
        raise WatchlistError(
            Reason.UNTRUSTED, f"the repository is older than it was before: {error}", _SUSPECT
        ) from error
    except tuf_errors.RepositoryError as error:
        raise WatchlistError(Reason.UNTRUSTED, f"the repository cannot be trusted: {error}", _SUSPECT) from error
    except tuf_errors.DownloadLengthMismatchError as error:
        raise WatchlistError(Reason.TOO_LARGE, f"the repository sends more than it said: {error}", _SUSPECT) from error
    except tuf_errors.SlowRetrievalError as error:
        raise WatchlistError(
            Reason.LINK_DOWN, f"the repository sends too slowly: {error}", "Look at the line to the gateway."
        ) from error
    except tuf_errors.DownloadError as error:
        raise WatchlistError(
            Reason.LINK_DOWN, f"the repository cannot be fetched: {error}", "It is tried again later."
        ) from error


_SUSPECT: Final = "The list in force stays. Tell whoever runs the gateway: somebody may be tampering."
