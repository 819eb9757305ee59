"""How well the engine tells fingers apart, and how fast: labelled pictures in, error rates and times out.

``open_folder`` → ``measure`` → ``report``. What ``hotspotctl evaluate fingers``, ``hotspotctl calibrate fingers`` and
the scripts are made of; the daemon does not import it.
"""

from hotspotd.biometrics.finger.evaluation.measure import Failure, Measured, measure, together
from hotspotd.biometrics.finger.evaluation.pairs import Pairs, pairs_of
from hotspotd.biometrics.finger.evaluation.rates import (
    NO_SCORE,
    Curve,
    Errors,
    Labelled,
    Scores,
    curve,
    equal_error_rate,
    errors,
)
from hotspotd.biometrics.finger.evaluation.report import Evaluated, Report, SetReport, report
from hotspotd.biometrics.finger.evaluation.scores_file import read_impostors, write_scores
from hotspotd.biometrics.finger.evaluation.sets import Folder, Image, Picture, as_r307, natural, open_folder

__all__ = [
    "NO_SCORE",
    "Curve",
    "Errors",
    "Evaluated",
    "Failure",
    "Folder",
    "Image",
    "Labelled",
    "Measured",
    "Pairs",
    "Picture",
    "Report",
    "Scores",
    "SetReport",
    "as_r307",
    "curve",
    "equal_error_rate",
    "errors",
    "measure",
    "natural",
    "open_folder",
    "pairs_of",
    "read_impostors",
    "report",
    "together",
    "write_scores",
]
