"""What a list holds besides people: documents and things, each known by a number. Pure types.

A number comes without a person (SLTD, SMV, iARMS records hold no nominal data). Importers deliver a stream of
``NumberEntry``; nothing here says how a list finds a number again.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class NumberKind(StrEnum):
    """What bears the number. A number is compared with numbers of its kind only."""

    DOCUMENT = "document"
    """Number of a travel or identity document (SLTD)."""
    VEHICLE = "vehicle"
    """Registration plate (SMV)."""
    VIN = "vin"
    """Vehicle identification number, ISO 3779 (SMV)."""
    PART = "part"
    """Number of a vehicle's part, such as an engine (SMV)."""
    VESSEL = "vessel"
    """IMO or hull identification number."""
    FIREARM = "firearm"
    """Serial number (iARMS)."""


class NumberStatus(StrEnum):
    """Why the number is listed; the first three are SLTD's fraud types."""

    STOLEN_BLANK = "stolen_blank"
    LOST_OR_STOLEN = "lost_or_stolen"
    """From its bearer or owner."""
    REVOKED = "revoked"
    INVALID = "invalid"
    WANTED = "wanted"
    """Sought as evidence or for another reason than theft."""

    @property
    def words(self) -> str:
        """What the officer reads."""
        return {
            NumberStatus.STOLEN_BLANK: "Stolen blank",
            NumberStatus.LOST_OR_STOLEN: "Lost or stolen",
            NumberStatus.REVOKED: "Revoked",
            NumberStatus.INVALID: "Declared invalid",
            NumberStatus.WANTED: "Sought",
        }[self]


class NumberEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One listed number, as delivered: normalising it is the index's work.

    ``issuer`` is who issued the document (ICAO 9303 code), registered the vehicle or vessel or holds the firearm as
    made there (ISO 3166 alpha-3); it may be empty for VINs, parts, vessels and firearms. ``owner`` is the owning
    bureau (alpha-3, XPO for INTERPOL), ``reference`` its number for the record: several numbers of one vehicle have
    the same. Dates are ISO 8601 days; an entry past ``expires`` never matches.
    """

    kind: NumberKind
    number: str
    issuer: str
    status: NumberStatus
    owner: str
    reference: str
    category: str = ""
    """What it is more exactly: type of document (P, ID, V), make and model."""
    reason: str = ""
    """One line for the officer."""
    review: str | None = None
    expires: str | None = None
    source: str = ""
    since: str | None = None
