"""Motion JPEG over HTTP, taken apart: pure code, bytes in, pictures' bytes out, every buffer bounded.

RFC 9112 (status line, fields, clause 7.1 chunks) and RFC 2046 clause 5.1 (multipart). Cameras deviate, and what is
common is taken: a boundary parameter that already begins with ``--``, lines ended by LF alone, parts with and without
a Content-Length, chunks in answer to an HTTP/1.0 request. What cannot be a stream raises DriverError (PROTOCOL).
"""

from __future__ import annotations

import http.client
import io
from dataclasses import dataclass
from email.message import Message

from drivers.base import DriverError, DriverReason

# A camera's fields are a few hundred bytes; a server that sends more is none.
LARGEST_HEAD = 16 * 1024
# A 12-megapixel JPEG of the highest quality.
LARGEST_PART = 16 * 1024 * 1024


def _wrong(what: str) -> DriverError:
    return DriverError(DriverReason.PROTOCOL, f"no Motion JPEG stream: {what}", "look at the path of the address")


def _fields(lines: bytes) -> Message:
    try:
        return http.client.parse_headers(io.BytesIO(lines))
    except http.client.HTTPException as error:
        raise _wrong("fields that cannot be read") from error


def _length(fields: Message) -> int | None:
    text = fields.get("Content-Length")
    if text is None:
        return None
    if not (text.strip().isascii() and text.strip().isdigit()):
        raise _wrong("a length that is no number")
    length = int(text.strip()[:20])
    if length > LARGEST_PART:
        raise _wrong(f"a part of {length} bytes")
    return length


def _end_of_head(buffer: bytearray) -> int:
    """Where the fields end, after their empty line; -1 where they have not ended yet."""
    ends = [at + len(mark) for mark in (b"\r\n\r\n", b"\n\n") if (at := buffer.find(mark)) >= 0]
    if buffer.startswith((b"\r\n", b"\n")):
        ends.append(buffer.index(b"\n") + 1)
    if not ends and len(buffer) > LARGEST_HEAD:
        raise _wrong("a head without an end")
    return min(ends, default=-1)


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer: its status and, for 200, the boundary of its parts and whether they come in chunks.

    ``challenges`` are the WWW-Authenticate fields of a 401.
    """

    status: int
    boundary: bytes = b""
    chunked: bool = False
    server: str = ""
    challenges: tuple[str, ...] = ()


def read_answer(buffer: bytearray) -> Answer | None:
    """The answer at the beginning of ``buffer``, taken out of it; ``None`` while it is not complete."""
    end = _end_of_head(buffer)
    if end < 0:
        return None
    first, _, rest = bytes(buffer[:end]).partition(b"\n")
    del buffer[:end]
    words = first.split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit() or len(words[1]) != 3:
        raise _wrong("no HTTP answer")
    status = int(words[1])
    fields = _fields(rest)
    if status != http.HTTPStatus.OK:
        return Answer(status, challenges=tuple(fields.get_all("WWW-Authenticate", [])))
    # get_content_type falls back to text/plain, which is refused as well.
    boundary = (fields.get_boundary() or "").strip().lstrip("-")
    if fields.get_content_maintype() != "multipart" or not boundary or not boundary.isascii() or len(boundary) > 200:
        raise _wrong(f"the answer is {fields.get_content_type()[:80]}, not multipart/x-mixed-replace")
    chunked = (fields.get("Transfer-Encoding") or "").strip().lower() == "chunked"
    return Answer(status, boundary.encode(), chunked, (fields.get("Server") or "")[:80])


class Chunks:
    """RFC 9112 clause 7.1: takes the lengths of chunks out of a body that arrives in any pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = 0
        self.ended = False

    def feed(self, data: bytes) -> bytes:
        """What ``data`` holds of the body."""
        self._buffer += data
        body = bytearray()
        while self._buffer and not self.ended:
            if self._left:
                piece = self._buffer[: self._left]
                del self._buffer[: len(piece)]
                self._left -= len(piece)
                body += piece
                continue
            at = self._buffer.find(b"\n")
            if at < 0:
                if len(self._buffer) > 256:
                    raise _wrong("a chunk without a length")
                break
            line = bytes(self._buffer[:at]).partition(b";")[0].strip()
            del self._buffer[: at + 1]
            if line:  # The line end after a chunk is an empty line before the next length.
                self._left = self._size(line)
                self.ended = self._left == 0
        return bytes(body)

    @staticmethod
    def _size(line: bytes) -> int:
        if len(line) > 8 or not all(byte in b"0123456789abcdefABCDEF" for byte in line):
            raise _wrong("a chunk without a length")
        return int(line, 16)


class Parts:
    """The parts of a multipart body that arrives in any pieces."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"--" + boundary
        self._buffer = bytearray()
        self._body: int | None = None  # The length of the part that is being read, -1 where it was not told.
        self._searched = 0
        self.ended = False

    def feed(self, data: bytes) -> list[bytes]:
        """The parts that ``data`` completes, oldest first."""
        self._buffer += data
        complete: list[bytes] = []
        while not self.ended:
            if self._body is None:
                if not self._head():
                    break
            elif (part := self._part(self._body)) is not None:
                complete.append(part)
                self._body = None
                self._searched = 0
            else:
                break
        if self.ended:
            self._buffer.clear()
        return complete

    def _find(self) -> int:
        at = self._buffer.find(self._delimiter, self._searched)
        if at < 0:
            self._searched = max(0, len(self._buffer) - len(self._delimiter))
        return at

    def _head(self) -> bool:
        """Skip to the next delimiter and read the fields after it; false while they are not all there."""
        at = self._find()
        if at < 0:
            # Nothing before a delimiter is of use, and a stream without any must not fill the memory.
            del self._buffer[: self._searched]
            self._searched = 0
            return False
        del self._buffer[:at]
        self._searched = 0
        after = self._buffer.find(b"\n")
        if after < 0:
            if len(self._buffer) > LARGEST_HEAD:
                raise _wrong("a head without an end")
            self.ended = self._buffer[len(self._delimiter) :].startswith(b"--")
            return False
        if self._buffer[len(self._delimiter) : after].startswith(b"--"):
            self.ended = True  # RFC 2046: two more dashes close the body.
            return False
        head = self._buffer[after + 1 : after + 1 + LARGEST_HEAD + 1]
        end = _end_of_head(head)
        if end < 0:
            return False
        length = _length(_fields(bytes(head[:end])))
        del self._buffer[: after + 1 + end]
        self._body = -1 if length is None else length
        return True

    def _part(self, length: int) -> bytes | None:
        if length < 0:
            at = self._find()
            if at < 0:
                if len(self._buffer) > LARGEST_PART:
                    raise _wrong(f"a part of more than {LARGEST_PART} bytes")
                return None
            body = bytes(self._buffer[:at])
            del self._buffer[:at]
            return body.removesuffix(b"\n").removesuffix(b"\r")
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body
