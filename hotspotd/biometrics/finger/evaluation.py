"""How well the engine tells fingers apart: pairs of a labelled set, scores, and error rates.

The "ALL" protocol: genuine = every pair of impressions of one finger, impostor = every pair of different fingers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.comparison import compare
from hotspotd.biometrics.finger.extraction import extract
from hotspotd.biometrics.finger.template import FingerTemplate
from hotspotd.errors import BiometricError, Reason

Image = NDArray[np.uint8]
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """One impression: which finger, and its template; None where none could be had (failure to acquire)."""

    finger: str
    impression: str
    template: FingerTemplate | None


@dataclass(frozen=True)
class Rates:
    """Error rates of a set; FNMR at an FMR is at the lowest threshold that keeps the measured FMR at or below it."""

    genuine: int
    impostor: int
    failed: int
    eer: float
    fnmr_at_fmr_100: float
    fnmr_at_fmr_1000: float
    fnmr_at_fmr_10000: float


def read_folder(folder: Path) -> list[tuple[str, str, Image]]:
    """Finger, impression and picture of each ``{finger}_{impression}.png`` in ``folder``, in name order."""
    found = []
    for path in sorted(folder.glob("*_*.png")):
        finger, _, impression = path.stem.partition("_")
        picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
        if picture is None:
            raise BiometricError(Reason.BAD_IMAGE, f"{path}: not a picture", "Fetch the set again.")
        found.append((finger, impression, np.asarray(picture, dtype=np.uint8)))
    return found


def enrol(pictures: Sequence[tuple[str, str, Image]], alter: Callable[[Image], Image] | None = None) -> list[Sample]:
    """Templates of all pictures at 500 dpi, each put through ``alter`` first."""
    samples = []
    for finger, impression, picture in pictures:
        template: FingerTemplate | None
        try:
            template = extract(alter(picture) if alter else picture, 500)
        except BiometricError as error:
            if error.reason is not Reason.NO_FINGER:
                raise
            template = None
        samples.append(Sample(finger, impression, template))
    return samples


def all_pairs(samples: Sequence[Sample]) -> tuple[list[tuple[Sample, Sample]], list[tuple[Sample, Sample]]]:
    """Genuine and impostor pairs of the ALL protocol."""
    genuine: list[tuple[Sample, Sample]] = []
    impostor: list[tuple[Sample, Sample]] = []
    for pair in combinations(samples, 2):
        (genuine if pair[0].finger == pair[1].finger else impostor).append(pair)
    return genuine, impostor


def scores(
    pairs: Sequence[tuple[Sample, Sample]],
    comparator: Callable[[FingerTemplate, FingerTemplate], float] = compare,
) -> Scores:
    """Score of each pair; 0 where a template is missing, so that a failure to acquire counts as a non-match."""
    return np.array(
        [0.0 if a.template is None or b.template is None else comparator(a.template, b.template) for a, b in pairs],
        dtype=np.float64,
    )


def fnmr_at(genuine: Scores, impostor: Scores, fmr: float) -> float:
    """FNMR at the lowest threshold (score must exceed it) whose measured FMR is at most ``fmr``."""
    allowed = int(np.floor(fmr * len(impostor)))
    threshold = np.sort(impostor)[::-1][allowed]
    return float((genuine <= threshold).mean())


def equal_error_rate(genuine: Scores, impostor: Scores) -> float:
    """EER: mean of FMR and FNMR where they are closest."""
    thresholds = np.unique(np.concatenate([genuine, impostor]))
    fnmr = np.searchsorted(np.sort(genuine), thresholds, side="left") / len(genuine)
    fmr = 1.0 - np.searchsorted(np.sort(impostor), thresholds, side="left") / len(impostor)
    at = int(np.argmin(np.abs(fnmr - fmr)))
    return float((fnmr[at] + fmr[at]) / 2)


def rates(genuine: Scores, impostor: Scores, failed: int = 0) -> Rates:
    """All error rates of one set of scores."""
    return Rates(
        len(genuine),
        len(impostor),
        failed,
        equal_error_rate(genuine, impostor),
        fnmr_at(genuine, impostor, 1e-2),
        fnmr_at(genuine, impostor, 1e-3),
        fnmr_at(genuine, impostor, 1e-4),
    )


def as_r307(picture: Image) -> Image:
    """The densest 288x256 part of a 500 dpi picture in 16 grey levels: what a small optical module would have seen."""
    height, width = 288, 256
    up, across = max(0, height - picture.shape[0]), max(0, width - picture.shape[1])
    if up or across:
        picture = np.pad(picture, ((up // 2, up - up // 2), (across // 2, across - across // 2)), mode="edge")
    edges = np.abs(cv2.Laplacian(cv2.GaussianBlur(picture, (0, 0), 1.5), cv2.CV_32F))
    dense = cv2.boxFilter(edges, -1, (width, height), normalize=True, borderType=cv2.BORDER_CONSTANT)
    top, left = height // 2, width // 2
    inner = dense[top : picture.shape[0] - height + top + 1, left : picture.shape[1] - width + left + 1]
    y, x = np.unravel_index(int(np.argmax(inner)), inner.shape)
    crop = picture[y : y + height, x : x + width]
    return np.asarray((crop >> 4) * 17, dtype=np.uint8)
