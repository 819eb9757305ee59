"""What an INT-I transaction says, as frozen types, without the encoding.

Field numbers and mnemonics are those of INT-I v6.00.01 (ANSI/NIST-ITL 1-2011 Update 2015). An empty string or
``None`` stands for an optional field that is not there. Only what a kiosk and its gateway exchange is held: all of a
transaction is in the Package it was read from (``record.py``).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from hotspotd.domain.candidate import Determination


class TransactionType(StrEnum):
    """1.004 TOT."""

    ATP = "ATP"
    CPS = "CPS"
    NPS = "NPS"  # non-criminal print and face search: a kiosk's check of a traveller
    MPS = "MPS"
    SRE = "SRE"  # search result
    ERR = "ERR"


class SearchResult(StrEnum):
    """Result code of 2.064 RLS."""

    HIT = "I"
    NONE = "N"


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Organisation(_Part, frozen=True, kw_only=True):
    """An agency: its identifier, its name, and its country (ISO 3166 alpha-3; INTERPOL is XPO)."""

    identifier: str = ""
    name: str = ""
    country: str = ""


class NationalNumber(_Part, frozen=True, kw_only=True):
    """A number given by a country: 2.010 CRN, 2.011 ORN, 2.091 NPI."""

    country: str = ""
    number: str


class MiscellaneousNumber(_Part, frozen=True, kw_only=True):
    """2.012 MN1 to 2.016 MN5: a number and, in free text, what kind of number it is."""

    kind: str = ""
    number: str


class PersonName(_Part, frozen=True, kw_only=True):
    """2.030 NAM, 2.034 AKA."""

    given: str = ""
    middle: str = ""
    surname: str = ""
    extended: str = ""


class Subject(_Part, frozen=True, kw_only=True):
    """The person: names, 2.035 DOB or 2.036 DBR (ISO 8601 dates), 2.038 NAT, 2.039 SEX (M, F, U)."""

    name: PersonName = PersonName()
    aliases: tuple[PersonName, ...] = ()
    birth_date: str = ""
    birth_earliest: str = ""
    birth_latest: str = ""
    nationality: str = ""
    sex: str = ""


class Contact(_Part, frozen=True, kw_only=True):
    """2.063 INF: whom to contact, and the instruction."""

    telephone: str = ""
    organisation: str = ""
    person: str = ""
    text: str = ""


class RankedCandidate(_Part, frozen=True, kw_only=True):
    """One candidate of 2.064 RLS; ``sequence`` counts from 1."""

    sequence: int
    verify: bool
    """Manual-verification indicator: a person has to look."""


class Respondents(_Part, frozen=True, kw_only=True):
    """2.064 RLS: the result of a search. ``original`` is the TOT of the search."""

    result: SearchResult
    total: int
    original: str = ""
    candidates: tuple[RankedCandidate, ...] = ()


class FieldError(_Part, frozen=True, kw_only=True):
    """One error of an ERR: code (``tables.ERRORS``), field mnemonic, text."""

    code: str
    field: str = ""
    text: str = ""


class Comparison(_Part, frozen=True, kw_only=True):
    """What was compared and how well it agreed. ``fmr`` is ``None`` where the comparison is exact."""

    modality: str
    score: float
    fmr: float | None = None
    position: int | None = None
    detail: str = ""


class ListEntry(_Part, frozen=True, kw_only=True):
    """What INT-I has no field for in a reply; travels in the record's custom-defined part, namespaced."""

    notice: str
    reason: str = ""
    diffusion: bool = False
    bureau: str = ""
    purpose: str = ""
    cautions: tuple[str, ...] = ()
    """Codes of warnings; a reader shows those that it doesn't know as they are."""
    caution_note: str = ""
    comparisons: tuple[Comparison, ...] = ()


class Header(_Part, frozen=True, kw_only=True):
    """The Type-1 record. ``date`` 1.005 DAT and ``utc`` 1.014 GMT are ISO 8601; resolutions are px/mm."""

    tot: TransactionType
    tcn: str
    tcr: str = ""
    date: str = ""
    utc: str = ""
    priority: int | None = None
    destination: Organisation = Organisation()
    origin: Organisation = Organisation()
    domain: str = "06.00"
    native_resolution: str = "00.00"
    nominal_resolution: str = "00.00"


class Descriptive(_Part, frozen=True, kw_only=True):
    """A Type-2 record: an inquiry, one candidate of a reply, or the errors."""

    idc: int = 0
    captured_at: str = ""
    """2.019 DPR."""
    captured_by: Organisation = Organisation()
    """2.023 OBU."""
    subject: Subject = Subject()
    civil_code: str = ""
    """CIV: why a non-criminal search is made (AMN CIT DEC IMM IU OTH VIS)."""
    civil_text: str = ""
    crn: NationalNumber | None = None
    npi: NationalNumber | None = None
    orn: NationalNumber | None = None
    numbers: tuple[MiscellaneousNumber, ...] = ()
    """2.012 to 2.016, at most five."""
    contact: Contact = Contact()
    expires: str = ""
    """2.092 EXP."""
    determination: Determination | None = None
    respondents: Respondents | None = None
    errors: tuple[FieldError, ...] = ()
    entry: ListEntry | None = None


class Picture(_Part, frozen=True, kw_only=True):
    """An encoded image. ``compression`` is CGA: NONE WSQ20 JPEGB JPEGL JP2 JP2L PNG.

    ``scale`` is SLC: 0 the densities are a ratio, 1 pixels per inch, 2 pixels per centimetre.
    """

    data: bytes = b""
    compression: str = ""
    width: int = 0
    height: int = 0
    scale: int = 0
    density_across: int = 1
    density_down: int = 1


class FaceRecord(_Part, frozen=True, kw_only=True):
    """A Type-10 record with a face. ``captured_on`` is 10.005 PHD, ``source`` 10.004 SRC."""

    idc: int = 0
    picture: Picture
    captured_on: str = ""
    source: str = ""
    colour_space: str = ""
    profile: str = ""
    """10.013 SAP."""
    pose: str = ""
    """10.020 POS."""


class MissingPrint(_Part, frozen=True, kw_only=True):
    """14.018 AMP: a finger that is not, or not wholly, there (XX partial, UP unable, SR scar)."""

    position: int
    code: str


class PrintRecord(_Part, frozen=True, kw_only=True):
    """A Type-14 record. ``position`` is 14.013 FGP, ``impression`` 14.003 IMP, ``quality`` the QVU of 14.024."""

    idc: int = 0
    position: int
    picture: Picture = Picture()
    impression: int = 0
    bits: int | None = None
    captured_on: str = ""
    source: Organisation = Organisation()
    monitoring: str = ""
    """14.030 DMM."""
    missing: tuple[MissingPrint, ...] = ()
    quality: int | None = None
    profile: str = ""
    """14.031 FAP."""


class Transaction(_Part, frozen=True, kw_only=True):
    """A whole transaction. ``unread`` lists the record types that were there and are not held."""

    header: Header
    descriptive: tuple[Descriptive, ...] = ()
    faces: tuple[FaceRecord, ...] = ()
    prints: tuple[PrintRecord, ...] = ()
    unread: tuple[int, ...] = ()
