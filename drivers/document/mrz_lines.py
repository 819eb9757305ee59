"""Bytes of a machine readable zone reader -> documents, each a tuple of lines.

Serial readers and swipe readers differ in how they end a line (CR, LF or both) and a document (ETX, or nothing at
all), and in what they put around it: STX before, a checksum behind, a header before the STX, sentinels of magnetic
tracks (``%`` ... ``?``), blanks or underscores for fillers, lower case, or the zone as one unbroken string. A document
ends here by ETX, when its lines make a layout of ICAO 9303 (3 x 30, 2 x 36, 2 x 44), or with a silence; a line that
was cut is completed by what follows within ``PARTIAL_S``. Whether a zone is true is not looked at, only whether what
came can be one. Pure: the caller gives the time, and how the bytes are cut into pieces makes no difference.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

STX, ETX = 0x02, 0x03
_LINE_ENDS = b"\r\n"

# 9600 baud is 1 ms a byte, and readers that recognise line by line pause some 100 ms between lines.
SILENCE_S = 0.3
# A zone that is not whole yet may go on after a longer pause: a slow line, a hand that stops in the middle of a swipe.
PARTIAL_S = 1.0
# Readers that look at the document without end send it again and again while it lies there.
SAME_DOCUMENT_S = 1.0
# The largest zone has 3 lines, or 90 characters; readers with extras (status, hologram) send a few lines more.
MAX_BYTES = 512

_LAYOUTS = ((30, 3), (36, 2), (44, 2))
_WIDTHS = frozenset(width for width, _ in _LAYOUTS)
_WHOLE = _WIDTHS | {width * count for width, count in _LAYOUTS}
_ZONE_LINE = re.compile(r"[A-Z0-9<]+")

# Sentinels and separators around a line; none of them is a character of a zone. The blank and the underscore, which
# some readers send for a filler, are judged by the length of the line.
_EDGES = "".join(sorted(set(string.punctuation) - set("<_"))) + "\t"
_FILLERS = str.maketrans(" _", "<<")
# Without any filler in it, text shorter than this is a reader's own (a banner, "NO READ", a checksum).
_SHORTEST_CUT_LINE = 20


class NotLinesError(Exception):
    """What came cannot be lines of text: too long, not printable, or its checksum does not match."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Something came that is no document, nor a part of one: nothing that a traveller or an officer need act on."""

    reason: str


Result = tuple[str, ...] | NotLinesError | Dropped


class MrzAssembler:
    """Gives each document once. ``now`` is monotonic seconds throughout.

    ``skip`` characters at the beginning of each document are the reader's own (a flag, a code identifier).
    With ``lrc`` the byte behind ETX must be the exclusive or of all bytes behind STX up to ETX, which counts too
    (ISO 1155); without it, that byte is passed over where it comes.
    """

    def __init__(self, *, skip: int = 0, lrc: bool = False) -> None:
        self._skip = skip
        self._lrc = lrc
        self._last_byte = 0.0
        self._given: tuple[str, ...] = ()
        self._given_at = float("-inf")
        self._behind_etx = self._awaits_checksum = False
        self._reset()

    def feed(self, data: bytes, now: float) -> list[Result]:
        """What is complete with ``data``; an error in the place of each document that is not text."""
        results: list[Result] = []
        if data:
            self._last_byte = now
        for byte in data:
            if self._awaits_checksum:
                self._finish(now, results, "" if byte == self._sum else "its checksum does not match")
                continue
            self._sum ^= byte
            if byte == STX:
                # What came before is noise, a header, or a document that was broken off.
                self._reset()
                self._behind_etx = False
            elif byte == ETX:
                self._end_line()
                if self._lrc:
                    self._awaits_checksum = True
                else:
                    self._finish(now, results)
                    self._behind_etx = True
            elif byte in _LINE_ENDS:
                self._end_line()
                if not self._lrc and _zone(self._lines) is not None:
                    self._finish(now, results)
            elif self._size < MAX_BYTES:
                self._size += 1
                self._line.append(byte)
            else:
                self._overflow = True
        return results

    def silence(self, now: float) -> list[Result]:
        """What is complete because nothing more has come for long enough."""
        results: list[Result] = []
        if self._lines or self._line or self._overflow or self._awaits_checksum:
            whole = _zone([*self._lines, *self._text_of_line()]) is not None
            if now - self._last_byte >= (SILENCE_S if whole else PARTIAL_S):
                self._end_line()
                self._finish(now, results, "its checksum did not come" if self._lrc else "")
        return results

    def _reset(self) -> None:
        self._lines: list[str] = []
        self._line = bytearray()
        self._size = self._sum = 0
        self._overflow = self._awaits_checksum = self._filler = False

    def _text_of_line(self) -> list[str]:
        """The lines in the bytes since the last line end: one, several where the zone is unbroken, or none."""
        # bytes.upper changes ASCII only; latin-1 keeps every other byte, for _finish to judge.
        raw = self._line.upper().decode("latin-1")
        text = _tidy(raw if self._lines else raw[self._skip :])
        for width, count in _LAYOUTS:
            if len(text) == width * count:
                return [text[start : start + width] for start in range(0, width * count, width)]
        return [text] if text else []

    def _end_line(self) -> None:
        self._filler = self._filler or b"<" in self._line or b"_" in self._line
        self._lines += self._text_of_line()
        self._line = bytearray()

    def _finish(self, now: float, results: list[Result], wrong: str = "") -> None:
        lines, overflow, filler = tuple(self._lines), self._overflow, self._filler
        checksum, self._behind_etx = self._behind_etx and self._size == 1, False
        self._reset()
        if checksum:
            return
        zone = _zone(lines)
        if zone is not None:
            # A whole zone behind the torn rest of another, or with a reader's own text between, is the document.
            lines, overflow = zone, False
        if not lines and not overflow:
            return
        if wrong:
            results.append(NotLinesError(wrong))
        elif overflow:
            results.append(NotLinesError(f"more than {MAX_BYTES} characters without an end"))
        elif any(not line.isascii() or not line.isprintable() for line in lines):
            results.append(NotLinesError("characters that are not printable ASCII"))
        elif zone is None and not _may_be_cut(lines, filler):
            results.append(Dropped(f"{sum(map(len, lines))} characters that are no part of a zone"))
        else:
            repeated = lines == self._given and now - self._given_at <= SAME_DOCUMENT_S
            self._given, self._given_at = lines, now
            if not repeated:
                results.append(lines)


def _tidy(text: str) -> str:
    """The line without what readers put around it, its fillers as ``<``."""
    text = text.strip(_EDGES)
    if len(text) not in _WHOLE:
        # Blanks at the ends are fillers only where they make the line whole.
        text = text.strip(_EDGES + " ")
    return "" if text.strip(" <_") == "" else text.translate(_FILLERS)


def _zone(lines: list[str] | tuple[str, ...]) -> tuple[str, ...] | None:
    """The last lines where they are a layout of 9303, whatever else came between them."""
    whole = [line for line in lines if len(line) in _WIDTHS and _ZONE_LINE.fullmatch(line)]
    for width, count in _LAYOUTS:
        last = whole[-count:]
        if len(last) == count and all(len(line) == width for line in last):
            return tuple(last)
    return None


def _may_be_cut(lines: tuple[str, ...], filler: bool) -> bool:
    """Whether these may be pieces of a zone: then whoever holds the document is to be asked again."""
    pieces = [line for line in lines if _ZONE_LINE.fullmatch(line)]
    return bool(pieces) and (filler or max(map(len, pieces)) >= _SHORTEST_CUT_LINE)
