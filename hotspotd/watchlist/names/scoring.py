"""How likely two identities are one person, by name, date of birth, sex and nationality.

``name_log_odds`` comes from two measures of an alignment by logistic regression (``fitting``): three numbers, fitted on
279 pairs of look-alike names that people had labelled. The rest is counted beside it as independent evidence: the
logarithm of how many times more often two records of one person agree (or differ) so than those of two persons with
like names. These weights are reasoned, not measured: no list with dates of birth was at hand (docs/names.md).
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Final, NamedTuple

from hotspotd.watchlist.keys import normal_issuer
from hotspotd.watchlist.names.alignment import WEIGHT, Alignment, align
from hotspotd.watchlist.names.dates import DateAgreement, dates
from hotspotd.watchlist.names.forms import Kind, NameForm

SAME_NAME: Final = 3.8
"""Log odds that two names are one person's where they are the same, at even odds."""
PER_WORST: Final = 9.8
"""Log odds lost from the same to the wholly different, for the least like pair of parts."""
PER_MISSING: Final = 3.2
"""Log odds lost where, in the limit, all of a name is missing in the other."""

PRIOR: Final = math.log(1 / 20)
"""Log odds before anything is compared that a record which a search brings up is the traveller's. An assumption."""
NAME_TOO_DIFFERENT: Final = -4.0
"""Below these log odds of the name nothing else is counted: parents, children and neighbours share the rest."""


class Agreement(StrEnum):
    """Whether two codes agree."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


DATE_WEIGHTS: Final = {
    DateAgreement.SAME: 8.0,
    DateAgreement.AS_FAR_AS_KNOWN: 3.0,
    DateAgreement.SWAPPED: 4.0,
    DateAgreement.ONE_PART: -0.5,
    DateAgreement.DIFFERENT: -4.0,
    DateAgreement.UNKNOWN: 0.0,
}
SEX_WEIGHTS: Final = {Agreement.SAME: 0.2, Agreement.DIFFERENT: -2.3, Agreement.UNKNOWN: 0.0}
NATIONALITY_WEIGHTS: Final = {Agreement.SAME: 0.8, Agreement.DIFFERENT: -1.0, Agreement.UNKNOWN: 0.0}

PARTS_WEIGHTS: Final = (-1.5, -1.5, 0.0, 1.0)
"""By how many parts agree, three standing for more: many people of a long list share one name, few share three."""
_AGREEING_PART: Final = 0.8
"""A part counts as agreeing from this likeness on; particles and initials never do."""

_NO_NATIONALITY: Final = frozenset({"", "XXA", "XXB", "XXC", "XXX", "UNO", "UNA", "UNK", "XPO", "EUE"})


class Identity(NamedTuple):
    """Who somebody is said to be. ``born``: ISO 8601, may be reduced to a month or a year; ``None`` is unknown."""

    names: tuple[NameForm, ...]
    born: str | None = None
    sex: str | None = None
    nationality: str | None = None


class Score(NamedTuple):
    """What was compared, and how likely it makes one person of the two.

    ``probability`` in (0, 1): of a record that a search brought up being the traveller's (``PRIOR``); symmetric.
    ``left``, ``right``: the names that are most like each other, of all that the two go by.
    """

    probability: float
    left: NameForm
    right: NameForm
    alignment: Alignment
    crowd: int
    date: DateAgreement
    sex: Agreement
    nationality: Agreement


def score(left: Identity, right: Identity, *, crowd: int = 1) -> Score | None:
    """The likest names of the two and all else that is known. ``None`` where one of them has no name.

    ``crowd``: how many people of the list have such a name. It is so many times likelier that a stranger has it too.
    """
    best: tuple[float, NameForm, NameForm, Alignment] | None = None
    for one in left.names:
        for other in right.names:
            found = compare_names(one, other)
            if found is not None and (best is None or found[0] > best[0]):
                best = (found[0], one, other, found[1])
    if best is None:
        return None
    odds, one, other, alignment = best
    date = dates(left.born, right.born)
    sex = codes(_sex(left.sex), _sex(right.sex))
    nationality = codes(_country(left.nationality), _country(right.nationality))
    if odds >= NAME_TOO_DIFFERENT:
        odds += PARTS_WEIGHTS[min(_agreeing(alignment), 3)] + DATE_WEIGHTS[date]
        odds += SEX_WEIGHTS[sex] + NATIONALITY_WEIGHTS[nationality]
    return Score(probability(odds + PRIOR - math.log(crowd)), one, other, alignment, crowd, date, sex, nationality)


def _agreeing(alignment: Alignment) -> int:
    return sum(pair.weight > WEIGHT[Kind.INITIAL] and pair.likeness >= _AGREEING_PART for pair in alignment.pairs)


def compare_names(left: NameForm, right: NameForm) -> tuple[float, Alignment] | None:
    """Log odds at even odds that two names are of one person, and their parts; ``None`` where one is no name."""
    if not left.tokens or not right.tokens:
        return None
    alignment = align(left, right)
    return name_log_odds(alignment), alignment


def name_log_odds(alignment: Alignment) -> float:
    """Log odds that two names aligned so are of one person, before which neither was likelier."""
    return SAME_NAME - PER_WORST * alignment.worst - PER_MISSING * alignment.missing


def probability(log_odds: float) -> float:
    """The probability of these log odds."""
    return 1 / (1 + math.exp(-log_odds))


def codes(left: str, right: str) -> Agreement:
    """Whether two codes are the same; an empty one is unknown."""
    if not left or not right:
        return Agreement.UNKNOWN
    return Agreement.SAME if left == right else Agreement.DIFFERENT


def _sex(code: str | None) -> str:
    return code if code in ("M", "F") else ""


def _country(code: str | None) -> str:
    plain = normal_issuer(code or "")
    return "" if plain in _NO_NATIONALITY else plain
