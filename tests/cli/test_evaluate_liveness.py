"""``hotspotctl evaluate liveness``, on drawn acts written as frames and as videos."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.biometrics.face.acts import Act, perform

Run = Callable[..., tuple[int, str, str]]
Image = NDArray[np.uint8]
_MODELS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "models"
_MANIFESTS = Path(__file__).resolve().parents[2] / "config" / "models"


def _write(folder: Path, frames: Sequence[Image]) -> None:
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        assert cv2.imwrite(str(folder / f"{number}.png"), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))


def _film(path: Path, frames: Sequence[Image]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Turns to the left by a head (as frames, and as a video), and one that was asked for to the other side."""
    folder = tmp_path_factory.mktemp("recordings")
    frames = list(perform(Act.BONA_FIDE, 2, 1))
    _write(folder / "live" / "one-left", frames)
    _film(folder / "live" / "two.avi", frames)
    _write(folder / "other_side" / "three-right", frames)
    _write(folder / "photo" / "four-left", list(perform(Act.WAVED_PHOTO, 2, 1)))
    _write(folder / "photo" / "five-left", list(perform(Act.STILL_PHOTO, 2, 1)))
    _write(folder / "photo" / "nobody", [np.full((400, 300, 3), 128, np.uint8)] * 3)
    return folder


def test_rates_per_species_are_told_and_written(run: Run, recordings: Path, tmp_path: Path) -> None:
    code, out, _ = run("evaluate", "liveness", recordings, "--json", tmp_path / "found.json")
    assert code == 0
    assert "APCER of the worst species: 0.0" in out
    assert "too few presentations" in out
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["passive"] is None
    told = found["active"]["rates"]
    assert told["bona_fide"]["responses"] == told["bona_fide"]["presentations"] == 2
    assert told["bona_fide"]["bpcer"] == 0.0
    species = {one["species"]: one for one in told["species"]}
    assert (species["photo"]["presentations"], species["photo"]["responses"]) == (3, 1)
    assert (species["other_side"]["apcer"], species["photo"]["apcer"]) == (0.0, 0.0)
    why = {one["name"]: one["why"] for one in found["active"]["responses"]["photo"]}
    assert (why["photo/five-left"], why["photo/nobody"]) == ("no movement", "no face")


def test_the_threshold_can_be_set(run: Run, recordings: Path) -> None:
    code, out, _ = run("evaluate", "liveness", recordings, "--active-threshold", "0.95", "--json", "-")
    assert code == 0
    assert json.loads(out)["active"]["rates"]["bona_fide"]["bpcer"] == 100.0


def test_scores_can_be_drawn(run: Run, recordings: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in ("scores.png", "scores.svg"):
        assert run("evaluate", "liveness", recordings, "--plot", tmp_path / name)[0] == 0
        assert (tmp_path / name).stat().st_size > 5000


@pytest.mark.skipif(
    not (_MODELS / "minifasnet_v2.tflite").is_file(), reason="no minifasnet_v2.tflite in ../shared/data"
)
def test_pictures_are_judged_by_the_model(run: Run, tmp_path: Path) -> None:
    models, folder = tmp_path / "models", tmp_path / "pictures"
    models.mkdir()
    (models / "minifasnet-v2.toml").write_bytes((_MANIFESTS / "minifasnet-v2.toml").read_bytes())
    (models / "minifasnet_v2.tflite").symlink_to(_MODELS / "minifasnet_v2.tflite")
    _write(folder / "bona_fide", [next(perform(Act.BONA_FIDE, seed, 1)) for seed in (2, 3)])
    _write(folder / "paper", [next(perform(Act.MOVED_PHOTO, seed, 1)) for seed in (2, 3)])
    (folder / "paper" / "torn.jpg").write_bytes(b"\xff\xd8 no picture")
    code, out, _ = run("evaluate", "liveness", folder, "--models", models, "--json", "-")
    assert code == 1
    found = json.loads(out)
    assert found["active"] is None
    assert found["passive"]["rates"]["bona_fide"]["responses"] == 2
    assert [one["name"] for one in found["failures"]] == ["paper/torn.jpg"]


def test_pictures_without_a_model_are_not_measured(run: Run, tmp_path: Path) -> None:
    for group in ("live", "paper"):
        _write(tmp_path / group, [np.full((64, 64, 3), 128, np.uint8)])
    code, _, err = run("evaluate", "liveness", tmp_path, "--passive-model", "absent")
    assert code == 3
    assert "absent.toml" in err


@pytest.mark.parametrize(
    ("groups", "says"),
    [((), "no live presentations"), (("live",), "no attacks"), (("live", "bona_fide", "paper"), "both live/ and")],
)
def test_folders_that_cannot_be_measured_are_refused(
    run: Run, tmp_path: Path, groups: tuple[str, ...], says: str
) -> None:
    for group in groups:
        _write(tmp_path / group, [np.zeros((32, 32, 3), np.uint8)])
    code, _, err = run("evaluate", "liveness", tmp_path)
    assert code == 3
    assert says in err


def test_a_threshold_out_of_range_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    assert run("evaluate", "liveness", tmp_path, "--active-threshold", "1")[0] == 2
