"""Faces found, judged, cropped and embedded, on drawn faces; and on photographs where they are at hand."""

from __future__ import annotations

import shutil
import threading
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.biometrics.face import FaceEngine, FaceProblem, read_picture, synthetic
from hotspotd.biometrics.models import find_model
from hotspotd.errors import BiometricError, Reason

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def engine() -> FaceEngine:
    return FaceEngine.open()


def drawn(seed: int, take: int = 0, size: tuple[int, int] = (480, 640)) -> Picture:
    return synthetic.picture(synthetic.person(seed), np.random.default_rng([seed, take]), size)


def ground(width: int = 480, height: int = 640) -> Picture:
    return np.full((height, width, 3), 205, np.uint8)


def encoded(rgb: Picture, kind: str = ".jpg") -> bytes:
    return cv2.imencode(kind, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()


def problems(engine: FaceEngine, rgb: Picture) -> tuple[FaceProblem, ...]:
    return engine.look(rgb)[1].problems


def test_a_good_picture_has_one_face_with_eyes_and_no_problem(engine: FaceEngine) -> None:
    rgb = drawn(3)
    box, quality = engine.look(rgb)
    assert box is not None
    assert box.eyes_seen
    assert box.eyes[0][0] < box.eyes[1][0]
    assert quality.problems == ()
    assert quality.score >= 60


def test_an_empty_picture_has_no_face(engine: FaceEngine) -> None:
    assert engine.detect(ground()) == []
    box, quality = engine.look(ground())
    assert box is None
    assert quality.score == 0
    assert quality.problems == (FaceProblem.NO_FACE,)


def test_three_faces_are_found_and_are_several(engine: FaceEngine) -> None:
    rgb = np.hstack([drawn(seed) for seed in (3, 5, 12)])
    boxes = engine.detect(rgb)
    assert len(boxes) == 3
    assert [b.width * b.height for b in boxes] == sorted((b.width * b.height for b in boxes), reverse=True)
    assert FaceProblem.SEVERAL_FACES in problems(engine, rgb)


def test_a_bystander_far_behind_is_not_several_faces(engine: FaceEngine) -> None:
    rgb = ground(960, 640)
    rgb[:, 240:720] = drawn(3)
    rgb[50:370, 0:240] = cv2.resize(drawn(5), (240, 320), interpolation=cv2.INTER_AREA)
    assert FaceProblem.SEVERAL_FACES not in problems(engine, rgb)


def test_far_close_and_off_centre_are_told_apart(engine: FaceEngine) -> None:
    far = ground(1140, 1140)
    far[250:890, 330:810] = drawn(3)
    assert FaceProblem.TOO_FAR in problems(engine, far)
    rgb = drawn(3)
    box = engine.detect(rgb)[0]
    m = box.width // 12
    close = rgb[max(0, box.y - m) : box.y + box.height + m, box.x - m : box.x + box.width + m].copy()
    assert FaceProblem.TOO_CLOSE in problems(engine, close)
    aside = rgb[:, 110:].copy()
    assert problems(engine, aside) == (FaceProblem.OFF_CENTRE,)


def test_dark_bright_and_blurred_are_told_apart(engine: FaceEngine) -> None:
    rgb = drawn(12)
    box = engine.detect(rgb)[0]
    dark = (rgb * 0.16).astype(np.uint8)
    assert FaceProblem.TOO_DARK in engine.assess(dark, box).problems
    bright = np.clip(rgb.astype(float) * 0.2 + 210, 0, 255).astype(np.uint8)
    assert FaceProblem.TOO_BRIGHT in engine.assess(bright, box).problems
    blurred = np.asarray(cv2.GaussianBlur(rgb, (0, 0), 5), np.uint8)
    assert engine.assess(blurred, box).problems == (FaceProblem.BLURRED,)
    good = engine.assess(rgb, box).score
    assert all(engine.assess(worse, box).score < good for worse in (dark, bright, blurred))


def test_a_portrait_is_a_jpeg_of_a_documents_proportions_with_the_eyes_in_place(engine: FaceEngine) -> None:
    rgb = drawn(3)
    portrait = read_picture(engine.portrait(rgb, engine.detect(rgb)[0]))
    assert portrait.shape == (540, 420, 3)
    (lx, ly), (rx, ry) = engine.detect(portrait)[0].eyes
    assert (lx + rx) / 2 == pytest.approx(210, abs=15)
    assert (ly + ry) / 2 == pytest.approx(243, abs=20)


def test_a_portrait_at_the_edge_of_the_picture_is_still_whole(engine: FaceEngine) -> None:
    rgb = drawn(3)
    box = engine.detect(rgb)[0]
    cut = rgb[box.y - 10 :, box.x - 10 :].copy()
    assert read_picture(engine.portrait(cut, engine.detect(cut)[0])).shape == (540, 420, 3)


def test_embeddings_are_unit_vectors_and_repeatable(engine: FaceEngine) -> None:
    rgb = drawn(3)
    box = engine.detect(rgb)[0]
    one, two = engine.embed(rgb, box), engine.embed(rgb, box)
    assert one.shape == (engine.dimensions,)
    assert one.dtype == np.float32
    assert float(np.linalg.norm(one)) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(one, two)


def test_the_portrait_is_the_same_face_as_the_picture(engine: FaceEngine) -> None:
    rgb = drawn(3)
    box = engine.detect(rgb)[0]
    again = engine.embed_picture(engine.portrait(rgb, box))
    assert engine.false_match_rate(engine.similarity(engine.embed(rgb, box), again)) <= 1e-3


def test_the_engine_names_model_alignment_and_runtime(engine: FaceEngine) -> None:
    manifest = find_model("face-descriptor", [])
    assert engine.engine.startswith(f"face-descriptor@{manifest.sha256[:16]}+a")
    assert engine.engine.rpartition("+")[2].startswith(("ai-edge-litert-", "tflite-runtime-"))
    assert engine.grade == "demo"


def test_the_false_match_rate_falls_with_similarity_and_stays_a_rate(engine: FaceEngine) -> None:
    rates = [engine.false_match_rate(s) for s in np.linspace(-1, 1, 400)]
    assert all(0 < rate <= 1 for rate in rates)
    assert all(later <= earlier for earlier, later in pairwise(rates))
    assert engine.false_match_rate(float("nan")) == 1.0
    assert engine.false_match_rate(1.0) <= 1e-5


def test_drawn_people_do_not_match_each_other_at_the_default_threshold(engine: FaceEngine) -> None:
    vectors = []
    for seed in range(1000, 1040):
        rgb = drawn(seed)
        vectors.append(engine.embed(rgb, engine.detect(rgb)[0]))
    scores = np.array(vectors) @ np.array(vectors).T
    highest = float(scores[np.triu_indices(len(vectors), 1)].max())
    assert engine.false_match_rate(highest) > 1e-5


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((640, 480), np.uint8),
        np.zeros((640, 480, 4), np.uint8),
        np.zeros((640, 480, 3), np.float32),
        np.zeros((0, 480, 3), np.uint8),
        np.zeros((16, 16, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(engine: FaceEngine, bad: Picture) -> None:
    with pytest.raises(BiometricError) as caught:
        engine.detect(bad)
    assert caught.value.reason is Reason.BAD_IMAGE


def test_a_picture_without_contrast_gives_no_embedding(engine: FaceEngine) -> None:
    box = engine.detect(drawn(3))[0]
    with pytest.raises(BiometricError) as caught:
        engine.embed(ground(), box)
    assert caught.value.reason is Reason.BAD_IMAGE


def test_picture_files_without_a_face_or_with_several_are_told_apart(engine: FaceEngine) -> None:
    with pytest.raises(BiometricError) as caught:
        engine.embed_picture(encoded(ground()))
    assert caught.value.reason is Reason.NO_FACE
    with pytest.raises(BiometricError) as caught:
        engine.embed_picture(encoded(np.hstack([drawn(3), drawn(5)])))
    assert caught.value.reason is Reason.SEVERAL_FACES


def test_whose_face_a_picture_shows_is_not_settled_by_what_a_lane_asks_for() -> None:
    lenient = FaceEngine.open(thresholds={})
    with pytest.raises(BiometricError) as caught:
        lenient.embed_picture(encoded(np.hstack([drawn(3), drawn(5)])))
    assert caught.value.reason is Reason.SEVERAL_FACES


@pytest.mark.parametrize("kind", [".jpg", ".png"])
def test_torn_and_mangled_picture_files_are_refused_or_read_but_never_crash(kind: str) -> None:
    data = encoded(drawn(3), kind)
    assert read_picture(data).shape == (640, 480, 3)
    for kept in (0, 3, 20, 100, len(data) // 2):
        with pytest.raises(BiometricError) as caught:
            read_picture(data[:kept])
        assert caught.value.reason is Reason.BAD_IMAGE
    rng = np.random.default_rng(1)
    for _ in range(40):
        mangled = bytearray(data)
        for place in rng.integers(0, len(data), 6):
            mangled[place] = int(rng.integers(256))
        try:
            read_picture(bytes(mangled))
        except BiometricError as error:
            assert error.reason is Reason.BAD_IMAGE  # noqa: PT017  # Some of these can be read after all.


def test_a_picture_that_declares_gigabytes_is_refused_by_its_header() -> None:
    data = bytearray(encoded(drawn(3), ".png"))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    with pytest.raises(BiometricError, match="60000 x 60000"):
        read_picture(bytes(data))
    with pytest.raises(BiometricError, match="neither a JPEG nor a PNG"):
        read_picture(b"GIF89a" + bytes(100))


def test_several_threads_may_use_one_engine(engine: FaceEngine) -> None:
    rgb = drawn(3)
    expected = engine.embed(rgb, engine.detect(rgb)[0])
    same: list[bool] = []

    def work() -> None:
        same.append(np.array_equal(engine.embed(rgb, engine.detect(rgb)[0]), expected))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 4


def test_a_model_that_is_no_embedder_is_refused(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).resolve().parents[3] / "config" / "models" / "blazeface.toml", tmp_path)
    with pytest.raises(BiometricError, match="is a detector") as caught:
        FaceEngine.open(find_model("blazeface", [tmp_path]))
    assert caught.value.reason is Reason.MODEL_SHAPE


def test_an_external_embedder_runs_through_the_same_engine(shared_data: Path, tmp_path: Path) -> None:
    shutil.copy(Path(__file__).resolve().parents[3] / "config" / "models" / "mobilefacenet.toml", tmp_path)
    shutil.copy(shared_data / "models" / "mobilefacenet_sirius_drq.tflite", tmp_path)
    engine = FaceEngine.open(find_model("mobilefacenet", [tmp_path]))

    def embedding(person: str, number: int) -> NDArray[np.float32]:
        rgb = read_picture((shared_data / "faces" / "orl" / person / f"{number}.png").read_bytes())
        rgb = np.asarray(cv2.copyMakeBorder(rgb, 24, 24, 24, 24, cv2.BORDER_REPLICATE), np.uint8)
        return engine.embed(rgb, engine.detect(rgb)[0])

    first = embedding("s1", 1)
    assert first.shape == (128,)
    assert engine.similarity(first, embedding("s1", 2)) > engine.similarity(first, embedding("s2", 1)) + 0.2
