"""The catalogues: whole in every language, up to date with the English, in the right script; others are refused."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata
from importlib import resources
from pathlib import Path

import pytest
import update_words
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from hotspotd.console import catalogue, languages, words
from hotspotd.console.wording import WORDING
from hotspotd.domain.finger import FingerPosition, Slap
from hotspotd.errors import ConfigError, Reason
from hotspotd.events import Prompt

ROOT = Path(__file__).resolve().parents[2]
FOLDER = resources.files("hotspotd.console") / "words"
CODES = [head.code for head in languages.HEADS]
TRANSLATED = [code for code in CODES if code != languages.SOURCE_LANGUAGE]
SCRIPTS = {"ar": "ARABIC", "fa": "ARABIC", "mk": "CYRILLIC", "sr": "CYRILLIC", "ru": "CYRILLIC", "tg": "CYRILLIC"}
WORDS = words.load()


def text_of(code: str) -> str:
    return (FOLDER / f"{code}.po").read_text(encoding="utf-8")


def head_of(code: str) -> languages.Head:
    return next(head for head in languages.HEADS if head.code == code)


def texts_of(language: words.Language) -> list[str]:
    said = [text for table in language.tables.values() for text in table.values()]
    return said + [text for forms in language.times.values() for text in forms]


def test_the_twelve_languages_are_there_and_only_english_has_been_reviewed() -> None:
    assert list(WORDS.languages) == ["en", "fr", "ar", "es", "sq", "mk", "sr", "bs", "ru", "tr", "tg", "fa"]
    assert [code for code, each in WORDS.languages.items() if each.reviewed] == ["en"]
    assert [code for code, each in WORDS.languages.items() if each.head.direction == "rtl"] == ["ar", "fa"]
    for code in TRANSLATED:
        assert text_of(code).startswith("# Not reviewed by a native speaker.\n")


def test_everything_that_a_lane_can_ask_for_has_words() -> None:
    english = WORDS.languages["en"].tables
    assert set(english["prompts"]) == set(Prompt)
    assert set(english["fingers"]) == {position.label for position in FingerPosition}
    assert set(english["slaps"]) == {slap.label for slap in Slap}
    assert set(english["hints"]) <= set(Prompt)
    assert len({message.key for message in WORDING}) == len(WORDING)


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_catalogue_is_whole_by_the_measure_of_babel_too(code: str) -> None:
    with (FOLDER / f"{code}.po").open("rb") as file:  # type: ignore[attr-defined]  # A folder of the checkout.
        read = read_po(file, abort_invalid=True)
    assert not read.fuzzy
    assert not read.obsolete
    assert len(read) == len(WORDING)
    assert list(read.check()) == []
    ours = catalogue.read(text_of(code), f"{code}.po")
    for message in read:
        if message.id:
            key = message.id if isinstance(message.id, str) else message.id[0]
            theirs = (message.string,) if isinstance(message.string, str) else tuple(message.string)
            assert ours.messages[str(message.context), key] == theirs


def test_the_catalogues_are_up_to_date_with_the_english() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/update_words.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_a_message_whose_english_has_changed_is_empty_until_it_is_translated_again(tmp_path: Path) -> None:
    path = tmp_path / "fr.po"
    path.write_text(text_of("fr"), encoding="utf-8")
    template = Catalog()
    template.add("Hold quite still", context="prompts.hold_still", auto_comments=["New."])
    template.add("Open your eyes", context="prompts.open_eyes")
    text = update_words.written(update_words.updated("fr", template, path), "a teacher, 2026").decode()
    assert text.startswith("# Not reviewed by a native speaker.\n")
    assert '"X-Native-Speaker-Review: a teacher, 2026\\n"' in text
    assert '#. New.\nmsgctxt "prompts.hold_still"\nmsgid "Hold quite still"\nmsgstr ""\n' in text
    assert 'msgid "Open your eyes"\nmsgstr "Ouvrez les yeux"\n' in text
    assert "Regardez" not in text
    with pytest.raises(ConfigError, match="hold_still is not translated"):
        catalogue.read(text, "fr.po")
    new = update_words.written(update_words.updated("de", template, tmp_path / "de.po")).decode()
    assert new.startswith("# Not reviewed by a native speaker.\n")
    assert '"Language: de\\n"' in new


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_letter_is_of_the_languages_script(code: str) -> None:
    script = SCRIPTS.get(code, "LATIN")
    for text in texts_of(WORDS.languages[code]):
        for letter in re.sub(r"\{\w+\}", "", text):
            if letter.isalpha():
                assert unicodedata.name(letter).startswith(script), (text, letter)
        assert text == unicodedata.normalize("NFC", text)
        assert "'" not in text


@pytest.mark.parametrize("code", CODES)
def test_different_fingers_have_different_names(code: str) -> None:
    names = list(WORDS.languages[code].tables["fingers"].values())
    assert len(set(names)) == len(names)
    assert WORDS.languages[code].tables["prompts"]["turn_left"] != WORDS.languages[code].tables["prompts"]["turn_right"]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("unit", ["seconds", "hours", "days"])
def test_every_number_has_a_form(code: str, unit: str) -> None:
    language = WORDS.languages[code]
    for number in range(1, 400):
        said = language.time(unit, number)
        assert "{" not in said
        assert language.number(number) in said or number <= 2


@pytest.mark.parametrize(
    ("nationality", "codes"),
    [
        ("FRA", ("fr",)),
        ("EGY", ("ar",)),
        ("DZA", ("ar", "fr")),
        ("MKD", ("mk", "sq")),
        ("RKS", ("sq", "sr")),
        ("BIH", ("bs", "sr")),
        ("TJK", ("tg", "ru")),
        ("AFG", ("fa",)),
        ("USA", ("en", "es")),
        ("UTO", ()),
        ("XXA", ()),
        ("", ()),
        (None, ()),
    ],
)
def test_the_languages_follow_the_document(nationality: str | None, codes: tuple[str, ...]) -> None:
    assert languages.offered(nationality) == codes


def test_a_nationality_is_in_the_table_once_and_leads_to_languages_that_are_there() -> None:
    listed = [one for nationalities in languages._COUNTRIES.values() for one in nationalities.split()]
    assert len(set(listed)) == len(listed)
    assert all(re.fullmatch("[A-Z]{3}", one) for one in listed)
    assert {code for codes in languages.OFFERED.values() for code in codes} <= set(CODES)
    # Every language is the first for somebody, or nobody would meet it unasked.
    assert {codes[0] for codes in languages.OFFERED.values()} == set(CODES)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('msgstr "Ne bougez plus"', 'msgstr ""', "prompts.hold_still is not translated"),
        ('msgctxt "prompts.hold_still"', '#, fuzzy\nmsgctxt "prompts.hold_still"', "fuzzy"),
        ('msgctxt "prompts.hold_still"', '#~ msgctxt "prompts.hold_still"', "obsolete"),
        ('msgctxt "prompts.hold_still"', 'msgctxt "prompts.open_eyes"', "missing or unknown: prompts.hold_still"),
        ('msgid "Hold still"', 'msgid "Stand still"', "missing or unknown: prompts.hold_still"),
        (
            'msgctxt "prompts.hold_still"\nmsgid "Hold still"',
            'msgctxt "prompts.open_eyes"\nmsgid "Open your eyes"',
            "twice",
        ),
        ("Posez {finger} sur la vitre", "Posez {doigt} sur la vitre", "places to fill in"),
        ("Posez {finger} sur la vitre", "Posez le doigt sur la vitre", "places to fill in"),
        ('msgstr "Ne bougez plus"', 'msgstr "Ne bougez "plus"', "not a quoted text"),
        ('msgstr "Ne bougez plus"', 'msgstr "Ne bougez\\x plus"', "not a quoted text"),
        ('msgstr "Ne bougez plus"', "Ne bougez plus", "not understood"),
        ('msgstr "Ne bougez plus"\n', "", "must have msgstr"),
        ('msgstr[1] "{n} heures"\n', "", "must have msgstr[0], msgstr[1]"),
        ('"Language: fr\\n"', '"Language: de\\n"', "Language is not fr"),
        ("charset=utf-8", "charset=latin-1", "Content-Type"),
        ("plural=(n > 1)", "plural=__import__('os')", "Plural-Forms"),
        ("plural=(n > 1)", "plural=(n > )", "Plural-Forms"),
        ('msgid ""\nmsgstr ""\n', 'msgstr ""\n', "header"),
    ],
)
def test_a_catalogue_with_anything_amiss_is_refused_by_name(old: str, new: str, said: str) -> None:
    text = text_of("fr")
    assert old in text
    with pytest.raises(ConfigError) as caught:
        words.parse(text.replace(old, new, 1), "fr.po", head_of("fr"))
    assert caught.value.reason in (Reason.BAD_VALUE, Reason.MISSING_KEY)
    assert said in caught.value.what
    assert "fr.po" in caught.value.what


def test_texts_of_several_lines_and_escapes_are_read() -> None:
    text = (
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Plural-Forms: nplurals=1; plural=0;\\n"\n\n'
        '# A translator\'s comment.\nmsgctxt "a.b"\nmsgid ""\n"One \\"two\\"\\n"\n"three"\nmsgstr "\\\\x\\ty"\n'
    )
    assert catalogue.read(text, "xx.po").messages == {("a.b", 'One "two"\nthree'): ("\\x\ty",)}
