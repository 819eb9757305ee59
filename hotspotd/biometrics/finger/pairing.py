"""Which minutiae of two prints belong together, for a person to look at: what a comparison found, drawn.

The alignment is the comparison's own (``comparison``), in numpy whether or not there are compiled kernels: it is done
once for a pair of pictures that somebody looks at, in some milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.finger import portable
from hotspotd.biometrics.finger.cylinders import Print, parts_of, prepared
from hotspotd.biometrics.finger.template import FingerTemplate

_UNIT = 2 * np.pi / 256
_MOST_APART = 12.0
"""[px] Pairs further apart weigh next to nothing in the score, and are by chance as often as not."""


@dataclass(frozen=True, eq=False)
class Paired:
    """The paired minutiae of a probe and a reference, the closest pair first; all arrays have one length, n.

    probe, reference float32 (n, 3): x, y [px at 500 dpi, from the top left of the picture], angle [rad, 0..2π), as in
    ``FingerTemplate``. gap float32 (n,): how far a pair lies apart once the prints are laid on each other [px].
    """

    probe: NDArray[np.float32]
    reference: NDArray[np.float32]
    gap: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.gap)


def paired(probe: FingerTemplate, reference: FingerTemplate) -> Paired:
    """The minutiae that the comparison of two templates pairs closely; none where one cannot be laid on the other.

    A few pairs are found by chance in prints of different fingers too: how many there are proves nothing without the
    false match rate of the score (``calibration``).
    """
    a, b = parts_of(prepared(probe)), parts_of(prepared(reference))
    laid = portable.laid_on(a, b)
    if laid is None:
        none = np.zeros((0, 3), dtype=np.float32)
        return Paired(none, none, np.zeros(0, dtype=np.float32))
    order = np.argsort(laid.gap, kind="stable")
    order = order[laid.gap[order] <= _MOST_APART]
    return Paired(_places(a, laid.row[order]), _places(b, laid.column[order]), laid.gap[order])


def _places(side: Print, index: NDArray[np.intp]) -> NDArray[np.float32]:
    angle = side.direction[index].astype(np.float32) * np.float32(_UNIT)
    return np.stack([side.x[index], side.y[index], angle], axis=1)
