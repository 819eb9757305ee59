"""``hotspotctl evaluate fingers`` and ``calibrate fingers``, on folders of drawn prints."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from hotspotd.biometrics.finger import ENGINE, calibration
from hotspotd.biometrics.finger.synthetic import impression, master
from hotspotd.cli.measuring import write_whole
from hotspotd.upkeep.checks import machine
from hotspotd.upkeep.checks.finding import State, Subject, examine
from tests.cli.conftest import Site

Run = Callable[..., tuple[int, str, str]]
FINGERS = 11
"""As few as a calibration takes."""


@pytest.fixture(scope="module")
def prints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two prints each of eleven fingers."""
    folder = tmp_path_factory.mktemp("prints") / "lane"
    folder.mkdir()
    for seed in range(FINGERS):
        finger, rng = master(500 + seed), np.random.default_rng(seed)
        for number in range(2):
            assert cv2.imwrite(str(folder / f"f{seed}_{number}.png"), impression(finger, rng))
    return folder


def part(prints: Path, to: Path, fingers: int = 3) -> Path:
    """A folder with the first few fingers of ``prints``."""
    to.mkdir()
    for path in prints.iterdir():
        if int(path.stem[1:].partition("_")[0]) < fingers:
            (to / path.name).write_bytes(path.read_bytes())
    return to


