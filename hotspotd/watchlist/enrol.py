"""Turns pictures into what a list holds: templates of prints, embeddings of faces.

Raises BiometricError for a picture that cannot be enrolled; who calls decides what that means for the record.
"""

from __future__ import annotations

import cv2
import numpy as np

from hotspotd.biometrics import finger
from hotspotd.biometrics.face import FaceEngine, read_picture
from hotspotd.domain.finger import FingerPosition
from hotspotd.watchlist.build import EnrolledFace, EnrolledFinger


class Enroller:
    """Enrols with the bundled finger engine and, where there is one, a face engine."""

    def __init__(self, faces: FaceEngine | None = None) -> None:
        self._faces = faces

    @property
    def finger_engine(self) -> str:
        """Id of the engine that makes the templates."""
        return finger.ENGINE

    @property
    def face_engine(self) -> str | None:
        """Id of the engine that makes the embeddings; ``None`` without one."""
        return self._faces.engine if self._faces else None

    def finger(self, position: FingerPosition, picture: bytes, dpi: int) -> EnrolledFinger:
        """A print from a PNG or JPEG, ridges dark, at ``dpi`` 250 to 1000."""
        grey = cv2.cvtColor(read_picture(picture), cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
        return EnrolledFinger(position, finger.extract(grey, dpi).encode(), picture)

    def face(self, picture: bytes) -> EnrolledFace:
        """A face from a PNG or JPEG portrait of one person; only the picture where there is no face engine."""
        if self._faces is None:
            read_picture(picture)
            return EnrolledFace(None, picture)
        embedding = self._faces.embed_picture(picture)
        rgb = read_picture(picture)
        box, _ = self._faces.look(rgb)
        # Shown beside a probe: both are cropped alike.
        return EnrolledFace(embedding, picture if box is None else self._faces.portrait(rgb, box))
