"""A score in words for the officer: which parts of the names differ, and what else agrees or doesn't."""

from __future__ import annotations

import math

from hotspotd.watchlist.names.alignment import Alignment, Pair
from hotspotd.watchlist.names.dates import DateAgreement
from hotspotd.watchlist.names.forms import Kind, NameForm, Token
from hotspotd.watchlist.names.scoring import Agreement, Score

_AS_LIKE_AS_ANOTHER_NAME = 0.5
_MANY = 5
"""From so many people with such a name on the officer is told."""
_KINDS = {Kind.PATRONYMIC: "father's name", Kind.INITIAL: "initial", Kind.PARTICLE: "particle", Kind.NAME: "part"}
_DATES = {
    DateAgreement.SAME: "same date of birth",
    DateAgreement.AS_FAR_AS_KNOWN: "same date of birth as far as both are known",
    DateAgreement.SWAPPED: "same date of birth, day and month exchanged",
    DateAgreement.ONE_PART: "date of birth differs in one part",
    DateAgreement.DIFFERENT: "different date of birth",
    DateAgreement.UNKNOWN: "date of birth not known",
}


def in_words(score: Score, *, through: str = "") -> str:
    """``score`` in one line, what is given before what is listed. ``through``: the listed name as written, where it
    is an alias or of another script.
    """
    said = [*_name(score.left, score.right, score.alignment), _DATES[score.date]]
    if score.crowd >= _MANY:
        said.append(f"some {score.crowd} listed people have such a name")
    said += [f"{agreement.value} {what}" for agreement, what in _codes(score) if agreement is not Agreement.UNKNOWN]
    text = "; ".join(said)
    shown = f" (listed as {through})" if through else ""
    return f"{text[0].upper()}{text[1:]}{shown}; score {_shown_score(score)}"


def _shown_score(score: Score) -> str:
    # Never rounded up to certainty.
    return f"{math.floor(score.probability * 100) / 100:.2f}"


def _codes(score: Score) -> tuple[tuple[Agreement, str], ...]:
    return ((score.sex, "sex"), (score.nationality, "nationality"))


def _name(left: NameForm, right: NameForm, alignment: Alignment) -> list[str]:
    pairs = sorted(alignment.pairs, key=lambda pair: pair.left)
    said = [words for pair in pairs if (words := _pair(left, right, pair))]
    if not said and not alignment.left_over and not alignment.right_over:
        said = ["same name"]
    if not _in_order(left, pairs):
        said.append("parts in another order")
    if not right.cut:
        said += _left_over(left, alignment.left_over, "not listed")
    if not left.cut:
        said += _left_over(right, alignment.right_over, "listed, not given")
    if left.cut and alignment.right_over:
        said.append("name cut off in the document")
    return said or ["same parts of the name"]


def _pair(left: NameForm, right: NameForm, pair: Pair) -> str:
    one, other = _shown(left, pair.left), _shown(right, pair.right)
    first, second = left.tokens[pair.left[0]], right.tokens[pair.right[0]]
    what = _called(left, pair.left)
    if one == other:
        if first.characters and second.characters and first.characters != second.characters:
            return f"{what} in other characters: {first.characters} / {second.characters}"
        return f"{one} is a person's own name here and the father's there" if pair.likeness < 1 else ""
    if first.kind is Kind.PARTICLE:
        return ""
    if one.replace(" ", "") == other.replace(" ", ""):
        how = "written in one word and in several"
    elif pair.likeness and Kind.INITIAL in (first.kind, second.kind):
        how = "by its initial only"
    elif _is_cut(left, right, pair) and (other.startswith(one) or one.startswith(other)):
        how = "cut off"
    elif pair.likeness < _AS_LIKE_AS_ANOTHER_NAME:
        return f"another {what}: {one} / {other}"
    else:
        how = "written differently"
    return f"{what} {how}: {one} / {other}"


def _is_cut(left: NameForm, right: NameForm, pair: Pair) -> bool:
    at_end = left.cut and pair.left[-1] == len(left.tokens) - 1
    return at_end or (right.cut and pair.right[-1] == len(right.tokens) - 1)


def _called(name: NameForm, places: tuple[int, ...]) -> str:
    kind = name.tokens[places[0]].kind
    if kind in (Kind.NAME, Kind.INITIAL) and name.surnames:
        return "surname" if places[0] < name.surnames else "given name"
    return _KINDS[kind]


def _shown(name: NameForm, places: tuple[int, ...]) -> str:
    return " ".join(name.tokens[place].text for place in places)


def _in_order(left: NameForm, pairs: list[Pair]) -> bool:
    places = [pair.right[0] for pair in pairs if left.tokens[pair.left[0]].kind is not Kind.PARTICLE]
    return places == sorted(places)


def _left_over(name: NameForm, places: tuple[int, ...], how: str) -> list[str]:
    parts: list[Token] = [name.tokens[place] for place in places]
    shown = " ".join(part.text for part in parts if part.kind is not Kind.PARTICLE)
    return [f"{shown} {how}"] if shown else []
