"""The passive check: a model looks at the face and what is around it, and says how much it looks like a live one.

Which model, and everything about its numbers, is in its manifest (role ``liveness``). Whether it is any good has to be
measured for the camera and the attacks at hand: ``hotspotctl evaluate liveness``.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face import align
from hotspotd.biometrics.face.detect import FaceBox, check_picture
from hotspotd.biometrics.models import BoxAlignment, Classes, ModelManifest, require_grade
from hotspotd.biometrics.runtime import Model
from hotspotd.errors import BiometricError, Reason


class PassiveLiveness:
    """One liveness model, opened and warm. Thread-safe. Make it with ``open``."""

    def __init__(self, model: Model, classes: Classes) -> None:
        self._model = model
        self._classes = classes

    @classmethod
    def open(cls, manifest: ModelManifest, mode: Literal["training", "production"] = "training") -> PassiveLiveness:
        """The check by ``manifest``'s model.

        Raises BiometricError: MODEL_GRADE for a demonstration model in production, MODEL_SHAPE for a model of another
        role, and as ``runtime.Model`` does.
        """
        require_grade(manifest, mode)
        if manifest.role != "liveness" or manifest.classes is None:
            raise BiometricError(
                Reason.MODEL_SHAPE,
                f"model {manifest.name} is a {manifest.role}",
                "Name a liveness model as liveness.passive_model.",
            )
        return cls(Model(manifest), manifest.classes)

    @property
    def name(self) -> str:
        """Name and hash of the model, for the records."""
        manifest = self._model.manifest
        return f"{manifest.name}@{manifest.sha256[:16]}"

    def score(self, rgb: NDArray[np.uint8], box: FaceBox) -> float:
        """Probability, by the model, that the face in ``box`` of ``rgb`` (h, w, 3) is a live one.

        Raises BiometricError (BAD_IMAGE, MODEL_SHAPE).
        """
        check_picture(rgb)
        manifest = self._model.manifest
        outputs = self._model.run(align.tensor(view(rgb, box, manifest), manifest.input))
        values = outputs[self._classes.tensor].astype(np.float64).ravel()
        if self._classes.values == "logits":
            values = np.exp(values - values.max())
            values /= values.sum()
        found = float(values[self._classes.live])
        if not -0.01 <= found <= 1.01:
            raise BiometricError(
                Reason.MODEL_SHAPE,
                f"model {manifest.name} gives {found:g} as a probability",
                'Does its manifest say values = "logits"?',
            )
        return min(1.0, max(0.0, found))


def view(rgb: NDArray[np.uint8], box: FaceBox, manifest: ModelManifest) -> NDArray[np.uint8]:
    """What the model sees: (input.height, input.width, 3) RGB."""
    where, size = manifest.alignment, manifest.input
    if not (isinstance(where, BoxAlignment) and where.inside):
        return align.crop(rgb, box, manifest)
    left, top, right, bottom = inside(box, where.scale, (rgb.shape[1], rgb.shape[0]))
    part = rgb[top : bottom + 1, left : right + 1]
    return np.asarray(cv2.resize(part, (size.width, size.height), interpolation=cv2.INTER_LINEAR), np.uint8)


def inside(box: FaceBox, scale: float, picture: tuple[int, int]) -> tuple[int, int, int, int]:
    """``box`` made larger about its middle, within ``picture`` (width, height): left, top, right, bottom, inclusive.

    The rule by which MiniFASNet's training pictures were cut: both sides grow by one factor, which the picture's size
    limits; a box that then sticks out is shifted, not cut.
    """
    width, height = picture
    factor = min(scale, (width - 1) / box.width, (height - 1) / box.height)
    half = box.width * factor / 2, box.height * factor / 2
    x, y = box.centre
    x = min(max(x, half[0]), width - 1 - half[0])
    y = min(max(y, half[1]), height - 1 - half[1])
    return (
        max(0, int(x - half[0])),
        max(0, int(y - half[1])),
        min(width - 1, int(x + half[0])),
        min(height - 1, int(y + half[1])),
    )
