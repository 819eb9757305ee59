"""INT-I v6 XML bytes to a Transaction: liberal in what it takes, strict in what could hurt.

Liberal: elements are found by their local name in any of the four namespaces (the samples put the same
element into different ones), in any order; unknown elements are passed over; a missing optional field is an
empty one. Strict: no DTD, no entities, a bound on size, depth (libxml2's 256) and length of texts; numbers
must be numbers, base64 must be base64.
"""

from __future__ import annotations

import base64
import binascii
import math
from enum import StrEnum
from typing import TypeVar

from lxml import etree

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.inti.names import KNOWN
from hotspotd.relay.inti.transaction import (
    Comparison,
    Contact,
    Descriptive,
    Determination,
    FaceRecord,
    FieldError,
    Header,
    ListEntry,
    MiscellaneousNumber,
    MissingPrint,
    NationalNumber,
    Organisation,
    PersonName,
    Picture,
    PrintRecord,
    RankedCandidate,
    Respondents,
    SearchResult,
    Subject,
    Transaction,
    TransactionType,
)

# A face and four slap images at 1000 px/inch, JP2, make 3 MB; ten rolled prints and a face stay below this.
MAX_BYTES = 16 * 1024 * 1024
# The longest text field of INT-I (2.063 INF) is far below; what is longer is not meant for an officer.
_MAX_TEXT = 4_000
_MAX_RECORDS = 64
_MAX_NUMBER = 10**9

_Code = TypeVar("_Code", bound=StrEnum)


def decode(data: bytes, max_bytes: int = MAX_BYTES) -> Transaction:
    """The transaction in ``data``. Raises RelayError: TOO_LARGE, BAD_TRANSACTION."""
    if len(data) > max_bytes:
        raise RelayError(Reason.TOO_LARGE, f"transaction of {len(data)} bytes, at most {max_bytes} are read")
    root = _Node(_parse(data))
    if root.name != "NISTBiometricInformationExchangePackage":
        raise _bad("not an ANSI/NIST-ITL package")
    head: _Node | None = None
    descriptive: list[Descriptive] = []
    faces: list[FaceRecord] = []
    prints: list[PrintRecord] = []
    unread: list[int] = []
    for number, record in enumerate(root.children()):
        if number >= _MAX_RECORDS:
            raise _bad(f"more than {_MAX_RECORDS} records")
        match record.name:
            case "PackageInformationRecord":
                head = record
            case "PackageDescriptiveTextRecord":
                descriptive.append(_descriptive(record))
            case "PackageFacialAndSMTImageRecord" if record.find("FaceImage"):
                faces.append(_face(record))
            case "PackageFingerprintImageRecord":
                prints.append(_print(record))
            case _:
                unread.append(record.number("RecordCategoryCode") or 0)
    if head is None:
        raise _bad("no Type-1 record")
    return Transaction(
        header=_header(head),
        descriptive=tuple(descriptive),
        faces=tuple(faces),
        prints=tuple(prints),
        unread=tuple(unread),
    )


def _bad(what: str) -> RelayError:
    return RelayError(Reason.BAD_TRANSACTION, f"transaction: {what}")


def _parse(data: bytes) -> etree._Element:
    # Looked for before parsing too: an internal subset is worked on by libxml2 before anything can be refused.
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise _bad("has a document type declaration")
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise _bad(f"not well-formed XML, line {error.lineno}") from error
    except (ValueError, LookupError) as error:  # An encoding that libxml2 does not know.
        raise _bad("not readable as XML") from error
    info = root.getroottree().docinfo
    if info.internalDTD is not None or info.externalDTD is not None:
        raise _bad("has a document type declaration")
    if (info.encoding or "UTF-8").upper() not in {"UTF-8", "US-ASCII", "ASCII"}:
        raise _bad(f"is in {info.encoding[:20] if info.encoding else ''}, INT-I v6 is in UTF-8")
    return root


