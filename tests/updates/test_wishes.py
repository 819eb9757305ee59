"""Wishes and outcomes: what root takes of the daemon's folder, what it refuses, and what the daemon makes of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from hotspotd.errors import Reason, UpdateError
from hotspotd.updates import wishes
from hotspotd.updates.wishes import Outcome

ID = "0123456789abcdef0123456789abcdef"
_HEAD = f'"id": "{ID}", "boot": "", "until": 1e9'
OURS = {os.getuid()}


def test_a_wish_is_taken_as_it_was_written_and_once(tmp_path: Path) -> None:
    folder = tmp_path / "software"
    wish = wishes.new_wish("apply", "0.3.0+2")
    wishes.write_wish(folder, wish)
    assert wishes.waits(folder)
    assert (folder / "wish.json").stat().st_mode & 0o777 == 0o600
    assert wishes.take_wish(folder, OURS) == wish
    assert not wishes.waits(folder)
    with pytest.raises(UpdateError) as caught:
        wishes.take_wish(folder, OURS)
    assert caught.value.reason is Reason.NOT_FOUND


def test_a_wish_that_was_withdrawn_is_not_there(tmp_path: Path) -> None:
    wishes.write_wish(tmp_path, wishes.new_wish("check"))
    assert wishes.withdraw(tmp_path)
    assert not wishes.withdraw(tmp_path)
    assert list(tmp_path.iterdir()) == []


def _link(path: Path) -> None:
    path.with_name("elsewhere").write_bytes(msgspec.json.encode(wishes.new_wish("check")))
    path.symlink_to("elsewhere")


def _large(path: Path) -> None:
    path.write_bytes(msgspec.json.encode(wishes.new_wish("check")) + b" " * 5000)


def _late(path: Path) -> None:
    wishes.write_wish(path.parent, wishes.new_wish("check", within_s=-1))


def _earlier(path: Path) -> None:
    wishes.write_wish(path.parent, replace(wishes.new_wish("check"), boot="another"))


def _says(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(text) and None


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(_link, Reason.NOT_ALLOWED, id="a link"),
        pytest.param(os.mkfifo, Reason.NOT_ALLOWED, id="a pipe"),
        pytest.param(Path.mkdir, Reason.NOT_ALLOWED, id="a folder"),
        pytest.param(_large, Reason.TOO_LARGE, id="too large"),
        pytest.param(_late, Reason.STALE, id="of long ago"),
        pytest.param(_earlier, Reason.STALE, id="of before the start"),
        pytest.param(_says(""), Reason.BAD_VALUE, id="nothing"),
        pytest.param(
            _says("\udcff".encode("utf-8", "surrogatepass").decode("latin-1")), Reason.BAD_VALUE, id="no text"
        ),
        pytest.param(_says(f'{{{_HEAD}, "act": "reboot"}}'), Reason.BAD_VALUE, id="another act"),
        pytest.param(_says(f'{{{_HEAD}, "act": "apply", "from": "/x"}}'), Reason.BAD_VALUE, id="a place"),
        pytest.param(_says(f'{{{_HEAD}, "act": "apply", "version": "../x"}}'), Reason.BAD_VALUE, id="a path"),
        pytest.param(_says(f'{{{_HEAD}, "act": "check"}}'.replace(ID, "1")), Reason.BAD_VALUE, id="another id"),
    ],
)
def test_what_is_no_wish_is_refused_and_removed(tmp_path: Path, make: Callable[[Path], None], reason: Reason) -> None:
    make(tmp_path / "wish.json")
    with pytest.raises(UpdateError) as caught:
        wishes.take_wish(tmp_path, OURS)
    assert caught.value.reason is reason
    assert not wishes.waits(tmp_path)
    if make is _link:
        assert (tmp_path / "elsewhere").exists()


def test_what_somebody_else_has_written_is_refused_and_removed(tmp_path: Path) -> None:
    wishes.write_wish(tmp_path, wishes.new_wish("check"))
    with pytest.raises(UpdateError, match="is of user") as caught:
        wishes.take_wish(tmp_path, {os.getuid() + 1})
    assert caught.value.reason is Reason.NOT_ALLOWED
    assert not wishes.waits(tmp_path)


def test_a_folder_that_leads_elsewhere_is_not_gone_into(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    wishes.write_wish(elsewhere, wishes.new_wish("check"))
    (tmp_path / "software").symlink_to(elsewhere)
    with pytest.raises(UpdateError) as caught:
        wishes.take_wish(tmp_path / "software", OURS)
    assert caught.value.reason is Reason.NOT_ALLOWED
    assert wishes.waits(elsewhere)


def test_an_outcome_is_for_everybody_to_read_and_of_any_version(tmp_path: Path) -> None:
    assert wishes.read_outcome(tmp_path) is None
    told = Outcome(state="done", id=ID, act="check", ready="0.3.0", words="It is fetched.")
    wishes.write_outcome(tmp_path / "told", told)
    assert wishes.read_outcome(tmp_path / "told") == told
    assert (tmp_path / "told/outcome.json").stat().st_mode & 0o777 == 0o644
    (tmp_path / "told/outcome.json").write_text('{"state": "done", "mood": "good"}')
    assert wishes.read_outcome(tmp_path / "told") == Outcome(state="done")
    (tmp_path / "told/outcome.json").write_text('{"state": "done"')
    assert wishes.read_outcome(tmp_path / "told") is None


def test_what_was_cut_off_is_not_under_way() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    doing = Outcome(state="doing", pid=os.getpid())
    assert doing.under_way
    assert replace(doing, pid=1).under_way  # Somebody else's is there too.
    assert not replace(doing, pid=child.pid).under_way
    assert not replace(doing, pid=0).under_way
    assert not replace(doing, state="done").under_way
