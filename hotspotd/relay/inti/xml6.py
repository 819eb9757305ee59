"""The INT-I v6.00.01 XML encoding: bytes to a Transaction and back. Pure, no I/O.

Promises: whatever the bytes are, ``decode`` gives a Transaction or raises RelayError (BAD_TRANSACTION or
TOO_LARGE) and nothing else; ``decode(encode(t)) == t`` for every transaction that ``encode`` accepts.
Doesn't: check the rules of a type of transaction (which fields it must have); keep what ``Transaction`` has
no place for (docs/relay.md has the list).
"""

from __future__ import annotations

from hotspotd.relay.inti.reader import MAX_BYTES, decode
from hotspotd.relay.inti.writer import encode

__all__ = ["MAX_BYTES", "decode", "encode"]
