"""The liveness step, with a real camera driver before drawn heads that turn and pictures that are moved."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.face.heads import Pose, Scene
from hotspotd.biometrics.face.liveness import PassiveLiveness
from hotspotd.biometrics.models import load_manifest
from hotspotd.config import LivenessSection
from hotspotd.domain.liveness import LivenessCheck, LivenessDetail, LivenessState
from hotspotd.domain.verdict import ReferReason
from hotspotd.events import LaneState, LaneView, Prompt
from hotspotd.watchlist import Snapshot
from tests.lane.harness import LaneOnTheBench, lane_on_the_bench, mrz

Image = NDArray[np.uint8]
_OPERATION = {"fingers": (), "face": True}
_ACTIVE = LivenessSection(mode="active", turns=1, turn_timeout_s=20.0)
_HASTY = LivenessSection(mode="active", turns=1, turn_timeout_s=2.5)
_RISE = 16
_ROOT = Path(__file__).resolve().parents[2]
_DATA = _ROOT.parent / "shared" / "data"


@pytest.fixture(scope="module")
def engine() -> FaceEngine:
    return FaceEngine.open()


@pytest.fixture(scope="module")
def model() -> PassiveLiveness:
    manifest = load_manifest(_ROOT / "config" / "models" / "minifasnet-v2.toml")
    return PassiveLiveness.open(msgspec.structs.replace(manifest, folder=str(_DATA / "models")))


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(3, (360, 480))


@pytest.fixture(scope="module")
def ahead(scene: Scene) -> Image:
    return scene.head(Pose())


@pytest.fixture(scope="module")
def turns(scene: Scene) -> dict[int, list[Image]]:
    """A turn to the picture's right (1) and left (-1), there and back."""
    shares = [(1 - np.cos(2 * np.pi * step / (2 * _RISE))) / 2 for step in range(2 * _RISE)]
    return {sign: [scene.head(Pose(yaw=sign * 0.5 * share)) for share in shares] for sign in (1, -1)}


