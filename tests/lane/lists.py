"""A small list for the lane's tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics import finger
from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import Notice
from hotspotd.watchlist import EnrolledFinger, Entry, ListedDocument


def people_list(print_: NDArray[np.uint8]) -> tuple[list[Entry], str]:
    """A person known by a right index finger, and a stolen document; with the engine that made the template."""
    template = finger.extract(print_, 500).encode()
    person = ListRecord(reference="2026/1", notice=Notice.RED, owner="XPO", surname="KRAL")
    document = ListRecord(reference="SLTD/1", notice=Notice.SLTD, owner="UTO")
    return [
        Entry(person, fingers=(EnrolledFinger(FingerPosition.RIGHT_INDEX, template),)),
        Entry(document, documents=(ListedDocument("STOLEN1", "UTO"),)),
    ], finger.ENGINE
