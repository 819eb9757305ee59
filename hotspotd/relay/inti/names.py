"""Namespaces of INT-I v6 XML, and their prefixes as INTERPOL's samples write them."""

from __future__ import annotations

INTI = "http://interpol.gov/int-i/1.0"
ITL = "http://biometrics.nist.gov/standard/2011"
BIOM = "http://niem.gov/niem/biometrics/1.0"
NC = "http://niem.gov/niem/niem-core/2.0"
# Our own, inside int-i:CustomDefinedDescriptiveDetail, which INT-I leaves to the parties.
CUSTOM = "urn:hotspotd:inti:1"

PREFIXES = {"int-i": INTI, "itl": ITL, "biom": BIOM, "nc": NC}
SPACES = {**PREFIXES, "custom": CUSTOM}
KNOWN = frozenset(SPACES.values())
