"""Minutiae of a master, known exactly because nothing hides them: its ridges are whole and clean."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.synthetic.masters import Float, Master
from hotspotd.biometrics.finger.synthetic.skeleton import thin
from hotspotd.biometrics.finger.synthetic.tracing import trace


@dataclass(frozen=True)
class Truth:
    """x, y float32 [px at 500 dpi], angle float32 [rad], kind uint8: conventions of ``template.FingerTemplate``."""

    x: Float
    y: Float
    angle: Float
    kind: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.x)


def truth_of(master: Master) -> Truth:
    """The minutiae of the whole ridge pattern, but for a margin of about a ridge along its border."""
    smooth = np.asarray(cv2.GaussianBlur(master.ridges, (0, 0), 1.0), dtype=np.float32)
    points = trace(thin(smooth < 0), master.theta)
    return Truth(points.x, points.y, points.angle, points.kind)
