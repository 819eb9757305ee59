"""The points of a face by a landmark model: found in a crop about the detected face, mapped back into the picture."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face import align
from hotspotd.biometrics.face.box import FaceBox, Point
from hotspotd.biometrics.manifest import BoxAlignment
from hotspotd.biometrics.runtime import Model
from hotspotd.errors import BiometricError, Reason


class LandmarkFinder:
    """A landmark model, opened. Thread-safe."""

    def __init__(self, model: Model) -> None:
        """Take ``model``, a landmark model. Raises BiometricError (MODEL_SHAPE) for another."""
        marks, alignment = model.manifest.landmarks, model.manifest.alignment
        if model.manifest.role != "landmarks" or marks is None or not isinstance(alignment, BoxAlignment):
            raise BiometricError(
                Reason.MODEL_SHAPE,
                f"model {model.manifest.name} is no landmark model with an alignment of the kind box",
                "Name a landmark model as models.face_landmarks.",
            )
        self._model = model
        self._marks = marks
        self._alignment = alignment

    def locate(self, rgb: NDArray[np.uint8], box: FaceBox) -> FaceBox:
        """``box`` with the points that the model finds; ``box`` as it is where the model sees no face there."""
        found = box
        middle, side = box.centre, float(max(box.width, box.height))
        for _ in range(self._marks.passes):
            mesh = self._mesh(rgb, align.upright(middle, side * self._alignment.scale, self._roll(found), self._form))
            if mesh is None:
                return box
            found = self._face(box, mesh)
            turned = mesh[:, :2] @ _turn(-self._roll(found))
            low, high = turned.min(axis=0), turned.max(axis=0)
            x, y = ((low + high) / 2) @ _turn(self._roll(found))
            middle, side = (float(x), float(y)), float((high - low).max())
        return found

    @property
    def _form(self) -> align.Input:
        return self._model.manifest.input

    def _roll(self, box: FaceBox) -> float:
        return math.radians(box.roll) if self._alignment.upright else 0.0

    def _mesh(self, rgb: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.float32] | None:
        """The points in the picture, (count, 3); None where no face is there."""
        outputs = self._model.run(align.tensor(align.warp(rgb, matrix, self._form), self._form))
        marks = self._marks
        if marks.presence is not None:
            logit = float(outputs[marks.presence].reshape(-1)[0])
            if not logit >= math.log(marks.least_presence / (1 - marks.least_presence)):
                return None
        raw = outputs[marks.points].reshape(marks.count, marks.dimensions).astype(np.float64)
        if not np.isfinite(raw).all():
            return None
        back = align.inverse(matrix)
        mesh = np.zeros((marks.count, 3), np.float32)
        mesh[:, :2] = raw[:, :2] @ back[:, :2].T + back[:, 2]
        if marks.dimensions == 3:
            mesh[:, 2] = raw[:, 2] * math.hypot(back[0, 0], back[1, 0])
        mesh.flags.writeable = False
        return mesh

    def _face(self, box: FaceBox, mesh: NDArray[np.float32]) -> FaceBox:
        marks = self._marks

        def mean(numbers: tuple[int, ...]) -> Point:
            x, y = mesh[list(numbers), :2].astype(np.float64).mean(axis=0)
            return float(x), float(y)

        corners = mean(marks.mouth_left), mean(marks.mouth_right)
        (lx, ly), (rx, ry) = corners
        return replace(
            box,
            eyes=(mean(marks.left_eye), mean(marks.right_eye)),
            eyes_seen=True,
            nose=mean(marks.nose),
            mouth=((lx + rx) / 2, (ly + ry) / 2),
            mouth_corners=corners,
            mesh=mesh,
            topology=marks.topology,
        )


def _turn(angle: float) -> NDArray[np.float64]:
    """Rows (x, y) times this are turned by ``angle``, clockwise in the picture."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, s], [-s, c]])
