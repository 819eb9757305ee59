"""Where sealed messages arrive, whatever door they came through: checked, stored, receipted; and replies, sealed.

A message counts when its seal does: made by a device of the authority, for this content, now, and never seen before.
Whatever is refused is counted by device and reason. A receipt is made when the message is on disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import get_args

from hotspotd.clock import Clock
from hotspotd.errors import HotspotError, Reason, RelayError
from hotspotd.gateway.storage import Store
from hotspotd.gateway.storage.base import MessageKind, Received, StoredReply
from hotspotd.relay import checkpoint
from hotspotd.relay.inti import xml6
from hotspotd.relay.links.wire import TCN_PATTERN
from hotspotd.relay.message import pack, unpack
from hotspotd.relay.seal import LONGEST_VALID, Claims, Opened, Sealer, Trust, thumbprint

logger = logging.getLogger(__name__)

_KINDS: tuple[MessageKind, ...] = get_args(MessageKind)
_COUNTED = frozenset(
    (Reason.UNSIGNED, Reason.TAMPERED, Reason.REPLAYED, Reason.STALE, Reason.UNTRUSTED, Reason.REVOKED)
)
_DEFAULT_PRIORITY = 9
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Receipted:
    """A message that is held now: whose, which, its receipt with the gateway's seal, and whether it is new."""

    device: str
    tcn: str
    seal: str
    content: bytes
    new: bool


@dataclass(frozen=True, slots=True)
class SealedReply:
    """A reply to ``device``. ``cursor`` acknowledges it and every one before."""

    cursor: str
    tcr: str
    seal: str
    content: bytes


@dataclass(frozen=True, slots=True)
class _Opened:
    claims: Claims
    signer: str
    kind: MessageKind
    payload: bytes
    priority: int


class Reception:
    """Takes messages into one store and gives its replies out."""

    def __init__(
        self,
        store: Store,
        trust: Trust,
        sealer: Sealer,
        clock: Clock,
        *,
        max_bytes: int,
        most_unprocessed: int,
        wake: Callable[[], None],
    ) -> None:
        self.trust = trust
        self.max_bytes = max_bytes
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._most_unprocessed = most_unprocessed
        self._wake = wake
        self._arrived: dict[str, asyncio.Event] = {}
        self._news: dict[str, asyncio.Event] = {}

    @property
    def certificate(self) -> bytes:
        """The certificate of the gateway's seals, in DER."""
        return self._sealer.certificate

    async def take(
        self, seal: str, content: bytes, *, door: str, device: str = "", valid: timedelta, whole: bool = False
    ) -> Receipted:
        """Take a message that came through ``door``; returns its receipt, whose seal counts for ``valid``.

        ``device`` is whom the connection belongs to, where the door knows; ``whole`` puts the gateway's certificate
        into the receipt's seal. Raises RelayError: the refusals of seals, BAD_TRANSACTION, TOO_LARGE, CONFLICT, BUSY.
        """
        try:
            opened = await self._checked(seal, content, device)
            claims, payload, priority = opened.claims, opened.payload, opened.priority
            received = Received(
                device=opened.signer,
                tcn=claims.tcn,
                kind=opened.kind,
                lane=claims.lane,
                priority=priority,
                body=payload,
                nonce=claims.nonce,
                signed_at=_iso(claims.signed_at),
                expires_at=_iso(claims.expires_at),
                door=door,
            )
            # A device that goes away must not undo half of a commit: it is carried through whatever becomes of it.
            receipt, new = await asyncio.shield(
                self._store.take(received, at=self._clock.now().iso(), most_unprocessed=self._most_unprocessed)
            )
        except RelayError as error:
            await self.count(device, error)
            raise
        if opened.kind == "transaction":
            self._wake()
        if not new:
            self.answered(opened.signer)
        packed = pack(receipt)
        return Receipted(
            opened.signer, claims.tcn, self._seal(packed, "receipt", claims.tcn, valid, whole=whole), packed, new
        )

    async def receipt(
        self, device: str, tcn: str, sha256: str, *, valid: timedelta, whole: bool = False
    ) -> Receipted | None:
        """The receipt of what ``device`` has sent before, sealed anew."""
        receipt = await self._store.receipt_of(device, tcn, sha256)
        if receipt is None:
            return None
        packed = pack(receipt)
        return Receipted(device, tcn, self._seal(packed, "receipt", tcn, valid, whole=whole), packed, new=False)

    async def replies(self, device: str, limit: int, *, valid: timedelta, whole: bool = False) -> list[SealedReply]:
        """Replies that ``device`` has not acknowledged, oldest first."""
        found = await self._store.replies(device, limit)
        return await asyncio.to_thread(lambda: [self._sealed(reply, valid, whole=whole) for reply in found])

    async def to_push(
        self, door: str, limit: int, *, valid: timedelta = LONGEST_VALID
    ) -> list[tuple[str, SealedReply]]:
        """Replies for ``door`` to give out by itself, with their devices: those of what came through it."""
        found = await self._store.to_push(door, limit)
        return await asyncio.to_thread(
            lambda: [(device, self._sealed(reply, valid, whole=True)) for device, reply in found]
        )

    async def pushed(self, device: str, cursor: str) -> None:
        """The door holds the reply with this cursor durably. It may be given out again all the same."""
        await asyncio.shield(self._store.pushed(device, _sequence(cursor, self._store.gateway)))

    async def acknowledge(self, device: str, cursor: str) -> None:
        """``device`` holds everything up to ``cursor``. Raises RelayError (BAD_VALUE) for what is no cursor."""
        sequence = _sequence(cursor, self._store.gateway)
        if sequence:
            await asyncio.shield(self._store.acknowledge(device, sequence))

    async def acknowledge_one(self, device: str, cursor: str) -> None:
        """``device`` holds this reply, whatever became of those before it: for a door that may lose some on the way.

        Raises RelayError (BAD_VALUE) for what is no cursor.
        """
        sequence = _sequence(cursor, self._store.gateway)
        if sequence:
            await asyncio.shield(self._store.acknowledge_one(device, sequence))

    def answered(self, device: str) -> None:
        """There is something for ``device``."""
        self.arrival(device).set()
        for event in self._news.values():
            event.set()

    def arrival(self, device: str) -> asyncio.Event:
        """Set when there may be a reply for ``device``; whoever waits clears it."""
        return self._arrived.setdefault(device, asyncio.Event())

    def news(self, door: str) -> asyncio.Event:
        """Set when there may be a reply for ``door`` to give out by itself; the door clears it."""
        return self._news.setdefault(door, asyncio.Event())

    def let_go(self) -> None:
        """Wake whoever waits for a reply: the gateway stops."""
        for event in self._arrived.values():
            event.set()

    async def opened(self, seal: str, content: bytes, device: str = "") -> Opened:
        """What the seal on ``content`` says, if it holds and its certificate was not revoked.

        ``device`` is whose it must be, where that is known. Raises RelayError: as ``Trust.open``, UNTRUSTED, REVOKED.
        """
        # In a thread: megabytes are hashed.
        opened = await asyncio.to_thread(self.trust.open, seal, content, self._clock.now().at)
        if device and opened.signer != device:
            raise RelayError(Reason.UNTRUSTED, "message: sealed by another device than the one that sends it")
        if await self._store.devices.is_revoked(opened.thumbprint):
            raise revoked()
        return opened

    async def _checked(self, seal: str, content: bytes, device: str) -> _Opened:
        opened = await self.opened(seal, content, device)
        return await asyncio.to_thread(_readable, opened, content, self.max_bytes, self.trust)

    async def admit(self, certificate: bytes) -> None:
        """Whether the holder of this DER certificate is listened to. Raises RelayError (REVOKED), GatewayError."""
        if await self._store.devices.is_revoked(thumbprint(certificate)):
            raise revoked()

    async def count(self, device: str, error: RelayError) -> None:
        """Count a refusal; of nobody's where ``device`` is empty."""
        if error.reason not in _COUNTED:
            return
        logger.warning("a message of %s is refused: %s", device or _UNKNOWN, error)
        try:
            await self._store.count_refusal(device or _UNKNOWN, error.reason.value)
        except HotspotError as failed:
            # The refusal itself is what the sender must hear.
            logger.warning("the refusal could not be counted: %s", failed)

    def _sealed(self, reply: StoredReply, valid: timedelta, *, whole: bool) -> SealedReply:
        packed = pack(reply.body)
        seal = self._seal(packed, "reply", reply.tcr, valid, whole=whole)
        return SealedReply(f"{self._store.gateway}:{reply.sequence}", reply.tcr, seal, packed)

    def _seal(self, content: bytes, kind: str, tcn: str, valid: timedelta, *, whole: bool) -> str:
        now = self._clock.now().at
        return self._sealer.seal(content, kind=kind, tcn=tcn, now=now, valid=valid, with_certificate=whole)


