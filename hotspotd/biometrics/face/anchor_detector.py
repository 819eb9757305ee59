"""Faces by a detector model with anchors (BlazeFace and its like), decoded by what its manifest says.

Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", 2019. The picture is letterboxed
into the model's input; overlapping finds are blended by their scores, as the paper proposes, which keeps points
steadier from frame to frame than taking the best alone.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face import align
from hotspotd.biometrics.face.box import FaceBox
from hotspotd.biometrics.face.detect import check_picture
from hotspotd.biometrics.manifest import Anchors, Input
from hotspotd.biometrics.runtime import Model
from hotspotd.errors import BiometricError, Reason

_MOST_FACES = 8
# A face that fills the picture is larger than what such detectors were trained on: where none is found, the picture is
# shown again at this share of the input's size.
_SECOND_LOOK = 0.6
# Logits are clipped here before the exponential, as the published graph does.
_MOST_LOGIT = 100.0


class AnchorDetector:
    """A detector model, opened. Thread-safe."""

    def __init__(self, model: Model) -> None:
        """Take ``model``, a detector. Raises BiometricError (MODEL_SHAPE) for one without anchors."""
        if model.manifest.role != "detector" or model.manifest.anchors is None:
            raise BiometricError(
                Reason.MODEL_SHAPE,
                f"model {model.manifest.name} is a {model.manifest.role}",
                "Name a detector as models.face_detector.",
            )
        self._model = model
        self._form = model.manifest.input
        self._anchors = model.manifest.anchors
        self._centres = anchor_centres(self._anchors, self._form)

    def detect(self, rgb: NDArray[np.uint8]) -> list[FaceBox]:
        """The faces in ``rgb`` (h, w, 3), largest first, at most eight. Raises BiometricError (BAD_IMAGE)."""
        check_picture(rgb)
        return self._at(rgb, 1.0) or self._at(rgb, _SECOND_LOOK)

    def _at(self, rgb: NDArray[np.uint8], share: float) -> list[FaceBox]:
        view, scale, left, top = letterbox(rgb, self._form, share)
        outputs = self._model.run(align.tensor(view, self._form))
        found = decode(outputs[self._anchors.boxes], outputs[self._anchors.scores], self._centres, self._anchors)
        height, width = rgb.shape[:2]
        faces = []
        for score, numbers in found:
            places = (numbers.reshape(-1, 2) - (left, top)) / scale
            face = self._face(score, places, width, height)
            if face is not None:
                faces.append(face)
        return sorted(faces, key=lambda face: (-face.width * face.height, face.x, face.y))[:_MOST_FACES]

    def _face(self, score: float, places: NDArray[np.float64], width: int, height: int) -> FaceBox | None:
        a = self._anchors
        x0, y0 = np.clip(np.rint(places[0]), 0, (width - 1, height - 1)).astype(int)
        x1, y1 = np.clip(np.rint(places[1]), 0, (width, height)).astype(int)
        left, right, nose, mouth = (
            (float(x), float(y)) for x, y in places[2:][[a.left_eye, a.right_eye, a.nose, a.mouth]]
        )
        if x1 - x0 < 4 or y1 - y0 < 4 or np.hypot(right[0] - left[0], right[1] - left[1]) < 1:
            return None
        return FaceBox(
            int(x0), int(y0), int(x1 - x0), int(y1 - y0), (left, right), True, nose=nose, mouth=mouth, score=score
        )


def anchor_centres(anchors: Anchors, form: Input) -> NDArray[np.float64]:
    """The middle of each anchor's cell in input pixels, (n, 2), in the model's order.

    Layers of one stride that follow each other share one grid: their anchors stand together in each cell.
    """
    rows = []
    place = 0
    while place < len(anchors.strides):
        stride = anchors.strides[place]
        layers = 1
        while anchors.strides[place + layers : place + layers + 1] == (stride,):
            layers += 1
        across, down = -(-form.width // stride), -(-form.height // stride)
        x, y = np.meshgrid(np.arange(across) + 0.5, np.arange(down) + 0.5)
        cells = np.stack([x.reshape(-1) * form.width / across, y.reshape(-1) * form.height / down], axis=1)
        rows.append(np.repeat(cells, layers * anchors.per_layer, axis=0))
        place += layers
    return np.concatenate(rows)


def letterbox(rgb: NDArray[np.uint8], form: Input, share: float) -> tuple[NDArray[np.uint8], float, float, float]:
    """``rgb`` whole in the middle of a black input, in ``share`` of its size: the picture, its scale, left and top."""
    height, width = rgb.shape[:2]
    scale = share * min(form.width / width, form.height / height)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    view = np.zeros((form.height, form.width, 3), np.uint8)
    left, top = (form.width - w) // 2, (form.height - h) // 2
    view[top : top + h, left : left + w] = cv2.resize(rgb, (w, h), interpolation=how)
    return view, scale, float(left), float(top)


def decode(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], centres: NDArray[np.float64], anchors: Anchors
) -> list[tuple[float, NDArray[np.float64]]]:
    """Finds as (score, numbers): x and y of the box's corners, then of each point, in input pixels; best first."""
    logits = scores.reshape(-1).astype(np.float64)
    raw = boxes.reshape(len(centres), -1).astype(np.float64)
    with np.errstate(invalid="ignore"):
        certain = 1 / (1 + np.exp(-np.clip(logits, -_MOST_LOGIT, _MOST_LOGIT)))
        kept = np.flatnonzero((certain >= anchors.least_score) & np.isfinite(raw).all(axis=1))
    kept = kept[np.argsort(-certain[kept], kind="stable")][: 64 * _MOST_FACES]
    certain, raw, middle = certain[kept], raw[kept], centres[kept]
    points = raw[:, 4:] + np.tile(middle, (1, (raw.shape[1] - 4) // 2))
    centre, half = raw[:, :2] + middle, raw[:, 2:4] / 2
    numbers = np.concatenate([centre - half, centre + half, points], axis=1)
    found = []
    left = np.arange(len(kept))
    while left.size:
        overlap = _overlap(numbers[left[0], :4], numbers[left, :4])
        same = overlap > anchors.most_overlap
        same[0] = True
        group = left[same]
        weights = certain[group] / certain[group].sum()
        found.append((float(certain[group[0]]), weights @ numbers[group]))
        left = left[~same]
    return found


def _overlap(one: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of a box (4,) with others (n, 4)."""
    low, high = np.maximum(one[:2], others[:, :2]), np.minimum(one[2:], others[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(np.clip(others[:, 2:] - others[:, :2], 0, None), axis=1)
    union = areas + float(np.prod(np.clip(one[2:] - one[:2], 0, None))) - shared
    return np.asarray(np.where(union > 0, shared / np.maximum(union, 1e-9), 0.0), np.float64)
