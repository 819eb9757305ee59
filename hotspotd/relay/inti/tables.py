"""Code tables of INT-I v6, as far as they are public. Field numbers are in ``fields.py``.

Sources: INT-I v6.00.01 and ANSI/NIST-ITL 1-2011 Update 2015 (tables 6 to 9, 15, 63 and annex F). Where a table was not
to be had, there is none here, and the field is not checked against one (docs/inti.md says which).
"""

from __future__ import annotations

RESULT = frozenset("IN")
DETERMINATION = frozenset(("AC", "UC", "QS", "CO", "SL"))
CIVIL = frozenset(("AMN", "CIT", "DEC", "IMM", "IU", "OTH", "VIS"))
SEX = frozenset("MFU")
BOOLEAN = frozenset(("true", "false", "1", "0"))
SCALE = frozenset("012")

ERRORS = {
    "001": "NOT FOUND",
    "002": "EXISTS ALREADY",
    "003": "UNAUTHORISED",
    "101": "MANDATORY FIELD MISSING",
    "102": "INVALID RECORD TYPE",
    "103": "UNDEFINED ELEMENT",
    "104": "MAXIMUM OCCURRENCE EXCEEDED",
    "105": "INVALID SUBELEMENTS",
    "106": "TOO SHORT",
    "107": "TOO LONG",
    "108": "NOT A NUMBER",
    "109": "NUMBER TOO SMALL",
    "110": "NUMBER TOO BIG",
    "111": "INVALID CHARACTER",
    "112": "INVALID DATE",
    "113": "INVALID TIME",
    "114": "INVALID DATE OR TIME",
    "115": "INVALID ITEM VALUE",
    "116": "INVALID TYPE OF TRANSACTION",
    "117": "INVALID RECORD DATA",
    "118": "INVALID IMAGE SIZE",
    "201": "INVALID TRANSACTION CONTROL NUMBER",
    "501": "INSUFFICIENT FINGERPRINT QUALITY",
    "502": "MISSING FINGERPRINTS",
    "503": "SEQUENCE CHECK FAILED",
    "999": "OTHER ERROR",
}
"""Codes of 2.074 ERM and what each stands for."""

COMPRESSION = frozenset(("NONE", "WSQ20", "JPEGB", "JPEGL", "JP2", "JP2L", "PNG"))
COMPRESSION_CODES = ("NONE", "WSQ20", "JPEGB", "JPEGL", "JP2", "JP2L", "PNG")
"""GCA of Type-4: the place in here."""

FINGERS = frozenset(map(str, (*range(18), *range(40, 51))))
"""FGP: single fingers (0 to 10), plain thumbs and fours (11 to 15), extra digits (16, 17), twos and threes (40 on)."""
LATENT_POSITIONS = frozenset(map(str, (*range(39), *range(40, 51), *range(81, 87))))
"""FGP of a latent print (13.013): fingers, palms and joints."""
PALMS = frozenset(map(str, (*range(20, 39), *range(81, 87))))
IMPRESSIONS = frozenset(map(str, (*range(9), *range(10, 16), *range(20, 30), *range(32, 43))))
"""IMP: ANSI/NIST-ITL 1-2011 Update 2015, table 7."""
MISSING = frozenset(("XX", "UP", "SR"))
PROFILES = frozenset(("10", "20", "30", "40", "45", "50", "60"))
"""14.031 FAP."""
FACE_PROFILES = frozenset(
    ("0", "1", "10", "11", "12", "13", "14", "15", "20", "30", "32", "40", "42", "50", "51", "52")
)
"""10.013 SAP."""
POSES = frozenset("FRLAD")
COLOURS = frozenset(("UNK", "GRAY", "RGB", "SRGB", "YCC", "SYCC"))
MONITORING = frozenset(("CONTROLLED", "ASSISTED", "OBSERVED", "UNATTENDED", "UNKNOWN"))
