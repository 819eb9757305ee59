"""The compiled kernels: found beside this file, loaded with ctypes, or not there.

Where they are missing, do not fit or are switched off (``HOTSPOTD_NATIVE=0``), callers take their numpy path, which
gives the same results more slowly. Calls into the library release the interpreter's lock.
"""

from __future__ import annotations

import ctypes
import logging
import os
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from platform import machine
from typing import Final

_LOG = logging.getLogger(__name__)

ABI: Final = 2
"""As HF_ABI in kernels/dispatch.h."""
SWITCH: Final = "HOTSPOTD_NATIVE"
"""Environment variable: ``0`` = numpy; ``baseline``, ``avx2``, ``avx512`` = no more than that; else the best."""
_LEVELS: Final = ("baseline", "avx2", "avx512")


@cache
def library() -> ctypes.CDLL | None:
    """The loaded library, or None where numpy has to do."""
    wanted = os.environ.get(SWITCH, "")
    if wanted == "0":
        return None
    here = Path(__file__).parent
    found = next((path for suffix in EXTENSION_SUFFIXES if (path := here / f"_kernels{suffix}").is_file()), None)
    if found is None:
        _LOG.info("no compiled fingerprint kernels: numpy is used, which is slower")
        return None
    try:
        loaded = ctypes.CDLL(str(found))
        abi = int(loaded.hf_abi())
    except (OSError, AttributeError) as error:
        _LOG.warning("%s cannot be used, numpy is used instead: %s", found.name, error)
        return None
    if abi != ABI:
        _LOG.warning("%s is of version %d, not %d: build it again; numpy is used instead", found.name, abi, ABI)
        return None
    loaded.hf_select(_LEVELS.index(wanted) if wanted in _LEVELS else -1)
    return loaded


def describe() -> str:
    """What does the work: ``avx512``, ``avx2``, ``baseline``, ``neon`` or ``numpy``."""
    loaded = library()
    if loaded is None:
        return "numpy"
    level = _LEVELS[int(loaded.hf_level())]
    return "neon" if level == "baseline" and machine() in {"aarch64", "arm64"} else level


def available() -> list[str]:
    """The instruction sets that ``select`` can choose here, slowest first; empty without the library."""
    loaded = library()
    if loaded is None:
        return []
    before = int(loaded.hf_level())
    best = int(loaded.hf_select(-1))
    loaded.hf_select(before)
    return list(_LEVELS[: best + 1])


def select(level: str) -> str:
    """Use no more than ``level`` from now on, in all threads; what is then in use. For tests and measurements."""
    loaded = library()
    if loaded is not None:
        loaded.hf_select(_LEVELS.index(level))
    return describe()
