"""Minutiae of the card formats, ISO/IEC 19794-2:2005, clause 8: bare, without any head.

Normal size, five bytes: type 2 bits and x 14 bits, reserved 2 bits and y 14 bits [0.01 mm], angle u8 [360/256
degrees]. Compact size, three bytes: x u8, y u8 [0.1 mm], type 2 bits and angle 6 bits [360/64 degrees]. The finger,
the size of the picture and the order of the minutiae are stated elsewhere (in the card's biometric information
template) and are the caller's to know. No qualities.
"""

from __future__ import annotations

from enum import Enum

import numpy as np

from hotspotd.biometrics.finger.interchange.quantities import Raw, bad, from_template, to_template, unwritable
from hotspotd.biometrics.finger.template import FingerTemplate

_NORMAL = np.dtype([("x", ">u2"), ("y", ">u2"), ("angle", "u1")])
_COMPACT = np.dtype([("x", "u1"), ("y", "u1"), ("mark", "u1")])
_MOST_POINTS = 255


class CardFormat(Enum):
    """Which of the two, with the units in a millimetre."""

    NORMAL = 100
    COMPACT = 10


def read_card(data: bytes, card_format: CardFormat, width: int, height: int) -> FingerTemplate:
    """The template of card minutiae; ``width`` and ``height`` of the picture in pixels at 500 dpi, 1..2000.

    Its quality is 0: a card does not say. Raises BiometricError(BAD_TEMPLATE).
    """
    layout = _layout(card_format)
    if len(data) % layout.itemsize or len(data) > _MOST_POINTS * layout.itemsize:
        raise bad(f"{len(data)} bytes of card minutiae of {layout.itemsize} bytes each, at most {_MOST_POINTS}")
    points = np.frombuffer(data, dtype=layout)
    x, y = points["x"].astype(np.int64), points["y"].astype(np.int64)
    if card_format is CardFormat.NORMAL:
        if (y >> 14).any():
            raise bad("the reserved bits of a minutia are not zero")
        kind, x, angle, turn = x >> 14, x & 0x3FFF, points["angle"].astype(np.int64), 256
    else:
        mark = points["mark"].astype(np.int64)
        kind, angle, turn = mark >> 6, mark & 63, 64
    if not (0 < width <= 2000 and 0 < height <= 2000):
        raise bad(f"picture of {width} x {height} pixels")
    per_pixel = card_format.value * 25.4 / 500
    # A place in the last pixel may have been rounded up.
    if (x > width * per_pixel + 0.5).any() or (y > height * per_pixel + 0.5).any():
        raise bad("a minutia lies off the picture")
    raw = Raw(x, y, kind, angle, np.zeros_like(x), turn)
    return to_template(raw, (width, height), (1 / per_pixel, 1 / per_pixel), 0)


def write_card(template: FingerTemplate, card_format: CardFormat) -> bytes:
    """The minutiae of ``template`` for a card, in its order. Raises BiometricError(BAD_TEMPLATE).

    A place beyond 25.5 mm (502 px) has no room in the compact format.
    """
    per_pixel = card_format.value * 25.4 / 500
    points = np.zeros(len(template), dtype=_layout(card_format))
    compact = card_format is CardFormat.COMPACT
    raw = from_template(template, 64 if compact else 256, per_pixel)
    if len(template) and max(raw.x.max(), raw.y.max()) > (0xFF if compact else 0x3FFF):
        raise unwritable("a minutia lies beyond the card format's range")
    points["x"], points["y"] = raw.x, raw.y
    if compact:
        points["mark"] = raw.kind << 6 | raw.angle
    else:
        points["x"] = raw.kind << 14 | raw.x
        points["angle"] = raw.angle
    return points.tobytes()


def _layout(card_format: CardFormat) -> np.dtype[np.void]:
    return _NORMAL if card_format is CardFormat.NORMAL else _COMPACT
