"""What every way to the gateway offers.

A link carries bytes and knows no transaction: what goes next and when, and whether a receipt counts, is the
courier's. Errors are RelayError, told apart by reason:

LINK_DOWN       nobody answered, or not in time; try again later
LINK_REFUSED    the other side does not want this device, or is not who it should be; try rarely
LINK_PROTOCOL   somebody answered, but not as a gateway does, or it cannot work just now
BAD_TRANSACTION, TOO_LARGE, CONFLICT   the gateway refused this one transaction for what it is; never send it again
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as it came. ``cursor`` acknowledges it when given to ``replies``; ``tcr`` is what it answers."""

    cursor: str
    tcr: str
    payload: bytes


class Link(ABC):
    """One way to the gateway."""

    @abstractmethod
    async def send(self, tcn: str, payload: bytes) -> bytes:
        """Give the gateway a transaction; returns its receipt, unchecked. Safe to repeat. Raises RelayError."""

    @abstractmethod
    async def replies(self, after: str, wait_s: float) -> list[Reply]:
        """Replies after the cursor ``after`` (empty: all that were not acknowledged), oldest first.

        Acknowledges everything up to ``after``. Waits at most ``wait_s`` for one. Raises RelayError.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of connections."""
