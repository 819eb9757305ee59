"""Where each field stands in INT-I v6 XML: one table a record type, read by the codec in both directions.

A line is an element, indented below its parent; ``a/b`` are two in one line.

- ``name = 10.1``: a leaf; its text is item 1 (from 0) of field 10. ``= 140.2,3``: it may be there twice.
- ``name = DATA``: the image in base64.
- ``name * 34``: the element repeats; each is one subfield of field 34, the first of them subfield 0. ``* 3+1``: the
  first is subfield 1. Leaves below it belong to its subfield, others to subfield 0.
- ``name|Other``: read under either local name, written as the first.

Lines stand in the order in which elements are written, which is that of the schema as INTERPOL's samples show it.
Sources: the samples and ANSI/NIST-ITL 1-2011 Update 2015, annex C. Items of the fields of Type-2: docs/inti.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hotspotd.relay.inti.record import DATA


@dataclass(eq=False)
class Node:
    """One element of a layout."""

    prefix: str
    names: tuple[str, ...]
    """Local names, the first is written."""
    number: int = 0
    """Field of a leaf; 0 is none, ``DATA`` the image."""
    items: tuple[int, ...] = ()
    group: int = 0
    """Field whose subfields this element repeats for; 0 is none."""
    first: int = 0
    """Subfield of the first repetition."""
    children: list[Node] = field(default_factory=list)

    @property
    def step(self) -> str:
        """``prefix:name`` as written."""
        return f"{self.prefix}:{self.names[0]}"

    def child(self, name: str) -> Node | None:
        """The child that is read under the local name ``name``."""
        return next((node for node in self.children if name in node.names), None)


def _parsed(root: str, text: str) -> Node:
    top = _node(root)
    stack: list[tuple[int, Node]] = [(-1, top)]
    for line in text.splitlines():
        if not line.strip():
            continue
        depth = len(line) - len(line.lstrip())
        while stack[-1][0] >= depth:
            stack.pop()
        head, *rest = line.strip().split(" ", 1)
        parent = stack[-1][1]
        for step in head.split("/"):
            node = next((child for child in parent.children if child.step == step), None)
            if node is None:
                node = _node(step)
                parent.children.append(node)
            parent = node
        if rest:
            _mark(parent, rest[0])
        stack.append((depth, parent))
    return top


def _node(step: str) -> Node:
    prefix, _, names = step.partition(":")
    return Node(prefix, tuple(names.split("|")))


def _mark(node: Node, marks: str) -> None:
    words = marks.split()
    if "*" in words:
        number, _, first = words[words.index("*") + 1].partition("+")
        node.group, node.first = int(number), int(first or 0)
    if "=" in words:
        target = words[words.index("=") + 1]
        number, _, items = target.partition(".")
        node.number = DATA if target == "DATA" else int(number)
        node.items = tuple(int(item) for item in (items or "0").split(","))


_HEAD = """
biom:RecordCategoryCode = 1
biom:ImageReferenceIdentification/nc:IdentificationID = 2
"""

_TYPE_1 = """
biom:RecordCategoryCode = 1
biom:Transaction
  biom:TransactionDate/nc:Date = 5
  int-i:TransactionDestinationOrganization
    nc:OrganizationIdentification/nc:IdentificationID = 7.0
    nc:OrganizationName = 17.0
    int-i:LocationCountryISO3166Alpha3Code = 7.1
  int-i:TransactionOriginatingOrganization
    nc:OrganizationIdentification/nc:IdentificationID = 8.0
    nc:OrganizationName = 17.1
    int-i:LocationCountryISO3166Alpha3Code = 8.1
  biom:TransactionUTCDate/nc:DateTime = 14
  biom:TransactionControlIdentification/nc:IdentificationID = 9
  biom:TransactionControlReferenceIdentification/nc:IdentificationID = 10
  biom:TransactionDomain
    biom:DomainVersionNumberIdentification/nc:IdentificationID = 13.1
    biom:TransactionDomainName = 13.0
  biom:TransactionApplicationProfile * 16
    biom:ApplicationProfileOrganizationName = 16.0
    biom:ApplicationProfileName = 16.1
    biom:ApplicationProfileVersionIdentification/nc:IdentificationID = 16.2
  biom:TransactionImageResolutionDetails
    biom:NativeScanningResolutionValue = 11
    biom:NominalTransmittingResolutionValue = 12
  biom:TransactionMajorVersionValue = 2.0
  biom:TransactionMinorVersionValue = 2.1
  biom:TransactionPriorityValue = 6
  int-i:TransactionCategoryCode = 4
  biom:TransactionContentSummary
    biom:ContentFirstRecordCategoryCode = 3.0
    biom:ContentRecordQuantity = 3.1
    biom:ContentRecordSummary * 3+1
      biom:ImageReferenceIdentification/nc:IdentificationID = 3.1
      biom:RecordCategoryCode = 3.0
  biom:TransactionCharacterSetDirectory * 15
    biom:CharacterSetCommonNameCode = 15.1
    biom:CharacterSetIndexCode = 15.0
    biom:CharacterSetVersionIdentification/nc:IdentificationID = 15.2
  biom:TransactionGeographicNameSetCode = 18
