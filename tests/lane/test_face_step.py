"""The face step, with a real camera driver on a folder of pictures and the bundled face model."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.base import Frame
from hotspotd.biometrics.face import FaceEngine, synthetic
from hotspotd.biometrics.face.quality import FaceProblem
from hotspotd.domain.verdict import ReferReason
from hotspotd.events import LaneState, Prompt
from hotspotd.lane.face_step import Look, fused, look
from hotspotd.watchlist import Snapshot
from tests.lane.harness import LaneOnTheBench, lane_on_the_bench, mrz

Image = NDArray[np.uint8]
_OPERATION = {"fingers": (), "face": True}


@pytest.fixture(scope="module")
def engine() -> FaceEngine:
    return FaceEngine.open()


@pytest.fixture(scope="module")
def face() -> Image:
    """A drawn person, as a camera sees them."""
    return synthetic.picture(synthetic.person(3), np.random.default_rng(3))


def _show(folder: Path, picture: Image) -> None:
    """Put ``picture`` before the camera, whole at once."""
    camera = folder / "camera"
    camera.mkdir(exist_ok=True)
    unfinished = folder / "frame.new.png"
    cv2.imwrite(str(unfinished), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    unfinished.replace(camera / "frame.png")


def _wall() -> Image:
    return np.full((640, 480, 3), 190, np.uint8)


async def _trouble(bench: LaneOnTheBench) -> tuple[ReferReason, ...]:
    return (await bench.records.encounter((await bench.latest()).encounter_id)).encounter.trouble


def test_the_smaller_stream_tells_that_nobody_is_there(engine: FaceEngine, face: Image) -> None:
    small = cv2.resize(face, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    assert isinstance(look(engine, Frame(face, 0.0, 1, preview=np.asarray(small, np.uint8)), 0), Look)
    assert look(engine, Frame(face, 0.0, 1, preview=_wall()), 0) is FaceProblem.NO_FACE
    assert look(engine, Frame(_wall(), 0.0, 1), 0) is FaceProblem.NO_FACE


async def test_a_face_becomes_portrait_and_template(
    tmp_path: Path, snapshot: Snapshot, engine: FaceEngine, face: Image
) -> None:
    _show(tmp_path, face)
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, faces=engine, operation=_OPERATION) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.GO)
        row = await bench.latest()
        (sample,) = (await bench.records.encounter(row.encounter_id)).encounter.samples
        assert len(sample.template) == engine.dimensions * 4
        portrait, media_type = await bench.records.sample_image(row.encounter_id, "face")
        assert media_type == "image/jpeg"
        assert cv2.imdecode(np.frombuffer(portrait, np.uint8), cv2.IMREAD_COLOR).shape[:2] == (
            sample.height,
            sample.width,
        )


async def test_the_traveller_is_guided_until_a_face_is_there(
    tmp_path: Path, snapshot: Snapshot, engine: FaceEngine, face: Image
) -> None:
    _show(tmp_path, _wall())
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, faces=engine, operation=_OPERATION) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.FACE, Prompt.LOOK_AT_CAMERA)
        _show(tmp_path, face)
        await bench.until_state(LaneState.FACE, Prompt.HOLD_STILL)
        await bench.until_state(LaneState.GO)


async def test_nobody_before_the_camera_is_noted_and_referred(
    tmp_path: Path, snapshot: Snapshot, engine: FaceEngine
) -> None:
    _show(tmp_path, _wall())
    operation = {**_OPERATION, "step_timeout_s": 0.5}
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, faces=engine, operation=operation) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.OFFICER)
        assert await _trouble(bench) == (ReferReason.FACE_NOT_CAPTURED,)


async def test_a_camera_that_is_away_is_waited_for_a_while_and_the_traveller_is_not_asked_to_look_at_it(
    tmp_path: Path, snapshot: Snapshot, engine: FaceEngine
) -> None:
    operation = {**_OPERATION, "device_return_s": 0.2}
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, faces=engine, operation=operation) as bench:
        await bench.reader.present(mrz())
        view = await bench.until_state(LaneState.FACE)
        assert view.prompt is Prompt.WAIT
        await bench.until_state(LaneState.OFFICER)
        assert await _trouble(bench) == (ReferReason.DEVICE_FAULT,)


async def test_a_frame_that_cannot_be_used_does_not_stop_the_lane(
    tmp_path: Path, snapshot: Snapshot, engine: FaceEngine, face: Image
) -> None:
    _show(tmp_path, np.full((9, 9, 3), 90, np.uint8))
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, faces=engine, operation=_OPERATION) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.FACE, Prompt.HOLD_STILL)
        _show(tmp_path, face)
        await bench.until_state(LaneState.GO)


def test_several_good_frames_become_one_template_with_the_best_ones_portrait(engine: FaceEngine) -> None:
    looks = []
    for number in (3, 4, 5):
        picture = synthetic.picture(synthetic.person(3), np.random.default_rng(number))
        box = engine.detect(picture)[0]
        looks.append(Look(60 + number, engine.embed(picture, box), engine.portrait(picture, box)))
    sample = fused(engine, looks)
    template = np.frombuffer(sample.template, "<f4")
    assert np.allclose(template, engine.fuse([look.embedding for look in looks]), atol=1e-6)
    assert min(float(template @ look.embedding) for look in looks) > 0.9
    assert (sample.quality, sample.image) == (65, looks[2].portrait)
    assert (sample.width, sample.height) == (420, 540)


def test_a_frame_of_somebody_else_does_not_enter_the_template(engine: FaceEngine, face: Image) -> None:
    other = np.zeros(engine.dimensions, np.float32)
    other[0] = 1
    box = engine.detect(face)[0]
    own, portrait = engine.embed(face, box), engine.portrait(face, box)
    sample = fused(engine, [Look(90, own, portrait), Look(60, other, portrait), Look(70, own, portrait)])
    assert sample.quality == 90
    assert np.allclose(np.frombuffer(sample.template, "<f4"), own, atol=1e-6)
