"""``POST /v1/find``: a search by text, as national border systems ask INTERPOL's FIND. Protocol: docs/gateway.md.

What is found is a lead: every candidate is unconfirmed. Promises that no search is answered before it is written down
who asked, for what purpose and with how many candidates; and that it is written nowhere what was asked.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import date
from typing import Annotated, Final, Literal, Protocol

import msgspec
from aiohttp import web
from msgspec import Meta

from hotspotd.clock import Clock
from hotspotd.console.record_view import cautions_of, instruction_of
from hotspotd.domain.candidate import Hit
from hotspotd.domain.document import Document, DocumentFormat, printed_date
from hotspotd.errors import Reason, RelayError
from hotspotd.gateway.requests import Bodies, answer, device_of
from hotspotd.gateway.storage import Store
from hotspotd.gateway.storage.finds import FindEntry
from hotspotd.watchlist.numbers import Kind, NumberHit
from hotspotd.workers import Worker

log = logging.getLogger(__name__)

MOST_CANDIDATES: Final = 40
"""Of one answer; ``total`` counts all."""
_MOST_BYTES: Final = 8_192

_Text = Annotated[str, Meta(max_length=200)]
_Number = Annotated[str, Meta(min_length=1, max_length=64)]
_Issuer = Annotated[str, Meta(pattern=r"^[A-Za-z]{0,3}$")]


class _Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class AskedNumber(_Asked, frozen=True, kw_only=True):
    """A number and, where such numbers have one, whose it is (ICAO 9303 code); without, whoever's."""

    number: _Number
    issuer: _Issuer = ""


class AskedPerson(_Asked, frozen=True, kw_only=True):
    """A person. ``birth_date`` is ISO 8601, perhaps reduced to month or year."""

    surname: Annotated[str, Meta(min_length=1, max_length=200)]
    given_names: _Text = ""
    birth_date: Annotated[str, Meta(pattern=r"^(\d{4}(-\d{2}(-\d{2})?)?)?$")] = ""
    nationality: _Issuer = ""
    sex: Literal["", "M", "F", "U"] = ""


class FindRequest(_Asked, frozen=True, kw_only=True):
    """What is asked for, and why. At least one of the things must be there."""

    purpose: Annotated[str, Meta(min_length=3, max_length=200)]
    document: AskedNumber | None = None
    person: AskedPerson | None = None
    plate: AskedNumber | None = None
    vin: AskedNumber | None = None
    part: AskedNumber | None = None
    vessel: AskedNumber | None = None
    firearm: AskedNumber | None = None

    def kinds(self) -> tuple[str, ...]:
        """The kinds of thing that are asked for."""
        names = self.__struct_fields__[1:]
        return tuple(name for name in names if getattr(self, name) is not None)

    def numbers(self) -> list[tuple[Kind, AskedNumber]]:
        """The things by number. A document of a known issuer is searched with the person instead."""
        asked = [
            (Kind.VEHICLE, self.plate),
            (Kind.VIN, self.vin),
            (Kind.PART, self.part),
            (Kind.VESSEL, self.vessel),
            (Kind.FIREARM, self.firearm),
            (Kind.DOCUMENT, self.document if self.document and not self.document.issuer else None),
        ]
        return [(kind, number) for kind, number in asked if number is not None]

    def holder(self) -> Document | None:
        """Person and document as a travel document has them."""
        person, document = self.person, self.document
        if person is None and (document is None or not document.issuer):
            return None
        return Document(
            format=DocumentFormat.TD3,
            code="",
            issuer=document.issuer.upper() if document else "",
            number=document.number if document else "",
            surname=person.surname if person else "",
            given_names=person.given_names if person else "",
            nationality=person.nationality.upper() if person else "",
            birth_date=printed_date(person.birth_date if person else ""),
            sex=person.sex if person and person.sex in {"M", "F"} else "",
            expiry_date="<<<<<<",
        )


