"""Numbers of a record to those of a template and back: places, angles, kinds, qualities.

Places are whole pixels at the record's resolution and become pixels at 500 dpi. The pixels per centimetre of a record
are whole as well, so that 197 stands for 500 dpi (196.85): values that a nominal resolution rounds to are read as it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger.template import BIFURCATION, ENDING, MOST_MINUTIAE, FingerTemplate
from hotspotd.errors import BiometricError, Reason

DPI = 500
PER_CM: Final = 197
"""500 dpi in the formats' unit, rounded as everybody writes it."""

TYPE_OTHER, TYPE_ENDING, TYPE_BIFURCATION = 0, 1, 2
"""Two bits, ISO/IEC 19794-2:2005, 7.4.2 and INCITS 378-2004, 6.5.2. OTHER is "neither, or not told apart"."""

_NOMINAL = (250, 500, 1000)
_MOST_SIDE = 2000
"""Pixels at 500 dpi: the template's own limit."""
_PER_CM_RANGE = (39, 800)
"""100 to 2000 dpi; outside, a field is damaged or has another unit."""

Integers = NDArray[np.int64]


def bad(why: str) -> BiometricError:
    """The error for bytes that are not a record."""
    return BiometricError(
        Reason.BAD_TEMPLATE, f"minutiae record: {why}", "Ask the sender for the record again, or enrol from a picture."
    )


def unwritable(why: str) -> BiometricError:
    """The error for what a record has no room for."""
    return BiometricError(Reason.BAD_TEMPLATE, f"minutiae record cannot be written: {why}")


@dataclass(frozen=True)
class Scale:
    """Size of a picture [px] and its resolution [px/cm], as a record states them. Raises BiometricError."""

    width: int
    height: int
    across: int
    down: int

    def __post_init__(self) -> None:
        """Refuses what no scanner has."""
        low, high = _PER_CM_RANGE
        if not (low <= self.across <= high and low <= self.down <= high):
            raise bad(f"resolution {self.across} x {self.down} pixels/cm, {low} to {high} can be used")
        if self.width <= 0 or self.height <= 0:
            raise bad(f"picture of {self.width} x {self.height} pixels")
        if max(self.size) > _MOST_SIDE:
            raise bad(f"picture of {self.size[0]} x {self.size[1]} pixels at 500 dpi, {_MOST_SIDE} can be used")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height at 500 dpi, at least 1."""
        return (
            max(1, round(self.width * self.factors[0])),
            max(1, round(self.height * self.factors[1])),
        )

    @property
    def factors(self) -> tuple[float, float]:
        """Pixels at 500 dpi for one pixel of the record, across and down."""
        return _factor(self.across), _factor(self.down)


def _factor(per_cm: int) -> float:
    for dpi in _NOMINAL:
        if round(dpi / 2.54) == per_cm:
            return DPI / dpi
    return DPI / (per_cm * 2.54)


@dataclass(frozen=True)
class Raw:
    """Minutiae as a format has them, int64, one length. ``turn``: angle units in a full turn.

    quality 1..100, 0 = not reported.
    """

    x: Integers
    y: Integers
    kind: Integers
    angle: Integers
    quality: Integers
    turn: int


def to_template(raw: Raw, size: tuple[int, int], factors: tuple[float, float], quality: int) -> FingerTemplate:
    """The template of ``raw``, the best MOST_MINUTIAE of it, exactly as it is stored. Raises BiometricError.

    ``size``: width and height at 500 dpi; ``factors``: pixels at 500 dpi for one unit of x and of y. OTHER becomes an
    ending (comparison weighs kinds lightly, and a template has no third one); a quality not reported becomes 50.
    """
    if (raw.angle >= raw.turn).any():
        raise bad(f"an angle is over {raw.turn - 1} units")
    if (raw.kind > TYPE_BIFURCATION).any():
        raise bad("a minutia is of the reserved type 3")
    if (raw.quality > 100).any():
        raise bad("a minutia has a quality over 100")
    strength = np.where(raw.quality == 0, 50, raw.quality)
    keep = np.sort(np.argsort(-strength, kind="stable")[:MOST_MINUTIAE])
    width, height = size
    template = FingerTemplate(
        x=_place(raw.x[keep], factors[0], width),
        y=_place(raw.y[keep], factors[1], height),
        angle=np.mod(-raw.angle[keep] * (2 * np.pi / raw.turn), 2 * np.pi).astype(np.float32),
        kind=np.where(raw.kind[keep] == TYPE_BIFURCATION, BIFURCATION, ENDING).astype(np.uint8),
        point_quality=strength[keep].astype(np.uint8),
        width=width,
        height=height,
        quality=quality,
    )
    # Rounded as stored, as the extractor's: a template compares the same before and after storage.
    return FingerTemplate.decode(template.encode())


def _place(values: Integers, factor: float, side: int) -> NDArray[np.float32]:
    # The last pixel of a picture that was scaled may land a fraction outside.
    return np.asarray(np.minimum(values * factor, side - 1 / 16), dtype=np.float32)


def from_template(template: FingerTemplate, turn: int, per_pixel: float) -> Raw:
    """``template`` in units of a format, ``per_pixel`` of them for a pixel at 500 dpi."""
    angle = np.mod(np.rint(-template.angle.astype(np.float64) * (turn / (2 * np.pi))), turn)
    return Raw(
        x=np.rint(template.x.astype(np.float64) * per_pixel).astype(np.int64),
        y=np.rint(template.y.astype(np.float64) * per_pixel).astype(np.int64),
        kind=np.where(template.kind == BIFURCATION, TYPE_BIFURCATION, TYPE_ENDING).astype(np.int64),
        angle=angle.astype(np.int64),
        # 0 would say "not reported".
        quality=np.clip(template.point_quality.astype(np.int64), 1, 100),
        turn=turn,
    )
