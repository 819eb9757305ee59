"""Looking a document, a person or a plate up by hand, in the list that is in force here.

Whoever asks says why. Who asked, what kind of thing and how many hits there were are in the audit chain before
anything is answered, the purpose as a note, which is erased in time; what was asked is written nowhere. Every hit is
unconfirmed.
"""

from __future__ import annotations

import logging
from datetime import date
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from hotspotd.clock import Clock
from hotspotd.console import alert_view, record_view
from hotspotd.console.answers import as_json, asked, one_line
from hotspotd.console.controls import Searched
from hotspotd.console.gate import actor, needs
from hotspotd.console.record_view import Fact
from hotspotd.domain.candidate import Hit
from hotspotd.domain.document import Document, DocumentFormat, printed_date
from hotspotd.domain.notice import Notice
from hotspotd.domain.rights import Act
from hotspotd.errors import HotspotError, Reason, WatchlistError
from hotspotd.records import Records
from hotspotd.watchlist.check import Probes, Thresholds, check_all
from hotspotd.watchlist.numbers import Kind, NumberHit
from hotspotd.watchlist.snapshot import Snapshot
from hotspotd.workers import Worker

log = logging.getLogger(__name__)

PURPOSES: Final = {
    "second_line": "Second line check",
    "document": "Doubt about a document",
    "vehicle": "Vehicle check",
    "hit": "To judge a hit",
    "request": "Request of another authority",
    "training": "Test or training",
}
"""Codes and words of what a look-up may be for."""

MOST_FOUND: Final = 20
"""Of one answer: more would not be read. ``total`` counts all."""

# Two lists are kept, and a third may come while they are searched.
_MOST_LISTS = 3

_Number = Annotated[str, Meta(min_length=1, max_length=64)]
_Issuer = Annotated[str, Meta(pattern=r"^[A-Za-z]{0,3}$")]


class _Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    purpose: str
    note: Annotated[str, Meta(max_length=150)] = ""


class AskedDocument(_Asked, frozen=True, kw_only=True, tag="document"):
    """A document by its number; without ``issuer`` (ICAO 9303 code) whoever's."""

    number: _Number
    issuer: _Issuer = ""


class AskedVehicle(_Asked, frozen=True, kw_only=True, tag="vehicle"):
    """A vehicle by its plate; without ``issuer``, the country that registered it, whoever's."""

    number: _Number
    issuer: _Issuer = ""


