"""Finger positions and why a print may be missing (ANSI/NIST-ITL 1-2011, tables 8 and 64)."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class FingerPosition(IntEnum):
    """FGP: friction ridge generalised position of a single finger."""

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

    @property
    def label(self) -> str:
        """The name used in configuration and on the wire between our own parts."""
        return self.name.lower()

    @classmethod
    def from_label(cls, label: str) -> FingerPosition:
        """The position with this label; raises KeyError on an unknown one."""
        return cls[label.upper()]


class Slap(IntEnum):
    """FGP: fingers taken at once (ANSI/NIST-ITL 1-2011, table 8)."""

    RIGHT_FOUR = 13
    LEFT_FOUR = 14
    THUMBS = 15

    @property
    def label(self) -> str:
        """The name used on the wire between our own parts."""
        return self.name.lower()

    @property
    def fingers(self) -> tuple[FingerPosition, ...]:
        """Its fingers as they lie in a picture, from left to right: the palm is down, the tips are up."""
        return _FINGERS[self]


_FINGERS = {
    Slap.RIGHT_FOUR: tuple(FingerPosition(code) for code in (2, 3, 4, 5)),
    Slap.LEFT_FOUR: tuple(FingerPosition(code) for code in (10, 9, 8, 7)),
    Slap.THUMBS: (FingerPosition.LEFT_THUMB, FingerPosition.RIGHT_THUMB),
}


class MissingReason(StrEnum):
    """AMP (14.018) codes: why a print is not, or not wholly, there."""

    PARTIAL = "XX"
    UNABLE = "UP"
    SCAR = "SR"
