"""A picture in a terminal: two pixels in each character cell, one above the other."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from rich.text import Text

_UPPER_HALF = "▀"
_COLUMNS = 64


def blocks(picture: NDArray[np.uint8]) -> Text:
    """``picture`` (height, width) grey or (height, width, 3) RGB, 64 cells wide."""
    colours = picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
    height, width = colours.shape[:2]
    rows = max(1, round(_COLUMNS * height / width / 2))
    small = cv2.resize(colours, (_COLUMNS, 2 * rows), interpolation=cv2.INTER_AREA)
    shown = Text()
    for upper, lower in zip(small[::2], small[1::2], strict=True):
        for above, below in zip(upper, lower, strict=True):
            shown.append(_UPPER_HALF, Style(color=_rgb(above), bgcolor=_rgb(below)))
        shown.append("\n")
    return shown


def _rgb(pixel: NDArray[np.uint8]) -> str:
    red, green, blue = (int(value) for value in pixel)
    return f"rgb({red},{green},{blue})"