@pytest.fixture(scope="module")
def measured(prints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command writes about two folders: result.json and scores.csv."""
    out = tmp_path_factory.mktemp("measured")
    small = part(prints, out / "small")
    # As it is installed, in a process of its own: standard error is no terminal.
    program = "import sys; from hotspotd.cli.main import main; sys.exit(main())"
    command = (sys.executable, "-c", program, "evaluate", "fingers", prints, small)
    files = ("--json", out / "result.json", "--scores", out / "scores.csv", "--dpi", "500")
    done = subprocess.run([*command, *files], check=True, capture_output=True, text=True)
    (out / "table.txt").write_text(done.stdout)
    assert "comparisons" not in done.stderr, "no bar where no terminal is"
    return out


def test_the_result_has_the_keys_that_the_guide_names(measured: Path) -> None:
    found = json.loads((measured / "result.json").read_text())
    assert {"engine", "dpi", "sets", "pooled", "extract_ms", "compare_us"} <= set(found)
    assert (found["engine"], found["dpi"], found["threads"]) == (ENGINE, 500, 1)
    lane, small = found["sets"]
    assert (lane["name"], lane["fingers"], lane["impressions"], lane["pictures"], lane["fte"]) == ("lane", 11, 2, 22, 0)
    for one in (lane, small, found["pooled"]):
        for protocol in ("fvc", "all"):
            assert {"eer", "fmr100", "fmr1000", "zero_fmr", "genuine", "impostor"} <= set(one[protocol])
    assert (lane["fvc"]["genuine"], lane["fvc"]["impostor"], lane["all"]["impostor"]) == (11, 55, 220)
    assert (small["fvc"]["impostor"], small["all"]["impostor"]) == (3, 12)
    assert found["pooled"]["all"]["impostor"] == 232
    assert found["pooled"]["mean_eer"]["all"] == pytest.approx((lane["all"]["eer"] + small["all"]["eer"]) / 2, abs=1e-3)
    assert lane["extract_ms"] > 0
    assert lane["compare_us"] > 0
    assert lane["all"]["eer"] <= 10, "good drawn prints are told apart"


def test_people_get_a_table(measured: Path) -> None:
    table = (measured / "table.txt").read_text()
    for words in ("lane", "11 x 2", "FMR1000", "pooled, one threshold", "232 impostor comparisons"):
        assert words in table


def test_every_comparison_is_in_the_scores(measured: Path) -> None:
    lines = (measured / "scores.csv").read_text().splitlines()
    assert lines[0] == "set,probe,reference,kind,score,engine"
    assert len(lines) == 1 + 22 * 21 // 2 + 6 * 5 // 2
    assert lines[1].startswith("lane,f0_0.png,f0_1.png,genuine,")


def test_what_cannot_be_read_is_counted_and_told_and_the_run_goes_on(run: Run, prints: Path, tmp_path: Path) -> None:
    folder = part(prints, tmp_path / "part", 2)
    (folder / "f1_1.png").write_bytes(b"no picture")
    assert cv2.imwrite(str(folder / "f1_2.png"), np.full((288, 256), 255, np.uint8))
    code, out, _ = run("evaluate", "fingers", folder, "--json", "-")
    assert code == 1
    (one,) = json.loads(out)["sets"]
    assert (one["fte"], one["fte_percent"]) == (2, 40.0)
    assert [(failure["picture"], failure["reason"]) for failure in one["failures"]] == [
        ("f1_1.png", "bad_image"),
        ("f1_2.png", "no_finger"),
    ]
    (folder / "f1_1.png").unlink()
    code, out, _ = run("evaluate", "fingers", folder)
    assert code == 0, "a blank print is a result, no problem of the run"
    assert "f1_2.png" in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("none",), 3, "no such folder"),
        (("empty",), 3, "no picture is called {finger}_{impression}"),
        (("lane", "--dpi", "90"), 2, "no resolution"),
        (("lane", "--plot", "det.gif"), 2, "does not end in .png"),
        (("lane", "--json", "none/result.json"), 3, "its folder is not there"),
        (("lane", "--calibration", "none.json"), 3, "No such file"),
        ((), 2, "required"),
    ],
)
def test_wrong_arguments_are_refused_before_the_work(
    run: Run, prints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int,
    words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "lane").symlink_to(prints)
    found, out, err = run("evaluate", "fingers", *arguments)
    assert found == code
    assert words in err
    assert not out


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_det_curves_are_drawn(run: Run, prints: Path, tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("matplotlib")
    plot = tmp_path / f"det{suffix}"
    folders = (part(prints, tmp_path / "a$b^"), part(prints, tmp_path / "two"))
    assert run("evaluate", "fingers", *folders, "--plot", plot)[0] == 0
    content = plot.read_bytes()
    assert content.startswith({".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix])
    if suffix == ".png":
        image = cv2.imread(str(plot))
        assert image is not None
        assert image.shape[1] > 1000
        assert len(np.unique(image.reshape(-1, 3), axis=0)) > 50, "something is drawn"


def test_without_matplotlib_the_command_says_so_at_once(
    run: Run, prints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As Python does where a module is not there.
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, err = run("evaluate", "fingers", prints, "--plot", tmp_path / "det.png")
    assert code == 3
    assert "matplotlib" in err


@pytest.fixture
def bundled_again() -> Iterator[None]:
    yield
    calibration.use(None)


@pytest.mark.usefixtures("bundled_again")
def test_a_calibration_is_made_and_taken_by_the_configuration(
    run: Run, prints: Path, measured: Path, tmp_path: Path, site: Site
) -> None:
    code, out, _ = run("calibrate", "fingers", prints, "--out", tmp_path / "made.json")
    assert code == 0
    assert "220 impostor comparisons: lane (220)" in out
    assert "extrapolated" in out
    made = calibration.read(tmp_path / "made.json", 1e-4)
    assert (made.engine, made.impostor_pairs) == (ENGINE, 220)

    for rate, expected, words in (("1e-4", 0, "fine"), ("1e-6", 1, "claims no rate below")):
        site.configure(
            gateway="https://localhost:1",
            more=f'[matching]\nfinger_fmr = {rate}\nfinger_calibration = "{tmp_path}/made.json"\n',
        )
        code, out, err = run("config", "check", site.path)
        assert code == expected
        assert words in out + err
        (told,) = examine(machine.finger_calibration, Subject.read(site.path))
        assert told.state is (State.FAILS if expected else State.WORKS)

    code, out, _ = run(
        "evaluate", "fingers", part(prints, tmp_path / "p"), "--calibration", tmp_path / "made.json", "--json", "-"
    )
    assert code == 0


def test_scores_and_pictures_give_the_same_calibration(run: Run, prints: Path, measured: Path, tmp_path: Path) -> None:
    lines = (measured / "scores.csv").read_text().splitlines()
    (tmp_path / "scores.csv").write_text("\n".join(line for line in lines if not line.startswith("small,")) + "\n")
    assert run("calibrate", "fingers", "--scores", tmp_path / "scores.csv", "--out", tmp_path / "a.json")[0] == 0
    assert run("calibrate", "fingers", prints, "--out", tmp_path / "b.json")[0] == 0
    one, other = (calibration.read(tmp_path / name) for name in ("a.json", "b.json"))
    assert one.scores == pytest.approx(other.scores, abs=1e-4)
    assert one.log10_fmr == other.log10_fmr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "folders of pictures, or --scores"),
        (("lane", "--scores", "scores.csv"), 2, "folders of pictures, or --scores"),
        (("small",), 3, "small: 12 comparisons of different fingers, 200 are needed"),
        (("--scores", "none.csv"), 3, "No such file"),
    ],
)
def test_what_gives_no_calibration_is_refused_and_nothing_is_written(
    run: Run, prints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int,
    words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    part(prints, tmp_path / "small")
    found, _, err = run("calibrate", "fingers", *arguments, "--out", "made.json")
    assert found == code
    assert words in err
    assert not (tmp_path / "made.json").exists()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "made.json"
    path.write_text("before")

    def fail(file: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_whole(path, fail)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
    write_whole(path, lambda file: file.write("after"))
    assert path.read_text() == "after"
    assert path.stat().st_mode & 0o777 == 0o644
