"""Quality components: each one moves with what it is named for, and with nothing else by much."""

from __future__ import annotations

from dataclasses import replace

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.biometrics.face import FaceBox, FaceProblem, synthetic
from hotspotd.biometrics.face.components import Component, Measure, _cielab, measure, quality_of
from hotspotd.biometrics.face.detect import FaceDetector
from hotspotd.biometrics.face.pose import head_pose
from hotspotd.biometrics.face.quality import THRESHOLDS, assess, problem_of, unified
from hotspotd.biometrics.face.region import HEIGHT, WIDTH, region
from hotspotd.config import FaceQualitySection
from hotspotd.lane.face_step import _PROMPTS

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def rgb() -> Picture:
    return synthetic.picture(synthetic.person(3), np.random.default_rng(3))


@pytest.fixture(scope="module")
def box(rgb: Picture) -> FaceBox:
    return FaceDetector().detect(rgb)[0]


def of(which: Measure, rgb: Picture, box: FaceBox, *others: FaceBox) -> Component:
    return next(one for one in measure(rgb, box, others) if one.measure is which)


def native(which: Measure, rgb: Picture, box: FaceBox) -> float:
    value = of(which, rgb, box).native
    assert value is not None
    return value


def clipped(values: NDArray[np.floating]) -> Picture:
    return np.clip(values, 0, 255).astype(np.uint8)


def with_mesh(box: FaceBox, yaw: float = 0.0, pitch: float = 0.0, lids: float = 0.08, lips: float = 0.0) -> FaceBox:
    """``box`` with a mesh in which only the points that are measured stand where a head turned like this has them."""
    d = box.eye_distance
    tall = 1.8 * d
    mesh = np.zeros((468, 3))
    mesh[[33, 263]] = [-0.7 * d, 0, 0], [0.7 * d, 0, 0]
    mesh[[10, 152]] = [0, -d, 0], [0, tall, 0]
    for x, (above, below) in zip((-d / 2, d / 2), ((159, 145), (386, 374)), strict=True):
        mesh[[above, below]] = [x, -lids * tall / 2, 0], [x, lids * tall / 2, 0]
    mesh[[13, 14]] = [0, 1.1 * d, 0], [0, 1.1 * d + lips * tall, 0]
    ring = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    mesh[[338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 148, 176, 149]] = (
        np.stack([0.9 * d * np.cos(ring), 0.4 * d + 1.3 * d * np.sin(ring), 0 * ring], axis=1)
    )
    y, p = np.radians([yaw, pitch])
    turn = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    nod = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    mesh = mesh @ (nod @ turn).T
    (lx, ly), (rx, ry) = box.eyes
    mesh[:, :2] += ((lx + rx) / 2, (ly + ry) / 2)
    return replace(box, mesh=mesh.astype(np.float32), topology="mediapipe-468")


def test_a_good_picture_is_good_in_every_component(rgb: Picture, box: FaceBox) -> None:
    found = measure(rgb, with_mesh(box))
    assert [one.measure for one in found] == list(Measure)
    assert all(one.quality is not None and 0 <= one.quality <= 100 for one in found)
    assert assess(rgb, with_mesh(box)).problems == ()
    assert assess(rgb, with_mesh(box)).components == found


def test_without_a_mesh_what_needs_one_is_not_measured(rgb: Picture, box: FaceBox) -> None:
    missing = {one.measure for one in measure(rgb, box) if one.quality is None}
    assert missing == {Measure.HEAD_POSE_YAW, Measure.HEAD_POSE_PITCH, Measure.EYES_OPEN, Measure.MOUTH_CLOSED}
    unseen = replace(box, eyes_seen=False)
    assert of(Measure.HEAD_POSE_ROLL, rgb, unseen).quality is None
    other = replace(with_mesh(box), topology=None)
    assert of(Measure.EYES_OPEN, rgb, other).quality is None


