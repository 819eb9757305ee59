"""The characters of OCR-B as pictures, out of Debian's fonts-ocr-b.

The fonts are Matthew Skala's conversion (public domain) of Norbert Schwarz's Metafont sources of OCR-B ("you may
freely use, modify and/or distribute this file, without limitation"); neither fonts nor pictures of them are kept here.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hotspotd.errors import DocumentError, Reason
from hotspotd.mrz.alphabet import ALPHABET

FOLDER = Path("/usr/share/fonts/opentype/ocr-b")
_ADVANCE = 0.723
_CAPITAL = 0.713
"""Width of a cell and height of a capital in ems, the same in all cuts of the font."""

Float = NDArray[np.float32]


class Cut(StrEnum):
    """Cuts of the font: as the standard has it, with sharp corners, and leaning."""

    REGULAR = "OCRB"
    SHARP = "OCRBS"
    LEANING = "OCRBL"


@cache
def glyphs(cut: Cut, pitch: int) -> Float:
    """(37, 2 pitch, pitch + 2 margin) float32 ink 0..1, in the alphabet's order; margin = pitch // 8.

    ``pitch`` is the width of a character's cell [px]. Half the height of a capital lies in the middle row.
    Raises DocumentError (NOT_FOUND) where the font or Pillow is not installed.
    """
    path = FOLDER / f"{cut}.otf"
    try:
        from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415  # Only drawing needs Pillow.

        # Given a path that is not there, Pillow would look for the font elsewhere.
        font = ImageFont.truetype(BytesIO(path.read_bytes()), pitch / _ADVANCE)
    except (ImportError, OSError) as error:
        raise DocumentError(
            Reason.NOT_FOUND,
            f"documents cannot be drawn: {error}",
            "Install what draws them: sudo apt-get install fonts-ocr-b, and Pillow into the virtual environment.",
        ) from error
    margin = pitch // 8
    baseline = pitch + _CAPITAL * pitch / _ADVANCE / 2
    out = np.zeros((len(ALPHABET), 2 * pitch, pitch + 2 * margin), np.float32)
    for number, character in enumerate(ALPHABET):
        sheet = Image.new("L", (out.shape[2], out.shape[1]), 0)
        ImageDraw.Draw(sheet).text((margin, baseline), character, fill=255, font=font, anchor="ls")
        out[number] = np.asarray(sheet, np.float32) / 255
    return out
