"""A video file as a camera, at its own pace and as fast as it can be read."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from drivers import registry
from drivers.address import DeviceAddress
from drivers.base import DriverError, DriverReason
from drivers.camera.live import Picture
from drivers.camera.replay_video import _Video
from drivers.worker import Token
from tests.drivers.benches import film

LEVELS = [20, 70, 120, 170, 220]


def grey(level: int) -> np.ndarray:
    return np.full((48, 64), level, np.uint8)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Five pictures, each lighter than the last, at 40 a second."""
    film(tmp_path / "video.avi", [grey(level) for level in LEVELS], fps=40)
    return tmp_path / "video.avi"


def grabbed(address: str, count: int) -> list[Picture]:
    """The first pictures of an address, every one of them."""
    source = _Video(DeviceAddress.parse(address))
    pictures: list[Picture] = []
    try:
        source.open(Token())
        while len(pictures) < count:
            picture = source.grab(Token())
            if picture is not None:
                pictures.append(picture)
    finally:
        source.close()
    return pictures


def test_fast_gives_every_picture_in_order_round_and_round(video: Path) -> None:
    pictures = grabbed(f"replay://{video}?pace=fast", 12)
    assert [round(float(picture.pixels.mean()) / 10) * 10 for picture in pictures] == (LEVELS * 3)[:12]
    assert pictures[0].pixels.shape == (48, 64, 3)
    assert pictures[0].pixels.dtype == np.uint8


def test_real_time_takes_the_time_that_the_pictures_say(video: Path) -> None:
    pictures = grabbed(f"replay://{video}?fps=20", 3)
    assert pictures[2].captured_at - pictures[0].captured_at >= 0.09


def test_pictures_that_are_late_are_passed_over(video: Path) -> None:
    source = _Video(DeviceAddress.parse(f"replay://{video}?fps=40"))
    source.open(Token())
    source._began_at -= 2.5 / 40  # As if the computer had been busy for two and a half pictures.
    picture = source.grab(Token())
    source.close()
    assert picture is not None
    assert abs(float(picture.pixels.mean()) - LEVELS[2]) < 5


async def test_a_video_says_its_size_and_rate(video: Path) -> None:
    camera = registry.camera("replay", f"replay://{video}")
    info = await camera.open()
    await camera.close()
    assert info.details == {"picture": "64 x 48", "fps": "40"}


async def test_a_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "video.mp4").write_bytes, b"no video" * 100)
    camera = registry.camera("replay", f"replay://{tmp_path}/video.mp4")
    with pytest.raises(DriverError) as caught:
        await camera.open()
    assert caught.value.reason is DriverReason.BAD_IMAGE
    await camera.close()
