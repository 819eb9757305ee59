"""Which part of one name is which of another's, and how like the two are.

Order does not count, but for the father's name behind *bin*: OMAR BIN ALI is not ALI BIN OMAR. A part may be written in
one word or two, be shortened to an initial, or be cut off by the end of a zone. Symmetric.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from rapidfuzz.distance import OSA

from hotspotd.watchlist.names.forms import Kind, NameForm, Token, token
from hotspotd.watchlist.names.parts import PARTICLES

WEIGHT: Final = {Kind.NAME: 1.0, Kind.PATRONYMIC: 0.8, Kind.PARTICLE: 0.15, Kind.INITIAL: 0.3}
"""How much of a name a part is: particles come and go, an initial says a twentieth of what a name does."""

_INITIAL: Final = 0.85
"""An initial and a name that begins with it; also a short form and its name: as like as one letter in seven."""
_OTHER_INITIAL: Final = 0.8
"""An initial that is the name's says little; one that is not says nearly as much as another name."""
_SOUND: Final = 0.95
"""Parts written with other Chinese or Korean characters that sound the same, and bones that are the same."""
_OTHER_ROLE: Final = 0.5
"""A name that is one's own in one and the father's in the other is at most so like."""
_JOINED: Final = 0.8
"""Two parts in one word must be so like; one word may be like two by chance more easily than like one."""
_SHORTEST_JOINED: Final = 4
_MOST_JOINED: Final = 5
"""Parts in one word: ABDALRAHMANBINALI is as long as they get."""


class Pair(NamedTuple):
    """Parts that were laid beside each other, as places in the two names, and how like they are, 0 to 1."""

    likeness: float
    left: tuple[int, ...]
    right: tuple[int, ...]
    weight: float


class Alignment(NamedTuple):
    """``worst``: how far the least like pair is from the same, times its weight; ``missing``: the share of the weight
    that stands in one name only. Both in [0, 1], and 0 for a name and itself.
    """

    pairs: tuple[Pair, ...]
    left_over: tuple[int, ...]
    right_over: tuple[int, ...]
    worst: float
    missing: float


def align(left: NameForm, right: NameForm) -> Alignment:
    """The parts of two names beside each other, likest first."""
    if right < left:  # So that ties fall the same way whichever name comes first.
        turned = align(right, left)
        pairs = tuple(Pair(one.likeness, one.right, one.left, one.weight) for one in turned.pairs)
        return turned._replace(pairs=pairs, left_over=turned.right_over, right_over=turned.left_over)
    pairs = _chosen(_possible(left, right))
    used_left = {place for pair in pairs for place in pair.left}
    used_right = {place for pair in pairs for place in pair.right}
    left_over = tuple(place for place in range(len(left.tokens)) if place not in used_left)
    right_over = tuple(place for place in range(len(right.tokens)) if place not in used_right)
    # What a zone had no room for is not missing.
    missing = 0.0 if right.cut else _weight(left, left_over)
    missing += 0.0 if left.cut else _weight(right, right_over)
    matched = sum(pair.weight for pair in pairs)
    worst = max((min(1.0, pair.weight) * (1 - pair.likeness) for pair in pairs), default=1.0)
    return Alignment(pairs, left_over, right_over, worst, missing / (missing + matched) if pairs else 1.0)


def _weight(name: NameForm, places: tuple[int, ...]) -> float:
    return sum(WEIGHT[name.tokens[place].kind] for place in places)


def _chosen(possible: list[Pair]) -> tuple[Pair, ...]:
    """Greedily the likest pairs, one word for several as one; the same place breaks a tie."""
    possible.sort(
        key=lambda pair: (-pair.likeness * min(pair.weight, 1.0), pair.left != pair.right, pair.left, pair.right)
    )
    used_left: set[int] = set()
    used_right: set[int] = set()
    chosen: list[Pair] = []
    for pair in possible:
        if used_left.isdisjoint(pair.left) and used_right.isdisjoint(pair.right):
            used_left.update(pair.left)
            used_right.update(pair.right)
            chosen.append(pair)
    return tuple(chosen)


