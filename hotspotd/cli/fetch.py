"""Fetching one file of known size and hash over HTTP, continued where an earlier try broke off.

What has arrived stands in a ``.part`` file beside the place where it belongs and gets its own name only when its hash
is right. Promises that no more than the announced size is written, and that a file of another hash never stands under
the name asked for. The hash decides, not the server: plain http is as good as https here.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from io import BufferedRandom
from pathlib import Path
from typing import Protocol

from hotspotd.errors import BiometricError, Reason

Progress = Callable[[int], None]
"""Told how many bytes are there so far."""

TIMEOUT_S = 30.0
# A line that drops a transfer this often within one command wants a person, not another try.
TRIES = 4
_CHUNK = 64 * 1024


class _Readable(Protocol):
    def read(self, amount: int, /) -> bytes: ...


class _BrokenOffError(Exception):
    """The transfer ended early; what arrived is kept."""


def fetch(url: str, place: Path, size: int, sha256: str, told: Progress, timeout_s: float = TIMEOUT_S) -> None:
    """Put the file at ``url`` under ``place``, if it has ``size`` bytes and the hash ``sha256``.

    Raises BiometricError: MODEL_MISSING where it cannot be fetched (what arrived is kept for the next try), TOO_LARGE
    or MODEL_HASH where it is another file (nothing is kept), BUSY while another process fetches it.
    """
    with _part(place) as file:
        for attempt in range(1, TRIES + 1):
            continued = file.seek(0, os.SEEK_END) > 0
            try:
                _transfer(url, file, size, told, timeout_s)
            except _BrokenOffError as broken:
                if attempt < TRIES:
                    continue
                kept = file.tell()
                raise BiometricError(
                    Reason.MODEL_MISSING,
                    f"{url}: {broken}; {kept} of {size} bytes have arrived",
                    "Run the same command again: it continues there.",
                ) from broken
            if digest(file) == sha256:
                break
            file.truncate(0)
            if not continued:
                # Fetched in one go and still another file: no second try makes it the right one.
                raise _another(url, sha256)
        else:
            raise _another(url, sha256)
        keep(file, place)


def copy(source: Path, place: Path, size: int, sha256: str, told: Progress) -> None:
    """Put a copy of ``source`` under ``place``, if it has ``size`` bytes and the hash ``sha256``.

    Raises BiometricError as ``fetch`` does, and OSError.
    """
    with _part(place) as file, source.open("rb") as original:
        file.truncate(0)
        _receive(original, file, size, told)
        if digest(file) != sha256:
            file.truncate(0)
            raise _another(str(source), sha256)
        keep(file, place)


def digest(file: BufferedRandom) -> str:
    """SHA-256 of a file from its beginning, in hexadecimal."""
    file.flush()
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def keep(file: BufferedRandom, place: Path) -> None:
    """Give the finished part its own name, durably."""
    file.flush()
    os.fchmod(file.fileno(), 0o644)
    os.fsync(file.fileno())
    _part_path(place).replace(place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class _part:  # noqa: N801  # Used as a statement.
    """The part file, locked against a second process; an empty one does not stay."""

    def __init__(self, place: Path) -> None:
        self._path = _part_path(place)
        self._file: BufferedRandom | None = None

    def __enter__(self) -> BufferedRandom:
        file = self._path.open("a+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise BiometricError(
                Reason.BUSY, f"{self._path.name} is being written by another process", "Wait until it has ended."
            ) from error
        self._file = file
        return file

    def __exit__(self, *_: object) -> None:
        if self._file is None:
            return
        empty = os.fstat(self._file.fileno()).st_size == 0
        self._file.close()
        if empty:
            self._path.unlink(missing_ok=True)


def _part_path(place: Path) -> Path:
    return place.with_name(f".{place.name}.part")


def _transfer(url: str, file: BufferedRandom, size: int, told: Progress, timeout_s: float) -> None:
    """One request for what is still missing. Raises _BrokenOffError, BiometricError."""
    start = file.seek(0, os.SEEK_END)
    if start >= size:
        if start == size:
            return
        file.truncate(0)
        start = 0
    request = urllib.request.Request(url, headers={"User-Agent": "hotspotctl"})  # noqa: S310  # A manifest's url is http.
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
            if start and not (answer.status == 206 and _starts_at(answer.headers.get("Content-Range"), start)):
                # The server sends all of it again.
                file.truncate(0)
            _receive(answer, file, size, told)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and start:
            file.truncate(0)
            raise _BrokenOffError("the server has no such part") from error
        if error.code >= 500:
            raise _BrokenOffError(f"the server answers {error.code}") from error
        raise BiometricError(
            Reason.MODEL_MISSING,
            f"{url}: the server answers {error.code} {error.reason}",
            "Fetch the file elsewhere and install it with --from FILE; its hash is checked all the same.",
        ) from error
    except (http.client.HTTPException, OSError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise _BrokenOffError(_why(error)) from error
    if file.seek(0, os.SEEK_END) < size:
        raise _BrokenOffError("the transfer ended early")


def _receive(source: _Readable, file: BufferedRandom, size: int, told: Progress) -> None:
    """Append what ``source`` gives. Raises BiometricError (TOO_LARGE) beyond ``size`` bytes."""
    while chunk := source.read(_CHUNK):
        if file.seek(0, os.SEEK_END) + len(chunk) > size:
            file.truncate(0)
            raise BiometricError(
                Reason.TOO_LARGE, f"more than the {size} bytes that its manifest says have come", "It is another file."
            )
        file.write(chunk)
        told(file.tell())


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return str(reason)[:200] or type(error).__name__


def _starts_at(header: str | None, start: int) -> bool:
    """Whether a Content-Range (RFC 9110, 14.4) begins where the part ends."""
    return header is not None and header.strip().startswith(f"bytes {start}-")


def _another(where: str, sha256: str) -> BiometricError:
    return BiometricError(
        Reason.MODEL_HASH,
        f"{where}: its SHA-256 is not {sha256[:16]}…",
        "This is not the file the manifest was written for; it was not installed.",
    )
