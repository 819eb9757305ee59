"""What a numbers store finds, what it costs on disk, and that it never answers from changed bytes."""

from __future__ import annotations

import itertools
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.numbers import Kind, Listing, NumberEntry, NumberHit, NumbersStore, Status, build, rows
from hotspotd.watchlist.numbers.rows import EPOCH, INDEX, LAST_DAY, NEVER, ROWS
from hotspotd.watchlist.secret import ListKey
from tests.watchlist.numbers.lists import KEY, PASSPORT, REVOKED, TODAY, listing, numbers

FRAUD = (Status.STOLEN_BLANK, Status.LOST_OR_STOLEN, Status.REVOKED)


def found(store: NumbersStore, number: str, issuer: str = "UTO", kind: Kind = Kind.DOCUMENT) -> list[NumberHit]:
    return store.find(kind, number, issuer, TODAY)


def ask_for_all(folder: Path) -> None:
    """Open the store and look for everything that ``numbers`` lists."""
    store = NumbersStore(folder)
    store.unlock(KEY)
    for entry in numbers():
        found(store, entry.number, entry.listing.issuer, entry.listing.kind)


def test_tells_what_is_listed_under_a_number(store: NumbersStore) -> None:
    (hit,) = found(store, "d2314 58907")
    assert hit.listing == REVOKED
    assert (hit.number, hit.expires, hit.reason) == ("d2314 58907", date(2030, 1, 1), "Revoked by the issuer")
    assert hit.detail == "Number, and issuer"
    assert store.listed(hit.reference) is not None


@pytest.mark.parametrize(
    ("kind", "number", "issuer"),
    [
        (Kind.DOCUMENT, "007007007", "HRV"),
        (Kind.VEHICLE, "LJ12OK1", "SVN"),
        (Kind.VIN, "1HGCM82633AOO4352", ""),
        (Kind.PART, "eng0042", ""),
        (Kind.VESSEL, "9074729", ""),
        (Kind.FIREARM, "B4711Q", ""),
    ],
)
def test_every_kind_is_found_by_its_own_rules_and_as_no_other(
    store: NumbersStore, kind: Kind, number: str, issuer: str
) -> None:
    for other in Kind:
        hits = found(store, number, issuer, other)
        assert [hit.listing.kind for hit in hits] == ([kind] if other is kind else [])


def test_a_number_is_found_with_its_check_digit_and_without(store: NumbersStore) -> None:
    (hit,) = found(store, "L898902C36")
    assert hit.detail == "Number without its check digit, and issuer"
    assert found(store, "L898902C35") == []


def test_the_same_number_of_another_issuer_is_another(store: NumbersStore) -> None:
    assert found(store, "L898902C3", "UTO")
    assert found(store, "L898902C3", "SVN") == []


def test_without_an_issuer_all_that_are_listed_are_tried(store: NumbersStore) -> None:
    (hit,) = found(store, "LJ12OK1", "", Kind.VEHICLE)
    assert (hit.listing.issuer, hit.detail) == ("SVN", "Number; no issuer was given")


def test_a_record_counts_to_its_last_day_and_never_after(store: NumbersStore) -> None:
    assert found(store, "TODAY0001")
    assert store.find(Kind.DOCUMENT, "TODAY0001", "UTO", date(2026, 11, 23)) == []
    assert found(store, "ENDED0001") == []
    assert store.find(Kind.DOCUMENT, "ENDED0001", "UTO", date(2026, 11, 21))
    assert store.find(Kind.DOCUMENT, "L898902C3", "UTO", date(2200, 1, 1))


def test_without_the_lists_key_nothing_can_be_asked(tmp_path: Path) -> None:
    build(tmp_path, numbers(), KEY)
    store = NumbersStore(tmp_path)
    with pytest.raises(WatchlistError, match="key was not given"):
        found(store, "L898902C3")
    with pytest.raises(WatchlistError) as error:
        store.unlock(ListKey(bytes(32)))
    assert error.value.reason is Reason.NO_KEY


def test_no_number_and_no_key_stands_in_the_files(store: NumbersStore, tmp_path: Path) -> None:
    for path in (tmp_path / "numbers").iterdir():
        data = path.read_bytes()
        assert KEY.key not in data
        assert not any(entry.number.encode() in data for entry in numbers())


def test_an_empty_store_finds_nothing(tmp_path: Path) -> None:
    assert build(tmp_path, [], KEY) == 0
    store = NumbersStore(tmp_path)
    store.unlock(KEY)
    assert found(store, "L898902C3") == []
    assert found(store, "LJ12OK1", "", Kind.VEHICLE) == []


def test_the_same_entries_in_any_order_make_the_same_bytes(tmp_path: Path) -> None:
    made = set()
    for number, order in enumerate(itertools.islice(itertools.permutations(numbers()), 0, 200_000, 50_000)):
        folder = tmp_path / str(number)
        folder.mkdir()
        build(folder, [*order, order[0]], KEY)
        made.add(((folder / ROWS).read_bytes(), (folder / INDEX).read_bytes()))
    assert len(made) == 1