class FindCandidate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record that may be meant. ``kind`` is what it lists: ``person`` or a kind of number."""

    reference: str
    owner: str
    kind: str
    determination: str
    instruction: str
    agrees: tuple[str, ...]
    notice: str = ""
    surname: str = ""
    given_names: str = ""
    birth_date: str = ""
    nationality: str = ""
    document_number: str = ""
    document_issuer: str = ""
    reason: str = ""
    cautions: tuple[str, ...] = ()
    expires: str = ""
    score: float | None = None


class FindAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The candidates, the most urgent first; ``list`` is the version of the list that was asked."""

    list: str
    total: int
    candidates: tuple[FindCandidate, ...]


class TextSearch(Protocol):
    """What answers a search by text. Blocks: called in a worker's thread."""

    def find(
        self, holder: Document | None, numbers: list[tuple[Kind, str, str]], today: date
    ) -> tuple[list[Hit], list[NumberHit], str]:
        """People and documents, things by number, and the list's version. Raises HotspotError."""
        ...


class Find:
    """The route, as a part of the gateway."""

    name = "find"

    def __init__(self, search: TextSearch, store: Store, clock: Clock, body_timeout_s: float) -> None:
        self._search = search
        self._store = store
        self._clock = clock
        self._bodies = Bodies("search", _MOST_BYTES, body_timeout_s)
        self._worker = Worker("find", threads=1, waiting=32)

    def add_to(self, application: web.Application) -> None:
        """Its route."""
        application.router.add_post("/v1/find", self._find, expect_handler=self._bodies.expected)

    async def run(self) -> None:
        """Nothing by itself; lets the thread go at the end."""
        try:
            await asyncio.Event().wait()
        finally:
            self._worker.close()

    async def _find(self, request: web.Request) -> web.StreamResponse:
        device = device_of(request)
        asked = decode(await self._bodies.read(request))
        now = self._clock.now()
        numbers = [(kind, number.number, number.issuer.upper()) for kind, number in asked.numbers()]
        hits, things, version = await self._worker.run(self._search.find, asked.holder(), numbers, now.at.date())
        found = [*map(_of_hit, hits), *map(_of_number, things)]
        entry = FindEntry(
            device=device, purpose=asked.purpose, asked=asked.kinds(), candidates=len(found), at=now.iso()
        )
        await asyncio.shield(self._store.finds.note(entry))
        log.info("%s searched by text: %d candidates", device, len(found))
        return answer(FindAnswer(list=version, total=len(found), candidates=tuple(found[:MOST_CANDIDATES])))


def decode(body: bytes) -> FindRequest:
    """The request in ``body``. Raises RelayError (BAD_VALUE), which names fields and rules and no value."""
    try:
        asked = msgspec.json.decode(body, type=FindRequest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        said = str(error) if isinstance(error, msgspec.ValidationError) else "not JSON"
        raise RelayError(Reason.BAD_VALUE, f"find: {said}") from error
    if not asked.purpose.isprintable() or len(asked.purpose.strip()) < 3:
        raise RelayError(Reason.BAD_VALUE, "find: a search needs its purpose", "Say why it is made.")
    if not asked.kinds():
        raise RelayError(Reason.BAD_VALUE, "find: nothing is asked for", "Name a document, a person or a thing.")
    return asked


def _of_hit(hit: Hit) -> FindCandidate:
    record = hit.record
    return FindCandidate(
        reference=record.reference,
        owner=record.owner,
        kind="person" if record.surname or record.given_names else Kind.DOCUMENT.value,
        determination="UC",
        instruction=instruction_of(record),
        agrees=tuple(candidate.detail for candidate in hit.candidates),
        notice=record.notice.value,
        surname=record.surname,
        given_names=record.given_names,
        birth_date=record.birth_date or "",
        nationality=record.nationality or "",
        document_number=record.document_number or "",
        document_issuer=record.document_issuer or "",
        reason=record.reason,
        cautions=cautions_of(record),
        expires=record.expires or "",
        score=max((float(candidate.score) for candidate in hit.candidates), default=None),
    )


def _of_number(hit: NumberHit) -> FindCandidate:
    return FindCandidate(
        reference=hit.reference,
        owner=hit.listing.owner,
        kind=hit.listing.kind.value,
        determination="UC",
        instruction=hit.listing.kind.instruction,
        agrees=(hit.detail,),
        document_issuer=hit.listing.issuer if hit.listing.kind is Kind.DOCUMENT else "",
        reason=hit.reason,
        expires=hit.expires.isoformat() if hit.expires else "",
    )
