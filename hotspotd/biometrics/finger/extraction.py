"""Picture of a print in, template out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.field import RidgeField
from hotspotd.biometrics.finger.network import STEP
from hotspotd.biometrics.finger.quality import FingerQuality, judge
from hotspotd.biometrics.finger.reading import Reading, read
from hotspotd.biometrics.finger.template import (
    MOST_MINUTIAE,
    NO_RIDGES,
    RIDGE_STEP,
    RIDGE_TURNS,
    FingerTemplate,
    Ridges,
    ridge_shape,
)
from hotspotd.errors import BiometricError, Reason


def extract(image: NDArray[np.uint8], dpi: int) -> FingerTemplate:
    """The template of a print: ``image`` (h, w) uint8 grey, ridges dark, at ``dpi`` 250..1000.

    Raises BiometricError: BAD_IMAGE for a picture that no scanner gives, NO_FINGER where no print is to be seen.
    """
    reading = read(image, dpi)
    return template_of(reading, judge(reading))


def look(image: NDArray[np.uint8], dpi: int) -> tuple[FingerQuality, FingerTemplate | None]:
    """Quality and template of a print in one go, ``None`` where no print is to be seen; as ``assess`` and ``extract``.

    Raises BiometricError(BAD_IMAGE).
    """
    reading = read(image, dpi)
    quality = judge(reading)
    return quality, template_of(reading, quality) if quality.finger else None


def template_of(reading: Reading, quality: FingerQuality) -> FingerTemplate:
    """The template of a reading that has been judged. Raises BiometricError(NO_FINGER)."""
    if not quality.finger:
        raise BiometricError(Reason.NO_FINGER, "no print in the picture", "Place the finger on the scanner.")
    points = reading.points
    strongest = np.argsort(-points.strength, kind="stable")[:MOST_MINUTIAE]
    points = points.only(np.sort(strongest))
    height, width = reading.picture.shape
    strength = np.clip(np.round(points.strength * 100), 0, 100).astype(np.uint8)
    ridges = _ridges(reading.field, ridge_shape(width, height))
    template = FingerTemplate(
        points.x, points.y, points.angle, points.kind, strength, width, height, quality.score, ridges
    )
    # Rounded as stored, so that a template compares the same before and after storage.
    return FingerTemplate.decode(template.encode())


def _ridges(field: RidgeField, shape: tuple[int, int]) -> Ridges:
    """Every other sample of ``field``, as a template holds it."""
    every = RIDGE_STEP // STEP
    turns = np.mod(np.round(field.theta[::every, ::every] * (RIDGE_TURNS / np.pi)), RIDGE_TURNS)
    ridges = np.where(field.block_mask[::every, ::every], turns, NO_RIDGES).astype(np.uint8)
    return np.ascontiguousarray(ridges[: shape[0], : shape[1]])
