"""What a search gives back: candidates, and the hits made of them (ISO/IEC 2382-37 terms)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import Notice


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


class ListRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a watchlist says about a person or a document, as far as an officer is shown it.

    ``reference`` is unique in a list: the owning bureau's number. Dates are ISO 8601 or ``None``.
    """

    reference: str
    notice: Notice
    owner: str
    """Owning bureau: ISO 3166 alpha-3, or XPO for INTERPOL."""
    surname: str = ""
    given_names: str = ""
    aliases: tuple[str, ...] = ()
    """Other names and spellings, in any script, as written; ``SURNAME, given`` where it is known which is which."""
    birth_date: str | None = None
    nationality: str | None = None
    sex: str | None = None
    document_number: str | None = None
    document_issuer: str | None = None
    reason: str = ""
    """One line for the officer: purpose of the notice, or how the document came to be listed."""
    expires: str | None = None


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
    detail: str = ""
    """What agreed, in words for the officer."""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One record of a list with all candidates that point at it. Unconfirmed until a person has looked."""

    record: ListRecord
    candidates: tuple[Candidate, ...]
