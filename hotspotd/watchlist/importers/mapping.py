"""The mapping file of a CSV delivery: which column is which field, and how its cells are written.

TOML, every key checked before a row is read::

    kind = "person"                      # or document, vehicle, vin, part, vessel, firearm
    encoding = "utf-8"
    delimiter = ";"
    separator = "|"                      # between several values in one cell
    dates = ["%d.%m.%Y", "%Y"]

    [columns]                            # name in the first line (or number from 1, with header = false) = field
    "Nr" = "reference"
    "Nom" = "surname"

    [constants]
    notice = "red"
    owner = "UTO"

    [values.sex]                         # cell = value
    "H" = "M"
"""

from __future__ import annotations

import codecs
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.importers.values import date_format
from hotspotd.watchlist.numbers.kinds import Kind

_LARGEST = 256 * 1024

COMMON_FIELDS = frozenset({"reference", "owner", "reason", "expires", "review", "since"})
PERSON_FIELDS = COMMON_FIELDS | {
    "notice", "diffusion", "bureau", "purpose", "cautions", "caution_note", "surname", "given_names", "name",
    "birth_date", "nationality", "sex", "document_number", "document_issuer", "documents", "aliases", "weak_aliases",
    "former_names", "original_names",
}  # fmt: skip
NUMBER_FIELDS = COMMON_FIELDS | {"number", "issuer", "status", "category"}
# Those in which a cell may hold several values.
LISTS = frozenset(
    {
        "cautions", "birth_date", "nationality", "documents", "aliases", "weak_aliases", "former_names",
        "original_names",
    }
)  # fmt: skip
# Encodings in which the byte of a line's end is never part of another character.
_ENCODINGS = {
    "ascii", "utf-8", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258",
    "cp437", "cp850", "cp852", "cp855", "cp866", "koi8-r", "koi8-u", "gb18030", "gbk", "gb2312", "big5", "shift_jis",
    "cp932", "euc_jp", "euc_kr", "cp949", "cp874", "tis-620",
    *(f"iso8859-{part}" for part in range(1, 17) if part != 12),
}  # fmt: skip


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping file, found sound."""

    kind: str
    columns: Annotated[dict[str, str], msgspec.Meta(min_length=1, max_length=200)]
    encoding: str = "utf-8"
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ","
    quote: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = '"'
    separator: str = "|"
    header: bool = True
    dates: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=10)] = ("%Y-%m-%d", "%Y-%m", "%Y")
    constants: dict[str, str] = msgspec.field(default_factory=dict)
    values: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)

    @property
    def number_kind(self) -> Kind | None:
        """What kind of numbers the rows are; ``None`` for people."""
        return None if self.kind == "person" else Kind(self.kind)

    @property
    def fields(self) -> frozenset[str]:
        """The fields that rows of this kind can have."""
        return frozenset(PERSON_FIELDS if self.kind == "person" else NUMBER_FIELDS)


def read_mapping(path: Path) -> Mapping:
    """The mapping in ``path``. Raises WatchlistError: UNREADABLE, BAD_VALUE naming what is wrong."""
    try:
        if path.stat().st_size > _LARGEST:
            raise _bad(path, f"larger than {_LARGEST} bytes")
        text = path.read_bytes()
    except OSError as error:
        raise WatchlistError(
            Reason.UNREADABLE, f"{path}: {error.strerror}", "Name the mapping file with --map."
        ) from error
    return parse_mapping(text, path)


def parse_mapping(text: bytes, path: Path) -> Mapping:
    """The mapping that ``text`` is. Raises WatchlistError (BAD_VALUE)."""
    try:
        mapping = msgspec.convert(tomllib.loads(text.decode()), Mapping)
        codec = codecs.lookup(mapping.encoding).name
        for form in mapping.dates:
            date_format(form)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError, ValueError, LookupError) as error:
        raise _bad(path, str(error)) from error
    kinds = {"person", *(kind.value for kind in Kind)}
    if mapping.kind not in kinds:
        raise _bad(path, f"kind: one of {', '.join(sorted(kinds))}")
    if codec not in {codecs.lookup(name).name for name in _ENCODINGS}:
        raise _bad(path, f"encoding {mapping.encoding}: convert the file to UTF-8 first")
    used = [*mapping.columns.values(), *mapping.constants]
    if unknown := sorted({*used, *mapping.values} - mapping.fields):
        raise _bad(path, f"no such field of a {mapping.kind}: {', '.join(unknown)}")
    if twice := sorted({one for one in used if used.count(one) > 1 and one not in LISTS}):
        raise _bad(path, f"given twice: {', '.join(twice)}")
    if not mapping.header and not all(name.isascii() and name.isdigit() and int(name) for name in mapping.columns):
        raise _bad(path, "columns: numbers from 1, since header is false")
    needed = {"reference", "owner"} | ({"notice"} if mapping.kind == "person" else {"number", "status"})
    if missing := sorted(needed - set(used)):
        raise _bad(path, f"neither a column nor a constant gives {', '.join(missing)}")
    return mapping


def _bad(path: Path, what: str) -> WatchlistError:
    return WatchlistError(Reason.BAD_VALUE, f"{path}: {what}", "docs/watchlist-import.md describes mapping files.")
