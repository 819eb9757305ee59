"""What a live test of a device gives, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """The results; ``None`` is what was not measured or does not apply. Times are in seconds.

    ``ok``: the device did its work. ``quality`` (0 to 100) is the engine's of a print or a face, ``remarks`` what
    was wrong with it, or which check digits do not match.
    """

    name: str
    kind: str
    driver: str
    address: str
    ok: bool = False
    model: str = ""
    serial: str = ""
    details: dict[str, str] = {}
    open_s: float | None = None
    first_s: float | None = None
    frames_per_s: float | None = None
    width: int | None = None
    height: int | None = None
    dpi: int | None = None
    grey_levels: int | None = None
    document: str | None = None
    quality: int | None = None
    remarks: tuple[str, ...] = ()
    reason: str = ""
    problem: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long [s] to wait for what a person presents, to count frames, and to show each light."""

    presented_s: float = 30.0
    frames_s: float = 3.0
    light_s: float = 1.0
