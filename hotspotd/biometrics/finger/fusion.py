"""Several fingers of one person against several of one record: one false match rate of the whole set.

What goes in is the calibrated false match rate of every given finger against every listed one (``calibration``): for
fingers of different people each is a p-value, at most as often under u as u says. What comes out is one again, at
which a record of somebody else reaches such a figure.

- *Together*: of k rates of k different fingers the product P, worth P · Σ_{i<k} (-ln P)^i / i!, the distribution of a
  product of k independent uniform numbers (R. A. Fisher, Statistical Methods for Research Workers, 4th ed. 1932,
  §21.1, in closed form). Every pair of usable prints that belong together is in it: one that does not match has a rate
  near 1 and weakens what the others say.
- *One to one*: a given finger is held against one listed finger, and the other way round. Of several prints of one
  finger the best counts, and its rate times their number.
- *Order*: mostly fingers are what they are said to be. ``AS_GIVEN`` of the rate that may be spent goes to that, the
  rest, divided by their number, to all orders in which fingers of the given positions, or of the same on the other
  hand, can be put down (Bonferroni). A print of unknown position can be any finger.
- *Missing*: what was not given, not listed or not readable is in no pair: it speaks neither for nor against.

Assumed: scores of different fingers of two people are nearly independent. They are not wholly so (patterns run in
hands, and a bad sensor spoils all of them); therefore nothing below ``calibration.LOWEST_FLOOR`` is ever claimed,
however many fingers agree.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.calibration import LOWEST_FLOOR
from hotspotd.domain.finger import FingerPosition

USABLE_QUALITY: Final = 20
"""A print of less quality (0..100) than this proves nothing by not matching, so that it is in no set."""
AS_GIVEN: Final = 0.9
"""Share of the false matches allowed that is left to fingers given as what they are."""
MOST_FINGERS: Final = 10
"""Given fingers in one set. Listed ones may be twice as many: ten more of unknown position."""

Rates = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pair:
    """A given and a listed finger held against each other: their numbers among the prints, and the rate (0, 1]."""

    given: int
    listed: int
    rate: float


@dataclass(frozen=True, slots=True)
class Fused:
    """``rate`` of the whole set, and the pairs it rests on; ``as_given``: each finger is what it was said to be."""

    rate: float
    pairs: tuple[Pair, ...]
    as_given: bool


@dataclass(frozen=True, slots=True)
class _Fingers:
    """Prints by finger: the position of each finger and the numbers of its prints."""

    positions: tuple[FingerPosition, ...]
    prints: tuple[tuple[int, ...], ...]


def together(rates: Iterable[float], floor: float = LOWEST_FLOOR) -> float:
    """False match rate of a set of different fingers by the ``rates`` (0, 1] of each, at least ``floor``.

    One rate is itself; no rate is 1. The order does not matter, and a greater rate never makes the whole smaller.
    """
    known = sorted(rates)
    if any(not 0 < rate <= 1 for rate in known):
        raise ValueError("a false match rate lies above 0 and is at most 1")
    if len(known) <= 1:
        return max(floor, known[0] if known else 1.0)
    surprise = -math.fsum(math.log(rate) for rate in known)
    term, terms = math.exp(-surprise), []
    for number in range(len(known)):
        terms.append(term)
        term *= surprise / (number + 1)
    return min(1.0, max(floor, math.fsum(terms)))


def fuse(
    given: Sequence[FingerPosition | None],
    listed: Sequence[FingerPosition | None],
    rates: Rates,
    floor: float = LOWEST_FLOOR,
) -> Fused | None:
    """The prints ``given`` by one person against those ``listed`` of one record, as one rate; ``None``: no pair.

    ``rates`` (given, listed): false match rate (0, 1] of every given print against every listed one, whatever it is: a
    choice by its result would spoil the figure. Which prints go in may depend on their quality.

    Raises ValueError for more than MOST_FINGERS given fingers, twice as many listed, or another shape.
    """
    if rates.shape != (len(given), len(listed)):
        raise ValueError(f"rates of {rates.shape} for {len(given)} and {len(listed)} prints")
    own, other = _by_finger(given), _by_finger(listed)
    if len(own.positions) > MOST_FINGERS or len(other.positions) > 2 * MOST_FINGERS:
        raise ValueError(f"{len(own.positions)} fingers against {len(other.positions)}")
    best = [[_best(rates, a, b) for b in other.prints] for a in own.prints]
    where = {position: number for number, position in enumerate(other.positions) if position}
    stated = [best[number][where[position]] for number, position in enumerate(own.positions) if position in where]
    possible = [number for number, position in enumerate(other.positions) if _plausible(position, own.positions)]
    shorter, longer = sorted((len(own.positions), len(possible)))
    orders = math.perm(longer, shorter)
    if not shorter:
        return None
    if stated and orders == 1:
        return Fused(together([pair.rate for pair in stated], floor), tuple(stated), as_given=True)
    found = _assigned([[row[number] for number in possible] for row in best])
    share = (1.0 - AS_GIVEN) if stated else 1.0
    disordered = _priced(found, orders / share, floor)
    if not stated:
        return Fused(disordered, tuple(found), as_given=False)
    ordered = _priced(stated, 1.0 / AS_GIVEN, floor)
    if ordered <= disordered:
        return Fused(ordered, tuple(stated), as_given=True)
    return Fused(disordered, tuple(found), as_given=False)


def _priced(pairs: Sequence[Pair], price: float, floor: float) -> float:
    return min(1.0, max(floor, price * together([pair.rate for pair in pairs], 0.0)))


def _by_finger(positions: Sequence[FingerPosition | None]) -> _Fingers:
    """Prints of one known position are of one finger; each print of an unknown one may be of a finger of its own."""
    fingers: dict[Hashable, tuple[FingerPosition, list[int]]] = {}
    for number, position in enumerate(positions):
        known = position or FingerPosition.UNKNOWN
        fingers.setdefault(known or ("unknown", number), (known, []))[1].append(number)
    return _Fingers(
        tuple(position for position, _ in fingers.values()), tuple(tuple(prints) for _, prints in fingers.values())
    )


def _best(rates: Rates, given: tuple[int, ...], listed: tuple[int, ...]) -> Pair:
    rate, a, b = min((float(rates[a, b]), a, b) for a in given for b in listed)
    return Pair(a, b, min(1.0, rate * len(given) * len(listed)))


def _plausible(position: FingerPosition, given: Sequence[FingerPosition]) -> bool:
    """Whether a listed finger can be one of those given, put down in another order or of the other hand."""
    if not position or not all(given):
        return True
    return position in given or other_hand(position) in given


def other_hand(position: FingerPosition) -> FingerPosition:
    """The same finger of the other hand; of an unknown position, itself."""
    if not position:
        return position
    return FingerPosition((int(position) - 1 + 5) % 10 + 1)


def _assigned(table: Sequence[Sequence[Pair]]) -> list[Pair]:
    """The pairing, one to one and as many as can be, with the least product of rates.

    By dynamic programming over which of the shorter side are taken: 2^10 · 10 · 20 steps at most, numpy's.
    """
    turned = [list(column) for column in zip(*table, strict=True)]
    rows = table if len(table) >= len(turned) else turned
    width = len(rows[0])
    cost = np.full(1 << width, np.inf)
    cost[0] = 0.0
    masks = np.arange(1 << width)
    choices = []
    for row in rows:
        least, choice = cost.copy(), np.full(len(masks), -1)
        for bit, pair in enumerate(row):
            taking = masks[(masks >> bit) & 1 == 1]
            through = cost[taking ^ (1 << bit)] + math.log(pair.rate)
            better = through < least[taking]
            least[taking[better]] = through[better]
            choice[taking[better]] = bit
        cost = least
        choices.append(choice)
    mask, pairs = len(masks) - 1, []
    for row, choice in zip(reversed(rows), reversed(choices), strict=True):
        bit = int(choice[mask])
        if bit >= 0:
            pairs.append(row[bit])
            mask ^= 1 << bit
    return sorted(pairs, key=lambda pair: (pair.given, pair.listed))
