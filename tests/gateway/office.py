"""A national office that submits its repository to a gateway in the test's loop, and what then stands there."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hotspotd.relay.backoff import Backoff
from hotspotd.relay.links.https_session import HttpsSession
from hotspotd.relay.national import channel, ledger
from hotspotd.relay.national.exports import Export
from hotspotd.relay.national.submission import Outcome, Submission, Terms
from tests.gateway.bench import Certificates

Row = dict[str, Any]
REPOSITORY = "uto-sltd"


def passport(number: int, **more: Any) -> Row:
    """A stolen passport."""
    row = {"kind": "document", "number": f"X{number:07d}", "issuer": "UTO", "status": "lost_or_stolen"}
    return row | {"reference": f"UTO/{number}"} | more


def lines(rows: Sequence[Row]) -> bytes:
    """An export's bytes."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def device_key(certificates: Certificates, device: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key((certificates.folder / f"{device}.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


class Office:
    """One device and its ledger. ``submit`` runs in a thread, as the command does in its process."""

    def __init__(self, folder: Path, certificates: Certificates, device: str, url: Callable[[], str]) -> None:
        self.ledger = folder / f"{device}.sqlite"
        self.certificates = certificates
        self.device = device
        self.url = url
        self.repository = REPOSITORY
        self.today = "2026-11-22"
        self.dry_run = False

    async def submit(self, rows: Sequence[Row], *, full: bool = True, percent: int = 100) -> Outcome:
        """Submit ``rows``, as a whole export or as changes."""
        return await asyncio.to_thread(self.submit_now, lines(rows), full, percent)

    async def changes(self, *rows: Row) -> Outcome:
        return await self.submit(rows, full=False)

    def submit_now(self, export: bytes, full: bool = True, percent: int = 100) -> Outcome:
        """Submit an export's bytes; blocks."""
        key = device_key(self.certificates, self.device)
        hasher = ledger.Hasher(key, self.repository)
        terms = Terms(self.repository, key, hasher, self.today, full, percent, self.dry_run)
        with (
            ledger.opened(self.ledger, self.repository, hasher.key_id) as sent,
            channel.opened(self.link, self.repository, Backoff(0.001, 0.002)) as gateway,
        ):
            return Submission(terms, sent, gateway).run(Export(io.BytesIO(export), "export", changes=not full))

    async def link(self) -> HttpsSession:
        return HttpsSession(self.url(), self.certificates.device(self.device), timeout_s=20.0, listen_s=0.05)


def held(database: Path, repository: str = REPOSITORY) -> dict[tuple[str, str], Row]:
    """What the gateway's database holds, by kind and number."""
    connection = sqlite3.connect(database)
    try:
        rows = connection.execute(
            "SELECT body FROM record JOIN repository ON repository.id = record.repository WHERE name = ?", (repository,)
        ).fetchall()
    finally:
        connection.close()
    records = [json.loads(body) for (body,) in rows]
    return {(record["kind"], record["number"]): record for record in records}
