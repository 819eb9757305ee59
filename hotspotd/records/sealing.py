"""The vault as functions of SQLite: ``seal``, ``unseal`` and ``new_key`` run where the queries run that use them.

So a statement reads and writes what is personal as it does anything else, in the thread of its connection, and the rule
that a row is only ever stored sealed stands in its SQL (``records.sealed`` has the columns).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from hotspotd.errors import HotspotError, Reason, RecordsError
from hotspotd.records.vault import Vault


class Sealing:
    """``seal`` and ``unseal`` as functions of one SQLite connection: they run where its queries run.

    ``seal(key, place, row, value)``: NULL stays NULL, and nothing (``x''``) stays nothing, without a key too.
    ``unseal`` is the way back. SQLite says only that a function failed: ``told`` says why.
    """

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self._error: HotspotError | None = None

    def seal(self, key: int | None, place: str, row: str, value: bytes | str | None) -> bytes | None:
        """For SQL."""
        if value is None or not value:
            return None if value is None else b""
        return self._do(self.vault.seal, key, place, row, value.encode() if isinstance(value, str) else value)

    def unseal(self, key: int | None, place: str, row: str, sealed: bytes | None) -> bytes | None:
        """For SQL."""
        if sealed is None or not sealed:
            return sealed
        return self._do(self.vault.unseal, key, place, row, sealed)

    def new_key(self) -> int:
        """For SQL: the number of a new key, on disk unless inside ``Vault.together``."""
        try:
            return self.vault.new_keys(1)[0]
        except HotspotError as error:
            self._error = error
            raise

    def register(self, connection: sqlite3.Connection) -> None:
        """Make the functions known to ``connection``."""
        connection.create_function("seal", 4, self.seal)
        connection.create_function("unseal", 4, self.unseal)
        connection.create_function("new_key", 0, self.new_key)

    def told(self, error: BaseException) -> BaseException:
        """The error of ours that made a function fail, where ``error`` is SQLite's word for that."""
        ours, self._error = self._error, None
        return ours if ours is not None and isinstance(error, sqlite3.OperationalError) else error

    def _do(
        self, how: Callable[[int, str, str, bytes], bytes], key: int | None, place: str, row: str, value: bytes
    ) -> bytes:
        try:
            if key is None:
                raise RecordsError(Reason.NO_KEY, f"records: {place} of {row} has no key", "It was erased.")
            return how(key, place, row, value)
        except HotspotError as error:
            self._error = error
            raise
