"""The head-turn check on drawn heads and pictures of them: what is round passes, what is flat or bent does not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.biometrics.face.acts import Act, perform
from hotspotd.biometrics.face.detect import FaceBox, FaceDetector
from hotspotd.biometrics.face.heads import Pose, Scene, film
from hotspotd.biometrics.face.liveness import HeadTurn, Side, Turning
from hotspotd.biometrics.face.liveness.relief import measure
from hotspotd.biometrics.face.liveness.turn import score_of

Image = NDArray[np.uint8]
_SHARES = (0.0, 0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 1.0)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(4, (300, 400))


def _face(scene: Scene) -> FaceBox:
    (x, y), eye = scene.centre, scene.who.eye_distance * scene.unit
    side = round(2.2 * scene.unit)
    return FaceBox(round(x - side / 2), round(y - 0.42 * side), side, side, ((x - eye, y), (x + eye, y)), True)


def _turn(scene: Scene, show: Callable[[float], Image], side: Side = Side.LEFT, threshold: float = 0.5) -> HeadTurn:
    rng = np.random.default_rng(9)
    frames = [film(show(share), rng, noise=2) for share in _SHARES]
    turn = HeadTurn(frames[0], _face(scene), side, threshold)
    for frame in frames[1:]:
        turn.add(frame)
    return turn


@pytest.mark.parametrize(("side", "yaw"), [(Side.LEFT, 0.45), (Side.RIGHT, -0.45)])
def test_a_head_that_turns_as_asked_is_done(scene: Scene, side: Side, yaw: float) -> None:
    turn = _turn(scene, lambda share: scene.head(Pose(yaw=yaw * share)), side)
    assert turn.state is Turning.DONE
    assert turn.score >= 0.5
    assert turn.relief is not None
    assert turn.relief.across * yaw > 0


def test_the_traveller_s_left_is_the_picture_s_right(scene: Scene) -> None:
    # Yaw moves what is near, the nose, to the picture's right: the person's own left.
    turn = _turn(scene, lambda share: scene.head(Pose(yaw=0.45 * share)), Side.RIGHT)
    assert turn.state is Turning.WRONG_WAY


def test_a_nod_is_no_turn(scene: Scene) -> None:
    turn = _turn(scene, lambda share: scene.head(Pose(pitch=0.4 * share)))
    assert turn.state is Turning.WAITING
    assert turn.score < 0.5


@pytest.mark.parametrize(
    ("pose", "bend", "upright"),
    [
        (Pose(x=0.5, y=0.1), 0.0, True),
        (Pose(yaw=0.6, x=0.3), 0.0, True),
        (Pose(pitch=0.5, x=0.3), 0.0, True),
        (Pose(nearer=1.5, roll=0.3, x=0.2), 0.0, True),
        (Pose(yaw=0.5, x=0.3), 0.5, True),
        (Pose(yaw=0.5, x=0.3), 0.5, False),
        (Pose(yaw=0.5, x=0.3), 0.9, True),
    ],
    ids=["shifted", "turned", "tilted", "nearer and rolled", "bent", "bent across", "bent round a head"],
)
def test_a_picture_of_a_head_is_not_taken_for_one(scene: Scene, pose: Pose, bend: float, upright: bool) -> None:
    photo = scene.head(Pose())

    def show(share: float) -> Image:
        held = Pose(
            x=pose.x * share,
            y=pose.y * share,
            nearer=pose.nearer * share,
            yaw=pose.yaw * share,
            pitch=pose.pitch * share,
            roll=pose.roll * share,
        )
        return scene.sheet(photo, held, bend=bend, upright=upright)

    for side in Side:
        turn = _turn(scene, show, side)
        assert turn.state is Turning.WAITING
        assert turn.moved
        assert turn.score < 0.45


def test_who_stands_still_has_not_moved(scene: Scene) -> None:
    turn = _turn(scene, lambda _: scene.head(Pose()))
    assert turn.state is Turning.WAITING
    assert not turn.moved


def test_another_face_from_one_frame_to_the_next_is_a_cut(scene: Scene) -> None:
    other = Scene(11, (300, 400))
    turn = _turn(scene, lambda share: scene.head(Pose()) if share < 0.2 else other.head(Pose(yaw=0.45 * share)))
    assert turn.state in (Turning.CUT, Turning.LOST)
    assert turn.score == 0.0


def test_a_face_that_jumps_is_a_cut(scene: Scene) -> None:
    turn = _turn(scene, lambda share: scene.head(Pose(x=0.0 if share < 0.2 else 1.2)))
    assert turn.state in (Turning.CUT, Turning.LOST)


def test_a_frame_of_another_size_loses_the_face(scene: Scene) -> None:
    turn = HeadTurn(scene.head(Pose()), _face(scene), Side.LEFT, 0.5)
    assert turn.add(np.zeros((200, 100, 3), np.uint8)) is Turning.CUT


def test_a_face_without_anything_to_follow_is_lost_at_once(scene: Scene) -> None:
    turn = HeadTurn(np.full((400, 300, 3), 128, np.uint8), _face(scene), Side.LEFT, 0.5)
    assert turn.state is Turning.LOST
    assert turn.add(scene.head(Pose())) is Turning.LOST


def test_a_long_wait_before_the_turn_does_no_harm(scene: Scene) -> None:
    rng = np.random.default_rng(3)
    rest = scene.head(Pose())
    turn = HeadTurn(film(rest, rng, noise=2), _face(scene), Side.LEFT, 0.5)
    for number in range(60):
        assert turn.add(film(rest, rng, noise=2, gain=1 + 0.05 * np.sin(number / 9))) is Turning.WAITING
    for share in _SHARES[1:]:
        turn.add(film(scene.head(Pose(yaw=0.45 * share)), rng, noise=2))
    assert turn.state is Turning.DONE


def test_points_on_a_ball_are_round_and_on_a_plane_are_not() -> None:
    """The measure alone, without pictures: exact points before a pinhole camera, with noise."""
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-0.7, 0.7, (2, 80))
    for z, round_enough in ((np.sqrt(1.5 - x**2 - y**2), True), (np.zeros(80), False), (np.sqrt(1 - x**2), False)):
        paths = []
        for angle in np.linspace(0, 0.45, 8):
            cos, sin = np.cos(angle), np.sin(angle)
            depth = 8 - (z * cos - x * sin)
            seen = 8 * np.stack([x * cos + z * sin, y], -1) / depth[:, None]
            paths.append(seen + rng.normal(0, 0.002, seen.shape))
        assert (score_of(measure(np.stack(paths), 2.2)) >= 0.5) is round_enough


def test_too_few_points_say_nothing() -> None:
    assert measure(np.zeros((5, 10, 2)), 100) is None
    assert score_of(None) == 0.0


@pytest.mark.parametrize("act", [Act.BONA_FIDE, Act.WAVED_PHOTO, Act.BENDING_PHOTO])
def test_whole_acts_with_a_real_detector(act: Act) -> None:
    frames = list(perform(act, 7, -1))
    (face, *_) = FaceDetector().detect(frames[0])
    turn = HeadTurn(frames[0], face, Side.RIGHT, 0.5)
    for frame in frames[1:]:
        turn.add(frame)
    assert (turn.state is Turning.DONE) is (act is Act.BONA_FIDE)


def test_an_act_is_the_same_each_time() -> None:
    one, other = (next(perform(Act.WAVED_PHOTO, 12, 1)) for _ in range(2))
    assert np.array_equal(one, other)


def test_a_photograph_painted_on_a_head_turns_like_one(scene: Scene) -> None:
    """Any picture with eyes will do; here a drawn one stands for a photograph."""
    picture = Scene(21, (300, 400)).head(Pose())
    (x, y), eye = scene.centre, scene.who.eye_distance * scene.unit
    painted = Scene(4, (300, 400), skin=(picture, ((x - eye - 4, y + 3), (x + eye + 6, y - 2))))
    turn = _turn(painted, lambda share: painted.head(Pose(yaw=0.45 * share)))
    assert turn.state is Turning.DONE
