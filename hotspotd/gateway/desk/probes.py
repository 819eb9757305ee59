"""What a transaction holds for an officer to look at: document, face and prints. Pure; takes time, so for threads."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2

from hotspotd.domain.document import Document
from hotspotd.domain.finger import FingerPosition
from hotspotd.errors import Reason, RelayError
from hotspotd.relay import images
from hotspotd.relay.inquiry import SINGLE_FINGERS, document_of
from hotspotd.relay.inti import xml6


@dataclass(frozen=True, slots=True)
class Probes:
    """The pictures are encoded as they came; ``purpose`` is the CIV code of the search."""

    document: Document | None = None
    face: bytes | None = field(default=None, repr=False)
    fingers: dict[FingerPosition, bytes] = field(default_factory=dict, repr=False)
    purpose: str = ""

    def picture(self, modality: str, position: FingerPosition | None) -> bytes | None:
        """The picture of a face, or of one finger."""
        return self.face if modality == "face" else self.fingers.get(position or FingerPosition.UNKNOWN)


def read(body: bytes) -> Probes:
    """What is in the transaction ``body``; nothing where it was erased. Raises RelayError."""
    if not body:
        return Probes()
    transaction = xml6.decode(body)
    asked = transaction.descriptive[0] if transaction.descriptive else None
    return Probes(
        document=document_of(asked) if asked else None,
        face=next((record.picture.data for record in transaction.faces if record.picture.data), None),
        fingers={
            SINGLE_FINGERS[record.position]: record.picture.data
            for record in transaction.prints
            if record.picture.data and record.position in SINGLE_FINGERS
        },
        purpose=asked.civil_code if asked else "",
    )


def for_browser(image: bytes) -> tuple[bytes, str]:
    """``image`` as a browser shows it, and its media type. Raises RelayError: BAD_TRANSACTION, TOO_LARGE."""
    if image.startswith(b"\xff\xd8\xff"):
        images.size_of(image)
        return image, "image/jpeg"
    done, data = cv2.imencode(".png", images.decode_grey(image))
    if not done:
        raise RelayError(Reason.BAD_TRANSACTION, "a picture could not be encoded")
    return data.tobytes(), "image/png"
