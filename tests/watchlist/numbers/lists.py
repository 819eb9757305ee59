"""Made-up numbers of every kind."""

from __future__ import annotations

from datetime import date

from hotspotd.watchlist.numbers import Kind, Listing, NumberEntry, Status
from hotspotd.watchlist.secret import ListKey

KEY = ListKey(bytes(range(32)))
TODAY = date(2026, 11, 22)


def listing(kind: Kind, issuer: str = "", status: Status | None = None, owner: str = "UTO") -> Listing:
    """A listing."""
    return Listing(kind, issuer, status or Status.LOST_OR_STOLEN, owner, source="test")


PASSPORT = listing(Kind.DOCUMENT, "UTO")
REVOKED = listing(Kind.DOCUMENT, "UTO", Status.REVOKED, "XPO")


def numbers() -> list[NumberEntry]:
    """One or two of each kind; one that ends today and one that ended yesterday."""
    return [
        NumberEntry("L898902C3", PASSPORT),
        NumberEntry("TODAY0001", PASSPORT, TODAY),
        NumberEntry("ENDED0001", PASSPORT, date(2026, 11, 21)),
        NumberEntry("D231458907", REVOKED, date(2030, 1, 1)),
        NumberEntry("7007007", listing(Kind.DOCUMENT, "HRV", Status.LOST_OR_STOLEN)),
        NumberEntry("LJ 12-OK1", listing(Kind.VEHICLE, "SVN")),
        NumberEntry("1HGCM82633A004352", listing(Kind.VIN)),
        NumberEntry("ENG-0042", listing(Kind.PART)),
        NumberEntry("IMO 9074729", listing(Kind.VESSEL)),
        NumberEntry("B 4711 Q", listing(Kind.FIREARM, status=Status.WANTED)),
    ]
