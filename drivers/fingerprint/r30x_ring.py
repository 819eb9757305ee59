"""The coloured ring around the glass of an R503, as a prompt to whoever stands before it.

Source: R503 user manual, AuraLedConfig: control, speed (0 to 255), colour, number of
times (0: without end). Not kept without power.
"""

from __future__ import annotations

from enum import Enum

_BREATHE, _FLASH, _ON, _OFF = 1, 2, 3, 4
_RED, _BLUE, _PURPLE = 1, 2, 3


class Ring(Enum):
    """What the ring shows; the value is AuraLedConfig's parameters."""

    PLACE = bytes([_BREATHE, 0x80, _BLUE, 0])  # lay a finger here
    TAKEN = bytes([_ON, 0, _PURPLE, 0])  # the picture is on its way
    AGAIN = bytes([_FLASH, 0x20, _RED, 3])  # that was nothing
    OFF = bytes([_OFF, 0, _BLUE, 0])
