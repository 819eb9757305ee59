"""Which list is current, how one takes the other's place, and what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotspotd.biometrics import finger
from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist import Shelf, build, layout
from hotspotd.watchlist.build import locked
from tests.watchlist.examples import TODAY, entries, print_of


def publish(shelf: Shelf, version: str) -> Path:
    return shelf.publish(entries(), finger_engine=finger.ENGINE, face_engine="test-face", version=version)


def snapshots(shelf: Shelf) -> list[str]:
    return sorted(path.name for path in shelf.folder.glob("snapshot-*"))


def test_without_a_list_there_is_none_to_open(tmp_path: Path) -> None:
    with pytest.raises(WatchlistError) as error:
        Shelf(tmp_path).open(finger_engine=finger.ENGINE, face_engine=None)
    assert error.value.reason is Reason.NOT_FOUND


def test_a_built_list_is_not_current_until_it_is_made_so(shelf: Shelf) -> None:
    built = build(shelf.folder, [], finger_engine=finger.ENGINE, face_engine=None, version="two")
    assert shelf.current() == shelf.folder / "snapshot-one"
    shelf.activate(built)
    assert shelf.current() == built


def test_two_lists_are_kept(shelf: Shelf) -> None:
    publish(shelf, "two")
    assert snapshots(shelf) == ["snapshot-one", "snapshot-two"]
    publish(shelf, "three")
    assert snapshots(shelf) == ["snapshot-three", "snapshot-two"]


def test_an_open_list_is_searched_on_after_it_was_replaced_and_removed(shelf: Shelf) -> None:
    snapshot = shelf.open(finger_engine=finger.ENGINE, face_engine=None)
    publish(shelf, "two")
    publish(shelf, "three")
    assert not snapshot.folder.exists()
    assert snapshot.find_finger(print_of(1), None, 1e-4, TODAY)
    assert snapshot.record("XPO/1").owner == "XPO"


def test_rollback_swaps_current_and_previous(shelf: Shelf) -> None:
    publish(shelf, "two")
    assert shelf.rollback().name == "snapshot-one"
    assert (shelf.current(), shelf.previous()) == (shelf.folder / "snapshot-one", shelf.folder / "snapshot-two")
    assert shelf.rollback().name == "snapshot-two"


def test_rollback_without_a_previous_list_is_refused(shelf: Shelf) -> None:
    with pytest.raises(WatchlistError) as error:
        shelf.rollback()
    assert error.value.reason is Reason.NOT_FOUND


def test_rollback_to_a_damaged_list_is_refused_and_changes_nothing(shelf: Shelf) -> None:
    publish(shelf, "two")
    (shelf.folder / "snapshot-one" / layout.FACES).write_bytes(b"")
    with pytest.raises(WatchlistError) as error:
        shelf.rollback()
    assert error.value.reason is Reason.DAMAGED
    assert shelf.current() == shelf.folder / "snapshot-two"


def test_a_version_is_built_once(shelf: Shelf) -> None:
    with pytest.raises(WatchlistError) as error:
        publish(shelf, "one")
    assert error.value.reason is Reason.CONFLICT


def test_a_folder_from_elsewhere_is_not_made_current(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(WatchlistError):
        shelf.activate(tmp_path)


def test_one_builder_at_a_time(shelf: Shelf) -> None:
    with locked(shelf.folder), pytest.raises(WatchlistError) as error:
        publish(shelf, "two")
    assert error.value.reason is Reason.BUSY


def test_what_a_killed_builder_left_is_removed_by_the_next(shelf: Shelf) -> None:
    (shelf.folder / ".building-dead").mkdir()
    publish(shelf, "two")
    assert not list(shelf.folder.glob(".building-*"))
