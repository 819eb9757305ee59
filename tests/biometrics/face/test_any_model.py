"""Another embedder means another manifest and no code: every form of input and output, and what is wrong with some."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.biometrics.face import FaceBox, FaceEngine, synthetic
from hotspotd.biometrics.models import load_manifest
from hotspotd.biometrics.runtime import installed_runtime
from hotspotd.errors import BiometricError, Reason
from tests.biometrics.tiny_models import Form, embedder, embedder_file, manifest_text

PLACES = {
    "left_eye": (0.34, 0.46),
    "right_eye": (0.66, 0.46),
    "nose": (0.5, 0.64),
    "mouth_left": (0.37, 0.82),
    "mouth_right": (0.63, 0.82),
}


def five_points(unit: str, size: int) -> str:
    """The table [alignment] with PLACES times ``size``."""
    lines = (f"{name} = [{x * size}, {y * size}]" for name, (x, y) in PLACES.items())
    return "\n".join([f'kind = "five_points"\nunit = "{unit}"', *lines])


FIVE_POINTS = five_points("shares", 1)

FORMS = {
    "112x112, centred": Form(),
    "112x112, raw 0 to 255": Form(mean=0.0, scale=1.0),
    "112 high, 96 wide": Form(width=96, height=112),
    "160x160": Form(width=160, height=160, length=512),
    "NCHW": Form(layout="NCHW"),
    "BGR": Form(colour="BGR"),
    "grey": Form(colour="GREY", length=256),
    "by channel": Form(mean=(123.7, 116.3, 103.5), scale=(58.4, 57.1, 57.4)),
    "int8": Form(kind="int8"),
    "uint8, raw 0 to 255": Form(kind="uint8", mean=0.0, scale=255.0, input_step=1 / 255),
    "int8 NCHW": Form(kind="int8", layout="NCHW", input_zero=-3),
}


@pytest.fixture(scope="module")
def face() -> tuple[NDArray[np.uint8], FaceBox]:
    rgb = synthetic.picture(synthetic.person(3), np.random.default_rng(3))
    return rgb, FaceEngine.open().detect(rgb)[0]


def embedding(folder: Path, form: Form, face: tuple[NDArray[np.uint8], FaceBox], **more: str) -> NDArray[np.float32]:
    return FaceEngine.open(embedder(folder, form, **more)).embed(*face)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_every_form_of_model_gives_an_embedding(
    form: Form, tmp_path: Path, face: tuple[NDArray[np.uint8], FaceBox]
) -> None:
    engine = FaceEngine.open(embedder(tmp_path, form))
    made = engine.embed(*face)
    assert made.shape == (engine.dimensions,) == (form.length,)
    assert float(np.linalg.norm(made)) == pytest.approx(1, abs=1e-5)
    # A face's own mirror image is near it in these models, another picture is not the same.
    mirrored = engine.embed(np.ascontiguousarray(face[0][::-1]), face[1])
    assert engine.similarity(made, mirrored) < 0.999


@pytest.mark.parametrize(
    ("form", "least"),
    [
        (Form(layout="NCHW"), 0.99999),
        (Form(colour="BGR"), 0.99999),
        (Form(kind="int8"), 0.99),
        (Form(kind="uint8", input_zero=128), 0.99),
        (Form(mean=(127.5, 127.5, 127.5), scale=(128.0, 128.0, 128.0)), 0.99999),
    ],
    ids=["NCHW", "BGR", "int8", "uint8", "by channel"],
)
def test_one_model_in_another_form_gives_the_same_embedding(
    form: Form, least: float, tmp_path: Path, face: tuple[NDArray[np.uint8], FaceBox]
) -> None:
    plain, other = embedding(tmp_path, Form(), face), embedding(tmp_path, form, face)
    assert float(plain @ other) >= least


def test_raw_pixels_and_centred_ones_are_not_the_same_input(
    tmp_path: Path, face: tuple[NDArray[np.uint8], FaceBox]
) -> None:
    assert float(embedding(tmp_path, Form(), face) @ embedding(tmp_path, Form(mean=0.0, scale=1.0), face)) < 0.99


def test_a_uint8_input_of_scale_one_takes_the_pixels_themselves(
    tmp_path: Path, face: tuple[NDArray[np.uint8], FaceBox]
) -> None:
    raw = embedding(tmp_path, Form(mean=0.0, scale=1.0), face)
    whole = embedding(tmp_path, Form(kind="uint8", mean=0.0, scale=1.0, input_step=1.0, output_step=4.0), face)
    assert float(raw @ whole) > 0.99


def test_five_points_in_shares_and_in_pixels_are_one_template(
    tmp_path: Path, face: tuple[NDArray[np.uint8], FaceBox]
) -> None:
    rgb, box = face
    (lx, ly), (rx, ry) = box.eyes
    d = rx - lx
    corners = ((lx + 0.1 * d, ly + 1.1 * d), (rx - 0.1 * d, ry + 1.1 * d))
    known = replace(box, nose=((lx + rx) / 2, ly + 0.6 * d), mouth_corners=corners)
    points = known.five_points
    assert points is not None
    assert points.shape == (5, 2)
    pixels = five_points("pixels", 112)
    one = embedding(tmp_path, Form(), (rgb, known), alignment=FIVE_POINTS)
    assert float(one @ embedding(tmp_path, Form(), (rgb, known), alignment=pixels)) > 0.999999


def test_with_eyes_alone_five_points_align_by_the_eyes(tmp_path: Path, face: tuple[NDArray[np.uint8], FaceBox]) -> None:
    by_eyes = embedding(tmp_path, Form(), face)
    assert float(by_eyes @ embedding(tmp_path, Form(), face, alignment=FIVE_POINTS)) > 0.999999


def test_a_mirrored_embedder_cannot_tell_a_face_from_its_mirror_image(
    tmp_path: Path, face: tuple[NDArray[np.uint8], FaceBox]
) -> None:
    rgb, box = face
    width = rgb.shape[1]
    (lx, ly), (rx, ry) = box.eyes
    turned = replace(box, x=width - box.x - box.width, eyes=((width - 1 - rx, ry), (width - 1 - lx, ly)))
    mirror = np.ascontiguousarray(rgb[:, ::-1])
    # Symmetrical about the middle of the input's pixels, which is 55.5.
    level = f'kind = "eyes"\nleft_x = {37.5 / 112}\nleft_y = 0.46\nright_x = {73.5 / 112}\nright_y = 0.46'
    plain = FaceEngine.open(embedder(tmp_path, Form(), alignment=level))
    both = FaceEngine.open(embedder(tmp_path, Form(), alignment=level, more="mirrored = true"))
    assert plain.engine != both.engine
    apart = plain.similarity(plain.embed(rgb, box), plain.embed(mirror, turned))
    assert both.similarity(both.embed(rgb, box), both.embed(mirror, turned)) > max(0.9995, apart)


def test_whatever_changes_an_embedding_changes_the_engine(tmp_path: Path) -> None:
    forms = [Form(), Form(mean=0.0), Form(length=256)]
    ids = {FaceEngine.open(embedder(tmp_path, form)).engine for form in forms}
    ids.add(FaceEngine.open(embedder(tmp_path, Form(), alignment=FIVE_POINTS)).engine)
    assert len(ids) == 4


def test_several_frames_are_fused_into_their_middle(tmp_path: Path) -> None:
    engine = FaceEngine.open(embedder(tmp_path, Form()))
    rng = np.random.default_rng(5)
    person = rng.normal(size=128)
    frames = [np.asarray(v / np.linalg.norm(v), np.float32) for v in person + rng.normal(size=(5, 128))]
    fused = engine.fuse(frames)
    truth = np.asarray(person / np.linalg.norm(person), np.float32)
    assert float(np.linalg.norm(fused)) == pytest.approx(1, abs=1e-5)
    assert engine.similarity(fused, truth) > max(engine.similarity(one, truth) for one in frames)
    assert np.allclose(engine.fuse(frames[:1]), frames[0], atol=1e-6)


def test_what_cannot_be_fused_is_refused(tmp_path: Path) -> None:
    engine = FaceEngine.open(embedder(tmp_path, Form()))
    one = np.zeros(128, np.float32)
    one[0] = 1
    for bad in ([], [one[:64]], [one, -one]):
        with pytest.raises(BiometricError) as caught:
            engine.fuse(bad)
        assert caught.value.reason is Reason.BAD_TEMPLATE


@pytest.mark.parametrize(
    ("truth", "lie"),
    [
        (Form(), Form(width=160, height=160)),
        (Form(), Form(width=96)),
        (Form(), Form(layout="NCHW")),
        (Form(), Form(colour="GREY")),
        (Form(), Form(length=512)),
        (Form(), Form(kind="int8")),
    ],
    ids=["size", "width", "layout", "channels", "length", "name of the output"],
)
def test_a_manifest_that_lies_about_its_model_is_refused_when_it_is_opened(
    truth: Form, lie: Form, tmp_path: Path
) -> None:
    content = embedder_file(truth)
    (tmp_path / "tiny.tflite").write_bytes(content)
    (tmp_path / "tiny.toml").write_text(manifest_text(lie, content), encoding="utf-8")
    with pytest.raises(BiometricError, match="tiny has") as caught:
        FaceEngine.open(load_manifest(tmp_path / "tiny.toml"))
    assert caught.value.reason is Reason.MODEL_SHAPE
    assert "manifest" in caught.value.advice


@pytest.mark.parametrize("kept", [0, 40, 900, 5000])
def test_a_truncated_model_is_refused_though_its_manifest_vouches_for_it(kept: int, tmp_path: Path) -> None:
    if kept >= 64 and installed_runtime().name == "tflite-runtime":
        pytest.skip("tflite-runtime 2.14 does not verify a file's structure; the hash is the only guard there")
    content = embedder_file(Form())[: kept or 1]
    (tmp_path / "tiny.tflite").write_bytes(content)
    (tmp_path / "tiny.toml").write_text(manifest_text(Form(), content), encoding="utf-8")
    with pytest.raises(BiometricError) as caught:
        FaceEngine.open(load_manifest(tmp_path / "tiny.toml"))
    assert caught.value.reason is Reason.MODEL_SHAPE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("mean = 127.5", "mean = [1.0, 2.0]"),
        ("mean = 127.5", "mean = inf"),
        ("scale = 128.0", "scale = [1.0, 0.0, 1.0]"),
        ("scale = 128.0", "scale = -1.0"),
        ('colour = "RGB"\nmean = 127.5', 'colour = "GREY"\nmean = [1.0, 2.0, 3.0]'),
        ("left_eye = [0.34, 0.46]", "left_eye = [0.9, 0.46]"),
        ('unit = "shares"', 'unit = "inches"'),
        ("nose = [0.5, 0.64]", "nose = [0.5]"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused(old: str, new: str, tmp_path: Path) -> None:
    text = manifest_text(Form(), b"x", alignment=FIVE_POINTS)
    assert old in text
    (tmp_path / "tiny.toml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(BiometricError, match=r"tiny\.toml") as caught:
        load_manifest(tmp_path / "tiny.toml")
    assert caught.value.reason is Reason.MODEL_SHAPE


def test_a_small_picture_of_a_large_face_is_not_smeared_by_enlarging_it(
    tmp_path: Path, face: tuple[NDArray[np.uint8], FaceBox]
) -> None:
    rgb, _ = face
    engine = FaceEngine.open(embedder(tmp_path, Form()))
    small = np.asarray(cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    made = [engine.embed(picture, engine.detect(picture)[0]) for picture in (rgb, small)]
    assert engine.similarity(*made) > 0.98