def test_a_second_face_counts_by_its_size(rgb: Picture, box: FaceBox) -> None:
    behind = replace(box, x=0, width=box.width // 4, height=box.height // 4)
    beside = replace(box, x=0)
    assert of(Measure.SINGLE_FACE_PRESENT, rgb, box, box).quality == 100
    assert of(Measure.SINGLE_FACE_PRESENT, rgb, box, behind).quality == 94
    assert of(Measure.SINGLE_FACE_PRESENT, rgb, box, beside).quality == 0
    assert assess(rgb, box, [box, beside]).problems == (FaceProblem.SEVERAL_FACES,)
    assert assess(rgb, box, [box, behind]).problems == ()


@pytest.mark.parametrize(
    ("which", "side"),
    [
        (Measure.LEFTWARD_CROP, "left"),
        (Measure.RIGHTWARD_CROP, "right"),
        (Measure.MARGIN_ABOVE, "above"),
        (Measure.MARGIN_BELOW, "below"),
    ],
)
def test_each_margin_falls_when_the_picture_ends_there(which: Measure, side: str, rgb: Picture, box: FaceBox) -> None:
    height, width = rgb.shape[:2]
    left, top = (box.x + 10 if side == "left" else 0), (box.y + 20 if side == "above" else 0)
    right = box.x + box.width - 10 if side == "right" else width
    bottom = box.y + box.height if side == "below" else height
    eyes = tuple((x - left, y - top) for x, y in box.eyes)
    cut = replace(box, x=max(0, box.x - left), y=max(0, box.y - top), eyes=eyes)
    part = rgb[top:bottom, left:right].copy()
    worse, before = of(which, part, cut).quality, of(which, rgb, box).quality
    assert worse is not None
    assert before is not None
    assert worse < THRESHOLDS[which] <= before
    assert FaceProblem.OFF_CENTRE in assess(part, cut).problems


@pytest.mark.parametrize("angle", [-40.0, -15.0, 20.0, 45.0])
def test_a_turned_head_has_its_angle(angle: float, rgb: Picture, box: FaceBox) -> None:
    sideways, down = head_pose(with_mesh(box, yaw=angle)), head_pose(with_mesh(box, pitch=angle))
    assert sideways is not None
    assert down is not None
    assert (sideways.yaw, sideways.pitch) == (pytest.approx(angle, abs=0.1), pytest.approx(0, abs=0.1))
    assert (down.yaw, down.pitch) == (pytest.approx(0, abs=0.1), pytest.approx(angle, abs=0.1))
    told = FaceProblem.TURNED_AWAY in assess(rgb, with_mesh(box, yaw=angle)).problems
    assert told == (abs(angle) > 30)


def test_a_tilted_head_is_told(rgb: Picture, box: FaceBox) -> None:
    (lx, ly), (rx, _) = box.eyes
    tilted = replace(box, eyes=((lx, ly - 30), (rx, ly + 30)))
    assert native(Measure.HEAD_POSE_ROLL, rgb, tilted) == pytest.approx(np.degrees(np.arctan2(60, rx - lx)))
    assert FaceProblem.TILTED in assess(rgb, tilted).problems


def test_closed_eyes_and_an_open_mouth_are_told(rgb: Picture, box: FaceBox) -> None:
    assert assess(rgb, with_mesh(box, lids=0.015)).problems == (FaceProblem.EYES_CLOSED,)
    assert assess(rgb, with_mesh(box, lips=0.3)).problems == (FaceProblem.MOUTH_OPEN,)


def test_exposure_is_told_by_mean_and_by_clipped_pixels(rgb: Picture, box: FaceBox) -> None:
    dark, bright = clipped(rgb * 0.2), clipped(rgb * 0.3 + 200.0)
    assert FaceProblem.TOO_DARK in assess(dark, box).problems
    assert FaceProblem.TOO_BRIGHT in assess(bright, box).problems
    assert native(Measure.UNDER_EXPOSURE_PREVENTION, clipped(rgb * 0.1), box) > 0.9
    assert native(Measure.OVER_EXPOSURE_PREVENTION, clipped(rgb * 1.0 + 170), box) > 0.5
    assert native(Measure.LUMINANCE_MEAN, dark, box) < native(Measure.LUMINANCE_MEAN, rgb, box)


def test_flat_contrast_has_less_variance_and_dynamic_range(rgb: Picture, box: FaceBox) -> None:
    flat = clipped(rgb * 0.1 + 110.0)
    for which in (Measure.LUMINANCE_VARIANCE, Measure.DYNAMIC_RANGE):
        assert native(which, flat, box) < 0.7 * native(which, rgb, box)


def test_light_from_one_side_is_told(rgb: Picture, box: FaceBox) -> None:
    middle = (box.eyes[0][0] + box.eyes[1][0]) / 2
    fall = np.clip((np.arange(rgb.shape[1]) - middle) / box.eye_distance, -1, 1)
    aside = clipped(rgb * (1 - 0.75 * np.maximum(0, fall))[None, :, None])
    assert native(Measure.ILLUMINATION_UNIFORMITY, aside, box) < native(Measure.ILLUMINATION_UNIFORMITY, rgb, box) - 0.2


@pytest.mark.parametrize("sigma", [2.0, 4.0])
def test_a_blurred_face_is_less_sharp(sigma: float, rgb: Picture, box: FaceBox) -> None:
    blurred = np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.uint8)
    assert native(Measure.SHARPNESS, blurred, box) < 0.8 * native(Measure.SHARPNESS, rgb, box)
    dim = clipped(rgb * 0.5)
    assert native(Measure.SHARPNESS, dim, box) == pytest.approx(native(Measure.SHARPNESS, rgb, box), rel=0.25)


