"""Faces for a lane: one object that finds, judges, crops, embeds, fuses and compares.

Synchronous and thread-safe; run it in a worker. The embedding's meaning hangs on the models that find, align and embed
the face and on the runtime, so ``FaceEngine.engine`` names them all and is stored beside every embedding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.calibration import Calibration
from hotspotd.biometrics.face import align, portrait, quality
from hotspotd.biometrics.face.anchor_detector import AnchorDetector
from hotspotd.biometrics.face.detect import FaceBox, FaceDetector, check_picture
from hotspotd.biometrics.face.landmarks import LandmarkFinder
from hotspotd.biometrics.face.quality import FaceQuality
from hotspotd.biometrics.models import ModelManifest, find_model, require_grade
from hotspotd.biometrics.runtime import Model
from hotspotd.errors import BiometricError, Reason

DEFAULT_MODEL = "face-descriptor"

Mode = Literal["training", "production"]

# Standard deviation in grey levels; the dimmest usable face is over 8, a covered lens under 2.
_LEAST_CONTRAST = 2.5


class Names(Protocol):
    """Which models to use, by the names of their manifests; an empty name stands for OpenCV's cascades."""

    @property
    def face_embedder(self) -> str:
        """The embedder."""

    @property
    def face_detector(self) -> str:
        """The detector, or empty."""

    @property
    def face_landmarks(self) -> str:
        """The landmark model, or empty: the eyes alone."""


