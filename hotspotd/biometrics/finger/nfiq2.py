"""NIST's quality score of a print (ISO/IEC 29794-4:2024), where its ``nfiq2`` tool is installed; nothing without it.

The tool is asked as its manual page says (nfiq2(1), version 2.3: https://github.com/usnistgov/NFIQ2): ``nfiq2 -F -i
FILE`` prints the score of a single picture on one line, 0 (worst) to 100, or why there is none; 255 or ``NA`` is none.
``-F``: it asks nobody anything and takes a picture that states no resolution for one of 500 dpi, as ours is.

The value is recorded beside our own quality and decides nothing. A tool that is broken says so in the log once, and
costs a capture at most MOST_HANGS times the time it is given. The picture is handed over in memory where the
machine has /dev/shm, else in a temporary file; it is gone when the call returns.
"""

from __future__ import annotations

import csv
import logging
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 5.0
"""The tool takes some tenths of a second on a PC, and loads its model anew each time."""
MOST_HANGS: Final = 3
"""After so many calls in a row without an answer the tool is left alone until the daemon starts again."""
_MOST_OUTPUT: Final = 4096
_IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - Only the place; each call has a folder of its own, mode 700.
_BEST: Final = 100
_NO_SCORE: Final = ("255", "NA")


class Nfiq2:
    """The tool at ``program``. ``score`` may be called from any thread, but blocks: not for the event loop."""

    def __init__(self, program: Path, timeout_s: float = TIMEOUT_S) -> None:
        self.program = program
        self._timeout_s = timeout_s
        self._hangs = 0
        self._complained = False

    @classmethod
    def installed(cls) -> Nfiq2 | None:
        """The tool that is in PATH now, or ``None``. Looked for once: keep what this gives."""
        found = shutil.which("nfiq2")
        return None if found is None else cls(Path(found))

    def score(self, pixels: NDArray[np.uint8], dpi: int) -> int | None:
        """The score 0..100 of a grey picture (h, w) of ``dpi``; ``None`` where the tool gives none."""
        if self._hangs >= MOST_HANGS:
            return None
        try:
            said = self._ask(_at_500_dpi(pixels, dpi))
            self._hangs = 0
            value = _read(said)
        except TimeoutError:
            self._hangs += 1
            left = ", and is not asked again" if self._hangs == MOST_HANGS else ""
            self._complain(f"gave no answer in {self._timeout_s:g} s{left}", again=bool(left))
            return None
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self._complain(str(error))
            return None
        if self._complained:
            log.info("%s works again", self.program)
            self._complained = False
        return value

    def _complain(self, what: str, *, again: bool = False) -> None:
        log.log(logging.DEBUG if self._complained and not again else logging.WARNING, "%s: %s", self.program, what)
        self._complained = True

    def _ask(self, pixels: NDArray[np.uint8]) -> str:
        encoded, png = cv2.imencode(".png", pixels)
        if not encoded:
            raise ValueError("the picture cannot be written as PNG")
        place = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None
        with tempfile.TemporaryDirectory(prefix="hotspotd-nfiq2-", dir=place) as folder:
            picture = Path(folder) / "print.png"
            picture.write_bytes(png.tobytes())
            with subprocess.Popen(  # noqa: S603 - The tool found in PATH, with a name of our own.
                [self.program, "-F", "-i", picture],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                start_new_session=True,
            ) as process:
                try:
                    return _output(process, time.monotonic() + self._timeout_s)
                finally:
                    _end(process)


def _output(process: subprocess.Popen[bytes], deadline: float) -> str:
    """What the tool prints until it ends well. Raises TimeoutError; ValueError for too much or another exit status."""
    said = b""
    stdout = cast("IO[bytes]", process.stdout)
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            more = os.read(stdout.fileno(), _MOST_OUTPUT)
            if not more:
                break
            said += more
            if len(said) > _MOST_OUTPUT:
                raise ValueError("printed more than a score")
    try:
        status = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise TimeoutError from error
    if status != 0:
        raise ValueError(f"ended with status {status}")
    return said.decode("ascii", "replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and whatever it started."""
    # Not poll(): while nobody has waited for it, its number cannot be another's, even when it has ended.
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)


def _read(said: str) -> int | None:
    """The score in the tool's output: a number alone, or a row of CSV under its header. Raises ValueError else."""
    rows = [row for row in csv.reader(said.splitlines()) if row]
    text = None
    if len(rows) == 1 and len(rows[0]) == 1:
        text = rows[0][0]
    elif len(rows) == 2 and "QualityScore" in rows[0] and len(rows[0]) == len(rows[1]):
        text = rows[1][rows[0].index("QualityScore")]
    if text is None or not (text.strip().isdecimal() or text.strip() == "NA"):
        raise ValueError(f"printed no score: {said.strip()[:80]!r}")
    if text.strip() in _NO_SCORE:
        return None
    if int(text) > _BEST:
        raise ValueError(f"printed a score of {int(text)}")
    return int(text)


def _at_500_dpi(pixels: NDArray[np.uint8], dpi: int) -> NDArray[np.uint8]:
    if dpi == 500:
        return pixels
    way = cv2.INTER_AREA if dpi > 500 else cv2.INTER_CUBIC
    scaled = cv2.resize(pixels, None, fx=500 / dpi, fy=500 / dpi, interpolation=way)
    return np.asarray(scaled, dtype=np.uint8)
