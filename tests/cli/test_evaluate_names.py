"""``hotspotctl evaluate names``, on made-up pairs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Thirty pairs of one person and thirty of two."""
    given_names = ["Anna", "Ola", "Piet", "Max", "Ivo"]
    people = [f"{surname}, {given}" for surname in ("Berg", "Kovač", "Dupont") for given in given_names]
    rows = ["name1,name2,is_match"]
    for place, name in enumerate(people):
        surname, given = name.split(", ")
        rows += [f'"{name}",{given} {surname},true', f'{surname.upper()} {given},"{name}",true']
        rows += [f'"{name}","{people[place - 1]}",false', f'"{name}","{people[place - 7]}",false']
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_rates_are_told_written_and_drawn(run: Run, pairs: Path, tmp_path: Path) -> None:
    code, out, _ = run("evaluate", "names", pairs, "--json", tmp_path / "found.json", "--plot", tmp_path / "found.png")
    assert code == 0
    assert "60 pairs, 30 of one person" in out
    assert "Cross-validated" in out
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["best"]["f1"] == 1.0
    assert set(found) == {
        "path", "pairs", "matches", "left_out", "best", "operating", "calibration", "calibration_error",
        "cross_validated", "us_per_pair",
    }  # fmt: skip
    assert (tmp_path / "found.png").read_bytes().startswith(b"\x89PNG")


def test_lines_left_out_are_told_by_number_and_by_the_exit_code(run: Run, pairs: Path) -> None:
    with pairs.open("a", encoding="utf-8") as file:
        file.write("A,B,perhaps\n")
    code, out, _ = run("evaluate", "names", pairs)
    assert code == 1
    assert "is_match is neither true nor false" in out


def test_a_file_without_pairs_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("name1,name2,is_match\n")
    code, _, err = run("evaluate", "names", tmp_path / "pairs.csv")
    assert code == 3
    assert "no labelled pair" in err
    code, _, err = run("evaluate", "names", tmp_path / "none.csv")
    assert code == 3
    assert "none.csv" in err
