"""The compiled comparison and the numpy one find the same, on prints that are likely and on prints that are not."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest

from hotspotd.biometrics.finger import FingerTemplate, cylinders, native
from hotspotd.biometrics.finger.comparison import examine, search
from hotspotd.biometrics.finger.template import NO_RIDGES, ridge_shape

WIDTH, HEIGHT = 300, 360


def _template(rng: np.random.Generator, count: int, *, ridges: bool = True) -> FingerTemplate:
    field = rng.integers(0, 250, ridge_shape(WIDTH, HEIGHT)).astype(np.uint8)
    field[rng.random(field.shape) < 0.3] = NO_RIDGES
    return FingerTemplate(
        rng.uniform(0, WIDTH - 1, count).astype(np.float32),
        rng.uniform(0, HEIGHT - 1, count).astype(np.float32),
        rng.uniform(0, 2 * np.pi, count).astype(np.float32),
        rng.integers(0, 2, count).astype(np.uint8),
        rng.integers(0, 101, count).astype(np.uint8),
        WIDTH,
        HEIGHT,
        70,
        *((field,) if ridges else ()),
    )


def _again(rng: np.random.Generator, first: FingerTemplate) -> FingerTemplate:
    """The same finger once more: turned, shifted, stretched, some minutiae missing and some added."""
    kept = rng.random(len(first)) < rng.uniform(0.4, 1.0)
    extra = _template(rng, int(rng.integers(0, 20)))
    turn = rng.uniform(-0.7, 0.7)
    cos, sin, x, y = np.cos(turn), np.sin(turn), first.x[kept] - WIDTH / 2, first.y[kept] - HEIGHT / 2
    bend = 1 + rng.uniform(-4e-4, 4e-4) * x
    mx = bend * (cos * x - sin * y) + WIDTH / 2 + rng.normal(0, 1.5, len(x)) + rng.uniform(-30, 30)
    my = sin * x + cos * y + HEIGHT / 2 + rng.normal(0, 1.5, len(x)) + rng.uniform(-30, 30)
    inside = (mx >= 0) & (mx < WIDTH - 1) & (my >= 0) & (my < HEIGHT - 1)
    angle = np.mod(first.angle[kept] + turn + rng.normal(0, 0.08, len(x)), 2 * np.pi)
    return FingerTemplate(
        np.append(mx[inside], extra.x).astype(np.float32),
        np.append(my[inside], extra.y).astype(np.float32),
        np.append(angle[inside], extra.angle).astype(np.float32),
        np.append(first.kind[kept][inside], extra.kind).astype(np.uint8),
        np.append(first.point_quality[kept][inside], extra.point_quality).astype(np.uint8),
        WIDTH,
        HEIGHT,
        60,
        extra.ridges,
    )


def _spot(count: int) -> FingerTemplate:
    same = np.full(count, 100, np.float32)
    none = np.zeros(count, np.uint8)
    return FingerTemplate(same, same, same * 0, none, none, WIDTH, HEIGHT, 0)


def _prints() -> list[FingerTemplate]:
    rng = np.random.default_rng(5)
    whole = [_template(rng, count) for count in (0, 1, 2, 3, 5, 8, 9, 16, 17, 40, 60, 128, 160, 200)]
    line = _template(rng, 30)
    straight = FingerTemplate(
        line.x, line.x * 0 + 50, line.angle * 0, line.kind, line.point_quality, WIDTH, HEIGHT, 50, line.ridges
    )
    return [*whole, _template(rng, 40, ridges=False), _spot(2), _spot(40), _spot(160), straight]


@pytest.fixture(scope="module", autouse=True)
def _kernels() -> None:
    if native.library() is None:
        pytest.skip("the kernels are not built here")


@pytest.fixture(params=native.available() or ["none"])
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    native.select(request.param)
    yield request.param
    native.select(native.available()[-1])


def _numpy(template: FingerTemplate, monkeypatch: pytest.MonkeyPatch) -> FingerTemplate:
    """The same minutiae as a template of its own, prepared by numpy."""
    twin = FingerTemplate(**vars(template))
    with monkeypatch.context() as patch:
        patch.setattr(native, "library", lambda: None)
        cylinders.prepared(twin)
    return twin


def test_both_prepare_the_same_bytes(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    for template in [*_prints(), *(_template(rng, int(rng.integers(3, 90))) for _ in range(30))]:
        compiled = cylinders.prepared(FingerTemplate(**vars(template)))
        np.testing.assert_array_equal(compiled, cylinders.prepared(_numpy(template, monkeypatch)))


def _same_scores(
    probes: list[FingerTemplate], references: list[FingerTemplate], monkeypatch: pytest.MonkeyPatch
) -> np.ndarray:
    compiled = np.array([search(probe, references) for probe in probes])
    with monkeypatch.context() as patch:
        patch.setattr(native, "library", lambda: None)
        plain = np.array([search(probe, references) for probe in probes])
    assert np.isfinite(compiled).all()
    np.testing.assert_allclose(compiled, plain, rtol=1e-3, atol=1e-5)
    return compiled


def test_both_give_prints_of_one_finger_and_of_two_the_same_scores(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(11)
    fingers = [_template(rng, int(rng.integers(15, 80))) for _ in range(25)]
    again = [_again(rng, finger) for finger in fingers]
    scores = _same_scores(fingers, again, monkeypatch)
    assert np.median(np.diag(scores)) > 5 * np.median(scores)


def test_both_give_degenerate_prints_the_same_scores(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prints = _prints()
    _same_scores(prints, prints, monkeypatch)


def test_both_find_the_same_evidence(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(17)
    for _ in range(10):
        first = _template(rng, int(rng.integers(20, 70)))
        second = _again(rng, first)
        compiled = vars(examine(first, second))
        with monkeypatch.context() as patch:
            patch.setattr(native, "library", lambda: None)
            plain = vars(examine(first, second))
        assert compiled == pytest.approx(plain, rel=1e-3, abs=1e-4)


def test_the_order_of_references_and_their_company_change_no_score(level: str) -> None:
    rng = np.random.default_rng(3)
    prints = [_template(rng, int(rng.integers(0, 70))) for _ in range(12)]
    together = search(prints[0], prints)
    alone = [float(search(prints[0], [one])[0]) for one in prints]
    np.testing.assert_array_equal(together, alone)
    for one, other in product(prints[:4], repeat=2):
        assert search(one, [other, other])[0] == search(one, [prints[5], other])[1]


def test_threads_that_compare_at_once_get_the_scores_of_one(level: str) -> None:
    rng = np.random.default_rng(29)
    fingers = [_template(rng, int(rng.integers(20, 80))) for _ in range(12)]
    references = [_again(rng, finger) for finger in fingers]
    alone = [search(probe, references) for probe in fingers]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda probe: search(probe, references), fingers * 20))
    for index, scores in enumerate(together):
        np.testing.assert_array_equal(scores, alone[index % len(fingers)])
