"""Encoded pictures to pixels: the one door to OpenCV's decoders, which are C and have been broken by pictures before.

What a picture's header states is measured before a decoder sees it, and a daemon decodes in a process of its own
(``isolate``): a picture that crashes or hangs the decoder ends there, as an error about that picture. Tools and tests
decode in their own process, as long as ``isolate`` was not called. WSQ is decoded by ``finger.wsq``, which is no C.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics import picture_size
from hotspotd.biometrics.decoder_child import decode_here
from hotspotd.biometrics.decoder_process import DecoderProcess
from hotspotd.biometrics.finger.picture_heads import head_of
from hotspotd.errors import BiometricError, Reason

MOST_PIXELS: Final = 24_000_000
"""Four fingers at 1000 px/inch are 3200 x 2000; no camera of a lane gives more than 24 megapixels."""
MOST_SIDE: Final = 8_000
MOST_BYTES: Final = 1 << 26
"""The largest print of 16 bits and four channels, uncompressed."""

_isolated: DecoderProcess | None = None


def isolate(process: DecoderProcess | None = None) -> DecoderProcess:
    """From now on decode in a process apart, which is started here and ends with ``rejoin``. Blocks.

    Raises BiometricError (NO_RUNTIME) where it cannot run.
    """
    global _isolated  # noqa: PLW0603  # One for the whole process, whoever decodes.
    rejoin()
    wanted = process or DecoderProcess()
    wanted.start()
    _isolated = wanted
    return wanted


def rejoin() -> None:
    """End the process apart, if there is one: pictures are decoded here again."""
    global _isolated  # noqa: PLW0603
    if _isolated is not None:
        _isolated.close()
    _isolated = None


def stated_size(data: bytes) -> tuple[int, int]:
    """Width and height of the picture's header. Raises BiometricError (BAD_IMAGE): damaged, of no known format."""
    if data.startswith((picture_size.PNG_SIGNATURE, picture_size.JPEG_START)):
        return picture_size.size_of(data)
    # JPEG 2000 with the bounds on tiles and components, TIFF, BMP, PGM; WSQ.
    head = head_of(data)
    return head.width, head.height


def refuse_large(data: bytes, most_pixels: int = MOST_PIXELS, most_side: int = MOST_SIDE) -> tuple[int, int]:
    """The stated size, where it is one that may be decoded. Raises BiometricError (BAD_IMAGE)."""
    if len(data) > MOST_BYTES:
        raise BiometricError(Reason.BAD_IMAGE, f"a picture file of {len(data)} bytes, at most {MOST_BYTES}")
    width, height = stated_size(data)
    if not (0 < width <= most_side and 0 < height <= most_side and width * height <= most_pixels):
        raise BiometricError(
            Reason.BAD_IMAGE, f"a picture of {width} x {height} pixels, at most {most_pixels}", "Send a smaller one."
        )
    return width, height


def decode(
    data: bytes, mode: int, *, most_pixels: int = MOST_PIXELS, most_side: int = MOST_SIDE
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The pixels as ``cv2.imdecode`` gives them for ``mode``: (height, width) or (height, width, channels), BGR.

    Raises BiometricError (BAD_IMAGE): too large, damaged, or one that the decoder crashed or hung over.
    """
    refuse_large(data, most_pixels, most_side)
    process = _isolated
    pixels = decode_here(data, mode) if process is None else process.decode(data, mode)
    if pixels is None:
        raise BiometricError(Reason.BAD_IMAGE, "a picture cannot be decoded", "Ask for it again, best as PNG.")
    return pixels
