"""Building one person out of parts that may each be unusable: the part is left out and told, the person is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from hotspotd.domain.candidate import ListRecord, OtherName
from hotspotd.watchlist.build import ListedDocument
from hotspotd.watchlist.importers.delivery import Item, Person, Reject, Sample, Step
from hotspotd.watchlist.importers.values import country
from hotspotd.watchlist.rules import (
    MOST_DOCUMENTS,
    MOST_OTHER_NAMES,
    RowError,
    check_documents,
    check_record,
    check_text,
)

_T = TypeVar("_T")


class Parts:
    """The rejects of one row, gathered while it is read."""

    def __init__(self, line: int, reference: str = "") -> None:
        self.line = line
        self.reference = reference
        self.rejects: list[Reject] = []

    def maybe(self, made: Callable[[], _T]) -> _T | None:
        """What ``made`` gives; ``None``, told, where it raises RowError."""
        try:
            return made()
        except RowError as error:
            self.leave_out(error.field, error.what)
            return None

    def leave_out(self, field: str, why: str) -> None:
        """Tell that a part is left out."""
        self.rejects.append(Reject(self.line, self.reference[:60], field, why, whole=False))

    def each(self, texts: Iterable[str], made: Callable[[str], _T]) -> list[_T]:
        """What ``made`` gives of each text that is not empty, once; those that it raises RowError for are told."""
        found = [self.maybe(partial(made, text)) for text in texts if text]
        return list(dict.fromkeys(one for one in found if one is not None))

    def names(self, names: Iterable[OtherName]) -> tuple[OtherName, ...]:
        """The names that can be kept, once each."""
        sound = []
        for name in dict.fromkeys(names):
            try:
                check_text("other_names", name.text)
            except RowError as error:
                self.leave_out(error.field, error.what)
            else:
                sound.append(name)
        if len(sound) > MOST_OTHER_NAMES:
            self.leave_out(
                "other_names", f"{len(sound) - MOST_OTHER_NAMES} of them: at most {MOST_OTHER_NAMES} are kept"
            )
        return tuple(sound[:MOST_OTHER_NAMES])

    def documents(self, pairs: Iterable[tuple[str, str]]) -> tuple[ListedDocument, ...]:
        """Documents of (number, issuer) that can be searched by."""

        def made(number: str, issuer: str) -> ListedDocument:
            if not issuer:
                raise RowError("documents", "no country that issued it is given")
            document = ListedDocument(number, country("documents", issuer))
            check_documents([document])
            return document

        found = [self.maybe(partial(made, *pair)) for pair in pairs]
        sound = list(dict.fromkeys(one for one in found if one is not None))
        if len(sound) > MOST_DOCUMENTS:
            self.leave_out("documents", f"{len(sound) - MOST_DOCUMENTS} of them: at most {MOST_DOCUMENTS} are kept")
        return tuple(sound[:MOST_DOCUMENTS])

    def step(self, made: Callable[[], Person], place: int, read: int) -> Step:
        """The step of this row: the person, or the reject of the whole row."""
        items: tuple[Item, ...] = ()
        try:
            person = made()
            check_record(person.record)
            items = (person,)
        except RowError as error:
            self.rejects.append(Reject(self.line, self.reference[:60], error.field, error.what))
        return Step(place, self.line, read, items, tuple(self.rejects))


def person(record: ListRecord, documents: tuple[ListedDocument, ...] = (), samples: tuple[Sample, ...] = ()) -> Person:
    """A person that has a name or something else to be found by. Raises RowError."""
    if not (record.surname or record.given_names or documents or samples):
        raise RowError("", "has neither a name, a document nor a picture")
    return Person(record, documents, samples)
