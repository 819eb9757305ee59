"""Turns pictures into what a list holds: templates of prints, embeddings of faces.

Raises BiometricError for a picture that cannot be enrolled; who calls decides what that means for the record.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics import finger
from hotspotd.biometrics.face import FaceEngine
from hotspotd.domain.finger import FingerPosition
from hotspotd.errors import BiometricError, Reason
from hotspotd.watchlist.build import EnrolledFace, EnrolledFinger

# A rolled print at 1000 dpi is under 4 MPixel, a passport portrait far less.
_MOST_PIXELS = 40_000_000


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
        """A print from an encoded picture (PNG, JPEG ...), ridges dark, at ``dpi`` 250 to 1000."""
        image = decode(picture, cv2.IMREAD_GRAYSCALE)
        return EnrolledFinger(position, finger.extract(image, dpi).encode(), picture)

    def face(self, picture: bytes) -> EnrolledFace:
        """A face from an encoded portrait; only the picture where there is no face engine."""
        bgr = decode(picture, cv2.IMREAD_COLOR)
        if self._faces is None:
            return EnrolledFace(None, picture)
        rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
        boxes = self._faces.detect(rgb)
        if not boxes:
            raise BiometricError(Reason.NO_FACE, "no face in the portrait", "Use a frontal portrait.")
        return EnrolledFace(self._faces.embed(rgb, boxes[0]), picture)


def decode(picture: bytes, flag: int) -> NDArray[np.uint8]:
    """The pixels of an encoded picture. Raises BiometricError(BAD_IMAGE)."""
    try:
        image = cv2.imdecode(np.frombuffer(picture, np.uint8), flag) if picture else None
    except cv2.error as error:
        raise BiometricError(Reason.BAD_IMAGE, "a picture that cannot be read") from error
    if image is None:
        raise BiometricError(Reason.BAD_IMAGE, "a picture that cannot be read", "Use PNG or JPEG.")
    if image.shape[0] * image.shape[1] > _MOST_PIXELS:
        raise BiometricError(Reason.BAD_IMAGE, f"a picture of more than {_MOST_PIXELS} pixels")
    return image.astype(np.uint8, copy=False)
