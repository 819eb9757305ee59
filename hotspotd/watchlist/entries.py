"""A number as a delivery gives it: a document or a thing, without a person (SLTD, SMV, iARMS hold no nominal data).

Importers deliver a stream of ``DeliveredNumber``; ``hotspotd.watchlist.numbers`` is how a list finds one again.
"""

from __future__ import annotations

import msgspec

from hotspotd.watchlist.numbers.kinds import Kind, Status


class DeliveredNumber(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One listed number, as delivered: normalising it is the index's work.

    ``issuer`` is who issued the document (ICAO 9303 code), registered the vehicle or vessel or holds the firearm as
    made there (ISO 3166 alpha-3); it may be empty for VINs, parts, vessels and firearms. ``owner`` is the owning
    bureau (alpha-3, XPO for INTERPOL), ``reference`` its number for the record: several numbers of one vehicle have
    the same. Dates are ISO 8601 days; an entry past ``expires`` never matches.
    """

    kind: Kind
    number: str
    issuer: str
    status: Status
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
