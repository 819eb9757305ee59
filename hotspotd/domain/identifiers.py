"""Identifiers made on the device: unique without asking anybody, sortable by time where the clock is right."""

from __future__ import annotations

import secrets
from datetime import datetime

# Crockford's base 32: no I, L, O, U, so that an identifier can be read out over the phone.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def _base32(value: int, length: int) -> str:
    return "".join(_ALPHABET[(value >> (5 * place)) & 31] for place in reversed(range(length)))


def new_encounter_id(at: datetime) -> str:
    """26 characters: 48 bits of milliseconds since 1970 and 80 random bits, as a ULID has them."""
    return _base32(int(at.timestamp() * 1000) & (1 << 48) - 1, 10) + _base32(secrets.randbits(80), 16)


def tcn_of(country: str, encounter_id: str) -> str:
    """Transaction control number (1.009) of an encounter's check: at most 40 letters and digits, never reused."""
    return f"{country}{encounter_id}"


def second_tcn(tcn: str) -> str:
    """The number under which the check ``tcn`` is sent a second time, with the fingers taken again."""
    return f"{tcn}-2"


def new_tcn(country: str, at: datetime) -> str:
    """The number of a message that is no check: of the same make, so that it is never that of a check."""
    return tcn_of(country, new_encounter_id(at))
