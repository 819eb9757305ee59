"""What is listed by its number: travel documents (SLTD), vehicles and their parts (SMV), vessels, firearms (iARMS).

Plain data and its words. Of a thing nothing is held that names a person.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What a number belongs to. Numbers of two kinds never meet."""

    DOCUMENT = "document"
    """Travel documents, that is passports, identity cards and visas: number and issuer (ICAO 9303 code)."""
    VEHICLE = "vehicle"
    """Registration plate of a vehicle, with the country that registered it."""
    VIN = "vin"
    """Vehicle identification number (ISO 3779): the same in every country."""
    PART = "part"
    """Identifiable part of a vehicle: the serial number on it. Its maker is the officer's to compare."""
    VESSEL = "vessel"
    """IMO ship number, hull identification number (ISO 10087) or registration number."""
    FIREARM = "firearm"
    """Serial number of a firearm. Make, model and calibre are the officer's to compare."""

    @property
    def has_issuer(self) -> bool:
        """Whether the number alone is not enough to name the thing: another issuer may give the same one."""
        return self in (Kind.DOCUMENT, Kind.VEHICLE)

    @property
    def label(self) -> str:
        """In words: ``travel document``."""
        return _LABELS[self]

    @property
    def instruction(self) -> str:
        """What the officer is told to do. A hit is a lead: nothing here is coercive before it is confirmed."""
        return _INSTRUCTIONS[self]


class Status(StrEnum):
    """How the number came to be listed; the first three are SLTD's fraud types."""

    STOLEN_BLANK = "stolen_blank"
    LOST_OR_STOLEN = "lost_or_stolen"
    REVOKED = "revoked"
    INVALID = "invalid"
    WANTED = "wanted"

    @property
    def label(self) -> str:
        """In words for the officer."""
        return _STATUS_LABELS[self]


_LABELS = {
    Kind.DOCUMENT: "travel document",
    Kind.VEHICLE: "registration plate",
    Kind.VIN: "vehicle identification number",
    Kind.PART: "vehicle part",
    Kind.VESSEL: "vessel",
    Kind.FIREARM: "firearm",
}
_VEHICLE = "Second line. Compare the vehicle with the record. Contact NCB."
_INSTRUCTIONS = {
    Kind.DOCUMENT: "Keep the document. Establish identity. Contact NCB.",
    Kind.VEHICLE: _VEHICLE,
    Kind.VIN: _VEHICLE,
    Kind.PART: "Second line. Compare part, maker and vehicle with the record. Contact NCB.",
    Kind.VESSEL: "Compare the vessel with the record. Contact NCB.",
    Kind.FIREARM: "Safety first. Compare make, model and calibre. Contact NCB.",
}
_STATUS_LABELS = {
    Status.STOLEN_BLANK: "Stolen blank",
    Status.LOST_OR_STOLEN: "Lost, or stolen from the bearer",
    Status.REVOKED: "Revoked by the issuer",
    Status.INVALID: "Declared invalid",
    Status.WANTED: "Sought",
}


class Listing(msgspec.Struct, frozen=True, order=True, cache_hash=True):
    """What many numbers have in common, and what an officer is told of each. At most 16383 differ in one store.

    ``issuer`` is the normal form of the code (``normal.issuer_code``), empty for kinds without one.
    """

    kind: Kind
    issuer: str
    status: Status
    owner: str
    """Owning bureau: ISO 3166 alpha-3, or XPO for INTERPOL."""
    purpose: str = ""
    """One line for the officer: why it is listed, where more is to be said than the status."""
    source: str = ""
    """Where the record came from."""


class NumberEntry(msgspec.Struct, frozen=True):
    """One number as it is given to be listed. ``expires``: the last day on which it counts; ``None`` for no end."""

    number: str
    listing: Listing
    expires: date | None = None


class Withdrawal(msgspec.Struct, frozen=True):
    """A bureau takes back what it listed under this number, whatever its status and date."""

    kind: Kind
    number: str
    issuer: str
    owner: str


class NumberHit(msgspec.Struct, frozen=True, kw_only=True):
    """A listed thing that has the number asked for. Unconfirmed until a person has looked."""

    reference: str
    """Names the record without its number: kind, owner and the keyed hash."""
    number: str
    """As asked for: the store holds none."""
    listing: Listing
    expires: date | None
    detail: str
    """How the number agreed, in words for the officer."""

    @property
    def reason(self) -> str:
        """One line for the officer: the status in words, and the purpose where there is one."""
        purpose = self.listing.purpose
        return f"{self.listing.status.label}: {purpose}" if purpose else self.listing.status.label
