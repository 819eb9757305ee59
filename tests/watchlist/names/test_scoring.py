"""Two identities: what makes them one person's, and what doesn't."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspotd.watchlist.names.alignment import align
from hotspotd.watchlist.names.dates import DateAgreement, dates, packed_date
from hotspotd.watchlist.names.explanation import in_words
from hotspotd.watchlist.names.forms import NameForm, form, form_of
from hotspotd.watchlist.names.scoring import Agreement, Identity, Score, compare_names, name_log_odds, score

WORDS = st.sampled_from(
    [
        *("MOHAMMED", "Muhamad", "ALI", "Hassan", "bin", "al", "ibn", "Ivanovich", "Иванов", "王小明", "محمد", "J."),
        *("VAN", "Berg", "Bergmann", "عبد", "الله", "Κώστας", "Anna", "Ann"),
    ]
)
SURNAMES = st.sampled_from(["ANNA", "MARIA", "BERG", "KOVALENKO", "DUPONT", "NGUYEN", "OKONKWO"])
NAMES = st.lists(WORDS, min_size=1, max_size=7).map(" ".join) | st.text(max_size=40)


def likely(left: str, right: str) -> float:
    found = compare_names(form(left), form(right))
    assert found is not None
    return found[0]


def scored(left: Identity, right: Identity) -> Score:
    found = score(left, right)
    assert found is not None
    return found


def person(name: str, born: str | None = None, sex: str | None = None, nationality: str | None = None) -> Identity:
    return Identity((form(name),), born, sex, nationality)


@settings(max_examples=300, deadline=None)
@given(NAMES, NAMES)
def test_the_score_is_symmetric(left: str, right: str) -> None:
    one, other = score(person(left), person(right)), score(person(right), person(left))
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert one.probability == other.probability
        assert 0 < one.probability < 1


@settings(max_examples=200, deadline=None)
@given(NAMES)
def test_nothing_is_likelier_than_the_same_name(name: str) -> None:
    same = form(name)
    if same.tokens:
        alignment = align(same, same)
        assert (alignment.worst, alignment.missing) == (0, 0)


@settings(max_examples=200, deadline=None)
@given(st.lists(SURNAMES, unique=True, min_size=1))
def test_the_order_of_parts_does_not_count(parts: list[str]) -> None:
    turned = list(reversed(parts))
    assert likely(" ".join(parts), " ".join(turned)) == likely(" ".join(parts), " ".join(parts))


@settings(max_examples=200, deadline=None)
@given(NAMES, st.sampled_from(["KOWALCZYK", "OKONKWO", "PAPADAKIS"]))
def test_a_part_that_only_one_has_never_makes_it_likelier(name: str, more: str) -> None:
    if form(name).tokens:
        assert likely(name, f"{name} {more}") <= likely(name, name)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("MUHAMMED ALI", "Mohamed Aly"),
        ("PUTIN VLADIMIR", "Путин, Владимир Владимирович"),
        ("AL ASSAD BASHAR", "بشار الأسد"),
        ("WANG XIAOMING", "王小明"),
        ("MITSOTAKIS KYRIAKOS", "Κυριάκος Μητσοτάκης"),
        ("ALASSAD BASHAR", "Bashar al-Assad"),
        ("VANDERBERG JAN", "Jan van der Berg"),
        ("SMITH J", "John Smith"),
        ("SMITH BILL", "William Smith"),
        ("GARCIA MARQUEZ GABRIEL", "Garcia Marquez Gabriel Jose"),
    ],
)
def test_what_is_one_name_is_likelier_than_not(left: str, right: str) -> None:
    assert likely(left, right) > 0


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("OMAR BIN ALI", "ALI BIN OMAR"),
        ("SMITH JOHN", "SMITH PETER"),
        ("IVANOV SERGEY PETROVICH", "IVANOV SERGEY NIKOLAEVICH"),
        ("习近朋", "习近平"),
        ("SMITH J", "SMITH PETER"),
    ],
)
def test_what_are_two_names_is_not(left: str, right: str) -> None:
    assert likely(left, right) < 0


def test_a_name_cut_off_by_its_zone_is_not_missing_a_part() -> None:
    listed = form("PAPADOPOULOS, KONSTANTINOS ALEXANDROS DIMITRIOS")
    cut, short = form_of("PAPADOPOULOS", "KONSTANTINOS ALEX", cut=True), form_of("PAPADOPOULOS", "KONSTANTINOS ALEX")
    odds = [name_log_odds(align(one, listed)) for one in (cut, short)]
    assert odds[0] == pytest.approx(name_log_odds(align(listed, listed)))
    assert odds[1] < odds[0] - 1


@pytest.mark.parametrize(
    ("left", "right", "agreement"),
    [
        ("1974-08-12", "1974-08-12", DateAgreement.SAME),
        ("1974-08-12", "1974", DateAgreement.AS_FAR_AS_KNOWN),
        ("1974-08", "1974-08-12", DateAgreement.AS_FAR_AS_KNOWN),
        ("1974-01-01", "1974-08-12", DateAgreement.AS_FAR_AS_KNOWN),
        ("1974-01-01", "1974-01-01", DateAgreement.AS_FAR_AS_KNOWN),
        ("1974-08-12", "1974-12-08", DateAgreement.SWAPPED),
        ("1974-08-12", "1974-08-13", DateAgreement.ONE_PART),
        ("1974-08-12", "1975-08-12", DateAgreement.ONE_PART),
        ("1974-08-12", "1981-03-02", DateAgreement.DIFFERENT),
        ("1974", "1975-08-12", DateAgreement.DIFFERENT),
        (None, "1974-08-12", DateAgreement.UNKNOWN),
    ],
)
def test_dates_of_birth(left: str | None, right: str | None, agreement: DateAgreement) -> None:
    assert dates(left, right) is agreement
    assert dates(right, left) is agreement


def test_a_date_as_one_number() -> None:
    assert packed_date("1974-08-12") == 19740812
    assert packed_date("1974-01-01") == 19740000
    assert packed_date(None) == 0


def test_more_that_agrees_is_likelier_and_more_that_differs_less_so() -> None:
    me = person("ERIKSSON, ANNA", "1974-08-12", "F", "SWE")
    order = [
        person("ERIKSSON, ANNA", "1974-08-12", "F", "SWE"),
        person("ERIKSSON, ANNA", "1974-08-12"),
        person("ERIKSSON, ANNA", "1974-12-08"),
        person("ERIKSSON, ANNA"),
        person("ERIKSSON, ANNA", "1974-08-13"),
        person("ERIKSSON, ANNA", "1981-03-02"),
        person("ERIKSSON, ANNA", "1981-03-02", "M", "FIN"),
    ]
    found = [scored(me, other).probability for other in order]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == len(found)
    assert found[2] > 0.9 > found[3]
    assert found[5] < 0.05


def test_a_name_that_many_bear_says_less() -> None:
    me, other = person("ALI, MOHAMMED", "1974"), person("ALI, MOHAMMED", "1974-08-12")
    found = [score(me, other, crowd=crowd) for crowd in (1, 4, 60)]
    assert all(found)
    scores = [one.probability for one in found if one]
    assert scores[0] > scores[1] > 0.8 > scores[2]
    assert "some 60 listed people have such a name" in in_words(found[2])  # type: ignore[arg-type]
    assert "listed people" not in in_words(found[1])  # type: ignore[arg-type]


def test_a_date_makes_no_one_of_quite_another_name() -> None:
    found = scored(
        person("KOWALCZYK, PIOTR", "1974-08-12", "M", "POL"), person("NGUYEN, VAN", "1974-08-12", "M", "POL")
    )
    assert found.probability < 0.01


def test_a_nationality_is_read_as_zones_and_lists_write_it() -> None:
    german = person("BERG, ANNA", nationality="D")
    assert scored(german, person("BERG, ANNA", nationality="DEU")).nationality is Agreement.SAME
    assert scored(german, person("BERG, ANNA", nationality="XXA")).nationality is Agreement.UNKNOWN
    assert scored(german, person("BERG, ANNA", sex="<")).sex is Agreement.UNKNOWN


def test_the_likest_of_all_names_counts() -> None:
    listed = Identity((form("UNKNOWN, X"), form("Эрикссон, Анна"), form("OTHER, NAME")))
    assert scored(person("ERIKSSON, ANNA"), listed).right == form("Эрикссон, Анна")
    assert score(person("ERIKSSON"), Identity((NameForm(()),))) is None


@pytest.mark.parametrize(
    ("left", "right", "words"),
    [
        ("ERIKSSON, ANNA", "ERIKSSON, ANNA", ["Same name"]),
        ("MUHAMMED, ALI", "MOHAMED, ALI", ["Surname written differently: MUHAMMED / MOHAMED"]),
        ("ALI HASAN", "HASAN ALI", ["arts in another order"]),
        ("BERG, J", "BERG, JAN", ["Given name by its initial only: J / JAN"]),
        ("BERG, JAN PIET", "BERG, JAN", ["PIET not listed"]),
        ("BERG, JAN", "BERG, JAN PIET", ["PIET listed, not given"]),
        ("VANDERBERG JAN", "VAN DER BERG JAN", ["written in one word and in several: VANDERBERG / VAN DER BERG"]),
        ("SMITH, JOHN", "SMITH, PETER", ["Another given name: JOHN / PETER"]),
        ("习近朋", "习近平", ["JINPENG / JINPING"]),
        ("王小明", "王晓明", ["in other characters: 小明 / 晓明"]),
        ("OMAR BIN ALI", "ALI BIN OMAR", ["father"]),
    ],
)
def test_the_score_in_words(left: str, right: str, words: list[str]) -> None:
    told = in_words(scored(person(left, "1980-04-03", "M"), person(right, "1980-03-04", "M")))
    for one in words:
        assert one in told
    assert "day and month exchanged" in told
    assert "same sex" in told
    assert "nationality" not in told


def test_the_words_say_where_a_name_was_cut_and_under_which_it_is_listed() -> None:
    cut = Identity((form_of("PAPADOPOULOS", "KONSTANTINOS ALEX", cut=True),))
    told = in_words(scored(cut, person("PAPADOPOULOS, KONSTANTINOS ALEXANDROS")), through="Παπαδόπουλος")
    assert "given name cut off: ALEX / ALEXANDROS" in told.lower().replace("alex / alexandros", "ALEX / ALEXANDROS")
    assert "(listed as Παπαδόπουλος)" in told
