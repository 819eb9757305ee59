"""Fingerprints: quality, minutiae, comparison. Synchronous: for worker threads, and safe from several."""

from typing import Final

from hotspotd.biometrics.finger.calibration import false_match_rate
from hotspotd.biometrics.finger.comparison import compare, prepare, search
from hotspotd.biometrics.finger.extraction import extract, look
from hotspotd.biometrics.finger.pairing import Paired, paired
from hotspotd.biometrics.finger.quality import FingerProblem, FingerQuality, assess
from hotspotd.biometrics.finger.template import FingerTemplate

ENGINE: Final = "hotspotd-finger-3"
"""Extractor and template format; templates of another engine must not be compared with this one's."""

__all__ = [
    "ENGINE",
    "FingerProblem",
    "FingerQuality",
    "FingerTemplate",
    "Paired",
    "assess",
    "compare",
    "extract",
    "false_match_rate",
    "look",
    "paired",
    "prepare",
    "search",
]
