"""What happens to a message in the one commit that takes it: seal, copy, room, and where it is put."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from hotspotd.errors import Reason, RelayError
from hotspotd.gateway.storage import desk
from hotspotd.gateway.storage.base import Received, Session
from hotspotd.gateway.storage.outgoing import hand_out_again
from hotspotd.relay.links.wire import Receipt
from hotspotd.relay.reports import DecisionReport

MOST_REPORT_BYTES: Final = 1_048_576
"""Of one report. Logs come in pieces; a transaction has pictures in it, and limits of its own."""
# Seals hold for minutes: a device that sends more than this meanwhile is not working as it should.
_MOST_NONCES: Final = 50_000
# Of a device: three months of a report every minute.
_MOST_REPORTS: Final = 130_000


async def take(
    session: Session,
    message: Received,
    *,
    receipt: Receipt,
    decision: DecisionReport | None,
    most_unprocessed: int,
) -> tuple[bytes, bool]:
    """See ``Store.take``; ``receipt`` is the one to give if the message is new."""
    await _spend_nonce(session, message, receipt.received_at)
    known = await _known(session, message, receipt.sha256)
    if known is not None:
        return known, False
    raw = msgspec.json.encode(receipt)
    if message.kind == "transaction":
        await _add_transaction(session, message, receipt, raw, most_unprocessed)
        return raw, True
    await _add_report(session, message, receipt, raw, about=decision.tcn if decision else "")
    if decision is not None:
        await desk.note_border_decision(session, message.device, decision)
    return raw, True


async def _spend_nonce(session: Session, message: Received, at: str) -> None:
    """Raises RelayError: REPLAYED, BUSY, BAD_TRANSACTION for a time that is none."""
    device = message.device
    await session.execute("DELETE FROM nonce WHERE device = ? AND expires < ?", device, seconds(at))
    if not message.nonce:
        return
    if await session.row("SELECT 1 FROM nonce WHERE device = ? AND nonce = ?", device, message.nonce):
        raise RelayError(
            Reason.REPLAYED,
            f"message {message.tcn} came under a seal that was used before",
            "Each sending has a seal of its own.",
        )
    if int(await session.value("SELECT count(*) FROM nonce WHERE device = ?", device)) >= _MOST_NONCES:
        raise RelayError(Reason.BUSY, f"{_MOST_NONCES} messages came in the life of one seal", "Send it again later.")
    await session.execute(
        "INSERT INTO nonce (device, nonce, expires) VALUES (?, ?, ?)",
        *(device, message.nonce, seconds(message.expires_at)),
    )


async def _known(session: Session, message: Received, sha256: str) -> bytes | None:
    """The receipt of a copy. Raises RelayError (CONFLICT) where the control number stands for something else."""
    names = (message.device, message.tcn)
    inbox = await session.row("SELECT id, sha256, receipt FROM inbox WHERE device = ? AND tcn = ?", *names)
    report = await session.row("SELECT id, sha256, receipt, kind FROM report WHERE device = ? AND tcn = ?", *names)
    if inbox is None and report is None:
        return None
    if inbox is not None and message.kind == "transaction" and inbox[1] == sha256:
        await session.execute(
            "UPDATE inbox SET deliveries = deliveries + 1, door = ? WHERE id = ?", message.door, inbox[0]
        )
        await hand_out_again(session, message.device, inbox[0])
        return bytes(inbox[2])
    if report is not None and (report[3], report[1]) == (message.kind, sha256):
        await session.execute("UPDATE report SET deliveries = deliveries + 1 WHERE id = ?", report[0])
        return bytes(report[2])
    raise RelayError(
        Reason.CONFLICT,
        f"{message.kind} {message.tcn} was received before with other content",
        "A control number is used once.",
    )


async def _add_transaction(
    session: Session, message: Received, receipt: Receipt, raw: bytes, most_unprocessed: int
) -> None:
    waiting = int(await session.value("SELECT count(*) FROM inbox WHERE processed = 0"))
    if waiting >= most_unprocessed:
        raise RelayError(Reason.BUSY, f"{waiting} transactions wait already", "Send it again later.")
    await session.execute(
        "INSERT INTO inbox (device, tcn, sha256, priority, body, receipt, lane, signed_at, door)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(message.device, message.tcn, receipt.sha256, message.priority),
        *(message.body, raw, message.lane, message.signed_at, message.door),
    )


async def _add_report(session: Session, message: Received, receipt: Receipt, raw: bytes, about: str) -> None:
    if len(message.body) > MOST_REPORT_BYTES:
        raise RelayError(Reason.TOO_LARGE, f"a {message.kind} report may have {MOST_REPORT_BYTES} bytes")
    if int(await session.value("SELECT count(*) FROM report WHERE device = ?", message.device)) >= _MOST_REPORTS:
        raise RelayError(Reason.BUSY, f"{_MOST_REPORTS} reports are kept already", "Send it again later.")
    await session.execute(
        "INSERT INTO report (device, tcn, kind, lane, about, sha256, body, receipt, signed_at, received_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(message.device, message.tcn, message.kind, message.lane, about, receipt.sha256),
        *(message.body, raw, message.signed_at, receipt.received_at),
    )


def seconds(time: str) -> float:
    """Seconds since 1970 of an ISO 8601 time with a zone. Raises RelayError (BAD_TRANSACTION)."""
    try:
        read = datetime.fromisoformat(time)
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        raise RelayError(Reason.BAD_TRANSACTION, "a message's time is no ISO 8601 time with its zone")
    return read.timestamp()
