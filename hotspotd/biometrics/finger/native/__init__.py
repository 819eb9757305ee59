"""The compiled kernels of the fingerprint engine, or none (``hotspotd.biometrics.compiled``)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hotspotd.biometrics.compiled import SWITCH, Kernels

ABI: Final = 2
"""As HF_ABI in kernels/dispatch.h."""

_KERNELS: Final = Kernels(Path(__file__).parent, "hf", ABI, ("baseline", "avx2", "avx512"), "fingerprint")

library = _KERNELS.library
describe = _KERNELS.describe
available = _KERNELS.available
select = _KERNELS.select

__all__ = ["ABI", "SWITCH", "available", "describe", "library", "select"]
