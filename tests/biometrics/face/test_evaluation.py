"""Error rates of faces: what is counted, on embeddings whose scores are known; folders and pairs files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.face import evaluation as ev
from hotspotd.biometrics.face.evaluation.people import read
from hotspotd.biometrics.face.synthetic import person, picture
from hotspotd.errors import BiometricError, Reason


def enrolled(people: list[int], embeddings: NDArray[np.floating], missing: tuple[int, ...] = ()) -> ev.Enrolled:
    pictures = [ev.Picture(f"p{one}", Path(f"p{one}/{number}.png")) for number, one in enumerate(people)]
    rows = np.asarray(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True), np.float32)
    there = np.ones(len(people), np.bool_)
    there[list(missing)] = False
    rows[~there] = 0
    failures = [ev.Failure(pictures[one].name, "no_face", "no face") for one in missing]
    return ev.Enrolled(pictures, rows, there, np.array(people), failures, np.zeros((0, 4)), 0)


def drawn(people: int, each: int, spread: float, seed: int = 0) -> ev.Enrolled:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((people, 64))
    rows = np.repeat(centres, each, axis=0) + spread * rng.standard_normal((people * each, 64))
    return enrolled(np.repeat(np.arange(people), each).tolist(), rows)


def test_every_two_pictures_are_compared_once() -> None:
    rates = ev.compare_all(drawn(700, 2, 0.1)).rates()
    assert rates.genuine == 700
    assert rates.impostor == 1400 * 1399 // 2 - 700


def test_rates_are_those_of_counting() -> None:
    found = drawn(30, 4, 1.5)
    compared = ev.compare_all(found)
    scores = found.embeddings.astype(np.float64) @ found.embeddings.T.astype(np.float64)
    first, second = np.triu_indices(120, 1)
    same = found.person[first] == found.person[second]
    genuine, impostor = scores[first, second][same], scores[first, second][~same]
    for far, rate in zip((1e-2, 1e-3), compared.rates().tar, strict=False):
        allowed = int(far * len(impostor))
        limit = np.sort(impostor)[-allowed - 1]
        assert rate.tar == pytest.approx(100 * float((genuine > limit).mean()), abs=0.6)
    assert compared.fnmr(0.3) == pytest.approx(float((genuine < 0.3).mean()))
    assert compared.fmr(0.3) == pytest.approx(float((impostor >= 0.3).mean()), abs=1e-3)
    misses, falses = (genuine < 0.25).mean(), (impostor >= 0.25).mean()
    assert min(misses, falses) * 100 - 1 <= compared.rates().eer <= max(misses, falses) * 100 + 1


def test_where_the_two_kinds_never_meet_nothing_is_missed() -> None:
    rates = ev.compare_all(drawn(40, 3, 0.01)).rates()
    assert rates.eer == 0
    assert [rate.tar for rate in rates.tar] == [100, 100, None], "7020 comparisons cannot tell of 1e-4"


def test_a_picture_without_a_face_counts_as_a_non_match() -> None:
    rows = np.vstack([np.eye(4), np.eye(4)])
    found = enrolled([0, 1, 2, 3, 0, 1, 2, 3], rows, missing=(5,))
    compared = ev.compare_all(found)
    assert compared.rates().genuine == 4
    assert compared.fnmr(0.9) == 0.25
    assert compared.rates().impostor == 24


def test_ten_folds_tell_what_can_be_told() -> None:
    found = drawn(40, 3, 0.05)
    told = ev.accuracy(found, ev.drawn_pairs(found), "drawn")
    assert told is not None
    assert (told.accuracy, told.folds, told.pairs) == (100.0, 10, 240)
    nothing = enrolled(np.repeat(np.arange(40), 3).tolist(), np.random.default_rng(1).standard_normal((120, 64)))
    told = ev.accuracy(nothing, ev.drawn_pairs(nothing), "drawn")
    assert told is not None
    assert 35 < told.accuracy < 65


def test_the_threshold_comes_from_the_other_folds() -> None:
    # In fold 1 the same people are less alike than others are in fold 0: no threshold of one fits the other.
    angles = np.radians([0, 10, 0, 60, 0, 70, 0, 90])
    found = enrolled([0, 0, 1, 2, 3, 3, 4, 5], np.stack([np.cos(angles), np.sin(angles)], axis=1))
    pairs = [ev.Pair(0, 1, True, 0), ev.Pair(2, 3, False, 0), ev.Pair(4, 5, True, 1), ev.Pair(6, 7, False, 1)]
    told = ev.accuracy(found, pairs, "file")
    assert told is not None
    assert told.accuracy == 50.0


def test_drawn_pairs_are_the_same_each_time_and_never_cross_folds() -> None:
    found = drawn(40, 4, 0.5)
    pairs = ev.drawn_pairs(found)
    assert pairs == ev.drawn_pairs(found)
    folds: dict[int, set[int]] = {}
    for pair in pairs:
        same = bool(found.person[pair.first] == found.person[pair.second])
        assert pair.same == same
        folds.setdefault(int(found.person[pair.first]), set()).add(pair.fold)
        folds.setdefault(int(found.person[pair.second]), set()).add(pair.fold)
    assert all(len(one) == 1 for one in folds.values())
    assert sum(pair.same for pair in pairs) == 240 == sum(not pair.same for pair in pairs)
    assert ev.drawn_pairs(drawn(9, 4, 0.5)) == []


def test_open_set_search_counts_what_the_protocol_says() -> None:
    # Three people with two pictures and one with a single one; each listed once with either picture.
    rows = np.eye(4)[[0, 0, 1, 1, 2, 2, 3]]
    searched = ev.identify(enrolled([0, 0, 1, 1, 2, 2, 3], rows))
    assert searched is not None
    told = searched.rates()
    assert (told.people, told.rounds, told.mated, told.nonmated, told.outsiders) == (3, 2, 6, 8, 2)
    assert told.rank1 == 100
    assert [at.fnir for at in told.fnir] == [None, None], "eight searches cannot tell of one in a hundred"


def test_a_mate_must_be_the_best_and_above_the_threshold() -> None:
    found = drawn(60, 4, 1.0)
    searched = ev.identify(found)
    assert searched is not None
    told = searched.rates()
    for at in told.fnir:
        allowed = int(at.fpir * told.nonmated)
        assert at.false_positives == allowed
        limit = np.sort(searched.nonmated)[-allowed - 1]
        misses = 1 - float(((searched.mate > limit) & (searched.mate > searched.other)).mean())
        assert at.fnir == pytest.approx(100 * misses, abs=1e-3)
    curve = searched.curve()
    assert curve.lowest_fnmr(1e-2) == pytest.approx((told.fnir[0].fnir or 0) / 100, abs=1e-6)


def test_more_pictures_in_gallery_and_probe_miss_less() -> None:
    found = drawn(60, 6, 2.0)
    missed = []
    for gallery, frames in ((1, 1), (3, 1), (3, 3)):
        searched = ev.identify(found, gallery, frames)
        assert searched is not None
        missed.append(searched.rates().fnir[0].fnir or 0.0)
    assert missed[0] > missed[1] > missed[2]
    assert ev.identify(found, 4, 3) is None


def test_faces_that_are_not_found_count_in_misses_and_in_no_alarm() -> None:
    rows = np.eye(4)[[0, 0, 1, 1, 2, 2]]
    searched = ev.identify(enrolled([0, 0, 1, 1, 2, 2], rows, missing=(1,)))
    assert searched is not None
    told = searched.rates()
    # Person 0: once the probe is missing, once the reference.
    assert told.mated == 6
    assert told.rank1 == pytest.approx(100 * 4 / 6, abs=0.01)
    assert told.nonmated == 5


def folder_of(root: Path, **people: int) -> Path:
    for name, count in people.items():
        (root / name).mkdir(parents=True)
        for number in range(1, count + 1):
            shown = picture(person(len(name)), np.random.default_rng(number), (160, 200))
            assert cv2.imwrite(str(root / name / f"{name}_{number:04d}.png"), shown[:, :, ::-1])
    return root


def test_a_pairs_file_in_the_format_of_lfw_is_read(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "p", Anna=2, Bo=2, Cy=1)
    (tmp_path / "pairs.txt").write_text("2\t1\nAnna\t1\t2\nAnna\t1\tBo\t2\nBo\t1\t2\nAnna\t2\tCy\t1\n")
    found = ev.open_pairs(tmp_path / "pairs.txt", folder)
    assert found.folds == 2
    assert [one.name for one in found.pictures] == [
        "Anna/Anna_0001.png", "Anna/Anna_0002.png", "Bo/Bo_0002.png", "Bo/Bo_0001.png", "Cy/Cy_0001.png",
    ]  # fmt: skip
    assert [(one.first, one.second, one.same, one.fold) for one in found.pairs] == [
        (0, 1, True, 0), (0, 2, False, 0), (3, 2, True, 1), (1, 4, False, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("ten\t1\n", "line 1"),
        ("1\t2\t3\n", "line 1"),
        ("1 1\nAnna 1 2\n", "promises 2 pairs"),
        ("1 1\nAnna 1 Bo 1\nAnna 1 Bo 1\n", "line 2"),
        ("1 1\nAnna 1 2\nAnna 1 Anna 2\n", "line 3"),
        ("1 1\nAnna 1 x\nAnna 1 Bo 1\n", "line 2"),
        ("1 1\nAnna 1 3\nAnna 1 Bo 1\n", "no picture Anna/Anna_0003.jpg"),
        ("1 1\n../Anna 1 2\nAnna 1 Bo 1\n", "line 2"),
        ("1 0\n", "line 1"),
    ],
)
def test_a_pairs_file_that_is_wrong_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    folder = folder_of(tmp_path / "p", Anna=2, Bo=1)
    (tmp_path / "pairs.txt").write_text(text)
    with pytest.raises(BiometricError, match=said):
        ev.open_pairs(tmp_path / "pairs.txt", folder)


def test_folders_that_cannot_be_measured_are_refused(tmp_path: Path) -> None:
    folder_of(tmp_path / "singles", Anna=1, Bo=1)
    folder_of(tmp_path / "alone", Anna=3)
    (tmp_path / "empty").mkdir()
    for name, reason in (
        ("singles", Reason.BAD_VALUE),
        ("alone", Reason.BAD_VALUE),
        ("empty", Reason.NOT_FOUND),
        ("none", Reason.NOT_FOUND),
    ):
        with pytest.raises(BiometricError) as caught:
            ev.open_people(tmp_path / name)
        assert caught.value.reason is reason


def test_grey_maps_are_read_and_torn_ones_refused(tmp_path: Path) -> None:
    grey = np.arange(60 * 50, dtype=np.uint32).reshape(60, 50).astype(np.uint8)
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / "1.pgm"
    assert cv2.imwrite(str(path), grey)
    shown = read(ev.Picture("a", path))
    assert shown.shape == (60, 50, 3)
    assert np.array_equal(shown[:, :, 1], grey)
    whole = path.read_bytes()
    for data in (whole[:-1], b"P5 99999 99999 255 ", b"P5 50 60 65535 " + whole, b"P5"):
        path.write_bytes(data)
        with pytest.raises(BiometricError) as caught:
            read(ev.Picture("a", path))
        assert caught.value.reason is Reason.BAD_IMAGE


def test_pictures_are_enrolled_and_timed_and_what_fails_is_told(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "p", Anna=2, Bobby=2)
    (folder / "Anna" / "Anna_0003.png").write_bytes(b"no picture")
    assert cv2.imwrite(str(folder / "Bobby" / "Bobby_0003.png"), np.full((200, 160, 3), 128, np.uint8))
    found = ev.enrol(ev.open_people(folder), FaceEngine.open())
    assert found.there.tolist() == [True, True, False, True, True, False]
    assert [(one.picture, one.reason, one.unreadable) for one in found.failures] == [
        ("Anna/Anna_0003.png", "bad_image", True),
        ("Bobby/Bobby_0003.png", "no_face", False),
    ]
    assert found.seconds.shape == (4, 4)
    assert (found.seconds >= 0).all()
