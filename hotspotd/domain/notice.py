"""Notices and diffusions: colour, purpose and what the officer is told to do.

Source: INTERPOL's public descriptions of its notices. No wording here is coercive before confirmation.
"""

from __future__ import annotations

from enum import StrEnum


class Notice(StrEnum):
    """Colour of a notice, or the kind of list a record without a colour is on."""

    RED = "red"
    YELLOW = "yellow"
    BLUE = "blue"
    BLACK = "black"
    GREEN = "green"
    ORANGE = "orange"
    PURPLE = "purple"
    SILVER = "silver"
    UN_SPECIAL = "un_special"
    SLTD = "sltd"
    NATIONAL = "national"

    @property
    def heading(self) -> str:
        """What the officer's chip says."""
        return _HEADINGS[self]

    @property
    def purpose(self) -> str:
        """What such a notice is published for."""
        return _PURPOSES[self]

    @property
    def instruction(self) -> str:
        """What the officer is told to do."""
        return _INSTRUCTIONS[self]

    @property
    def urgency(self) -> int:
        """1 (most urgent) to 4; alerts are listed by it."""
        return _URGENCY[self]


_HEADINGS = {
    Notice.RED: "Red notice",
    Notice.YELLOW: "Yellow notice",
    Notice.BLUE: "Blue notice",
    Notice.BLACK: "Black notice",
    Notice.GREEN: "Green notice",
    Notice.ORANGE: "Orange notice",
    Notice.PURPLE: "Purple notice",
    Notice.SILVER: "Silver notice",
    Notice.UN_SPECIAL: "UN special notice",
    Notice.SLTD: "Stolen or lost document",
    Notice.NATIONAL: "National record",
}

_PURPOSES = {
    Notice.RED: "To locate and provisionally arrest, pending extradition",
    Notice.YELLOW: "To find a missing person, or to learn who somebody is",
    Notice.BLUE: "To learn identity, location and activities",
    Notice.BLACK: "To identify the dead",
    Notice.GREEN: "To warn about criminal activity",
    Notice.ORANGE: "To warn of an imminent threat",
    Notice.PURPLE: "To inform about a way of working",
    Notice.SILVER: "To find and trace criminal assets",
    Notice.UN_SPECIAL: "To make sanctions of the Security Council known",
    Notice.SLTD: "To stop the use of a document",
    Notice.NATIONAL: "As the owning bureau asks",
}

_INSTRUCTIONS = {
    Notice.RED: "Second line, contact NCB. The notice is not itself a warrant: arrest only under national law.",
    Notice.YELLOW: "Safeguard the person. Tell NCB.",
    Notice.BLUE: "Record discreetly. Do not detain on this alone.",
    Notice.BLACK: "Biometric match only. Refer.",
    Notice.GREEN: "Heightened check. Inform NCB.",
    Notice.ORANGE: "Safety first. Isolate.",
    Notice.PURPLE: "For information only.",
    Notice.SILVER: "Report. No coercion.",
    Notice.UN_SPECIAL: "Apply the sanction, such as a travel ban.",
    Notice.SLTD: "Keep the document. Establish identity. Contact NCB.",
    Notice.NATIONAL: "Second line. Contact the owning bureau.",
}

LEAST_URGENT = 4
_URGENCY = {
    Notice.ORANGE: 1,
    Notice.RED: 1,
    Notice.UN_SPECIAL: 1,
    Notice.YELLOW: 2,
    Notice.SLTD: 2,
    Notice.NATIONAL: 2,
    Notice.GREEN: 3,
    Notice.BLUE: 3,
    Notice.BLACK: 3,
    Notice.SILVER: 4,
    Notice.PURPLE: 4,
}