"""


def _name(number: int, indent: str) -> str:
    lines = (
        f"nc:PersonNamePrefixText = {number}.3",
        f"nc:PersonGivenName = {number}.0",
        f"nc:PersonMiddleName = {number}.1",
        f"nc:PersonSurName = {number}.2",
        f"nc:PersonNameSuffixText = {number}.4",
        f"nc:PersonMaidenName = {number}.5",
        f"int-i:PersonExtendedName = {number}.6",
    )
    return "\n".join(indent + line for line in lines)


def _address(number: int, first: int, indent: str) -> str:
    """``nc:LocationAddress`` in eight items from ``first``."""
    lines = (
        "nc:LocationAddress",
        "  nc:StructuredAddress",
        f"    nc:LocationStreet/nc:StreetNumberText = {number}.{first}",
        f"    nc:LocationStreet/nc:StreetName = {number}.{first + 1}",
        f"    nc:LocationCityName = {number}.{first + 2}",
        f"    nc:LocationCountyName = {number}.{first + 3}",
        f"    nc:LocationStateName = {number}.{first + 4}",
        f"    nc:LocationCountryISO3166Alpha3Code = {number}.{first + 5}",
        f"    nc:LocationPostalCode = {number}.{first + 6}",
        f"  nc:AddressFullText = {number}.{first + 7}",
    )
    return "\n".join(indent + line for line in lines)


_DETAIL = "itl:UserDefinedDescriptiveDetail/int-i:DomainDefinedDescriptiveDetail"
_TYPE_2 = f"""
{_HEAD}
{_DETAIL}
  int-i:RecordActivity
    biom:RecordCreationDate
      nc:Date = 19.1
      nc:DateTime = 19.0
    int-i:CaptureOrganization
      nc:OrganizationIdentification/nc:IdentificationID = 23.0
      nc:OrganizationName = 23.1
      int-i:LocationCountryISO3166Alpha3Code = 23.10
{_address(23, 2, "      ")}
  int-i:RecordSubject
    nc:PersonBirthDate/nc:Date = 35
    nc:PersonBirthLocation
{_address(37, 0, "      ")}
    nc:PersonCitizenshipISO3166Alpha3Code * 38 = 38
    int-i:PersonName
{_name(30, "      ")}
    int-i:PersonAliases
      int-i:PersonName * 34
{_name(34, "        ")}
    int-i:PersonBirthDateRange
      nc:StartDate/nc:Date = 36.0
      nc:EndDate/nc:Date = 36.1
    int-i:PersonSexCode = 39
    int-i:PersonFather
{_name(75, "      ")}
    int-i:PersonMother
{_name(76, "      ")}
  int-i:RecordOffence
    int-i:OffenceDescriptionCode * 21 = 21
    int-i:OffenceDescriptionText = 54
    int-i:OffenceDateTime
      nc:Date = 55.0
      nc:DateTime = 55.1
  int-i:RecordCivil
    int-i:CivilDescriptionCode = 970.0
    int-i:CivilDescriptionText = 970.1
  int-i:RecordMetadata
    int-i:MiscellaneousIdentification
      int-i:NationalCaseIdentifier
        int-i:LocationCountryISO3166Alpha3Code = 7.0
        nc:IdentificationID = 7.1
      int-i:LatentCaseEvidenceIdentifier = 8
      int-i:LatentIdentifier = 9
      int-i:LatentUniqueIdentifier = 93
      int-i:NationalPersonIdentifier
        int-i:LocationCountryISO3166Alpha3Code = 10.0
        nc:IdentificationID = 10.1
      int-i:NationalPersonInquiryIdentifier
        int-i:LocationCountryISO3166Alpha3Code = 91.0
        nc:IdentificationID = 91.1
      int-i:NationalBusinessReference
        int-i:LocationCountryISO3166Alpha3Code = 11.0
        nc:IdentificationID = 11.1
      int-i:MiscellaneousIdentificationID1
        int-i:MiscIDType = 12.0
        nc:IdentificationID = 12.1
      int-i:MiscellaneousIdentificationID2
        int-i:MiscIDType = 13.0
        nc:IdentificationID = 13.1
      int-i:MiscellaneousIdentificationID3
        int-i:MiscIDType = 14.0
        nc:IdentificationID = 14.1
      int-i:MiscellaneousIdentificationID4
        int-i:MiscIDType = 15.0
        nc:IdentificationID = 15.1
      int-i:MiscellaneousIdentificationID5
        int-i:MiscIDType = 16.0
        nc:IdentificationID = 16.1
    int-i:ContactInformation
      nc:ContactTelephoneNumber/nc:FullTelephoneNumber/nc:TelephoneNumberFullID = 63.0
      nc:OrganizationName = 63.1
      nc:PersonFullName = 63.2
      int-i:AdditionalContactInformationText = 63.3
    nc:ExpirationDate/nc:Date = 92
    int-i:RecordCreationDate
      nc:Date = 4.0
      nc:DateTime = 4.1
    int-i:RecordLastUpdateDate
      nc:Date = 5.0
      nc:DateTime = 5.1
  int-i:TransactionMetadata/int-i:ResultDeterminationMode = 94
  int-i:TransactionResponseData
    int-i:RespondentsList
      int-i:TransactionCandidate * 64
        int-i:CandidateSequenceID/nc:IdentificationID = 64.0
        int-i:TransactionCandidateManualVerificationIndicator = 64.1
      int-i:TransactionCandidatesTotalQuantity = 64.2
      int-i:TransactionCategoryCode = 64.3
      int-i:TransactionSearchResultsCode = 64.4
    int-i:LatentMatchingPosition * 973
      int-i:LatentMatchingPositionSearch = 973.0
      int-i:LatentMatchingPositionCandidate = 973.1
    int-i:ErrorMessage * 74
      int-i:ErrorCode = 74.0
      int-i:ErrorFieldMnemonicCode = 74.1
      int-i:ErrorMessageText = 74.2
