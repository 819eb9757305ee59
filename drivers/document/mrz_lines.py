"""Bytes of a machine readable zone reader -> documents, each a tuple of lines.

Serial MRZ readers differ in how they end a line (CR, LF or both) and a document (ETX, or nothing at all), and some
send the zone as one unbroken string. A document ends here by ETX, when its lines make a layout of ICAO 9303 (3 x
30, 2 x 36, 2 x 44), or with a silence. What a line says is not looked at. Pure: the caller gives the time.
"""

from __future__ import annotations

STX, ETX = 0x02, 0x03
_LINE_ENDS = b"\r\n"

# 9600 baud is 1 ms a byte, and readers that recognise line by line pause some 100 ms between lines.
SILENCE_S = 0.3
# Readers that look at the document without end send it again and again while it lies there.
SAME_DOCUMENT_S = 1.0
# The largest zone has 3 lines, or 90 characters; readers with extras (status, hologram) send a few lines more.
MAX_BYTES = 512

_LAYOUTS = ((30, 3), (36, 2), (44, 2))


class NotLinesError(Exception):
    """What came cannot be lines of text: too long, or not printable."""


class MrzAssembler:
    """Gives each document once. ``now`` is monotonic seconds throughout."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line = bytearray()
        self._size = 0
        self._overflow = False
        self._last_byte = 0.0
        self._given: tuple[str, ...] = ()
        self._given_at = float("-inf")

    def feed(self, data: bytes, now: float) -> list[tuple[str, ...] | NotLinesError]:
        """The documents that are complete with ``data``; an error in the place of each that is not text."""
        results: list[tuple[str, ...] | NotLinesError] = []
        if data:
            self._last_byte = now
        for byte in data:
            if byte == STX:
                self._reset()  # What came before is noise, or a document that was broken off.
            elif byte == ETX:
                self._end_line()
                self._finish(now, results)
            elif byte in _LINE_ENDS:
                self._end_line()
                if self._full():
                    self._finish(now, results)
            else:
                self._size += 1
                if self._size > MAX_BYTES:
                    self._overflow = True
                else:
                    self._line.append(byte)
        return results

    def silence(self, now: float) -> list[tuple[str, ...] | NotLinesError]:
        """What is complete because nothing more has come for SILENCE_S."""
        results: list[tuple[str, ...] | NotLinesError] = []
        if (self._lines or self._line or self._overflow) and now - self._last_byte >= SILENCE_S:
            self._end_line()
            self._finish(now, results)
        return results

    def _reset(self) -> None:
        self._lines, self._line, self._size, self._overflow = [], bytearray(), 0, False

    def _end_line(self) -> None:
        # latin-1 keeps every byte, for _finish to judge.
        text = self._line.decode("latin-1").strip().upper()
        self._line = bytearray()
        if text:
            self._lines.append(text)
        for width, count in _LAYOUTS:
            if len(text) == width * count:
                self._lines[-1:] = [text[start : start + width] for start in range(0, width * count, width)]

    def _full(self) -> bool:
        return any(
            len(self._lines) >= count and all(len(line) == width for line in self._lines[-count:])
            for width, count in _LAYOUTS
        )

    def _finish(self, now: float, results: list[tuple[str, ...] | NotLinesError]) -> None:
        lines, overflow = tuple(self._lines), self._overflow
        for width, count in _LAYOUTS:
            # A whole zone behind the torn rest of another is the document.
            if len(lines) > count and all(len(line) == width for line in lines[-count:]):
                lines, overflow = lines[-count:], False
        self._reset()
        if overflow:
            results.append(NotLinesError(f"more than {MAX_BYTES} characters without an end"))
        elif any(not line.isascii() or not line.isprintable() for line in lines):
            results.append(NotLinesError("characters that are not printable ASCII"))
        elif lines:
            repeated = lines == self._given and now - self._given_at <= SAME_DOCUMENT_S
            self._given, self._given_at = lines, now
            if not repeated:
                results.append(lines)