def test_a_busy_background_is_less_uniform_and_the_face_does_not_count(rgb: Picture, box: FaceBox) -> None:
    rng = np.random.default_rng(8)
    stripes = rgb.copy()
    seen = region(rgb, box)
    assert seen.background.shape == (HEIGHT, WIDTH)
    assert not (seen.background & seen.face).any()
    stripes[: box.y - 40] = rng.integers(0, 255, stripes[: box.y - 40].shape)
    assert native(Measure.BACKGROUND_UNIFORMITY, stripes, box) > 2 * native(Measure.BACKGROUND_UNIFORMITY, rgb, box)


def test_a_face_in_wrong_colours_is_not_natural(rgb: Picture, box: FaceBox) -> None:
    green = clipped(rgb * np.array([0.5, 1.2, 0.5]))
    assert native(Measure.NATURAL_COLOUR, green, box) > native(Measure.NATURAL_COLOUR, rgb, box) + 20
    assert of(Measure.NATURAL_COLOUR, rgb, box).quality == 100


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (200, 150, 120), (10, 200, 30), (90, 60, 50)])
def test_colours_are_those_of_cielab(colour: tuple[int, int, int]) -> None:
    patch = np.full((4, 3), colour, np.uint8)
    lab = cv2.cvtColor(patch[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0].mean(axis=0)
    assert _cielab(patch) == (pytest.approx(lab[1], abs=0.3), pytest.approx(lab[2], abs=0.3))


def test_hard_compression_is_seen_by_its_blocks(rgb: Picture, box: FaceBox) -> None:
    def compressed(quality: int) -> float:
        data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        again = np.asarray(cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)
        return native(Measure.COMPRESSION_ARTIFACTS, again, box)

    assert compressed(5) > 1.6
    assert compressed(95) < 1.25


def test_every_component_below_its_threshold_is_one_problem() -> None:
    told = {problem_of(Component(which, value, 0)) for which in Measure for value in (0.0, 0.9)}
    assert told | {FaceProblem.NO_FACE} == set(FaceProblem)


def test_the_configuration_has_a_threshold_for_every_component_with_the_same_default() -> None:
    section = msgspec.structs.asdict(FaceQualitySection())
    assert section == {which.name.lower(): THRESHOLDS[which] for which in Measure}


def test_every_problem_has_one_prompt() -> None:
    assert set(_PROMPTS) == set(FaceProblem)


def test_the_unified_score_falls_with_the_worst_and_knows_only_components_with_a_threshold() -> None:
    def score(**changed: int) -> int:
        made = [Component(one, 0.0, changed.get(one.name.lower(), 100)) for one in Measure]
        return unified(made, THRESHOLDS)

    assert score() == 100
    assert score(background_uniformity=0) == 100
    at, below, none = score(sharpness=50), score(sharpness=30), score(sharpness=0)
    assert 100 > at > 60 > below > none
    assert score(sharpness=0, luminance_mean=0) < none
    assert unified([], THRESHOLDS) == 0


@pytest.mark.parametrize("which", Measure)
def test_every_mapping_is_finite_over_the_whole_range_of_its_measure(which: Measure) -> None:
    angles = which in (Measure.HEAD_POSE_YAW, Measure.HEAD_POSE_PITCH, Measure.HEAD_POSE_ROLL)
    shares = {Measure.LUMINANCE_VARIANCE: 0.25, Measure.ILLUMINATION_UNIFORMITY: 1.0}
    values = np.linspace(-180 if angles else 0, 180 if angles else shares.get(which, 1e6), 200)
    assert np.isfinite([quality_of(which, float(value)) for value in values]).all()


@pytest.mark.parametrize("place", [(-5000, 10), (0, 0), (430, 600)])
def test_a_face_at_or_beyond_the_edge_is_judged_and_does_not_crash(
    place: tuple[int, int], rgb: Picture, box: FaceBox
) -> None:
    x, y = place
    eyes = ((x + 10.0, y + 10.0), (x + 40.0, y + 12.0))
    judged = assess(rgb, replace(box, x=max(0, x), y=max(0, y), width=50, height=50, eyes=eyes))
    assert judged.problems
    assert 0 <= judged.score < 60
