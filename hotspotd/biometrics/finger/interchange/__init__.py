"""Minutiae in the formats that other systems read: ISO/IEC 19794-2:2005 and INCITS 378. Pure codecs, no I/O.

``read`` takes a record of any of the known formats and gives its views; ``write_iso`` and ``write_incits`` make
records; ``read_card`` and ``write_card`` are for the bare minutiae of the two card formats.

Directions: both standards measure counter-clockwise from the horizontal axis to the right, and both point an ending
along the ridge that ends and a bifurcation along the valley between its branches (ISO/IEC 19794-2:2005, clause 6,
minutia direction; INCITS 378-2004, clause 5; NIST's mindtct calls it "up the ridge ending or bifurcation valley").
That is the direction of ``FingerTemplate``, whose angle runs the other way round because its y axis points down: the
angle changes sign and nothing else. Places of endings: the record formats put an ending on the fork of the valley
in front of it, half a ridge distance beyond the ridge's own end. Records are neither moved on reading nor on
writing: the shift is the same for all endings of a print and within what a comparison allows.
"""

from hotspotd.biometrics.finger.interchange.card import CardFormat, read_card, write_card
from hotspotd.biometrics.finger.interchange.records import read, write_incits, write_iso
from hotspotd.biometrics.finger.interchange.views import FingerPosition, Impression, View

__all__ = [
    "CardFormat",
    "FingerPosition",
    "Impression",
    "View",
    "read",
    "read_card",
    "write_card",
    "write_incits",
    "write_iso",
]
