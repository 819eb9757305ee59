"""How well a face engine tells people apart, and how fast: labelled pictures in, error rates and times out.

``open_people`` or ``open_pairs`` → ``enrol`` → ``compare_all``, ``accuracy``, ``identify`` → ``report``. What
``hotspotctl evaluate faces`` and ``hotspotctl calibrate faces`` are made of; the daemon does not import it.
"""

from hotspotd.biometrics.face.evaluation.identification import Identification, Searched, identify
from hotspotd.biometrics.face.evaluation.measure import STAGES, Enrolled, Failure, enrol
from hotspotd.biometrics.face.evaluation.people import Pair, Pairs, Picture, open_pairs, open_people
from hotspotd.biometrics.face.evaluation.report import Report, Times, report
from hotspotd.biometrics.face.evaluation.verification import (
    Accuracy,
    Compared,
    Verification,
    accuracy,
    compare_all,
    compare_pairs,
    drawn_pairs,
    impostor_scores,
)

__all__ = [
    "STAGES",
    "Accuracy",
    "Compared",
    "Enrolled",
    "Failure",
    "Identification",
    "Pair",
    "Pairs",
    "Picture",
    "Report",
    "Searched",
    "Times",
    "Verification",
    "accuracy",
    "compare_all",
    "compare_pairs",
    "drawn_pairs",
    "enrol",
    "identify",
    "impostor_scores",
    "open_pairs",
    "open_people",
    "report",
]