itl:UserDefinedDescriptiveDetail/int-i:CustomDefinedDescriptiveDetail/custom:ListEntry
  custom:Notice = 971.0
  custom:Reason = 971.1
  custom:Diffusion = 971.2
  custom:Bureau = 971.3
  custom:Purpose = 971.4
  custom:Caution * 974 = 974
  custom:CautionNote = 971.5
  custom:Comparison * 972
    custom:Modality = 972.0
    custom:Score = 972.1
    custom:FalseMatchRate = 972.2
    custom:Position = 972.3
    custom:Detail = 972.4
  custom:Withdrawn * 975 = 975
"""

_TYPE_4 = f"""
{_HEAD}
biom:FingerprintImage
  nc:BinaryBase64Object = DATA
  biom:ImageCaptureDetail/biom:CaptureResolutionCode = 5
  biom:ImageCompressionAlgorithmCode = 8
  biom:ImageHorizontalLineLengthPixelQuantity = 6
  biom:ImageVerticalLineLengthPixelQuantity = 7
  biom:FingerprintImagePosition/biom:FingerPositionCode * 4 = 4
  biom:FingerprintImageImpressionCaptureCategoryCode = 3
"""

_TYPE_9 = f"""
{_HEAD}
biom:MinutiaeImpressionCaptureCategoryCode = 3
biom:MinutiaeFormatNISTStandardIndicator = 4
biom:INCITSMinutiae
  biom:CBEFFFormatOwnerIdentification/nc:IdentificationID = 126.0
  biom:CBEFFFormatCategoryIdentification/nc:IdentificationID = 126.1
  biom:CBEFFProductIdentification/nc:IdentificationID = 126.2
  biom:ImageCaptureDetail
    biom:CaptureDeviceIdentification/nc:IdentificationID = 127.1
    biom:CaptureDeviceCertificationCode = 127.0
  biom:FingerImpressionImage
    biom:ImageHorizontalLineLengthPixelQuantity = 128
    biom:ImageHorizontalPixelDensityValue = 131
    biom:ImageScaleUnitsCode = 130
    biom:ImageVerticalLineLengthPixelQuantity = 129
    biom:ImageVerticalPixelDensityValue = 132
    biom:FingerPositionCode = 134
  biom:FingerViewNumeric = 133
  biom:MinutiaeQuality * 135
    biom:QualityAlgorithmProductIdentification/nc:IdentificationID = 135.2
    biom:QualityValue = 135.0
    biom:QualityAlgorithmVendorIdentification/nc:IdentificationID = 135.1
  biom:MinutiaeQuantity = 136
  biom:INCITSMinutia * 137
    biom:MinutiaIdentification/nc:IdentificationID = 137.0
    biom:INCITSMinutiaLocation
      biom:PositionHorizontalCoordinateValue = 137.1
      biom:PositionVerticalCoordinateValue = 137.2
      biom:ImageLocationThetaAngleMeasure = 137.3
    biom:INCITSMinutiaCategoryCode = 137.4
    biom:MinutiaQualityValue = 137.5
  biom:MinutiaeRidgeCountDetail
    biom:INCITSRidgeCountAlgorithmCode = 138.0
    biom:MinutiaeRidgeCountItem * 138+1
      biom:MinutiaIdentification/nc:IdentificationID = 138.0
      biom:MinutiaReferenceIdentification/nc:IdentificationID = 138.1
      biom:RidgeCountValue = 138.2
  biom:FingerprintPatternCoreLocation * 139
    biom:PositionHorizontalCoordinateValue = 139.0
    biom:PositionVerticalCoordinateValue = 139.1
    biom:ImageLocationThetaAngleMeasure = 139.2
  biom:FingerprintPatternDeltaLocation * 140
    biom:PositionHorizontalCoordinateValue = 140.0
    biom:PositionVerticalCoordinateValue = 140.1
    biom:ImageLocationThetaAngleMeasure = 140.2,3,4
