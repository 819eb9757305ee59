"""The traveller's words: one TOML file for each language in ``words/``, all with the same keys.

A language is added by adding a file. Every prompt, finger and slap must be there, or the console does not start.
``reviewed`` says whether a native speaker has read the file. ``nationalities`` are the document nationalities
(ICAO 9303-3 codes) for which the language is chosen when the traveller has not chosen one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from hotspotd.config import LaneSection, OperationSection
from hotspotd.domain.finger import FingerPosition, Slap
from hotspotd.errors import ConfigError, Reason
from hotspotd.events import Prompt

SOURCE_LANGUAGE = "en"


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class LanguageHead(_Table, frozen=True):
    """Which language a file is in."""

    code: Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z]{2,4})?$")]
    name: str
    plural: Literal["one_other", "one_to_two", "arabic"]
    reviewed: bool
    direction: Literal["ltr", "rtl"] = "ltr"
    nationalities: tuple[str, ...] = ()


class Labels(_Table, frozen=True):
    """Everything on the page that is not a prompt. ``{n}`` and ``{of}`` are numbers."""

    page_title: str
    step_document: str
    step_face: str
    step_fingers: str
    step_done: str
    help: str
    choose_language: str
    close: str
    attempt: str
    seconds: str
    more_time: str
    moment: str
    moment_hint: str
    training: str
    demo_model: str


class Intro(_Table, frozen=True):
    """What is taken, why, and how long it is kept. ``{items}`` is a list, ``{time}`` a time."""

    what: str
    why: str
    keep: str
    document: str
    face: str
    fingers: str
    separator: str
    last_separator: str


class Language(_Table, frozen=True):
    """One file."""

    language: LanguageHead
    prompts: dict[str, str]
    hints: dict[str, str]
    fingers: dict[str, str]
    slaps: dict[str, str]
    labels: Labels
    intro: Intro
    hours: dict[str, str]
    days: dict[str, str]


def _one_other(number: int) -> str:
    return "one" if number == 1 else "other"


def _one_to_two(number: int) -> str:
    return "one" if number in (0, 1) else "other"


def _arabic(number: int) -> str:
    if number in (0, 1, 2):
        return ("zero", "one", "two")[number]
    if 3 <= number % 100 <= 10:
        return "few"
    return "many" if number % 100 >= 11 else "other"


# CLDR plural rules of the languages that are here, for whole numbers.
_PLURALS: Mapping[str, Callable[[int], str]] = {"one_other": _one_other, "one_to_two": _one_to_two, "arabic": _arabic}


class Words:
    """All languages, the source language first."""

    def __init__(self, languages: Mapping[str, Language]) -> None:
        rest = sorted(code for code in languages if code != SOURCE_LANGUAGE)
        self.languages = {code: languages[code] for code in (SOURCE_LANGUAGE, *rest)}
        self._by_nationality = {
            nationality: code
            for code, language in self.languages.items()
            for nationality in language.language.nationalities
        }

    def language_of(self, nationality: str | None) -> str | None:
        """The language to begin with for a document of this nationality; ``None`` where none is set."""
        return self._by_nationality.get(nationality) if nationality else None

    def for_page(self, lane: LaneSection, operation: OperationSection) -> dict[str, dict[str, object]]:
        """What the traveller page of ``lane`` needs of each language, as plain data."""
        return {
            code: {
                "name": language.language.name,
                "direction": language.language.direction,
                "prompts": language.prompts,
                "hints": language.hints,
                "fingers": language.fingers,
                "slaps": language.slaps,
                "separators": [language.intro.separator, language.intro.last_separator],
                "labels": msgspec.to_builtins(language.labels),
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


def intro(language: Language, lane: LaneSection, operation: OperationSection) -> dict[str, str]:
    """The three lines before the first capture."""
    words = language.intro
    items = [getattr(words, step) for step in steps(lane, operation) if step != "done"]
    listed = words.separator.join(items[:-1]) + words.last_separator + items[-1] if len(items) > 1 else items[0]
    return {
        "what": words.what.replace("{items}", listed),
        "why": words.why,
        "keep": words.keep.replace("{time}", duration(language, operation.keep_clear_hours)),
    }


def duration(language: Language, hours: float) -> str:
    """``hours`` in words: whole days from two days on, else hours, rounded up so that no less is promised."""
    whole = max(1, -int(-hours // 1))
    in_days = whole >= 48 and whole % 24 == 0
    number = whole // 24 if in_days else whole
    forms = language.days if in_days else language.hours
    form = _PLURALS[language.language.plural](number)
    return forms.get(form, forms["other"]).replace("{n}", str(number))


def load() -> Words:
    """The languages in ``words/``. Raises ConfigError naming file and key. Reads files: not for the event loop."""
    folder = resources.files("hotspotd.console") / "words"
    languages: dict[str, Language] = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            language = parse(entry.read_text(encoding="utf-8"), entry.name)
            languages[language.language.code] = language
    return Words(languages)


def parse(text: str, name: str) -> Language:
    """The language in ``text``, read from the file ``name``. Raises ConfigError."""
    try:
        language = msgspec.convert(tomllib.loads(text), Language)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(Reason.BAD_VALUE, f"words/{name}: {error}", "Compare it with words/en.toml.") from error
    wanted = {
        "prompts": {prompt.value for prompt in Prompt},
        "fingers": {position.label for position in FingerPosition},
        "slaps": {slap.label for slap in Slap},
    }
    for table, keys in wanted.items():
        present = set(getattr(language, table))
        if odd := keys ^ present:
            raise ConfigError(
                Reason.MISSING_KEY,
                f"words/{name}: {table}: missing or unknown: {', '.join(sorted(odd))}",
                "Compare it with words/en.toml.",
            )
    return language