class FaceEngine:
    """The models of one face engine, opened and warm. Make it with ``open`` or ``named``."""

    def __init__(
        self,
        model: Model,
        calibration: Calibration,
        detector: AnchorDetector | FaceDetector,
        landmarks: LandmarkFinder | None,
        engine: str,
        thresholds: Mapping[quality.Measure, int] = quality.THRESHOLDS,
    ) -> None:
        self._model = model
        self._calibration = calibration
        self._detector = detector
        self._landmarks = landmarks
        self._thresholds = thresholds
        self.engine = engine
        """Id of models, alignment and runtime; embeddings of two ids are never compared."""
        self.grade: Literal["demo", "operational"] = model.manifest.grade
        self.dimensions = model.manifest.embedding_length or model.manifest.outputs[0].shape[-1]

    @classmethod
    def open(
        cls,
        manifest: ModelManifest | None = None,
        mode: Mode = "training",
        *,
        detector: ModelManifest | None = None,
        landmarks: ModelManifest | None = None,
        threads: int = 1,
        thresholds: Mapping[quality.Measure, int] = quality.THRESHOLDS,
    ) -> FaceEngine:
        """The engine for ``manifest``, by default the bundled demonstration descriptor.

        Without ``detector`` and ``landmarks`` faces and eyes are found by OpenCV's cascades. ``thresholds`` say from
        which quality each component is good enough. Raises BiometricError:
        MODEL_GRADE for a demonstration model in production, MODEL_MISSING, MODEL_HASH, MODEL_SHAPE and NO_RUNTIME as
        ``runtime.Model`` does.
        """
        manifest = manifest or find_model(DEFAULT_MODEL, ())
        parts = [part for part in (manifest, detector, landmarks) if part is not None]
        for part in parts:
            require_grade(part, mode)
        if manifest.role != "embedder" or manifest.calibration is None:
            raise BiometricError(
                Reason.MODEL_SHAPE,
                f"model {manifest.name} is a {manifest.role}",
                "Name an embedder as models.face_embedder.",
            )
        finder = FaceDetector() if detector is None else AnchorDetector(Model(detector, threads=threads))
        marks = None if landmarks is None else LandmarkFinder(Model(landmarks, threads=threads))
        model = Model(manifest, threads=threads)
        return cls(model, manifest.calibration, finder, marks, _engine_id(parts, model.runtime.label), thresholds)

    @classmethod
    def named(
        cls,
        names: Names,
        folders: Sequence[Path],
        mode: Mode = "training",
        *,
        threads: int = 1,
        qualities: Mapping[str, int] | None = None,
    ) -> FaceEngine:
        """The engine of the models that ``names`` (the section models of a configuration) names. Raises as ``open``.

        ``qualities`` are thresholds by the keys of the section face_quality.
        """
        thresholds = quality.THRESHOLDS
        if qualities is not None:
            thresholds = {one: qualities[one.name.lower()] for one in quality.Measure}
        return cls.open(
            find_model(names.face_embedder, folders),
            mode,
            detector=find_model(names.face_detector, folders) if names.face_detector else None,
            landmarks=find_model(names.face_landmarks, folders) if names.face_landmarks else None,
            threads=threads,
            thresholds=thresholds,
        )

    def detect(self, rgb: NDArray[np.uint8]) -> list[FaceBox]:
        """The faces in ``rgb`` (h, w, 3) uint8, largest first, with the points that the detector knows.

        Raises BiometricError (BAD_IMAGE).
        """
        return self._detector.detect(rgb)

    def locate(self, rgb: NDArray[np.uint8], box: FaceBox) -> FaceBox:
        """``box`` with its landmarks, five points and mesh, where there is a landmark model and it sees the face."""
        if self._landmarks is None or box.mesh is not None:
            return box
        return self._landmarks.locate(rgb, box)

    def assess(self, rgb: NDArray[np.uint8], box: FaceBox | None, others: Sequence[FaceBox] = ()) -> FaceQuality:
        """Quality of the face in ``box``; give all faces that ``detect`` found as ``others``."""
        check_picture(rgb)
        return quality.assess(rgb, box, others, self._thresholds)

    def look(self, rgb: NDArray[np.uint8]) -> tuple[FaceBox | None, FaceQuality]:
        """The largest face, with its landmarks, and its quality. Raises BiometricError (BAD_IMAGE)."""
        faces = self.detect(rgb)
        if not faces:
            return None, self.assess(rgb, None)
        box = self.locate(rgb, faces[0])
        return box, self.assess(rgb, box, [box, *faces[1:]])

    def portrait(self, rgb: NDArray[np.uint8], box: FaceBox) -> bytes:
        """The face as a JPEG of a travel document's proportions."""
        check_picture(rgb)
        return portrait.portrait(rgb, self.locate(rgb, box))

    def align(self, rgb: NDArray[np.uint8], box: FaceBox) -> NDArray[np.uint8]:
        """The face as the embedder sees it, (input.height, input.width, 3) RGB. Raises BiometricError (BAD_IMAGE)."""
        check_picture(rgb)
        return align.crop(rgb, self.locate(rgb, box), self._model.manifest)

    def embed_aligned(self, view: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The embedding of a face that ``align`` cut out. Raises BiometricError (BAD_IMAGE, MODEL_SHAPE)."""
        manifest = self._model.manifest
        if float(view.std()) < _LEAST_CONTRAST:
            raise BiometricError(Reason.BAD_IMAGE, "the face gives no embedding: the picture has no contrast there")
        vector = self._direction(view)
        if manifest.mirrored:
            vector = vector + self._direction(np.ascontiguousarray(view[:, ::-1]))
        return _unit(vector, "the model gives no usable embedding")

    def _direction(self, view: NDArray[np.uint8]) -> NDArray[np.float64]:
        manifest = self._model.manifest
        outputs = self._model.run(align.tensor(view, manifest.input))
        vector = outputs[manifest.outputs[0].tensor].reshape(-1).astype(np.float64)
        length = float(np.linalg.norm(vector))
        return vector / length if length > 0 else vector

    def embed(self, rgb: NDArray[np.uint8], box: FaceBox) -> NDArray[np.float32]:
        """The face as a vector of length 1, shape (dimensions,), float32.

        Raises BiometricError (BAD_IMAGE, MODEL_SHAPE).
        """
        return self.embed_aligned(self.align(rgb, box))

    def fuse(self, embeddings: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """One template of several embeddings of one person, shape (dimensions,), length 1: the direction of their mean.

        It is compared like an embedding of one picture. Raises BiometricError (BAD_TEMPLATE) for none, for another
        length, and for embeddings that cancel out.
        """
        if not embeddings or any(one.shape != (self.dimensions,) for one in embeddings):
            raise BiometricError(
                Reason.BAD_TEMPLATE, f"a template is fused of embeddings of {self.dimensions} numbers, one at least"
            )
        mean = np.mean(np.stack(embeddings).astype(np.float64), axis=0)
        return _unit(mean, "these embeddings cannot be of one face", Reason.BAD_TEMPLATE)

    def embed_picture(self, data: bytes) -> NDArray[np.float32]:
        """The embedding of the one face on a JPEG or PNG.

        Raises BiometricError: BAD_IMAGE, NO_FACE, or SEVERAL_FACES where it is unclear whose it is.
        """
        rgb = portrait.read_picture(data)
        faces = self.detect(rgb)
        if not faces:
            raise BiometricError(Reason.NO_FACE, "no face in the picture", "Use an upright, frontal portrait.")
        # By the engine's own thresholds: what a lane asks of its camera does not settle whose face this is.
        if quality.FaceProblem.SEVERAL_FACES in quality.assess(rgb, faces[0], faces).problems:
            raise BiometricError(Reason.SEVERAL_FACES, "several faces in the picture", "Crop it to one person.")
        return self.embed(rgb, faces[0])

    def similarity(self, probe: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
        """Cosine of the angle between two embeddings, -1 to 1."""
        return float(np.dot(probe, reference))

    def false_match_rate(self, similarity: float) -> float:
        """Share of comparisons of different people expected to be this similar or more, in (0, 1]."""
        return self._calibration.false_match_rate(similarity)

    def judge_by(self, table: Calibration) -> None:
        """Turn similarities into rates by ``table`` from now on; rates from before and after do not compare."""
        self._calibration = table

    def threshold(self, rate: float) -> float:
        """The lowest similarity worth the false match rate ``rate``; infinite where none so small is claimed."""
        return self._calibration.threshold(rate)


def _unit(vector: NDArray[np.float64], otherwise: str, reason: Reason = Reason.BAD_IMAGE) -> NDArray[np.float32]:
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length < 1e-6:
        raise BiometricError(reason, otherwise)
    return np.asarray(vector / length, np.float32)


def _engine_id(parts: Sequence[ModelManifest], runtime: str) -> str:
    """Name and hash of the embedder, then one hash over what else changes an embedding, then the runtime."""
    embedder = parts[0]
    # The manifests decide as well: another template, normalisation or decoding gives other embeddings.
    facts = [(part.sha256, part.input, part.alignment, part.anchors, part.landmarks, part.mirrored) for part in parts]
    seen = hashlib.sha256(msgspec.json.encode(facts)).hexdigest()
    return f"{embedder.name}@{embedder.sha256[:16]}+a{align.REVISION}.{seen[:12]}+{runtime}"
