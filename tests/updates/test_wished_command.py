"""``hotspotctl update wished``: what the unit runs, with the real steps from a signed repository to a version."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

import pytest

from hotspotd.cli import update
from hotspotd.cli.main import main
from hotspotd.cli.output import Exit
from hotspotd.updates import applying, wishes
from hotspotd.updates.building import Builder
from hotspotd.updates.versions import Versions
from tests.console.kiosk import CONFIG
from tests.updates.conftest import Publisher, quick_python
from tests.updates.steps import two


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine at which 0.2.0 runs and 0.1.0 is kept; boot-check keeps whatever is switched to."""
    versions = two(tmp_path / "opt")
    (tmp_path / "hotspotd.toml").write_text(CONFIG.format(mode="training") + '\n[software]\nroot = "root.json"\n')

    def judge() -> bool:
        versions.confirm()
        return True

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(update, "_owners", lambda: {os.getuid()})
    monkeypatch.setattr(update, "Builder", partial(Builder, python=quick_python(tmp_path)))
    monkeypatch.setattr(applying, "judged_by_systemd", judge)
    return tmp_path


def wished(root: Path, *more: str, **wish: str) -> int:
    """Wish, and run the command."""
    if wish:
        wishes.write_wish(root / "software", wishes.new_wish(**wish))  # type: ignore[arg-type]  # By name.
    command = ["update", "wished", "--json", "--root", str(root / "opt"), "--config", str(root / "hotspotd.toml")]
    places = ["--wishes", str(root / "software"), "--outcomes", str(root / "run")]
    return main([*command, *places, *more])


def told(root: Path) -> dict[str, str]:
    said: dict[str, str] = json.loads((root / "run/outcome.json").read_text())
    return said


def test_what_is_published_is_fetched_put_in_force_and_gone_back_from(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = Publisher(root / "publisher")
    publisher.publish("0.3.0")
    (root / "root.json").write_bytes(publisher.root)
    stick = ("--from", str(publisher.folder / "repository"))
    # The configuration of the tests is none that a stand-in program could judge.
    monkeypatch.setattr(Builder, "_try", lambda *_: None)
    assert wished(root, *stick, act="check") == Exit.OK
    assert (told(root)["state"], told(root)["ready"], told(root)["running"]) == ("done", "0.3.0", "0.2.0")
    assert json.loads(capsys.readouterr().out) == told(root)
    assert wished(root, *stick, act="apply", version="0.3.0") == Exit.OK
    assert (Versions(root / "opt").current, told(root)["running"], told(root)["before"]) == ("0.3.0", "0.3.0", "0.2.0")
    assert wished(root, *stick, act="roll-back", version="0.2.0") == Exit.OK
    assert (Versions(root / "opt").current, told(root)["act"]) == ("0.2.0", "roll-back")


def test_a_place_that_the_configuration_does_not_name_is_told(root: Path) -> None:
    assert wished(root, act="check") == Exit.CANNOT
    assert (told(root)["state"], told(root)["act"]) == ("failed", "check")
    assert "software.updates names nothing" in told(root)["words"]


def test_software_that_others_have_signed_is_not_put_in_force(root: Path) -> None:
    ours, theirs = Publisher(root / "ours"), Publisher(root / "theirs")
    theirs.publish("0.3.0")
    (root / "root.json").write_bytes(ours.root)
    stick = ("--from", str(theirs.folder / "repository"))
    assert wished(root, *stick, act="apply", version="0.3.0") == Exit.CANNOT
    assert (Versions(root / "opt").current, told(root)["state"]) == ("0.2.0", "failed")


def test_nothing_wished_is_nothing_done(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert wished(root) == Exit.CANNOT
    assert "nothing is wished" in capsys.readouterr().err
    assert not (root / "run").exists()


def test_only_root_takes_wishes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert wished(root, act="roll-back", version="0.1.0") == Exit.CANNOT
    assert wishes.waits(root / "software")
    assert Versions(root / "opt").current == "0.2.0"


def test_the_help_says_who_runs_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["update", "--help"])
    assert "hotspotd-update.service" in capsys.readouterr().out
