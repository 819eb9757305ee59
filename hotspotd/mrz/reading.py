"""The judge: what lines a zone says, and whether they may be believed.

A zone counts as read only when it fits a layout, every check digit holds, and the network is sure of every character
that no check digit covers. A character that may not stand in its place gives its weight to what looks like it and may
(O in a date is a 0); what is left of it counts as doubt. Where the likeliest characters fail a check digit, up to two
doubtful ones may be exchanged for others that the network holds possible, if one such choice alone makes all check
digits hold; other lines are a guess at most. Check digits see values modulo 10 (9303-3, 4.9), so K and <, G and 6 or
S and 8 are never told apart by them: there, too, it is the network that must be sure.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, islice, product

import numpy as np
from numpy.typing import NDArray

from hotspotd.domain.document import DocumentFormat, parse_mrz
from hotspotd.mrz.alphabet import ALPHABET
from hotspotd.mrz.fields import Form, form, layouts, look_alikes

Float = NDArray[np.float32]
Doubles = NDArray[np.float64]

SURE = 0.97
"""Probability from which a character without a check digit is believed."""
_COVERED_SURE = 0.6
"""The same of one that a check digit covers and that was not exchanged."""
_POSSIBLE = 0.01
"""Probability from which another character than the likeliest is considered."""
_ALONE = 0.995
"""Share, by likelihood, of the choice that is taken among all that make the check digits hold."""
_DOUBTS = 5
"""Doubtful characters under check digits beyond which a zone is not tried at all."""
_EXCHANGED = 2
_MOST_CHOICES = 512
_GUESSED, _GUESSED_FROM = 12, -5.0
"""Doubtful characters that a best guess may exchange, and the log odds from which one is doubtful."""
_FAILED = 4.0
"""Log odds against a check digit that does not hold, where some characters are doubtful."""


@dataclass(frozen=True)
class Reading:
    """What a zone says. ``lines`` is the best guess; only where ``read`` is true may it be believed.

    ``exchanged``: characters that check digits decided against the network's first choice; ``unsure``: how many places
    stand in the way. ``sure`` (lines, length): the probability of each character.
    """

    layout: DocumentFormat
    lines: tuple[str, ...]
    read: bool
    exchanged: int
    unsure: int
    sure: Doubles


def judge(characters: Float, sureness: float = SURE) -> Reading | None:
    """The reading of log probabilities (lines, length, 37); None where no layout has so many lines of this length.

    ``sureness`` is asked of characters that no check digit covers.
    """
    readings = [_judged(characters, form(layout), sureness) for layout in layouts(*characters.shape[:2])]
    # Two layouts of one size differ in their first letter.
    return max(readings, key=lambda one: float(np.log(one.sure[0, :2] + 1e-9).sum()), default=None)


def _judged(characters: Float, rules: Form, sureness: float) -> Reading:
    chances = _allowed(np.exp(characters.astype(np.float64)), rules)
    best = chances.argmax(axis=2)
    peak = np.take_along_axis(chances, best[..., None], 2)[..., 0]
    open_places = int(((peak < sureness) & ~rules.covered).sum())
    chosen, exchanged, alone = _settle(chances, best, rules)
    if not alone:
        chosen, exchanged = _guess(chances, best, rules)
    sure = np.take_along_axis(chances, chosen[..., None], 2)[..., 0]
    weak = int(((sure < _COVERED_SURE) & rules.covered & (chosen == best)).sum())
    lines = _text(chosen)
    read = alone and not open_places and not weak and _fits(lines)
    return Reading(rules.layout, lines, read, exchanged, open_places + weak + int(not alone), sure)


def _allowed(chances: Doubles, rules: Form) -> Doubles:
    """What may not stand in a place gives its weight to its look-alikes there that may; the rest of it is lost."""
    barred = np.where(rules.allowed, 0.0, chances)
    kin = rules.allowed.astype(np.float64)
    # Where several look like it, each is as likely to be meant: nothing is won, the doubt remains.
    heirs = np.maximum((kin @ look_alikes().T), 1)
    given = (barred / heirs) @ look_alikes()
    return np.asarray(np.where(rules.allowed, chances + given, 0.0))


def _settle(chances: Doubles, best: NDArray[np.intp], rules: Form) -> tuple[NDArray[np.intp], int, bool]:
    """The choice of doubtful characters that makes the check digits hold, how many it changes, whether it is alone."""
    possible = (chances > _POSSIBLE) & rules.covered[..., None]
    doubtful = np.argwhere(possible.sum(axis=2) > 1)
    if len(doubtful) > _DOUBTS:
        return best, 0, False
    options = [np.flatnonzero(possible[row, place]) for row, place in doubtful]
    sound: list[tuple[float, int, NDArray[np.intp]]] = []
    for choice in islice(product(*options), _MOST_CHOICES):
        made = best.copy()
        weight, changed = 1.0, 0
        for (row, place), number in zip(doubtful, choice, strict=True):
            changed += int(number != best[row, place])
            weight *= float(chances[row, place, number])
            made[row, place] = number
        if _fits(_text(made)):
            sound.append((weight, changed, made))
    if not sound:
        return best, 0, False
    weight, changed, made = max(sound, key=lambda one: one[0])
    alone = weight >= _ALONE * sum(one[0] for one in sound) and changed <= _EXCHANGED
    return (made, changed, alone) if alone else (best, 0, False)


def _guess(chances: Doubles, best: NDArray[np.intp], rules: Form) -> tuple[NDArray[np.intp], int]:
    """The likeliest lines, a check digit that does not hold being unlikely, and how many characters that changes.

    Of all ways to exchange one or two of the most doubtful characters under check digits for the next likely ones.
    """
    seconds = np.where(rules.covered[..., None], chances, 0.0)
    np.put_along_axis(seconds, best[..., None], 0.0, 2)
    first = np.take_along_axis(chances, best[..., None], 2)[..., 0]
    loss = np.log(np.maximum(seconds.max(axis=2), 1e-12)) - np.log(np.maximum(first, 1e-9))
    places = [tuple(place) for place in np.argwhere(loss > _GUESSED_FROM)]
    places = sorted(places, key=lambda place: -float(loss[place]))[:_GUESSED]
    choices = [exchanged for count in range(_EXCHANGED + 1) for exchanged in combinations(places, count)]

    def made(exchanged: tuple[tuple[int, ...], ...]) -> NDArray[np.intp]:
        out = best.copy()
        for place in exchanged:
            out[place] = seconds[place].argmax()
        return out

    def worth(exchanged: tuple[tuple[int, ...], ...]) -> float:
        failed = len(parse_mrz(_text(made(exchanged))).failed_checks)
        return sum(float(loss[place]) for place in exchanged) - _FAILED * failed

    likeliest = max(choices, key=worth)
    return made(likeliest), len(likeliest)


def _text(numbers: NDArray[np.intp]) -> tuple[str, ...]:
    return tuple("".join(ALPHABET[number] for number in row) for row in numbers)


def _fits(lines: tuple[str, ...]) -> bool:
    """Whether every check digit holds."""
    return parse_mrz(lines).sound
