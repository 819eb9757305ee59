"""Everything that can be read off the picture of a print; quality and template are made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger import minutiae
from hotspotd.biometrics.finger.enhancement import enhance
from hotspotd.biometrics.finger.field import Float, RidgeField, analyse, explained, refine
from hotspotd.biometrics.finger.preparation import to_500_dpi
from hotspotd.biometrics.finger.skeleton import Binary, thin


@dataclass(frozen=True)
class Reading:
    """Everything read from a 500 dpi picture (h, w): field, enhanced picture, skeleton, reliability 0..1, minutiae."""

    picture: NDArray[np.uint8]
    field: RidgeField
    enhanced: Float
    lines: Binary
    reliability: Float
    points: minutiae.Points


def read(image: NDArray[np.uint8], dpi: int) -> Reading:
    """Read ``image`` (h, w) uint8, ridges dark. Raises BiometricError(BAD_IMAGE); an empty picture has no points."""
    picture = to_500_dpi(image, dpi)
    field = analyse(picture)
    enhanced = enhance(field.even, field, every=2)
    field = refine(field, enhanced)
    enhanced = enhance(field.even, field)
    reliability = explained(field.even, enhanced) * field.mask
    lines = thin((enhanced < 0) & field.mask)
    points = minutiae.find(lines, field, reliability)
    return Reading(picture, field, enhanced, lines, reliability, points)
