"""What an officer must know before stepping up to a person: caution flags, in the words of police lists."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Caution(StrEnum):
    """One warning. What a list says and no flag here means goes into the record's ``caution_note``: none is lost."""

    ARMED = "armed"
    VIOLENT = "violent"
    EXPLOSIVES = "explosives"
    ESCAPE_RISK = "escape_risk"
    SUICIDE_RISK = "suicide_risk"
    CONTAGIOUS = "contagious"
    MEDICAL = "medical"
    DRUGS = "drugs"
    PROTECT = "protect"

    @property
    def words(self) -> str:
        """What the officer reads."""
        return _WORDS[self]


_WORDS = {
    Caution.ARMED: "May be armed",
    Caution.VIOLENT: "May be violent",
    Caution.EXPLOSIVES: "May carry explosives",
    Caution.ESCAPE_RISK: "May try to escape",
    Caution.SUICIDE_RISK: "May harm themselves",
    Caution.CONTAGIOUS: "May carry an infectious disease",
    Caution.MEDICAL: "Needs medical care or medicine",
    Caution.DRUGS: "May be under the influence of drugs",
    Caution.PROTECT: "Person at risk: protect",
}


def flags_and_words(texts: Iterable[str]) -> tuple[tuple[Caution, ...], str]:
    """Flags for the texts that name one, and the others as words: no warning is lost."""
    flags: dict[Caution, None] = {}
    words = []
    for text in filter(None, (" ".join(text.split()) for text in texts)):
        try:
            flags[Caution(text.casefold().replace(" ", "_"))] = None
        except ValueError:
            words.append(text)
    return tuple(flags), "; ".join(words)
