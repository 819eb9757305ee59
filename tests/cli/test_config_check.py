"""``hotspotctl config check`` and the command line itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Site

Run = Callable[..., tuple[int, str, str]]
DOCUMENTED = Path(__file__).resolve().parent.parent.parent / "config" / "hotspotd.toml"


def test_a_usable_configuration_is_fine(run: Run, site: Site) -> None:
    code, out, _ = run("config", "check", site.path)
    assert code == 0
    assert "fine" in out


def test_the_documented_configuration_is_fine_with_its_drivers(run: Run) -> None:
    assert run("config", "check", DOCUMENTED)[0] == 0


def test_a_wrong_key_is_a_problem_that_names_file_and_key(run: Run, site: Site) -> None:
    site.configure(gateway="https://localhost:1", more="[log]\nlevle = 'info'")
    code, out, err = run("config", "check", site.path)
    assert (code, out) == (1, "")
    assert str(site.path) in err
    assert "levle" in err


def test_an_unknown_driver_and_a_wrong_address_are_problems(run: Run, site: Site) -> None:
    text = site.path.read_text().replace('"r30x"', '"r30y"').replace("?fps=5", "?speed=5")
    site.path.write_text(text)
    code, _, err = run("config", "check", site.path)
    assert code == 1
    assert "lanes[0].scanner" in err
    assert "lanes[0].camera" in err


def test_a_file_that_is_not_there_cannot_be_checked(run: Run, tmp_path: Path) -> None:
    assert run("config", "check", tmp_path / "none.toml")[0] == 3


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("config",), ("watchlist", "build"), ("doctor", "--jsn")])
def test_wrong_usage_has_its_exit_code(run: Run, arguments: tuple[str, ...]) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert "usage: hotspotctl" in err


@pytest.mark.parametrize(
    "arguments",
    [(), ("doctor",), ("config", "check"), ("watchlist", "build"), ("watchlist", "show"), ("watchlist", "rollback")],
)
def test_help_has_an_example(run: Run, arguments: tuple[str, ...]) -> None:
    code, out, _ = run(*arguments, "--help")
    assert code == 0
    assert "example" in out
    assert f"hotspotctl {' '.join(arguments)}".strip() in out