"""

_ANNOTATED = f"""
{_HEAD}
biom:Type2CrossReferenceIdentification * 992
  nc:IdentificationID = 992
biom:ProcessAnnotation * 902
  biom:ProcessUTCDate/nc:DateTime = 902.0
  biom:ProcessName = 902.1
  biom:ProcessOwnerText = 902.2
  biom:ProcessDescriptionText = 902.3
biom:AssociatedContext * 995
  biom:ContextIdentification/nc:IdentificationID = 995.0
  biom:ImageSegmentIdentification/nc:IdentificationID = 995.1
biom:ImageHashValue = 996
biom:SourceRepresentation
  biom:SourceIdentification/nc:IdentificationID = 997.0
  biom:ImageSegmentIdentification/nc:IdentificationID = 997.1
"""

_CAPTURE = """
  biom:ImageCaptureDetail
    biom:CaptureLocation
      nc:LocationDescriptionText = 998.12
      nc:LocationGeographicElevation/nc:MeasurePointValue = 998.7
      biom:LocationTwoDimensionalGeographicCoordinate
        nc:GeographicCoordinateLatitude/nc:LatitudeDegreeValue = 998.1
        nc:GeographicCoordinateLatitude/nc:LatitudeMinuteValue = 998.2
        nc:GeographicCoordinateLatitude/nc:LatitudeSecondValue = 998.3
        nc:GeographicCoordinateLongitude/nc:LongitudeDegreeValue = 998.4
        nc:GeographicCoordinateLongitude/nc:LongitudeMinuteValue = 998.5
        nc:GeographicCoordinateLongitude/nc:LongitudeSecondValue = 998.6
        biom:GeodeticDatumCoordinateSystemCode = 998.8
      nc:LocationUTMCoordinate
        nc:UTMEastingValue = 998.10
        nc:UTMGridZoneID = 998.9
        nc:UTMNorthingValue = 998.11
      biom:LocationAlternateGeographicSystemValue
        biom:GeographicLocationSystemName = 998.13
        biom:GeographicLocationText = 998.14
    biom:CaptureUTCDateTime/nc:DateTime = 998.0
    biom:CaptureDate/nc:Date = 5
    biom:ImageCaptureDateEstimateRange = 34
    biom:CaptureDeviceIdentification/nc:IdentificationID = 903
    biom:CaptureDeviceMakeText = 904.0
    biom:CaptureDeviceModelText = 904.1
    biom:CaptureDeviceSerialNumberText = 904.2
    biom:CaptureHorizontalPixelDensityValue = 16
    biom:CaptureOrganization
      nc:OrganizationIdentification/nc:IdentificationID = 4.0
      nc:OrganizationName = 993
      nc:OrganizationUnitName = 47
      int-i:LocationCountryISO3166Alpha3Code = 4.1
    biom:CaptureVerticalPixelDensityValue = 17
    biom:CaptureDeviceMonitoringModeCode = 30
    biom:CaptureIdentification/nc:IdentificationID = 26
