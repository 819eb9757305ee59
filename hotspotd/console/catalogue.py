"""Reads a message catalogue (GNU gettext manual, "The Format of PO Files"): text in, messages out, no files.

Strict, because what it reads is shown at a border: fuzzy, empty, obsolete or double messages, unknown escapes and
anything out of place are refused by line. Reading the source form at the start spares a compiled copy, which could be
older than it.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from hotspotd.errors import ConfigError, Reason

_KEYWORD = re.compile(r"(msgctxt|msgid_plural|msgid|msgstr(?:\[(\d)\])?) (\".*\")")
_QUOTED = re.compile(r'"((?:[^"\\]|\\[\\"nt])*)"')
_ESCAPE = re.compile(r"\\(.)")
_MEANING = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
_PLURAL_FORMS = re.compile(r"nplurals=([1-6]); plural=([n0-9 ()?:!=<>&|%]+);")


@dataclass(frozen=True)
class Catalogue:
    """The messages of one language."""

    headers: Mapping[str, str]
    messages: Mapping[tuple[str, str], tuple[str, ...]]
    """By context and English text: the text, or its plural forms in the order of the header ``Plural-Forms``."""
    form: Callable[[int], int]
    """Which plural form a whole number takes."""


@dataclass
class _Entry:
    """Parts of a message by keyword, as they are read."""

    line: int
    parts: dict[str, str] = field(default_factory=dict)


def read(text: str, name: str) -> Catalogue:
    """The catalogue in ``text``, read from the file ``name``. Raises ConfigError, which names the line."""
    entries = list(_entries(text, name))
    if not entries or entries[0].parts.get("msgid") != "" or "msgctxt" in entries[0].parts:
        _refuse(name, 1, "the header is missing")
    headers = _headers(entries[0], name)
    forms, form = _plural(headers, name)
    messages: dict[tuple[str, str], tuple[str, ...]] = {}
    for entry in entries[1:]:
        key, texts = _message(entry, forms, name)
        if key in messages:
            _refuse(name, entry.line, f"{key[0]} is there twice")
        messages[key] = texts
    return Catalogue(headers, messages, form)


def _refuse(name: str, line: int, what: str) -> NoReturn:
    raise ConfigError(Reason.BAD_VALUE, f"words/{name}, line {line}: {what}", "Run ./scripts/words and mend it.")


def _entries(text: str, name: str) -> Iterator[_Entry]:
    """The messages of the file, unchecked but for their lines."""
    entry: _Entry | None = None
    part = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            if line.startswith("#,") and "fuzzy" in line:
                _refuse(name, number, "a fuzzy message: nobody has looked at it")
            if line.startswith(("#~", "#|")):
                _refuse(name, number, "an obsolete message")
            if entry is not None:
                yield entry
            entry = None
        elif keyword := _KEYWORD.fullmatch(line):
            entry = entry or _Entry(number)
            part = keyword[1]
            if part in entry.parts:
                _refuse(name, number, f"{part} again: messages are separated by an empty line")
            entry.parts[part] = _unquote(keyword[3], name, number)
        elif entry is not None and line.startswith('"'):
            entry.parts[part] += _unquote(line, name, number)
        else:
            _refuse(name, number, "not understood")
    if entry is not None:
        yield entry


def _unquote(quoted: str, name: str, line: int) -> str:
    whole = _QUOTED.fullmatch(quoted)
    if whole is None:
        _refuse(name, line, "not a quoted text")
    return _ESCAPE.sub(lambda escape: _MEANING[escape[1]], whole[1])


def _headers(entry: _Entry, name: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in entry.parts.get("msgstr", "").splitlines():
        key, colon, value = line.partition(": ")
        if not colon:
            _refuse(name, entry.line, f"no header: {line}")
        headers[key] = value
    if headers.get("Content-Type", "").lower() != "text/plain; charset=utf-8":
        _refuse(name, entry.line, "Content-Type must be text/plain; charset=utf-8")
    return headers


def _plural(headers: Mapping[str, str], name: str) -> tuple[int, Callable[[int], int]]:
    said = _PLURAL_FORMS.fullmatch(headers.get("Plural-Forms", ""))
    if said is None:
        _refuse(name, 1, "Plural-Forms is missing or not understood")
    try:
        return int(said[1]), gettext.c2py(said[2])
    except ValueError as error:
        raise ConfigError(Reason.BAD_VALUE, f"words/{name}: Plural-Forms: {error}", "Mend the expression.") from error


def _message(entry: _Entry, forms: int, name: str) -> tuple[tuple[str, str], tuple[str, ...]]:
    parts = dict(entry.parts)
    key = (parts.pop("msgctxt", ""), parts.pop("msgid", ""))
    if not all(key):
        _refuse(name, entry.line, "a message needs msgctxt and msgid")
    plural = parts.pop("msgid_plural", None)
    wanted = ["msgstr"] if plural is None else [f"msgstr[{number}]" for number in range(forms)]
    if list(parts) != wanted:
        _refuse(name, entry.line, f"{key[0]} must have {', '.join(wanted)}")
    if not all(parts.values()):
        _refuse(name, entry.line, f"{key[0]} is not translated")
    return key, tuple(parts.values())
