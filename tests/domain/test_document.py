"""Machine readable zones of ICAO 9303: its specimens, what is unusual and valid, and what is wrong."""

from __future__ import annotations

import string

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspotd.domain.document import Document, DocumentFormat, check_digit, parse_mrz
from hotspotd.errors import DocumentError, Reason
from tests.domain.zones import CHECKED, Zone, value, zones

TD3 = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
TD1 = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
TD2 = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")
MRVA = ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<")
MRVB = ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<")
SPECIMENS = {
    DocumentFormat.TD3: (TD3, "P", "L898902C3", "UTO", "740812", "120415", "ZE184226B"),
    DocumentFormat.TD1: (TD1, "I", "D23145890", "UTO", "740812", "120415", ""),
    DocumentFormat.TD2: (TD2, "I", "D23145890", "UTO", "740812", "120415", ""),
    DocumentFormat.MRVA: (MRVA, "V", "L8988901C", "XXX", "400907", "961210", "6ZE184226B"),
    DocumentFormat.MRVB: (MRVB, "V", "L8988901C", "XXX", "400907", "961210", ""),
}


@pytest.mark.parametrize("layout", SPECIMENS)
def test_reads_the_specimens(layout: DocumentFormat) -> None:
    lines, code, number, nationality, born, expires, optional = SPECIMENS[layout]
    document = parse_mrz(lines)
    assert document == Document(
        format=layout,
        code=code,
        issuer="UTO",
        number=number,
        surname="ERIKSSON",
        given_names="ANNA MARIA",
        nationality=nationality,
        birth_date=born,
        sex="F",
        expiry_date=expires,
        optional=optional,
        mrz=lines,
    )
    assert document.sound


def test_lines_are_read_with_spaces_around_empty_lines_between_and_in_lower_case() -> None:
    assert parse_mrz((" " + TD3[0].lower(), "", TD3[1] + "\r")) == parse_mrz(TD3)


# ------------------------------------------------------------------------------------------- unusual, and valid


def td1_with_number(first_line: str) -> tuple[str, str, str]:
    """A TD1 with this first line, its composite check digit made to match."""
    first = f"{first_line:<<30}"
    second = TD1[1][:29]
    composite = check_digit(first[5:30] + second[0:7] + second[8:15] + second[18:29])
    return first, second + composite, TD1[2]


def test_a_td1_number_of_more_than_nine_characters_goes_on_in_the_optional_data() -> None:
    # 9303-5, 4.2.4: D23145890 734, check digit 9.
    document = parse_mrz(td1_with_number("I<UTOD23145890<7349"))
    assert document.number == "D23145890734"
    assert document.sound
    assert document.optional == ""


def test_optional_data_behind_a_long_td1_number_is_told_apart_from_it() -> None:
    document = parse_mrz(td1_with_number("I<UTOD23145890<7349<AB12"))
    assert (document.number, document.optional) == ("D23145890734", "AB12")
    assert document.sound


def test_a_wrong_check_digit_of_a_long_number_is_named() -> None:
    assert parse_mrz(td1_with_number("I<UTOD23145890<7340")).failed_checks == ("number",)


def test_a_td1_without_a_number_has_none() -> None:
    document = parse_mrz(td1_with_number("I<UTO<<<<<<<<<<"))
    assert document.number == ""
    assert document.sound


@pytest.mark.parametrize(
    ("printed", "born"),
    [("740812", "1974-08-12"), ("7408<<", "1974-08"), ("74<<<<", "1974"), ("<<<<<<", None), ("<<0812", None)],
)
def test_unknown_parts_of_a_date_of_birth_stay_unknown(printed: str, born: str | None) -> None:
    second = f"L898902C36UTO{printed}{check_digit(printed)}F1204159ZE184226B<<<<<1"
    composite = check_digit(second[0:10] + second[13:20] + second[21:43])
    document = parse_mrz((TD3[0], second + composite))
    assert document.sound
    assert document.born(2026) == born


def test_two_digit_years_are_the_latest_possible_birth_and_at_most_fifty_years_of_validity() -> None:
    document = msgspec.structs.replace(parse_mrz(TD3), birth_date="260101", expiry_date="761231")
    assert document.born(2026) == "2026-01-01"
    assert document.born(2025) == "1926-01-01"
    assert document.expires(2026) == "2076-12-31"
    assert document.expires(2025) == "1976-12-31"


@pytest.mark.parametrize(
    ("printed", "born"),
    [
        ("741301", "1974"),
        ("740012", "1974"),
        ("74<<12", "1974"),
        ("740230", "1974-02"),
        ("750229", "1975-02"),
        ("760229", "1976-02-29"),
        ("740800", "1974-08"),
        ("740<12", "1974"),
        ("7A0812", None),
    ],
)
def test_a_day_that_does_not_exist_is_reduced_to_what_does(printed: str, born: str | None) -> None:
    assert msgspec.structs.replace(parse_mrz(TD3), birth_date=printed).born(2026) == born


