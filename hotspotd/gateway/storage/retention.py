"""What is kept for a time only, and how it is erased."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from hotspotd.clock import Stamp
from hotspotd.gateway.storage import checkpoints
from hotspotd.gateway.storage.base import Session


@dataclass(frozen=True, slots=True)
class Terms:
    """How long, in days, from ``now``: reports, pictures of transactions with undecided hits, the log of searches."""

    now: Stamp
    report_days: int
    hit_days: int
    find_days: int

    def before(self, days: int) -> str:
        """What is older than ``days`` came before this time; written as all times in the store are."""
        return Stamp(self.now.at - timedelta(days=days), trusted=self.now.trusted).iso()


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows were erased."""

    reports: int
    bodies: int
    finds: int


async def erase(session: Session, terms: Terms) -> Erased:
    """Erase what is older than ``terms`` say, and seals that have run out."""
    await session.execute("DELETE FROM nonce WHERE expires < ?", terms.now.at.timestamp())
    reports = await session.execute("DELETE FROM report WHERE received_at < ?", terms.before(terms.report_days))
    bodies = await session.execute(
        "UPDATE inbox SET body = ? WHERE processed > 0 AND length(body) > 0 AND processed_at < ?",
        *(b"", terms.before(terms.hit_days)),
    )
    # Their reports go at the same time.
    await checkpoints.erase(session, terms.before(terms.report_days))
    finds = await session.execute("DELETE FROM find WHERE at < ?", terms.before(terms.find_days))
    return Erased(reports=reports, bodies=bodies, finds=finds)
