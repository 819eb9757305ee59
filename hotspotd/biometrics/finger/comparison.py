"""How alike two templates are: local similarity, mutual support, alignment, and what then falls into place.

1. Cylinders give each pair of minutiae a similarity (``cylinders``).
2. The best pairs support each other where their relative position and directions agree (relaxation; Feng 2008, and
   the LSS-R consolidation of Cappelli and others 2010). Pairs of prints without such support are of different fingers,
   and it ends here: their scores are all below those that mean anything.
3. A few best supported pairs each propose a rigid alignment, refined on what agrees with it.
4. Skin stretches: the alignment is stretched as a whole, then bent by a smooth kernel warp, and minutiae are paired one
   to one.
5. Paired minutiae, weighed against those that should have found a partner, are the score; less where they lie apart
   or the ridges of the two prints, once aligned, run across each other.

The compiled kernels (``native``) do it in some ten microseconds, numpy (``portable``) in some milliseconds.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger import native, portable
from hotspotd.biometrics.finger.cylinders import parts_of, prepared
from hotspotd.biometrics.finger.template import FingerTemplate

_FEWEST_PAIRED: Final = 3
_FEWEST_EXPECTED: Final = 3.0
"""In a small overlap a few chance pairs are a large share: count at least so much as expected."""
_WEIGHT_POWER, _SHARE_POWER = 1.2, 1.25
_RELAXED_SHARE: Final = 6.0
_USUAL_AGREEMENT, _USUAL_SAMPLES = 0.8, 14.0
"""Where the prints share little or no ridge field, their ridges are taken to agree so well."""
_GAP_USUAL, _GAP_WEIGHT = 1.4, 0.07
"""Each pixel that the paired lie apart takes a fourteenth; about 6 px are neither good nor bad."""
_HOPELESS: Final = 0.05
"""Mean relaxed similarity below which prints are not aligned: above it lie nearly all genuine pairs that could be told
from impostors in the end, and one in eight impostors."""
_FIELDS: Final = 10
"""Floats of the kernels' evidence: those of Evidence in order, then the score."""


@dataclass(frozen=True)
class Evidence:
    """What a comparison found, before it became one number.

    local, relaxed: mean similarity of the best pairs, alone and with the support of the others; paired minutiae, the
    sum of their weights, and what the overlap of the two prints let one expect, sure minutiae more than unsure ones; of
    the paired, mean distance [px] and mean difference of direction [rad]; samples of the ridge fields that both prints
    have, and the mean cosine of twice the difference of ridge direction there. All but the first two are 0 where the
    prints were not aligned.
    """

    local: float
    relaxed: float
    paired: float
    weight: float
    expected: float
    gap: float
    twist: float
    common: float
    agreement: float


def compare(probe: FingerTemplate, reference: FingerTemplate) -> float:
    """Comparison score of two templates, 0 upwards, higher = more alike; ``calibration`` says what it is worth."""
    return float(search(probe, (reference,))[0])


def prepare(template: FingerTemplate) -> None:
    """Make what comparisons with ``template`` need, so that the first one is as quick as the others."""
    prepared(template)


def search(probe: FingerTemplate, references: Sequence[FingerTemplate]) -> NDArray[np.float64]:
    """Scores (n,) of ``probe`` against each of ``references``, as ``compare`` gives them. For many see ``index``."""
    return _scores(probe, references)[:, _FIELDS - 1].astype(np.float64)


def examine(probe: FingerTemplate, reference: FingerTemplate) -> Evidence:
    """All evidence that two templates are of one finger."""
    return Evidence(*_scores(probe, (reference,), whole=True)[0, : _FIELDS - 1].tolist())


def score_of(found: Evidence) -> float:
    """One number of the evidence.

    A logistic score of all that is measured, fitted to drawn prints or to two of three real sets, told the pairs of the
    third apart worse than this: what is left to tell by is how many minutiae agree, and how closely.
    """
    score = _RELAXED_SHARE * found.relaxed
    if found.paired < _FEWEST_PAIRED:
        return score
    share = found.weight / max(found.expected, _FEWEST_EXPECTED)
    agreeing = found.agreement * found.common + _USUAL_AGREEMENT * _USUAL_SAMPLES
    ridges = min(max(agreeing / (found.common + _USUAL_SAMPLES), 0.0), 1.0)
    closeness = min(max(_GAP_USUAL - _GAP_WEIGHT * found.gap, 0.5), 1.5)
    return float(score + found.weight**_WEIGHT_POWER * share**_SHARE_POWER * ridges * closeness)


def _scores(probe: FingerTemplate, references: Sequence[FingerTemplate], *, whole: bool = False) -> NDArray[np.float32]:
    """(n, FIELDS): evidence and score of each reference; ``whole`` = no short cut."""
    out = np.zeros((len(references), _FIELDS), dtype=np.float32)
    own, others = prepared(probe), [prepared(reference) for reference in references]
    library = native.library()
    if library is None:
        a = parts_of(own)
        for index, other in enumerate(others):
            found = portable.evidence(a, parts_of(other), _HOPELESS, whole=whole)
            out[index] = *found, score_of(Evidence(*found))
        return out
    addresses = (ctypes.c_void_p * len(others))(*[other.ctypes.data for other in others])
    into = ctypes.c_void_p(out.ctypes.data)
    if library.hf_compare(ctypes.c_void_p(own.ctypes.data), addresses, len(others), int(whole), into) != 0:
        raise ValueError("a prepared print is longer than the kernels take")
    return out
