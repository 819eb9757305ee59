"""The 37 characters of a machine readable zone (ICAO 9303-3, 4.3), and how the layouts arrange them."""

from __future__ import annotations

from hotspotd.domain.document import DocumentFormat

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
"""Characters in the order of the network's numbers; the first 36 stand at their value for check digits."""
NUMBER_OF = {character: number for number, character in enumerate(ALPHABET)}

LAYOUTS: dict[DocumentFormat, tuple[int, int]] = {
    DocumentFormat.TD1: (3, 30),
    DocumentFormat.TD2: (2, 36),
    DocumentFormat.TD3: (2, 44),
    DocumentFormat.MRVA: (2, 44),
    DocumentFormat.MRVB: (2, 36),
}
"""Lines and characters a line of each layout."""
LENGTHS = (30, 36, 44)
