"""The gateway's side of the exchange: an inquiry to what is to be searched, and what was found to SRE or ERR.

Pure. What it reads of a document is what ``compose`` writes: see there for the fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hotspotd.clock import Stamp
from hotspotd.domain.candidate import Determination, Hit
from hotspotd.domain.document import Document, DocumentFormat
from hotspotd.domain.finger import FingerPosition
from hotspotd.errors import Reason, RelayError
from hotspotd.relay import images
from hotspotd.relay.compose import DOCUMENT_KIND, EXPIRY_KIND
from hotspotd.relay.inti import xml6
from hotspotd.relay.inti.transaction import (
    Comparison,
    Contact,
    Descriptive,
    FieldError,
    Header,
    ListEntry,
    MiscellaneousNumber,
    NationalNumber,
    Organisation,
    PersonName,
    PrintRecord,
    RankedCandidate,
    Respondents,
    SearchResult,
    Subject,
    Transaction,
    TransactionType,
)

# Plain thumbs of a slap (FGP 11, 12) hold one finger; 13 to 15 and 46 hold several and would have to be cut up.
_SINGLE = {position.value: position for position in FingerPosition} | {
    11: FingerPosition.RIGHT_THUMB,
    12: FingerPosition.LEFT_THUMB,
}
SEARCHED = frozenset((TransactionType.NPS, TransactionType.CPS))
"""Types of transaction that are searched here."""
_MILLIMETRES_PER_INCH = 25.4
# A reader takes 64 records, and an officer reads fewer.
_MOST_HITS = 40
_MOST_ALIASES = 20


@dataclass(frozen=True, slots=True)
class InquiredPrint:
    """One finger to be searched: (height, width) grey, its resolution in pixels per inch."""

    position: FingerPosition
    image: NDArray[np.uint8]
    dpi: int


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What a transaction asks to be searched. ``left_out`` counts the prints that hold several fingers."""

    tcn: str
    document: Document | None
    prints: tuple[InquiredPrint, ...]
    face: NDArray[np.uint8] | None
    left_out: int = 0


def read_inquiry(transaction: Transaction) -> Inquiry:
    """What is to be searched. Raises RelayError: BAD_TRANSACTION, TOO_LARGE."""
    if transaction.header.tot not in SEARCHED:
        raise RelayError(Reason.BAD_TRANSACTION, f"transaction: a {transaction.header.tot} is not searched here")
    pictured = [record for record in transaction.prints if record.picture.data]
    single = [record for record in pictured if record.position in _SINGLE]
    face = next((record for record in transaction.faces if record.picture.data), None)
    return Inquiry(
        tcn=transaction.header.tcn,
        document=_document(transaction.descriptive[0]) if transaction.descriptive else None,
        prints=tuple(_print(record) for record in single),
        face=images.decode_rgb(face.picture.data) if face else None,
        left_out=len(pictured) - len(single),
    )


def _print(record: PrintRecord) -> InquiredPrint:
    picture = record.picture
    if picture.scale == 1:
        dpi = picture.density_across
    elif picture.scale == 2:
        dpi = round(picture.density_across * _MILLIMETRES_PER_INCH / 10)
    else:
        raise RelayError(Reason.BAD_TRANSACTION, "transaction: 14.008 SLC of a print must be 1 or 2")
    return InquiredPrint(_SINGLE[record.position], images.decode_grey(picture.data), dpi)


def _document(record: Descriptive) -> Document | None:
    """The traveller's document, as far as it can be made again; ``None`` where there is neither number nor name."""
    subject = record.subject
    number, kind = next(
        (
            (entry.number, entry.kind.split(" "))
            for entry in record.numbers
            if entry.kind.startswith(DOCUMENT_KIND + " ") and entry.kind != EXPIRY_KIND
        ),
        ("", []),
    )
    if not (number or subject.name.surname or subject.name.given):
        return None
    expiry = next((entry.number for entry in record.numbers if entry.kind == EXPIRY_KIND), "<<<<<<")
    formats = {layout.value: layout for layout in DocumentFormat}
    return Document(
        format=formats.get(kind[1], DocumentFormat.TD3) if len(kind) == 4 else DocumentFormat.TD3,
        code=kind[2] if len(kind) == 4 else "",
        issuer=kind[3] if len(kind) == 4 else "",
        number=number,
        surname=subject.name.surname,
        given_names=subject.name.given,
        nationality=subject.nationality,
        birth_date=_printed_birth(subject),
        sex=subject.sex if subject.sex in {"M", "F"} else "",
        expiry_date=expiry,
    )


