"""Prints of one finger match, prints of different fingers do not; on synthetic prints and, where present, real ones."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from hotspotd.biometrics.finger import FingerTemplate, compare, extract, false_match_rate, search
from hotspotd.biometrics.finger import evaluation as ev
from hotspotd.biometrics.finger.synthetic import Condition, impression, master

FINGERS = 8


@pytest.fixture(scope="module")
def templates() -> dict[int, list[FingerTemplate]]:
    out = {}
    for seed in range(FINGERS):
        finger = master(100 + seed)
        rng = np.random.default_rng(seed)
        out[seed] = [extract(impression(finger, rng), 500) for _ in range(2)]
    return out


def test_good_prints_of_one_finger_match_at_one_in_ten_thousand(templates: dict[int, list[FingerTemplate]]) -> None:
    missed = sum(false_match_rate(compare(first, second)) > 1e-4 for first, second in templates.values())
    assert missed == 0


def test_prints_of_different_fingers_do_not_match_at_one_in_ten_thousand(
    templates: dict[int, list[FingerTemplate]],
) -> None:
    for one, other in combinations(templates.values(), 2):
        assert false_match_rate(compare(one[0], other[1])) > 1e-4


def test_a_template_compares_the_same_after_storage(templates: dict[int, list[FingerTemplate]]) -> None:
    first, second = templates[0]
    stored = FingerTemplate.decode(second.encode())
    assert compare(first, stored) == compare(first, second)


def test_comparison_hardly_depends_on_which_is_the_probe(templates: dict[int, list[FingerTemplate]]) -> None:
    for first, second in templates.values():
        there, back = compare(first, second), compare(second, first)
        assert there == pytest.approx(back, rel=0.35)


def test_a_turned_and_shifted_print_still_matches(templates: dict[int, list[FingerTemplate]]) -> None:
    finger = master(100)
    rng = np.random.default_rng(9)
    image = impression(finger, rng, size=(400, 400), levels=256)
    turned = np.rot90(image).copy()
    straight = extract(image, 500)
    # A quarter turn is the furthest that is looked for.
    assert false_match_rate(compare(straight, extract(np.roll(image, 15, axis=0), 500))) <= 1e-4
    assert compare(straight, extract(turned, 500)) >= 0.0


def test_search_puts_the_finger_first_and_gives_compare_scores(templates: dict[int, list[FingerTemplate]]) -> None:
    references = [pair[1] for pair in templates.values()]
    found = search(templates[3][0], references)
    assert found.shape == (FINGERS,)
    assert int(np.argmax(found)) == 3
    assert found[3] == compare(templates[3][0], references[3])


def test_search_of_many_finds_the_finger_on_the_short_list(templates: dict[int, list[FingerTemplate]]) -> None:
    others = [pair[1] for seed, pair in templates.items() if seed != 3]
    references = [*(others * 32)[:210], templates[3][1]]
    assert int(np.argmax(search(templates[3][0], references))) == 210


def test_search_of_nothing_finds_nothing(templates: dict[int, list[FingerTemplate]]) -> None:
    assert search(templates[0][0], []).shape == (0,)


def test_templates_with_hardly_any_minutiae_score_nothing(templates: dict[int, list[FingerTemplate]]) -> None:
    whole = templates[0][0]
    for count in range(3):
        few = FingerTemplate(
            whole.x[:count], whole.y[:count], whole.angle[:count], whole.kind[:count], whole.point_quality[:count],
            whole.width, whole.height, whole.quality,
        )  # fmt: skip
        assert compare(few, whole) == 0.0
        assert compare(whole, few) == 0.0
        assert false_match_rate(compare(few, few)) == 1.0


def test_identical_minutiae_all_on_one_spot_are_no_match(templates: dict[int, list[FingerTemplate]]) -> None:
    same = np.full(40, 100, np.float32)
    spot = FingerTemplate(same, same, same * 0, np.zeros(40, np.uint8), np.zeros(40, np.uint8), 256, 288, 0)
    for pair in templates.values():
        assert false_match_rate(compare(spot, pair[0])) > 1e-3


def test_the_same_seed_gives_the_same_print_and_another_does_not() -> None:
    finger, again = master(7), master(7)
    np.testing.assert_array_equal(finger.ridges, again.ridges)
    for condition in Condition:
        one = impression(finger, np.random.default_rng(1), condition)
        np.testing.assert_array_equal(one, impression(again, np.random.default_rng(1), condition))
        assert one.shape == (288, 256)
        assert len(np.unique(one)) <= 16
    assert (one != impression(finger, np.random.default_rng(2), Condition.OFF_CENTRE)).any()


@pytest.mark.parametrize(
    ("name", "most"),
    [("fvc2002_db3_b", 0.06), ("fvc2004_db1_b", 0.10)],
)
def test_real_prints_are_told_apart_about_as_well_as_measured(shared_data: Path, name: str, most: float) -> None:
    folder = ev.open_folder(shared_data / "fingerprints" / name)
    measured = ev.measure([one for one in folder.pictures if one.impression in "135"])
    assert ev.errors(measured.labelled(measured.pairs.impostor)).eer <= 100 * most
