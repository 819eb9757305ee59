"""What every way to the gateway offers.

A link carries messages and knows no transaction: what goes next and when, and whether a receipt or a reply counts,
is the courier's. Errors are RelayError, told apart by reason:

LINK_DOWN       nobody answered, or not in time; try again later
LINK_REFUSED    the other side does not want this device, or is not who it should be; try rarely
REVOKED         the gateway has revoked this device's certificate; try rarely
LINK_PROTOCOL   somebody answered, but not as a gateway does, or it cannot work just now
BAD_TRANSACTION, TOO_LARGE, CONFLICT   the gateway refused this one message for what it is; never send it again
STALE           the gateway's clock and this one do not agree
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from hotspotd.relay.seal import Trust

Pace = Callable[[int], Awaitable[None]]
"""Awaited with a number of bytes before they are sent: it holds back what is less urgent than something else."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be sent: ``content`` is what travels (packed, message.py), ``sha256`` that of the payload in it.

    ``seal`` makes a new seal for it, which counts from now for so many seconds; with the certificate in it for a
    receiver that cannot have it otherwise. ``begun`` says that it was tried before: part of it may have arrived.
    """

    tcn: str
    sha256: str
    content: bytes
    seal: Callable[[float, bool], str]
    begun: bool = False


def _nothing() -> None:
    """Nothing to go over to."""


class IncomingKind(StrEnum):
    """What the gateway sends."""

    RECEIPT = "receipt"  # the gateway holds the message durably
    REPLY = "reply"  # its answer, SRE or ERR
    REFUSAL = "refusal"  # it does not take the message; the content is wire.Refusal


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message of the gateway's as it came: unchecked.

    ``cursor`` acknowledges it, and all before it, when given to ``incoming``. ``tcr`` is what it claims to be about.
    """

    cursor: str
    kind: IncomingKind
    tcr: str
    seal: str
    content: bytes


class Link(ABC):
    """One way to the gateway, known to pages and logs by its ``name``."""

    name: str
    trust: Trust
    """Judges the gateway's seals. A link tells it the certificates that it sees."""

    @abstractmethod
    async def probe(self) -> None:
        """Whether the gateway can be reached, with as few bytes as can be. Raises RelayError."""

    @abstractmethod
    async def send(self, message: Outgoing, pace: Pace) -> Incoming | None:
        """Give the gateway a message. Safe to repeat. Raises RelayError.

        Returns the gateway's receipt, unchecked; ``None`` where the message is on its way and the receipt comes
        through ``incoming``.
        """

    @abstractmethod
    async def incoming(self, after: str, wait_s: float) -> list[Incoming]:
        """What came after the cursor ``after`` (empty: all that was not acknowledged), oldest first.

        Acknowledges everything up to ``after``. Waits at most ``wait_s`` for one. Raises RelayError.
        """

    @property
    @abstractmethod
    def resend_s(self) -> float:
        """How long the receipt of a message that is on its way may take until it is sent again."""

    async def renewal(self) -> Callable[[], None]:
        """Read the device's certificate and key anew; what is returned goes over to them, for whatever begins then.

        A link that keeps neither has nothing to read. Raises ConfigError, ProvisioningError.
        """
        return _nothing

    @abstractmethod
    async def close(self) -> None:
        """Let go of connections."""
