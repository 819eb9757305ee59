"""The compiled scan of the face index, or none (``hotspotd.biometrics.compiled``)."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.compiled import ARM, SWITCH, Kernels

ABI: Final = 1
"""As HV_ABI in kernels/scan.h."""
BLOCK: Final = 64
"""As HV_BLOCK: lengths of rows are multiples of this."""

_LEVELS = ("baseline", "dotprod") if ARM else ("baseline", "avx2", "avx512")
_KERNELS: Final = Kernels(Path(__file__).parent, "hv", ABI, _LEVELS, "face")

library = _KERNELS.library
describe = _KERNELS.describe
available = _KERNELS.available
select = _KERNELS.select

__all__ = ["ABI", "BLOCK", "SWITCH", "available", "describe", "library", "read", "scan", "select"]


def scan(probe: NDArray[np.int8], rows: NDArray[np.int8]) -> NDArray[np.int32] | None:
    """The scalar product of ``probe`` (length,) with each of ``rows`` (n, length), exactly; None without the library.

    ``length`` is a multiple of BLOCK and at most 65536, both arrays are contiguous (ValueError).
    """
    loaded = library()
    if loaded is None:
        return None
    length = probe.size
    fits = rows.ndim == 2 and rows.shape[1] == length and 0 < length <= 65536 and length % BLOCK == 0
    if not fits or probe.dtype != np.int8 or rows.dtype != np.int8 or not (rows.flags.c_contiguous and probe.ndim == 1):
        raise ValueError(f"{rows.dtype} {rows.shape} cannot be scanned with {probe.dtype} {probe.shape}")
    probe = np.ascontiguousarray(probe)
    out = np.empty(len(rows), np.int32)
    loaded.hv_scan(
        ctypes.c_void_p(probe.ctypes.data),
        ctypes.c_void_p(rows.ctypes.data),
        ctypes.c_int64(length),
        ctypes.c_int64(len(rows)),
        ctypes.c_void_p(out.ctypes.data),
    )
    return out


def read(words: NDArray[np.uint64]) -> bool:
    """Read all of ``words`` (n,), contiguous, as fast as memory gives them; False without the library."""
    loaded = library()
    if loaded is None:
        return False
    loaded.hv_read(ctypes.c_void_p(words.ctypes.data), ctypes.c_int64(words.size))
    return True
