"""Pictures as the repository keeps them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

_ROOMS = {
    "The traveller": ("traveller", "wide"),
    "The officer": ("guard",),
    "The technician": ("technician", "set-up"),
    "Signing in, people, audit": ("index", "sign-in", "key", "people", "audit"),
}
_HEAD = """# The screens, every page in every state

Made by `./scripts/screens` of a running kiosk in Chromium. People, prints and names are drawn and invented.
"""


def gallery(names: Sequence[str]) -> str:
    """A page of Markdown that shows the pictures ``names``, which lie beside it."""
    parts = [_HEAD]
    shown = 0
    for room, starts in _ROOMS.items():
        own = [name for name in names if name.startswith(starts)]
        shown += len(own)
        parts.append(f"## {room}\n")
        for first in range(0, len(own), 2):
            pair = own[first : first + 2]
            parts.append("| " + " | ".join(name.replace("-", " ") for name in pair) + " |")
            parts.append("|---" * len(pair) + "|")
            parts.append("| " + " | ".join(f"![{name.replace('-', ' ')}]({name}.png)" for name in pair) + " |\n")
    if shown != len(names):
        raise ValueError("a picture belongs to no room of the gallery")
    return "\n".join(parts)


def shrink(path: Path, longest: int = 1280, colours: int = 160) -> None:
    """Make the picture small enough for a repository: at most ``longest`` wide or high, with a palette."""
    image = cv2.imread(str(path))
    if image is None:
        raise FileNotFoundError(path)
    scale = longest / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    pixels = np.asarray(image.reshape(-1, 3)[:, ::-1], np.uint8)
    # Each colour counts once, however large its area: the few of a face are not lost beside the ground's.
    coarse = np.unique(pixels >> 2, axis=0).astype(np.float32) * 4 + 2
    cv2.setRNGSeed(1)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 12, 1.0)
    labels = np.zeros((len(coarse), 1), np.int32)
    means = cv2.kmeans(coarse, min(colours, len(coarse)), labels, stop, 1, cv2.KMEANS_PP_CENTERS)[2]
    palette = np.vstack([_commonest(pixels, 64), np.round(means).astype(np.uint8)])
    exact = np.unique(pixels, axis=0, return_inverse=True)
    nearest = np.array([np.argmin(np.abs(palette.astype(int) - colour).sum(1)) for colour in exact[0]], np.uint8)
    indices = nearest[exact[1].reshape(-1)].reshape(image.shape[:2])
    path.write_bytes(_palette_png(indices, palette))


def _commonest(pixels: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    found, counts = np.unique(pixels, axis=0, return_counts=True)
    return np.asarray(found[np.argsort(-counts)[:number]], np.uint8)


def _palette_png(indices: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """A PNG of colour type 3 (W3C PNG, 11.2): OpenCV writes none with a palette."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = indices.shape
    rows = b"".join(b"\0" + row.tobytes() for row in indices)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
        + chunk(b"PLTE", palette.tobytes())
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )
