"""Names of any script as Latin tokens."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspotd.domain.document import parse_mrz
from hotspotd.watchlist.names.forms import MOST_TOKENS, Kind, folded, form, form_of, form_of_document


@pytest.mark.parametrize(
    ("written", "latin"),
    [
        ("Müller-Åse", "MUELLER AASE"),
        ("Николай Щербаков", "NIKOLAY SHCHERBAKOV"),
        ("Κυριάκος Μητσοτάκης", "KYRIAKOS MITSOTAKIS"),
        ("محمد السوداني", "MHMD AL SUDANI"),
        ("王小明", "WANG XIAOMING"),
        ("欧阳修", "OUYANG XIU"),
        ("贝拉克·奥巴马", "BEILAKE AOBAMA"),
        ("김종은", "KIM JONGEUN"),
        ("バラク・オバマ", "BARAKU OBAMA"),
        ("ʿAbd al-Raḥmān O'Neill", "ABD AL RAHMAN ONEILL"),
        ("PET3R SM1TH", "PETER SMITH"),
        ("Dr. Anna Berg, MSc", "ANNA BERG MSC"),
        ("Mr", "MR"),
        ("12 - ?", ""),
    ],
)
def test_every_script_becomes_the_letters_of_a_machine_readable_zone(written: str, latin: str) -> None:
    assert form(written).text == latin


@pytest.mark.parametrize(
    "spellings",
    [
        ("MOHAMMED", "MOHAMMED", "MUHAMMED", "MOHAMED"),
        ("IVANOV", "IVANOFF", "IWANOW"),
        ("YURI", "IURI", "IURII"),
        ("KHALED", "HALED"),
        ("YOUSSEF", "YUSEF"),
        ("MUELLER", "MULLER"),
        ("SHEVCHENKO", "SCHEVTCHENKO"),
        ("DZHAMAL", "DJAMAL", "JAMAL"),
        ("HSI", "XI"),
        ("PHILIPP", "FILIP"),
    ],
)
def test_usual_romanisations_of_one_name_fold_into_one(spellings: tuple[str, ...]) -> None:
    assert len({folded(one) for one in spellings}) == 1


def test_parts_of_a_name_are_told_apart() -> None:
    kinds = [one.kind for one in form("V. Ivanovich van Putin").tokens]
    assert kinds == [Kind.INITIAL, Kind.PATRONYMIC, Kind.PARTICLE, Kind.NAME]
    assert form("Smith, John").surnames == 1
    assert form("John Smith").surnames == 0
    assert form_of("de la Cruz", "Juan").surnames == 3


def test_a_zone_that_is_full_is_a_name_cut_off() -> None:
    second = "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
    full = "P<UTO" + "PAPADOPOULOS<<KONSTANTINOS<ALEXANDROS<DIMITRIOS"[:39]
    cut = form_of_document(parse_mrz((full, second)))
    assert cut.cut
    assert cut.text == "PAPADOPOULOS KONSTANTINOS ALEXANDROS D"
    whole = form_of_document(parse_mrz((f"{'P<UTOERIKSSON<<ANNA<MARIA':<<44}", second)))
    assert not whole.cut
    assert (whole.text, whole.surnames) == ("ERIKSSON ANNA MARIA", 1)
    lines = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNAMARIA<ELISABETHA")
    assert form_of_document(parse_mrz(lines)).cut


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_no_text_raises_and_all_tokens_are_letters(text: str) -> None:
    found = form(text)
    assert len(found.tokens) <= MOST_TOKENS
    for one in found.tokens:
        for letters in (one.text, one.folded, one.bones, one.stem):
            assert letters.isascii()
            assert letters.isupper()
            assert letters.isalpha()
            assert len(letters) <= 40
