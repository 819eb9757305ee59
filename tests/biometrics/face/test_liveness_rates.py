"""Error rates by ISO/IEC 30107-3, on made-up scores."""

from __future__ import annotations

import pytest

from hotspotd.biometrics.face.liveness.evaluation import Response, rates, upper95


def _responses(*scores: float | None) -> list[Response]:
    return [Response(name=str(number), score=score) for number, score in enumerate(scores)]


def test_the_worst_species_counts_and_non_responses_stand_apart() -> None:
    found = rates(
        "active",
        _responses(0.9, 0.8, 0.4, 0.5, None),
        {"paper": _responses(0.1, 0.2, 0.3, None), "screen": _responses(0.6, 0.2), "still": _responses(None, None)},
        0.5,
    )
    assert found.bona_fide.presentations == 5
    assert (found.bona_fide.responses, found.bona_fide.bpnrr, found.bona_fide.bpcer) == (4, 20.0, 25.0)
    by_name = {one.species: one for one in found.species}
    assert (by_name["paper"].apcer, by_name["paper"].apnrr) == (0.0, 25.0)
    assert (by_name["screen"].apcer, by_name["screen"].accepted) == (50.0, 1)
    assert (by_name["still"].apcer, by_name["still"].apnrr) == (None, 100.0)
    assert (found.apcer, found.worst_species) == (50.0, "screen")


def test_a_score_at_the_threshold_is_accepted() -> None:
    found = rates("passive", _responses(0.5), {"paper": _responses(0.5)}, 0.5)
    assert (found.bona_fide.bpcer, found.apcer) == (0.0, 100.0)


def test_bpcer_at_a_fixed_apcer_needs_enough_of_every_species() -> None:
    live = _responses(*(0.3 + 0.007 * number for number in range(100)))
    few = {"paper": _responses(*(0.01 * number for number in range(19)))}
    assert rates("passive", live, few, 0.5).bpcer_at_apcer_5 is None
    # Of twenty, one may pass: the threshold lies just above the second highest, 0.36.
    enough = {"paper": _responses(*(0.02 * number for number in range(20)))}
    found = rates("passive", live, enough, 0.5)
    assert found.bpcer_at_apcer_5 == sum(0.3 + 0.007 * number <= 0.36 for number in range(100))
    assert found.bpcer_at_apcer_1 is None


def test_nothing_but_non_responses_gives_no_rate() -> None:
    found = rates("active", _responses(None), {"paper": _responses(None)}, 0.5)
    assert (found.bona_fide.bpcer, found.apcer, found.worst_species) == (None, None, None)


@pytest.mark.parametrize(("errors", "trials", "bound"), [(0, 60, 4.87), (0, 1, 95.0), (3, 20, 34.37), (20, 20, 100.0)])
def test_the_bound_is_that_of_clopper_and_pearson(errors: int, trials: int, bound: float) -> None:
    assert upper95(errors, trials) == pytest.approx(bound, abs=0.02)


def test_no_trials_have_no_bound() -> None:
    assert upper95(0, 0) is None
