"""What makes two numbers the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspotd.watchlist.numbers import Kind, issuer_code, normal_form
from hotspotd.watchlist.numbers.normal import LONGEST, plain, readings


@pytest.mark.parametrize(
    ("kind", "issuer", "one", "other"),
    [
        (Kind.DOCUMENT, "UTO", "L898902C3", "l898 902-c3<"),
        (Kind.DOCUMENT, "UTO", "O1I0", "0110"),
        (Kind.DOCUMENT, "HRV", "7007007", "007007007"),
        (Kind.DOCUMENT, "HRV", "OO7007007", "7007007"),
        (Kind.VEHICLE, "SVN", "LJ 12-OK1", "lj120k1"),
        (Kind.VEHICLE, "SRB", "БГ 123", "БГ-123"),
        (Kind.VEHICLE, "UKR", "АВ 1234 КХ", "AB1234KX"),
        (Kind.VEHICLE, "D", "TÜ XY 1", "TU-XY 1"),
        (Kind.VEHICLE, "EGY", "١٢٣", "123"),
        (Kind.VIN, "", "1HGCM82633A0O4352", "1HGCM82633AQ04352"),
        (Kind.VESSEL, "", "IMO 9074729", "9074729"),
        (Kind.FIREARM, "", "B-4711", "b4711"),
    ],
)
def test_two_ways_of_writing_one_number(kind: Kind, issuer: str, one: str, other: str) -> None:
    assert normal_form(kind, one, issuer) == normal_form(kind, other, issuer) is not None


@pytest.mark.parametrize(
    ("kind", "issuer", "one", "other"),
    [
        (Kind.DOCUMENT, "UTO", "7007007", "007007007"),  # No rule for this issuer.
        (Kind.DOCUMENT, "HRV", "A7007007", "A07007007"),  # Not all digits.
        (Kind.DOCUMENT, "HRV", "0007007007", "007007007"),  # Longer than the issuer's are.
        (Kind.VEHICLE, "CHN", "京A12345", "沪A12345"),
        (Kind.FIREARM, "", "B04711", "B4711"),
    ],
)
def test_two_numbers(kind: Kind, issuer: str, one: str, other: str) -> None:
    assert normal_form(kind, one, issuer) != normal_form(kind, other, issuer)


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (Kind.DOCUMENT, "<<< -"),
        (Kind.VEHICLE, ""),
        (Kind.VIN, "1234"),
        (Kind.VIN, "1" * 18),
        (Kind.PART, "A" * 41),
    ],
)
def test_what_cannot_be_a_number_has_no_form(kind: Kind, number: str) -> None:
    assert normal_form(kind, number, "") is None


def test_an_issuer_is_compared_as_in_a_zone_and_only_where_the_kind_has_one() -> None:
    assert issuer_code(Kind.DOCUMENT, "deu") == issuer_code(Kind.DOCUMENT, "D<<") == "D"
    assert issuer_code(Kind.VIN, "D") == ""


def test_a_check_digit_may_be_given_or_not() -> None:
    assert list(readings(Kind.DOCUMENT, "L898902C3", "UTO")) == ["L898902C3", "L898902C36"]
    assert "L898902C3" in readings(Kind.DOCUMENT, "L898902C36", "UTO")
    assert "L898902C3" not in readings(Kind.DOCUMENT, "L898902C35", "UTO")
    assert len(readings(Kind.VEHICLE, "12345", "SVN")) == 1


@given(st.sampled_from(Kind), st.text(max_size=60), st.sampled_from(["", "UTO", "HRV", "D"]))
def test_a_normal_form_is_its_own_and_bounded(kind: Kind, number: str, issuer: str) -> None:
    form = normal_form(kind, number, issuer)
    if form is not None:
        assert 0 < len(form) <= LONGEST
        assert normal_form(kind, form, issuer) == form
        assert form in readings(kind, number, issuer)


@given(st.lists(st.text(st.characters(exclude_characters="\n"), max_size=20), min_size=1, max_size=8))
def test_many_at_once_are_what_they_are_one_by_one(numbers: list[str]) -> None:
    assert plain("\n".join(numbers)).split("\n") == [plain(number) for number in numbers]
