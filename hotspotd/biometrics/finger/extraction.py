"""Picture of a print in, template out.

``read`` gives every intermediate result, for quality and for looking at; ``extract`` is the public door.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger import minutiae
from hotspotd.biometrics.finger.enhancement import enhance
from hotspotd.biometrics.finger.field import Float, RidgeField, analyse, explained, refine
from hotspotd.biometrics.finger.preparation import to_500_dpi
from hotspotd.biometrics.finger.quality import FingerQuality, judge
from hotspotd.biometrics.finger.skeleton import Binary, thin
from hotspotd.biometrics.finger.template import MOST_MINUTIAE, FingerTemplate
from hotspotd.errors import BiometricError, Reason


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


def extract(image: NDArray[np.uint8], dpi: int) -> FingerTemplate:
    """The template of a print: ``image`` (h, w) uint8 grey, ridges dark, at ``dpi`` 250..1000.

    Raises BiometricError: BAD_IMAGE for a picture that no scanner gives, NO_FINGER where no print is to be seen.
    """
    reading = read(image, dpi)
    quality = judge(reading)
    return template_of(reading, quality)


def template_of(reading: Reading, quality: FingerQuality) -> FingerTemplate:
    """The template of a reading that has been judged. Raises BiometricError(NO_FINGER)."""
    if not quality.finger:
        raise BiometricError(Reason.NO_FINGER, "no print in the picture", "Place the finger on the scanner.")
    points = reading.points
    strongest = np.argsort(-points.strength, kind="stable")[:MOST_MINUTIAE]
    points = points.only(np.sort(strongest))
    height, width = reading.picture.shape
    strength = np.clip(np.round(points.strength * 100), 0, 100).astype(np.uint8)
    template = FingerTemplate(points.x, points.y, points.angle, points.kind, strength, width, height, quality.score)
    # Rounded as stored, so that a template compares the same before and after storage.
    return FingerTemplate.decode(template.encode())
