"""Commands and responses of a smart card (ISO/IEC 7816-4, 5), short and extended. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

SHORT_DATA, SHORT_EXPECTED = 255, 256
LONGEST_EXPECTED = 65_536

OK = 0x9000
# The data ends before the length that was asked for: still data (ISO/IEC 7816-4, table 6).
END_OF_FILE = 0x6282


class ApduError(ValueError):
    """Bytes that are no command or no response."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command. ``expected`` is the largest length of data wanted back (1 to 65536), 0 for none."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = field(default=b"", repr=False)
    expected: int = 0

    @property
    def header(self) -> bytes:
        """CLA, INS, P1, P2."""
        return bytes((self.cla, self.ins, self.p1, self.p2))

    def encode(self) -> bytes:
        """The command in bytes: extended lengths only where short ones do not do."""
        if len(self.data) > 0xFFFF or not 0 <= self.expected <= LONGEST_EXPECTED:
            raise ApduError("a command too long to be sent")
        if len(self.data) <= SHORT_DATA and self.expected <= SHORT_EXPECTED:
            data = bytes([len(self.data)]) + self.data if self.data else b""
            expected = bytes([self.expected & 0xFF]) if self.expected else b""
            return self.header + data + expected
        data = len(self.data).to_bytes(2, "big") + self.data if self.data else b""
        expected = (self.expected & 0xFFFF).to_bytes(2, "big") if self.expected else b""
        return self.header + b"\x00" + data + expected

    @classmethod
    def decode(cls, raw: bytes) -> Command:
        """The command in ``raw``, as a card reads it. Raises ApduError."""
        if len(raw) < 4:
            raise ApduError("a command without its header")
        body = raw[4:]
        wide = len(body) >= 3 and body[0] == 0
        size, most = (2, LONGEST_EXPECTED) if wide else (1, SHORT_EXPECTED)
        if wide:
            body = body[1:]
        if len(body) <= size:
            expected = int.from_bytes(body, "big") or (most if body else 0)
            return cls(raw[0], raw[1], raw[2], raw[3], b"", expected)
        length = int.from_bytes(body[:size], "big")
        data, rest = body[size : size + length], body[size + length :]
        if not length or len(data) != length or len(rest) not in (0, size):
            raise ApduError("a command whose lengths do not fit")
        expected = int.from_bytes(rest, "big") or (most if rest else 0)
        return cls(raw[0], raw[1], raw[2], raw[3], data, expected)


@dataclass(frozen=True, slots=True)
class Response:
    """What a card answers: ``status`` is SW1 and SW2, 0x9000 for well done."""

    status: int
    data: bytes = field(default=b"", repr=False)

    @property
    def ok(self) -> bool:
        """Whether the card did what it was asked."""
        return self.status == OK

    def encode(self) -> bytes:
        """The response in bytes."""
        return self.data + self.status.to_bytes(2, "big")

    @classmethod
    def decode(cls, raw: bytes) -> Response:
        """The response in ``raw``. Raises ApduError."""
        if len(raw) < 2:
            raise ApduError("a response without its status")
        return cls(int.from_bytes(raw[-2:], "big"), raw[:-2])
