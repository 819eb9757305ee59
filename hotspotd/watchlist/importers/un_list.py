"""The consolidated list of the United Nations Security Council, as XML.

Source: the list's published form and schema (scsanctions.un.org, consolidated.xml). People are taken, entities are
passed over. The list does not tell family names from given names: the whole name stands as surname. A date of birth
between two years becomes each of these years.
XML is read element by element; a document type declaration, entities and the network are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from lxml import etree

from hotspotd.domain.candidate import ListRecord, NameKind, OtherName
from hotspotd.domain.notice import Notice
from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.importers import values
from hotspotd.watchlist.importers.delivery import Person, Step
from hotspotd.watchlist.importers.lines import opened
from hotspotd.watchlist.importers.parts import Parts, person
from hotspotd.watchlist.rules import MOST_OTHERS, RowError

# The longest entry of the list has some 10 KB.
_LARGEST_ENTRY = 1024 * 1024
_LONGEST_SPAN = 25
_QUALITIES = {"low": NameKind.WEAK, "f.k.a.": NameKind.FORMER}


class UnListImporter:
    """Reads the list. ``owner`` is whom an officer contacts: UNO stands for the United Nations in ICAO 9303-3."""

    def __init__(self, notice: Notice = Notice.UN_SPECIAL, owner: str = "UNO") -> None:
        self._notice = notice
        self._owner = owner

    def read(self, path: Path, place: int, line: int) -> Iterator[Step]:  # noqa: ARG002 - XML counts its own lines
        """The people from number ``place`` on. Raises WatchlistError: UNREADABLE, BAD_VALUE for what is not this list,
        has a document type declaration or ends early: the people before are given first.
        """
        with opened(path) as file:
            metered = _Metered(file, path)
            # Entities and the declaration are looked at by hand, so that they are refused and not only left alone.
            events = etree.iterparse(
                metered,
                events=("start", "end"),
                resolve_entities=False,
                load_dtd=False,
                no_network=True,
                huge_tree=False,
                remove_comments=True,
                remove_pis=True,
            )
            try:
                yield from self._steps(events, metered, path, place)
            except etree.XMLSyntaxError as error:
                raise _bad(path, f"not well-formed XML, line {error.lineno}; what came before was taken") from error
            except LookupError as error:
                raise _bad(path, "in an encoding that is not known") from error

    def _steps(self, events: etree.iterparse, metered: _Metered, path: Path, place: int) -> Iterator[Step]:
        number = 0
        for event, element in events:
            if event == "start":
                if element.getparent() is None:
                    _check_root(element, path)
                continue
            if element.tag not in {"INDIVIDUAL", "ENTITY"}:
                continue
            number += 1
            if number > place:
                yield self._step(element, number, metered.total)
            metered.entry_ended()
            _forget(element)

    def _step(self, element: etree._Element, number: int, read: int) -> Step:
        line = int(element.sourceline or 0)
        if element.tag == "ENTITY":
            return Step(number, line, read, passed_over=1)
        parts = Parts(line, _text(element, "REFERENCE_NUMBER").rstrip(".") or _text(element, "DATAID"))
        return parts.step(lambda: self._person(element, parts), number, read)

    def _person(self, element: etree._Element, parts: Parts) -> Person:
        names = [_text(element, f"{place}_NAME") for place in ("FIRST", "SECOND", "THIRD", "FOURTH")]
        births = list(dict.fromkeys(_births(element, parts)))
        nations = parts.each(_texts(element, "NATIONALITY/VALUE"), lambda text: values.country("nationality", text))
        listed = _text(element, "LISTED_ON")[:10]
        reasons = (_text(element, "UN_LIST_TYPE"), _text(element, "COMMENTS1"))
        record = ListRecord(
            reference=parts.reference,
            notice=self._notice,
            owner=self._owner,
            surname=" ".join(filter(None, names)),
            birth_date=births[0] if births else None,
            other_birth_dates=tuple(births[1 : MOST_OTHERS + 1]),
            nationality=nations[0] if nations else None,
            other_nationalities=tuple(nations[1:]),
            sex=parts.maybe(lambda: values.sex(_text(element, "GENDER"))),
            reason=values.shortened(": ".join(filter(None, reasons))),
            bureau="UN Security Council",
            other_names=parts.names(_other_names(element)),
            since=parts.maybe(lambda: values.as_date("LISTED_ON", listed, ("%Y-%m-%d",))) if listed else None,
        )
        documents = parts.documents(
            (
                _text(document, "NUMBER"),
                _text(document, "ISSUING_COUNTRY") or _text(document, "COUNTRY_OF_ISSUE"),
            )
            for document in element.findall("INDIVIDUAL_DOCUMENT")
            if _text(document, "NUMBER")
        )
        return person(record, documents)


def _births(element: etree._Element, parts: Parts) -> Iterator[str]:
    for birth in element.findall("INDIVIDUAL_DATE_OF_BIRTH"):
        first, last = _text(birth, "FROM_YEAR"), _text(birth, "TO_YEAR")
        text = _text(birth, "DATE")[:10] or _text(birth, "YEAR")
        if text:
            made = parts.maybe(partial(values.as_date, "birth_date", text, ("%Y-%m-%d", "%Y")))
            if made is not None:
                yield made
        elif first and last:
            yield from parts.maybe(partial(_span, first, last)) or ()


def _span(first: str, last: str) -> list[str]:
    if not (first.isdecimal() and last.isdecimal() and 0 <= int(last) - int(first) <= _LONGEST_SPAN):
        raise RowError("birth_date", f"no span of at most {_LONGEST_SPAN} years")
    return [f"{year:04}" for year in range(int(first), int(last) + 1)]


def _other_names(element: etree._Element) -> Iterator[OtherName]:
    for text in _texts(element, "NAME_ORIGINAL_SCRIPT"):
        if text:
            yield OtherName(full=text, kind=NameKind.ORIGINAL)
    for alias in element.findall("INDIVIDUAL_ALIAS"):
        kind = _QUALITIES.get(_text(alias, "QUALITY").casefold(), NameKind.ALIAS)
        if text := _text(alias, "ALIAS_NAME"):
            yield OtherName(full=text, kind=kind)


def _text(element: etree._Element, path: str) -> str:
    return values.tidy(element.findtext(path) or "")


def _texts(element: etree._Element, path: str) -> list[str]:
    return [values.tidy(found.text or "") for found in element.findall(path)]


def _check_root(root: etree._Element, path: Path) -> None:
    info = root.getroottree().docinfo
    if info.internalDTD is not None or info.externalDTD is not None:
        raise _bad(path, "has a document type declaration, which this list has not")
    if root.tag != "CONSOLIDATED_LIST":
        raise _bad(path, f"begins with {str(root.tag)[:40]}, not with CONSOLIDATED_LIST")


def _forget(element: etree._Element) -> None:
    """Free what was read, and its neighbours before it."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


class _Metered:
    """A file that refuses an entry without an end, so that memory is bounded whatever is in it."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._since_entry = 0
        self.total = 0

    def read(self, amount: int) -> bytes:
        data = self._file.read(min(amount, 64 * 1024))
        self.total += len(data)
        self._since_entry += len(data)
        if self._since_entry > _LARGEST_ENTRY:
            raise _bad(self._path, f"an entry of more than {_LARGEST_ENTRY} bytes")
        return data

    def entry_ended(self) -> None:
        self._since_entry = 0


def _bad(path: Path, what: str) -> WatchlistError:
    return WatchlistError(Reason.BAD_VALUE, f"{path}: {what}", "Fetch the Security Council's consolidated list anew.")
