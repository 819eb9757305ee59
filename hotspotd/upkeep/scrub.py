"""Takes out of texts what is, or looks like, somebody's: a second line behind the rule that no log holds it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hotspotd.domain.candidate import Hit
from hotspotd.errors import RecordsError
from hotspotd.records import Records
from hotspotd.records.model import StoredEncounter

REMOVED = "[removed]"
_SHORTEST = 3
"""Letters: shorter parts of names are words of many other things."""
_SHAPES = (
    # Lines of a machine readable zone, whole or cut off: nothing else is written with fillers.
    re.compile(r"[A-Z0-9<]*<<?[A-Z0-9<]{3,}"),
    # Pictures and templates as text.
    re.compile(r"[A-Za-z0-9+/_-]{120,}={0,2}"),
    re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"),
    re.compile(r"(?<=badge )\S+"),
)


class Scrubber:
    """Removes ``words``, whatever their case, where they stand alone, and what has the shape of personal data."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self._words = frozenset(word.casefold() for word in words)

    def clean(self, text: str) -> str:
        """``text`` without them."""
        for shape in _SHAPES:
            text = shape.sub(REMOVED, text)
        if not self._words:
            return text
        return re.sub(r"\w+", lambda found: REMOVED if found[0].casefold() in self._words else found[0], text)


async def personal_words(records: Records, most: int = 500) -> frozenset[str]:
    """Names, numbers and dates of the newest ``most`` travellers, and of whoever they were taken for."""
    words: set[str] = set()
    for row in await records.recent(most):
        try:
            words |= _words_of(await records.encounter(row.encounter_id))
        except RecordsError:
            continue  # Erased meanwhile, or damaged: nothing of it can be read, here or by whoever logs.
    return frozenset(words)


def _words_of(stored: StoredEncounter) -> set[str]:
    texts: list[str | None] = []
    document = stored.encounter.document
    if document is not None:
        texts += [document.surname, document.given_names, document.number, document.birth_date, document.optional]
        texts += document.mrz
    hits: list[Hit] = [*(stored.verdict.hits if stored.verdict else ()), *(stored.answer.hits if stored.answer else ())]
    for hit in hits:
        record = hit.record
        texts += [record.surname, record.given_names, record.document_number, record.birth_date, record.reference]
        texts += [part for name in record.other_names for part in (name.surname, name.given_names, name.full)]
    return {word for text in texts for word in re.findall(r"\w+", text or "") if len(word) >= _SHORTEST}
