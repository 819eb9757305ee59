"""Things listed by their number, 100 million of them: documents, plates, VINs, parts, vessels, firearms.

Numbers are held as keyed hashes: who has a store and not its key has no list. See docs/watchlist.md.
"""

from hotspotd.watchlist.numbers.build import build, merge
from hotspotd.watchlist.numbers.kinds import Kind, Listing, NumberEntry, NumberHit, Status, Withdrawal
from hotspotd.watchlist.numbers.normal import issuer_code, normal_form
from hotspotd.watchlist.numbers.store import NumbersStore

__all__ = [
    "Kind",
    "Listing",
    "NumberEntry",
    "NumberHit",
    "NumbersStore",
    "Status",
    "Withdrawal",
    "build",
    "issuer_code",
    "merge",
    "normal_form",
]
