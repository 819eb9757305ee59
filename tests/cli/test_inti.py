"""``hotspotctl inti``."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from hotspotd.relay.inti import itl, xml6
from tests.relay.inti.test_check import SOUND

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "nps.xml"
    path.write_bytes(xml6.write(SOUND))
    return path


def test_a_file_is_shown_by_record_and_field(run: Run, sound: Path) -> None:
    code, out, _ = run("inti", "show", sound)
    assert code == 0
    assert any(line.split() == ["1", "1.004", "TOT", "NPS"] for line in out.splitlines())
    assert "6 bytes, no picture of a known format" in out


def test_what_would_steer_a_terminal_is_not_shown_as_it_is(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "odd.an2"
    head = b"1.001:%03d\x1d1.009:T\x1b[2J\x07\xc2\x9b\x1c"
    path.write_bytes(head % (len(head) - 1))
    code, out, _ = run("inti", "show", path)
    assert (code, "\x1b" in out, "\x07" in out, "\x9b" in out) == (0, False, False, False)


def test_persons_can_be_left_out(run: Run, sound: Path) -> None:
    for more in ((), ("--json",)):
        code, out, _ = run("inti", "show", sound, "--hide-persons", *more)
        assert (code, "NPS" in out, "VIS" in out) == (0, True, False)
    shown = json.loads(run("inti", "show", sound, "--json")[1])
    (civil,) = [field for field in shown["records"][1]["fields"] if field["mnemonic"] == "CIV"]
    assert civil["subfields"] == [["VIS"]]


def test_a_sound_file_is_fine_and_a_faulty_one_is_told_with_exit_code_1(run: Run, sound: Path) -> None:
    code, out, _ = run("inti", "check", sound)
    assert (code, "nothing is wrong" in out) == (0, True)
    sound.write_bytes(sound.read_bytes().replace(b">NPS<", b">CAR<"))
    code, out, _ = run("inti", "check", sound)
    assert (code, "116" in out, "TOT" in out) == (1, True, True)
    code, out, _ = run("inti", "check", sound, "--json")
    told = json.loads(out)
    assert (code, told["sound"], told["faults"][0]["code"]) == (1, False, "116")


def test_a_file_is_converted_and_converted_back(run: Run, sound: Path, tmp_path: Path) -> None:
    code, out, _ = run("inti", "convert", sound, tmp_path / "nps.an2", "--json")
    assert (code, json.loads(out)["left_out"]) == (0, [])
    written = tmp_path / "nps.an2"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert itl.read(written.read_bytes()).header.item(9) == "T1"
    assert run("inti", "convert", written, tmp_path / "again.xml")[0] == 0
    assert xml6.read((tmp_path / "again.xml").read_bytes()) == SOUND


def test_what_cannot_be_converted_is_refused_or_told(run: Run, sound: Path, tmp_path: Path) -> None:
    sound.write_bytes(sound.read_bytes().replace(b"</itl:PackageInf", b"<Thing>x</Thing></itl:PackageInf"))
    out = tmp_path / "nps.an2"
    code, _, err = run("inti", "convert", sound, out)
    assert (code, "Thing" in err, "--lossy" in err, out.exists()) == (3, True, True, False)
    code, _, err = run("inti", "convert", sound, out, "--lossy")
    assert (code, "left out: Thing" in err, out.exists()) == (1, True, True)


def test_a_file_that_is_none_is_refused_by_name(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "none.xml"
    path.write_bytes(b"nothing")
    for command in (("show", path), ("check", path), ("convert", path, tmp_path / "out.xml")):
        code, out, err = run("inti", *command)
        assert (code, out, str(path) in err) == (3, "", True)


def test_the_same_encoding_is_refused(run: Run, sound: Path, tmp_path: Path) -> None:
    code, _, err = run("inti", "convert", sound, tmp_path / "copy.xml")
    assert (code, "already" in err) == (3, True)
    assert run("inti", "convert", sound, tmp_path / "copy.xml", "--to", "traditional")[0] == 0