def _readable(opened: Opened, content: bytes, most: int, trust: Trust) -> _Opened:
    """What is in the content. Raises RelayError for what is not what its seal says."""
    claims, payload = opened.claims, unpack(content, most)
    kind = next((kind for kind in _KINDS if kind == claims.kind), None)
    if kind is None:
        raise RelayError(Reason.BAD_TRANSACTION, f"message: a {claims.kind} is not taken here")
    if not TCN_PATTERN.fullmatch(claims.tcn):
        raise RelayError(Reason.BAD_TRANSACTION, "the control number has characters that are not allowed")
    if kind == "checkpoint" and checkpoint.opened(payload, trust).device != opened.signer:
        raise RelayError(Reason.BAD_TRANSACTION, "the checkpoint is of another device than the one of the seal")
    if kind != "transaction":
        return _Opened(claims, opened.signer, kind, payload, _DEFAULT_PRIORITY)
    header = xml6.decode(payload).header
    if header.tcn != claims.tcn:
        raise RelayError(Reason.BAD_TRANSACTION, "1.009 TCN is not the control number it was sent under")
    if header.origin.identifier != opened.signer:
        raise RelayError(Reason.BAD_TRANSACTION, "1.008 ORI is not the device of the seal")
    return _Opened(claims, opened.signer, kind, payload, header.priority or _DEFAULT_PRIORITY)


def revoked() -> RelayError:
    """What the holder of a revoked certificate is told."""
    return RelayError(
        Reason.REVOKED,
        "this device's certificate was revoked",
        "If that is a mistake, have a code issued and enrol it: hotspotctl device enrol.",
    )


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _sequence(cursor: str, gateway: str) -> int:
    """The number in ``cursor``; 0 for none and for one that another database gave out."""
    name, _, number = cursor.partition(":")
    if not cursor or name != gateway:
        return 0
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        raise RelayError(Reason.BAD_VALUE, "replies: this is no cursor")
    return int(number)
