"""What a record says of one print beside its minutiae."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from hotspotd.biometrics.finger.template import FingerTemplate


class FingerPosition(IntEnum):
    """Which finger: ISO/IEC 19794-2:2005, table 2; the same codes as ANSI/NIST-ITL 1."""

    UNKNOWN = 0
    RIGHT_THUMB = 1
    RIGHT_INDEX = 2
    RIGHT_MIDDLE = 3
    RIGHT_RING = 4
    RIGHT_LITTLE = 5
    LEFT_THUMB = 6
    LEFT_INDEX = 7
    LEFT_MIDDLE = 8
    LEFT_RING = 9
    LEFT_LITTLE = 10


class Impression(IntEnum):
    """How the print was taken: ISO/IEC 19794-2:2005, table 3, and 9 from INCITS 378."""

    LIVE_PLAIN = 0
    LIVE_ROLLED = 1
    NONLIVE_PLAIN = 2
    NONLIVE_ROLLED = 3
    SWIPE = 8
    LIVE_CONTACTLESS = 9


@dataclass(frozen=True, eq=False)
class View:
    """One print of a record.

    ``impression`` is the format's own code, 0..15 (0..255 in INCITS 378-2009), an ``Impression`` where it has a name
    there. ``number`` counts the views of one finger from 0; the writers number anew. ``quality`` is 0..100 or None
    where the record does not say; the template then says 0. The writers take the template's quality for None.
    """

    template: FingerTemplate
    finger: FingerPosition = FingerPosition.UNKNOWN
    impression: int = Impression.LIVE_PLAIN
    number: int = 0
    quality: int | None = None
