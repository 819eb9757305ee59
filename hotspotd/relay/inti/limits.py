"""What a transaction may hold at most, in both encodings; beyond it is refused before it costs memory or time."""

from __future__ import annotations

# A face and four slap images at 1000 px/inch, JP2, make 3 MB; ten rolled prints and a face stay below this.
MAX_BYTES = 16 * 1024 * 1024
MAX_RECORDS = 64
MAX_FIELDS = 1_000
"""Of a record; the numbers of a type go to 999."""
MAX_ITEMS = 20_000
"""Of a field: ten fingers of 255 minutiae with six items each make 15 300."""
MAX_ALL_ITEMS = 200_000
"""Of a traditional file."""
MAX_TAGS = 200_000
"""Of an XML document, opening and closing: each costs 100 to 200 bytes in the parser."""
MAX_QUOTES = 10_000
"""Quotation marks of an XML document: two an attribute, and canonical form takes the square of their number."""
MAX_FOREIGN = 5_000
"""Elements of one record that have no field number; a record with every field of the standard has fewer than 50."""
MAX_FAULTS = 50
"""Told of a transaction; who sees them all mends none."""
