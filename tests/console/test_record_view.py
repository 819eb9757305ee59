"""What an officer is shown of a record: warnings, a diffusion's words, other names, dates and where it came from."""

from __future__ import annotations

import pytest

from hotspotd.console import record_view
from hotspotd.console.alert_view import comparisons
from hotspotd.domain.candidate import NameKind, OtherName
from hotspotd.domain.caution import Caution
from hotspotd.domain.document import parse_mrz
from hotspotd.domain.notice import Notice
from tests.console.kiosk import record

TODAY = "2026-11-22"


def values(**fields: object) -> dict[str, str]:
    return {fact.label: fact.value for fact in record_view.facts_of(record(**fields), TODAY)}


def test_every_warning_is_told_the_lists_own_words_last() -> None:
    listed = record(cautions=tuple(Caution), caution_note="Bites")
    words = record_view.cautions_of(listed)
    assert len(words) == len(Caution) + 1
    assert words[0] == "May be armed"
    assert words[-1] == "Bites"
    assert record_view.cautions_of(record()) == ()


def test_a_diffusion_is_not_called_a_notice() -> None:
    listed = record(Notice.RED, diffusion=True)
    assert record_view.heading_of(listed) == "Red diffusion"
    assert "The diffusion is not itself a warrant" in record_view.instruction_of(listed)
    assert record_view.heading_of(record(Notice.RED)) == "Red notice"
    assert record_view.heading_of(record(Notice.NATIONAL, diffusion=True)) == "National record"


@pytest.mark.parametrize("notice", list(Notice))
def test_every_notice_says_what_it_is_for(notice: Notice) -> None:
    assert values(notice=notice)["Purpose"] == notice.purpose
    assert values(notice=notice, purpose="To find a witness")["Purpose"] == "To find a witness"


def test_names_dates_and_origin_are_told_in_words() -> None:
    names = (
        OtherName(surname="DOE", given_names="ANN"),
        OtherName(full="Nan", kind=NameKind.WEAK),
        OtherName(full="Анна", kind=NameKind.ORIGINAL),
    )
    found = values(other_names=names, source="un-sc", since="2012-12-31", expires="2030-01-02", bureau="NCB Utopia")
    assert found["Also known as"] == "ANN DOE"
    assert found["Perhaps also"] == "Nan"
    assert found["In original script"] == "Анна"
    assert found["Listed"] == "since 31 Dec 2012, from un-sc"
    assert found["Expires"] == "2 Jan 2030"
    assert found["Contact"] == "NCB Utopia"


@pytest.mark.parametrize(("review", "care"), [("2026-11-21", True), ("2026-11-22", False), ("2027-01-01", False)])
def test_a_review_that_is_overdue_wants_a_second_look(review: str, care: bool) -> None:
    (fact,) = (one for one in record_view.facts_of(record(review=review), TODAY) if one.label == "Review")
    assert fact.care is care


def test_one_of_several_dates_and_nationalities_is_enough_to_agree() -> None:
    document = parse_mrz(
        ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
    )
    listed = record(
        birth_date="1970", other_birth_dates=("1974-08-12",), nationality="FIN", other_nationalities=("SWE",)
    )
    found = {one.label: one for one in comparisons(document, listed, 2026)}
    assert (found["Date of birth"].record, found["Date of birth"].differs) == ("1970 / 1974-08-12", False)
    assert (found["Nationality"].record, found["Nationality"].differs) == ("FIN / SWE", True)
