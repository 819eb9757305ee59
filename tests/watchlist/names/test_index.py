"""The short list of names: what is in it, what it is read from, and what happens when that is damaged."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from random import Random

import made_names
import numpy as np
import pytest

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.names.candidates import MOST_LISTED, NameIndex
from hotspotd.watchlist.names.forms import NameForm, form, form_of
from hotspotd.watchlist.names.index_file import HEADER_BYTES, NameIndexWriter, keys, pair_codes

PEOPLE = 300


@pytest.fixture(scope="module")
def people() -> list[made_names.Made]:
    """Made-up people of many cultures."""
    return list(islice(made_names.people(PEOPLE, 7), PEOPLE))


@pytest.fixture(scope="module")
def path(people: list[made_names.Made], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their index."""
    path = tmp_path_factory.mktemp("names") / "names.index"
    writer = NameIndexWriter()
    for number, person in enumerate(people):
        writer.add(number, [form(name) for name in person.names], person.born or None)
    writer.write(path)
    return path


def everybody(index: NameIndex) -> np.ndarray:
    return np.ones(index.records, np.bool_)


def numbers(index: NameIndex, name: str, born: str | None = None) -> list[int]:
    return [one.record for one in index.search(form(name), born, everybody(index))]


def written(path: Path, *names: str, born: str | None = None) -> NameIndex:
    writer = NameIndexWriter()
    for number, name in enumerate(names):
        writer.add(number, [form(name)], born)
    writer.write(path)
    return NameIndex(path)


@pytest.mark.parametrize("how", made_names.PROBES)
def test_however_a_document_writes_a_listed_name_it_is_in_the_short_list(
    people: list[made_names.Made], path: Path, how: str
) -> None:
    index, rng = NameIndex(path), Random(3)
    found = 0
    for number, person in enumerate(people[:60]):
        surname, given, cut = made_names.probe(person, how, rng)
        probe = form_of(surname, given, cut=cut)
        found += number in {one.record for one in index.search(probe, person.born or None, everybody(index))}
    assert found >= 58


def test_a_name_in_its_own_script_is_found_by_its_latin_form(tmp_path: Path) -> None:
    names = ["Путин, Владимир", "محمد علي الجبوري", "Παπαδόπουλος, Γιώργος", "王小明", "김정은"]
    index = written(tmp_path / "names.index", *names)
    for number, latin in enumerate(
        ["VLADIMIR PUTIN", "MUHAMMAD ALI AL JUBOURI", "GIORGOS PAPADOPOULOS", "WANG XIAOMING", "KIM JONGEUN"]
    ):
        assert numbers(index, latin)[0] == number


def test_of_many_with_one_name_the_one_born_that_day_comes_first(tmp_path: Path) -> None:
    writer = NameIndexWriter()
    for number in range(500):
        writer.add(number, [form("MOHAMMED ALI")], f"{1950 + number // 12}-{1 + number % 12:02d}-15")
    writer.write(tmp_path / "names.index")
    index = NameIndex(tmp_path / "names.index")
    assert numbers(index, "MUHAMMAD ALI", "1970-05-15")[0] == 244
    assert len(numbers(index, "MUHAMMAD ALI", "1970-05-15")) == MOST_LISTED


def test_a_crowd_is_how_many_listed_names_are_as_like(tmp_path: Path) -> None:
    index = written(tmp_path / "names.index", *["MOHAMMED ALI"] * 30, "OKONKWO CHINEDU")
    common = index.search(form("MUHAMMAD ALI"), None, everybody(index))
    (rare,) = index.search(form("CHINEDU OKONKWO"), None, everybody(index))
    assert {one.crowd for one in common} == {30}
    assert rare.crowd == 1


def test_records_that_are_not_alive_take_nobodys_place(tmp_path: Path) -> None:
    index = written(tmp_path / "names.index", *["ERIKSSON ANNA"] * 200)
    alive = everybody(index)
    alive[:199] = False
    assert [one.record for one in index.search(form("ERIKSSON ANNA"), None, alive)] == [199]


def test_each_name_of_a_record_says_which_it_is(tmp_path: Path) -> None:
    writer = NameIndexWriter()
    writer.add(4, [form("FIRST NAME"), NameForm(()), form("OTHER ALIAS")], None)
    writer.write(tmp_path / "names.index")
    index = NameIndex(tmp_path / "names.index")
    assert index.records == 5
    assert index.search(form("OTHER ALIAS"), None, everybody(index)) == [(4, 2, 1)]
    with pytest.raises(ValueError, match="ascending"):
        writer.add(4, [form("AGAIN")], None)


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    index = written(tmp_path / "names.index")
    assert len(index) == index.records == 0
    assert index.search(form("ANNA"), None, everybody(index)) == []
    assert NameIndex(tmp_path / "names.index").search(NameForm(()), None, everybody(index)) == []


def test_a_name_of_particles_and_initials_alone_is_indexed(tmp_path: Path) -> None:
    index = written(tmp_path / "names.index", "AL J.", "BERG")
    assert numbers(index, "J. AL") == [0]
    assert keys(form("J. Berg")) == ["BIRG"]


def test_pairs_of_letters_know_the_ends_and_the_bones() -> None:
    assert len(pair_codes("ANA")) == 4
    assert set(pair_codes("ANA")).isdisjoint(pair_codes("~N"))


def test_the_same_people_make_the_same_file(people: list[made_names.Made], path: Path, tmp_path: Path) -> None:
    writer = NameIndexWriter()
    for number, person in enumerate(people):
        writer.add(number, [form(name) for name in person.names], person.born or None)
    writer.write(tmp_path / "again.index")
    assert (tmp_path / "again.index").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("how", ["cut", "longer", "header", "magic", "counts", "empty", "none"])
def test_a_damaged_file_is_said_to_be(path: Path, tmp_path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    match how:
        case "cut":
            del data[-1]
        case "longer":
            data += b"\0"
        case "header":
            data[HEADER_BYTES - 1] ^= 1
        case "magic":
            data[0] ^= 1
        case "counts":
            data[8] ^= 1
        case "empty":
            data.clear()
        case _:
            data = bytearray(b"\0" * len(data))
    torn = tmp_path / "names.index"
    torn.write_bytes(data)
    with pytest.raises(WatchlistError, match=r"names\.index") as error:
        NameIndex(torn)
    assert error.value.reason is Reason.DAMAGED
