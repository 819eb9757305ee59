"""What an evaluation says: error rates of each set, of all sets with one threshold, failures, and times.

All rates are in percent. The shape is stable: keys are added, not renamed (docs/fingerprints.md lists them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from hotspotd.biometrics.finger import ENGINE
from hotspotd.biometrics.finger.calibration import Calibration
from hotspotd.biometrics.finger.evaluation.measure import Failure, Measured, together
from hotspotd.biometrics.finger.evaluation.rates import Errors, Labelled, errors, percent
from hotspotd.biometrics.finger.native import describe

THRESHOLDS: Final = (1e-2, 1e-3, 1e-4, 1e-5)
"""Calibrated false match rates for which it is said what they cost."""


class AtThreshold(msgspec.Struct, frozen=True):
    """What a threshold in the configuration costs: ``threshold`` is a rate (0..1), ``fnmr`` and ``fmr`` in percent."""

    threshold: float
    fnmr: float
    fmr: float


class MeanError(msgspec.Struct, frozen=True):
    """Mean over the sets of their EER."""

    fvc: float
    all: float


class SetReport(msgspec.Struct, frozen=True, kw_only=True):
    """One folder.

    ``dpi``: the resolutions its pictures had. ``fte``: pictures without a template; their comparisons count as
    non-matches in all rates.
    """

    name: str
    path: str
    fingers: int
    impressions: int
    pictures: int
    dpi: tuple[int, ...]
    fte: int
    fte_percent: float
    failures: tuple[Failure, ...]
    fvc: Errors
    all: Errors
    calibrated: tuple[AtThreshold, ...]
    extract_ms: float | None
    compare_us: float | None


class PooledReport(msgspec.Struct, frozen=True, kw_only=True):
    """All folders with one threshold."""

    pictures: int
    fte: int
    fte_percent: float
    fvc: Errors
    all: Errors
    mean_eer: MeanError
    calibrated: tuple[AtThreshold, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole evaluation.

    ``kernels``: what compared (``avx512``, ``neon``, ``numpy``, …); ``dpi``: as asked for, None = as the files say.
    """

    engine: str
    kernels: str
    threads: int
    dpi: int | None
    failed_pictures: str
    sets: tuple[SetReport, ...]
    pooled: PooledReport
    extract_ms: float | None
    compare_us: float | None


@dataclass(frozen=True)
class Evaluated:
    """One set's name, place and measurement."""

    name: str
    path: str
    measured: Measured

    @property
    def fvc(self) -> Labelled:
        """Scores with the first impressions as impostors."""
        return self.measured.labelled(self.measured.pairs.fvc)

    @property
    def all(self) -> Labelled:
        """Scores with every pair of different fingers as impostors."""
        return self.measured.labelled(self.measured.pairs.impostor)


def report(sets: Sequence[Evaluated], dpi: int | None, calibration: Calibration) -> Report:
    """The report on ``sets``, whose pictures were read at ``dpi`` (None = as they say).

    ``calibration`` turns configured rates into thresholds.
    """
    found = tuple(_set(one, calibration) for one in sets)
    pictures, fte = sum(one.pictures for one in found), sum(one.fte for one in found)
    every = together([one.all for one in sets])
    pooled = PooledReport(
        pictures=pictures,
        fte=fte,
        fte_percent=percent(fte / pictures),
        fvc=errors(together([one.fvc for one in sets])),
        all=errors(every),
        mean_eer=MeanError(
            round(float(np.mean([one.fvc.eer for one in found])), 4),
            round(float(np.mean([one.all.eer for one in found])), 4),
        ),
        calibrated=_calibrated(every, calibration),
    )
    return Report(
        engine=ENGINE,
        kernels=describe(),
        threads=1,
        dpi=dpi,
        failed_pictures="their comparisons count as non-matches in every rate",
        sets=found,
        pooled=pooled,
        extract_ms=_median_ms([time for one in sets for time in one.measured.extract_s]),
        compare_us=_mean_us(sum(one.measured.compare_s for one in sets), sum(one.measured.compared for one in sets)),
    )


def _set(one: Evaluated, calibration: Calibration) -> SetReport:
    measured, every = one.measured, one.all
    pictures, fte = len(measured.pictures), len(measured.failures)
    return SetReport(
        name=one.name,
        path=one.path,
        fingers=len({picture.finger for picture in measured.pictures}),
        impressions=len({picture.impression for picture in measured.pictures}),
        pictures=pictures,
        dpi=tuple(measured.dpis),
        fte=fte,
        fte_percent=percent(fte / pictures),
        failures=tuple(measured.failures),
        fvc=errors(one.fvc),
        all=errors(every),
        calibrated=_calibrated(every, calibration),
        extract_ms=_median_ms(measured.extract_s),
        compare_us=_mean_us(measured.compare_s, measured.compared),
    )


def _calibrated(scores: Labelled, calibration: Calibration) -> tuple[AtThreshold, ...]:
    genuine, impostor = calibration.rates(scores.genuine), calibration.rates(scores.impostor)
    return tuple(
        AtThreshold(rate, percent(float((genuine > rate).mean())), percent(float((impostor <= rate).mean())))
        for rate in THRESHOLDS
    )


def _median_ms(times: Sequence[float]) -> float | None:
    return round(float(np.median(times)) * 1e3, 3) if times else None


def _mean_us(spent: float, compared: int) -> float | None:
    return round(spent / compared * 1e6, 3) if compared else None
