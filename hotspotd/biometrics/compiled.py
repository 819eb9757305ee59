"""A library of compiled kernels: found beside its package, loaded with ctypes, or not there.

Where it is missing, does not fit or is switched off (``HOTSPOTD_NATIVE=0``), callers take their numpy path, which
gives the same results more slowly. Calls into a library release the interpreter's lock.
"""

from __future__ import annotations

import ctypes
import logging
import os
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from platform import machine
from typing import Final

_LOG = logging.getLogger(__name__)

SWITCH: Final = "HOTSPOTD_NATIVE"
"""Environment variable: ``0`` = numpy; ``baseline``, ``avx2``, ``avx512`` = no more than that; else the best."""
ARM: Final = machine() in {"aarch64", "arm64"}


class Kernels:
    """The library ``_kernels`` in ``folder``, whose functions begin with ``prefix``.

    It exports ``abi``, the version of its interface, ``level`` and ``select``, which number its instruction sets in
    the order of ``levels``, slowest first. ``what`` names it in the log.
    """

    def __init__(self, folder: Path, prefix: str, abi: int, levels: tuple[str, ...], what: str) -> None:
        self._folder = folder
        self._prefix = prefix
        self._abi = abi
        self._levels = levels
        self._what = what
        self._looked = False
        self._loaded: ctypes.CDLL | None = None

    def library(self) -> ctypes.CDLL | None:
        """The loaded library, or None where numpy has to do."""
        if not self._looked:
            self._loaded = self._load()
            self._looked = True
        return self._loaded

    def _load(self) -> ctypes.CDLL | None:
        wanted = os.environ.get(SWITCH, "")
        if wanted == "0":
            return None
        paths = (self._folder / f"_kernels{suffix}" for suffix in EXTENSION_SUFFIXES)
        found = next((path for path in paths if path.is_file()), None)
        if found is None:
            _LOG.info("no compiled %s kernels: numpy is used, which is slower", self._what)
            return None
        try:
            loaded = ctypes.CDLL(str(found))
            abi = int(loaded[f"{self._prefix}_abi"]())
        except (OSError, AttributeError) as error:
            _LOG.warning("%s kernels cannot be used, numpy is used instead: %s", self._what, error)
            return None
        if abi != self._abi:
            _LOG.warning(
                "%s is of version %d, not %d: build it again; numpy is used instead", found.name, abi, self._abi
            )
            return None
        loaded[f"{self._prefix}_select"](self._levels.index(wanted) if wanted in self._levels else -1)
        return loaded

    def describe(self) -> str:
        """What does the work: the name of an instruction set (``neon`` for an ARM's baseline), or ``numpy``."""
        loaded = self.library()
        if loaded is None:
            return "numpy"
        level = self._levels[int(loaded[f"{self._prefix}_level"]())]
        return "neon" if level == "baseline" and ARM else level

    def available(self) -> list[str]:
        """The instruction sets that ``select`` can choose here, slowest first; empty without the library."""
        loaded = self.library()
        if loaded is None:
            return []
        before = int(loaded[f"{self._prefix}_level"]())
        best = int(loaded[f"{self._prefix}_select"](-1))
        loaded[f"{self._prefix}_select"](before)
        return list(self._levels[: best + 1])

    def select(self, level: str) -> str:
        """Use no more than ``level`` from now on, in all threads; what is then in use. For tests and measurements."""
        loaded = self.library()
        if loaded is not None:
            loaded[f"{self._prefix}_select"](self._levels.index(level))
        return self.describe()
