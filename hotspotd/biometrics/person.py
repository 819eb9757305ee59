"""Face and fingers of one person against those of one record: one false match rate, and what it is worth.

What goes in is the calibrated false match rate of the face and that of all fingers together
(``hotspotd.biometrics.finger.fusion``): for somebody else's record each is a p-value. What comes out is one again, by
the distribution of their product (R. A. Fisher, Statistical Methods for Research Workers, 4th ed. 1932, §21.1). What
was not given or not listed is left out: it speaks neither for nor against. What was compared and does not match has a
rate near 1, and weakens what the other says.

Assumed: whoever is not the person listed resembles that person's face no more often for having similar fingers. On
multimodal sets next to no correlation of the two was found (Nandakumar, Chen, Dass, Jain, "Likelihood ratio-based
biometric score fusion", IEEE PAMI 30(2), 2008). It does not hold where a bad or mixed-up record makes both alike;
therefore nothing below ``LOWEST_FLOOR`` is ever claimed. Of identical twins the faces match and the fingers do not:
together they match less than the face alone.
"""

from __future__ import annotations

import math

from hotspotd.biometrics.finger.calibration import LOWEST_FLOOR
from hotspotd.biometrics.finger.fusion import together as product

__all__ = ["LOWEST_FLOOR", "most_likelihood_ratio", "together"]


def together(face: float | None, fingers: float | None, floor: float = LOWEST_FLOOR) -> float:
    """The false match rate [floor, 1] of both: of one alone it is that one's; of none 1.

    ``face`` and ``fingers`` are rates (0, 1], None where there was nothing to compare. ValueError for another number.
    """
    return product([rate for rate in (face, fingers) if rate is not None], floor)


def most_likelihood_ratio(rate: float) -> float:
    """How many times likelier such a match is for the person than for somebody else, at most.

    1 / (-e p ln p) for a false match rate p under 1/e, else 1: an upper bound on the evidence whatever the genuine
    scores are (Sellke, Bayarri, Berger, "Calibration of p values for testing precise null hypotheses", The American
    Statistician 55, 2001). ValueError for a rate that is not in (0, 1].
    """
    if not 0 < rate <= 1:
        raise ValueError("a false match rate lies above 0 and is at most 1")
    return 1.0 if rate >= 1 / math.e else 1.0 / (-math.e * rate * math.log(rate))