@pytest.mark.parametrize("issuer", ["D", "XXA", "XXB", "XXC", "XXX", "UNO", "UNA", "XPO", "XCE", "XMP", "IAO", "EUE"])
def test_issuers_outside_iso_3166_are_valid(issuer: str) -> None:
    document = parse_mrz((f"P<{issuer:<<3}" + TD3[0][5:], TD3[1]))
    assert document.issuer == issuer
    assert document.sound


@pytest.mark.parametrize(
    ("field", "surname", "given_names"),
    [
        ("ERIKSSON<<ANNA<MARIA", "ERIKSSON", "ANNA MARIA"),
        ("ERIKSSON", "ERIKSSON", ""),
        ("VAN<DER<MUELLEN<<ANNA", "VAN DER MUELLEN", "ANNA"),
        ("NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K", "NILAVADHANANANDA", "CHAYAPA DEJTHAMRONG K"),
        ("<<ANNA", "", "ANNA"),
        ("", "", ""),
    ],
)
def test_names_are_split_at_the_double_filler(field: str, surname: str, given_names: str) -> None:
    document = parse_mrz((f"P<UTO{field:<<39}", TD3[1]))
    assert (document.surname, document.given_names) == (surname, given_names)


def test_an_optional_field_without_content_may_have_a_filler_or_a_zero_as_check_digit() -> None:
    for digit in "<0":
        second = TD3[1][:28] + "<" * 14 + digit
        composite = check_digit(second[0:10] + second[13:20] + second[21:43])
        assert parse_mrz((TD3[0], second + composite)).sound


# --------------------------------------------------------------------------------------------------------- wrong


@pytest.mark.parametrize(
    ("lines", "line", "place", "failed"),
    [
        (TD3, 1, 9, ("number", "composite")),
        (TD3, 1, 19, ("birth_date", "composite")),
        (TD3, 1, 27, ("expiry_date", "composite")),
        (TD3, 1, 42, ("optional", "composite")),
        (TD3, 1, 43, ("composite",)),
        (TD2, 1, 9, ("number", "composite")),
        (TD2, 1, 19, ("birth_date", "composite")),
        (TD2, 1, 27, ("expiry_date", "composite")),
        (TD2, 1, 35, ("composite",)),
        (TD1, 0, 14, ("number", "composite")),
        (TD1, 1, 6, ("birth_date", "composite")),
        (TD1, 1, 14, ("expiry_date", "composite")),
        (TD1, 1, 29, ("composite",)),
        (MRVA, 1, 9, ("number",)),
        (MRVA, 1, 19, ("birth_date",)),
        (MRVB, 1, 27, ("expiry_date",)),
    ],
)
def test_each_wrong_check_digit_is_named(
    lines: tuple[str, ...], line: int, place: int, failed: tuple[str, ...]
) -> None:
    changed = list(lines)
    text = changed[line]
    changed[line] = text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :]
    document = parse_mrz(tuple(changed))
    assert document.failed_checks == failed
    assert not document.sound


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("",),
        ("P<UTO",),
        (TD3[0],),
        (TD3[0], TD3[1], TD3[1]),
        (TD3[0], TD3[1][:-1]),
        (TD1[0], TD1[1]),
        (TD3[0].replace("ANNA", "ÄNNA"), TD3[1]),
        (TD3[0].replace("<<", "  "), TD3[1]),
        (TD3[0].replace("SS", "ß"), TD3[1]),
        (TD3[0].replace("I", "ı"), TD3[1]),
        (TD3[0], TD3[1].replace("F", "\x00")),
        (TD3[0], TD3[1].replace("7", "７")),
    ],
)
def test_what_has_no_layout_of_9303_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(DocumentError) as error:
        parse_mrz(lines)
    assert error.value.reason is Reason.BAD_MRZ


def test_an_error_holds_nothing_of_what_was_read() -> None:
    with pytest.raises(DocumentError) as error:
        parse_mrz((TD3[0], TD3[1] + "<"))
    assert "ERIKSSON" not in str(error.value)
    assert "L898902C3" not in str(error.value)


ZONE = string.ascii_uppercase + string.digits + "<"
# The same examples in every run, and no limit on time: the machine may be busy with other things.
seeded = settings(derandomize=True, deadline=None)
SHAPES = st.sampled_from([(30, 30, 30), (36, 36), (44, 44)])


