"""Bytes of a Linux input device -> the text that its keys type.

An event is ``struct input_event`` (linux/input.h): the time, type, code and value; 24 bytes where a C long has 64
bits. Reads are cut at any byte. Text is typed as keyboards do it: Shift, Caps Lock, the keypad, Ctrl with a letter
for control characters (readers type STX as Ctrl+B), and Alt with a number on the keypad, which readers use where the
layout is not known. Pure.
"""

from __future__ import annotations

import struct

from drivers.document.key_layouts import KEYPAD, UNKNOWN, Layout

# time_t and suseconds_t are C longs here, as in the kernel's own 32 and 64 bit input_event.
EVENT = struct.Struct("llHHi")

_EV_SYN, _EV_KEY = 0, 1
_SYN_REPORT, _SYN_DROPPED = 0, 3
_RELEASED, _PRESSED = 0, 1  # 2 is the repetition of a held key: no reader means it.

_SHIFTS, _CONTROLS, _ALT, _OTHERS = frozenset({42, 54}), frozenset({29, 97}), 56, frozenset({100, 125, 126})
_CAPS_LOCK = 58
_MODIFIERS = _SHIFTS | _CONTROLS | _OTHERS | {_ALT}
_SPECIAL = {28: "\r", 96: "\r", 15: "\t", 57: " "}  # Enter, that of the keypad, Tab, the blank.
_STX = "\x02"
# Ends a number typed with Alt: no character of ASCII has more digits, with the leading 0 of Windows.
_MOST_DIGITS = 4


class Typist:
    """What the keys of one device type. ``feed`` takes what was read."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._rest = b""
        self._held: set[int] = set()
        self._caps = False
        self._number = ""
        self._lost = False

    def feed(self, data: bytes) -> bytes:
        """The text that is typed with ``data``, in ASCII; UNKNOWN for a key without a character of ASCII.

        Where the kernel has dropped events, an STX stands in the text: what was begun before is worth nothing.
        """
        data = self._rest + data
        end = len(data) - len(data) % EVENT.size
        self._rest = data[end:]
        return "".join(self._typed(*event[2:]) for event in EVENT.iter_unpack(data[:end])).encode("ascii")

    def _typed(self, kind: int, code: int, value: int) -> str:
        if kind == _EV_SYN and code == _SYN_DROPPED:
            self._lost = True
        elif self._lost:
            # Up to the next report events are of the ones that are missing (linux/Documentation/input/event-codes).
            if kind == _EV_SYN and code == _SYN_REPORT:
                self._lost, self._number = False, ""
                self._held.clear()
                return _STX
        elif kind == _EV_KEY and value == _RELEASED:
            self._held.discard(code)
            return self._number_ended() if code == _ALT else ""
        elif kind == _EV_KEY and value == _PRESSED:
            return self._pressed(code)
        return ""

    def _pressed(self, code: int) -> str:
        if code in _MODIFIERS:
            self._held.add(code)
        elif code == _CAPS_LOCK:
            self._caps = not self._caps
        elif code in KEYPAD and _ALT in self._held:
            self._number = (self._number + KEYPAD[code])[: _MOST_DIGITS + 1]
        else:
            return self._character(code)
        return ""

    def _number_ended(self) -> str:
        number, self._number = self._number, ""
        if not number:
            return ""
        value = int(number)
        return chr(value) if len(number) <= _MOST_DIGITS and 0 < value < 128 else UNKNOWN

    def _character(self, code: int) -> str:
        if code in _SPECIAL:
            return _SPECIAL[code]
        if code in KEYPAD:
            return KEYPAD[code]
        if code not in self._layout.plain:
            return ""  # A key that types nothing.
        if self._held & (_OTHERS | {_ALT}):
            return UNKNOWN
        shifted = bool(self._held & _SHIFTS) != (self._caps and code in self._layout.caps)
        character = (self._layout.shifted if shifted else self._layout.plain)[code]
        if self._held & _CONTROLS:
            return chr(ord(character.upper()) & 0x1F) if character.isalpha() else UNKNOWN
        return character