class _Node:
    """An element, read by local names."""

    def __init__(self, element: etree._Element) -> None:
        self._element = element
        self._space, self.name = _split(element)

    def children(self) -> list[_Node]:
        """Child elements of the known namespaces."""
        return [
            node
            for node in (_Node(child) for child in self._element if isinstance(child.tag, str))
            if node._space in KNOWN
        ]

    def find(self, path: str) -> _Node | None:
        """The first element at ``path`` (local names, ``/`` between), or ``None``."""
        node: _Node | None = self
        for name in path.split("/"):
            node = next((child for child in node.children() if child.name == name), None) if node else None
        return node

    def all(self, name: str) -> list[_Node]:
        """The children called ``name``."""
        return [child for child in self.children() if child.name == name]

    @property
    def value(self) -> str:
        """Text without the white space around it."""
        text = (self._element.text or "").strip()
        if len(text) > _MAX_TEXT:
            raise _bad(f"{self.name} is longer than {_MAX_TEXT} characters")
        return text

    def text(self, path: str) -> str:
        """Text at ``path``, empty where there is none."""
        node = self.find(path)
        return node.value if node else ""

    def number(self, path: str) -> int | None:
        """Whole number at ``path``; ``None`` where there is none."""
        text = self.text(path)
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise _bad(f"{path.rpartition('/')[2]} is not a number")
        return int(text)

    def real(self, path: str) -> float | None:
        """Finite number at ``path``; ``None`` where there is none."""
        text = self.text(path)
        if not text:
            return None
        try:
            number = float(text)
        except ValueError as error:
            raise _bad(f"{path.rpartition('/')[2]} is not a number") from error
        if not math.isfinite(number) or abs(number) > _MAX_NUMBER:
            raise _bad(f"{path.rpartition('/')[2]} is out of range")
        return number

    def code(self, path: str, kind: type[_Code]) -> _Code | None:
        """Code at ``path`` out of a table; ``None`` where there is none."""
        text = self.text(path)
        if not text:
            return None
        try:
            return kind(text)
        except ValueError as error:
            raise _bad(f"{path.rpartition('/')[2]} has a value that is not in its table") from error

    def data(self, path: str) -> bytes:
        """Decoded base64 at ``path``."""
        node = self.find(path)
        text = (node._element.text or "") if node else ""
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise _bad("image data is not base64") from error


def _split(element: etree._Element) -> tuple[str, str]:
    space, _, name = str(element.tag).rpartition("}")
    return space.removeprefix("{"), name


_ID = "/IdentificationID"
_COUNTRY = "LocationCountryISO3166Alpha3Code"


def _header(record: _Node) -> Header:
    top = record.find("Transaction")
    if top is None:
        raise _bad("Type-1 record without a Transaction")
    tot = top.code("TransactionCategoryCode", TransactionType)
    tcn = top.text("TransactionControlIdentification" + _ID)
    if tot is None or not tcn:
        raise _bad("1.004 TOT and 1.009 TCN are mandatory")
    if len(tcn) > 64:
        raise _bad("1.009 TCN is longer than 64 characters")
    return Header(
        tot=tot,
        tcn=tcn,
        tcr=top.text("TransactionControlReferenceIdentification" + _ID),
        date=top.text("TransactionDate/Date"),
        utc=top.text("TransactionUTCDate/DateTime"),
        priority=top.number("TransactionPriorityValue"),
        destination=_organisation(top.find("TransactionDestinationOrganization")),
        origin=_organisation(top.find("TransactionOriginatingOrganization")),
        domain=top.text("TransactionDomain/DomainVersionNumberIdentification" + _ID),
        native_resolution=top.text("TransactionImageResolutionDetails/NativeScanningResolutionValue"),
        nominal_resolution=top.text("TransactionImageResolutionDetails/NominalTransmittingResolutionValue"),
    )