"""

_PICTURE = """
  biom:ImageCompressionAlgorithmText = 11
  biom:ImageHorizontalLineLengthPixelQuantity = 6
  biom:ImageHorizontalPixelDensityValue = 9
"""

_STATE = """
biom:SubjectExistentialDetails
  biom:SubjectExistentialStatusCode = 46.0
  biom:SubjectBodyStatusCode = 46.1
  biom:SubjectBodyClassCode = 46.2
"""

_TYPE_10 = f"""
{_ANNOTATED}
biom:FaceImage
  nc:BinaryBase64Object = DATA
{_CAPTURE}
  biom:ImageColorSpaceCode = 12
  biom:ImageCommentText = 38
{_PICTURE}
  biom:ImageQuality * 24
    biom:QualityAlgorithmProductIdentification/nc:IdentificationID = 24.2
    biom:QualityValue = 24.0
    biom:QualityAlgorithmVendorIdentification/nc:IdentificationID = 24.1
  biom:ImageScaleUnitsCode = 8
  biom:ImageCategoryCode = 3
  biom:ImageVerticalLineLengthPixelQuantity = 7
  biom:ImageVerticalPixelDensityValue = 10
  biom:ImageDistortion
    biom:ImageDistortionCategoryCode = 18.0
    biom:ImageDistortionMeasurementCode = 18.1
    biom:ImageDistortionSeverityCode = 18.2
  biom:FaceImage3DPoseAngle
    biom:PosePitchAngleMeasure = 25.1
    biom:PosePitchUncertaintyValue = 25.4
    biom:PoseRollAngleMeasure = 25.2
    biom:PoseRollUncertaintyValue = 25.5
    biom:PoseYawAngleMeasure = 25.0
    biom:PoseYawUncertaintyValue = 25.3
  biom:FaceImageAcquisitionProfileCode = 13
  biom:FaceImageEyeColorAttributeCode = 27
  biom:FaceImageHairColorAttributeCode * 28 = 28
  biom:FaceImagePoseOffsetAngleMeasure = 21
  biom:FaceImageSubjectPoseCode = 20
  biom:FaceImageLightingArtifactsCode * 19 = 19
  biom:PhysicalFeatureReferenceIdentification/nc:IdentificationID = 39
  biom:ImageTransformationCode * 44 = 44
  biom:SubjectExistentialDetails
    biom:SubjectExistentialStatusCode = 46.0
    biom:SubjectBodyStatusCode = 46.1
    biom:SubjectBodyClassCode = 46.2
