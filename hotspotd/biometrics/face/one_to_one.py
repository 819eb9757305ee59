"""1:1: is the live face that of a portrait, of a document's chip or of a reference picture?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.engine import FaceEngine
from hotspotd.errors import BiometricError, Reason


@dataclass(frozen=True, slots=True)
class Compared:
    """Two faces: cosine ``similarity`` (-1..1), the calibrated false match rate ``fmr`` (0..1] at it, and the decision.

    ``matches``: ``fmr`` is at most the rate that was asked for, which needs a similarity of ``threshold`` or more.
    """

    similarity: float
    fmr: float
    threshold: float
    matches: bool


def compare(engine: FaceEngine, probe: NDArray[np.float32], portrait: NDArray[np.float32], fmr: float) -> Compared:
    """``probe`` against ``portrait``, embeddings (d,) of ``engine``, at the false match rate ``fmr`` (0..1).

    Raises BiometricError: WRONG_MODEL for embeddings of another length, BAD_VALUE where the engine's calibration claims
    no rate as small as ``fmr``, so that nobody would match.
    """
    if probe.shape != (engine.dimensions,) or portrait.shape != (engine.dimensions,):
        raise BiometricError(
            Reason.WRONG_MODEL,
            f"embeddings of {probe.shape} and {portrait.shape}, the face model gives {engine.dimensions} numbers",
            "Make both with this model.",
        )
    threshold = engine.threshold(fmr)
    if not np.isfinite(threshold):
        raise BiometricError(
            Reason.BAD_VALUE,
            f"the calibration of {engine.engine} claims no false match rate as small as {fmr:g}",
            "Ask for a higher rate, or calibrate with more people: hotspotctl calibrate faces.",
        )
    similarity = engine.similarity(probe, portrait)
    rate = engine.false_match_rate(similarity)
    return Compared(similarity, rate, threshold, rate <= fmr)


def compare_pictures(engine: FaceEngine, probe: bytes, portrait: bytes, fmr: float) -> Compared:
    """As ``compare``, of two JPEG or PNG pictures of one person each.

    Raises BiometricError, which names the picture, for one without a face, with several, or that is none.
    """
    return compare(engine, _embedded(engine, probe, "probe"), _embedded(engine, portrait, "portrait"), fmr)


def _embedded(engine: FaceEngine, picture: bytes, which: str) -> NDArray[np.float32]:
    try:
        return engine.embed_picture(picture)
    except BiometricError as error:
        raise BiometricError(error.reason, f"the {which}: {error.what}", error.advice) from error
