"""A delta takes one list to the next: what was withdrawn is gone, what is new is found, nothing else has changed."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from hotspotd.biometrics import finger
from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.document import Document, parse_mrz
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import Notice
from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist import EnrolledFace, EnrolledFinger, Entry, ListedDocument, Shelf, Snapshot, delta, layout
from hotspotd.watchlist.secret import Secrets
from tests.watchlist.examples import FACE_ENGINE, MRZ, TODAY, entries, face_of, fmr_of, print_of
from tests.watchlist.numbers.lists import KEY, numbers

Built = Callable[..., Path]


def person(number: int, *, reason: str = "") -> Entry:
    """Somebody with a name, a document, two prints, a face and a picture."""
    record = ListRecord(
        reference=f"XPO/{number}",
        notice=Notice.BLUE,
        owner="XPO",
        surname=f"SURNAME{'ABCDEFGHIJ'[number % 10]}{'ABCDEFGHIJ'[number // 10 % 10]}",
        given_names="GIVEN",
        birth_date=f"19{50 + number % 50}-01-01",
        reason=reason,
    )
    prints = tuple(
        EnrolledFinger(position, print_of(number * 2 + at).encode(), picture=b"print %d" % number)
        for at, position in enumerate((FingerPosition.RIGHT_INDEX, FingerPosition.RIGHT_MIDDLE))
    )
    documents = (ListedDocument(f"DOC{number:06}", "UTO"),)
    return Entry(record, documents, prints, EnrolledFace(face_of(number), b"face %d" % number))


@pytest.fixture
def built(tmp_path: Path) -> Built:
    """Builds lists of entries on one shelf, as a gateway does."""
    key_file = tmp_path / "lists.key"
    key_file.write_text(KEY.key.hex() + "\n")
    key_file.chmod(0o600)
    shelf = Shelf(tmp_path / "lists", key_file)

    def build(version: str, listed: list[Entry], things: int = 0) -> Path:
        return shelf.publish(
            listed,
            finger_engine=finger.ENGINE,
            face_engine=FACE_ENGINE,
            version=version,
            numbers=numbers()[:things] if things else None,
        )

    return build


def patched(old: Path, new: Path, folder: Path) -> Path:
    """What the delta from ``old`` to ``new`` makes of ``old``."""
    (folder / "delta").mkdir(parents=True)
    (folder / "out").mkdir()
    delta.make(old, new, folder / "delta")
    delta.apply(old, folder / "delta", folder / "out")
    return folder / "out"


def opened(folder: Path) -> Snapshot:
    snapshot = Snapshot.open(folder, finger_engine=finger.ENGINE, face_engine=FACE_ENGINE, key_of_list=lambda _: KEY)
    layout.verify(folder, layout.read_manifest(folder))
    return snapshot


def passport(number: int) -> Document:
    return msgspec.structs.replace(parse_mrz(MRZ), number=f"DOC{number:06}", issuer="UTO")


def found(snapshot: Snapshot, number: int) -> set[str]:
    """By what the person with this number is found."""
    reference = f"XPO/{number}"
    own = person(number).record
    named = msgspec.structs.replace(
        parse_mrz(MRZ),
        surname=own.surname,
        given_names=own.given_names,
        nationality="",
        sex="",
        birth_date=(own.birth_date or "").replace("-", "")[2:],
    )
    searches = {
        "document": snapshot.find_document(passport(number), TODAY),
        "name": snapshot.find_name(named, TODAY),
        "finger": snapshot.find_finger(print_of(number * 2), FingerPosition.RIGHT_INDEX, 1e-3, TODAY),
        "face": snapshot.find_face(face_of(number), 1e-3, TODAY, fmr_of),
    }
    return {how for how, candidates in searches.items() if reference in {one.reference for one in candidates}}


EVERYWHERE = {"document", "name", "finger", "face"}


def test_the_next_list_is_what_was_meant(built: Built, tmp_path: Path) -> None:
    old = built("one", [person(number) for number in range(8)])
    changed = person(5, reason="Seen again")
    new = built("two", [person(0), person(1), person(3), person(4), changed, person(6), person(8), person(9)])
    (tmp_path / "delta").mkdir()
    about = delta.make(old, new, tmp_path / "delta")
    # 2 and 7 are gone, 8 and 9 new, 5 is both.
    assert (about.gone, about.added) == (3, 3)
    out = tmp_path / "out"
    out.mkdir()
    delta.apply(old, tmp_path / "delta", out)
    snapshot = opened(out)
    assert (snapshot.version, snapshot.made_at) == ("two", layout.read_manifest(new).made_at)
    assert snapshot.counts == layout.read_manifest(new).counts
    for number in (0, 1, 3, 4, 5, 6, 8, 9):
        assert found(snapshot, number) == EVERYWHERE, number
        assert snapshot.picture(f"XPO/{number}", "face") == b"face %d" % number
        assert snapshot.picture(f"XPO/{number}", "finger") == b"print %d" % number
    assert snapshot.record("XPO/5").reason == "Seen again"
    for number in (2, 7):
        assert not found(snapshot, number)
        with pytest.raises(WatchlistError):
            snapshot.record(f"XPO/{number}")


def test_nothing_of_what_was_withdrawn_is_left(built: Built, tmp_path: Path) -> None:
    old = built("one", [person(number) for number in range(6)])
    out = patched(old, built("two", [person(number) for number in range(6) if number != 3]), tmp_path / "work")
    own = person(3)
    held = b"".join(path.read_bytes() for path in out.iterdir())
    assert own.record.reference.encode() in b"".join(path.read_bytes() for path in old.iterdir())
    assert own.face is not None
    assert own.face.embedding is not None
    secrets = (
        own.record.reference.encode(),
        own.record.surname.encode(),
        own.face.picture,
        own.fingers[0].template,
        own.fingers[0].picture,
        own.face.embedding.tobytes(),
    )
    assert not [secret for secret in secrets if secret in held]


def test_any_way_from_list_to_list_ends_at_the_same_people(built: Built, tmp_path: Path) -> None:
    chance = random.Random(5)
    path, listed = built("v0", []), set[int]()
    for step in range(1, 6):
        listed = listed ^ set(chance.sample(range(12), 5))
        new = built(f"v{step}", [person(number) for number in sorted(listed, key=lambda _: chance.random())])
        path = patched(path, new, tmp_path / f"step{step}")
        snapshot = opened(path)
        assert {number for number in range(12) if found(snapshot, number) == EVERYWHERE} == listed
        assert not [number for number in range(12) if number not in listed and found(snapshot, number)]


def test_the_same_delta_makes_the_same_bytes(built: Built, tmp_path: Path) -> None:
    old, new = built("one", entries(), things=8), built("two", [*entries()[1:], person(77)], things=10)
    (tmp_path / "delta").mkdir()
    delta.make(old, new, tmp_path / "delta")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        delta.apply(old, tmp_path / "delta", tmp_path / name)
    for file in sorted(path.name for path in (tmp_path / "a").iterdir()):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize(("before", "after"), [(0, 4), (4, 0), (8, 10), (10, 3)])
def test_numbers_come_and_go(before: int, after: int, built: Built, tmp_path: Path) -> None:
    out = patched(built("one", entries(), things=before), built("two", entries(), things=after), tmp_path / "work")
    snapshot = opened(out)
    assert snapshot.counts.get("numbers", 0) == after
    if after:
        new = tmp_path / "lists" / "snapshot-two"
        for name in layout.OPTIONAL_FILES:
            assert (out / name).read_bytes() == (new / name).read_bytes()


def test_a_delta_of_another_list_is_refused(built: Built, tmp_path: Path) -> None:
    one, two = built("one", entries()), built("two", entries()[1:])
    (tmp_path / "delta").mkdir()
    delta.make(one, two, tmp_path / "delta")
    (tmp_path / "out").mkdir()
    with pytest.raises(WatchlistError) as caught:
        delta.apply(two, tmp_path / "delta", tmp_path / "out")
    assert caught.value.reason is Reason.CONFLICT


def test_lists_of_different_keys_have_no_delta(built: Built, tmp_path: Path) -> None:
    one = built("one", entries())
    other = Shelf(tmp_path / "other").publish(
        entries(), finger_engine=finger.ENGINE, face_engine=FACE_ENGINE, version="two"
    )
    (tmp_path / "delta").mkdir()
    with pytest.raises(WatchlistError) as caught:
        delta.make(one, other, tmp_path / "delta")
    assert caught.value.reason is Reason.CONFLICT


@pytest.mark.parametrize("name", [delta.ABOUT, delta.GONE, f"{delta.ADDED}/{layout.RECORDS}"])
def test_a_damaged_delta_makes_nothing(name: str, built: Built, tmp_path: Path) -> None:
    one, two = built("one", entries()), built("two", [person(3)])
    (tmp_path / "delta").mkdir()
    delta.make(one, two, tmp_path / "delta")
    path = tmp_path / "delta" / name
    path.write_bytes(path.read_bytes()[:-1] + b"\xff\xff\xff\xff\xff")
    (tmp_path / "out").mkdir()
    with pytest.raises(WatchlistError) as caught:
        delta.apply(one, tmp_path / "delta", tmp_path / "out")
    assert caught.value.reason is Reason.DAMAGED


def test_faces_are_copied_to_the_bit(built: Built, tmp_path: Path) -> None:
    old = built("one", [person(number) for number in range(4)])
    out = patched(old, built("two", [person(number) for number in (0, 2, 3)]), tmp_path / "work")
    before, after = opened(old), opened(out)
    assert np.array_equal(before.faces(2)[0], after.faces(1)[0])
    assert Secrets.load(tmp_path / "lists.key").newest.id == KEY.id