def exercise(lines: tuple[str, ...]) -> Document | None:
    """Everything a reader's lines go through; only a DocumentError may come out of it."""
    try:
        document = parse_mrz(lines)
    except DocumentError:
        return None
    for year in (1970, 2026):
        document.born(year)
        document.expires(year)
    return document


@seeded
@given(st.lists(st.text(max_size=50), max_size=5))
def test_any_text_is_read_or_refused(lines: list[str]) -> None:
    exercise(tuple(lines))


@seeded
@given(SHAPES.flatmap(lambda shape: st.tuples(*(st.text(ZONE, min_size=n, max_size=n) for n in shape))))
def test_any_zone_of_the_right_shape_is_read(lines: tuple[str, ...]) -> None:
    document = exercise(lines)
    assert document is not None
    assert document.mrz == lines


@seeded
@given(
    st.sampled_from([TD3, TD1, TD2, MRVA, MRVB]),
    st.integers(0, 2),
    st.integers(0, 43),
    st.characters(codec="utf-8"),
)
def test_a_specimen_with_any_one_character_changed_is_read_or_refused(
    lines: tuple[str, ...], line: int, place: int, character: str
) -> None:
    changed = list(lines)
    line %= len(lines)
    text = changed[line]
    changed[line] = text[:place] + character + text[place + 1 :]
    exercise(tuple(changed))


@seeded
@given(st.text(ZONE, max_size=44))
def test_a_check_digit_is_one_digit(text: str) -> None:
    assert check_digit(text) in string.digits


# ------------------------------------------------------------------------------------------------ by construction


@seeded
@given(zones())
def test_any_valid_zone_is_sound_and_says_what_it_was_made_of(zone: Zone) -> None:
    document = parse_mrz(zone.lines)
    assert document == Document(
        format=zone.layout,
        code=zone.lines[0][0],
        issuer=zone.issuer,
        number=zone.number,
        surname=zone.surname,
        given_names=zone.given_names,
        nationality=zone.nationality,
        birth_date=zone.birth_date,
        sex=zone.sex.rstrip("<"),
        expiry_date=zone.expiry_date,
        optional=zone.optional,
        mrz=zone.lines,
    )


@seeded
@given(zones(), st.data())
def test_any_one_wrong_character_that_a_check_digit_can_see_is_seen(zone: Zone, data: st.DataObject) -> None:
    places = [(line, column) for line, start, end in CHECKED[zone.layout] for column in range(start, end)]
    line, column = data.draw(st.sampled_from(places))
    right = zone.lines[line][column]
    wrong = data.draw(st.sampled_from([sign for sign in ZONE if value(sign) != value(right)]))
    assert not parse_mrz(changed(zone.lines, line, column, wrong)).sound


@seeded
@given(zones(), st.data())
def test_a_letter_in_a_date_is_seen_though_the_check_digit_agrees(zone: Zone, data: st.DataObject) -> None:
    line, start = (1, 0) if zone.layout is DocumentFormat.TD1 else (1, 13)
    column = start + data.draw(st.integers(0, 5))
    same = [sign for sign in string.ascii_uppercase if value(sign) == value(zone.lines[line][column])]
    document = parse_mrz(changed(zone.lines, line, column, data.draw(st.sampled_from(same))))
    assert document.failed_checks == ("birth_date",)


def test_what_the_check_digits_cannot_see_is_no_secret() -> None:
    # 9303-3, 4.9: values that differ by ten weigh the same; in a number, which may hold both, nothing else tells them.
    assert parse_mrz(changed(TD3, 1, 1, "I")).sound
    assert value("8") == value("I")


def changed(lines: tuple[str, ...], line: int, column: int, sign: str) -> tuple[str, ...]:
    """The lines with one character in the place of another."""
    text = lines[line][:column] + sign + lines[line][column + 1 :]
    return (*lines[:line], text, *lines[line + 1 :])


def test_a_td2_number_of_more_than_nine_characters_goes_on_in_the_optional_data() -> None:
    second = "D23145890<UTO7408122F1204159" + "7349<<<"
    document = parse_mrz((TD2[0], second + check_digit(second[0:10] + second[13:20] + second[21:35])))
    assert (document.number, document.optional, document.sound) == ("D23145890734", "", True)


def test_optional_data_behind_an_empty_number_is_no_part_of_it() -> None:
    document = parse_mrz(td1_with_number("I<UTO<<<<<<<<<<AB12"))
    assert (document.number, document.optional, document.sound) == ("", "AB12", True)


def test_a_passport_and_a_visa_have_no_room_for_a_long_number() -> None:
    for lines in (TD3, MRVA, MRVB):
        assert "number" in parse_mrz((lines[0], lines[1][:9] + "<" + lines[1][10:])).failed_checks
