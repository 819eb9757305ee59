"""Which character a key gives under a keyboard layout, as far as readers type it.

Key codes are those of Linux (linux/input-event-codes.h): they name a place on the board, as a USB keyboard's scan
codes do. A keyboard-wedge reader sends the places at which the layout it is set for has its characters, so that the
driver must be set for the same one. Characters outside ASCII and dead keys stand as UNKNOWN: no zone has them.
"""

from __future__ import annotations

from dataclasses import dataclass

# ASCII SUB, which stands where a character cannot be represented.
UNKNOWN = "\x1a"

# The keys that type characters, row by row from the left: digits, three rows of letters with what follows them on
# the right, the key above or beside Enter (43), and the one beside the left Shift of boards with 102 keys (86).
_ROWS = (range(2, 14), range(16, 28), range(30, 42), range(43, 44), range(44, 54), range(86, 87))
_DIGIT_ROW = frozenset(range(2, 12))


KEYPAD = {71: "7", 72: "8", 73: "9", 75: "4", 76: "5", 77: "6", 79: "1", 80: "2", 81: "3", 82: "0"}


@dataclass(frozen=True, slots=True)
class Layout:
    """Characters by key code, without and with Shift; ``caps`` are the keys that Caps Lock shifts."""

    plain: dict[int, str]
    shifted: dict[int, str]
    caps: frozenset[int]


def _layout(plain: str, shifted: str, *, caps_shifts_digits: bool = False) -> Layout:
    codes = [code for row in _ROWS for code in row]
    by_plain, by_shifted = (
        {code: UNKNOWN if sign == "·" else sign for code, sign in zip(codes, signs.replace(" ", ""), strict=True)}
        for signs in (plain, shifted)
    )
    letters = frozenset(code for code in codes if by_plain[code].isalpha())
    return Layout(by_plain, by_shifted, letters | _DIGIT_ROW if caps_shifts_digits else letters)


# The layouts as Windows and X11 have them; "·" is what is outside ASCII, or dead.
LAYOUTS = {
    "us": _layout(
        r"1234567890-= qwertyuiop[] asdfghjkl;'` \ zxcvbnm,./ <",
        r'!@#$%^&*()_+ QWERTYUIOP{} ASDFGHJKL:"~ | ZXCVBNM<>? >',
    ),
    "gb": _layout(
        r"1234567890-= qwertyuiop[] asdfghjkl;'` # zxcvbnm,./ \ ",
        r'!"·$%^&*()_+ QWERTYUIOP{} ASDFGHJKL:@· ~ ZXCVBNM<>? |',
    ),
    "de": _layout(
        r"1234567890·· qwertzuiop·+ asdfghjkl··· # yxcvbnm,.- <",
        r'!"·$%&/()=?· QWERTZUIOP·* ASDFGHJKL··· ' + "' YXCVBNM;:_ >",
    ),
    "fr": _layout(
        "&·\"'(-·_··)= azertyuiop·$ qsdfghjklm·· * wxcvbn,;:! <",
        "1234567890·+ AZERTYUIOP·· QSDFGHJKLM%· · WXCVBN?./· >",
        caps_shifts_digits=True,
    ),
    "es": _layout(
        "1234567890'· qwertyuiop·+ asdfghjkl··· · zxcvbnm,.- <",
        '!"·$%&/()=?· QWERTYUIOP·* ASDFGHJKL··· · ZXCVBNM;:_ >',
    ),
    "it": _layout(
        "1234567890'· qwertyuiop·+ asdfghjkl··\\ · zxcvbnm,.- <",
        '!"·$%&/()=?^ QWERTYUIOP·* ASDFGHJKL··| · ZXCVBNM;:_ >',
    ),
}