def _organisation(node: _Node | None) -> Organisation:
    if node is None:
        return Organisation()
    return Organisation(
        identifier=node.text("OrganizationIdentification" + _ID),
        name=node.text("OrganizationName"),
        country=node.text(_COUNTRY) or node.text(f"LocationAddress/StructuredAddress/{_COUNTRY}"),
    )


def _idc(record: _Node) -> int:
    return record.number("ImageReferenceIdentification" + _ID) or 0


def _descriptive(record: _Node) -> Descriptive:
    detail = record.find("UserDefinedDescriptiveDetail")
    domain = detail.find("DomainDefinedDescriptiveDetail") if detail else None
    if detail is None or domain is None:
        return Descriptive(idc=_idc(record))
    misc = domain.find("RecordMetadata/MiscellaneousIdentification")
    response = domain.find("TransactionResponseData")
    return Descriptive(
        idc=_idc(record),
        captured_at=domain.text("RecordActivity/RecordCreationDate/DateTime"),
        captured_by=_organisation(domain.find("RecordActivity/CaptureOrganization")),
        subject=_subject(domain.find("RecordSubject")),
        civil_code=domain.text("RecordCivil/CivilDescriptionCode"),
        civil_text=domain.text("RecordCivil/CivilDescriptionText"),
        crn=_national(misc, "NationalPersonIdentifier"),
        npi=_national(misc, "NationalPersonInquiryIdentifier"),
        orn=_national(misc, "NationalBusinessReference"),
        numbers=_numbers(misc),
        contact=_contact(domain.find("RecordMetadata/ContactInformation")),
        expires=domain.text("RecordMetadata/ExpirationDate/Date"),
        determination=domain.code("TransactionMetadata/ResultDeterminationMode", Determination),
        respondents=_respondents(response.find("RespondentsList") if response else None),
        errors=tuple(_error(node) for node in response.all("ErrorMessage")) if response else (),
        entry=_entry(detail.find("CustomDefinedDescriptiveDetail/ListEntry")),
    )


def _national(misc: _Node | None, name: str) -> NationalNumber | None:
    node = misc.find(name) if misc else None
    number = node.text("IdentificationID") if node else ""
    return NationalNumber(country=node.text(_COUNTRY), number=number) if node and number else None


def _numbers(misc: _Node | None) -> tuple[MiscellaneousNumber, ...]:
    if misc is None:
        return ()
    nodes = (misc.find(f"MiscellaneousIdentificationID{place}") for place in range(1, 6))
    return tuple(
        MiscellaneousNumber(kind=node.text("MiscIDType"), number=node.text("IdentificationID"))
        for node in nodes
        if node and node.text("IdentificationID")
    )


def _subject(node: _Node | None) -> Subject:
    if node is None:
        return Subject()
    name = node.find("PersonName")
    aliases = node.find("PersonAliases")
    return Subject(
        name=_name(name) if name else PersonName(),
        aliases=tuple(_name(alias) for alias in aliases.all("PersonName")) if aliases else (),
        birth_date=node.text("PersonBirthDate/Date"),
        birth_earliest=node.text("PersonBirthDateRange/StartDate/Date"),
        birth_latest=node.text("PersonBirthDateRange/EndDate/Date"),
        nationality=node.text("PersonCitizenshipISO3166Alpha3Code"),
        sex=node.text("PersonSexCode"),
    )


def _name(node: _Node) -> PersonName:
    return PersonName(
        given=node.text("PersonGivenName"),
        middle=node.text("PersonMiddleName"),
        surname=node.text("PersonSurName"),
        extended=node.text("PersonExtendedName"),
    )


def _contact(node: _Node | None) -> Contact:
    if node is None:
        return Contact()
    return Contact(
        telephone=node.text("ContactTelephoneNumber/FullTelephoneNumber/TelephoneNumberFullID"),
        organisation=node.text("OrganizationName"),
        person=node.text("PersonFullName"),
        text=node.text("AdditionalContactInformationText"),
    )


