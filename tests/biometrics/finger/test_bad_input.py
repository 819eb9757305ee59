"""What is no print gives a clear error and never a template: blank, noisy, ruled, printed, woven, furry.

The pictures are drawn here, seeded. Band-pass noise along a smooth flow is left out: that is how prints are
synthesised, and no extractor can tell it from one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.biometrics.finger import extract, look
from hotspotd.errors import BiometricError, Reason

Grey = NDArray[np.uint8]
Float = NDArray[np.float32]
SIZE = (320, 288)
ROWS, COLUMNS = np.indices(SIZE).astype(np.float32)


def _eight(values: NDArray[np.floating], low: float = 0.0, high: float = 255.0) -> Grey:
    """``values`` stretched to grey levels from ``low`` to ``high``."""
    span = float(values.max() - values.min()) or 1.0
    return np.round((values - values.min()) / span * (high - low) + low).clip(0, 255).astype(np.uint8)


def _noise(seed: int, sigma: float = 0.0) -> Float:
    noise = np.random.default_rng(seed).normal(0, 1, SIZE).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), sigma), np.float32) if sigma else noise


def grating(period: float, angle: float, square: bool = False, noise: float = 0.0) -> Grey:
    """Perfect stripes, ``period`` px apart, square or sinusoidal."""
    wave = np.sin((COLUMNS * np.cos(angle) + ROWS * np.sin(angle)) * (2 * np.pi / period))
    wave = np.sign(wave) if square else wave
    return _eight(wave + noise * _noise(3))


def rings(period: float, squeeze: float = 1.0) -> Grey:
    """Circles or ellipses around one middle: a whorl without any minutia."""
    return _eight(np.sin(np.hypot(COLUMNS - 140, (ROWS - 160) * squeeze) * (2 * np.pi / period)))


def checkerboard(side: int) -> Grey:
    return ((ROWS // side + COLUMNS // side) % 2 * 255).astype(np.uint8)


def plaid(period: float) -> Grey:
    """Two gratings crossed, as woven cloth."""
    return _eight(np.sin(COLUMNS * 2 * np.pi / period) + np.sin(ROWS * 2 * np.pi / period))


def fur(seed: int, thickness: float, length: int, swirl: float) -> Grey:
    """Noise smeared along a smooth flow: hairs of ``thickness`` px and of all distances, not of one as ridges."""
    flow = swirl * _noise(seed, 40) * 60
    total = np.zeros(SIZE, np.float32)
    hairs = _noise(seed + 1, thickness)
    for step in range(-length // 2, length // 2 + 1):
        across, down = COLUMNS + step * np.cos(flow), ROWS + step * np.sin(flow)
        total += cv2.remap(hairs, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return _eight(total)


def cat(seed: int) -> Grey:
    """A head with ears, eyes, a nose and whiskers, in fur, before a soft background."""
    picture = _eight(_noise(seed, 40), 90, 170)
    coat = fur(seed, 1.3, 24, 1.5).astype(np.float32) / 255 * 110 + 60
    tabby = 30 * np.sin(np.hypot(COLUMNS - 144, ROWS - 90) / 9)
    mask = np.zeros(SIZE, np.uint8)
    cv2.ellipse(mask, (144, 185), (105, 92), 0, 0, 360, (255,), -1)
    for side in (-1, 1):
        ear = np.array([[144 + side * 95, 40], [144 + side * 30, 100], [144 + side * 100, 150]], np.int32)
        cv2.fillPoly(mask, [ear], (255,))
    soft = cv2.GaussianBlur(mask, (0, 0), 2).astype(np.float32) / 255
    picture = (picture * (1 - soft) + (coat + tabby) * soft).clip(0, 255).astype(np.uint8)
    for side in (-1, 1):
        cv2.ellipse(picture, (144 + side * 42, 165), (20, 15), 0, 0, 360, (205,), -1)
        cv2.ellipse(picture, (144 + side * 42, 165), (5, 14), 0, 0, 360, (15,), -1)
        for whisker in range(4):
            cv2.line(picture, (144 + side * 20, 222), (144 + side * 130, 200 + 14 * whisker), (235,), 1, cv2.LINE_AA)
    cv2.ellipse(picture, (144, 215), (11, 8), 0, 0, 360, (70,), -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.8), np.uint8)


def text(scale: float, thickness: int, step: int) -> Grey:
    page = np.full(SIZE, 250, np.uint8)
    words = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<"
    for line in range(SIZE[0] // step):
        cv2.putText(page, words[line % 7 :], (2, step * (line + 1) - 4), 0, scale, (10,), thickness, cv2.LINE_AA)
    return page


def bars(seed: int) -> Grey:
    """A bar code."""
    widths = np.random.default_rng(seed).integers(1, 5, 200) * 2
    row = np.repeat(np.arange(200) % 2 * 255, widths)[: SIZE[1]].astype(np.uint8)
    return np.tile(row, (SIZE[0], 1))


def modules(seed: int, side: int) -> Grey:
    """A two-dimensional code."""
    cells = np.random.default_rng(seed).integers(0, 2, (SIZE[0] // side + 1, SIZE[1] // side + 1)) * 255
    return np.kron(cells, np.ones((side, side)))[: SIZE[0], : SIZE[1]].astype(np.uint8)


def bricks() -> Grey:
    wall = _eight(_noise(5, 2), 120, 160)
    for row, top in enumerate(range(0, SIZE[0], 24)):
        wall[top : top + 4] = 210
        for left in range(row % 2 * 28, SIZE[1], 56):
            wall[top : top + 24, left : left + 4] = 210
    return wall


def wood(seed: int) -> Grey:
    """Grain: rings cut lengthwise, far from evenly spaced."""
    distance = COLUMNS / 14 + 3 * cv2.GaussianBlur(_noise(seed, 30), (0, 0), 12) * 12 + ROWS / 200
    return _eight(np.sin(distance + 1.5 * np.sin(distance / 3)) + 0.3 * _noise(seed + 1, 1))


def scribble(seed: int) -> Grey:
    page = np.full(SIZE, 255, np.uint8)
    points = np.random.default_rng(seed).integers(0, 280, (60, 2)).astype(np.int32)
    cv2.polylines(page, [points], isClosed=False, color=(20,), thickness=3, lineType=cv2.LINE_AA)
    return page


NOT_PRINTS: dict[str, Callable[[], Grey]] = {
    "black": lambda: np.zeros(SIZE, np.uint8),
    "white": lambda: np.full(SIZE, 255, np.uint8),
    "grey": lambda: np.full(SIZE, 128, np.uint8),
    "saturated with specks": lambda: np.where(_noise(1) > 3, 200, 0).astype(np.uint8),
    "white noise": lambda: _eight(_noise(2)),
    "binary noise": lambda: np.where(_noise(2) > 0, 255, 0).astype(np.uint8),
    "soft noise": lambda: _eight(_noise(2, 3)),
    "clouds": lambda: _eight(_noise(2, 25)),
    "sensor grain": lambda: (np.random.default_rng(2).normal(230, 3, SIZE) // 17 * 17).clip(0, 255).astype(np.uint8),
    "gradient across": lambda: _eight(COLUMNS),
    "gradient round": lambda: _eight(np.hypot(COLUMNS - 144, ROWS - 160)),
    "edge": lambda: np.where(COLUMNS > 144, 255, 0).astype(np.uint8),
    "a disc": lambda: np.where(np.hypot(COLUMNS - 144, ROWS - 160) < 90, 40, 240).astype(np.uint8),
    "stripes 9": lambda: grating(9, 0.0),
    "stripes 9, oblique": lambda: grating(9, 0.6),
    "stripes 7": lambda: grating(7, 2.0),
    "stripes 12": lambda: grating(12, 1.2),
    "stripes 20": lambda: grating(20, 0.3),
    "stripes 4": lambda: grating(4, 0.0),
    "ruled lines": lambda: grating(9, 1.5708, square=True),
    "stripes with noise": lambda: grating(9, 0.6, noise=0.5),
    "stripes with much noise": lambda: grating(9, 0.6, noise=1.5),
    "circles 9": lambda: rings(9),
    "circles 14": lambda: rings(14),
    "ellipses": lambda: rings(9, 0.7),
    "checkerboard 4": lambda: checkerboard(4),
    "checkerboard 9": lambda: checkerboard(9),
    "checkerboard 16": lambda: checkerboard(16),
    "plaid 9": lambda: plaid(9),
    "plaid 16": lambda: plaid(16),
    "large print": lambda: text(1.2, 3, 34),
    "print": lambda: text(0.6, 1, 18),
    "small print": lambda: text(0.35, 1, 10),
    "bar code": lambda: bars(1),
    "two-dimensional code": lambda: modules(1, 6),
    "large two-dimensional code": lambda: modules(2, 12),
    "bricks": bricks,
    "wood": lambda: wood(4),
    "other wood": lambda: wood(9),
    "scribble": lambda: scribble(6),
    "long fur": lambda: fur(11, 1.5, 60, 1.0),
    "short fur": lambda: fur(12, 1.5, 20, 1.0),
    "thick fur": lambda: fur(13, 3.0, 60, 1.0),
    "curly fur": lambda: fur(15, 2.0, 40, 3.0),
    "fine fur": lambda: fur(16, 0.8, 40, 1.0),
    "cat": lambda: cat(21),
    "other cat": lambda: cat(33),
}


@pytest.mark.parametrize("name", NOT_PRINTS)
def test_what_is_no_print_gives_no_template(name: str) -> None:
    picture = NOT_PRINTS[name]()
    quality, template = look(picture, 500)
    assert template is None
    assert not quality.finger
    assert quality.score == 0
    with pytest.raises(BiometricError) as refused:
        extract(picture, 500)
    assert refused.value.reason is Reason.NO_FINGER
    assert refused.value.advice


def test_nor_does_a_photograph_of_a_face(shared_data: Path) -> None:
    """Folds, brows and hair have patches like prints, small ones."""
    folder = shared_data / "faces" / "lfw-subset"
    if not folder.is_dir():
        pytest.skip("no faces/lfw-subset in ../shared/data")
    photographs = sorted(folder.rglob("*.jpg"))[::3]
    taken = [one.name for one in photographs if look(np.asarray(cv2.imread(str(one), 0), np.uint8), 500)[1] is not None]
    assert len(photographs) > 200
    assert taken == []


@pytest.mark.parametrize("dpi", [250, 569, 1000])
@pytest.mark.parametrize("name", ["cat", "stripes 9", "white noise", "black"])
def test_nor_at_another_resolution(name: str, dpi: int) -> None:
    side = round(300 * dpi / 500)
    picture = np.asarray(cv2.resize(NOT_PRINTS[name](), (side, side)), np.uint8)
    with pytest.raises(BiometricError) as refused:
        extract(picture, dpi)
    assert refused.value.reason is Reason.NO_FINGER


BAD_IMAGES: dict[str, tuple[NDArray[np.generic], int]] = {
    "empty": (np.zeros((0, 0), np.uint8), 500),
    "no rows": (np.zeros((0, 300), np.uint8), 500),
    "no columns": (np.zeros((300, 0), np.uint8), 500),
    "one pixel": (np.zeros((1, 1), np.uint8), 500),
    "tiny": (np.zeros((20, 20), np.uint8), 500),
    "a line": (np.zeros((300, 1), np.uint8), 500),
    "huge": (np.zeros((300, 6000), np.uint8), 500),
    "too coarse": (np.zeros((300, 300), np.uint8), 96),
    "no resolution": (np.zeros((300, 300), np.uint8), 0),
    "negative resolution": (np.zeros((300, 300), np.uint8), -500),
    "absurd resolution": (np.zeros((300, 300), np.uint8), 1_000_000),
    "in colour": (np.zeros((300, 300, 3), np.uint8), 500),
    "a row": (np.zeros(300, np.uint8), 500),
    "16 bits": (np.full((300, 300), 40_000, np.uint16), 500),
    "signed": (np.zeros((300, 300), np.int8), 500),
    "fractions": (np.full((300, 300), 0.5, np.float32), 500),
    "not numbers": (np.full((300, 300), np.nan, np.float64), 500),
    "truth values": (np.zeros((300, 300), np.bool_), 500),
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_what_is_no_picture_is_a_bad_image(name: str) -> None:
    picture, dpi = BAD_IMAGES[name]
    for read in (extract, look):
        with pytest.raises(BiometricError) as refused:
            read(picture, dpi)  # type: ignore[operator]
        assert refused.value.reason is Reason.BAD_IMAGE
        assert refused.value.advice
