"""What the gateway keeps: one set of rules over two databases, SQLite and PostgreSQL."""

from __future__ import annotations

import re
from pathlib import Path

from hotspotd.gateway.storage.base import Database
from hotspotd.gateway.storage.sqlite import SqliteDatabase
from hotspotd.gateway.storage.store import Store

_URL = re.compile("postgres(ql)?://")

__all__ = ["Store", "open_store"]


async def open_store(place: str | Path) -> Store:
    """The store in a file, or in the database of a ``postgresql://`` URL; made if it is not there.

    Raises GatewayError (STORAGE_FAILED, STORAGE_FULL, WRONG_VERSION), ConfigError for a URL that is none, and for
    PostgreSQL without asyncpg. No password is in any of them.
    """
    return await Store.over(await _open(place))


async def _open(place: str | Path) -> Database:
    if isinstance(place, str) and _URL.match(place):
        # Imported where it is asked for: most gateways do without PostgreSQL's driver.
        from hotspotd.gateway.storage.postgres import PostgresDatabase  # noqa: PLC0415

        return await PostgresDatabase.open(place)
    return await SqliteDatabase.open(Path(place))
