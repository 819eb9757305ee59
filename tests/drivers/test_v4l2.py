"""A USB camera: what is negotiated, what is refused, and what a frame's time is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers import registry
from drivers.base import Camera, DriverError, DriverReason
from tests.drivers.pictures import striped
from tests.drivers.v4l2_stand_in import MJPG, NV12, YUYV, UsbCamera


@pytest.fixture
def usb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UsbCamera:
    """A camera at tmp_path/video, whose device file is /dev/null's."""
    path = tmp_path / "video"
    path.symlink_to("/dev/null")
    made = UsbCamera(path, striped(1))
    monkeypatch.setattr(cv2, "VideoCapture", made.capture)
    return made


def camera(usb: UsbCamera, options: str = "") -> Camera:
    return registry.camera("v4l2", f"v4l2://{usb.path}{options}")


async def refused(made: Camera) -> DriverError:
    with pytest.raises(DriverError) as caught:
        await made.open()
    await made.close()
    return caught.value


@pytest.mark.parametrize("name", ["mjpeg", "yuyv"])
async def test_both_formats_give_rgb(usb: UsbCamera, name: str) -> None:
    made = camera(usb, f"?format={name}&width=640&height=480")
    info = await made.open()
    frame = await made.newest()
    later = await made.newest(frame.sequence)
    await made.close()
    assert info.details["format"] == name
    assert frame.pixels.shape == later.pixels.shape == (480, 640, 3)
    for channel in range(3):
        assert np.abs(frame.pixels[:288, :256, channel].astype(int) - striped(1)).mean() < 20
    assert frame.pixels is not later.pixels
    assert usb.opened == usb.released == 1


async def test_a_camera_without_mjpeg_is_taken_with_yuyv(usb: UsbCamera) -> None:
    usb.formats = (YUYV,)
    made = camera(usb)
    assert (await made.open()).details["format"] == "yuyv"
    await made.close()
    assert (await refused(camera(usb, "?format=mjpeg"))).reason is DriverReason.UNSUPPORTED
    usb.formats = (NV12,)
    assert (await refused(camera(usb))).reason is DriverReason.UNSUPPORTED
    assert usb.opened == usb.released


async def test_the_nearest_size_is_taken_and_told(usb: UsbCamera) -> None:
    made = camera(usb, "?width=1920&height=1080&fps=15")
    info = await made.open()
    assert info.details == {"picture": "1280 x 720", "format": "mjpeg", "fps": "15"}
    assert (await made.newest()).pixels.shape == (720, 1280, 3)
    await made.close()


async def test_exposure_is_set_in_units_of_100_microseconds_and_back_to_automatic(usb: UsbCamera) -> None:
    made = camera(usb, "?exposure=12.5")
    await made.open()
    await made.close()
    assert usb.controls[cv2.CAP_PROP_EXPOSURE] == 125
    assert usb.controls[cv2.CAP_PROP_AUTO_EXPOSURE] == 1
    made = camera(usb)
    await made.open()
    await made.close()
    assert usb.controls[cv2.CAP_PROP_AUTO_EXPOSURE] == 3


async def test_a_camera_whose_exposure_cannot_be_set_is_refused_only_where_it_is_asked_for(usb: UsbCamera) -> None:
    usb.has_exposure = False
    assert (await refused(camera(usb, "?exposure=10"))).reason is DriverReason.UNSUPPORTED
    made = camera(usb)
    await made.open()
    await made.close()


@pytest.mark.parametrize("offset_s", [0.0, 3600.0, -3600.0])
async def test_a_frame_has_the_kernels_time_where_it_is_believable(usb: UsbCamera, offset_s: float) -> None:
    usb.clock_offset_s = offset_s
    before = time.monotonic()
    made = camera(usb)
    await made.open()
    frame = await made.newest()
    await made.close()
    assert before - 0.1 < frame.captured_at <= time.monotonic()


async def test_torn_pictures_are_skipped(usb: UsbCamera) -> None:
    usb.torn = True
    made = camera(usb, "?limit=1")
    await made.open()
    with pytest.raises(DriverError) as caught:
        await made.newest()
    assert caught.value.reason is DriverReason.TIMEOUT
    usb.torn = False
    async with asyncio.timeout(5):
        assert (await made.newest()).pixels.shape == (720, 1280, 3)
    await made.close()


async def test_a_camera_that_gives_nothing_is_busy(usb: UsbCamera) -> None:
    usb.streaming = False
    assert (await refused(camera(usb))).reason is DriverReason.BUSY
    assert usb.opened == usb.released


async def test_a_camera_that_falls_silent_is_lost(usb: UsbCamera) -> None:
    made = camera(usb)
    await made.open()
    usb.streaming = False
    with pytest.raises(DriverError) as caught:
        await made.newest(1_000_000)
    assert caught.value.reason is DriverReason.LOST
    await made.close()


async def test_a_file_is_no_camera(tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "video").write_text, "text")
    assert (await refused(registry.camera("v4l2", f"v4l2://{tmp_path}/video"))).reason is DriverReason.BAD_ADDRESS


async def test_the_real_opencv_does_not_take_another_device_for_a_camera() -> None:
    error = await refused(registry.camera("v4l2", "v4l2:///dev/null"))
    assert error.reason is DriverReason.BUSY


@pytest.mark.parametrize("options", ["?width=0", "?format=h264", "?exposure=long", "?fps=0", "?size=1"])
def test_wrong_options_are_refused(options: str) -> None:
    make: Callable[[], Camera] = lambda: registry.camera("v4l2", f"v4l2:///dev/video0{options}")  # noqa: E731
    with pytest.raises(DriverError) as caught:
        make()
    assert caught.value.reason is DriverReason.BAD_ADDRESS


def test_the_formats_have_the_kernels_codes() -> None:
    assert (MJPG, YUYV) == (0x47504A4D, 0x56595559)
