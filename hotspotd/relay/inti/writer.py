"""A Transaction to INT-I v6 XML bytes, exactly as INTERPOL's samples lay the elements out and in their order.

The sequence of elements is the schema's, as the samples show it; empty fields are left out.
"""

from __future__ import annotations

import base64

from lxml import etree

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.inti.names import CUSTOM, ITL, PREFIXES
from hotspotd.relay.inti.transaction import (
    Contact,
    Descriptive,
    FaceRecord,
    Header,
    ListEntry,
    NationalNumber,
    Organisation,
    PersonName,
    Picture,
    PrintRecord,
    Respondents,
    Subject,
    Transaction,
)

_SPACES = {**PREFIXES, "custom": CUSTOM}


def encode(transaction: Transaction) -> bytes:
    """The transaction as UTF-8 XML. Raises RelayError (BAD_TRANSACTION) for text that XML cannot hold."""
    if transaction.unread:
        raise RelayError(Reason.BAD_TRANSACTION, "transaction: holds records that were not read, cannot be written")
    root = etree.Element(f"{{{ITL}}}NISTBiometricInformationExchangePackage", nsmap=dict(PREFIXES))
    try:
        _header(root, transaction)
        for descriptive in transaction.descriptive:
            _descriptive(root, descriptive)
        for face in transaction.faces:
            _face(root, face)
        for print_record in transaction.prints:
            _print(root, print_record)
    except ValueError as error:  # lxml's refusal of control characters.
        raise RelayError(Reason.BAD_TRANSACTION, "transaction: a text holds characters XML cannot hold") from error
    data: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return data


def _add(parent: etree._Element, path: str, text: str | int | None = None) -> etree._Element:
    """Add the elements of ``path`` (``prefix:name``, ``/`` between) below ``parent``, ``text`` in the last."""
    node = parent
    for step in path.split("/"):
        prefix, _, name = step.partition(":")
        space = _SPACES[prefix]
        node = etree.SubElement(node, f"{{{space}}}{name}", nsmap={"custom": CUSTOM} if space == CUSTOM else None)
    if text is not None:
        node.text = str(text)
    return node


def _maybe(parent: etree._Element, path: str, text: str | int | None) -> None:
    if text is not None and text != "":  # 0 is a value.
        _add(parent, path, text)


def _organisation(parent: etree._Element, path: str, organisation: Organisation, *, address: bool = False) -> None:
    if organisation == Organisation():
        return
    node = _add(parent, path)
    _maybe(node, "nc:OrganizationIdentification/nc:IdentificationID", organisation.identifier)
    _maybe(node, "nc:OrganizationName", organisation.name)
    country = "LocationCountryISO3166Alpha3Code"
    where = f"nc:LocationAddress/nc:StructuredAddress/nc:{country}" if address else f"int-i:{country}"
    _maybe(node, where, organisation.country)


def _header(root: etree._Element, transaction: Transaction) -> None:
    header: Header = transaction.header
    record = _add(root, "itl:PackageInformationRecord")
    _add(record, "biom:RecordCategoryCode", 1)
    top = _add(record, "biom:Transaction")
    _maybe(top, "biom:TransactionDate/nc:Date", header.date)
    _organisation(top, "int-i:TransactionDestinationOrganization", header.destination)
    _organisation(top, "int-i:TransactionOriginatingOrganization", header.origin)
    _maybe(top, "biom:TransactionUTCDate/nc:DateTime", header.utc)
    _add(top, "biom:TransactionControlIdentification/nc:IdentificationID", header.tcn)
    _maybe(top, "biom:TransactionControlReferenceIdentification/nc:IdentificationID", header.tcr)
    domain = _add(top, "biom:TransactionDomain")
    _maybe(domain, "biom:DomainVersionNumberIdentification/nc:IdentificationID", header.domain)
    _add(domain, "biom:TransactionDomainName", "INT-I")
    resolution = _add(top, "biom:TransactionImageResolutionDetails")
    _maybe(resolution, "biom:NativeScanningResolutionValue", header.native_resolution)
    _maybe(resolution, "biom:NominalTransmittingResolutionValue", header.nominal_resolution)
    # 1.002 VER is 0502 in INT-I v6.
    _add(top, "biom:TransactionMajorVersionValue", "05")
    _add(top, "biom:TransactionMinorVersionValue", "02")
    _maybe(top, "biom:TransactionPriorityValue", header.priority)
    _add(top, "int-i:TransactionCategoryCode", header.tot.value)
    _content(top, transaction)
    # 1.015 DCS: 3 is UTF-8 in ANSI/NIST-ITL; INTERPOL's samples say 0, version 000, and so do we.
    characters = _add(top, "biom:TransactionCharacterSetDirectory")
    _add(characters, "biom:CharacterSetCommonNameCode", "UTF-8")
    _add(characters, "biom:CharacterSetIndexCode", 0)
    _add(characters, "biom:CharacterSetVersionIdentification/nc:IdentificationID", "000")