def test_what_cannot_be_listed_is_told_and_the_rest_is_taken(tmp_path: Path) -> None:
    bad = [
        NumberEntry("---", PASSPORT),
        NumberEntry("X1", Listing(Kind.DOCUMENT, "deu", Status.REVOKED, "UTO")),
        NumberEntry("X2", Listing(Kind.VIN, "UTO", Status.WANTED, "UTO")),
        NumberEntry("X3", PASSPORT, date.fromordinal(LAST_DAY.toordinal() + 1)),
    ]
    told: list[int] = []
    assert build(tmp_path, [*bad, *numbers()], KEY, lambda place, _: told.append(place)) == len(numbers())
    assert sorted(told) == [0, 1, 2, 3]
    with pytest.raises(WatchlistError) as error:
        build(tmp_path, bad[:1], KEY)
    assert error.value.reason is Reason.BAD_VALUE


def test_too_many_classes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MOST_CLASSES", 3)
    with pytest.raises(WatchlistError) as error:
        build(tmp_path, numbers(), KEY)
    assert error.value.reason is Reason.TOO_LARGE


def test_a_class_nothing_is_left_of_is_not_listed(tmp_path: Path) -> None:
    build(tmp_path, [NumberEntry("X1", PASSPORT), NumberEntry("-", REVOKED)], KEY, lambda _, __: None)
    assert NumbersStore(tmp_path).listings == (PASSPORT,)


@given(place=st.integers(0, 10**9), bit=st.integers(0, 7))
def test_a_changed_bit_anywhere_is_found_and_never_answered_from(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("bits")
    build(folder, numbers(), KEY)
    paths = [folder / ROWS, folder / INDEX]
    place %= sum(path.stat().st_size for path in paths)
    path = paths[0] if place < paths[0].stat().st_size else paths[1]
    data = bytearray(path.read_bytes())
    data[place - (0 if path is paths[0] else paths[0].stat().st_size)] ^= 1 << bit
    path.write_bytes(data)
    with pytest.raises(WatchlistError) as error:
        ask_for_all(folder)
    assert error.value.reason is Reason.DAMAGED


@pytest.mark.parametrize("name", [ROWS, INDEX])
def test_a_cut_file_is_damage(store: NumbersStore, tmp_path: Path, name: str) -> None:
    path = tmp_path / "numbers" / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WatchlistError, match=name) as error:
        NumbersStore(tmp_path / "numbers")
    assert error.value.reason is Reason.DAMAGED


def test_rows_of_another_list_are_damage(store: NumbersStore, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    build(other, [NumberEntry(f"Z{n}", PASSPORT) for n in range(len(numbers()))], KEY)
    (other / ROWS).rename(tmp_path / "numbers" / ROWS)
    with pytest.raises(WatchlistError) as error:
        ask_for_all(tmp_path / "numbers")
    assert error.value.reason is Reason.DAMAGED


def test_damage_that_comes_while_it_is_open_is_found(store: NumbersStore, tmp_path: Path) -> None:
    assert found(store, "L898902C3")
    with (tmp_path / "numbers" / ROWS).open("r+b") as file:
        file.write(bytes(9))
    with pytest.raises(WatchlistError):
        found(store, "L898902C3")


def test_a_long_stream_goes_through_other_processes_and_costs_ten_bytes_a_number(tmp_path: Path) -> None:
    count = 230_000
    classes = [listing(Kind.DOCUMENT, issuer, status) for issuer in ("UTO", "HRV") for status in FRAUD]
    stream = (NumberEntry(f"P{n}\n", classes[n % 6]) for n in range(count))
    assert build(tmp_path, stream, KEY) == count
    store = NumbersStore(tmp_path)
    store.unlock(KEY)
    for n in (0, 7, 199_999, 200_000, count - 1):
        assert [hit.listing for hit in found(store, f"P{n}", classes[n % 6].issuer)] == [classes[n % 6]]
        assert found(store, f"P{n + count}", classes[n % 6].issuer) == []
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert size - 4 * rows.BUCKETS < 9.1 * count


@given(st.lists(st.tuples(st.integers(0, 2**60 - 1), st.integers(0, 2**14 - 2), st.integers(0, NEVER)), max_size=30))
def test_rows_are_read_as_they_were_written(given_rows: list[tuple[int, int, int]]) -> None:
    import numpy as np

    for hash_, class_, day in given_rows:
        data = rows.packed(np.array([hash_], np.uint64), np.array([class_ << 14 | day], np.uint32))
        assert len(data) == rows.ROW_BYTES
        assert rows.matching(data, hash_) == [(class_, day)]
        assert rows.matching(data, hash_ ^ 1) == []
        hashes, tails = rows.unpacked(data, hash_ >> rows.REST_BITS, np.array([1], np.uint32))
        assert (int(hashes[0]), int(tails[0])) == (hash_, class_ << 14 | day)


@given(st.binary(max_size=400))
def test_no_bytes_but_an_index_are_one(data: bytes) -> None:
    with pytest.raises(ValueError, match="digest"):
        rows.decode(data)


def test_days_before_the_epoch_ended_on_it() -> None:
    assert rows.tail(0, date(1990, 1, 1)) == 0
    assert rows.expiry(0) == EPOCH
    assert rows.expiry(NEVER) is None
    assert rows.day_number(date(1970, 1, 1)) == 0
