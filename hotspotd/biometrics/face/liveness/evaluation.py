"""Error rates of presentation attack detection, by ISO/IEC 30107-3: per attack species, the worst one counts.

APCER: share of the attack presentations of one species (PAI species) that were taken for bona fide. BPCER: share of the
bona fide presentations that were taken for attacks. Both are of the presentations that got a response; the shares that
got none are APNRR and BPNRR. A presentation without a response is never let through: at a lane it refers. Percentages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.detect import FaceBox
from hotspotd.biometrics.face.liveness.passive import PassiveLiveness
from hotspotd.biometrics.face.liveness.turn import HeadTurn, Side, Turning
from hotspotd.errors import BiometricError

Image = NDArray[np.uint8]
Detect = Callable[[Image], list[FaceBox]]

# No score reaches it: the whole presentation is judged, not only as far as a lane would have.
_NEVER = 2.0


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What one presentation came to: a score from 0 to 1, higher is more live, or no response and why."""

    name: str
    score: float | None = None
    why: str = ""


class BonaFideRates(msgspec.Struct, frozen=True, kw_only=True):
    """Presentations of live faces."""

    presentations: int
    responses: int
    bpnrr: float
    bpcer: float | None
    """None without a response."""
    bpcer_upper95: float | None
    """One-sided 95 % bound, Clopper and Pearson."""


class SpeciesRates(msgspec.Struct, frozen=True, kw_only=True):
    """Presentations of one attack species."""

    species: str
    presentations: int
    responses: int
    accepted: int
    apnrr: float
    apcer: float | None
    apcer_upper95: float | None


class LivenessRates(msgspec.Struct, frozen=True, kw_only=True):
    """One method at one threshold. ``apcer`` is that of the worst species, None where none had a response."""

    method: str
    threshold: float
    bona_fide: BonaFideRates
    species: tuple[SpeciesRates, ...]
    apcer: float | None
    worst_species: str | None
    bpcer_at_apcer_5: float | None
    """None where a species has fewer than 20 responses, too few to speak of 5 %."""
    bpcer_at_apcer_1: float | None
    """None where a species has fewer than 100 responses."""


def passive_response(name: str, rgb: Image, detect: Detect, check: PassiveLiveness) -> Response:
    """One picture judged by a model."""
    try:
        faces = detect(rgb)
        if not faces:
            return Response(name=name, why="no face")
        return Response(name=name, score=check.score(rgb, faces[0]))
    except BiometricError as error:
        return Response(name=name, why=error.what)


def active_response(name: str, frames: Iterable[Image], detect: Detect, side: Side | None) -> Response:
    """One head turn judged from its frames; ``side`` is the one asked for, None where either will do."""
    turns: list[HeadTurn] = []
    for rgb in frames:
        if not turns:
            faces = detect(rgb)
            if faces:
                turns = [HeadTurn(rgb, faces[0], one, _NEVER) for one in ([side] if side else Side)]
            continue
        for turn in turns:
            turn.add(rgb)
    if not turns:
        return Response(name=name, why="no face")
    best = max(turns, key=lambda turn: turn.score)
    if best.state is not Turning.WAITING:
        return Response(name=name, why=best.state.value)
    if not best.moved:
        return Response(name=name, why="no movement")
    return Response(name=name, score=best.score)


def rates(
    method: str, bona_fide: Sequence[Response], attacks: Mapping[str, Sequence[Response]], threshold: float
) -> LivenessRates:
    """The rates of one method at ``threshold``: a score that reaches it is taken for bona fide."""
    live = _scores(bona_fide)
    false_alarms = int((live < threshold).sum())
    species = tuple(_species(name, responses, threshold) for name, responses in sorted(attacks.items()))
    worst = max((one for one in species if one.apcer is not None), key=lambda one: one.apcer or 0.0, default=None)
    return LivenessRates(
        method=method,
        threshold=threshold,
        bona_fide=BonaFideRates(
            presentations=len(bona_fide),
            responses=len(live),
            bpnrr=_percent(len(bona_fide) - len(live), len(bona_fide)) or 0.0,
            bpcer=_percent(false_alarms, len(live)),
            bpcer_upper95=upper95(false_alarms, len(live)),
        ),
        species=species,
        apcer=None if worst is None else worst.apcer,
        worst_species=None if worst is None else worst.species,
        bpcer_at_apcer_5=_bpcer_at(live, attacks, 0.05),
        bpcer_at_apcer_1=_bpcer_at(live, attacks, 0.01),
    )


def upper95(errors: int, trials: int) -> float | None:
    """The largest rate, in percent, at which so few errors still happen in one of twenty tries; None for no trials.

    Clopper and Pearson, "The use of confidence or fiducial limits", Biometrika 1934; one-sided.
    """
    if not trials:
        return None
    low, high = errors / trials, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        likely = sum(math.comb(trials, k) * middle**k * (1 - middle) ** (trials - k) for k in range(errors + 1))
        low, high = (middle, high) if likely > 0.05 else (low, middle)
    return round(100 * high, 2)


def _species(name: str, responses: Sequence[Response], threshold: float) -> SpeciesRates:
    scores = _scores(responses)
    accepted = int((scores >= threshold).sum())
    return SpeciesRates(
        species=name,
        presentations=len(responses),
        responses=len(scores),
        accepted=accepted,
        apnrr=_percent(len(responses) - len(scores), len(responses)) or 0.0,
        apcer=_percent(accepted, len(scores)),
        apcer_upper95=upper95(accepted, len(scores)),
    )


def _bpcer_at(live: NDArray[np.float64], attacks: Mapping[str, Sequence[Response]], apcer: float) -> float | None:
    """The lowest BPCER at which no species has an APCER above ``apcer``."""
    scores = [_scores(responses) for responses in attacks.values()]
    if not len(live) or not scores or min(len(one) for one in scores) < round(1 / apcer):
        return None
    # Each species may have so many of its highest scores let through: the threshold lies just above the next.
    highest = max(float(np.sort(one)[::-1][int(apcer * len(one) + 1e-9)]) for one in scores)
    return _percent(int((live <= highest).sum()), len(live))


def _scores(responses: Sequence[Response]) -> NDArray[np.float64]:
    return np.array([one.score for one in responses if one.score is not None], np.float64)


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 2) if whole else None
