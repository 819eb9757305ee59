"""Which pictures of a set are compared: the protocols of the Fingerprint Verification Competitions.

Genuine: every two impressions of one finger, once (280 in a set of 10 fingers x 8 impressions). Impostor, "fvc": the
first impressions of every two fingers (45). Impostor, "all": every two impressions of different fingers (2880).
(Maio, Maltoni, Cappelli, Wayman, Jain: FVC2000, IEEE PAMI 24(3), 2002.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Pairs:
    """Every two pictures of a set, once: places ``first`` < ``second``, ordered by ``first``; all (n·(n-1)/2,).

    ``genuine``: both of one finger; ``fvc``: the first impressions of two fingers. ``finger`` (n,) numbers the fingers.
    """

    first: Index
    second: Index
    genuine: Mask
    fvc: Mask
    finger: Index

    def __len__(self) -> int:
        return len(self.first)

    @property
    def impostor(self) -> Mask:
        """Both of different fingers: the impostors of "all"."""
        return ~self.genuine


def pairs_of(fingers: Sequence[str]) -> Pairs:
    """The pairs of a set whose pictures, in order, are of these ``fingers``."""
    order = {name: number for number, name in enumerate(dict.fromkeys(fingers))}
    finger = np.array([order[name] for name in fingers], dtype=np.intp)
    leads = np.zeros(len(finger), dtype=bool)
    leads[np.unique(finger, return_index=True)[1]] = True
    first, second = np.triu_indices(len(finger), 1)
    return Pairs(first, second, finger[first] == finger[second], leads[first] & leads[second], finger)
