"""The traveller's words in every language: the catalogues in ``words/``, checked against the English of ``wording.py``.

Every message must be there in every language, with the same places to be filled in, or the console does not start. A
language is added by a line in ``languages.py`` and its catalogue; see docs/languages.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import resources

import msgspec

from hotspotd.config import LaneSection, OperationSection
from hotspotd.console.catalogue import Catalogue, read
from hotspotd.console.languages import HEADS, SOURCE_LANGUAGE, Head
from hotspotd.console.wording import WORDING, Message
from hotspotd.errors import ConfigError, Reason

# The page counts down aloud from here.
ANNOUNCED_S = 15
_PLACE = re.compile(r"\{\w+\}")
_TABLES = ("prompts", "hints", "fingers", "slaps", "labels", "intro")


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """One language, whole. ``tables`` are its texts by table and name, ``times`` the forms that a number decides."""

    head: Head
    reviewed: bool
    """Whether a native speaker has read it."""
    tables: dict[str, dict[str, str]]
    times: dict[str, tuple[str, ...]]
    form: Callable[[int], int]

    @property
    def labels(self) -> dict[str, str]:
        """Everything on the page that is not a prompt. ``{n}`` and ``{of}`` are numbers."""
        return self.tables["labels"]

    def number(self, number: int) -> str:
        """``number`` in the language's own digits."""
        return "".join(self.head.digits[int(digit)] for digit in str(number))

    def time(self, unit: str, number: int) -> str:
        """A number of ``seconds``, ``hours`` or ``days`` in words."""
        return self.times[unit][self.form(number)].replace("{n}", self.number(number))


class Words:
    """All languages, in the order in which they are offered."""

    def __init__(self, languages: Mapping[str, Language]) -> None:
        self.languages = dict(languages)

    def for_page(self, lane: LaneSection, operation: OperationSection) -> dict[str, dict[str, object]]:
        """What the traveller page of ``lane`` needs of each language, as plain data."""
        return {
            code: {
                "name": language.head.name,
                "direction": language.head.direction,
                "digits": language.head.digits,
                **{table: language.tables[table] for table in ("prompts", "hints", "fingers", "slaps", "labels")},
                "separators": separators(language),
                "seconds": [language.time("seconds", number) for number in range(ANNOUNCED_S + 1)],
                "intro": intro(language, lane, operation),
            }
            for code, language in self.languages.items()
        }


def steps(lane: LaneSection, operation: OperationSection) -> tuple[str, ...]:
    """The steps of ``lane``, in order: document, face, fingers, done, less what it does without."""
    present = {
        "document": True,
        "face": operation.face and lane.camera is not None,
        "fingers": bool(operation.fingers) and lane.scanner is not None,
        "done": True,
    }
    return tuple(step for step, there in present.items() if there)


def separators(language: Language) -> tuple[str, str]:
    """What stands between the parts of a list, and before the last."""
    return language.tables["intro"]["separator"], language.tables["intro"]["last_separator"]


def intro(language: Language, lane: LaneSection, operation: OperationSection) -> dict[str, str]:
    """The three lines before the first capture."""
    words = dict(language.tables["intro"])
    if operation.youngest_for_fingers:
        words["fingers"] = words["fingers_from"].replace("{age}", language.number(operation.youngest_for_fingers))
    between, last = separators(language)
    items = [words[step] for step in steps(lane, operation) if step != "done"]
    listed = between.join(items[:-1]) + last + items[-1] if len(items) > 1 else items[0]
    return {
        "what": words["what"].replace("{items}", listed),
        "why": words["why"],
        "keep": words["keep"].replace("{time}", duration(language, operation.keep_clear_hours)),
    }


def duration(language: Language, hours: float) -> str:
    """``hours`` in words: whole days from two days on, else hours, rounded up so that no less is promised."""
    whole = max(1, -int(-hours // 1))
    if whole >= 48 and whole % 24 == 0:
        return language.time("days", whole // 24)
    return language.time("hours", whole)


def load() -> Words:
    """The languages in ``words/``. Raises ConfigError naming file and message. Reads files: not for the event loop."""
    folder = resources.files("hotspotd.console") / "words"
    languages = {}
    for head in HEADS:
        if head.code == SOURCE_LANGUAGE:
            languages[head.code] = source()
        else:
            name = f"{head.code}.po"
            languages[head.code] = parse((folder / name).read_text(encoding="utf-8"), name, head)
    return Words(languages)


def source() -> Language:
    """English, which is in no catalogue."""
    texts = {one.key: (one.text, one.plural) if one.plural else (one.text,) for one in WORDING}
    return _language(HEADS[0], texts, lambda number: int(number != 1), reviewed=True)


def parse(text: str, name: str, head: Head) -> Language:
    """The language of the catalogue ``text``, read from the file ``name``. Raises ConfigError."""
    catalogue = read(text, name)
    if catalogue.headers.get("Language") != head.code:
        raise ConfigError(Reason.BAD_VALUE, f"words/{name}: Language is not {head.code}", "Mend the header.")
    known = {(one.key, one.text) for one in WORDING}
    if odd := {key for key, _ in known ^ set(catalogue.messages)}:
        raise ConfigError(
            Reason.MISSING_KEY,
            f"words/{name}: missing or unknown: {', '.join(sorted(odd))}",
            "Run ./scripts/words, and translate what is new.",
        )
    texts = {one.key: _translated(one, catalogue, name) for one in WORDING}
    reviewed = catalogue.headers.get("X-Native-Speaker-Review", "none") != "none"
    return _language(head, texts, catalogue.form, reviewed=reviewed)


def _translated(message: Message, catalogue: Catalogue, name: str) -> tuple[str, ...]:
    texts = catalogue.messages[message.key, message.text]
    wanted = set(_PLACE.findall(message.text))
    for text in texts:
        # "One hour" and "two hours" may say the number in a word.
        if (found := set(_PLACE.findall(text))) != wanted and not (message.plural and not found and text != texts[-1]):
            raise ConfigError(
                Reason.BAD_VALUE,
                f"words/{name}: {message.key}: places to fill in are {sorted(found)}, not {sorted(wanted)}",
                "Give the text the places of the English one.",
            )
    return texts


def _language(
    head: Head, texts: Mapping[str, tuple[str, ...]], form: Callable[[int], int], *, reviewed: bool
) -> Language:
    tables: dict[str, dict[str, str]] = {table: {} for table in _TABLES}
    times: dict[str, tuple[str, ...]] = {}
    for key, forms in texts.items():
        table, name = key.split(".")
        if table == "times":
            times[name] = forms
        else:
            tables[table][name] = forms[0]
    return Language(head=head, reviewed=reviewed, tables=tables, times=times, form=form)
