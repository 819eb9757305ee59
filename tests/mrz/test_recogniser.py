"""The networks as they are used, under either runtime: a strip that was drawn once, and pictures that hold nothing."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from hotspotd.biometrics.models import BUNDLED, load_manifest
from hotspotd.mrz import locate, recogniser
from hotspotd.mrz.locate import Locator
from hotspotd.mrz.recogniser import Recogniser, line_of

# Drawn by hotspotd.mrz.drawing: nobody's.
STRIP = Path(__file__).with_name("strip.png")
LINE = "L898902C36UTO7408122F1204159ZE184226B<<<<<10"


@pytest.mark.parametrize("name", [recogniser.NAME, locate.NAME])
def test_the_models_are_small_and_what_they_say_they_are(name: str) -> None:
    manifest = load_manifest(BUNDLED / f"{name}.toml")
    assert manifest.bytes <= 1024 * 1024
    assert (manifest.role, manifest.grade) == ("text", "operational")


def test_a_line_is_read_and_its_length_known() -> None:
    strip = np.asarray(cv2.imread(str(STRIP), cv2.IMREAD_GRAYSCALE), np.uint8)
    columns = Recogniser().look(strip)
    sights = [line_of(columns, length) for length in (30, 36, 44)]
    best = max(sights, key=lambda sight: sight.score)
    assert best.text == LINE
    assert best.sureness.min() > 0.5
    assert np.allclose(np.diff(best.x), 16, atol=2.5)


def test_a_strip_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="strip"):
        Recogniser().look(np.zeros((32, 100), np.uint8))


@pytest.mark.parametrize("size", [(720, 1280), (480, 640), (1280, 720), (333, 77)])
def test_nothing_is_found_where_nothing_is(size: tuple[int, int]) -> None:
    flat = np.full(size, 140, np.uint8)
    noise = np.random.default_rng(1).normal(140, 12, size).clip(0, 255).astype(np.uint8)
    locator = Locator()
    assert locator.candidates(flat) == []
    assert len(locator.candidates(noise)) <= locate.MOST
