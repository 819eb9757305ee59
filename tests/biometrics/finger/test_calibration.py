"""The curve from score to false match rate: never rising, never zero, and refused where it is no curve."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hotspotd.biometrics.finger import ENGINE, false_match_rate
from hotspotd.biometrics.finger.calibration import LOWEST_FLOOR, adopt, load, read, use
from hotspotd.biometrics.finger.calibration_fit import fit, upper_bound
from hotspotd.errors import BiometricError, Reason

SOUND = {
    "engine": ENGINE,
    "scores": [0.0, 1.0, 2.0],
    "log10_fmr": [0.0, -1.0, -3.0],
    "floor": 1e-6,
    "measured_down_to": 1e-3,
    "how": "for this test",
}


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_higher_score_never_has_a_higher_rate(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 < false_match_rate(high) <= false_match_rate(low) <= 1


@pytest.mark.parametrize("score", [math.nan, -math.inf, 0.0])
def test_no_score_is_worth_nothing(score: float) -> None:
    assert false_match_rate(score) == 1.0


def test_no_score_is_certain() -> None:
    assert false_match_rate(math.inf) >= 1e-6


@pytest.mark.parametrize(
    "change",
    [
        {"scores": [0.0, 2.0, 1.0]},
        {"log10_fmr": [0.0, -1.0, -1.0]},
        {"log10_fmr": [0.5, -1.0, -2.0]},
        {"scores": [0.0]},
        {"scores": [], "log10_fmr": []},
        {"floor": 0.0},
        {"floor": 1e-7},
        {"scores": [0.0, 1.0, 1e999]},
        {"floor": "small"},
        {"another": 1},
    ],
)
def test_what_is_no_curve_is_refused(change: dict[str, object]) -> None:
    assert load(json.dumps(SOUND).encode()).engine == ENGINE
    with pytest.raises(BiometricError):
        load(json.dumps(SOUND | change).encode())


def exponential(seed: int, count: int = 3000, scale: float = 1.0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).exponential(scale, count)


def test_on_scores_of_a_known_law_the_curve_is_careful_and_not_absurd() -> None:
    scores = np.linspace(1.0, 13.0, 200)
    careful = 0
    for seed in range(20):
        claimed = fit({"one": exponential(seed)}, ENGINE, "test").rates(scores)
        true = np.exp(-scores)
        careful += bool((claimed >= 0.95 * true).all())
        assert (claimed >= 0.8 * true)[scores <= -math.log(0.01)].all(), "never far off where it is measured"
        near = scores <= -math.log(1e-4)
        assert (claimed[near] <= 20 * true[near]).all()
    assert careful >= 18, "one-sided 95 % bounds hold nearly always"


def test_a_fitted_curve_falls_from_one_and_claims_no_more_than_its_floor() -> None:
    for seed, lumps in enumerate((0.0, 0.5, 0.95)):
        scores = exponential(seed)
        scores[: int(lumps * len(scores))] = 0.0  # Engines give 0 where nothing agrees.
        made = fit({"one": scores}, ENGINE, "test")
        rates = made.rates(np.linspace(-1, 60, 2000))
        assert (np.diff(rates) <= 0).all()
        assert rates[0] == 1.0
        assert rates[-1] == made.floor
        assert made.rate(0.0) == 1.0
        assert load(msgspec.json.encode(made)) == made


def test_the_worst_group_counts_at_every_rate() -> None:
    groups = {"mild": exponential(1), "harsh": exponential(2, scale=1.5), "small": exponential(3, 250)}
    together = fit(groups, ENGINE, "test")
    scores = np.linspace(0.5, 12, 100)
    alone = fit({"harsh": groups["harsh"]}, ENGINE, "test")
    measured = alone.rates(scores) >= alone.measured_down_to
    assert (together.rates(scores)[measured] >= 0.999 * alone.rates(scores)[measured]).all()
    assert together.measured_down_to > alone.measured_down_to, "the small group measures less far down"
    assert [(group.name, group.pairs) for group in together.groups] == [("mild", 3000), ("harsh", 3000), ("small", 250)]
    assert together.impostor_pairs == 6250


def test_few_comparisons_claim_little_and_many_more() -> None:
    floors = [fit({"one": exponential(4, count)}, ENGINE, "test").floor for count in (200, 3000, 300_000)]
    assert floors[0] > 1e-5
    assert floors[0] > floors[1] > floors[2] == LOWEST_FLOOR


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ({}, "no impostor scores"),
        ({"few": np.arange(199.0)}, "few: 199 comparisons"),
        ({"flat": np.ones(500)}, "all 500 scores are 1"),
        ({"lumps": np.repeat([0.0, 1.0], 250)}, "highest impostor scores are all the same"),
    ],
)
def test_scores_that_give_no_curve_are_refused(groups: dict[str, NDArray[np.float64]], words: str) -> None:
    with pytest.raises(BiometricError, match=words) as error:
        fit(groups, ENGINE, "test")
    assert error.value.advice


def test_the_bound_of_a_count_is_wilsons() -> None:
    assert upper_bound(np.array([0, 10, 1000]), 1000) == pytest.approx([0.0026987, 0.0166577, 1.0], rel=1e-3)


LARGE = fit({"one": exponential(7, 300_000)}, ENGINE, "test")


@given(st.floats(-5.999, -0.001))
def test_the_threshold_of_a_rate_is_worth_that_rate(exponent: float) -> None:
    made = LARGE
    assert made.rate(made.threshold(10**exponent)) == pytest.approx(10**exponent, rel=1e-6)
    assert made.threshold(made.floor / 2) == math.inf


@pytest.fixture
def bundled_again() -> Iterator[None]:
    yield
    use(None)


@pytest.mark.usefixtures("bundled_again")
def test_an_operators_calibration_is_used_until_it_is_taken_back(tmp_path: Path) -> None:
    made = fit({"one": exponential(8) * 100}, ENGINE, "test")
    path = tmp_path / "calibration.json"
    path.write_bytes(msgspec.json.encode(made))
    before = false_match_rate(300.0)
    adopt(path, 1e-4)
    assert false_match_rate(300.0) == made.rate(300.0) > before
    adopt(None, 1e-4)
    assert false_match_rate(300.0) == before


def test_a_file_that_does_not_fit_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    for text, strictest, reason in (
        (None, 1e-4, Reason.UNREADABLE),
        ("{", 1e-4, Reason.BAD_TEMPLATE),
        (" " * 300_000, 1e-4, Reason.BAD_TEMPLATE),
        (json.dumps(SOUND | {"engine": "another"}), 1e-4, Reason.WRONG_MODEL),
        (json.dumps(SOUND | {"floor": 1e-3}), 1e-4, Reason.BAD_VALUE),
    ):
        if text is not None:
            path.write_text(text)
        with pytest.raises(BiometricError, match=r"calibration\.json") as error:
            read(path, strictest)
        assert error.value.reason is reason
        assert error.value.advice
    path.write_text(json.dumps(SOUND))
    assert read(path, 1e-4).engine == ENGINE
