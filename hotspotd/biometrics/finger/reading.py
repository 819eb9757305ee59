"""Everything that can be read off the picture of a print; quality and template are made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger import minutiae
from hotspotd.biometrics.finger.field import RidgeField, field_of
from hotspotd.biometrics.finger.network import see
from hotspotd.biometrics.finger.preparation import to_500_dpi


@dataclass(frozen=True)
class Reading:
    """Everything read from a 500 dpi ``picture`` (h, w): ridge field and minutiae."""

    picture: NDArray[np.uint8]
    field: RidgeField
    points: minutiae.Points


def read(image: NDArray[np.uint8], dpi: int) -> Reading:
    """Read ``image`` (h, w) uint8, ridges dark. Raises BiometricError(BAD_IMAGE); an empty picture has no points."""
    picture = to_500_dpi(image, dpi)
    sight = see(picture)
    return Reading(picture, field_of(picture, sight), minutiae.find(sight, (picture.shape[0], picture.shape[1])))
