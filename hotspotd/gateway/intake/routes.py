"""National repositories over the gateway's HTTP service: docs/national-updates.md has the protocol.

A device reads and submits only the repositories that the configuration grants it. Of others it is not even told
whether they exist.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from aiohttp import web
from cryptography import x509

from hotspotd.clock import Clock
from hotspotd.errors import Reason, RelayError, WorkError
from hotspotd.gateway.config import RepositorySection
from hotspotd.gateway.intake.store import IntakeStore, Now, Submitter
from hotspotd.gateway.requests import Bodies, answer, device_of
from hotspotd.relay.national.deltas import (
    CHUNK_WIRE,
    LONGEST_STATEMENT,
    ChunksWanted,
    Delta,
    SignedDelta,
    decode_signed,
    verify,
)
from hotspotd.workers import Worker

log = logging.getLogger(__name__)

_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_PURGE_EVERY_S: Final = 3600.0


class Intake:
    """The repositories of ``rules``, in one database. Make it with ``open``.

    While ``run`` runs, records that have ended are erased.
    """

    name = "intake"

    def __init__(
        self, store: IntakeStore, rules: Mapping[str, RepositorySection], clock: Clock, body_timeout_s: float
    ) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._statements = Bodies("statement", LONGEST_STATEMENT, body_timeout_s)
        self._chunks = Bodies("chunk", CHUNK_WIRE, body_timeout_s)
        # A delta of 100 000 rows takes seconds: behind it wait a few, and no more.
        self._worker = Worker("intake", threads=1, waiting=16)

    @classmethod
    async def open(
        cls, database: Path, rules: Mapping[str, RepositorySection], clock: Clock, body_timeout_s: float
    ) -> Intake:
        """Open or make the database. Raises sqlite3.Error, RelayError (BAD_VALUE)."""
        return cls(await asyncio.to_thread(IntakeStore.open, database, rules), rules, clock, body_timeout_s)

    def add_to(self, application: web.Application) -> None:
        """Its routes."""
        router, place = application.router, "/v1/repositories/{name}"
        router.add_get(place, self._state)
        router.add_put(place + "/deltas/{sequence}", self._offer, expect_handler=self._statements.expected)
        router.add_put(place + "/deltas/{sequence}/chunks/{number}", self._chunk, expect_handler=self._chunks.expected)

    async def run(self) -> None:
        """Erase what has ended, for ever. What goes wrong is said, and tried again."""
        while True:
            now = self._clock.now()
            try:
                # On a clock that was never set, everything or nothing would have ended.
                gone = await self._worker.run(self._store.purge, now.at.date()) if now.trusted else 0
                if gone:
                    log.info("%s national records have ended and were erased", gone)
            except (sqlite3.Error, WorkError) as error:
                log.error("national records that have ended could not be erased: %s", error)
            await asyncio.sleep(_PURGE_EVERY_S)

    async def stop(self) -> None:
        """Take no further work, let what runs end, and close the database."""
        await self._worker.finish()
        await asyncio.to_thread(self._store.close)

    async def _state(self, request: web.Request) -> web.StreamResponse:
        return answer(await self._worker.run(self._store.state, self._granted(request)))

    async def _offer(self, request: web.Request) -> web.StreamResponse:
        name = self._granted(request)
        sequence = _number(request, "sequence")
        submitter = Submitter(device_of(request), _certificate(request))
        body = await self._statements.read(request)
        delta, signed = await asyncio.to_thread(_verified, body, submitter.certificate)
        if (delta.repository, delta.sequence) != (name, sequence):
            raise RelayError(Reason.BAD_TRANSACTION, "the statement is for another repository or number than the URL")
        stamp = self._clock.now()
        if not stamp.trusted:
            raise RelayError(Reason.BUSY, "the gateway's clock is not set", "Tell who runs it; send it again later.")
        taking = self._worker.run(self._store.offer, submitter, delta, signed, Now(stamp.at.date(), stamp.iso()))
        # A device that goes away must not undo half of it: it is carried through whatever becomes of the request.
        outcome, new = await asyncio.shield(taking)
        if isinstance(outcome, ChunksWanted):
            return answer(outcome, 202)
        if new:
            log.info("%s: delta %s of %s taken", name, sequence, submitter.device)
        return answer(outcome, 201 if new else 200)

    async def _chunk(self, request: web.Request) -> web.StreamResponse:
        name = self._granted(request)
        sequence, number = _number(request, "sequence"), _number(request, "number")
        body = await self._chunks.read(request)
        digest = request.query.get("of", "")
        await asyncio.shield(self._worker.run(self._store.chunk, name, digest, sequence, number, body))
        return web.json_response({})

    def _granted(self, request: web.Request) -> str:
        """The repository's name. Raises RelayError (LINK_REFUSED)."""
        device, name = device_of(request), request.match_info["name"]
        rule = self._rules.get(name)
        if rule is None or device not in rule.devices:
            raise RelayError(
                Reason.LINK_REFUSED,
                f"{device} may not submit to a repository of this name",
                "Who runs the gateway names the device under intake.repositories.",
            )
        return name


def _certificate(request: web.Request) -> bytes:
    connection = request.get_extra_info("ssl_object")
    certificate = connection.getpeercert(binary_form=True) if isinstance(connection, ssl.SSLObject) else None
    if not certificate:
        raise RelayError(Reason.LINK_REFUSED, "the connection showed no certificate")
    return bytes(certificate)


def _verified(body: bytes, certificate: bytes) -> tuple[Delta, SignedDelta]:
    signed = decode_signed(body)
    return verify(signed, x509.load_der_x509_certificate(certificate).public_key()), signed


def _number(request: web.Request, name: str) -> int:
    text = request.match_info[name]
    if not _NUMBER.fullmatch(text):
        raise RelayError(Reason.BAD_VALUE, f"{name}: no number")
    return int(text)
