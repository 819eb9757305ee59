"""What all of the gateway's replies about one encounter say together, in whatever order they came. Pure rules.

A reply is never taken alone: a search is answered at once, confirmed hours later, or taken back, and a network may
hand these out in any order and twice. So the state is worked out from the set of replies each time.

- A hit stands, whatever a later reply does not know; an answer to a search counts more than an error.
- A record is withdrawn when the bureau has said so, unless a reply that the bureau made later confirms it. Replies are
  set in order by when they were made (1.005, 1.014), never by when they came.
- How far a hit is confirmed (2.094 RDM) only ever grows.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from msgspec.structs import replace

from hotspotd.domain.candidate import Determination, Hit
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome

# Of one record. Silence asked for stays asked for until the record is confirmed.
_GROWING = (
    Determination.QUICK_SEARCH,
    Determination.UNCONFIRMED,
    Determination.AUTO_CONFIRMED,
    Determination.SILENT,
    Determination.CONFIRMED,
)
# Of several records, the one by which the whole is named: silent only where all are.
_TELLING = (
    Determination.SILENT,
    Determination.QUICK_SEARCH,
    Determination.UNCONFIRMED,
    Determination.AUTO_CONFIRMED,
    Determination.CONFIRMED,
)


def together(answers: Iterable[GatewayAnswer]) -> GatewayAnswer | None:
    """One answer that says what all ``answers`` say; ``None`` without any. Order and copies make no difference."""
    ordered = sorted({answer.tcn: answer for answer in sorted(answers, key=_made)}.values(), key=_made)
    if not ordered:
        return None
    hits = _hits(ordered)
    live = [hit for hit in hits if not hit.withdrawn]
    outcome = _outcome(ordered, live)
    telling = [answer for answer in ordered if answer.outcome is outcome] or ordered
    faults = chain.from_iterable(answer.faults for answer in ordered) if outcome is GatewayOutcome.ERROR else ()
    return GatewayAnswer(
        outcome=outcome,
        tcn=telling[-1].tcn,
        tcr=telling[-1].tcr,
        made_at=telling[-1].made_at,
        hits=hits,
        determination=overall(hits),
        total=max(*(answer.total for answer in ordered), len(hits)),
        faults=tuple(dict.fromkeys(faults)),
        withdrawn=tuple(hit.record.reference for hit in hits if hit.withdrawn),
        text=telling[-1].text,
    )


def overall(hits: Iterable[Hit]) -> Determination:
    """How far the furthest of those ``hits`` that are not withdrawn is confirmed."""
    found = [hit.determination for hit in hits if not hit.withdrawn]
    return max(found, key=_TELLING.index, default=Determination.UNCONFIRMED)


def further(one: Determination, other: Determination) -> Determination:
    """Whichever of what two replies say of one record is further."""
    return max(one, other, key=_GROWING.index)


def _made(answer: GatewayAnswer) -> tuple[str, str]:
    return answer.made_at, answer.tcn


def _outcome(ordered: list[GatewayAnswer], live: list[Hit]) -> GatewayOutcome:
    outcomes = {answer.outcome for answer in ordered}
    bare = any(answer.outcome is GatewayOutcome.HIT and not answer.hits for answer in ordered)
    if live or bare:
        return GatewayOutcome.HIT
    return GatewayOutcome.ERROR if outcomes == {GatewayOutcome.ERROR} else GatewayOutcome.NO_HIT


def _hits(ordered: list[GatewayAnswer]) -> tuple[Hit, ...]:
    """Every record that a reply names, once: as the latest reply describes it, with all that was compared."""
    found: dict[str, Hit] = {}
    withdrawn_at: dict[str, str] = {}
    confirmed_at: dict[str, str] = {}
    for answer in ordered:
        for hit in answer.hits:
            reference, before = hit.record.reference, found.get(hit.record.reference)
            if before is not None:
                compared = tuple(dict.fromkeys((*before.candidates, *hit.candidates)))
                hit = replace(  # noqa: PLW2901  # The same hit, with what was known of it.
                    hit, candidates=compared, determination=further(before.determination, hit.determination)
                )
            found[reference] = hit
            if hit.determination is Determination.CONFIRMED:
                confirmed_at[reference] = answer.made_at
        withdrawn_at |= dict.fromkeys(answer.withdrawn, answer.made_at)
    return tuple(
        replace(hit, withdrawn=_is_withdrawn(withdrawn_at.get(reference), confirmed_at.get(reference)))
        for reference, hit in sorted(found.items())
    )


def _is_withdrawn(withdrawn_at: str | None, confirmed_at: str | None) -> bool:
    # Where it is not known which came later, the hit stands.
    return withdrawn_at is not None and (confirmed_at is None or confirmed_at < withdrawn_at)
