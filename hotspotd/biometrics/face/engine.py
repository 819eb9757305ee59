"""Faces for a lane: one object that finds, judges, crops, embeds and compares.

Synchronous and thread-safe; run it in a worker. The embedding's meaning hangs on the model, its alignment and the
runtime, so
``FaceEngine.engine`` names all three and is stored beside every embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.calibration import Calibration
from hotspotd.biometrics.face import align, portrait, quality
from hotspotd.biometrics.face.detect import FaceBox, FaceDetector, check_picture
from hotspotd.biometrics.face.quality import FaceQuality
from hotspotd.biometrics.models import ModelManifest, find_model, require_grade
from hotspotd.biometrics.runtime import Model
from hotspotd.errors import BiometricError, Reason

DEFAULT_MODEL = "face-descriptor"

# Standard deviation in grey levels; the dimmest usable face is over 8, a covered lens under 2.
_LEAST_CONTRAST = 2.5


class FaceEngine:
    """One face model, opened and warm. Make it with ``open``."""

    def __init__(self, model: Model, calibration: Calibration) -> None:
        self._model = model
        self._calibration = calibration
        self._detector = FaceDetector()
        manifest = model.manifest
        self.engine = f"{manifest.name}@{manifest.sha256[:16]}+a{align.REVISION}+{model.runtime.label}"
        """Id of model, alignment and runtime; embeddings of two ids are never compared."""
        self.grade: Literal["demo", "operational"] = manifest.grade
        self.dimensions = manifest.outputs[0].shape[-1]

    @classmethod
    def open(
        cls,
        manifest: ModelManifest | None = None,
        mode: Literal["training", "production"] = "training",
        *,
        threads: int = 1,
    ) -> FaceEngine:
        """The engine for ``manifest``, by default the bundled demonstration descriptor.

        Raises BiometricError: MODEL_GRADE for a demonstration model in production, MODEL_MISSING, MODEL_HASH,
        MODEL_SHAPE
        and NO_RUNTIME as ``runtime.Model`` does.
        """
        manifest = manifest or find_model(DEFAULT_MODEL, ())
        require_grade(manifest, mode)
        if manifest.role != "embedder" or manifest.calibration is None:
            raise BiometricError(
                Reason.MODEL_SHAPE,
                f"model {manifest.name} is a {manifest.role}",
                "Name an embedder as models.face_embedder.",
            )
        return cls(Model(manifest, threads=threads), manifest.calibration)

    def detect(self, rgb: NDArray[np.uint8]) -> list[FaceBox]:
        """The faces in ``rgb`` (h, w, 3) uint8, largest first. Raises BiometricError (BAD_IMAGE)."""
        return self._detector.detect(rgb)

    def assess(self, rgb: NDArray[np.uint8], box: FaceBox | None, others: Sequence[FaceBox] = ()) -> FaceQuality:
        """Quality of the face in ``box``; give all faces that ``detect`` found as ``others``."""
        check_picture(rgb)
        return quality.assess(rgb, box, others)

    def look(self, rgb: NDArray[np.uint8]) -> tuple[FaceBox | None, FaceQuality]:
        """The largest face and its quality, in one step. Raises BiometricError (BAD_IMAGE)."""
        faces = self.detect(rgb)
        box = faces[0] if faces else None
        return box, self.assess(rgb, box, faces)

    def portrait(self, rgb: NDArray[np.uint8], box: FaceBox) -> bytes:
        """The face as a JPEG of a travel document's proportions."""
        check_picture(rgb)
        return portrait.portrait(rgb, box)

    def embed(self, rgb: NDArray[np.uint8], box: FaceBox) -> NDArray[np.float32]:
        """The face as a vector of length 1, shape (dimensions,), float32.

        Raises BiometricError (BAD_IMAGE, MODEL_SHAPE).
        """
        check_picture(rgb)
        manifest = self._model.manifest
        view = align.crop(rgb, box, manifest)
        if float(view.std()) < _LEAST_CONTRAST:
            raise BiometricError(Reason.BAD_IMAGE, "the face gives no embedding: the picture has no contrast there")
        outputs = self._model.run(align.tensor(view, manifest.input))
        vector = outputs[manifest.outputs[0].tensor].reshape(-1)
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or length < 1e-6:
            raise BiometricError(Reason.BAD_IMAGE, "the model gives no usable embedding")
        return np.asarray(vector / length, np.float32)

    def embed_picture(self, data: bytes) -> NDArray[np.float32]:
        """The embedding of the one face on a JPEG or PNG.

        Raises BiometricError: BAD_IMAGE, NO_FACE, or SEVERAL_FACES where it is unclear whose it is.
        """
        rgb = portrait.read_picture(data)
        box, judged = self.look(rgb)
        if box is None:
            raise BiometricError(Reason.NO_FACE, "no face in the picture", "Use an upright, frontal portrait.")
        if quality.FaceProblem.SEVERAL_FACES in judged.problems:
            raise BiometricError(Reason.SEVERAL_FACES, "several faces in the picture", "Crop it to one person.")
        return self.embed(rgb, box)

    def similarity(self, probe: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
        """Cosine of the angle between two embeddings, -1 to 1."""
        return float(np.dot(probe, reference))

    def false_match_rate(self, similarity: float) -> float:
        """Share of comparisons of different people expected to be this similar or more, in (0, 1]."""
        return self._calibration.false_match_rate(similarity)
