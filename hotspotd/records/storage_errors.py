"""SQLite's and the system's errors in our own terms."""

from __future__ import annotations

import errno
import sqlite3

from hotspotd.errors import Reason, RecordsError


class storage_errors:  # noqa: N801  # Reads as a statement where it is used, as contextlib's own do.
    """Turns SQLite's and the system's errors into RecordsError with a reason."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Raise the RecordsError that ``error`` stands for, if it is one of storage."""
        if error is not None and (ours := in_our_terms(error, self._what)) is not error:
            raise ours from error


def in_our_terms(error: BaseException, what: str) -> BaseException:
    """The RecordsError that ``error`` stands for, caused by it, if it is one of storage; else ``error`` itself."""
    if isinstance(error, sqlite3.Error):
        full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    elif isinstance(error, OSError):
        full = error.errno == errno.ENOSPC
    else:
        return error
    if full:
        ours = RecordsError(
            Reason.STORAGE_FULL, f"records: {what}: the disk is full", "Free space; nothing stored is lost."
        )
    else:
        ours = RecordsError(
            Reason.STORAGE_FAILED, f"records: {what}: {error}", "Check the disk and the folder's permissions."
        )
    ours.__cause__ = error
    return ours
