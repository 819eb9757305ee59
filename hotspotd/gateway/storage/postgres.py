"""The gateway's database in PostgreSQL (tried with 15), by asyncpg.

Promises what the SQLite file does: a commit returns when it is on the server's disk. Each session is therefore opened
with ``synchronous_commit = on`` and looked at; a server that runs without fsync is refused. One writer at a time,
across processes: the rules of the store count rows and give out numbers in order. What is erased is overwritten by the
server in its own time, unlike SQLite's: put its data on an encrypted disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from importlib import resources
from itertools import count
from typing import Any, Final

from hotspotd.errors import ConfigError, GatewayError, Reason
from hotspotd.gateway.storage.base import Database, Session
from hotspotd.gateway.storage.postgres_url import parse

try:
    import asyncpg
    from asyncpg import DiskFullError, InterfaceError, InternalClientError, PostgresError
except ImportError as error:  # pragma: no cover  # The tests' environment has it.
    raise ConfigError(
        Reason.NO_RUNTIME, "store.url: PostgreSQL's driver is not installed", "pip install 'hotspotd[postgres]'"
    ) from error

# One writer and a few readers; a pool of one process must leave connections to others.
_CONNECTIONS: Final = 4
_CONNECT_S: Final = 10.0
# A commit waits for the server's disk; longer than this, the disk or the server is ill.
_STATEMENT_S: Final = 60.0
_CLOSE_S: Final = 5.0
_SETTINGS: Final = {
    "application_name": "hotspotd-gateway",
    "synchronous_commit": "on",
    # For the other process's transaction, which takes milliseconds.
    "lock_timeout": "10s",
    # A host that vanished in the middle of a transaction holds up the others no longer than this.
    "idle_in_transaction_session_timeout": "60s",
}
# TimeoutError and broken connections are OSError. The driver finds its own state amiss where it is asked for something
# in the moment in which the server ends the session.
_FAILURES: Final = (PostgresError, InterfaceError, InternalClientError, OSError)
_REQUIRED: Final = ("synchronous_commit", "fsync")
# Any numbers: those of this software's locks within a database.
_WRITER: Final = 0x407_5907_0001
_MIGRATION: Final = 0x407_5907_0002


class PostgresDatabase(Database):
    """One database of a server. Make it with ``open``."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, url: str) -> PostgresDatabase:
        """Connect, and make the tables if they are not there.

        Raises ConfigError (BAD_VALUE) for a URL that is none, GatewayError (STORAGE_FAILED, WRONG_VERSION).
        """
        address = parse(url)
        context = await asyncio.to_thread(address.context)
        with storage_errors():
            pool = await asyncpg.create_pool(
                host=address.host,
                port=address.port,
                user=address.user,
                # Never none: the driver would look for one in files.
                password=address.password,
                database=address.database,
                ssl=context or False,
                min_size=1,
                max_size=_CONNECTIONS,
                timeout=_CONNECT_S,
                command_timeout=_STATEMENT_S,
                server_settings=dict(_SETTINGS),
                init=_assert_durable,
            )
            try:
                await _migrate(pool)
            except BaseException:
                pool.terminate()
                raise
        return cls(pool)

    async def close(self) -> None:
        """See Database."""
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._pool.close()
        except (TimeoutError, *_FAILURES):
            # The server does not answer; nothing of ours is open there that it would not undo by itself.
            self._pool.terminate()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Session]:
        """See Database."""
        async with self._turn:
            with storage_errors():
                async with self._pool.acquire(timeout=_CONNECT_S) as connection, connection.transaction():
                    await connection.execute("SELECT pg_advisory_xact_lock($1)", _WRITER)
                    yield _Session(connection)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Session]:
        """See Database."""
        with storage_errors():
            async with (
                self._pool.acquire(timeout=_CONNECT_S) as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                yield _Session(connection)


class _Session(Session):
    def __init__(self, connection: Any) -> None:  # The pool's proxy of a connection has no public type.
        self._db = connection

    async def execute(self, query: str, *values: object) -> int:
        # The answer is the command with its number of rows: ``UPDATE 3``.
        number = str(await self._db.execute(_numbered(query), *values)).rpartition(" ")[2]
        return int(number) if number.isdigit() else 0

    async def rows(self, query: str, *values: object) -> Sequence[tuple[Any, ...]]:
        return [tuple(row) for row in await self._db.fetch(_numbered(query), *values)]


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turns what the driver raises into GatewayError. It names the kind of error only: details hold values."""
    try:
        yield
    except DiskFullError as error:
        raise GatewayError(
            Reason.STORAGE_FULL, "gateway: PostgreSQL's disk is full", "Free space; nothing stored is lost."
        ) from error
    except _FAILURES as error:
        kind = f"{type(error).__name__} {getattr(error, 'sqlstate', None) or ''}".strip()
        raise GatewayError(
            Reason.STORAGE_FAILED, f"gateway: PostgreSQL fails ({kind})", "Look at the server and its log."
        ) from error


async def _assert_durable(connection: Any) -> None:  # See _Session.
    """Raises GatewayError where a commit of this session could be lost when the server's power goes."""
    for name in _REQUIRED:
        setting = str(await connection.fetchval("SELECT current_setting($1)", name))
        if setting != "on":
            raise GatewayError(
                Reason.STORAGE_FAILED,
                f"gateway: PostgreSQL runs with {name} = {setting}: a commit could be lost",
                f"Set {name} = on.",
            )


async def _migrate(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    files = await asyncio.to_thread(_schema_files)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _MIGRATION)
        made = await connection.fetchval("SELECT to_regclass('meta') IS NOT NULL")
        present = int(await connection.fetchval("SELECT value FROM meta WHERE name = 'schema'")) if made else 0
        if present > len(files):
            raise GatewayError(
                Reason.WRONG_VERSION,
                f"gateway: the database has schema {present}, this software knows up to {len(files)}",
                "Run the newer software that made it.",
            )
        for script in files[present:]:
            await connection.execute(script)
        await connection.execute(
            "INSERT INTO meta (name, value) VALUES ('schema', $1)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            str(len(files)),
        )


def _schema_files() -> list[str]:
    folder = resources.files("hotspotd.gateway.storage") / "schema"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.startswith("postgres_"))
    return [(folder / name).read_text(encoding="utf-8") for name in names]


@lru_cache(maxsize=256)
def _numbered(query: str) -> str:
    """``query`` with ``$1``, ``$2`` ... for its question marks; none of ours stands in a literal."""
    numbers = count(1)
    return "".join(f"${next(numbers)}" if character == "?" else character for character in query)
