"""How a head is turned, by the points of a face mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hotspotd.biometrics.face.box import FaceBox

# Of the topology mediapipe-468: outer corners of the eyes, top of the forehead, chin.
_LEFT, _RIGHT, _FOREHEAD, _CHIN = 33, 263, 10, 152


@dataclass(frozen=True, slots=True)
class HeadPose:
    """Angles in degrees; all are 0 for a frontal, upright head.

    A positive ``yaw`` is a face turned to the picture's right, a positive ``pitch`` one that looks down, a positive
    ``roll`` one leaning clockwise in the picture.
    """

    yaw: float
    pitch: float
    roll: float


def head_pose(box: FaceBox) -> HeadPose | None:
    """The pose of a face with a mesh of 468 points; None without one.

    Two lines of the head that stand square on each other, from eye to eye and from forehead to chin, are taken from the
    mesh. Its depth is the model's guess from one picture: good enough to ask for a frontal face, no measurement.
    """
    if box.mesh is None or box.topology != "mediapipe-468":
        return None
    mesh = box.mesh.astype(np.float64)
    across, down = mesh[_RIGHT] - mesh[_LEFT], mesh[_CHIN] - mesh[_FOREHEAD]
    ahead = np.cross(down, across)
    length = float(np.linalg.norm(ahead))
    if length < 1e-6:
        return None
    x, y, z = ahead / length
    return HeadPose(
        yaw=float(np.degrees(np.arctan2(x, -z))),
        pitch=float(np.degrees(np.arcsin(np.clip(y, -1, 1)))),
        roll=float(np.degrees(np.arctan2(across[1], across[0]))),
    )