def _content(top: etree._Element, transaction: Transaction) -> None:
    records = [
        *((2, record.idc) for record in transaction.descriptive),
        *((10, record.idc) for record in transaction.faces),
        *((14, record.idc) for record in transaction.prints),
    ]
    content = _add(top, "biom:TransactionContentSummary")
    _add(content, "biom:ContentFirstRecordCategoryCode", 1)
    _add(content, "biom:ContentRecordQuantity", len(records))
    for category, idc in records:
        summary = _add(content, "biom:ContentRecordSummary")
        _add(summary, "biom:ImageReferenceIdentification/nc:IdentificationID", idc)
        _add(summary, "biom:RecordCategoryCode", category)


def _record(root: etree._Element, name: str, category: str, idc: int) -> etree._Element:
    record = _add(root, f"itl:{name}")
    _add(record, "biom:RecordCategoryCode", category)
    _add(record, "biom:ImageReferenceIdentification/nc:IdentificationID", idc)
    return record


def _descriptive(root: etree._Element, record: Descriptive) -> None:
    node = _record(root, "PackageDescriptiveTextRecord", "02", record.idc)
    detail = _add(node, "itl:UserDefinedDescriptiveDetail")
    domain = _add(detail, "int-i:DomainDefinedDescriptiveDetail")
    if record.captured_at or record.captured_by != Organisation():
        activity = _add(domain, "int-i:RecordActivity")
        _maybe(activity, "biom:RecordCreationDate/nc:DateTime", record.captured_at)
        _organisation(activity, "int-i:CaptureOrganization", record.captured_by, address=True)
    _subject(domain, record.subject)
    if record.civil_code or record.civil_text:
        civil = _add(domain, "int-i:RecordCivil")
        _maybe(civil, "int-i:CivilDescriptionCode", record.civil_code)
        _maybe(civil, "int-i:CivilDescriptionText", record.civil_text)
    _metadata(domain, record)
    if record.determination:
        _add(domain, "int-i:TransactionMetadata/int-i:ResultDeterminationMode", record.determination.value)
    if record.respondents or record.errors:
        response = _add(domain, "int-i:TransactionResponseData")
        if record.respondents:
            _respondents(response, record.respondents)
        for error in record.errors:
            message = _add(response, "int-i:ErrorMessage")
            _maybe(message, "int-i:ErrorCode", error.code)
            _maybe(message, "int-i:ErrorFieldMnemonicCode", error.field)
            _maybe(message, "int-i:ErrorMessageText", error.text)
    if record.entry:
        _entry(_add(detail, "int-i:CustomDefinedDescriptiveDetail"), record.entry)