def _possible(left: NameForm, right: NameForm) -> list[Pair]:
    left_fathers, right_fathers = _fathers_from(left), _fathers_from(right)
    roles = left_fathers is not None and right_fathers is not None
    last_left, last_right = len(left.tokens) - 1, len(right.tokens) - 1
    found = []
    for i, one in enumerate(left.tokens):
        for j, other in enumerate(right.tokens):
            if (one.kind is Kind.PARTICLE) != (other.kind is Kind.PARTICLE):
                continue
            likeness = like(one, other)
            if left.cut and i == last_left:
                likeness = max(likeness, _as_beginning(one, other))
            if right.cut and j == last_right:
                likeness = max(likeness, _as_beginning(other, one))
            if roles and (i > (left_fathers or 0)) != (j > (right_fathers or 0)) and one.kind is not Kind.PARTICLE:
                likeness = min(likeness, _OTHER_ROLE)
            weight = min(WEIGHT[one.kind], WEIGHT[other.kind])
            if not likeness and Kind.INITIAL in (one.kind, other.kind):
                weight = _OTHER_INITIAL
            found.append(Pair(likeness, (i,), (j,), weight))
    found += [Pair(s, (i,), two, _weight(right, two)) for i, two, s in _joined(left, right)]
    found += [Pair(s, two, (j,), _weight(left, two)) for j, two, s in _joined(right, left)]
    return found


def _fathers_from(name: NameForm) -> int | None:
    """Behind which place the father's names begin: the first *bin* that is not the first word."""
    for place, one in enumerate(name.tokens[1:], 1):
        if one.kind is Kind.PARTICLE and PARTICLES[one.text] == "BIN":
            return place
    return None


def _joined(name: NameForm, other: NameForm) -> list[tuple[int, tuple[int, ...], float]]:
    """Parts of ``name`` that are several of ``other`` in one word, or the initials of two: place, places, likeness."""
    found: list[tuple[int, tuple[int, ...], float]] = []
    sizes = [len(one.text) for one in name.tokens]
    longest, two_letters = max(sizes, default=0), 2 in sizes
    for first, before in enumerate(other.tokens):
        word = before.text
        for last, behind in enumerate(other.tokens[first + 1 : first + _MOST_JOINED], first + 1):
            if Kind.INITIAL in (before.kind, behind.kind):
                break
            word += behind.text
            places, length = tuple(range(first, last + 1)), len(word)
            if two_letters and last == first + 1 and length > 4:
                initials = before.text[0] + behind.text[0]
                found += [(at, places, _INITIAL) for at, one in enumerate(name.tokens) if one.text == initials]
            if length > longest + 2:
                break
            for place, (one, size) in enumerate(zip(name.tokens, sizes, strict=True)):
                if size >= _SHORTEST_JOINED and -2 <= size - length <= 2:
                    likeness = like(one, token(word))
                    if likeness >= _JOINED:
                        found.append((place, places, likeness))
    return found


def _as_beginning(cut: Token, whole: Token) -> float:
    """How like ``cut`` is to the beginning of ``whole``, which is longer."""
    if len(whole.text) <= len(cut.text):
        return 0.0
    return _spelt(cut.text, whole.text[: len(cut.text)])


@lru_cache(maxsize=8192)
def like(one: Token, other: Token) -> float:
    """How like two parts are, 0 to 1, 1 for the same: half spelling, half what is left of it by romanisation."""
    if one.text == other.text:
        return 1.0 if one.characters == other.characters or not (one.characters and other.characters) else _SOUND
    if one.kind is Kind.PARTICLE and other.kind is Kind.PARTICLE:
        return 1.0 if PARTICLES[one.text] == PARTICLES[other.text] else 0.0
    if one.kind is Kind.INITIAL or other.kind is Kind.INITIAL:
        return _INITIAL if one.text[0] == other.text[0] else 0.0
    if one.bare or other.bare:
        return _SOUND * _spelt(one.bones, other.bones)
    spelt = _spelt(one.text, other.text)
    likeness = (spelt + max(spelt, _spelt(one.folded, other.folded))) / 2
    if one.characters and other.characters:
        return min(likeness, _spelt(one.characters, other.characters))
    return max(likeness, _INITIAL) if one.stem == other.stem and one.folded != other.folded else likeness


def _spelt(one: str, other: str) -> float:
    # Optimal string alignment: two letters exchanged are one mistake, as hands make them.
    return OSA.normalized_similarity(one, other)
