"""``hotspotctl compare faces``, on drawn people."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.face.one_to_one import compare
from hotspotd.biometrics.face.synthetic import person, picture
from hotspotd.errors import BiometricError, Reason

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures a and again of one person, b of another, none of nobody."""
    folder = tmp_path_factory.mktemp("shots")
    shown = {"a": picture(person(1), np.random.default_rng(1)), "b": picture(person(2), np.random.default_rng(2))}
    shown["none"] = np.full((480, 480, 3), 128, np.uint8)
    for name, pixels in shown.items():
        assert cv2.imwrite(str(folder / f"{name}.png"), pixels[:, :, ::-1])
    assert cv2.imwrite(str(folder / "again.jpg"), shown["a"][:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 97])
    (folder / "torn.jpg").write_bytes((folder / "again.jpg").read_bytes()[:5000])
    return folder


def test_two_pictures_of_one_face_match_and_of_two_do_not(run: Run, shots: Path) -> None:
    code, told, _ = run("compare", "faces", shots / "a.png", shots / "again.jpg", "--json")
    assert code == 0
    found = json.loads(told)
    assert found["engine"] == FaceEngine.open().engine
    assert found["compared"]["matches"]
    assert found["compared"]["similarity"] >= found["compared"]["threshold"]
    assert found["compared"]["fmr"] <= found["asked_fmr"] == 1e-3
    code, told, _ = run("compare", "faces", shots / "a.png", shots / "b.png")
    assert code == 1
    assert "do not match" in told


@pytest.mark.parametrize(
    ("probe", "portrait", "more", "code", "said"),
    [
        ("none.png", "a.png", (), 3, "the probe: no face"),
        ("a.png", "none.png", (), 3, "the portrait: no face"),
        ("a.png", "torn.jpg", (), 3, "the portrait: a JPEG picture that lost its end"),
        ("a.png", "nothing.jpg", (), 3, "nothing.jpg"),
        ("a.png", "b.png", ("--fmr", "1e-9"), 3, "no false match rate as small"),
        ("a.png", "b.png", ("--fmr", "2"), 2, "no rate"),
    ],
)
def test_what_cannot_be_compared_is_said(
    run: Run, shots: Path, probe: str, portrait: str, more: tuple[str, ...], code: int, said: str
) -> None:
    found, _, told = run("compare", "faces", shots / probe, shots / portrait, *more)
    assert found == code
    assert said in told


def test_embeddings_of_another_model_are_refused() -> None:
    engine = FaceEngine.open()
    with pytest.raises(BiometricError) as caught:
        compare(engine, np.zeros(4, np.float32), np.zeros(engine.dimensions, np.float32), 1e-3)
    assert caught.value.reason is Reason.WRONG_MODEL