def _subject(domain: etree._Element, subject: Subject) -> None:
    if subject == Subject():
        return
    node = _add(domain, "int-i:RecordSubject")
    _maybe(node, "nc:PersonBirthDate/nc:Date", subject.birth_date)
    _maybe(node, "nc:PersonCitizenshipISO3166Alpha3Code", subject.nationality)
    if subject.name != PersonName():
        _name(_add(node, "int-i:PersonName"), subject.name)
    if subject.aliases:
        aliases = _add(node, "int-i:PersonAliases")
        for alias in subject.aliases:
            _name(_add(aliases, "int-i:PersonName"), alias)
    if subject.birth_earliest or subject.birth_latest:
        span = _add(node, "int-i:PersonBirthDateRange")
        _maybe(span, "nc:StartDate/nc:Date", subject.birth_earliest)
        _maybe(span, "nc:EndDate/nc:Date", subject.birth_latest)
    _maybe(node, "int-i:PersonSexCode", subject.sex)


def _name(node: etree._Element, name: PersonName) -> None:
    _maybe(node, "nc:PersonGivenName", name.given)
    _maybe(node, "nc:PersonMiddleName", name.middle)
    _maybe(node, "nc:PersonSurName", name.surname)
    _maybe(node, "int-i:PersonExtendedName", name.extended)


def _metadata(domain: etree._Element, record: Descriptive) -> None:
    identified = record.crn or record.npi or record.orn or record.numbers
    if not (identified or record.contact != Contact() or record.expires):
        return
    if len(record.numbers) > 5:
        raise RelayError(Reason.BAD_TRANSACTION, "transaction: more than five miscellaneous numbers (MN1 to MN5)")
    metadata = _add(domain, "int-i:RecordMetadata")
    if identified:
        misc = _add(metadata, "int-i:MiscellaneousIdentification")
        _national(misc, "NationalPersonIdentifier", record.crn)
        _national(misc, "NationalPersonInquiryIdentifier", record.npi)
        _national(misc, "NationalBusinessReference", record.orn)
        for place, number in enumerate(record.numbers, start=1):
            node = _add(misc, f"int-i:MiscellaneousIdentificationID{place}")
            _maybe(node, "int-i:MiscIDType", number.kind)
            _add(node, "nc:IdentificationID", number.number)
    if record.contact != Contact():
        contact = _add(metadata, "int-i:ContactInformation")
        telephone = "nc:ContactTelephoneNumber/nc:FullTelephoneNumber/nc:TelephoneNumberFullID"
        _maybe(contact, telephone, record.contact.telephone)
        _maybe(contact, "nc:OrganizationName", record.contact.organisation)
        _maybe(contact, "nc:PersonFullName", record.contact.person)
        _maybe(contact, "int-i:AdditionalContactInformationText", record.contact.text)
    _maybe(metadata, "nc:ExpirationDate/nc:Date", record.expires)


def _national(misc: etree._Element, name: str, number: NationalNumber | None) -> None:
    if number is None:
        return
    node = _add(misc, f"int-i:{name}")
    _maybe(node, "int-i:LocationCountryISO3166Alpha3Code", number.country)
    _add(node, "nc:IdentificationID", number.number)


def _respondents(response: etree._Element, respondents: Respondents) -> None:
    node = _add(response, "int-i:RespondentsList")
    for candidate in respondents.candidates:
        item = _add(node, "int-i:TransactionCandidate")
        _add(item, "int-i:CandidateSequenceID/nc:IdentificationID", candidate.sequence)
        _add(item, "int-i:TransactionCandidateManualVerificationIndicator", "true" if candidate.verify else "false")
    _add(node, "int-i:TransactionCandidatesTotalQuantity", respondents.total)
    _maybe(node, "int-i:TransactionCategoryCode", respondents.original)
    _add(node, "int-i:TransactionSearchResultsCode", respondents.result.value)


def _entry(custom: etree._Element, entry: ListEntry) -> None:
    node = _add(custom, "custom:ListEntry")
    _maybe(node, "custom:Notice", entry.notice)
    _maybe(node, "custom:Reason", entry.reason)
    _maybe(node, "custom:Diffusion", "true" if entry.diffusion else None)
    _maybe(node, "custom:Bureau", entry.bureau)
    _maybe(node, "custom:Purpose", entry.purpose)
    for caution in entry.cautions:
        _maybe(node, "custom:Caution", caution)
    _maybe(node, "custom:CautionNote", entry.caution_note)
    for comparison in entry.comparisons:
        item = _add(node, "custom:Comparison")
        _maybe(item, "custom:Modality", comparison.modality)
        _add(item, "custom:Score", repr(comparison.score))
        _maybe(item, "custom:FalseMatchRate", None if comparison.fmr is None else repr(comparison.fmr))
        _maybe(item, "custom:Position", comparison.position)
        _maybe(item, "custom:Detail", comparison.detail)