def _respondents(node: _Node | None) -> Respondents | None:
    if node is None:
        return None
    result = node.code("TransactionSearchResultsCode", SearchResult)
    if result is None:
        raise _bad("2.064 RLS without a result")
    return Respondents(
        result=result,
        total=node.number("TransactionCandidatesTotalQuantity") or 0,
        original=node.text("TransactionCategoryCode"),
        candidates=tuple(
            RankedCandidate(
                sequence=candidate.number("CandidateSequenceID" + _ID) or 0,
                verify=candidate.text("TransactionCandidateManualVerificationIndicator") in {"true", "1"},
            )
            for candidate in node.all("TransactionCandidate")
        ),
    )


def _error(node: _Node) -> FieldError:
    return FieldError(
        code=node.text("ErrorCode"), field=node.text("ErrorFieldMnemonicCode"), text=node.text("ErrorMessageText")
    )


def _entry(node: _Node | None) -> ListEntry | None:
    if node is None:
        return None
    return ListEntry(
        notice=node.text("Notice"),
        reason=node.text("Reason"),
        diffusion=node.text("Diffusion") == "true",
        bureau=node.text("Bureau"),
        purpose=node.text("Purpose"),
        cautions=tuple(caution.value for caution in node.all("Caution")),
        caution_note=node.text("CautionNote"),
        comparisons=tuple(
            Comparison(
                modality=comparison.text("Modality"),
                score=comparison.real("Score") or 0.0,
                fmr=comparison.real("FalseMatchRate"),
                position=comparison.number("Position"),
                detail=comparison.text("Detail"),
            )
            for comparison in node.all("Comparison")
        ),
    )


def _picture(image: _Node) -> Picture:
    across = image.number("ImageHorizontalPixelDensityValue")
    down = image.number("ImageVerticalPixelDensityValue")
    return Picture(
        data=image.data("BinaryBase64Object"),
        compression=image.text("ImageCompressionAlgorithmText"),
        width=image.number("ImageHorizontalLineLengthPixelQuantity") or 0,
        height=image.number("ImageVerticalLineLengthPixelQuantity") or 0,
        scale=image.number("ImageScaleUnitsCode") or 0,
        density_across=1 if across is None else across,
        density_down=1 if down is None else down,
    )


def _face(record: _Node) -> FaceRecord:
    image = record.find("FaceImage")
    if image is None:
        raise _bad("Type-10 record without a face")
    return FaceRecord(
        idc=_idc(record),
        picture=_picture(image),
        captured_on=image.text("ImageCaptureDetail/CaptureDate/Date"),
        source=image.text("ImageCaptureDetail/CaptureOrganization/OrganizationIdentification" + _ID),
        colour_space=image.text("ImageColorSpaceCode"),
        profile=image.text("FaceImageAcquisitionProfileCode"),
        pose=image.text("FaceImageSubjectPoseCode"),
    )


def _print(record: _Node) -> PrintRecord:
    image = record.find("FingerprintImage") or record.find("FingerImpressionImage")
    if image is None:
        raise _bad("Type-14 record without an image part")
    position = image.number("FingerPositionCode")
    if position is None:
        raise _bad("14.013 FGP is mandatory")
    quality = image.find("FingerprintImageQuality")
    return PrintRecord(
        idc=_idc(record),
        position=position,
        picture=_picture(image),
        impression=image.number("FingerprintImageImpressionCaptureCategoryCode") or 0,
        bits=image.number("ImageBitsPerPixelQuantity"),
        captured_on=image.text("ImageCaptureDetail/CaptureDate/Date"),
        source=_organisation(image.find("ImageCaptureDetail/CaptureOrganization")),
        monitoring=image.text("ImageCaptureDetail/CaptureDeviceMonitoringModeCode"),
        missing=tuple(
            MissingPrint(position=node.number("FingerPositionCode") or 0, code=node.text("FingerMissingCode"))
            for node in image.all("FingerprintImageFingerMissing")
        ),
        quality=quality.number("QualityValue") if quality else None,
        profile=image.text("FingerprintImageAcquisitionProfileCode"),
    )
