"""Points of a face followed from frame to frame.

Corners (Shi and Tomasi, "Good features to track", CVPR 1994) inside the face are followed by pyramidal Lucas-Kanade.
Each step is taken forwards and back (Kalal, Mikolajczyk and Matas, "Forward-backward error", ICPR 2010): a point that
does not come back to where it was is dropped for good. Holds one small grey frame and the points' paths, no colour.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face.detect import FaceBox

Points = NDArray[np.float64]

# Frames are reduced until the face is this wide: the cost is the same from any camera, and points stay sharp enough.
_FACE_WIDTH = 200
# Detectors draw their boxes differently; the eyes are where they are. A face box is about this many eye distances wide.
_WIDTH_IN_EYES = 2.6
_MOST_POINTS = 160
_QUALITY = 0.002
_APART = 5
_WINDOW = (17, 17)
_LEVELS = 4
# Pixels between where a point was and where it comes back to.
_COMES_BACK = 0.7
_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.01)
# What is face and no hair, wall or neck: an ellipse this far below the eyes, with these half axes, in face widths.
_BELOW, _HALF_WIDTH, _HALF_HEIGHT = 0.13, 0.36, 0.43
# A frame is kept when the points have moved by this since the last that was, in face widths; still frames tell nothing.
_STEP = 0.02
_MOST_KEPT = 20


class Tracks:
    """Points that were on the face in the first frame. Not thread-safe."""

    def __init__(self, rgb: NDArray[np.uint8], box: FaceBox) -> None:
        """Choose points on the face in ``box`` of ``rgb``; there may be none."""
        (lx, ly), (rx, ry) = box.eyes
        apart = max(float(np.hypot(rx - lx, ry - ly)), 1.0)
        self._scale = min(1.0, _FACE_WIDTH / (_WIDTH_IN_EYES * apart))
        self._grey = self._prepared(rgb)
        self.width = _WIDTH_IN_EYES * apart * self._scale
        """The face's width in the reduced frame [px]."""
        mask = np.zeros(self._grey.shape, np.uint8)
        down = np.array([lx - rx, ry - ly])[::-1] / apart * np.array([1, -1])
        middle = (np.array([lx + rx, ly + ry]) / 2) * self._scale + down * _BELOW * self.width
        half = (round(_HALF_WIDTH * self.width), round(_HALF_HEIGHT * self.width))
        centre = (round(float(middle[0])), round(float(middle[1])))
        cv2.ellipse(mask, centre, half, float(np.degrees(np.arctan2(ry - ly, rx - lx))), 0, 360, 255, -1)
        # Equalised in small fields, or eyes and brows would take all the points and cheeks get none.
        even = cv2.createCLAHE(clipLimit=4.0, tileGridSize=(8, 8)).apply(cv2.GaussianBlur(self._grey, (0, 0), 1.0))
        # The stubs forget that there may be none.
        found = cast(
            "NDArray[np.float32] | None", cv2.goodFeaturesToTrack(even, _MOST_POINTS, _QUALITY, _APART, mask=mask)
        )
        first = np.empty((0, 2), np.float32) if found is None else found.reshape(-1, 2)
        self._kept = [first.astype(np.float64)]
        self._newest = self._kept[0]
        self.begun = len(first)

    @property
    def left(self) -> int:
        """How many points have been followed to the newest frame."""
        return len(self._newest)

    @property
    def travel(self) -> float:
        """How far the points are from where they began, root mean square, in face widths."""
        return self._between(self._kept[0], self._newest)

    @property
    def paths(self) -> NDArray[np.float64]:
        """Places of the points that are left, (frames, points, 2) [px], in the frames between which they moved."""
        return np.stack([*self._kept, self._newest])

    def add(self, rgb: NDArray[np.uint8]) -> float:
        """Follow the points into the next frame; the share of them that was not lost in this step."""
        grey = self._prepared(rgb)
        before = self._newest.astype(np.float32)
        if grey.shape != self._grey.shape or not len(before):
            self._keep_only(np.zeros(len(before), bool), self._newest)
            self._grey = grey
            return 0.0
        there, went = _follow(self._grey, grey, before)
        back, came = _follow(grey, self._grey, there)
        height, width = grey.shape
        good = (went & came) & (np.linalg.norm(back - before, axis=1) < _COMES_BACK)
        good &= (there >= 1).all(axis=1) & (there[:, 0] < width - 1) & (there[:, 1] < height - 1)
        self._keep_only(good, there.astype(np.float64))
        self._grey = grey
        return float(good.mean())

    def _keep_only(self, good: NDArray[np.bool_], newest: Points) -> None:
        if self._between(self._kept[-1], self._newest) > _STEP:
            self._kept.append(self._newest)
        if len(self._kept) > _MOST_KEPT:
            self._kept[1:-1] = self._kept[2:-1:2]
        self._kept = [path[good] for path in self._kept]
        self._newest = newest[good]

    def _between(self, one: Points, other: Points) -> float:
        return float(np.sqrt(((one - other) ** 2).sum(-1).mean())) / self.width if len(one) else 0.0

    def _prepared(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self._scale < 1:
            rgb = np.asarray(
                cv2.resize(rgb, None, fx=self._scale, fy=self._scale, interpolation=cv2.INTER_AREA), np.uint8
            )
        return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def _follow(
    one: NDArray[np.uint8], other: NDArray[np.uint8], points: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    there, status, _ = cv2.calcOpticalFlowPyrLK(
        one,
        other,
        points.reshape(-1, 1, 2),
        points.reshape(-1, 1, 2).copy(),
        winSize=_WINDOW,
        maxLevel=_LEVELS,
        criteria=_STOP,
    )
    return np.asarray(there.reshape(-1, 2), np.float32), status.ravel() > 0
