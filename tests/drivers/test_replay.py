"""Folders of pictures as a camera and as a scanner."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers import registry
from drivers.base import Camera, DriverError, DriverReason
from drivers.image_folder import ImageFolder


def fill(folder: Path, colours: dict[str, tuple[int, int, int]]) -> None:
    """A picture of one RGB colour for each name."""
    folder.mkdir(exist_ok=True)
    for name, colour in colours.items():
        pixels = np.full((12, 16, 3), colour[::-1], np.uint8)
        cv2.imwrite(str(folder / name), pixels)


async def colours(camera: Camera, count: int) -> list[tuple[int, ...]]:
    """The colours of the next frames."""
    seen: list[tuple[int, ...]] = []
    after = -1
    for _ in range(count):
        frame = await camera.newest(after)
        after = frame.sequence
        assert frame.pixels.shape == (12, 16, 3)
        seen.append(tuple(int(value) for value in frame.pixels[0, 0]))
    return seen


RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


async def test_pictures_come_in_name_order_round_and_round_as_rgb(tmp_path: Path) -> None:
    await asyncio.to_thread(fill, tmp_path, {"b.png": GREEN, "a.png": RED, "c.bmp": BLUE})
    camera = registry.camera("replay", f"replay://{tmp_path}?fps=20")
    await camera.open()
    seen = await colours(camera, 6)
    await camera.close()
    start = seen.index(RED)
    assert (seen[start:] + seen[:start])[:3] == [RED, GREEN, BLUE]


async def test_only_the_newest_frame_is_given(tmp_path: Path) -> None:
    await asyncio.to_thread(fill, tmp_path, {"a.png": RED})
    camera = registry.camera("replay", f"replay://{tmp_path}?fps=100")
    await camera.open()
    first = await camera.newest()
    later = await camera.newest(first.sequence + 5)
    assert later.sequence > first.sequence + 5
    assert later.captured_at > first.captured_at
    again = await camera.newest(first.sequence)
    assert again.sequence >= later.sequence
    await camera.close()


async def test_a_swapped_symlink_changes_what_is_seen(tmp_path: Path) -> None:
    await asyncio.to_thread(fill, tmp_path / "one", {"a.png": RED, "b.png": RED})
    await asyncio.to_thread(fill, tmp_path / "two", {"a.png": BLUE})
    link, fresh = tmp_path / "now", tmp_path / "fresh"
    await asyncio.to_thread(link.symlink_to, tmp_path / "one")
    camera = registry.camera("replay", f"replay://{link}?fps=50")
    await camera.open()
    assert await colours(camera, 3) == [RED] * 3
    await asyncio.to_thread(fresh.symlink_to, tmp_path / "two")
    await asyncio.to_thread(fresh.replace, link)
    async with asyncio.timeout(5):
        while await colours(camera, 1) != [BLUE]:
            pass
    await camera.close()


async def test_unreadable_pictures_are_skipped_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await asyncio.to_thread(fill, tmp_path, {"a.png": RED, "c.png": BLUE})
    await asyncio.to_thread((tmp_path / "b.png").write_bytes, b"\x89PNG torn")
    await asyncio.to_thread((tmp_path / "d.jpg").write_bytes, b"")
    await asyncio.to_thread((tmp_path / "notes.txt").write_text, "not a picture at all")
    camera = registry.camera("replay", f"replay://{tmp_path}?fps=50")
    with caplog.at_level(logging.WARNING):
        await camera.open()
        assert set(await colours(camera, 8)) == {RED, BLUE}
        await camera.close()
    assert len([record for record in caplog.records if "b.png" in record.getMessage()]) == 1
    assert len([record for record in caplog.records if "d.jpg" in record.getMessage()]) == 1
    assert not [record for record in caplog.records if "notes.txt" in record.getMessage()]


async def test_a_folder_without_pictures_is_a_timeout_and_the_camera_goes_on(tmp_path: Path) -> None:
    camera = registry.camera("replay", f"replay://{tmp_path}?fps=50&limit=0.1")
    await camera.open()
    with pytest.raises(DriverError) as caught:
        await camera.newest()
    assert caught.value.reason is DriverReason.TIMEOUT
    await asyncio.to_thread(fill, tmp_path, {"a.png": GREEN})
    async with asyncio.timeout(5):
        while True:
            try:
                assert await colours(camera, 1) == [GREEN]
                break
            except DriverError:
                continue
    await camera.close()


async def test_an_error_that_nobody_foresaw_is_a_lost_camera_not_a_quiet_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    camera = registry.camera("replay", f"replay://{tmp_path}?fps=50")
    monkeypatch.setattr(ImageFolder, "next", fail)
    await camera.open()
    with pytest.raises(DriverError) as caught:
        await camera.newest()
    assert caught.value.reason is DriverReason.LOST
    await camera.close()


async def test_sequence_numbers_go_on_over_a_reopening(tmp_path: Path) -> None:
    await asyncio.to_thread(fill, tmp_path, {"a.png": RED})
    camera = registry.camera("replay", f"replay://{tmp_path}?fps=50")
    await camera.open()
    first = await camera.newest()
    await camera.open()
    assert (await camera.newest(first.sequence)).sequence > first.sequence
    await camera.close()


async def test_a_scanner_gives_picture_after_picture_and_is_never_touched_between(tmp_path: Path) -> None:
    await asyncio.to_thread(fill, tmp_path, {"1.png": (10, 10, 10), "2.png": (200, 200, 200)})
    scanner = registry.scanner("replay", f"replay://{tmp_path}?dpi=1000")
    await scanner.open()
    seen = []
    for _ in range(3):
        image = await scanner.capture()
        assert (image.dpi, image.levels, image.pixels.shape) == (1000, 256, (12, 16))
        seen.append(int(image.pixels[0, 0]))
        await scanner.wait_lifted()
    assert seen == [10, 200, 10]
    await scanner.close()
