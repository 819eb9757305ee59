"""The versions of the software, as whoever looks after a kiosk is told of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SoftwareAct = Literal["check", "apply", "roll-back"]


@dataclass(frozen=True, slots=True)
class UpdateState:
    """Versions of the software: the one that runs, the one before, one that is ready to be put in force.

    ``doing`` is what is under way, empty for nothing; ``said`` is what came of the last act, ``at`` when: ISO 8601.
    """

    running: str
    before: str = ""
    ready: str = ""
    said: str = ""
    at: str = ""
    doing: SoftwareAct | Literal[""] = ""
