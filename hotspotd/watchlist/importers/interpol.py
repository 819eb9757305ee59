"""INTERPOL's public notices, as its public web service gives them (ws-public.interpol.int/notices/v1): JSON.

Source: the service's published OpenAPI description (Notices API 1.0) and its answers. A file is one notice, a page of a
search (``_embedded.notices``), an array of notices, or one notice a line. The colour is in the notice's own address,
otherwise the order's. A portrait is taken from beside the file: ``2026-1234.jpg`` for notice ``2026/1234``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from hotspotd.domain.candidate import ListRecord, NameKind, OtherName
from hotspotd.domain.countries import alpha3
from hotspotd.domain.notice import Notice
from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.importers import values
from hotspotd.watchlist.importers.delivery import LARGEST_PICTURE, Person, Reject, Sample, SampleKind, Step
from hotspotd.watchlist.importers.lines import each, opened
from hotspotd.watchlist.importers.parts import Parts, person
from hotspotd.watchlist.rules import RowError

# A page of the service has at most 160 notices; larger files are read by lines.
_LARGEST_DOCUMENT = 32 * 1024 * 1024
_LONGEST_LINE = 1024 * 1024
_DATES = ("%Y/%m/%d", "%Y/%m", "%Y", "%Y-%m-%d")
_COLOUR = re.compile(r"/notices/v\d+/([a-z]+)/")
_COLOURS = {"un": Notice.UN_SPECIAL} | {notice.value: notice for notice in Notice}
_PICTURES = (".jpg", ".jpeg", ".png")
_SAFE_NAME = re.compile(r"[A-Za-z0-9._-]{1,80}")


class _Warrant(msgspec.Struct, frozen=True):
    issuing_country_id: str | None = None
    charge: str | None = None
    charge_translation: str | None = None


class _Notice(msgspec.Struct, frozen=True):
    """One notice: what a page gives of it, and what its own answer adds."""

    entity_id: str
    name: str | None = None
    forename: str | None = None
    date_of_birth: str | None = None
    nationalities: list[str] | None = None
    sex_id: str | None = None
    arrest_warrants: list[_Warrant] | None = None
    birth_name: str | None = None
    aliases: list[Any] | None = None
    name_in_original_script: str | None = None
    forename_in_original_script: str | None = None
    un_reference: str | None = None
    summary: str | None = None
    links: dict[str, Any] = msgspec.field(name="_links", default_factory=dict)


class InterpolImporter:
    """Reads public notices. ``notice``: the colour of those whose address does not say; ``owner``: of those that name
    no country that asks for the person.
    """

    def __init__(self, notice: Notice | None = None, owner: str = "XPO") -> None:
        self._notice = notice
        self._owner = owner

    def read(self, path: Path, place: int, line: int) -> Iterator[Step]:
        """The notices behind ``place``: a byte where they are lines, otherwise a count.

        Raises WatchlistError: UNREADABLE, BAD_VALUE for what is not JSON.
        """
        rows = _whole(path)
        if rows is None:
            for lines, text in each(path, place, line, _LONGEST_LINE):
                if text.strip():
                    yield self._step(text, path, lines.line, lines.place, too_long=lines.too_long(text))
            return
        size = path.stat().st_size
        for number, row in enumerate(rows[place:], place + 1):
            # Of one document the count stands for the line.
            yield replace(self._step(row, path, number, number), read=size)

    def _step(self, text: bytes, path: Path, line: int, place: int, *, too_long: bool = False) -> Step:
        parts = Parts(line)
        if too_long:
            reject = Reject(line, "", "", f"longer than {_LONGEST_LINE} bytes")
            return Step(place, line, place, rejects=(reject,))
        try:
            notice = msgspec.json.decode(text, type=_Notice)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Step(place, line, place, rejects=(Reject(line, "", "", f"not a notice: {error}"),))
        parts.reference = notice.entity_id
        return parts.step(lambda: self._person(notice, parts, path), place, place)

    def _person(self, notice: _Notice, parts: Parts, path: Path) -> Person:
        born = (notice.date_of_birth or "").strip()
        nations = parts.each(notice.nationalities or (), lambda text: values.country("nationalities", text))
        warrants = notice.arrest_warrants or []
        asking = [alpha3(warrant.issuing_country_id or "") for warrant in warrants]
        charges = [warrant.charge_translation or warrant.charge or "" for warrant in warrants]
        record = ListRecord(
            reference=notice.entity_id,
            notice=self._colour(notice),
            owner=next(filter(None, asking), self._owner),
            surname=values.tidy(notice.name or ""),
            given_names=values.tidy(notice.forename or ""),
            birth_date=parts.maybe(lambda: values.as_date("date_of_birth", born, _DATES)) if born else None,
            nationality=nations[0] if nations else None,
            other_nationalities=tuple(nations[1:]),
            sex=parts.maybe(lambda: values.sex(notice.sex_id or "")),
            reason=values.shortened("; ".join(filter(None, (*charges, notice.summary)))),
            other_names=parts.names(_other_names(notice)),
        )
        portrait = parts.maybe(lambda: _portrait(path, notice.entity_id))
        return person(record, (), (portrait,) if portrait else ())

    def _colour(self, notice: _Notice) -> Notice:
        own = notice.links.get("self")
        found = _COLOUR.search(str(own.get("href", ""))) if isinstance(own, dict) else None
        colour = _COLOURS.get(found[1]) if found else None
        colour = colour or (Notice.UN_SPECIAL if notice.un_reference else self._notice)
        if colour is None:
            raise RowError("_links", "says no colour: import these with --notice")
        return colour


def _other_names(notice: _Notice) -> Iterator[OtherName]:
    if notice.birth_name:
        yield OtherName(
            surname=values.tidy(notice.birth_name),
            given_names=values.tidy(notice.forename or ""),
            kind=NameKind.FORMER,
        )
    if notice.name_in_original_script or notice.forename_in_original_script:
        yield OtherName(
            surname=values.tidy(notice.name_in_original_script or ""),
            given_names=values.tidy(notice.forename_in_original_script or ""),
            kind=NameKind.ORIGINAL,
        )
    for alias in notice.aliases or ():
        if isinstance(alias, str) and alias.strip():
            yield OtherName(full=values.tidy(alias))
        elif isinstance(alias, dict):
            surname, given = (values.tidy(str(alias.get(key) or "")) for key in ("name", "forename"))
            if surname or given:
                yield OtherName(surname=surname, given_names=given)


def _portrait(path: Path, entity_id: str) -> Sample | None:
    """The picture beside the file, where there is one."""
    stem = entity_id.replace("/", "-")
    if not _SAFE_NAME.fullmatch(stem):
        return None
    for ending in _PICTURES:
        beside = path.with_name(stem + ending)
        if beside.is_file():
            if beside.stat().st_size > LARGEST_PICTURE:
                raise RowError("portrait", f"larger than {LARGEST_PICTURE} bytes")
            return Sample(SampleKind.FACE, "portrait", beside.read_bytes())
    return None


def _whole(path: Path) -> list[bytes] | None:
    """The notices of a file that is one JSON document; ``None`` for a file with a notice on each line."""
    with opened(path) as file:
        data = file.read(_LARGEST_DOCUMENT + 1).removeprefix(b"\xef\xbb\xbf")
    if len(data) > _LARGEST_DOCUMENT:
        return None
    try:
        held = msgspec.json.decode(data, type=list[msgspec.Raw] | dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if b"\n" in data.strip() and data.lstrip().startswith(b"{"):
            return None
        raise WatchlistError(
            Reason.BAD_VALUE, f"{path}: neither a notice, a page of notices nor an array: {error}", "Fetch it anew."
        ) from error
    if isinstance(held, dict):
        return _page(held) or [data]
    return [bytes(one) for one in held]


def _page(held: dict[str, msgspec.Raw]) -> list[bytes]:
    try:
        page = msgspec.json.decode(held.get("_embedded", msgspec.Raw(b"{}")), type=dict[str, list[msgspec.Raw]])
    except msgspec.DecodeError:
        return []
    return [bytes(one) for one in page.get("notices", ())]