"""


def _print(image: str, position: str, rest: str) -> str:
    return f"""
{_ANNOTATED}
{image}
  nc:BinaryBase64Object = DATA
  biom:ImageBitsPerPixelQuantity = 12
{_CAPTURE}
  biom:ImageCommentText = 20
{_PICTURE}
  biom:ImageScaleUnitsCode = 8
  biom:ImageVerticalLineLengthPixelQuantity = 7
  biom:ImageVerticalPixelDensityValue = 10
  biom:FingerprintImageImpressionCaptureCategoryCode = 3
  biom:FrictionRidgeCaptureTechnology = 901
  {position} * 13 = 13
{rest}
{_STATE}
"""


_MEASURED = """
    biom:QualityAlgorithmProductIdentification/nc:IdentificationID = {number}.3
    biom:QualityAlgorithmVendorIdentification/nc:IdentificationID = {number}.2
    biom:QualityValue = {number}.1
"""

_FINGER_PARTS = f"""
  biom:FingerprintImageFingerMissing * 18
    biom:FingerPositionCode = 18.0
    biom:FingerMissingCode = 18.1
  biom:FingerprintImageSegmentPositionSquare * 21
    biom:FingerPositionCode = 21.0
    biom:SegmentBottomVerticalCoordinateValue = 21.4
    biom:SegmentLeftHorizontalCoordinateValue = 21.1
    biom:SegmentRightHorizontalCoordinateValue = 21.2
    biom:SegmentTopVerticalCoordinateValue = 21.3
  biom:FingerprintImageNISTQuality * 22
    biom:FingerPositionCode = 22.0
    biom:NISTQualityMeasure = 22.1
  biom:FingerprintImageSegmentationQuality * 23
    biom:FingerPositionCode = 23.0
{_MEASURED.format(number=23)}
  biom:FingerprintImageQuality * 24
    biom:FingerPositionCode = 24.0
{_MEASURED.format(number=24)}
  biom:FingerprintImageAcquisitionProfileCode = 31
  biom:FingerprintImageStitchedIndicator = 27
"""

_PALM_PARTS = f"""
  biom:PalmprintImageMissingArea * 18
    biom:PalmPositionCode = 18.0
    biom:PalmMissingAreaReasonCode = 18.1
  biom:PalmprintImageQuality * 24
    biom:PalmPositionCode = 24.0
{_MEASURED.format(number=24)}
"""

ROOT = "itl:NISTBiometricInformationExchangePackage"
LAYOUTS = {
    1: _parsed("itl:PackageInformationRecord", _TYPE_1),
    2: _parsed("itl:PackageDescriptiveTextRecord", _TYPE_2),
    4: _parsed("itl:PackageHighResolutionGrayscaleImageRecord", _TYPE_4),
    9: _parsed("itl:PackageMinutiaeRecord", _TYPE_9),
    10: _parsed("itl:PackageFacialAndSMTImageRecord", _TYPE_10),
    13: _parsed(
        "itl:PackageLatentImageRecord",
        _print("biom:FingerImpressionImage|FrictionRidgeImage", "biom:FingerPositionCode", _FINGER_PARTS),
    ),
    14: _parsed(
        "itl:PackageFingerprintImageRecord",
        _print("itl:FingerprintImage|FingerImpressionImage", "biom:FingerPositionCode", _FINGER_PARTS),
    ),
    15: _parsed("itl:PackagePalmprintImageRecord", _print("biom:PalmprintImage", "biom:PalmPositionCode", _PALM_PARTS)),
}
"""The record types that are understood, by number."""

BY_NAME = {name: kind for kind, node in LAYOUTS.items() for name in node.names}