def _printed_birth(subject: Subject) -> str:
    """Date of birth as a machine readable zone has it: YYMMDD, unknown parts ``<``."""
    whole = subject.birth_date.replace("-", "")
    if len(whole) == 8 and whole.isdigit():
        return whole[2:]
    earliest, latest = subject.birth_earliest.split("-"), subject.birth_latest.split("-")
    if len(earliest) != 3 or len(latest) != 3 or earliest[0] != latest[0]:
        return "<<<<<<"
    month = earliest[1] if earliest[1] == latest[1] else "<<"
    return f"{earliest[0][2:]}{month}<<"


@dataclass(frozen=True, slots=True)
class Responder:
    """Who answers, and whom an officer calls."""

    organisation: Organisation
    telephone: str = ""


def compose_result(request: Transaction, tcn: str, hits: list[Hit], responder: Responder, now: Stamp) -> bytes:
    """An SRE for ``request``: no hit, or one Type-2 record for each hit, all unconfirmed (RDM ``UC``).

    INT-I does not say in public how several candidates travel in one SRE; its sample holds one. Here each has a
    Type-2 record of its own (IDC counts from 0, its sequence number in 2.064 is IDC + 1). ``hits`` come most
    urgent first; the first 40 are sent, and the total in 2.064 counts all of them.
    """
    original = request.header.tot.value
    if not hits:
        none = Respondents(
            result=SearchResult.NONE,
            total=0,
            original=original,
            candidates=(RankedCandidate(sequence=1, verify=False),),
        )
        records = [Descriptive(respondents=none)]
    else:
        records = [_candidate(hit, idc, len(hits), original, responder) for idc, hit in enumerate(hits[:_MOST_HITS])]
    header = _answering(request, tcn, TransactionType.SRE, responder, now)
    return xml6.encode(Transaction(header=header, descriptive=tuple(records)))


def compose_error(
    request: Transaction, tcn: str, errors: Sequence[FieldError], responder: Responder, now: Stamp
) -> bytes:
    """An ERR for ``request`` with at least one error."""
    header = _answering(request, tcn, TransactionType.ERR, responder, now)
    return xml6.encode(Transaction(header=header, descriptive=(Descriptive(errors=tuple(errors)),)))


def _answering(request: Transaction, tcn: str, tot: TransactionType, responder: Responder, now: Stamp) -> Header:
    return Header(
        tot=tot,
        tcn=tcn,
        tcr=request.header.tcn,
        date=now.iso()[:10],
        utc=now.iso(),
        priority=request.header.priority,
        destination=request.header.origin,
        origin=responder.organisation,
    )


def _candidate(hit: Hit, idc: int, total: int, original: str, responder: Responder) -> Descriptive:
    listed = hit.record
    numbers: tuple[MiscellaneousNumber, ...] = ()
    if listed.document_number:
        # The format and code of a listed document are not known: only number and issuer are listed.
        kind = f"{DOCUMENT_KIND} - - {listed.document_issuer or ''}"
        numbers = (MiscellaneousNumber(kind=kind, number=listed.document_number),)
    return Descriptive(
        idc=idc,
        subject=Subject(
            name=PersonName(given=listed.given_names, surname=listed.surname),
            aliases=tuple(
                PersonName(given=name.given_names, surname=name.surname, extended=name.full)
                for name in listed.other_names[:_MOST_ALIASES]
            ),
            birth_date=listed.birth_date or "",
            nationality=listed.nationality or "",
            sex=listed.sex or "",
        ),
        crn=NationalNumber(country=listed.owner, number=listed.reference),
        numbers=numbers,
        contact=Contact(
            telephone=responder.telephone,
            organisation=responder.organisation.name,
            text=listed.notice.instruction,
        ),
        expires=listed.expires or "",
        determination=Determination.UNCONFIRMED,
        respondents=Respondents(
            result=SearchResult.HIT,
            total=total,
            original=original,
            candidates=(RankedCandidate(sequence=idc + 1, verify=True),),
        ),
        entry=ListEntry(
            notice=listed.notice.value,
            reason=listed.reason,
            diffusion=listed.diffusion,
            bureau=listed.bureau,
            purpose=listed.purpose,
            cautions=tuple(caution.value for caution in listed.cautions),
            caution_note=listed.caution_note,
            comparisons=tuple(
                Comparison(
                    modality=candidate.modality.value,
                    score=float(candidate.score),
                    fmr=None if candidate.fmr is None else float(candidate.fmr),
                    position=None if candidate.position is None else int(candidate.position),
                    detail=candidate.detail,
                )
                for candidate in hit.candidates
            ),
        ),
    )
