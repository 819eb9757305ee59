"""What the gateway stores, and what a database must do for it.

The rules of the store are written once, in SQL that both databases take: question marks for values, no types and no
functions that only one of them has. What differs (how it is opened, its tables, its errors) is a ``Database``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal

import msgspec

from hotspotd.domain.candidate import Hit
from hotspotd.errors import GatewayError, Reason
from hotspotd.relay.inti.transaction import Header

MessageKind = Literal["transaction", "decision", "checkpoint", "statistics", "log"]


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One message that reached the gateway and was found to be its device's.

    Times are ISO 8601 with a zone. ``nonce``, ``signed_at`` and ``expires_at`` are those of the message's seal; all
    three are empty for one that came without, which nothing protects against being sent again by somebody else.
    """

    device: str
    tcn: str
    kind: MessageKind = "transaction"
    lane: str = ""
    priority: int = 9
    body: bytes
    nonce: str
    signed_at: str
    expires_at: str
    door: str = "https"
    """The way it came: replies that are sent, and not fetched, go back that way."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction to be processed. ``runs`` counts searches begun, this one included."""

    id: int
    device: str
    tcn: str
    body: bytes
    runs: int


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found, most urgent first, and the Type-1 record of what was asked."""

    header: Header
    hits: tuple[Hit, ...]


class StoredReply(msgspec.Struct, frozen=True, kw_only=True):
    """A reply; ``sequence`` rises within a device."""

    sequence: int
    tcr: str
    body: bytes


class TransactionCount(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one transaction: times it was delivered, processed, answered."""

    deliveries: int
    processed: int
    replies: int


class StoreCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Totals, and the latest thousand transactions by control number. ``refused`` counts by reason.

    ``audit_chains`` is how many audit chains the device has begun, ``audit_seq`` the last entry of which there is a
    checkpoint, ``audit_findings`` counts checkpoints that contradict others, by kind: there should be none.
    """

    gateway: str
    transactions: int
    processed: int
    replies: int
    by_tcn: dict[str, TransactionCount]
    refused: dict[str, int] = {}
    audit_chains: int = 0
    audit_seq: int = 0
    audit_findings: dict[str, int] = {}


class Session(ABC):
    """One transaction on a database. Values stand for the question marks of a query, in order."""

    @abstractmethod
    async def execute(self, query: str, *values: object) -> int:
        """Carry out one statement; returns how many rows it changed."""

    @abstractmethod
    async def rows(self, query: str, *values: object) -> Sequence[tuple[Any, ...]]:
        """All rows of a query, or of a statement with RETURNING."""

    async def row(self, query: str, *values: object) -> tuple[Any, ...] | None:
        """The first row, if there is one."""
        found = await self.rows(query, *values)
        return found[0] if found else None

    async def value(self, query: str, *values: object) -> Any:  # Whatever the column holds.
        """The first value of the first row. Raises GatewayError where there is none."""
        row = await self.row(query, *values)
        if row is None:
            raise GatewayError(Reason.STORAGE_FAILED, "gateway: the database lacks a row that must be there")
        return row[0]


class Database(ABC):
    """An open database with the tables of the newest schema. Every error of storage is a GatewayError.

    STORAGE_FULL: no room. STORAGE_FAILED: anything else, a lost connection among them; it is made again with the next
    call. A caller that is cancelled leaves a transaction whole or undone.
    """

    @abstractmethod
    def write(self) -> AbstractAsyncContextManager[Session]:
        """A transaction that nothing else writes beside: on disk when the block ends, undone when it raises."""

    @abstractmethod
    def read(self) -> AbstractAsyncContextManager[Session]:
        """What is stored, as it was at one moment."""

    @abstractmethod
    async def close(self) -> None:
        """Close it. What is going on is ended first."""
