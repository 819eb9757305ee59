"""What travels between kiosk and gateway beside the transactions: receipts, replies, refusals. Pure.

A receipt is the gateway's own word that it holds a transaction durably: it names the transaction and the
SHA-256 of the bytes that were stored, and counts only when both agree with what was sent.
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from hotspotd.errors import Reason, RelayError

TUS, TUS_VERSION = "Tus-Resumable", "1.0.0"
SEAL_HEADER = "Hotspot-Seal"

# Control numbers go into paths and subjects.
TCN_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway holds this transaction durably. ``sha256`` is in lower-case hex, times are ISO 8601 UTC."""

    tcn: str
    sha256: str
    bytes: int
    device: str
    gateway: str
    received_at: str


class WireReply(msgspec.Struct, frozen=True, kw_only=True):
    """One sealed reply. ``cursor`` is opaque; asking for what is after it acknowledges everything up to it."""

    cursor: str
    tcr: str
    seal: str
    content: bytes


class WireReplies(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a poll, oldest reply first."""

    replies: tuple[WireReply, ...]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Body of every answer that is no success."""

    reason: str
    what: str
    advice: str = ""


def digest(payload: bytes) -> str:
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(payload).hexdigest()


def check_receipt(raw: bytes, tcn: str, payload: bytes) -> Receipt:
    """The receipt in ``raw``, if it is one for ``payload`` under ``tcn``. Raises RelayError (LINK_PROTOCOL)."""
    try:
        receipt = msgspec.json.decode(raw, type=Receipt)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RelayError(
            Reason.LINK_PROTOCOL, f"gateway: no receipt for {tcn}", "Something between here and the gateway answers."
        ) from error
    if receipt.tcn != tcn or receipt.sha256 != digest(payload):
        raise RelayError(
            Reason.LINK_PROTOCOL,
            f"gateway: the receipt for {tcn} is for something else",
            "It is not counted; the transaction is sent again.",
        )
    return receipt
