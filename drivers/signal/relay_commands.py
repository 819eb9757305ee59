"""Commands of serial relay boards, and what the boards answer. Pure.

``lcus``: the boards with a CH340 that are sold as LCUS-1 to LCUS-8, 9600 baud. A command is A0, the relay from 1, 01
for on or 00 for off, and the sum of the three modulo 256; nothing is answered (the sellers' own description).
``numato``: text, as the boards of Numato Lab take it: ``relay on 3`` and CR, relays from 0, those above 9 as letters.
The board echoes the command and ends its answer with ``>``; ``relay read 3`` is answered ``on`` or ``off``.
"""

from __future__ import annotations

import re

LCUS_START = 0xA0
LCUS_RELAYS = (1, 16)

# One digit of base 32 names a relay.
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
NUMATO_RELAYS = (0, len(_DIGITS) - 1)
# The longest answer has some 20 characters; what is behind this much of something else is not worth looking at.
_MOST_ANSWER = 1024


def lcus(relay: int, on: bool) -> bytes:
    """The command that switches ``relay`` (LCUS_RELAYS)."""
    return bytes((LCUS_START, relay, int(on), (LCUS_START + relay + int(on)) & 0xFF))


def numato_switch(relay: int, on: bool) -> bytes:
    """The command that switches ``relay`` (NUMATO_RELAYS)."""
    return f"relay {'on' if on else 'off'} {_DIGITS[relay]}\r".encode()


def numato_read(relay: int) -> bytes:
    """The command that asks for the state of ``relay``."""
    return f"relay read {_DIGITS[relay]}\r".encode()


class NumatoAnswer:
    """What comes back of one command. ``feed`` takes bytes as they come, noise among them."""

    def __init__(self, command: bytes) -> None:
        echo = re.escape(command.strip())
        self._pattern = re.compile(echo + rb"[\r\n]+(?:(on|off)[\r\n]+)?>")
        self._come = b""

    def feed(self, data: bytes) -> str | None:
        """The answer ("on", "off", or "" where there is none to give) once it is complete, else None."""
        self._come = (self._come + data)[-_MOST_ANSWER:]
        found = self._pattern.search(self._come)
        return None if found is None else (found[1] or b"").decode()