def _data(image: etree._Element, picture: Picture) -> None:
    if picture.data:
        _add(image, "nc:BinaryBase64Object", base64.b64encode(picture.data).decode("ascii"))


def _across(image: etree._Element, picture: Picture) -> None:
    _maybe(image, "biom:ImageCompressionAlgorithmText", picture.compression)
    _add(image, "biom:ImageHorizontalLineLengthPixelQuantity", picture.width)
    _add(image, "biom:ImageHorizontalPixelDensityValue", picture.density_across)
    _add(image, "biom:ImageScaleUnitsCode", picture.scale)


def _face(root: etree._Element, record: FaceRecord) -> None:
    node = _record(root, "PackageFacialAndSMTImageRecord", "10", record.idc)
    image = _add(node, "biom:FaceImage")
    _data(image, record.picture)
    if record.captured_on or record.source:
        capture = _add(image, "biom:ImageCaptureDetail")
        _maybe(capture, "biom:CaptureDate/nc:Date", record.captured_on)
        source = "biom:CaptureOrganization/nc:OrganizationIdentification/nc:IdentificationID"
        _maybe(capture, source, record.source)
    _maybe(image, "biom:ImageColorSpaceCode", record.colour_space)
    _across(image, record.picture)
    _add(image, "biom:ImageCategoryCode", "FACE")
    _add(image, "biom:ImageVerticalLineLengthPixelQuantity", record.picture.height)
    _add(image, "biom:ImageVerticalPixelDensityValue", record.picture.density_down)
    _maybe(image, "biom:FaceImageAcquisitionProfileCode", record.profile)
    _maybe(image, "biom:FaceImageSubjectPoseCode", record.pose)


def _print(root: etree._Element, record: PrintRecord) -> None:
    node = _record(root, "PackageFingerprintImageRecord", "14", record.idc)
    image = _add(node, "itl:FingerprintImage")
    _data(image, record.picture)
    _maybe(image, "biom:ImageBitsPerPixelQuantity", record.bits)
    if record.captured_on or record.source != Organisation() or record.monitoring:
        capture = _add(image, "biom:ImageCaptureDetail")
        _maybe(capture, "biom:CaptureDate/nc:Date", record.captured_on)
        _organisation(capture, "biom:CaptureOrganization", record.source)
        _maybe(capture, "biom:CaptureDeviceMonitoringModeCode", record.monitoring)
    _across(image, record.picture)
    _add(image, "biom:ImageVerticalLineLengthPixelQuantity", record.picture.height)
    _add(image, "biom:ImageVerticalPixelDensityValue", record.picture.density_down)
    _add(image, "biom:FingerprintImageImpressionCaptureCategoryCode", record.impression)
    _add(image, "biom:FingerPositionCode", record.position)
    for missing in record.missing:
        item = _add(image, "biom:FingerprintImageFingerMissing")
        _add(item, "biom:FingerPositionCode", missing.position)
        _add(item, "biom:FingerMissingCode", missing.code)
    if record.quality is not None:
        # 14.024 FQM. Vendor and product 0: our measure is not registered with IBIA.
        quality = _add(image, "biom:FingerprintImageQuality")
        _add(quality, "biom:FingerPositionCode", record.position)
        _add(quality, "biom:QualityAlgorithmProductIdentification/nc:IdentificationID", "0")
        _add(quality, "biom:QualityAlgorithmVendorIdentification/nc:IdentificationID", "0000")
        _add(quality, "biom:QualityValue", record.quality)
    _maybe(image, "biom:FingerprintImageAcquisitionProfileCode", record.profile)
