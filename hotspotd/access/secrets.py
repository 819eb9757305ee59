"""PINs and passwords: which are good enough, and how they are kept (argon2id, RFC 9106).

Hashing takes tens of milliseconds and 64 MiB on purpose: call it in a worker thread.
"""

from __future__ import annotations

import re
import secrets
from itertools import pairwise
from typing import Final

import argon2

from hotspotd.errors import AccessError, Reason

PIN_DIGITS: Final = 6
PASSWORD_LETTERS: Final = 10
_LONGEST: Final = 128
BADGE: Final = re.compile(r"^[A-Za-z0-9-]{1,20}$")

# RFC 9106, section 4: the second recommended option, for machines with little memory.
_HASHER: Final = argon2.PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)


def check_badge(badge: str) -> None:
    """Raises AccessError (BAD_VALUE) for what is no badge number: letters, digits and hyphens, at most 20."""
    if not BADGE.match(badge):
        raise AccessError(
            Reason.BAD_VALUE, "not a badge number", "Use letters, digits and hyphens, at most 20 of them."
        )


def check_secret(badge: str, secret: str) -> None:
    """Raises AccessError (BAD_VALUE) for a secret that is easily guessed, and says what is asked for."""
    if len(secret) > _LONGEST:
        raise AccessError(Reason.BAD_VALUE, "the secret is too long", f"Use at most {_LONGEST} letters.")
    if secret.isdecimal():
        steps = {(int(b) - int(a)) % 10 for a, b in pairwise(secret)}
        if len(secret) < PIN_DIGITS or steps in ({0}, {1}, {9}) or len(set(secret)) < 3 or secret in badge:
            raise AccessError(
                Reason.BAD_VALUE,
                "the PIN is easily guessed",
                f"Use {PIN_DIGITS} digits or more: no row such as 123456, three different digits at least,"
                " nothing of the badge number.",
            )
    elif len(secret) < PASSWORD_LETTERS or len(set(secret)) < 5 or badge.lower() == secret.lower():
        raise AccessError(
            Reason.BAD_VALUE,
            "the password is easily guessed",
            f"Use {PASSWORD_LETTERS} letters or more, or a PIN of {PIN_DIGITS} digits or more.",
        )


def new_pin(badge: str) -> str:
    """A PIN of eight digits by chance, for somebody to change at the first sign-in."""
    while True:
        pin = f"{secrets.randbelow(10**8):08}"
        try:
            check_secret(badge, pin)
        except AccessError:
            continue
        return pin


def hashed(secret: str) -> str:
    """``secret`` as it is kept: argon2id with a salt by chance, PHC string. Blocking."""
    return _HASHER.hash(secret)


def matches(kept: str, secret: str) -> bool:
    """Whether ``secret`` is the one that ``kept`` was made of; False too where ``kept`` is no hash. Blocking."""
    try:
        return _HASHER.verify(kept, secret)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def outdated(kept: str) -> bool:
    """Whether ``kept`` was made with other parameters than are used now."""
    return _HASHER.check_needs_rehash(kept)
