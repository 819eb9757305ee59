"""The vault: a key of its own for each encounter, so that destroying the key erases the encounter everywhere.

Three layers, each AES-256 in GCM: the *data key* comes from outside (``records.data_key``) and wraps the *master key*,
which wraps the *keys of encounters*. Wrapped keys are in a small database of their own, ``NAME.keys`` beside the
records, which belongs into no backup: a copy of the records alone cannot be opened once the key here is destroyed, nor
by anybody without the data key. Whoever has a copy of both files and the data key can open what the copy holds.

A sealed value is ``version (1) | nonce (12) | ciphertext | tag (16)``. What it is bound to by the additional data: the
key's number, table and column, and the row. So no value can be taken for that of another person or column.

Every method blocks, apart from ``take`` and ``put_back``, and may be called from any thread but the event loop's.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import sqlite3
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hotspotd.errors import Reason, RecordsError
from hotspotd.records.data_key import KEY_BYTES, DataKey, KeySource
from hotspotd.records.storage_errors import storage_errors

log = logging.getLogger(__name__)

OVERHEAD: Final = 29
"""Bytes that a sealed value is longer than what is in it."""
_VERSION: Final = b"\x01"
_NONCE: Final = 12
_BUSY_TIMEOUT_S: Final = 5.0
_SCHEMA_VERSION: Final = 1
# Made ahead in one transaction: an encounter waits for no second write to the disk. What a power cut leaves unused
# of them is a few kilobytes.
_MADE_AHEAD: Final = 32
# Keys that are held in memory, of the encounters last used.
_HELD: Final = 512
_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    # A destroyed key is overwritten where it was.
    "PRAGMA secure_delete = ON",
    "PRAGMA temp_store = MEMORY",
)
_SCHEMA: Final = f"""
BEGIN IMMEDIATE;
-- A master key once for each data key that opens it; the newest master wraps new keys.
CREATE TABLE IF NOT EXISTS master (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    data_key TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    UNIQUE (id, data_key)
) STRICT;
-- Numbers are never used again, so that no other key is taken for a destroyed one.
CREATE TABLE IF NOT EXISTS wrapped_key (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    master TEXT NOT NULL,
    wrapped BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS wrapped_key_master ON wrapped_key (master);
PRAGMA user_version = {_SCHEMA_VERSION};
COMMIT;
"""


def keys_path(database: Path) -> Path:
    """Where the wrapped keys to ``database`` are."""
    return database.with_name(f"{database.name}.keys")


class Vault:
    """The keys to one database. ``source`` of ``None``: whatever is sealed stays so (NO_KEY)."""

    def __init__(self, connection: sqlite3.Connection, source: KeySource | None) -> None:
        self._connection = connection
        self._source = source
        self._data_key: DataKey | None = None
        self._masters: dict[str, bytes] = {}
        self._keys: OrderedDict[int, AESGCM] = OrderedDict()
        self._ahead: deque[int] = deque()
        self._lock = threading.RLock()
        self._depth = 0
        self._closed = False

    @classmethod
    def open(cls, database: Path, source: KeySource | None, *, make: bool = True) -> Vault:
        """The vault of ``database``; ``make``: as its keeper, with a new master key where there is none.

        Others look at the data key when they need it first. Raises RecordsError: NO_KEY (no data key, or another one
        than the keys here were wrapped with), UNREADABLE, BAD_VALUE, WRONG_VERSION, STORAGE_FAILED.
        """
        path = keys_path(database)
        with storage_errors(f"open {path.name}"):
            if make and not path.exists():
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            address = f"{path.absolute().as_uri()}?mode={'rwc' if make else 'rw'}"
            connection = sqlite3.connect(
                address, uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            try:
                _prepare(connection, path, make=make)
                vault = cls(connection, source)
                if make and source is not None:
                    vault._unlock()
            except BaseException:
                connection.close()
                raise
        return vault

    def close(self) -> None:
        """Forget every key; what was made ahead for nothing is taken out. A second time does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            try:
                self._delete(self._ahead)
            except RecordsError as error:
                log.info("records: keys that nothing was sealed with stay: %s", error)
            self._keys.clear()
            self._masters.clear()
            self._connection.close()

    # ------------------------------------------------------------------------------------------ keys of encounters

    async def take(self) -> int:
        """The number of a new key, which is on disk. Raises RecordsError."""
        while True:
            try:
                return self._ahead.popleft()
            except IndexError:
                await asyncio.to_thread(self._make_ahead)

    def put_back(self, number: int) -> None:
        """A key that was taken and that nothing was sealed with."""
        self._ahead.append(number)

    def _make_ahead(self) -> None:
        with self._lock:
            if not self._ahead:
                made = self.new_keys(_MADE_AHEAD)
                self._ahead.extend(made)

    def new_keys(self, count: int) -> list[int]:
        """The numbers of ``count`` new keys, on disk when this returns outside of ``together``. Raises RecordsError."""
        with self.together():
            # Inside the transaction nobody else can make a newer master.
            master, numbers = self.newest_master(), []
            opened = AESGCM(self._master(master))
            for _ in range(count):
                number = int(
                    self._connection.execute(
                        "INSERT INTO wrapped_key (master, wrapped) VALUES (?, x'') RETURNING id", (master,)
                    ).fetchone()[0]
                )
                wrapped = _wrap(opened, secrets.token_bytes(KEY_BYTES), _about_key(number))
                self._connection.execute("UPDATE wrapped_key SET wrapped = ? WHERE id = ?", (wrapped, number))
                numbers.append(number)
            return numbers

    def destroy(self, numbers: Iterable[int]) -> None:
        """Destroy these keys: overwritten in the database, and in its log. Raises RecordsError.

        BUSY where another process reads just now; they are to be destroyed again then.
        """
        self._delete(numbers)
        self.empty_log()

    def _delete(self, numbers: Iterable[int]) -> None:
        with self.together():
            for number in numbers:
                self._keys.pop(number, None)
                self._connection.execute("DELETE FROM wrapped_key WHERE id = ?", (number,))

    def empty_log(self) -> None:
        """Write the log into the database, and cut it off. Raises RecordsError (BUSY)."""
        with self._lock, storage_errors("destroy keys"):
            busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise RecordsError(Reason.BUSY, "records: another process holds the keys", "It is tried again.")

    @contextmanager
    def together(self) -> Iterator[None]:
        """Changes inside are one transaction; in a transaction already, part of that one."""
        with self._lock, storage_errors("write keys"):
            if self._depth:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                self._depth = 0
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    # ------------------------------------------------------------------------------------------ sealing

    def seal(self, number: int, place: str, row: str, value: bytes) -> bytes:
        """``value`` of ``place`` (table and column) and ``row``, sealed with the key ``number``.

        Raises RecordsError, as ``unseal``.
        """
        nonce = secrets.token_bytes(_NONCE)
        return _VERSION + nonce + self._key(number).encrypt(nonce, value, _about(number, place, row))

    def unseal(self, number: int, place: str, row: str, sealed: bytes) -> bytes:
        """What ``seal`` was given.

        Raises RecordsError: NO_KEY for a destroyed key or without the data key, DAMAGED for what was changed.
        """
        key = self._key(number)
        changed = RecordsError(
            Reason.DAMAGED, f"records: {place} of {row} was changed, or is not of this row", "Export the database."
        )
        if sealed[:1] != _VERSION or len(sealed) < OVERHEAD:
            raise changed
        try:
            return key.decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], _about(number, place, row))
        except InvalidTag:
            raise changed from None

    def _key(self, number: int) -> AESGCM:
        with self._lock:
            held = self._keys.get(number)
            if held is not None:
                self._keys.move_to_end(number)
                return held
            with storage_errors("read keys"):
                found = self._connection.execute(
                    "SELECT master, wrapped FROM wrapped_key WHERE id = ?", (number,)
                ).fetchone()
            if found is None:
                raise RecordsError(Reason.NO_KEY, f"records: key {number} was destroyed", "What it sealed is erased.")
            key = AESGCM(_unwrap(AESGCM(self._master(found[0])), found[1], _about_key(number)))
            self._keys[number] = key
            if len(self._keys) > _HELD:
                self._keys.popitem(last=False)
            return key

    # ------------------------------------------------------------------------------------------ master keys

    def holds(self, number: int) -> bool:
        """Whether the key is here, opened or not."""
        with self._lock, storage_errors("read keys"):
            return self._connection.execute("SELECT 1 FROM wrapped_key WHERE id = ?", (number,)).fetchone() is not None

    def _unlock(self) -> None:
        """Open every master key, once; wraps for data keys of before the present one are destroyed."""
        data_key = self._load_data_key()
        with self.together():
            if self._connection.execute("SELECT 1 FROM master").fetchone() is None:
                self.add_master((data_key,))
            for (master,) in self._connection.execute("SELECT DISTINCT id FROM master").fetchall():
                self._master(master)
            # Older ones: what opens nothing but itself yet may be the key of a change that is under way.
            dropped = self._connection.execute(
                "DELETE FROM master WHERE number < (SELECT max(number) FROM master WHERE data_key = ?)"
                " AND data_key <> ? AND id IN (SELECT id FROM master WHERE data_key = ?)",
                (data_key.id,) * 3,
            ).rowcount
        if dropped:
            log.info("records: the data keys before %s open nothing any more", data_key.id)
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def add_master(self, data_keys: Iterable[DataKey]) -> str:
        """A new master key, wrapped for each of ``data_keys``: its id. New keys are wrapped with it from now on."""
        master, key = secrets.token_hex(8), secrets.token_bytes(KEY_BYTES)
        with self.together():
            for data_key in data_keys:
                self._add_wrap(master, key, data_key)
        self._masters[master] = key
        return master

    def admit(self, data_key: DataKey) -> None:
        """From now on ``data_key`` opens every master key too. Raises RecordsError."""
        with self.together():
            wraps = self.masters()
            for master in dict.fromkeys(master for master, _ in wraps):
                if (master, data_key.id) not in wraps:
                    self._add_wrap(master, self._master(master), data_key)

    def _add_wrap(self, master: str, key: bytes, data_key: DataKey) -> None:
        wrapped = _wrap(AESGCM(data_key.key), key, _about_master(master))
        self._connection.execute(
            "INSERT INTO master (id, data_key, wrapped) VALUES (?, ?, ?)", (master, data_key.id, wrapped)
        )

    def newest_master(self) -> str:
        """The id of the master key that wraps new keys. Inside ``together``. Raises RecordsError."""
        row = self._connection.execute("SELECT id FROM master GROUP BY id ORDER BY min(number) DESC LIMIT 1").fetchone()
        if row is None:
            raise RecordsError(Reason.NO_KEY, "records: the master key is gone", "Put the key database back.")
        return str(row[0])

    def _master(self, master: str) -> bytes:
        """The master key, opened. Another process may have made it, with a data key that came since."""
        if (held := self._masters.get(master)) is not None:
            return held
        wraps = dict(
            self._connection.execute("SELECT data_key, wrapped FROM master WHERE id = ?", (master,)).fetchall()
        )
        data_key = self._data_key
        if data_key is None or data_key.id not in wraps:
            data_key = self._load_data_key()
        if data_key.id not in wraps:
            raise RecordsError(
                Reason.NO_KEY,
                f"records: data key {data_key.id} opens nothing here; {', '.join(sorted(wraps)) or 'none'} does",
                "Hand over the data key that the records were written with.",
            )
        self._masters[master] = _unwrap(AESGCM(data_key.key), wraps[data_key.id], _about_master(master))
        return self._masters[master]

    def _load_data_key(self) -> DataKey:
        if self._source is None:
            raise RecordsError(
                Reason.NO_KEY, "records: this needs the data key", "hotspotctl privacy --help says how it is given."
            )
        self._data_key = self._source.load()
        return self._data_key

    # ------------------------------------------------------------------------------------------ for records.rotation

    def masters(self) -> list[tuple[str, str]]:
        """Each master key with a data key that opens it, oldest first."""
        with self._lock, storage_errors("read keys"):
            rows = self._connection.execute("SELECT id, data_key FROM master ORDER BY number")
            return [(str(row[0]), str(row[1])) for row in rows]

    def rewrap(self, most: int) -> int:
        """Wrap up to ``most`` keys anew that are not wrapped with the newest master: how many that were."""
        with self.together():
            newest = self.newest_master()
            by = AESGCM(self._master(newest))
            rows = self._connection.execute(
                "SELECT id, master, wrapped FROM wrapped_key WHERE master <> ? LIMIT ?", (newest, most)
            ).fetchall()
            for number, master, wrapped in rows:
                key = _unwrap(AESGCM(self._master(master)), wrapped, _about_key(number))
                self._connection.execute(
                    "UPDATE wrapped_key SET master = ?, wrapped = ? WHERE id = ?",
                    (newest, _wrap(by, key, _about_key(number)), number),
                )
            return len(rows)

    def drop_masters(self, data_key: DataKey) -> None:
        """Destroy every master that wraps nothing any more, and every wrap that is not for ``data_key``."""
        with self.together():
            self._connection.execute(
                "DELETE FROM master WHERE data_key <> ? OR (id <> ? AND id NOT IN (SELECT master FROM wrapped_key))",
                (data_key.id, self.newest_master()),
            )
        self.empty_log()


def _prepare(connection: sqlite3.Connection, path: Path, *, make: bool) -> None:
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    (present,) = connection.execute("PRAGMA user_version").fetchone()
    if present > _SCHEMA_VERSION:
        raise RecordsError(
            Reason.WRONG_VERSION, f"records: {path.name} has schema {present}", "Run the newer software that made it."
        )
    if make and present < _SCHEMA_VERSION:
        connection.executescript(_SCHEMA)


def _wrap(by: AESGCM, key: bytes, about: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + by.encrypt(nonce, key, about)


def _unwrap(by: AESGCM, wrapped: bytes, about: bytes) -> bytes:
    try:
        return by.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], about)
    except InvalidTag:
        raise RecordsError(
            Reason.DAMAGED, "records: a wrapped key was changed", "Check the disk; what it sealed cannot be opened."
        ) from None


def _about(number: int, place: str, row: str) -> bytes:
    return f"hotspotd {number} {place} {row}".encode()


def _about_key(number: int) -> bytes:
    return f"hotspotd key {number}".encode()


def _about_master(master: str) -> bytes:
    return f"hotspotd master {master}".encode()
