"""Error rates, held against plain counting; the protocol's pairs; sets that can and cannot be measured."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspotd.biometrics.finger import ENGINE, compare, extract
from hotspotd.biometrics.finger import evaluation as ev
from hotspotd.biometrics.finger.calibration import bundled
from hotspotd.biometrics.finger.synthetic import impression, master
from hotspotd.errors import BiometricError, Reason

# Few different scores, so that ties are common; -inf is a comparison that could not be made.
SCORES = st.lists(st.sampled_from([-math.inf, 0.0, 0.5, 1.0, 1.5, 2.0, 4.0]), min_size=1, max_size=40)


def points(genuine: Sequence[float], impostor: Sequence[float]) -> list[tuple[float, float]]:
    """FMR and FNMR at every threshold that makes a difference, thresholds rising, by counting."""
    thresholds = [*sorted({score for score in [*genuine, *impostor] if math.isfinite(score)}), math.inf]
    return [
        (sum(s >= t for s in impostor) / len(impostor), sum(s < t for s in genuine) / len(genuine)) for t in thresholds
    ]


def eer_by_counting(genuine: Sequence[float], impostor: Sequence[float]) -> float:
    every = points(genuine, impostor)
    after = next(point for point in every if point[1] >= point[0])
    before = [point for point in every if point[1] <= point[0]]
    return min(sum(after), sum(before[-1]) if before else math.inf) / 2


@given(SCORES, SCORES)
def test_rates_are_what_counting_gives(genuine: list[float], impostor: list[float]) -> None:
    found = ev.curve(np.array(genuine), np.array(impostor))
    assert list(zip(found.fmr.tolist(), found.fnmr.tolist(), strict=True)) == points(genuine, impostor)
    for limit in (0.0, 1e-3, 1e-2, 0.1, 0.5):
        lowest = min(fnmr for fmr, fnmr in points(genuine, impostor) if fmr <= limit)
        assert found.lowest_fnmr(limit) == lowest
    assert ev.equal_error_rate(found.fmr, found.fnmr) == pytest.approx(eer_by_counting(genuine, impostor))


def labelled(genuine: Sequence[float], impostor: Sequence[float], fingers: int = 10) -> ev.Labelled:
    pairs = [(a, b) for a in range(fingers) for b in range(a)]
    fingers_of = np.array([pairs[n % len(pairs)] for n in range(len(impostor))]).T
    return ev.Labelled(np.array(genuine), np.array(impostor), np.arange(len(genuine)) % fingers, fingers_of)


def test_the_figures_are_percent_at_the_levels_they_are_named_for() -> None:
    # One impostor of 1000 at 9, nine at 5: thresholds above 9, 5 and 0 have an FMR of 0, 0.1 % and 1 %.
    impostor = [0.0] * 990 + [5.0] * 9 + [9.0]
    found = ev.errors(labelled([0.0, *[1.0] * 2, *[6.0] * 3, *[10.0] * 4], impostor))
    assert (found.fmr100, found.fmr1000, found.zero_fmr) == (10.0, 30.0, 60.0)
    assert (found.genuine, found.impostor, found.fmr_bound95) == (10, 1000, 0.3)


def test_scores_that_never_overlap_have_no_error() -> None:
    found = ev.errors(labelled([2.0] * 20, [1.0] * 100))
    assert (found.eer, found.fmr1000, found.zero_fmr, found.eer_ci95) == (0.0, 0.0, 0.0, (0.0, 0.0))


def test_the_interval_of_the_eer_holds_it_and_narrows_with_fingers() -> None:
    rng = np.random.default_rng(5)
    widths = []
    for fingers in (10, 60):
        one = labelled(rng.normal(2, 1, fingers * 20), rng.normal(0, 1, fingers * 100), fingers)
        found = ev.errors(one)
        assert found.eer_ci95 is not None
        assert found.eer_ci95[0] < found.eer < found.eer_ci95[1]
        widths.append(found.eer_ci95[1] - found.eer_ci95[0])
    assert widths[1] < widths[0]
    assert ev.errors(labelled([1.0] * 4, [0.0] * 9, fingers=4)).eer_ci95 is None


def test_no_scores_have_no_rates() -> None:
    with pytest.raises(ValueError, match="genuine and impostor"):
        ev.curve(np.zeros(0), np.zeros(3))


def test_a_set_of_ten_by_eight_has_the_pairs_of_fvc() -> None:
    pairs = ev.pairs_of([str(100 + finger) for finger in range(10) for _ in range(8)])
    assert (len(pairs), pairs.genuine.sum(), pairs.fvc.sum(), pairs.impostor.sum()) == (3160, 280, 45, 2880)
    assert (pairs.first < pairs.second).all()
    assert set(pairs.first[pairs.fvc] % 8) == set(pairs.second[pairs.fvc] % 8) == {0}


def test_fingers_with_different_numbers_of_impressions_are_paired_by_name() -> None:
    pairs = ev.pairs_of(["a", "b", "a", "c"])
    assert [(int(a), int(b)) for a, b in zip(pairs.first[pairs.genuine], pairs.second[pairs.genuine], strict=True)] == [
        (0, 2)
    ]
    assert [(int(a), int(b)) for a, b in zip(pairs.first[pairs.fvc], pairs.second[pairs.fvc], strict=True)] == [
        (0, 1),
        (0, 3),
        (1, 3),
    ]


def test_pooling_keeps_fingers_of_different_sets_apart() -> None:
    one, other = labelled([1.0] * 10, [0.0] * 45), labelled([2.0] * 6, [0.5] * 15, fingers=6)
    found = ev.together([one, other])
    assert len(np.unique(found.genuine_finger)) == 16
    assert found.impostor_fingers.shape == (2, 60)
    assert found.impostor_fingers[:, 45:].min() == 10


def write(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        assert cv2.imwrite(str(folder / name), np.full((100, 100), 255, np.uint8))
    return folder


def test_pictures_are_taken_in_natural_order_and_other_files_left(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "set", "f10_1.png", "f2_10.png", "f2_9.bmp", "right_index_2_1.PNG.png", "f2_1.tif", "alone.png"
    )
    (folder / "f3_1.txt").write_text("no picture")
    (folder / ".f3_1.png").write_text("hidden")
    (folder / "f4_1.png").mkdir()
    found = ev.open_folder(folder)
    assert [one.label for one in found.pictures] == [
        ("f2", "1"), ("f2", "9"), ("f2", "10"), ("f10", "1"), ("right_index_2", "1.PNG"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "reason", "words"),
    [
        ((), Reason.NOT_FOUND, "no picture is called"),
        (("1.png", "_1.png", "1_.png"), Reason.NOT_FOUND, "no picture is called"),
        (("1_1.png", "1_2.png"), Reason.BAD_VALUE, "of one finger"),
        (("1_1.png", "2_1.png"), Reason.BAD_VALUE, "no finger has a second picture"),
        (("1_1.png", "1_1.bmp", "2_1.png"), Reason.BAD_VALUE, "another picture has this name"),
    ],
)
def test_a_set_that_cannot_be_measured_says_why(
    tmp_path: Path, names: tuple[str, ...], reason: Reason, words: str
) -> None:
    with pytest.raises(BiometricError, match=words) as error:
        ev.open_folder(write(tmp_path / "set", *names))
    assert error.value.reason is reason
    assert error.value.advice


def test_a_folder_that_is_none_or_holds_the_folders_is_told(tmp_path: Path) -> None:
    write(tmp_path / "inner", "1_1.png")
    with pytest.raises(BiometricError, match="It holds 1 folders: name those"):
        ev.open_folder(tmp_path)
    for path, words in ((tmp_path / "none", "no such folder"), (tmp_path / "inner" / "1_1.png", "is a file")):
        with pytest.raises(BiometricError, match=words):
            ev.open_folder(path)
    assert len(ev.open_folder(write(tmp_path / "two", "1_1.png", "2_1.png"), genuine=False).pictures) == 2


def test_a_resolution_that_is_given_wins_over_the_files_own(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", "1_1.png", "2_1.png")
    written = cv2.imwrite(
        str(folder / "2_2.tif"),
        np.full((100, 100), 255, np.uint8),
        [cv2.IMWRITE_TIFF_RESUNIT, 2, cv2.IMWRITE_TIFF_XDPI, 569, cv2.IMWRITE_TIFF_YDPI, 569],
    )
    assert written
    assert [one.read()[1] for one in ev.open_folder(folder).pictures] == [500, 500, 569]
    assert [one.read()[1] for one in ev.open_folder(folder, 508).pictures] == [508, 508, 508]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> ev.Evaluated:
    """Five fingers, three prints each, one of them blank and one file damaged."""
    folder = tmp_path_factory.mktemp("drawn")
    for seed in range(5):
        finger, rng = master(400 + seed), np.random.default_rng(seed)
        for number in range(3):
            assert cv2.imwrite(str(folder / f"{seed}_{number}.png"), impression(finger, rng))
    assert cv2.imwrite(str(folder / "2_1.png"), np.full((288, 256), 255, np.uint8))
    (folder / "3_0.png").write_bytes(b"no picture")
    return ev.Evaluated("drawn", str(folder), ev.measure(ev.open_folder(folder).pictures))


def test_a_picture_without_a_template_is_a_failure_and_a_non_match(drawn: ev.Evaluated) -> None:
    found = ev.report([drawn], None, bundled())
    (one,) = found.sets
    assert [(failure.picture, failure.unreadable) for failure in one.failures] == [
        ("2_1.png", False),
        ("3_0.png", True),
    ]
    assert (one.fingers, one.impressions, one.pictures, one.fte, one.fte_percent) == (5, 3, 15, 2, 13.3333)
    assert (one.all.genuine, one.all.impostor, one.fvc.impostor) == (15, 90, 10)
    # Four genuine comparisons have a failed picture: they are missed at any threshold.
    assert one.all.fmr100 >= 26.6
    assert one.calibrated[0].fnmr >= 26.6
    assert drawn.measured.compared == 13 * 12 // 2
    assert len(drawn.measured.extract_s) == 13
    assert len(drawn.measured.impostor_scores) == 13 * 12 // 2 - 11


def test_every_pair_is_compared_in_full(drawn: ev.Evaluated) -> None:
    measured = drawn.measured
    templates = [None if n in {7, 9} else extract(*one.read()) for n, one in enumerate(measured.pictures)]
    for first, second, score in zip(measured.pairs.first, measured.pairs.second, measured.scores, strict=True):
        one, other = templates[first], templates[second]
        assert score == (-math.inf if one is None or other is None else compare(one, other))


def test_good_prints_of_synthetic_fingers_are_told_apart(drawn: ev.Evaluated) -> None:
    measured = drawn.measured
    genuine = measured.scores[measured.pairs.genuine]
    assert np.median(genuine[np.isfinite(genuine)]) > measured.impostor_scores.max()


def test_scores_survive_their_file_and_failed_comparisons_stay_out(drawn: ev.Evaluated, tmp_path: Path) -> None:
    file = io.StringIO()
    ev.write_scores([drawn], file)
    (tmp_path / "scores.csv").write_text(file.getvalue())
    found = ev.read_impostors(tmp_path / "scores.csv")
    assert list(found) == ["drawn"]
    np.testing.assert_allclose(found["drawn"], drawn.measured.impostor_scores, rtol=1e-5)
    assert file.getvalue().count("genuine") == 15


@pytest.mark.parametrize(
    ("text", "reason", "words"),
    [
        ("", Reason.BAD_VALUE, "line 1: the columns"),
        ("a,b\n", Reason.BAD_VALUE, "line 1: the columns"),
        ("{head}s,a,b,impostor,1.0\n", Reason.BAD_VALUE, "line 2: 5 columns"),
        ("{head}s,a,b,impostor,much,{engine}\n", Reason.BAD_VALUE, "line 2: 'much' is no score"),
        ("{head}s,a,b,impostor,nan,{engine}\n", Reason.BAD_VALUE, "'nan' is no score"),
        ("{head}s,a,b,friend,1.0,{engine}\n", Reason.BAD_VALUE, "line 2: kind 'friend'"),
        ("{head}s,a,b,impostor,1.0,another\n", Reason.WRONG_MODEL, "engine another"),
    ],
)
def test_a_file_that_holds_no_scores_is_refused_by_its_line(
    tmp_path: Path, text: str, reason: Reason, words: str
) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(text.format(head="set,probe,reference,kind,score,engine\n", engine=ENGINE))
    with pytest.raises(BiometricError, match=words) as error:
        ev.read_impostors(path)
    assert error.value.reason is reason
