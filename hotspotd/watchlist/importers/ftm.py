"""FollowTheMoney entities, one JSON object a line, as OpenSanctions and others publish them.

Source: the FollowTheMoney model (followthemoney.tech), schemata Person, Passport and Identification. Every other schema
is passed over with a count. A document is attached to its holder whichever comes first; one nested in the person's
properties too. Values come in lists; which of several names is the main one says ``caption``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from hotspotd.domain.candidate import ListRecord, NameKind, OtherName
from hotspotd.domain.notice import Notice
from hotspotd.watchlist.importers import values
from hotspotd.watchlist.importers.delivery import Item, Person, PersonsDocument, Reject, Step
from hotspotd.watchlist.importers.lines import each
from hotspotd.watchlist.importers.parts import Parts, person
from hotspotd.watchlist.rules import MOST_OTHERS, RowError

# An entity merged out of many sources may have thousands of values.
_LONGEST_LINE = 4 * 1024 * 1024
_DOCUMENTS = {"Passport", "Identification"}
_DATES = ("%Y-%m-%d", "%Y-%m", "%Y")


class _Entity(msgspec.Struct, frozen=True):
    """What every entity has."""

    id: str
    schema: str
    caption: str = ""
    properties: dict[str, list[Any]] = msgspec.field(default_factory=dict)

    def texts(self, *names: str) -> list[str]:
        """The texts of these properties in order, once each."""
        found = (value for name in names for value in self.properties.get(name, ()))
        return list(dict.fromkeys(values.tidy(value) for value in found if isinstance(value, str) and value.strip()))

    def nested(self) -> Iterator[_Entity]:
        """Documents that stand in the properties instead of being linked."""
        for held in self.properties.values():
            for value in held:
                if isinstance(value, dict) and value.get("schema") in _DOCUMENTS:
                    try:
                        yield msgspec.convert(value, _Entity)
                    except msgspec.ValidationError as error:
                        raise RowError("properties", f"a nested document is none: {error}") from error


class FtmImporter:
    """Reads entities. ``notice`` and ``owner`` stand for the whole delivery: the model has neither."""

    def __init__(self, notice: Notice, owner: str) -> None:
        self._notice = notice
        self._owner = owner

    def read(self, path: Path, place: int, line: int) -> Iterator[Step]:
        """The entities behind ``place``, a byte. Raises WatchlistError: UNREADABLE, BAD_VALUE for an archive."""
        for lines, text in each(path, place, line, _LONGEST_LINE):
            if not text.strip():
                continue
            parts = Parts(lines.line)
            try:
                entity = _entity(text, too_long=lines.too_long(text))
                yield self._step(entity, parts, lines.place)
            except RowError as error:
                reject = Reject(lines.line, parts.reference[:60], error.field, error.what)
                yield Step(lines.place, lines.line, lines.place, rejects=(reject,))

    def _step(self, entity: _Entity, parts: Parts, place: int) -> Step:
        parts.reference = entity.id
        if entity.schema == "Person":
            return parts.step(lambda: self._person(entity, parts), place, place)
        if entity.schema in _DOCUMENTS:
            holders = entity.texts("holder")
            documents = parts.documents(_numbers(entity))
            items: tuple[Item, ...] = tuple(
                PersonsDocument(holder, document) for holder in holders for document in documents
            )
            if not items and not parts.rejects:
                parts.leave_out("holder" if documents else "number", "is missing")
            return Step(place, parts.line, place, items, tuple(parts.rejects))
        return Step(place, parts.line, place, passed_over=1)

    def _person(self, entity: _Entity, parts: Parts) -> Person:
        names = entity.texts("name")
        main = values.tidy(entity.caption) or (names[0] if names else "")
        families, givens = entity.texts("lastName"), entity.texts("firstName")
        apart = len(families) == 1 and len(givens) == 1
        births = parts.each(entity.texts("birthDate"), lambda text: values.as_date("birthDate", text[:10], _DATES))
        nations = parts.each(
            entity.texts("nationality", "citizenship"), lambda text: values.country("nationality", text)
        )
        sexes = parts.each(entity.texts("gender"), values.sex)
        record = ListRecord(
            reference=entity.id,
            notice=self._notice,
            owner=self._owner,
            surname=families[0] if apart else main,
            given_names=" ".join((givens[0], *entity.texts("secondName", "middleName")[:1])) if apart else "",
            birth_date=births[0] if births else None,
            other_birth_dates=tuple(births[1 : MOST_OTHERS + 1]),
            nationality=nations[0] if nations else None,
            other_nationalities=tuple(nations[1 : MOST_OTHERS + 1]),
            # Two that differ are no knowledge.
            sex=sexes[0] if len(sexes) == 1 else None,
            reason=values.shortened("; ".join(entity.texts("topics", "program", "summary", "notes"))),
            other_names=parts.names(_other_names(entity, main)),
        )
        pairs = list(_loose_numbers(entity, nations))
        for document in entity.nested():
            pairs += _numbers(document)
        return person(record, parts.documents(pairs))


def _entity(text: bytes, *, too_long: bool) -> _Entity:
    if too_long:
        raise RowError("", f"longer than {_LONGEST_LINE} bytes")
    try:
        return msgspec.json.decode(text, type=_Entity)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RowError("", f"not a FollowTheMoney entity: {error}") from error


def _numbers(document: _Entity) -> list[tuple[str, str]]:
    issuers = document.texts("country") or [""]
    return [(number, issuers[0]) for number in document.texts("number", "passportNumber")]


def _loose_numbers(entity: _Entity, nations: list[str]) -> Iterator[tuple[str, str]]:
    """Numbers that stand with the person without who issued them: the only nationality, if there is one only."""
    issuer = nations[0] if len(nations) == 1 else ""
    for number in entity.texts("passportNumber", "idNumber"):
        yield number, issuer


def _other_names(entity: _Entity, main: str) -> Iterable[OtherName]:
    kinds = {
        "name": NameKind.ALIAS,
        "alias": NameKind.ALIAS,
        "previousName": NameKind.FORMER,
        "weakAlias": NameKind.WEAK,
    }
    for key, kind in kinds.items():
        for text in entity.texts(key):
            if text != main:
                original = kind is NameKind.ALIAS and not _is_latin(text)
                yield OtherName(full=text, kind=NameKind.ORIGINAL if original else kind)


def _is_latin(text: str) -> bool:
    return all("LATIN" in unicodedata.name(c, "") for c in text if c.isalpha())
