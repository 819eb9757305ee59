"""The minutiae network as it is used: any size, bare glass left out, what it finds on prints whose truth is known."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hotspotd.biometrics.finger import minutiae
from hotspotd.biometrics.finger.network import CELL, NAME, STEP, see
from hotspotd.biometrics.finger.synthetic import impression, master
from hotspotd.biometrics.finger.synthetic.noise import Pool
from hotspotd.biometrics.finger.synthetic.observation import observe
from hotspotd.biometrics.finger.synthetic.sensors import Sensor
from hotspotd.biometrics.finger.synthetic.truth import truth_of
from hotspotd.biometrics.models import BUNDLED, load_manifest


def test_the_model_is_small_enough_for_a_kiosk() -> None:
    manifest = load_manifest(BUNDLED / f"{NAME}.toml")
    assert manifest.bytes <= 4 * 1024 * 1024
    assert manifest.role == "minutiae"


@pytest.mark.parametrize("size", [(288, 256), (101, 333), (64, 64), (480, 640)])
def test_any_size_of_picture_can_be_shown(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 255, size).astype(np.uint8)
    sight = see(picture)
    assert sight.confidence.shape == (-(-size[0] // CELL), -(-size[1] // CELL))
    assert sight.theta.shape == sight.readable.shape == (-(-size[0] // STEP), -(-size[1] // STEP))
    assert np.isfinite(sight.x).all()


def test_bare_glass_around_a_print_changes_little() -> None:
    print_ = impression(master(3), np.random.default_rng(2), size=(288, 256), levels=256)
    large = np.full((480, 640), int(np.median(print_[:, :6])), np.uint8)
    large[96:384, 192:448] = print_
    alone, inside = (minutiae.find(see(p), (p.shape[0], p.shape[1])) for p in (print_, large))
    apart = np.hypot(alone.x[:, None] + 192 - inside.x, alone.y[:, None] + 96 - inside.y)
    assert (apart.min(axis=1) < 3).mean() > 0.8


def test_minutiae_of_prints_with_known_truth_are_found() -> None:
    pool, found, wanted, right = Pool(5), 0, 0, 0
    for seed in range(12):
        finger = master(8_000_000 + seed)
        seen = observe(finger, truth_of(finger), np.random.default_rng(seed), pool, list(Sensor)[seed % 4])
        points = minutiae.find(see(seen.image), (256, 256))
        row, column = (np.clip(v / 8, 0, 31).astype(int) for v in (seen.points.y, seen.points.x))
        clear = seen.readable[row, column] > 0.5
        x, y, angle = seen.points.x[clear], seen.points.y[clear], seen.points.angle[clear]
        wanted += len(x)
        found += len(points)
        if len(points) and len(x):
            near = np.hypot(x[:, None] - points.x, y[:, None] - points.y) < 8
            right += int((near & (np.cos(angle[:, None] - points.angle) > 0.8)).any(axis=1).sum())
    assert right >= 0.7 * wanted
    assert right >= 0.5 * found


def test_several_threads_with_pictures_of_several_sizes_get_what_one_gets() -> None:
    pictures = [
        impression(master(s), np.random.default_rng(s), size=size) for s, size in ((1, (288, 256)), (2, (256, 320)))
    ]
    alone = [see(picture).confidence for picture in pictures]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda index: see(pictures[index % 2]).confidence, range(12)))
    for index, confidence in enumerate(together):
        np.testing.assert_array_equal(confidence, alone[index % 2])