class AskedPerson(_Asked, frozen=True, kw_only=True, tag="person"):
    """A person by name and date of birth: ISO 8601, perhaps only month or year."""

    surname: Annotated[str, Meta(min_length=1, max_length=100)]
    birth_date: Annotated[str, Meta(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]
    given_names: Annotated[str, Meta(max_length=100)] = ""
    nationality: _Issuer = ""
    sex: Literal["", "M", "F"] = ""


Asked = AskedDocument | AskedVehicle | AskedPerson


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One record that may be meant. ``agrees`` is what agreed, in words."""

    tone: str
    heading: str
    title: str
    certainty: str
    instruction: str
    agrees: tuple[str, ...]
    reason: str
    owner: str
    reference: str
    cautions: tuple[str, ...]
    facts: tuple[Fact, ...]


class LookUpAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, the most urgent first; ``list`` and ``made_at`` are of the list that was searched."""

    list: str
    made_at: str
    total: int
    found: tuple[Found, ...]


class LookUps:
    """The handler."""

    def __init__(
        self, records: Records, searched: Searched | None, worker: Worker, clock: Clock, name_score: float
    ) -> None:
        self._records = records
        self._searched = searched
        self._worker = worker
        self._clock = clock
        # A name is listed from this score on; nothing else is compared here.
        self._thresholds = Thresholds(finger_fmr=0.0, face_fmr=0.0, name_score=name_score)

    def routes(self) -> list[web.RouteDef]:
        """The one address."""
        return [needs(Act.LOOK_UP, "POST", "/api/look-ups", self.post_look_up)]

    async def post_look_up(self, request: web.Request) -> web.StreamResponse:
        """Search for what is asked, write down that it was, and answer."""
        wish: Asked = await asked(request, Asked)  # type: ignore[arg-type]  # A union, which msgspec takes.
        if wish.purpose not in PURPOSES:
            raise web.HTTPBadRequest(text=f"a look-up needs a purpose: one of {', '.join(PURPOSES)}")
        today = self._clock.now().at.date()
        found = await self._worker.run(self._find, wish, today)
        kind = str(wish.__struct_config__.tag)
        await self._records.audited(
            "watchlist.lookup",
            subject="watchlist",
            actor=actor(request),
            detail=f"{kind} {found.total} hits",
            note=": ".join(filter(None, (PURPOSES[wish.purpose], one_line(wish.note)))),
        )
        return as_json(found)

    def _find(self, asked: Asked, today: date) -> LookUpAnswer:
        """Blocks. Raises WatchlistError: NOT_FOUND where no list is in force, DAMAGED where none is whole."""
        snapshot = self._searched.snapshot() if self._searched else None
        error: HotspotError | None = None
        for _ in range(_MOST_LISTS):
            if snapshot is None:
                break
            try:
                return _answer(snapshot, asked, self._thresholds, today)
            except WatchlistError as damage:
                if damage.reason is not Reason.DAMAGED or self._searched is None:
                    raise
                error, snapshot = damage, self._searched.instead_of(snapshot, damage)
        raise error or WatchlistError(Reason.NOT_FOUND, "no watchlist is in force", "Call a technician.")


def _answer(snapshot: Snapshot, asked: Asked, thresholds: Thresholds, today: date) -> LookUpAnswer:
    hits: list[Hit] = []
    things: list[NumberHit] = []
    if isinstance(asked, AskedVehicle) or (isinstance(asked, AskedDocument) and not asked.issuer):
        kind = Kind.VEHICLE if isinstance(asked, AskedVehicle) else Kind.DOCUMENT
        things = snapshot.find_number(kind, asked.number, asked.issuer.upper(), today)
    else:
        hits, failed = check_all(snapshot, Probes(document=_as_document(asked)), thresholds, today)
        if failed:
            raise failed[0]
    found = [*(_of_hit(hit, today) for hit in hits), *map(_of_number, things)]
    return LookUpAnswer(
        list=snapshot.version, made_at=snapshot.made_at, total=len(found), found=tuple(found[:MOST_FOUND])
    )


def _as_document(asked: AskedDocument | AskedPerson) -> Document:
    """What is asked for as a travel document would have it; of a document no names, of a person no number."""
    person = asked if isinstance(asked, AskedPerson) else None
    document = asked if isinstance(asked, AskedDocument) else None
    return Document(
        format=DocumentFormat.TD3,
        code="",
        issuer=document.issuer.upper() if document else "",
        number=document.number.upper() if document else "",
        surname=person.surname.upper() if person else "",
        given_names=person.given_names.upper() if person else "",
        nationality=person.nationality.upper() if person else "",
        birth_date=printed_date(person.birth_date if person else ""),
        sex=person.sex if person else "",
        expiry_date="<<<<<<",
    )


def _of_hit(hit: Hit, today: date) -> Found:
    record = hit.record
    held = [
        ("Born", record.birth_date or ""),
        ("Nationality", record.nationality or ""),
        ("Document", " ".join(filter(None, (record.document_number, record.document_issuer)))),
    ]
    return Found(
        tone=record.notice.value,
        heading=record_view.heading_of(record),
        title=alert_view.title_of(record),
        certainty="unconfirmed",
        instruction=record_view.instruction_of(record),
        agrees=tuple(candidate.detail for candidate in hit.candidates),
        reason=record.reason,
        owner=record.owner,
        reference=record.reference,
        cautions=record_view.cautions_of(record),
        facts=(
            *(Fact(label=label, value=value) for label, value in held if value),
            *record_view.facts_of(record, today.isoformat()),
        ),
    )


def _of_number(hit: NumberHit) -> Found:
    listing = hit.listing
    is_document = listing.kind is Kind.DOCUMENT
    held = [("Status", listing.status.label), ("Registered in", listing.issuer), ("Purpose", listing.purpose)]
    held += [("Listed", f"from {listing.source}" if listing.source else "")]
    held += [("Expires", hit.expires.isoformat() if hit.expires else "")]
    what = "Document" if is_document else "Plate"
    return Found(
        tone=(Notice.SLTD if is_document else Notice.NATIONAL).value,
        heading=Notice.SLTD.heading if is_document else f"Listed {listing.kind.label}",
        title=f"{what} {hit.number.upper()}" + (f" ({listing.issuer})" if listing.issuer else ""),
        certainty="unconfirmed",
        instruction=listing.kind.instruction,
        agrees=(hit.detail,),
        reason=hit.reason,
        owner=listing.owner,
        reference=hit.reference,
        cautions=(),
        facts=tuple(Fact(label=label, value=value) for label, value in held if value),
    )
