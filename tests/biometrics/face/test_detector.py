"""Detectors with anchors, decoded; and the published models, where they are at hand."""

from __future__ import annotations

import math
import shutil
from itertools import pairwise
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.biometrics.face import FaceEngine, read_picture, synthetic
from hotspotd.biometrics.face.anchor_detector import anchor_centres, decode, letterbox
from hotspotd.biometrics.face.detect import FaceDetector
from hotspotd.biometrics.manifest import Anchors, Input
from hotspotd.biometrics.models import find_model, load_manifest
from hotspotd.errors import BiometricError, Reason

CATALOGUE = Path(__file__).resolve().parents[3] / "config" / "models"
FORM = Input(width=128, height=128, layout="NHWC", colour="RGB", mean=127.5, scale=127.5)
ANCHORS = Anchors(boxes="b", scores="s", strides=(8, 16, 16, 16), left_eye=0, right_eye=1, nose=2, mouth=3)
CENTRES = anchor_centres(ANCHORS, FORM)


@pytest.fixture(scope="module")
def models(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the published models beside their manifests."""
    folder = tmp_path_factory.mktemp("models")
    for path in CATALOGUE.glob("*.toml"):
        shutil.copy(path, folder)
    for path in (shared_data / "models").glob("*.tflite"):
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def engine(models: Path) -> FaceEngine:
    return FaceEngine.open(
        find_model("mobilefacenet", [models]),
        detector=find_model("blazeface", [models]),
        landmarks=find_model("face-mesh", [models]),
    )


def drawn(seed: int = 3) -> NDArray[np.uint8]:
    return synthetic.picture(synthetic.person(seed), np.random.default_rng(seed))


def test_the_anchors_are_those_of_the_published_graph() -> None:
    assert CENTRES.shape == (896, 2)
    assert CENTRES[:3].tolist() == [[4.0, 4.0], [4.0, 4.0], [12.0, 4.0]]
    assert CENTRES[511].tolist() == [124.0, 124.0]
    assert CENTRES[512:519].tolist() == [[8.0, 8.0]] * 6 + [[24.0, 8.0]]
    assert CENTRES[-1].tolist() == [120.0, 120.0]


def numbers(finds: dict[int, tuple[float, list[float]]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Raw outputs in which only the anchors given find something: (logit, x, y, width, height)."""
    boxes, scores = np.zeros((1, 896, 16), np.float32), np.full((1, 896, 1), -100, np.float32)
    for anchor, (logit, box) in finds.items():
        scores[0, anchor, 0] = logit
        boxes[0, anchor, :4] = box
    return boxes, scores


def test_finds_that_overlap_are_one_face_blended_by_their_scores() -> None:
    # Anchors 512 and 518 are 16 pixels apart; their boxes are shifted to lie 2 pixels apart.
    found = decode(*numbers({512: (math.log(3), [0, 0, 40, 40]), 518: (0.0, [-14, 0, 40, 40])}), CENTRES, ANCHORS)
    assert len(found) == 1
    score, box = found[0]
    assert score == pytest.approx(0.75)
    assert box[:4].tolist() == pytest.approx([8 + 2 * 0.4 - 20, -12, 8 + 2 * 0.4 + 20, 28])


def test_finds_apart_are_two_faces_best_first_and_weak_ones_none() -> None:
    found = decode(
        *numbers({0: (1.0, [0, 0, 20, 20]), 511: (3.0, [0, 0, 20, 20]), 256: (-0.1, [0, 0, 20, 20])}), CENTRES, ANCHORS
    )
    assert [round(float(box[0])) for _, box in found] == [114, -6]
    assert all(one[0] > other[0] for one, other in pairwise(found))


def test_numbers_that_are_not_finite_find_nothing() -> None:
    boxes, scores = numbers({0: (float("nan"), [0, 0, 20, 20]), 300: (9.0, [float("inf"), 0, 20, 20])})
    assert decode(boxes, scores, CENTRES, ANCHORS) == []


def test_hundreds_of_finds_stay_bounded() -> None:
    rng = np.random.default_rng(4)
    boxes = rng.normal(0, 30, (1, 896, 16)).astype(np.float32)
    found = decode(boxes, np.full((1, 896, 1), 5, np.float32), CENTRES, ANCHORS)
    assert 0 < len(found) <= 512


@pytest.mark.parametrize(("height", "width"), [(480, 640), (640, 480), (40, 300), (128, 128)])
def test_a_letterboxed_picture_keeps_its_proportions_and_maps_back(height: int, width: int) -> None:
    rgb = np.full((height, width, 3), 200, np.uint8)
    view, scale, left, top = letterbox(rgb, FORM, 1.0)
    assert view.shape == (128, 128, 3)
    rows, columns = np.nonzero(view[:, :, 0])
    assert columns.max() - columns.min() + 1 == pytest.approx(width * scale, abs=1)
    assert rows.max() - rows.min() + 1 == pytest.approx(height * scale, abs=1)
    assert (columns.min(), rows.min()) == (left, top)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("blazeface", "strides = [8, 16, 16, 16]", "strides = [8, 16]"),
        ("blazeface", 'scores = "classificators"', 'scores = "elsewhere"'),
        ("blazeface", "mouth = 3", "mouth = 6"),
        ("blazeface", "least_score = 0.5", "least_score = 1.5"),
        ("face-mesh", "count = 468", "count = 478"),
        ("face-mesh", "nose = [1, 4]", "nose = [468]"),
        ("face-mesh", "nose = [1, 4]", "nose = []"),
        ("face-mesh", "passes = 2", "passes = 9"),
        ("face-mesh", 'presence = "conv2d_30"', 'presence = "conv2d_20"'),
    ],
)
def test_a_manifest_whose_decoding_does_not_fit_its_outputs_is_refused(
    name: str, old: str, new: str, tmp_path: Path
) -> None:
    text = (CATALOGUE / f"{name}.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / f"{name}.toml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(BiometricError) as caught:
        load_manifest(tmp_path / f"{name}.toml")
    assert caught.value.reason is Reason.MODEL_SHAPE


def test_a_model_of_another_role_is_refused_as_detector_and_as_landmarks(models: Path) -> None:
    embedder, other = find_model("mobilefacenet", [models]), find_model("minifasnet-v2", [models])
    for parts in ({"detector": other}, {"landmarks": other}, {"detector": embedder}):
        with pytest.raises(BiometricError) as caught:
            FaceEngine.open(embedder, **parts)
        assert caught.value.reason is Reason.MODEL_SHAPE


def test_the_engine_is_another_with_other_detectors_and_landmarks(models: Path) -> None:
    embedder = find_model("mobilefacenet", [models])
    detector, landmarks = find_model("blazeface", [models]), find_model("face-mesh", [models])
    ids = {
        FaceEngine.open(embedder).engine,
        FaceEngine.open(embedder, detector=detector).engine,
        FaceEngine.open(embedder, landmarks=landmarks).engine,
        FaceEngine.open(embedder, detector=detector, landmarks=landmarks).engine,
    }
    assert len(ids) == 4


@pytest.mark.parametrize("part", ["detector", "landmarks"])
def test_in_production_every_model_must_be_operational(part: str, models: Path) -> None:
    embedder = msgspec.structs.replace(find_model("mobilefacenet", [models]), grade="operational")
    other = find_model("blazeface" if part == "detector" else "face-mesh", [models])
    with pytest.raises(BiometricError, match="production mode") as caught:
        FaceEngine.open(embedder, "production", **{part: other})
    assert caught.value.reason is Reason.MODEL_GRADE
    graded = msgspec.structs.replace(other, grade="operational")
    assert FaceEngine.open(embedder, "production", **{part: graded}).grade == "operational"


def test_a_drawn_face_has_its_landmarks_where_they_were_drawn(engine: FaceEngine) -> None:
    rgb = drawn()
    box, _ = engine.look(rgb)
    assert box is not None
    by_cascade = FaceEngine.open().detect(rgb)[0]
    assert np.abs(np.array(box.eyes) - np.array(by_cascade.eyes)).max() < 0.12 * box.eye_distance
    assert box.mesh is not None
    assert box.mesh.shape == (468, 3)
    assert box.topology == "mediapipe-468"
    points = box.five_points
    assert points is not None
    left, right, nose, mouth_left, mouth_right = points
    assert left[0] < nose[0] < right[0]
    assert left[1] < nose[1] < mouth_left[1]
    assert mouth_left[0] < mouth_right[0]


@pytest.mark.parametrize("angle", [-30, 20])
def test_the_points_turn_with_the_picture(angle: int, engine: FaceEngine) -> None:
    rgb = drawn(5)
    upright, _ = engine.look(rgb)
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    turned = np.asarray(cv2.warpAffine(rgb, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    found, _ = engine.look(turned)
    assert upright is not None
    assert found is not None
    assert upright.five_points is not None
    assert found.five_points is not None
    expected = upright.five_points @ matrix[:, :2].T + matrix[:, 2]
    assert np.abs(found.five_points - expected).max() < 0.1 * upright.eye_distance
    assert found.roll - upright.roll == pytest.approx(-angle, abs=3)


def test_no_face_and_three_faces_are_told_with_models_too(engine: FaceEngine) -> None:
    assert engine.detect(np.full((480, 640, 3), 120, np.uint8)) == []
    row = np.hstack([drawn(seed) for seed in (3, 5, 12)])
    assert len(engine.detect(row)) == 3
    with pytest.raises(BiometricError) as caught:
        engine.embed_picture(cv2.imencode(".png", cv2.cvtColor(row, cv2.COLOR_RGB2BGR))[1].tobytes())
    assert caught.value.reason is Reason.SEVERAL_FACES


def test_a_face_that_fills_the_picture_is_found_at_the_second_look(engine: FaceEngine) -> None:
    rgb = drawn()
    box = engine.detect(rgb)[0]
    close = np.ascontiguousarray(rgb[box.y - 10 : box.y + box.height + 10, box.x - 5 : box.x + box.width + 5])
    assert len(engine.detect(close)) == 1


def test_photographs_of_one_person_are_nearer_than_those_of_two(engine: FaceEngine, shared_data: Path) -> None:
    def embedding(person: str, number: int) -> NDArray[np.float32]:
        return engine.embed_picture((shared_data / "faces" / "orl" / person / f"{number}.png").read_bytes())

    people = [[embedding(f"s{person}", number) for number in (1, 2)] for person in (1, 2, 3)]
    same = [engine.similarity(*pair) for pair in people]
    different = [engine.similarity(people[a][0], people[b][0]) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert min(same) > max(different) + 0.2
    fused = engine.fuse(people[0])
    assert engine.similarity(fused, people[0][0]) > same[0]


@pytest.mark.parametrize(("angle", "size"), [(0, 1.0), (18, 1.0), (0, 0.4), (-10, 1.5)])
def test_a_portrait_has_level_eyes_a_quarter_of_its_width_apart(angle: int, size: float, engine: FaceEngine) -> None:
    rgb = drawn(12)
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    turned = cv2.warpAffine(rgb, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    picture = np.asarray(cv2.resize(turned, None, fx=size, fy=size, interpolation=cv2.INTER_AREA), np.uint8)
    box, _ = engine.look(picture)
    assert box is not None
    portrait = read_picture(engine.portrait(picture, box))
    assert portrait.shape == (540, 420, 3)
    found, _ = engine.look(portrait)
    assert found is not None
    (lx, ly), (rx, ry) = found.eyes
    assert (lx + rx) / 2 == pytest.approx(210, abs=8)
    assert (ly + ry) / 2 == pytest.approx(243, abs=8)
    assert found.eye_distance == pytest.approx(105, rel=0.12)
    assert found.roll == pytest.approx(0, abs=2.5)


@pytest.mark.parametrize("seed", [0, 2, 3, 13, 22, 36])
def test_cascades_find_a_face_in_a_portrait_cropped_to_it(seed: int) -> None:
    cascades, picture = FaceDetector(), drawn(seed)
    box = cascades.detect(picture)[0]
    inset = int(0.08 * box.width)
    face = picture[box.y + inset : box.y + box.height - inset, box.x + inset : box.x + box.width - inset]
    small = np.asarray(cv2.resize(face, (100, 100), interpolation=cv2.INTER_AREA), np.uint8)
    found = cascades.detect(small)[0]
    assert min(found.x, found.y) >= 0
    assert max(found.x + found.width, found.y + found.height) <= 100
    (left, top), (right, _) = found.eyes
    assert 10 < left < 45
    assert 55 < right < 90
    assert 15 < top < 60
