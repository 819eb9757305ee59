"""A face calibration of an authority's own: fitted on the careful side, read strictly, used by the engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hotspotd.biometrics.face import FaceEngine, calibration
from hotspotd.errors import BiometricError, Reason

ENGINE = "model@0123456789abcdef+a1+runtime-1.0"


def scores(count: int, scale: float = 0.1, seed: int = 0) -> np.ndarray:
    return np.clip(np.random.default_rng(seed).normal(0.05, scale, count), -1, 1)


def test_rates_hold_for_the_scores_they_were_fitted_to_and_for_others_like_them() -> None:
    made = calibration.fit({"a": scores(50_000)}, ENGINE)
    assert made.engine == ENGINE
    assert made.impostor_pairs == 50_000
    assert 1e-4 < (made.measured_down_to or 0) < 1e-3
    fresh = scores(500_000, seed=1)
    for rate in (1e-1, 1e-2, 1e-3, 1e-4):
        seen = float((fresh >= made.threshold(rate)).mean())
        assert seen <= rate * 1.05
        assert made.false_match_rate(made.threshold(rate)) <= rate


def test_the_worst_group_counts() -> None:
    alone = calibration.fit({"a": scores(20_000)}, ENGINE)
    both = calibration.fit({"a": scores(20_000), "b": scores(20_000, 0.15)}, ENGINE)
    for rate in (1e-2, 1e-3, 1e-5):
        assert both.threshold(rate) > alone.threshold(rate)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    made = calibration.fit({'a "quoted" name': scores(5_000)}, ENGINE)
    path = tmp_path / "faces.toml"
    path.write_text(calibration.as_toml(made))
    read = calibration.read(path, ENGINE, 1e-3)
    assert read.engine == ENGINE
    assert read.measured_on == made.measured_on
    for rate in (1e-1, 1e-2, 1e-3):
        assert read.threshold(rate) == pytest.approx(made.threshold(rate), abs=1e-5)


def test_too_few_comparisons_make_no_calibration() -> None:
    for groups in ({}, {"a": scores(150)}, {"a": scores(5000), "b": np.full(5000, 0.5)}):
        with pytest.raises(BiometricError) as caught:
            calibration.fit(groups, ENGINE)
        assert caught.value.reason is Reason.BAD_VALUE


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text.replace("engine =", "motor ="), Reason.BAD_TEMPLATE),
        (lambda text: "\n".join(text.splitlines()[1:]), Reason.BAD_TEMPLATE),
        (lambda text: text.replace("points", "points = 3 #"), Reason.BAD_TEMPLATE),
        (lambda _: "points = [", Reason.BAD_TEMPLATE),
        (lambda text: text + "#" * 70_000, Reason.BAD_TEMPLATE),
        (lambda text: text.replace("runtime-1.0", "runtime-2.0"), Reason.WRONG_MODEL),
    ],
)
def test_a_file_that_is_none_or_of_another_engine_is_refused(tmp_path: Path, change: object, reason: Reason) -> None:
    path = tmp_path / "faces.toml"
    path.write_text(change(calibration.as_toml(calibration.fit({"a": scores(5_000)}, ENGINE))))  # type: ignore[operator]
    with pytest.raises(BiometricError) as caught:
        calibration.read(path, ENGINE)
    assert caught.value.reason is reason
    assert "faces.toml" in caught.value.what


def test_a_threshold_below_what_is_claimed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "faces.toml"
    path.write_text(calibration.as_toml(calibration.fit({"a": scores(300)}, ENGINE)))
    with pytest.raises(BiometricError, match="nothing would match") as caught:
        calibration.read(path, ENGINE, 1e-6)
    assert caught.value.reason is Reason.BAD_VALUE


def test_the_engine_judges_by_what_it_was_given(tmp_path: Path) -> None:
    engine = FaceEngine.open()
    before = engine.false_match_rate(0.5)
    calibration.adopt(engine, None, 1e-5)
    assert engine.false_match_rate(0.5) == before
    made = calibration.fit({"a": scores(50_000)}, engine.engine)
    (tmp_path / "faces.toml").write_text(calibration.as_toml(made))
    calibration.adopt(engine, tmp_path / "faces.toml", 1e-5)
    assert engine.false_match_rate(0.5) < 1e-3 < before
    assert engine.threshold(1e-3) == pytest.approx(made.threshold(1e-3), abs=1e-5)
