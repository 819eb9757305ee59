"""CSV with a mapping file: good, bad and hostile rows; killed and gone on with; what the mapping promises."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotspotd.domain.candidate import NameKind, OtherName
from hotspotd.domain.caution import Caution
from hotspotd.domain.notice import Notice
from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist import ListedDocument
from hotspotd.watchlist.importers.delivery import Delivers
from hotspotd.watchlist.importers.mapping import Mapping, parse_mapping
from hotspotd.watchlist.importers.tables import TableImporter
from hotspotd.watchlist.numbers.kinds import Kind, Status
from hotspotd.watchlist.staging import Import
from tests.watchlist.importers.conftest import TODAY, Store

PEOPLE = b"""
kind = "person"
delimiter = ";"
dates = ["%d.%m.%Y", "%m/%Y", "%Y"]
[columns]
"Nr" = "reference"
"Nom" = "surname"
"Prenoms" = "given_names"
"Ne" = "birth_date"
"Pays" = "nationality"
"Sexe" = "sex"
"Alias" = "aliases"
"Original" = "original_names"
"Attention" = "cautions"
"Passeports" = "documents"
"Fin" = "expires"
[constants]
notice = "red"
owner = "UTO"
[values.sex]
"H" = "M"
[values.cautions]
"arme" = "armed"
"""
HEADER = "Nr;Nom;Prenoms;Ne;Pays;Sexe;Alias;Original;Attention;Passeports;Fin\n"
GOOD = (
    "U/1;ERIKSSON;Anna Maria;12.08.1974|1975;SE|FIN;F;Ana Eriks|Nan;Анна;arme|bites;UTO:L898902C3|SWE:X1;31.12.2030\n"
)
SLTD = b"""
kind = "document"
[columns]
ref = "reference"
number = "number"
issuer = "issuer"
fraud = "status"
[constants]
owner = "UTO"
[values.status]
1 = "stolen_blank"
2 = "lost_or_stolen"
3 = "revoked"
"""


def importer(text: bytes = PEOPLE) -> TableImporter:
    return TableImporter(parse_mapping(text, Path("map.toml")))


def table(folder: Path, text: str | bytes, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_row_becomes_a_person_with_all_its_fields(tmp_path: Path, store: Store) -> None:
    now = store.take(importer(), table(tmp_path, HEADER + GOOD))
    assert now.counts["added"] == 1
    (person,) = store.people()
    record = person.record
    assert (record.reference, record.notice, record.owner) == ("U/1", Notice.RED, "UTO")
    assert (record.surname, record.given_names, record.sex) == ("ERIKSSON", "Anna Maria", "F")
    assert (record.birth_date, record.other_birth_dates) == ("1974-08-12", ("1975",))
    assert (record.nationality, record.other_nationalities) == ("SWE", ("FIN",))
    assert record.other_names == (
        OtherName(full="Ana Eriks"),
        OtherName(full="Nan"),
        OtherName(full="Анна", kind=NameKind.ORIGINAL),
    )
    assert (record.cautions, record.caution_note) == ((Caution.ARMED,), "bites")
    assert (record.expires, record.source, record.since) == ("2030-12-31", "test", TODAY)
    assert set(person.documents) == {ListedDocument("L898902C3", "UTO"), ListedDocument("X1", "SWE")}


def test_documents_and_things_become_numbers(tmp_path: Path, store: Store) -> None:
    store.take(importer(SLTD), table(tmp_path, "ref,number,issuer,fraud\nS/1,L898902C3,UTO,1\nS/2,AB 123,de,2\n"))
    one, two = store.numbers()
    assert (one.kind, one.number, one.issuer, one.status) == (
        Kind.DOCUMENT, "L898902C3", "UTO", Status.STOLEN_BLANK,
    )  # fmt: skip
    assert (two.number, two.issuer, two.source, two.since) == ("AB 123", "DEU", "test", TODAY)


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        (";X;;;;;;;;;", "reference", "1 to 60"),
        ("U/9;X;;31.02.1974;;;;;;;", "birth_date", "no date as"),
        ("U/9;X;;1974-08-12;;;;;;;", "birth_date", "no date as"),
        ("U/9;X;;;Narnia;;;;;;", "nationality", "Narnia"),
        ("U/9;X;;;;Q;;;;;", "sex", "not known"),
        ("U/9;X;;;;;;;;L898902C3;", "documents", "ISSUER:NUMBER"),
        ("U/9;X;;;;;;;;UTO:<<;", "documents[0]", "a number and an issuer"),
        ("U/9;X;;;;;;;;;2030", "expires", "YYYY-MM-DD"),
        ("U/9;" + "x" * 501 + ";;;;;;;;;", "surname", "at most 500"),
        ("U/9;X\x1b[2J;;;;;;;;;", "surname", "printable"),
        ("U/9;X;Y", "birth_date", "3 cells"),
        ('U/9;"X"Y;;;;;;;;;', "", "expected after"),
        ("U/9;" + "x" * 70_000 + ";;;;;;;;;", "", "longer than 65536 bytes"),
        ("U/9;X\x00;;;;;;;;;", "", "zero byte"),
        (b"U/9;M\xfcller;;;;;;;;;", "", "byte 6 is not utf-8"),
        ('U/9;"never closed;;;;;;;;;', "", ""),
        ("U/9;" + ";" * 1200, "", "more than 1000 cells"),
    ],
)
def test_a_bad_row_is_told_with_line_and_field_and_stops_no_other(
    tmp_path: Path, store: Store, row: str | bytes, field: str, reason: str
) -> None:
    raw = row if isinstance(row, bytes) else row.encode()
    path = table(tmp_path, HEADER.encode() + b"A;A;;;;;;;;;\n\n" + raw + b"\nB;B;;;;;;;;;\nC;C;;;;;;;;;\n")
    now = store.take(importer(), path)
    assert [person.record.reference for person in store.people()] == ["A", "B", "C"]
    (reject,) = store.last_rejects
    assert (reject.line, reject.field) == (4, field)
    assert reason in reject.reason
    assert now.counts["rejected"] == 1


def test_a_quote_that_is_never_closed_swallows_no_row(tmp_path: Path, store: Store) -> None:
    rows = "".join(f"R/{number};N{number};;;;;;;;;\n" for number in range(500))
    store.take(importer(), table(tmp_path, HEADER + 'Q;"open;;;;;;;;;\n' + rows))
    assert len(store.people()) == 500
    assert [reject.line for reject in store.last_rejects] == [2]


def test_a_cell_may_hold_line_ends(tmp_path: Path, store: Store) -> None:
    store.take(importer(), table(tmp_path, HEADER + 'U/1;"ERIK\r\nSSON";;;;;;;;;\r\nU/2;X;;;;;;;;;'))
    assert [person.record.surname for person in store.people()] == ["ERIK SSON", "X"]


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"PK\x05\x06" + bytes(18), "ZIP"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        ("Nr;Nom\n".encode("utf-16"), "UTF-16"),
        (b"", "empty"),
        (b"Nr,Nom\n", "no column"),
        (HEADER.encode().replace(b"Nom", b"Nr"), "no column Nom"),
        (b"Nr;" + HEADER.encode(), "twice"),
    ],
)
def test_a_file_that_is_none_changes_nothing(tmp_path: Path, store: Store, start: bytes, reason: str) -> None:
    with pytest.raises(WatchlistError) as error:
        store.take(importer(), table(tmp_path, start))
    assert error.value.reason is Reason.BAD_VALUE
    assert reason in str(error.value)
    assert store.people() == []


def test_another_encoding_is_read_as_the_mapping_says(tmp_path: Path, store: Store) -> None:
    text = b'encoding = "windows-1251"\n' + PEOPLE
    store.take(importer(text), table(tmp_path, (HEADER + "U/1;Дьяченко;;;;;;;;;\n").encode("cp1251")))
    assert store.people()[0].record.surname == "Дьяченко"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((b'"person"', b'"robot"'), "kind"),
        ((b'"surname"', b'"surnmae"'), "surnmae"),
        ((b'"surname"', b'"reference"'), "given twice: reference"),
        ((b'owner = "UTO"', b""), "gives owner"),
        ((b"%d.%m.%Y", b"%d.%m.%y"), "%Y"),
        ((b'";"', b'";;"'), "delimiter"),
        ((b"kind", b'encoding = "utf-16"\nkind'), "utf-16"),
        ((b"kind", b'encoding = "no such"\nkind'), "no such"),
        ((b"kind", b"kind ="), "Invalid"),
        ((b"[columns]", b"[colums]"), "colums"),
    ],
)
def test_a_mapping_that_is_not_sound_is_refused_before_a_row_is_read(change: tuple[bytes, bytes], reason: str) -> None:
    with pytest.raises(WatchlistError) as error:
        importer(PEOPLE.replace(*change, 1))
    assert error.value.reason is Reason.BAD_VALUE
    assert reason in str(error.value)


def test_a_record_delivered_again_takes_the_place_of_the_one_before(tmp_path: Path, store: Store) -> None:
    store.take(importer(), table(tmp_path, HEADER + "U/1;ERIKSON;;;;;;;;UTO:L1;\nU/2;X;;;;;;;;;\n"))
    path = table(tmp_path, HEADER + "U/1;ERIKSSON;;;;;;;;UTO:L2;\nU/2;X;;;;;;;;;\nU/3;Y;;;;;;;;;\nU/3;Z;;;;;;;;;\n")
    now = store.take(importer(), path, today="2027-01-01")
    assert {name: now.counts[name] for name in ("added", "updated", "unchanged", "repeated")} == {
        "added": 1, "updated": 1, "unchanged": 1, "repeated": 1,
    }  # fmt: skip
    one, two, three = store.people()
    assert (one.record.surname, one.record.since, one.documents) == ("ERIKSSON", TODAY, (ListedDocument("L2", "UTO"),))
    assert two.record.since == TODAY
    assert (three.record.surname, three.record.since) == ("Z", "2027-01-01")


def test_two_sources_keep_to_their_own(tmp_path: Path, store: Store) -> None:
    store.take(importer(), table(tmp_path, HEADER + "U/1;A;;;;;;;;;\n"), source="one")
    store.take(importer(), table(tmp_path, HEADER + "U/1;B;;;;;;;;;\n"), source="two", replaces=Delivers.PEOPLE)
    assert [(person.source, person.record.surname) for person in store.people()] == [("one", "A"), ("two", "B")]


def test_what_is_no_longer_delivered_is_withdrawn_when_asked(tmp_path: Path, store: Store) -> None:
    store.take(importer(), table(tmp_path, HEADER + "".join(f"U/{n};A;;;;;;;;UTO:L{n};\n" for n in range(4))))
    path = table(tmp_path, HEADER + "U/0;A;;;;;;;;;\nU/1;A;;nonsense;;;;;;;\n")
    assert store.take(importer(), path).counts["withdrawn"] == 0
    assert len(store.people()) == 4
    now = store.take(importer(), path, replaces=Delivers.PEOPLE)
    assert (now.counts["withdrawn"], now.counts["kept"]) == (2, 1)
    # U/1 is delivered, if badly: its record stays as it was.
    assert [(p.record.reference, len(p.documents)) for p in store.people()] == [("U/0", 0), ("U/1", 1)]


def test_a_delivery_without_a_usable_row_withdraws_nobody(tmp_path: Path, store: Store) -> None:
    store.take(importer(), table(tmp_path, HEADER + "U/1;A;;;;;;;;;\n"))
    with pytest.raises(WatchlistError) as error:
        store.take(importer(), table(tmp_path, HEADER), replaces=Delivers.PEOPLE)
    assert "withdrawn" in str(error.value)
    assert len(store.people()) == 1


def test_a_thing_delivered_with_another_number_loses_the_old_one(tmp_path: Path, store: Store) -> None:
    head = "ref,number,issuer,fraud\n"
    store.take(importer(SLTD), table(tmp_path, head + "S/1,L1,UTO,1\nS/2,M1,UTO,1\nS/2,M2,UTO,1\n"))
    store.take(importer(SLTD), table(tmp_path, head + "S/1,L2,UTO,1\n"))
    assert [entry.number for entry in store.numbers()] == ["L2", "M1", "M2"]


def test_a_dry_run_counts_and_changes_nothing(tmp_path: Path, store: Store) -> None:
    store.take(importer(), table(tmp_path, HEADER + "U/1;A;;;;;;;;;\n"))
    before = store.everything()
    now = store.take(
        importer(), table(tmp_path, HEADER + "U/1;B;;;;;;;;;\n;C;;;;;;;;;\n"), dry_run=True, replaces=Delivers.PEOPLE
    )
    assert (now.counts["updated"], now.counts["rejected"]) == (1, 1)
    assert len(store.last_rejects) == 1
    assert store.everything() == before


class _KilledError(Exception):
    """Stands in for a kill: nothing after the last commit is kept."""


def _killed_after(rows: int) -> Callable[[int, int], None]:
    def told(_: int, done: int) -> None:
        if done >= rows:
            raise _KilledError

    return told


def _mixed(rng: random.Random, count: int) -> str:
    kinds = (
        "R/{n};NAME{n};Given;01.02.1970;SE;F;a|b;;;UTO:L{n};\n",
        "R/{n};NAME{n};;bad date;;;;;;;\n",
        'R/{n};"two\nlines{n}";;;;;;;;;\n',
        "R/{half};AGAIN{n};;;;;;;;;\n",
        'R/{n};"open{n};;;;;;;;;\n',
    )
    return HEADER + "".join(rng.choice(kinds).format(n=n, half=n // 2) for n in range(count))


@pytest.mark.parametrize("seed", range(8))
def test_killed_anywhere_and_repeated_it_ends_as_one_that_was_not(
    tmp_path: Path, new_store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("hotspotd.watchlist.importers.run._ROWS_A_COMMIT", 7)
    rng = random.Random(seed)
    files = [table(tmp_path, _mixed(rng, rng.randrange(20, 120)), f"{name}.csv") for name in "ab"]
    whole, torn = new_store(), new_store()
    expected = whole.take(importer(), *files)
    now: Import | None = None
    kills = 0
    while now is None:
        try:
            day = "2027-01-01" if kills else TODAY
            now = torn.take(importer(), *files, today=day, told=_killed_after(rng.randrange(1, 60) + 40 * kills))
        except _KilledError:
            kills += 1
    assert kills
    assert now.resumed
    assert torn.everything() == whole.everything()
    assert now.counts == expected.counts


def test_an_import_that_broke_off_goes_on_with_the_same_files_only(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotspotd.watchlist.importers.run._ROWS_A_COMMIT", 1)
    path = table(tmp_path, HEADER + "U/1;A;;;;;;;;;\nU/2;B;;;;;;;;;\n")
    with pytest.raises(_KilledError):
        store.take(importer(), path, told=_killed_after(2))
    other = table(tmp_path, HEADER + "U/9;Z;;;;;;;;;\n", "other.csv")
    with pytest.raises(WatchlistError) as error:
        store.take(importer(), other)
    assert error.value.reason is Reason.CONFLICT
    assert "--restart" in str(error.value)
    now = store.take(importer(), other, restart=True)
    assert not now.resumed
    assert now.counts["added"] == 1


_CELL = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(_CELL, min_size=1, max_size=13), max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    quote=st.sampled_from("\"'"),
)
def test_whatever_the_cells_hold_each_row_is_taken_or_told(
    tmp_path: Path, rows: list[list[str]], delimiter: str, quote: str
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quotechar=quote, lineterminator="\n")
    writer.writerow(HEADER.strip().split(";"))
    writer.writerows(rows)
    mapping = parse_mapping(PEOPLE, Path("map.toml"))
    chosen = Mapping(
        kind=mapping.kind, columns=mapping.columns, delimiter=delimiter, quote=quote, separator="#",
        constants=mapping.constants, dates=mapping.dates,
    )  # fmt: skip
    steps = list(TableImporter(chosen).read(table(tmp_path, text.getvalue().encode()), 0, 0))
    assert all(len(step.items) + len(step.rejects) == 1 for step in steps)
    assert sum(len(step.items) for step in steps) <= len(rows)
    # Each step can be begun from.
    for step in steps:
        rest = list(TableImporter(chosen).read(tmp_path / "list.csv", step.place, step.line))
        assert [one.items for one in rest] == [one.items for one in steps[steps.index(step) + 1 :]]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=400))
def test_bytes_that_are_no_table_give_rejects_or_an_error_and_nothing_else(tmp_path: Path, data: bytes) -> None:
    path = table(tmp_path, HEADER.encode() + data)
    for step in importer().read(path, 0, 0):
        assert step.items or step.rejects


@settings(max_examples=200, deadline=None)
@given(names=st.lists(st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=20), min_size=1, max_size=6))
def test_a_sound_value_comes_out_as_it_went_in(names: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("table")
    text = HEADER + "".join(f"R/{place};{name};;;;;;;;;\n" for place, name in enumerate(names))
    steps = list(importer().read(table(folder, text), 0, 0))
    assert [step.items[0].record.surname for step in steps] == names  # type: ignore[union-attr]
