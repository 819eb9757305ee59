"""A hit desk with real hits: transactions of drawn people, taken and searched, and a list with their pictures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from hotspotd.clock import Clock
from hotspotd.domain.candidate import Candidate, Hit, ListRecord, Modality, NameKind, OtherName
from hotspotd.domain.caution import Caution
from hotspotd.domain.encounter import Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import Notice
from hotspotd.errors import Reason, WatchlistError
from hotspotd.gateway.desk.pages import DeskPages
from hotspotd.gateway.desk.ruling import Rulings
from hotspotd.gateway.storage import Store, open_store
from hotspotd.gateway.storage.base import Found, Received
from hotspotd.relay.compose import compose_nps
from hotspotd.relay.inquiry import Responder, compose_result
from hotspotd.relay.inti import xml6
from hotspotd.relay.inti.transaction import Organisation
from tests.relay.travellers import ORIGIN, encounter

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RESPONDER = Responder(Organisation(identifier="UTO-NCB", name="National Central Bureau", country="UTO"), "+00 1")


class Pictures:
    """The list's pictures: what is here by reference and kind, and whatever the page asks for more is none."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str, FingerPosition | None], bytes] = {}

    def picture(self, reference: str, modality: str, position: FingerPosition | None = None) -> bytes | None:
        if not any(held[0] == reference for held in self.held):
            raise WatchlistError(Reason.NOT_FOUND, "no such record")
        return self.held.get((reference, modality, position))


class Desk:
    """A store, its hits, and the page over them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.at = START
        self.clock = Clock(wall=lambda: self.at)
        self.pictures = Pictures()
        self.told: list[str] = []
        self.rulings = Rulings(store, RESPONDER, self.clock, self.told.append)
        self.pages = DeskPages(store, self.rulings, self.pictures, self.clock)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.pages.port}"

    async def search(self, number: int, *hits: Hit, samples: tuple[Sample, ...] | None = None) -> str:
        """A transaction is taken, searched with these hits and answered; returns its control number."""
        given = encounter(number, pictures=samples is None)
        if samples is not None:
            given = replace(given, samples=samples)
        body = compose_nps(given, ORIGIN, self.clock.now(), "IMM")
        await self.store.take(
            Received(device="kiosk-1", tcn=given.tcn, lane="lane-2", body=body, nonce="", signed_at="", expires_at=""),
            at=self.clock.now().iso(),
            most_unprocessed=99,
        )
        taken = await self.store.begin([])
        assert taken
        request = xml6.decode(taken.body)
        reply = compose_result(request, f"R-{number}", list(hits), RESPONDER, self.clock.now())
        found = Found(header=request.header, hits=hits) if hits else None
        await self.store.finish(taken, reply, self.clock.now().iso(), found)
        self.at += timedelta(seconds=37)
        return given.tcn


@asynccontextmanager
async def desk(place: str | Path) -> AsyncIterator[Desk]:
    store = await open_store(place)
    made = Desk(store)
    try:
        await made.pages.start(0)
        yield made
    finally:
        await made.pages.stop()
        await store.close()


def red(reference: str = "2026/1", **fields: object) -> Hit:
    """A red notice that face and finger point at."""
    record = ListRecord(
        reference=reference,
        notice=Notice.RED,
        owner="XPO",
        surname="ERIKSSON",
        given_names="ANNA MARIA",
        birth_date="1974-08-21",
        nationality="UTO",
        sex="F",
        document_number="L898902C1",
        document_issuer="UTO",
        reason="Fraud, judgment of 2024",
        bureau="NCB Utopia City",
        cautions=(Caution.ESCAPE_RISK,),
        other_names=(OtherName(surname="ERICSON", given_names="ANNE", kind=NameKind.ALIAS),),
        source="notices of 20 November",
        since="2024-05-02",
    )
    return Hit(
        record=replace(record, **fields),
        candidates=(
            Candidate(modality=Modality.FACE, reference=reference, score=0.71, fmr=2.5e-8),
            Candidate(
                modality=Modality.FINGER,
                reference=reference,
                score=92.0,
                fmr=1.1e-6,
                position=FingerPosition.RIGHT_INDEX,
            ),
        ),
    )


def stolen(reference: str = "SLTD-1") -> Hit:
    """A stolen document."""
    record = ListRecord(
        reference=reference,
        notice=Notice.SLTD,
        owner="UTO",
        document_number="L898902C3",
        document_issuer="UTO",
        reason="Stolen blank",
    )
    found = Candidate(modality=Modality.DOCUMENT, reference=reference, score=1.0, detail="number and issuer")
    return Hit(record=record, candidates=(found,))
