"""Picture files of prints to grey pixels and their resolution; the one way in for files that others made.

Recognised by content: WSQ (``wsq``, our own decoder), PNG, JPEG, JPEG 2000, BMP, TIFF and binary PGM (OpenCV).
Measured by the head before anything is decoded (``picture_heads``). 16 bits become 8, colour becomes grey
(ITU-R BT.601), what is transparent becomes white like the paper of a card, palettes are resolved.

Pictures that are white on black are left as they are: whether a print is inverted cannot be told safely (a wet print
is mostly black), and in the inverse every ending is a bifurcation in the same place that points the same way, so that
it still compares, with a lower score. Files that say themselves that zero is white (TIFF) are turned round.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics import decoding
from hotspotd.biometrics.finger import wsq
from hotspotd.biometrics.finger.picture_heads import Head, PictureFormat, damaged, head_of
from hotspotd.errors import BiometricError, Reason

MOST_PIXELS = 8_000_000
"""Four fingers at 1000 px/inch, 3200 x 2000, are below; a decoder takes up to eight bytes a pixel."""
MOST_SIDE = 8_000
MOST_BYTES = 1 << 26
"""The largest picture of 16 bits and four channels, uncompressed."""
ASSUMED_DPI = 500
"""ISO/IEC 19794-4, levels 30 and 31, and nearly every scanner."""

_PLAUSIBLE_DPI = (200, 2000)
"""What lies below is what programs write that know nothing: 72, 96."""
_SQUARE = 0.02
"""Resolutions across and down that differ by more are not one resolution."""
_WSQ_OVERHEAD = 1 << 16


@dataclass(frozen=True)
class Picture:
    """``pixels`` (height, width) uint8 grey; ``dpi``; ``assumed``: 500 was taken, neither caller nor file said."""

    pixels: NDArray[np.uint8]
    dpi: int
    assumed: bool


def read_picture(source: bytes | Path, dpi: int | None = None) -> Picture:
    """The picture in ``source``, the bytes of a file or where one is.

    ``dpi`` given wins over the file's own (PNG pHYs, JFIF, JPEG 2000 resolution box, BMP, TIFF, NISTCOM in WSQ). A
    file's own is taken from 200 to 2000 and if it is the same across and down to 2 %. Otherwise 500 is assumed.

    Raises BiometricError(BAD_IMAGE): unreadable, empty, of no known format, damaged, or over MOST_PIXELS or MOST_BYTES.
    OpenCV writes a line to standard error for a damaged file.
    """
    data = _bytes_of(source) if isinstance(source, Path) else source
    if len(data) > MOST_BYTES:
        raise _bad(f"{len(data)} bytes, {MOST_BYTES} can be read", "Send one finger a file.")
    head = head_of(data)
    _check_size(head.width, head.height)
    own = _own_dpi(head)
    pixels = _decode_wsq(data, head) if head.format is PictureFormat.WSQ else _decode(data, head)
    return Picture(pixels, dpi or own or ASSUMED_DPI, assumed=not (dpi or own))


def read_raw(data: bytes, width: int, height: int, dpi: int = ASSUMED_DPI) -> Picture:
    """Headless grey pixels, one byte each, row by row from the top. Raises BiometricError(BAD_IMAGE)."""
    _check_size(width, height)
    if len(data) != width * height:
        raise _bad(f"{len(data)} raw bytes for {width} x {height} pixels", "Check the width and the height.")
    return Picture(np.frombuffer(data, dtype=np.uint8).reshape(height, width).copy(), dpi, assumed=False)


def _bad(why: str, advice: str) -> BiometricError:
    return BiometricError(Reason.BAD_IMAGE, f"picture of a print: {why}", advice)


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # One byte over the limit is enough to refuse it.
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _bad(f"{path.name} cannot be read: {error.strerror}", "Check the path and its permissions.") from error


def _check_size(width: int, height: int) -> None:
    if width <= 0 or height <= 0:
        raise _bad(f"{width} x {height} pixels", "Ask for the picture again.")
    if max(width, height) > MOST_SIDE or width * height > MOST_PIXELS:
        raise _bad(f"{width} x {height} pixels, {MOST_PIXELS} can be read", "Send one finger a file.")


def _own_dpi(head: Head) -> int | None:
    if head.dpi is None:
        return None
    across, down = head.dpi
    low, high = _PLAUSIBLE_DPI
    # Written so that what is not a number is no resolution either.
    if not (low <= across <= high and abs(across - down) <= _SQUARE * across):
        return None
    return round(across)


def _decode_wsq(data: bytes, head: Head) -> NDArray[np.uint8]:
    if len(data) > head.width * head.height + _WSQ_OVERHEAD:
        raise damaged(head.format, "longer than the pixels themselves")
    return wsq.decode(data)


def _decode(data: bytes, head: Head) -> NDArray[np.uint8]:
    try:
        image = decoding.decode(data, cv2.IMREAD_UNCHANGED, most_pixels=MOST_PIXELS)
    except BiometricError as error:
        raise damaged(head.format, f"the decoder refuses it: {error.what}") from error
    if image.shape[:2] != (head.height, head.width):
        raise damaged(head.format, "another size than its head says")
    grey = _grey(_eight_bits(image, head))
    return np.ascontiguousarray(grey)


def _eight_bits(image: NDArray[np.generic], head: Head) -> NDArray[np.uint8]:
    if image.dtype not in (np.uint8, np.uint16):
        raise damaged(head.format, f"pixels of type {image.dtype}")
    peak = head.peak or (255 if image.dtype == np.uint8 else 65535)
    if image.dtype == np.uint16 or peak < 255:
        image = np.minimum((image.astype(np.uint32) * 255 + peak // 2) // peak, 255).astype(np.uint8)
    eight = image.astype(np.uint8, copy=False)
    return 255 - eight if head.white_is_zero else eight


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One channel of BGR, and over white of BGR with alpha."""
    if image.ndim == 2:
        return image
    if image.shape[2] == 1:
        return image[:, :, 0]
    grey = np.asarray(cv2.cvtColor(image[:, :, :3].copy(), cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    if image.shape[2] == 3:
        return grey
    cover = image[:, :, 3].astype(np.uint32)
    return ((grey * cover + 255 * (255 - cover) + 127) // 255).astype(np.uint8)
