"""A name in any script as Latin tokens, and each token in the forms in which two spellings of it are compared.

Latin letters become those of a machine readable zone (ICAO 9303-3, section 6, table A). Other scripts are
transliterated: Arabic and Persian by the table below, since only there the article can be told from the word; Chinese
and Korean names are parted into surname and given name; all else by ``anyascii`` (ISC licence, pure Python). Everything
is pure, and never raises for any text.

Latin names are romanised by many rules. ``folded`` makes the same what they write differently: Mohammed and Muhamad,
-ov and -off, Yu and Iu, kh and h, ou and u. It takes apart less than the ear does; the spelling counts beside it.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from anyascii import anyascii

from hotspotd.domain.document import Document, DocumentFormat
from hotspotd.watchlist.names.parts import (
    COMPOUND_SURNAMES,
    HANGUL_SURNAMES,
    PARTICLES,
    PATRONYMIC_ENDINGS,
    SHORT_FORMS,
    TITLES,
)

MOST_CHARACTERS: Final = 200
"""What is longer is cut: no zone, list or register holds a longer name of one person."""
MOST_TOKENS: Final = 12
"""Tokens of one name that are compared; the full names of the Arab world and Brazil have up to ten."""


class Kind(StrEnum):
    """What part of a name a token is."""

    NAME = "name"
    PATRONYMIC = "patronymic"
    PARTICLE = "particle"
    INITIAL = "initial"


class Token(NamedTuple):
    """One part of a name.

    ``text`` has letters A-Z only, 1 to 40. ``folded`` is the same for spellings that differ by romanisation; ``bones``
    are its consonants. ``stem`` stands for all short and sister forms of a given name, and is the folded text where
    none is known. ``bare``: from a script that writes no short vowels, so that only bones can be compared.
    ``characters``: as written, where that is Chinese or Korean: names may sound alike there and be different ones.
    """

    text: str
    kind: Kind
    folded: str
    bones: str
    stem: str
    bare: bool = False
    characters: str = ""


class NameForm(NamedTuple):
    """A name as tokens in the order they were written. ``tokens`` may be empty: a name of signs alone is none.

    The first ``surnames`` tokens are the surname; 0 where that is not known. ``cut``: the last token may be the
    beginning of a longer one and more may have followed: the zone was too short for the name (ICAO 9303-3, 4.6).
    """

    tokens: tuple[Token, ...]
    surnames: int = 0
    cut: bool = False

    @property
    def text(self) -> str:
        """The tokens' Latin text: ``OSAMA BIN LADEN``."""
        return " ".join(token.text for token in self.tokens)


_ARABIC = str.maketrans(
    {
        "ا": "a", "أ": "a", "إ": "i", "آ": "a", "ٱ": "a", "ب": "b", "پ": "p", "ت": "t", "ث": "th", "ج": "j",
        "چ": "ch", "ح": "h", "خ": "kh", "د": "d", "ذ": "d", "ر": "r", "ز": "z", "ژ": "zh", "س": "s", "ش": "sh",
        "ص": "s", "ض": "d", "ط": "t", "ظ": "z", "ع": "a", "غ": "gh", "ف": "f", "ق": "q", "ك": "k", "ک": "k",
        "گ": "g", "ل": "l", "م": "m", "ن": "n", "ه": "h", "ة": "a", "و": "u", "ؤ": "u", "ي": "i", "ی": "i",
        "ى": "a", "ئ": "i", "ء": "", "ٹ": "t", "ڈ": "d", "ڑ": "r", "ں": "n", "ہ": "h", "ھ": "h", "ے": "i",
        "\u0640": "", "\u200c": " ", "\u200d": "",
    }
)  # fmt: skip
# ICAO 9303-3, section 6, table A: the letters whose transliteration is not the bare letter, and is not anyascii's.
_ZONE = str.maketrans(
    {"Ä": "AE", "Å": "AA", "Æ": "AE", "Đ": "D", "Ð": "D", "Ĳ": "IJ", "Ö": "OE", "Ø": "OE", "Œ": "OE", "Ü": "UE"}
)
_ARABIC_LETTER = re.compile(r"[\u0600-\u06ff]")
_ARTICLE = re.compile(r"(?<![\u0600-\u06ff])ال(?=[\u0600-\u06ff]{2})")
_NO_VOWELS = re.compile(r"[\u0590-\u06ff]")
_BETWEEN = re.compile(r"[\s<,.;:/()\"・=‐‑–—-]+|[·‧](?![\u3400-\u9fff])")
_HAN = re.compile(r"[\u3400-\u9fff]{2,4}")
_HANGUL = re.compile(r"[\uac00-\ud7a3]{2,4}")
_MARKS = str.maketrans(dict.fromkeys("'’‘`ʼʻʿʾ´\u00ad", ""))
_WORD_WITH_DIGITS = re.compile(r"[A-Z][0-9]|[0-9][A-Z]")
_DIGITS_READ = str.maketrans("01345", "OIEAS")
_LETTERS = re.compile(r"[A-Z]+")
_TOKEN_LETTERS = 40

_FOLDS = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (r"(OFF|OW)$", "OV"), (r"EFF$", "EV"), (r"(SKII|SKIY|SKYI|SKYY|SKIJ|SKJ)$", "SKI"),
        (r"^HS", "X"), (r"TSCH|TCH|TSH", "C"),
        (r"SCH|SHCH|SZ", "X"), (r"CZ", "C"), (r"SH", "X"), (r"DZH|DJ|ZH", "J"), (r"CH", "C"),
        (r"PH", "F"), (r"KH", "H"), (r"GH|GU(?=[EI])", "G"), (r"TH", "T"), (r"DH", "D"), (r"BH", "B"),
        (r"CK|QU|Q", "K"), (r"C(?=[AOUKLRT])", "K"), (r"TS|TZ", "Z"),
        (r"OU|OO|UE|UW", "U"), (r"EE|IE|IY|YI|EY|EI|AY|AI|II|IJ|EJ", "I"), (r"OE|AU|AW", "O"), (r"AE", "A"),
        (r"[IY](?=[UAOE])", ""), (r"Y", "I"), (r"W", "V"), (r"H$", ""), (r"(.)\1+", r"\1"), (r"O", "U"), (r"E", "I"),
        (r"(.)\1+", r"\1"),
    )
)  # fmt: skip
_VOWELS = re.compile(r"[AEIOUY]")


def form(text: str) -> NameForm:
    """``text``, a name in any script, as tokens without titles. ``SURNAME, given`` says which is the surname."""
    surname, comma, given = text.partition(",")
    if comma and surname.strip() and given.strip():
        return form_of(surname, given)
    return NameForm(_tokens(text))


def form_of(surname: str, given_names: str, *, cut: bool = False) -> NameForm:
    """A name whose surname is known, or all of it where there are no given names."""
    first, then = _tokens(surname), _tokens(given_names)
    tokens = (first + then)[:MOST_TOKENS]
    return NameForm(tokens, len(first) if then else 0, cut and len(tokens) == len(first + then))


def form_of_document(document: Document) -> NameForm:
    """The name in a machine readable zone. One that fills its field to the last character counts as cut."""
    line, begin = (2, 0) if document.format is DocumentFormat.TD1 else (0, 5)
    full = len(document.mrz) > line and not document.mrz[line][begin:].endswith("<")
    return form_of(document.surname, document.given_names, cut=full)


def _tokens(text: str) -> tuple[Token, ...]:
    tokens = [one for word in _words(text[:MOST_CHARACTERS]) for one in _of_word(word)]
    kept = [one for one in tokens if one.text not in TITLES]
    return tuple((kept or tokens)[:MOST_TOKENS])


def _words(text: str) -> list[str]:
    if not text.isascii():
        text = _ARTICLE.sub("ال ", unicodedata.normalize("NFKC", text))
    return [word for word in _BETWEEN.split(text.translate(_MARKS)) if word]


def _of_word(word: str) -> list[Token]:
    """The tokens of one written word: two where surname and given name are written together."""
    if word.isascii():
        return _made(word)
    if "·" in word:  # A foreign name in Chinese: each part is whole.
        return [made for part in word.split("·") for made in _made(anyascii(part), characters=part)]
    if _HAN.fullmatch(word):
        end = 2 if len(word) > 2 and word[:2] in COMPOUND_SURNAMES else 1
        return [made for part in (word[:end], word[end:]) for made in _made(anyascii(part), characters=part)]
    if _HANGUL.fullmatch(word):
        surname = HANGUL_SURNAMES.get(word[0], anyascii(word[0]))
        return _made(surname, characters=word[0]) + _made(anyascii(word[1:]), characters=word[1:])
    bare = bool(_NO_VOWELS.search(word))
    made = _made(_latin(word))
    return [one if one.kind is Kind.PARTICLE else one._replace(bare=True) for one in made] if bare else made


def _made(latin: str, *, characters: str = "") -> list[Token]:
    capitals = latin.upper()
    if _WORD_WITH_DIGITS.search(capitals):
        capitals = capitals.translate(_DIGITS_READ)  # Zero for O and one for I, as optical readers and jokers write.
    found = [letters[:_TOKEN_LETTERS] for part in capitals.split() if (letters := "".join(_LETTERS.findall(part)))]
    return [token(one)._replace(characters=characters) if characters else token(one) for one in found]


def _latin(word: str) -> str:
    if _ARABIC_LETTER.search(word):
        bare = "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
        return anyascii(unicodedata.normalize("NFC", bare).translate(_ARABIC))
    return anyascii(unicodedata.normalize("NFC", word).upper().translate(_ZONE))


@lru_cache(maxsize=16_384)
def token(text: str) -> Token:
    """``text`` (letters A-Z) as a token with its forms."""
    fold = folded(text)
    stem = SHORT_FORMS.get(text)
    return Token(text, _kind(text), fold, bones(fold), folded(stem) if stem else fold)


def _kind(text: str) -> Kind:
    if text in PARTICLES:
        return Kind.PARTICLE
    if len(text) == 1:
        return Kind.INITIAL
    if len(text) > 6 and text.endswith(PATRONYMIC_ENDINGS):
        return Kind.PATRONYMIC
    return Kind.NAME


def folded(text: str) -> str:
    """``text`` (letters A-Z) so that usual romanisations of one name are the same or nearly; never empty."""
    fold = text
    for pattern, by in _FOLDS:
        fold = pattern.sub(by, fold)
    return fold or text


def bones(fold: str) -> str:
    """The consonants of a folded text, what a script without vowels shows; the text itself where there are none."""
    return re.sub(r"(.)\1+", r"\1", _VOWELS.sub("", fold)) or fold
