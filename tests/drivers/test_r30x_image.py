"""Four-bit pictures, and what the emulator's glass makes of any picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.emulators.glass import load, on_glass, ridge_centre
from drivers.fingerprint.r30x_image import pack, unpack
from tests.drivers.pictures import on_sixteen_levels, striped


def test_the_left_pixel_is_in_the_high_half() -> None:
    assert unpack(b"\x0f\xa1", (1, 4)).tolist() == [[0, 255, 170, 17]]


@given(st.integers(1, 40), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_a_picture_keeps_its_four_high_bits(height: int, half_width: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, 2 * half_width), dtype=np.uint8)
    assert np.array_equal(unpack(pack(pixels), pixels.shape), on_sixteen_levels(pixels))


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="3 bytes"):
        unpack(b"abc", (2, 2))


def test_a_picture_of_the_sensors_size_is_seen_as_it_is() -> None:
    pixels = striped(1)
    assert np.array_equal(on_glass(pixels, (288, 256)), pixels)


def test_a_large_picture_is_cut_around_its_ridges() -> None:
    paper = np.full((480, 640), 240, np.uint8)
    paper[150:438, 330:586] = striped(2)
    row, column = ridge_centre(paper)
    assert abs(row - 294) < 8
    assert abs(column - 458) < 8
    seen = on_glass(paper, (288, 256))
    assert (seen < 60).sum() > 0.95 * (paper < 60).sum()


def test_a_small_picture_is_padded_with_its_own_background() -> None:
    seen = on_glass(striped(3, (100, 90)), (288, 256))
    assert seen.shape == (288, 256)
    assert seen[0, 0] > 200
    assert (seen < 60).sum() > 0


@given(st.integers(1, 400), st.integers(1, 400))
def test_any_size_fits_the_glass(height: int, width: int) -> None:
    assert on_glass(np.zeros((height, width), np.uint8), (192, 192)).shape == (192, 192)


def test_a_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "finger.png"
    path.write_bytes(b"not a picture")
    with pytest.raises(ValueError, match="no picture"):
        load(path)
    cv2.imwrite(str(path), striped(4))
    assert np.array_equal(load(path), striped(4))
