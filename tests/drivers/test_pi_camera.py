"""A Raspberry Pi camera module: two streams, focus and exposure, and a pipeline that fails and comes back."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest

from drivers import registry
from drivers.base import Camera, DriverError, DriverReason
from tests.drivers.picamera2_stand_in import AfModeEnum, Module
from tests.drivers.pictures import striped

PICTURE = striped(1, (360, 640))


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Module]:
    made = Module(PICTURE)
    for name, stand_in in made.modules().items():
        monkeypatch.setitem(sys.modules, name, stand_in)
    monkeypatch.delitem(sys.modules, "drivers.camera.pi_camera", raising=False)
    yield made
    sys.modules.pop("drivers.camera.pi_camera", None)
    assert not made.in_use
    assert made.buffers_out == 0


def camera(options: str = "") -> Camera:
    return registry.camera("picamera2", f"picamera2:///0{options}")


async def refused(made: Camera) -> DriverError:
    with pytest.raises(DriverError) as caught:
        await made.open()
    await made.close()
    return caught.value


def test_without_picamera2_the_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "drivers.camera.pi_camera", raising=False)
    monkeypatch.setitem(sys.modules, "libcamera", None)
    with pytest.raises(DriverError) as caught:
        camera()
    assert caught.value.reason is DriverReason.MISSING_LIBRARY


async def test_both_streams_come_as_rgb_without_padding(module: Module) -> None:
    made = camera("?width=640&height=360&preview=200")
    info = await made.open()
    frame = await made.newest()
    await made.close()
    assert info.model == "imx708"
    assert info.details == {"picture": "640 x 360", "preview": "200 x 112", "focus": "automatic"}
    assert frame.pixels.shape == (360, 640, 3)
    assert np.array_equal(frame.pixels[:, :, 0], PICTURE)
    assert not frame.pixels[:, :, 2].any()
    assert frame.preview is not None
    assert frame.preview.shape == (112, 200, 3)
    assert abs(float(frame.preview.mean()) - float(PICTURE.mean())) < 4
    assert np.ptp(frame.preview.astype(int), axis=2).max() < 4  # Grey: the padding is in none of the planes.


async def test_a_preview_can_be_left_out_and_is_never_larger_than_the_picture(module: Module) -> None:
    for options in ("?preview=0", "?width=320&height=240&preview=640"):
        made = camera(options)
        assert (await made.open()).details["preview"] == "none"
        assert (await made.newest()).preview is None
        await made.close()


async def test_every_buffer_goes_back_to_the_camera(module: Module) -> None:
    made = camera("?width=320&height=180")
    await made.open()
    frame = await made.newest()
    while frame.sequence < 12:
        frame = await made.newest(frame.sequence)
    await made.close()


async def test_focus_and_exposure_are_set_where_the_module_has_them(module: Module) -> None:
    made = camera()
    await made.open()
    await made.close()
    assert module.controls == {"AfMode": AfModeEnum.Continuous}
    made = camera("?focus=1.5&exposure=8&gain=2")
    await made.open()
    await made.close()
    assert module.controls == {
        "AfMode": AfModeEnum.Manual,
        "LensPosition": 1.5,
        "AeEnable": False,
        "ExposureTime": 8000,
        "AnalogueGain": 2.0,
    }
    module.autofocus = False
    made = camera()
    assert (await made.open()).details["focus"] == "fixed"
    await made.close()
    assert module.controls == {}
    assert (await refused(camera("?focus=2"))).reason is DriverReason.UNSUPPORTED


@pytest.mark.parametrize("offset_s", [0.0, 3600.0, -3600.0])
async def test_a_frame_has_the_sensors_time_where_it_is_believable(module: Module, offset_s: float) -> None:
    module.clock_offset_s = offset_s
    before = time.monotonic()
    made = camera()
    await made.open()
    frame = await made.newest()
    await made.close()
    assert before - 0.1 < frame.captured_at <= time.monotonic()


async def test_a_pipeline_that_fails_is_lost_and_starts_anew(module: Module) -> None:
    made = camera("?width=320&height=180")
    await made.open()
    module.broken = True
    with pytest.raises(DriverError) as caught:
        await made.newest(1_000_000)
    assert caught.value.reason is DriverReason.LOST
    assert module.buffers_out == 0
    await made.close()
    module.broken = False
    await made.open()
    assert (await made.newest()).pixels.shape == (180, 320, 3)
    await made.close()
    assert module.opened == 2


async def test_a_pipeline_that_hangs_is_lost_and_is_flushed_before_it_is_stopped(module: Module) -> None:
    made = camera()
    await made.open()
    await made.newest()
    module.streaming = False
    with pytest.raises(DriverError) as caught:
        await made.newest(1_000_000)
    assert caught.value.reason is DriverReason.LOST
    await made.close()
    assert module.flushed == 1
    module.streaming = True
    await made.open()
    await made.newest()
    await made.close()


async def test_a_camera_in_use_is_busy(module: Module) -> None:
    first = camera()
    await first.open()
    assert (await refused(camera())).reason is DriverReason.BUSY
    await first.close()


@pytest.mark.parametrize("address", ["picamera2:///imx708", "picamera2:///", "picamera2:///0?exposure=long"])
def test_wrong_addresses_are_refused(module: Module, address: str) -> None:
    with pytest.raises(DriverError) as caught:
        registry.camera("picamera2", address)
    assert caught.value.reason is DriverReason.BAD_ADDRESS