class Camera:
    """What is before the camera. Each new film begins with its first picture, for its names come after the last's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._films = 0

    def show(self, frames: Iterable[Image]) -> None:
        self._films += 1
        film = self._folder / f"film-{self._films}"
        film.mkdir()
        for number, frame in enumerate(frames):
            path = film / f"{self._films:04d}-{number:03d}.png"
            cv2.imwrite(str(path), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])
        link = self._folder / "camera.new"
        link.symlink_to(film, target_is_directory=True)
        link.replace(self._folder / "camera")


async def _obey(
    bench: LaneOnTheBench, camera: Camera, ahead: Image, turns: dict[int, list[Image]], way: int = 1
) -> None:
    """Turn the way that is asked for (``way`` -1: the other), and look ahead when asked, until the lane has decided."""
    shown: Prompt | None = None
    while True:
        view = await bench.until(lambda e: isinstance(e, LaneView))
        assert isinstance(view, LaneView)
        if view.state in (LaneState.GO, LaneState.OFFICER):
            return
        if view.prompt is shown:
            continue
        shown = view.prompt
        match view.prompt:
            case Prompt.TURN_LEFT:
                await asyncio.to_thread(camera.show, turns[way])
            case Prompt.TURN_RIGHT:
                await asyncio.to_thread(camera.show, turns[-way])
            case Prompt.LOOK_AHEAD:
                await asyncio.to_thread(camera.show, [ahead])


async def _check(bench: LaneOnTheBench) -> LivenessCheck:
    liveness = (await bench.records.encounter((await bench.latest()).encounter_id)).encounter.liveness
    assert liveness is not None
    (check,) = liveness.checks
    return check


async def _trouble(bench: LaneOnTheBench) -> tuple[ReferReason, ...]:
    return (await bench.records.encounter((await bench.latest()).encounter_id)).encounter.trouble


async def test_a_head_that_turns_as_asked_may_go_and_its_score_is_recorded(
    tmp_path: Path, snapshot: Snapshot, engine: FaceEngine, ahead: Image, turns: dict[int, list[Image]]
) -> None:
    camera = Camera(tmp_path)
    camera.show([ahead])
    settings = msgspec.structs.replace(_ACTIVE, turns=2)
    async with lane_on_the_bench(
        tmp_path, snapshot=lambda: snapshot, faces=engine, operation=_OPERATION, liveness=settings
    ) as bench:
        await bench.reader.present(mrz())
        await _obey(bench, camera, ahead, turns)
        check = await _check(bench)
        assert (check.method, check.state, check.detail) == ("active", LivenessState.PASSED, None)
        assert check.score is not None
        assert check.score >= check.threshold
        assert await _trouble(bench) == ()


async def test_a_flat_picture_that_is_turned_is_referred_like_any_trouble(
    tmp_path: Path, snapshot: Snapshot, engine: FaceEngine, scene: Scene, ahead: Image
) -> None:
    photo = {
        sign: [
            scene.sheet(ahead, Pose(yaw=0.5 * sign * share, x=0.5 * sign * share))
            for share in (0, 0.05, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0, 0.9, 0.7, 0.5, 0.35, 0.2, 0.1)
        ]
        for sign in (1, -1)
    }
    camera = Camera(tmp_path)
    camera.show([photo[1][0]])
    async with lane_on_the_bench(
        tmp_path, snapshot=lambda: snapshot, faces=engine, operation=_OPERATION, liveness=_HASTY
    ) as bench:
        await bench.reader.present(mrz())
        await _obey(bench, camera, photo[1][0], photo)
        check = await _check(bench)
        assert (check.state, check.detail) == (LivenessState.FAILED, LivenessDetail.FLAT)
        assert await _trouble(bench) == (ReferReason.LIVENESS_FAILED,)


async def test_a_head_that_turns_the_other_way_is_referred(
    tmp_path: Path, snapshot: Snapshot, engine: FaceEngine, ahead: Image, turns: dict[int, list[Image]]
) -> None:
    camera = Camera(tmp_path)
    camera.show([ahead])
    async with lane_on_the_bench(
        tmp_path, snapshot=lambda: snapshot, faces=engine, operation=_OPERATION, liveness=_ACTIVE
    ) as bench:
        await bench.reader.present(mrz())
        await _obey(bench, camera, ahead, turns, way=-1)
        check = await _check(bench)
        assert (check.state, check.detail) == (LivenessState.FAILED, LivenessDetail.WRONG_WAY)
        assert await _trouble(bench) == (ReferReason.LIVENESS_FAILED,)


async def test_nobody_moving_is_not_done_and_referred(
    tmp_path: Path, snapshot: Snapshot, engine: FaceEngine, ahead: Image
) -> None:
    camera = Camera(tmp_path)
    camera.show([ahead])
    settings = msgspec.structs.replace(_HASTY, turn_timeout_s=0.6)
    async with lane_on_the_bench(
        tmp_path, snapshot=lambda: snapshot, faces=engine, operation=_OPERATION, liveness=settings
    ) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.OFFICER)
        check = await _check(bench)
        assert (check.state, check.detail, check.score) == (LivenessState.NOT_DONE, LivenessDetail.NO_MOVEMENT, None)
        assert await _trouble(bench) == (ReferReason.LIVENESS_NOT_DONE,)


async def test_a_photo_for_the_portrait_and_another_head_for_the_turn_is_referred(
    tmp_path: Path, snapshot: Snapshot, engine: FaceEngine, ahead: Image, turns: dict[int, list[Image]]
) -> None:
    camera = Camera(tmp_path)
    camera.show([Scene(8, (360, 480)).head(Pose())])
    async with lane_on_the_bench(
        tmp_path, snapshot=lambda: snapshot, faces=engine, operation=_OPERATION, liveness=_ACTIVE
    ) as bench:
        await bench.reader.present(mrz())
        await _obey(bench, camera, ahead, turns)
        check = await _check(bench)
        assert check.state is not LivenessState.PASSED
        assert await _trouble(bench) in ((ReferReason.LIVENESS_FAILED,), (ReferReason.LIVENESS_NOT_DONE,))


async def test_without_its_model_the_passive_check_is_not_done_and_refers(
    tmp_path: Path, snapshot: Snapshot, engine: FaceEngine, ahead: Image
) -> None:
    camera = Camera(tmp_path)
    camera.show([ahead])
    async with lane_on_the_bench(
        tmp_path,
        snapshot=lambda: snapshot,
        faces=engine,
        operation=_OPERATION,
        liveness=LivenessSection(mode="passive"),
    ) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.OFFICER)
        check = await _check(bench)
        assert (check.method, check.state, check.detail) == ("passive", LivenessState.NOT_DONE, LivenessDetail.NO_MODEL)
        assert await _trouble(bench) == (ReferReason.LIVENESS_NOT_DONE,)


@pytest.mark.skipif(
    not (_DATA / "models" / "minifasnet_v2.tflite").is_file(), reason="no minifasnet_v2.tflite in ../shared/data/models"
)
async def test_what_a_model_takes_for_a_picture_is_referred(
    tmp_path: Path, snapshot: Snapshot, engine: FaceEngine, scene: Scene, ahead: Image, model: PassiveLiveness
) -> None:
    camera = Camera(tmp_path)
    camera.show([scene.sheet(ahead, Pose(nearer=-2.5, yaw=0.2))])
    async with lane_on_the_bench(
        tmp_path,
        snapshot=lambda: snapshot,
        faces=engine,
        operation=_OPERATION,
        liveness=LivenessSection(mode="passive", passive_threshold=0.9),
        passive_liveness=model,
    ) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.OFFICER)
        check = await _check(bench)
        assert (check.state, check.detail) == (LivenessState.FAILED, LivenessDetail.LIKE_AN_ATTACK)
        assert check.engine == model.name
        assert await _trouble(bench) == (ReferReason.LIVENESS_FAILED,)


async def test_without_a_face_liveness_is_not_done_and_the_reason_is_the_face(
    tmp_path: Path, snapshot: Snapshot, engine: FaceEngine
) -> None:
    camera = Camera(tmp_path)
    camera.show([np.full((480, 360, 3), 190, np.uint8)])
    operation = {**_OPERATION, "step_timeout_s": 0.5}
    async with lane_on_the_bench(
        tmp_path, snapshot=lambda: snapshot, faces=engine, operation=operation, liveness=_ACTIVE
    ) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.OFFICER)
        check = await _check(bench)
        assert (check.state, check.detail) == (LivenessState.NOT_DONE, LivenessDetail.NO_FACE)
        assert await _trouble(bench) == (ReferReason.FACE_NOT_CAPTURED,)


async def test_a_call_for_help_in_mid_turn_leaves_nothing_passed(
    tmp_path: Path, snapshot: Snapshot, engine: FaceEngine, ahead: Image
) -> None:
    camera = Camera(tmp_path)
    camera.show([ahead])
    async with lane_on_the_bench(
        tmp_path, snapshot=lambda: snapshot, faces=engine, operation=_OPERATION, liveness=_ACTIVE
    ) as bench:
        await bench.reader.present(mrz())
        await bench.until(lambda e: isinstance(e, LaneView) and e.prompt in (Prompt.TURN_LEFT, Prompt.TURN_RIGHT))
        await bench.lane.ask_help()
        await bench.until_state(LaneState.OFFICER)
        check = await _check(bench)
        assert (check.state, check.detail) == (LivenessState.NOT_DONE, LivenessDetail.BROKEN_OFF)
        assert await _trouble(bench) == (ReferReason.HELP_ASKED,)
