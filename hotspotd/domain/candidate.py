"""What a search gives back: candidates, and the hits made of them (ISO/IEC 2382-37 terms)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from hotspotd.domain.caution import Caution
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import LEAST_URGENT, Notice


class Modality(StrEnum):
    """What was compared."""

    DOCUMENT = "document"
    NAME = "name"
    FACE = "face"
    FINGER = "finger"
    FINGERS = "fingers"
    """Several fingers of one record, taken together."""
    PERSON = "person"
    """Face and fingers of one record, taken together."""


class Determination(StrEnum):
    """How far a hit has been confirmed, and how it is to be handled (2.094 RDM)."""

    AUTO_CONFIRMED = "AC"
    UNCONFIRMED = "UC"
    QUICK_SEARCH = "QS"
    CONFIRMED = "CO"
    SILENT = "SL"  # nobody near the traveller may notice


class NameKind(StrEnum):
    """What another name of a person is."""

    ALIAS = "alias"
    WEAK = "weak"
    """An alias that the list itself calls of low quality: no ground for a match on its own."""
    FORMER = "former"
    ORIGINAL = "original"
    """A name of the person in its original script."""


class OtherName(msgspec.Struct, frozen=True, kw_only=True):
    """Another name of a person: ``surname`` and ``given_names`` where the list tells them apart, otherwise ``full``."""

    full: str = ""
    surname: str = ""
    given_names: str = ""
    kind: NameKind = NameKind.ALIAS

    @property
    def text(self) -> str:
        """The whole name in one line, as people write it."""
        return self.full or " ".join(part for part in (self.given_names, self.surname) if part)

    @property
    def listed(self) -> str:
        """The whole name as lists write it: ``SURNAME, given names`` where these are told apart."""
        return self.full or ", ".join(part for part in (self.surname, self.given_names) if part)


class ListRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a watchlist says about a person or a document, as far as an officer is shown it.

    ``reference`` is unique in a list: the owning bureau's number. Dates are ISO 8601 or ``None``; dates of birth
    may be reduced to a month or a year. Whatever was added to this type has a default: what was stored before is read.
    """

    reference: str
    notice: Notice
    owner: str
    """Owning bureau: ISO 3166 alpha-3, or XPO for INTERPOL."""
    surname: str = ""
    given_names: str = ""
    birth_date: str | None = None
    nationality: str | None = None
    sex: str | None = None
    document_number: str | None = None
    document_issuer: str | None = None
    reason: str = ""
    """One line for the officer: what for, or how the document came to be listed."""
    expires: str | None = None
    diffusion: bool = False
    """Sent by the owner to chosen bureaus directly (a diffusion), not published as a notice of its colour."""
    bureau: str = ""
    """The office to contact, where the list names one: ``NCB Vilnius``."""
    purpose: str = ""
    """What the owner asks for, where that is narrower than the purpose of the notice (``Notice.purpose``)."""
    cautions: tuple[Caution, ...] = ()
    caution_note: str = ""
    """What a list warns of that has no flag, in its own words."""
    other_names: tuple[OtherName, ...] = ()
    other_birth_dates: tuple[str, ...] = ()
    other_nationalities: tuple[str, ...] = ()
    review: str | None = None
    """Day by which the owner means to look at the record again. A record past it still counts."""
    source: str = ""
    """Where the record came from: the name given to the delivery at import."""
    since: str | None = None
    """Day since when the record is listed, as its source says, otherwise when it was first imported."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One reference that was compared well enough to be listed.

    ``score`` is the raw comparison score of its engine, ``fmr`` the calibrated false match rate in [0, 1] at
    that score (``None`` where no rate applies: documents, which are exact, and names). Of several fingers together
    ``score`` is the sum and ``fmr`` the rate of the whole set (``hotspotd.biometrics.finger.fusion``); of face and
    fingers ``score`` is the decimal logarithm of the most that the likelihood ratio can be
    (``hotspotd.biometrics.person``). Of a name it is a probability (``hotspotd.watchlist.names.scoring``).
    """

    modality: Modality
    reference: str
    score: float
    fmr: float | None = None
    position: FingerPosition | None = None
    """The finger, as the list has it."""
    given: FingerPosition | None = None
    """The finger that was given, where that is another one: hands are mistaken, and lists leave it unknown."""
    detail: str = ""
    """What agreed, in words for the officer."""


class Hit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record of a list with all candidates that point at it. Unconfirmed until a person has looked.

    ``determination`` is the owner's word on it. ``withdrawn``: the bureau has looked, and it is not this person.
    """

    record: ListRecord
    candidates: tuple[Candidate, ...]
    determination: Determination = Determination.UNCONFIRMED
    withdrawn: bool = False

    @property
    def urgency(self) -> int:
        """1 (most urgent) to 4, as its notice has it; least for what is withdrawn or to be handled silently."""
        quiet = self.withdrawn or self.determination is Determination.SILENT
        return LEAST_URGENT if quiet else self.record.notice.urgency
