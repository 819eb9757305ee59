"""Where the repository's files come from: a gateway over HTTPS, or a folder such as a USB stick.

Both are what python-tuf's updater fetches by; it bounds what is read of each file. Over the network a target that broke
off is gone on with from where it was (RFC 9110 clause 14, ranges), and a server that sends too slowly is left
(TUF's slow retrieval attack). What is fetched is trusted in no way before the updater has checked it.
"""

from __future__ import annotations

import hashlib
import logging
import ssl
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import urllib3
from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError
from tuf.ngclient.fetcher import FetcherInterface

log = logging.getLogger(__name__)

_CHUNK: Final = 16 * 1024
SLOWEST_BYTES_PER_S: Final = 256
"""A line of 64 kbit/s that is shared with the lanes' checks gives an update far more than this."""
JUDGED_AFTER_S: Final = 60.0
SILENCE_S: Final = 30.0


class HttpFetcher(FetcherInterface):
    """Fetches over HTTPS; ``partial`` holds what of targets is there so far. For one thread."""

    def __init__(
        self,
        partial: Path,
        context: ssl.SSLContext,
        *,
        silence_s: float = SILENCE_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._partial = partial
        self._monotonic = monotonic
        # Proxies of the environment are not for this, and whatever redirects is not the gateway.
        self._pool = urllib3.PoolManager(
            num_pools=2, ssl_context=context, retries=False, timeout=urllib3.Timeout(silence_s)
        )
        self._answer: urllib3.BaseHTTPResponse | None = None
        self.received = 0
        """Bytes that came over the network."""

    def close(self) -> None:
        """Let go of the connections."""
        self._hang_up()
        self._pool.clear()

    def _hang_up(self) -> None:
        """Whatever is still being sent is not wanted: the updater leaves a file when it has had enough of it."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def forget(self, url: str) -> None:
        """Throw away what is there of this target: it is complete, or was found false."""
        self._partial_of(url).unlink(missing_ok=True)

    def _fetch(self, url: str) -> Iterator[bytes]:
        resumable = "/targets/" in urlsplit(url).path
        partial = self._partial_of(url) if resumable else None
        there = partial.stat().st_size if partial is not None and partial.is_file() else 0
        headers = {"Range": f"bytes={there}-"} if there else {}
        response = self._get(url, headers)
        if there and response.status == 416:
            # All of it is there, or more than there is: the updater's check tells.
            response.close()
            return self._read(partial)
        if response.status not in {200, 206}:
            response.close()
            raise DownloadHTTPError(f"{url}: status {response.status}", response.status)
        begin = there if response.status == 206 else 0
        if begin and not response.headers.get("Content-Range", "").startswith(f"bytes {begin}-"):
            response.close()
            raise DownloadError(f"{url}: another part came than was asked for")
        return self._resume(response, partial, begin)

    def _get(self, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        self._hang_up()
        try:
            answer = self._pool.request(
                "GET", url, headers=headers, preload_content=False, redirect=False, decode_content=False
            )
        except urllib3.exceptions.TimeoutError as error:
            raise SlowRetrievalError(f"{url}: no answer") from error
        except urllib3.exceptions.HTTPError as error:
            raise DownloadError(f"{url}: {error}") from error
        self._answer = answer
        return answer

    def _resume(self, response: urllib3.BaseHTTPResponse, partial: Path | None, begin: int) -> Iterator[bytes]:
        try:
            if partial is None:
                yield from self._stream(response)
                return
            if begin:
                log.info("watchlist: going on with a part from byte %d", begin)
                yield from self._read(partial)
            partial.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("ab" if begin else "wb") as file:
                for chunk in self._stream(response):
                    file.write(chunk)
                    file.flush()
                    yield chunk
        finally:
            response.close()

    def _stream(self, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        start, received = self._monotonic(), 0
        try:
            for chunk in response.stream(_CHUNK, decode_content=False):
                received += len(chunk)
                self.received += len(chunk)
                took = self._monotonic() - start
                if took > JUDGED_AFTER_S and received < took * SLOWEST_BYTES_PER_S:
                    raise SlowRetrievalError(f"{received} bytes in {took:.0f} s")
                yield chunk
        except urllib3.exceptions.TimeoutError as error:
            raise SlowRetrievalError("the server fell silent") from error
        except urllib3.exceptions.HTTPError as error:
            raise DownloadError(f"the connection broke: {error}") from error

    def _read(self, partial: Path | None) -> Iterator[bytes]:
        if partial is not None:
            with partial.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk

    def _partial_of(self, url: str) -> Path:
        return self._partial / hashlib.sha256(url.encode()).hexdigest()


class FolderFetcher(FetcherInterface):
    """Fetches from a folder that is laid out as the gateway's repository is: ``file:`` addresses below ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def close(self) -> None:
        """Nothing is held."""

    def forget(self, url: str) -> None:
        """Nothing is kept."""

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = Path(unquote(urlsplit(url).path))
        if ".." in path.parts or not path.is_relative_to(self._root):
            raise DownloadError(f"{path} is not in {self._root}")
        try:
            # Only plain files: a pipe or a device on a stick could be read for ever.
            if not stat.S_ISREG(path.lstat().st_mode):
                raise DownloadError(f"{path} is no plain file")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DownloadHTTPError(f"{path} is not there", 404) from error
        except OSError as error:
            raise DownloadError(f"{path}: {error.strerror}") from error
        return self._read(path)

    def _read(self, path: Path) -> Iterator[bytes]:
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
        except OSError as error:
            raise DownloadError(f"{path}: {error.strerror}") from error
