"""The process apart: a picture comes by standard input, its pixels go by standard output, until the input ends.

Request: length of the file and OpenCV's mode (``REQUEST``), then the file. Answer: height, width, channels (0 for a
grey one without that axis) and bytes a number (``ANSWER``; all 0 where it cannot be decoded), then the numbers.
"""

from __future__ import annotations

import os
import resource
import struct
import sys
from typing import BinaryIO, Final

import cv2
import numpy as np
from numpy.typing import NDArray

REQUEST: Final = struct.Struct("<Ii")
ANSWER: Final = struct.Struct("<IIIB")
# 24 megapixels in four channels of 16 bits are 192 MB; a decoder takes a few times that, and what it maps besides.
_MOST_MEMORY: Final = 3 << 30


def decode_here(data: bytes, mode: int) -> NDArray[np.uint8] | NDArray[np.uint16] | None:
    """Decode in this process, without looking at the size; None where it cannot be."""
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error:
        return None
    # OpenCV's stubs leave the None of a damaged picture out.
    pixels: NDArray[np.generic] | None = decoded
    if pixels is None:
        return None
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    return pixels.astype(np.uint16, copy=False) if pixels.dtype == np.uint16 else None


def main() -> int:
    """Serve until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cv2.setNumThreads(1)
    # The answers' own way; whatever a library prints goes where errors go.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while serve(sys.stdin.buffer, answers):
        pass
    return 0


def serve(requests: BinaryIO, answers: BinaryIO) -> bool:
    """Answer one request; False at the end of them."""
    head = requests.read(REQUEST.size)
    if len(head) < REQUEST.size:
        return False
    length, mode = REQUEST.unpack(head)
    pixels = decode_here(requests.read(length), mode)
    if pixels is None:
        answers.write(ANSWER.pack(0, 0, 0, 0))
    else:
        height, width = pixels.shape[:2]
        channels = pixels.shape[2] if pixels.ndim == 3 else 0
        answers.write(ANSWER.pack(height, width, channels, pixels.itemsize))
        answers.write(np.ascontiguousarray(pixels).tobytes())
    answers.flush()
    return True


if __name__ == "__main__":
    sys.exit(main())
