"""The passive liveness check: its manifest's numbers are used, and crops at the border are as the model was taught."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.biometrics.face import FaceBox
from hotspotd.biometrics.face.liveness import PassiveLiveness
from hotspotd.biometrics.face.liveness.passive import inside, view
from hotspotd.biometrics.models import ModelManifest, load_manifest
from hotspotd.errors import BiometricError, Reason

_ROOT = Path(__file__).resolve().parents[3]
_DATA = _ROOT.parent / "shared" / "data"
_MODEL = _DATA / "models" / "minifasnet_v2.tflite"
_NEEDS_MODEL = pytest.mark.skipif(not _MODEL.is_file(), reason="no minifasnet_v2.tflite in ../shared/data/models")

# Faces on the three sample pictures (480 x 640), by eye.
_FACES = {
    "image_T1": FaceBox(111, 153, 202, 202, ((175.0, 205.0), (262.0, 222.0)), True),
    "image_F1": FaceBox(189, 156, 186, 186, ((222.0, 206.0), (294.0, 206.0)), True),
    "image_F2": FaceBox(122, 213, 265, 265, ((195.0, 320.0), (300.0, 335.0)), True),
}


def _manifest() -> ModelManifest:
    manifest = load_manifest(_ROOT / "config" / "models" / "minifasnet-v2.toml")
    return msgspec.structs.replace(manifest, folder=str(_MODEL.parent))


def _picture(name: str) -> NDArray[np.uint8]:
    pixels = cv2.imread(str(_DATA / "faces" / "pad_samples" / f"{name}.jpg"), cv2.IMREAD_COLOR_RGB)
    assert pixels is not None
    return np.asarray(pixels, np.uint8)


@_NEEDS_MODEL
def test_the_live_sample_passes_and_the_attacks_do_not() -> None:
    check = PassiveLiveness.open(_manifest())
    scores = {name: check.score(_picture(name), box) for name, box in _FACES.items()}
    assert scores["image_T1"] > 0.9
    assert scores["image_F1"] < 0.2
    assert scores["image_F2"] < 0.2


@_NEEDS_MODEL
def test_the_numbers_of_the_manifest_are_used() -> None:
    right = _manifest()
    live = _picture("image_T1"), _FACES["image_T1"]
    assert PassiveLiveness.open(right).score(*live) > 0.9
    # The model was taught pixels of 0 to 255: divided by 255, everything looks like an attack to it.
    divided = msgspec.structs.replace(right, input=msgspec.structs.replace(right.input, scale=255.0))
    assert PassiveLiveness.open(divided).score(*live) < 0.1
    # With colours the wrong way round a printed photo looks live.
    swapped = msgspec.structs.replace(right, input=msgspec.structs.replace(right.input, colour="RGB"))
    assert PassiveLiveness.open(swapped).score(_picture("image_F1"), _FACES["image_F1"]) > 0.5
    assert right.classes is not None
    other = msgspec.structs.replace(right, classes=msgspec.structs.replace(right.classes, live=2))
    assert PassiveLiveness.open(other).score(*live) < 0.1
    logits = msgspec.structs.replace(right, classes=msgspec.structs.replace(right.classes, values="logits"))
    # A second softmax over probabilities: e / (e + 2) at most.
    assert PassiveLiveness.open(logits).score(*live) == pytest.approx(np.e / (np.e + 2), abs=0.01)


@_NEEDS_MODEL
def test_a_demonstration_model_is_refused_in_production() -> None:
    with pytest.raises(BiometricError) as caught:
        PassiveLiveness.open(_manifest(), "production")
    assert caught.value.reason is Reason.MODEL_GRADE


@_NEEDS_MODEL
def test_a_file_with_another_hash_is_not_opened(tmp_path: Path) -> None:
    content = bytearray(_MODEL.read_bytes())
    content[-1] ^= 1
    (tmp_path / _MODEL.name).write_bytes(content)
    assert hashlib.sha256(content).hexdigest() != _manifest().sha256
    with pytest.raises(BiometricError) as caught:
        PassiveLiveness.open(msgspec.structs.replace(_manifest(), folder=str(tmp_path)))
    assert caught.value.reason is Reason.MODEL_HASH


def test_an_embedder_is_no_liveness_model() -> None:
    bundled = load_manifest(_ROOT / "hotspotd" / "biometrics" / "bundled" / "face-descriptor.toml")
    with pytest.raises(BiometricError) as caught:
        PassiveLiveness.open(bundled)
    assert caught.value.reason is Reason.MODEL_SHAPE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("live = 1", "live = 3"),
        ('[classes]\ntensor = "serving_default_output_0_output"', '[classes]\ntensor = "elsewhere"'),
        ('values = "probabilities"', 'values = "votes"'),
        ("live = 1\n", ""),
    ],
)
def test_a_manifest_that_does_not_say_which_class_is_live_is_refused(tmp_path: Path, old: str, new: str) -> None:
    text = (_ROOT / "config" / "models" / "minifasnet-v2.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "minifasnet-v2.toml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(BiometricError) as caught:
        load_manifest(tmp_path / "minifasnet-v2.toml")
    assert caught.value.reason is Reason.MODEL_SHAPE


def _box(x: int, y: int, width: int, height: int) -> FaceBox:
    return FaceBox(x, y, width, height, ((x + 1.0, y + 1.0), (x + 2.0, y + 1.0)), False)


def test_a_crop_grows_about_the_face() -> None:
    assert inside(_box(270, 200, 100, 100), 2.7, (640, 480)) == (185, 115, 455, 385)


def test_a_crop_at_the_border_is_shifted_and_keeps_its_size() -> None:
    left, top, right, bottom = inside(_box(0, 380, 100, 100), 2.7, (640, 480))
    assert (left, bottom) == (0, 479)
    assert (right - left, bottom - top) == (270, 270)


def test_a_crop_that_does_not_fit_is_made_smaller_in_both_directions() -> None:
    left, top, right, bottom = inside(_box(200, 100, 200, 300), 2.7, (640, 480))
    assert (top, bottom) == (0, 479)
    assert (right - left) / (bottom - top) == pytest.approx(200 / 300, abs=0.01)


def test_the_crop_never_leaves_the_picture() -> None:
    rng = np.random.default_rng(5)
    manifest = load_manifest(_ROOT / "config" / "models" / "minifasnet-v2.toml")
    for _ in range(200):
        width, height = (int(n) for n in rng.integers(40, 400, 2))
        w, h = int(rng.integers(8, width + 1)), int(rng.integers(8, height + 1))
        box = _box(int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1)), w, h)
        left, top, right, bottom = inside(box, 2.7, (width, height))
        assert 0 <= left < right < width
        assert 0 <= top < bottom < height
        assert view(np.zeros((height, width, 3), np.uint8), box, manifest).shape == (80, 80, 3)
