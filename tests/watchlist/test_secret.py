"""The key file: whose it is, who may read it, what stands in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.secret import Secrets


def reason_of(path: Path) -> Reason:
    with pytest.raises(WatchlistError) as error:
        Secrets.load(path)
    return error.value.reason


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "watchlist.key"
    made = Secrets.load_or_make(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Secrets.load_or_make(path).newest == made.newest
    assert made.key(made.newest.id) == made.newest
    assert made.newest.key.hex() not in repr(made.newest) + made.newest.id


def test_an_older_key_is_there_for_the_list_that_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "watchlist.key"
    old = Secrets.load_or_make(path).newest
    path.write_text("ab" * 32 + "\n" + old.key.hex() + "\n")
    both = Secrets.load(path)
    assert both.newest.key == b"\xab" * 32
    assert both.key(old.id) == old
    with pytest.raises(WatchlistError) as error:
        both.key("0" * 16)
    assert error.value.reason is Reason.NO_KEY


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "watchlist.key"
    Secrets.load_or_make(path)
    for mode in (0o640, 0o604, 0o620):
        path.chmod(mode)
        assert reason_of(path) is Reason.UNREADABLE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_another_users_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "watchlist.key"
    Secrets.load_or_make(path)
    os.chown(path, 12345, -1)
    assert reason_of(path) is Reason.UNREADABLE


def test_a_link_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "watchlist.key"
    assert reason_of(path) is Reason.NO_KEY
    Secrets.load_or_make(tmp_path / "other")
    path.symlink_to("other")
    assert reason_of(path) is Reason.UNREADABLE


@pytest.mark.parametrize("text", ["", "zz", "ab" * 31, "AB" * 32, ("ab" * 32 + "\n") * 17, "ä"])
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "watchlist.key"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    assert reason_of(path) is Reason.BAD_VALUE
