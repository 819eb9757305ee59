"""``hotspotctl evaluate faces``, on folders of drawn people."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from hotspotd.biometrics.face import FaceEngine, calibration
from hotspotd.biometrics.face.synthetic import person, picture
from tests.cli.conftest import Site

Run = Callable[..., tuple[int, str, str]]
PEOPLE, EACH = 12, 2


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures each of twelve drawn people."""
    folder = tmp_path_factory.mktemp("faces") / "people"
    for seed in range(PEOPLE):
        name = f"P{seed}"
        (folder / name).mkdir(parents=True)
        rng = np.random.default_rng(seed)
        for number in range(1, EACH + 1):
            shown = picture(person(seed), rng, (180, 240))
            assert cv2.imwrite(str(folder / name / f"{name}_{number:04d}.jpg"), shown[:, :, ::-1])
    return folder


def test_the_result_has_the_keys_that_the_guide_names(run: Run, faces: Path, tmp_path: Path) -> None:
    out, plot = tmp_path / "result.json", tmp_path / "det.png"
    code, told, _ = run("evaluate", "faces", faces, "--json", out, "--plot", plot)
    assert code == 0
    found = json.loads(out.read_text())
    assert found["engine"] == FaceEngine.open().engine
    assert (found["grade"], found["people"], found["pictures"], found["threads"]) == ("demo", PEOPLE, 24, 1)
    assert set(found["ms"]) == {"detect", "landmarks", "align", "embed", "total", "total_p95"}
    assert {"eer", "tar", "genuine", "impostor", "fmr_bound95"} == set(found["verification"])
    assert (found["verification"]["genuine"], found["verification"]["impostor"]) == (12, 264)
    assert found["pairs"]["source"] == "drawn"
    assert (found["identification"]["mated"], found["identification"]["people"]) == (24, 12)
    assert [at["threshold"] for at in found["calibrated"]] == [1e-2, 1e-3, 1e-4, 1e-5]
    assert "rank-1" in told
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_a_pairs_file_is_compared_and_nothing_else(run: Run, faces: Path, tmp_path: Path) -> None:
    lines = ["2\t2", "P0\t1\t2", "P1\t1\t2", "P0\t1\tP1\t1", "P0\t2\tP2\t1"]
    lines += ["P3\t1\t2", "P4\t1\t2", "P3\t1\tP4\t1", "P3\t2\tP2\t1"]
    (tmp_path / "pairs.txt").write_text("\n".join(lines) + "\n")
    code, told, _ = run("evaluate", "faces", faces, "--pairs", tmp_path / "pairs.txt", "--json", "-")
    assert code == 0
    found = json.loads(told)
    assert found["pictures"] == 9
    assert (found["verification"]["genuine"], found["verification"]["impostor"]) == (4, 4)
    assert (found["pairs"]["source"], found["pairs"]["folds"], found["pairs"]["pairs"]) == ("file", 2, 8)
    assert found["identification"] is None


def test_a_file_that_is_no_picture_is_told_by_the_exit_code(run: Run, faces: Path, tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / "p" / f"P{number}").mkdir(parents=True)
        for path in (faces / f"P{number}").iterdir():
            (tmp_path / "p" / f"P{number}" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "p" / "P1" / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    code, told, _ = run("evaluate", "faces", tmp_path / "p")
    assert code == 1
    assert "P1/torn.jpg" in told


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--pairs", "none.txt"), 3, "none.txt"),
        (("--pairs", "none.txt", "--frames", "2"), 2, "leave --gallery and --frames out"),
        (("--gallery", "0"), 2, "no number from 1"),
        (("--model", "nobody"), 3, "no manifest nobody.toml"),
        (("--json", "/nowhere/x.json"), 3, "/nowhere"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_work(
    run: Run, faces: Path, more: tuple[str, ...], code: int, said: str
) -> None:
    found, _, told = run("evaluate", "faces", faces, *more)
    assert found == code
    assert said in told


def test_a_calibration_is_made_named_and_checked(run: Run, faces: Path, tmp_path: Path, site: Site) -> None:
    code, told, _ = run("calibrate", "faces", faces, "--out", tmp_path / "faces.toml")
    assert code == 0
    assert "264 pairs" in told
    assert "never claimed" in told
    made = calibration.read(tmp_path / "faces.toml", FaceEngine.open().engine)
    assert made.impostor_pairs == 264
    more = f'[matching]\nface_fmr = {{fmr}}\nface_calibration = "{tmp_path / "faces.toml"}"\n'
    site.configure(gateway="https://localhost:1", more=more.format(fmr=0.01))
    assert run("config", "check", site.path)[0] == 0
    site.configure(gateway="https://localhost:1", more=more.format(fmr=1e-6))
    code, _, told = run("config", "check", site.path)
    assert code == 1
    assert "matching.face_calibration" in told


def test_too_few_people_make_no_calibration(run: Run, faces: Path, tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    for name in ("P0", "P1"):
        (tmp_path / "few" / name).symlink_to(faces / name)
    code, _, told = run("calibrate", "faces", tmp_path / "few", "--out", tmp_path / "faces.toml")
    assert code == 3
    assert "Give more people" in told
    assert not (tmp_path / "faces.toml").exists()
