"""``hotspotctl watchlist``: numbers from a source folder to an answer, and what is told of a record."""

from __future__ import annotations

import json
import syslog
from collections.abc import Callable
from pathlib import Path

import pytest

from hotspotd.watchlist import layout
from tests.cli.conftest import RECORD, write_rows

Run = Callable[..., tuple[int, str, str]]

_ROWS = [
    {"kind": "document", "number": "L898902C3", "issuer": "UTO", "status": "stolen_blank", "owner": "UTO"},
    {"kind": "vehicle", "number": "LJ 12-345", "issuer": "SVN", "status": "lost_or_stolen", "owner": "SVN"},
    {"kind": "firearm", "number": "B-4711", "status": "wanted", "owner": "XPO", "source": "iARMS 2026-11"},
    {"kind": "vin", "number": "1HGCM82633A004352", "status": "lost_or_stolen", "owner": "D0", "expires": "2030-01-01"},
    {"kind": "document", "number": "X1", "status": "revoked", "owner": "UTO"},
    {"kind": "part", "number": "---", "status": "lost_or_stolen", "owner": "UTO"},
    {"kind": "part", "number": "E1", "status": "lost_or_stolen", "owner": "UTO", "expires": "2199-01-01"},
    {"kind": "part", "number": "E1", "status": "lost_or_stolen", "owner": "UTO", "expired": "2030-01-01"},
]


@pytest.fixture(autouse=True)
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What went to the system's log."""
    lines: list[str] = []
    monkeypatch.setattr(syslog, "syslog", lines.append)
    return lines


@pytest.fixture
def lists(run: Run, tmp_path: Path) -> Path:
    """A folder with a list of ``_ROWS``, made of numbers alone."""
    source = tmp_path / "numbers-only"
    source.mkdir()
    text = "\n".join(json.dumps(row) for row in _ROWS) + "\n{broken\n" + "x" * 9000 + "\n"
    (source / "numbers.jsonl").write_text(text, encoding="utf-8")
    lists = tmp_path / "lists"
    code, out, err = run("watchlist", "build", source, lists, "--without-faces", "--version", "one")
    assert (code, err) == (1, "")
    assert "3 numbers, of 10 rows" in out
    for line in range(4, 11):
        assert f"\n{line} " in out
    return lists


def look(run: Run, lists: Path, *arguments: str) -> tuple[int, str, str]:
    return run("watchlist", "lookup", *arguments, "--folder", lists, "--purpose", "second line")


def test_a_listed_number_is_told_in_words_and_what_to_do(run: Run, lists: Path, logged: list[str]) -> None:
    code, out, _ = look(run, lists, "document", "l898902c36", "--issuer", "UTO")
    assert code == 1
    assert "Stolen blank" in out
    assert "Unconfirmed. Keep the document." in out
    (line,) = logged
    assert line.endswith("1 hits; purpose: second line")
    assert "L898902C3" not in line.upper()


def test_a_plate_is_found_without_its_country_and_as_json(run: Run, lists: Path) -> None:
    code, out, _ = look(run, lists, "vehicle", "lj12345", "--json")
    assert code == 1
    (hit,) = json.loads(out)["hits"]
    assert (hit["issuer"], hit["status"]) == ("SVN", "Lost, or stolen from the bearer")
    code, out, _ = run("watchlist", "explain", hit["reference"], "--folder", lists, "--json")
    assert code == 0
    assert json.loads(out)["lists"][0]["version"] == "one"


def test_what_is_not_listed_is_said_so(run: Run, lists: Path) -> None:
    code, out, _ = look(run, lists, "firearm", "B-4712")
    assert (code, out) == (0, "This firearm is not listed in one.\n")


def test_a_purpose_is_asked_for(run: Run, lists: Path) -> None:
    assert run("watchlist", "lookup", "vin", "1", "--folder", lists)[0] == 2


def test_another_key_cannot_ask(run: Run, lists: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    other.write_text("ab" * 32 + "\n")
    other.chmod(0o600)
    code, _, err = look(run, lists, "firearm", "B-4711", "--key", str(other))
    assert code == 3
    assert "no_key" in err


def test_a_damaged_list_is_left_out_and_the_one_before_asked(run: Run, lists: Path, source: Path) -> None:
    source.joinpath("numbers.jsonl").write_text(json.dumps(_ROWS[2]) + "\n", encoding="utf-8")
    write_rows(source, RECORD)
    assert run("watchlist", "build", source, lists, "--without-faces", "--version", "two")[0] == 0
    code, out, _ = run("watchlist", "explain", "XPO/1", "--folder", lists)
    assert code == 0
    assert "ERIKSSON" in out
    assert "previous" not in out
    rows = lists / "snapshot-two" / layout.NUMBER_ROWS
    rows.write_bytes(bytes(len(rows.read_bytes())))
    code, out, err = look(run, lists, "firearm", "B-4711")
    assert code == 1
    assert "iARMS 2026-11" in out
    assert "the current list is left out" in err
    assert run("watchlist", "explain", "XPO/9", "--folder", lists)[0] == 3
