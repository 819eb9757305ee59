"""The kiosk's side of the exchange: an encounter to an NPS, an SRE or ERR to an answer. Pure; takes milliseconds
to tens of them (pictures are encoded), so it runs in a worker.

Where a traveller's document goes: INT-I has no field for a travel document, so its number is 2.012 MN1 with the
kind ``ICAO9303 <format> <code> <issuer>`` and its date of expiry 2.013 MN2 with the kind ``ICAO9303 EXPIRY``,
as printed (YYMMDD). A date of birth that is not wholly known goes as a range, 2.036 DBR.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

import msgspec

from hotspotd.clock import Stamp
from hotspotd.domain.answers import overall
from hotspotd.domain.candidate import Candidate, Determination, Hit, ListRecord, Modality, OtherName
from hotspotd.domain.caution import flags_and_words
from hotspotd.domain.document import Document
from hotspotd.domain.encounter import Encounter, Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.gateway_error import GatewayFault
from hotspotd.domain.notice import Notice
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome
from hotspotd.errors import Reason, RelayError
from hotspotd.relay import images
from hotspotd.relay.inti import xml6
from hotspotd.relay.inti.transaction import (
    Comparison,
    Descriptive,
    FaceRecord,
    Header,
    MiscellaneousNumber,
    MissingPrint,
    NationalNumber,
    Organisation,
    PersonName,
    Picture,
    PrintRecord,
    SearchResult,
    Subject,
    Transaction,
    TransactionType,
)

DOCUMENT_KIND = "ICAO9303"
EXPIRY_KIND = f"{DOCUMENT_KIND} EXPIRY"

# An officer watches over several kiosks: between CONTROLLED and UNATTENDED (ANSI/NIST-ITL, 14.030 DMM).
_MONITORING = "OBSERVED"
_CGA = {"image/jpeg": "JPEGB", "image/png": "PNG", "image/jp2": "JP2"}


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends: the device, its organisation and country (ISO 3166 alpha-3), and to whom."""

    device: str
    organisation: str
    country: str
    destination: str = "NCB"
    destination_name: str = "National Central Bureau"


class PictureLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How large pictures may be. ``fap`` is the scanner's fingerprint acquisition profile (14.031), None if not known.

    ``print_bytes`` are spent on a print whose pixels would allow fewer; a large one gets what its profile asks for.
    Empty glass is cut off prints, but not where a profile is claimed: it states how much is shown.
    """

    face_bytes: int = 24_000
    print_bytes: int = 12_000
    fap: int | None = None

    @property
    def print_ratio(self) -> float:
        """How many times smaller than its pixels a print may become."""
        return images.RATIO_WITHOUT_FAP if self.fap is None else images.LARGEST_RATIO[self.fap]


def compose_nps(
    encounter: Encounter,
    origin: Origin,
    now: Stamp,
    purpose: str,
    priority: int = 2,
    limits: PictureLimits = PictureLimits(),  # noqa: B008  # Frozen.
) -> bytes:
    """The encounter as an NPS: Type-1, Type-2, a Type-10 for the face, a Type-14 for each finger.

    ``purpose`` is a CIV code (AMN CIT DEC IMM IU OTH VIS), ``priority`` 1 (first) to 9. A finger that could not
    be had is a Type-14 with AMP and no image. Raises RelayError (BAD_TRANSACTION).
    """
    sender = Organisation(identifier=origin.device, name=origin.organisation, country=origin.country)
    captured_on = encounter.opened_at[:10]
    faces: list[FaceRecord] = []
    prints: list[PrintRecord] = []
    for sample in encounter.samples:
        if sample.modality == "portrait":
            continue  # What the document's chip holds was not captured here, and is not sent.
        idc = len(faces) + len(prints) + 1
        if sample.modality == "finger":
            prints.append(_print(sample, idc, captured_on, sender, limits))
        elif sample.image:
            faces.append(_face(sample, idc, captured_on, origin.device, limits))
    iso = now.iso()
    return xml6.encode(
        Transaction(
            header=Header(
                tot=TransactionType.NPS,
                tcn=encounter.tcn,
                date=iso[:10],
                utc=iso,
                priority=priority,
                destination=Organisation(
                    identifier=origin.destination, name=origin.destination_name, country=origin.country
                ),
                origin=sender,
            ),
            descriptive=(_inquiry(encounter, sender, purpose, now.at.year),),
            faces=tuple(faces),
            prints=tuple(prints),
        )
    )


def _inquiry(encounter: Encounter, sender: Organisation, purpose: str, year: int) -> Descriptive:
    document = encounter.document
    return Descriptive(
        captured_at=encounter.opened_at,
        captured_by=sender,
        subject=Subject() if document is None else _subject(document, year),
        civil_code=purpose,
        # 2.011 ORN is mandatory where there is no CRN: the number of our own file.
        orn=NationalNumber(country=sender.country, number=encounter.encounter_id),
        numbers=() if document is None else _numbers(document),
    )


def _numbers(document: Document) -> tuple[MiscellaneousNumber, ...]:
    if not document.number:
        return ()
    kind = f"{DOCUMENT_KIND} {document.format.value} {document.code} {document.issuer}"
    number = MiscellaneousNumber(kind=kind, number=document.number)
    return (number, MiscellaneousNumber(kind=EXPIRY_KIND, number=document.expiry_date))


def _subject(document: Document, year: int) -> Subject:
    born = document.born(year) or ""
    earliest, latest = _span(born)
    return Subject(
        name=PersonName(given=document.given_names, surname=document.surname),
        birth_date=born if len(born) == 10 else "",
        birth_earliest=earliest,
        birth_latest=latest,
        nationality=document.nationality,
        sex=document.sex if document.sex in {"M", "F"} else "U",
    )


def _span(born: str) -> tuple[str, str]:
    """First and last day of a date without its day or month; empty for a whole date or none."""
    if len(born) == 4:
        return f"{born}-01-01", f"{born}-12-31"
    if len(born) == 7 and 1 <= int(born[5:]) <= 12:
        return f"{born}-01", f"{born}-{calendar.monthrange(int(born[:4]), int(born[5:]))[1]:02d}"
    return "", ""


def _print(sample: Sample, idc: int, captured_on: str, sender: Organisation, limits: PictureLimits) -> PrintRecord:
    position = sample.position or FingerPosition.UNKNOWN
    if not sample.image:
        code = sample.missing.value if sample.missing else "UP"
        return PrintRecord(
            idc=idc,
            position=position,
            missing=(MissingPrint(position=position, code=code),),
            captured_on=captured_on,
            source=sender,
            monitoring=_MONITORING,
        )
    grey = images.decode_grey(sample.image)
    if limits.fap is None:
        grey = images.without_glass(grey)
    encoded = images.encode_print(grey, limits.print_ratio, limits.print_bytes)
    dpi = sample.dpi or 500
    return PrintRecord(
        idc=idc,
        position=position,
        picture=Picture(
            data=encoded.data,
            compression="JP2L" if encoded.lossless else "JP2",
            width=grey.shape[1],
            height=grey.shape[0],
            scale=1,
            density_across=dpi,
            density_down=dpi,
        ),
        bits=8,
        captured_on=captured_on,
        source=sender,
        monitoring=_MONITORING,
        missing=(MissingPrint(position=position, code=sample.missing.value),) if sample.missing else (),
        quality=sample.quality,
        profile="" if limits.fap is None else str(limits.fap),
    )


def _face(sample: Sample, idc: int, captured_on: str, source: str, limits: PictureLimits) -> FaceRecord:
    if sample.media_type not in _CGA:
        raise RelayError(Reason.BAD_TRANSACTION, f"a portrait of type {sample.media_type[:40]!r} cannot be sent")
    face = images.encode_face(sample.image, sample.media_type, limits.face_bytes)
    return FaceRecord(
        idc=idc,
        picture=Picture(data=face.data, compression=_CGA[face.media_type], width=face.width, height=face.height),
        captured_on=captured_on,
        source=source,
        colour_space="SRGB",
        profile="0",  # SAP 0: no profile is claimed.
        pose="F",
    )


def read_answer(xml: bytes) -> GatewayAnswer:
    """The answer in an SRE or ERR. Raises RelayError: BAD_TRANSACTION, TOO_LARGE."""
    transaction = xml6.decode(xml)
    header = transaction.header
    if not header.tcr:
        raise RelayError(Reason.BAD_TRANSACTION, "transaction: an answer without 1.010 TCR")
    made_at = _made_at(header)
    if header.tot is TransactionType.ERR:
        errors = [error for record in transaction.descriptive for error in record.errors]
        text = "; ".join(" ".join(filter(None, (error.code, error.field, error.text))) for error in errors)
        return GatewayAnswer(
            outcome=GatewayOutcome.ERROR,
            tcn=header.tcn,
            tcr=header.tcr,
            text=text,
            made_at=made_at,
            # An ERR that names nothing is still one.
            faults=tuple(GatewayFault(error.code, error.field, error.text) for error in errors)
            or (GatewayFault("999"),),
        )
    if header.tot is not TransactionType.SRE:
        raise RelayError(Reason.BAD_TRANSACTION, f"transaction: a {header.tot} is no answer")
    results = [record.respondents for record in transaction.descriptive if record.respondents]
    if not results:
        raise RelayError(Reason.BAD_TRANSACTION, "transaction: SRE without 2.064 RLS")
    text = next((record.contact.text for record in transaction.descriptive if record.contact.text), "")
    if all(result.result is SearchResult.NONE for result in results):
        return GatewayAnswer(outcome=GatewayOutcome.NO_HIT, tcn=header.tcn, tcr=header.tcr, text=text, made_at=made_at)
    found = [
        record
        for record in transaction.descriptive
        if record.respondents is None or record.respondents.result is SearchResult.HIT
    ]
    hits = tuple(_hit(record, header) for record in found)
    return GatewayAnswer(
        outcome=GatewayOutcome.HIT,
        tcn=header.tcn,
        tcr=header.tcr,
        hits=hits,
        determination=overall(hits),
        text=text,
        made_at=made_at,
        total=max(result.total for result in results),
    )


def _made_at(header: Header) -> str:
    """1.014 GMT in the form that compares as text; empty where there is none."""
    try:
        made = datetime.fromisoformat(header.utc)
    except ValueError:
        return ""
    made = made.replace(tzinfo=UTC) if made.tzinfo is None else made.astimezone(UTC)
    return Stamp(made, trusted=True).iso()


def _hit(record: Descriptive, header: Header) -> Hit:
    number = record.crn or record.orn or record.npi
    subject, entry = record.subject, record.entry
    issuer, document = _listed_document(record)
    comparisons = entry.comparisons if entry else ()
    flags, words = flags_and_words(entry.cautions) if entry else ((), "")
    listed = ListRecord(
        # A hit without any number of the owner's is still a hit: it is known by the reply it came in.
        reference=number.number if number else f"{header.tcn}/{record.idc}",
        notice=_notice(entry.notice if entry else ""),
        owner=(number.country if number else "") or header.origin.country or "XPO",
        surname=subject.name.surname or subject.name.extended,
        given_names=" ".join(filter(None, (subject.name.given, subject.name.middle))),
        birth_date=subject.birth_date or None,
        nationality=subject.nationality or None,
        sex=subject.sex or None,
        document_number=document,
        document_issuer=issuer,
        reason=(entry.reason if entry else "") or record.contact.text,
        expires=record.expires or None,
        diffusion=bool(entry and entry.diffusion),
        bureau=entry.bureau if entry else "",
        purpose=entry.purpose if entry else "",
        cautions=flags,
        caution_note="; ".join(filter(None, (words, entry.caution_note if entry else ""))),
        other_names=tuple(
            OtherName(
                full=alias.extended,
                surname=alias.surname,
                given_names=" ".join(filter(None, (alias.given, alias.middle))),
            )
            for alias in subject.aliases
        ),
    )
    return Hit(
        record=listed,
        candidates=tuple(_candidates(comparisons, listed.reference)),
        determination=record.determination or Determination.UNCONFIRMED,
    )


def _candidates(comparisons: tuple[Comparison, ...], reference: str) -> list[Candidate]:
    """Candidates of the modalities that are known here; a gateway may know more."""
    known = {modality.value: modality for modality in Modality}
    positions = {position.value: position for position in FingerPosition}
    return [
        Candidate(
            modality=known[comparison.modality],
            reference=reference,
            score=comparison.score,
            fmr=comparison.fmr,
            position=None if comparison.position is None else positions.get(comparison.position),
            detail=comparison.detail,
        )
        for comparison in comparisons
        if comparison.modality in known
    ]


def _notice(name: str) -> Notice:
    """The notice called ``name``; an unknown one is a national record, whose officer contacts the owner."""
    try:
        return Notice(name)
    except ValueError:
        return Notice.NATIONAL


def _listed_document(record: Descriptive) -> tuple[str | None, str | None]:
    """Issuer and number of the travel document in MN1 to MN5."""
    for number in record.numbers:
        parts = number.kind.split(" ")
        if parts[0] == DOCUMENT_KIND and number.kind != EXPIRY_KIND:
            return (parts[3] if len(parts) == 4 else None), number.number
    return None, None
