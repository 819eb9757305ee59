"""What an evaluation of faces says. All rates are in percent. Keys are added, not renamed (docs/faces-search.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np

from hotspotd.biometrics.face.engine import FaceEngine
from hotspotd.biometrics.face.evaluation.identification import Identification, Searched
from hotspotd.biometrics.face.evaluation.measure import STAGES, Enrolled, Failure
from hotspotd.biometrics.face.evaluation.verification import Accuracy, Compared, Verification
from hotspotd.biometrics.finger.evaluation.rates import percent

THRESHOLDS: Final = (1e-2, 1e-3, 1e-4, 1e-5)
"""Calibrated false match rates for which it is said what they cost."""


class AtThreshold(msgspec.Struct, frozen=True):
    """What a rate in the configuration costs: ``threshold`` is a rate (0..1), ``score`` the score it asks for.

    ``fnmr`` and ``fmr`` in percent; no score where the calibration claims no such rate.
    """

    threshold: float
    score: float | None
    fnmr: float
    fmr: float


class Times(msgspec.Struct, frozen=True):
    """Milliseconds, one thread: medians over the pictures with a face, and of the stages' sum median and 95 %."""

    detect: float
    landmarks: float
    align: float
    embed: float
    total: float
    total_p95: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole evaluation of one folder.

    ``failed``: pictures without an embedding, which count as non-matches; ``several``: those with more than one face.
    """

    engine: str
    grade: str
    path: str
    people: int
    pictures: int
    failed: int
    failed_percent: float
    failures: tuple[Failure, ...]
    several: int
    threads: int
    ms: Times | None
    verification: Verification
    calibrated: tuple[AtThreshold, ...]
    pairs: Accuracy | None
    identification: Identification | None


def report(
    engine: FaceEngine,
    path: str,
    enrolled: Enrolled,
    compared: Compared,
    pairs: Accuracy | None,
    searched: Searched | None,
) -> Report:
    """The report on one set."""
    count, failed = len(enrolled.pictures), len(enrolled.failures)
    return Report(
        engine=engine.engine,
        grade=engine.grade,
        path=path,
        people=int(enrolled.person.max()) + 1,
        pictures=count,
        failed=failed,
        failed_percent=percent(failed / count),
        failures=tuple(enrolled.failures),
        several=enrolled.several,
        threads=1,
        ms=_times(enrolled),
        verification=compared.rates(),
        calibrated=_calibrated(compared, engine.threshold, THRESHOLDS),
        pairs=pairs,
        identification=None if searched is None else searched.rates(),
    )


def _calibrated(
    compared: Compared, threshold: Callable[[float], float], rates: Sequence[float]
) -> tuple[AtThreshold, ...]:
    found = []
    for rate in rates:
        score = threshold(rate)
        there = bool(np.isfinite(score))
        found.append(
            AtThreshold(
                rate,
                round(score, 4) if there else None,
                percent(compared.fnmr(score)),
                percent(compared.fmr(score)) if there else 0.0,
            )
        )
    return tuple(found)


def _times(enrolled: Enrolled) -> Times | None:
    if not len(enrolled.seconds):
        return None
    medians = dict(zip(STAGES, np.median(enrolled.seconds, axis=0), strict=True))
    total = enrolled.seconds.sum(axis=1)
    rounded = {name: round(float(value) * 1e3, 3) for name, value in medians.items()}
    return Times(
        **rounded,
        total=round(float(np.median(total)) * 1e3, 3),
        total_p95=round(float(np.quantile(total, 0.95)) * 1e3, 3),
    )
