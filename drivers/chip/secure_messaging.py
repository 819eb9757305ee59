"""Secure messaging (ICAO Doc 9303-11, 9.8): commands and responses enciphered and authenticated. Pure.

Both sides of the channel are here: ``protect`` and ``opened`` are the terminal's, ``opened_command`` and ``answer`` the
chip's, for emulators. The send sequence counter counts every message of either way, so that none can be left out,
repeated or put in again.
"""

from __future__ import annotations

from drivers.chip import tlv
from drivers.chip.apdu import LONGEST_EXPECTED, SHORT_EXPECTED, Command, Response
from drivers.chip.ciphers import AUTHENTICATION, ENCRYPTION, MAC_LENGTH, Suite, pad, same, unpad

_PLAIN_ODD, _CIPHERED, _EXPECTED, _STATUS, _MAC = 0x85, 0x87, 0x97, 0x99, 0x8E
_MAC_OBJECT = 2 + MAC_LENGTH
_SM = 0x0C  # Of CLA: secure messaging, the header authenticated (ISO/IEC 7816-4, 5.4.1).


class ChannelError(Exception):
    """The channel does not hold: a wrong authentication code, a torn message, or an answer outside of it."""


class SecureMessaging:
    """One channel, of one side. After a ChannelError it is of no more use."""

    def __init__(self, suite: Suite, encryption: bytes, authentication: bytes, counter: int = 0) -> None:
        self.suite = suite
        self._encryption = encryption
        self._authentication = authentication
        self._counter = counter

    @classmethod
    def agreed(cls, suite: Suite, secret: bytes, counter: int = 0) -> SecureMessaging:
        """The channel of a shared secret."""
        return cls(suite, suite.derive(secret, ENCRYPTION), suite.derive(secret, AUTHENTICATION), counter)

    def protect(self, command: Command) -> Command:
        """The terminal's: ``command`` as it is sent."""
        self._count()
        head = Command(command.cla | _SM, command.ins, command.p1, command.p2)
        body = self._enciphered(command.data, odd=bool(command.ins & 1))
        if command.expected:
            size = 1 if command.expected <= SHORT_EXPECTED else 2
            wanted = (command.expected % (1 << 8 * size)).to_bytes(size, "big")
            body += tlv.encode(_EXPECTED, wanted)
        code = self._code(self._padded(head.header), body)
        data = body + tlv.encode(_MAC, code)
        wide = len(data) > 255 or command.expected > SHORT_EXPECTED
        return Command(head.cla, head.ins, head.p1, head.p2, data, LONGEST_EXPECTED if wide else SHORT_EXPECTED)

    def opened(self, response: Response) -> Response:
        """The terminal's: what the chip's answer says. Raises ChannelError."""
        self._count()
        if not response.data:
            raise ChannelError(f"an answer outside the secure channel, status {response.status:04X}")
        objects, data = self._authentic(response.data, b"")
        status = objects.get(_STATUS, b"")
        if len(status) != 2:
            raise ChannelError("an answer without its status")
        return Response(int.from_bytes(status, "big"), data)

    def opened_command(self, command: Command) -> Command:
        """The chip's: the command in a protected one. Raises ChannelError."""
        self._count()
        if command.cla & _SM != _SM:
            raise ChannelError("a command outside the secure channel")
        objects, data = self._authentic(command.data, self._padded(command.header))
        wanted = objects.get(_EXPECTED, b"")
        if len(wanted) > 2:
            raise ChannelError("an expected length of more than two bytes")
        expected = int.from_bytes(wanted, "big") or (1 << 8 * len(wanted) if wanted else 0)
        return Command(command.cla & ~_SM, command.ins, command.p1, command.p2, data, expected)

    def answer(self, response: Response, *, odd: bool = False) -> Response:
        """The chip's: ``response`` as it is sent; ``odd`` for a command of odd INS."""
        self._count()
        body = self._enciphered(response.data, odd=odd)
        body += tlv.encode(_STATUS, response.status.to_bytes(2, "big"))
        return Response(response.status, body + tlv.encode(_MAC, self._code(b"", body)))

    def _count(self) -> None:
        self._counter = (self._counter + 1) % (1 << 8 * self.suite.block)

    def _sequence(self) -> bytes:
        return self._counter.to_bytes(self.suite.block, "big")

    def _padded(self, data: bytes) -> bytes:
        return pad(data, self.suite.block)

    def _enciphered(self, data: bytes, *, odd: bool) -> bytes:
        if not data:
            return b""
        hidden = self.suite.encrypt(self._encryption, self._padded(data), self._sequence())
        return tlv.encode(_PLAIN_ODD, hidden) if odd else tlv.encode(_CIPHERED, b"\x01" + hidden)

    def _code(self, head: bytes, body: bytes) -> bytes:
        return self.suite.mac(self._authentication, self._padded(self._sequence() + head + body))

    def _authentic(self, data: bytes, head: bytes) -> tuple[dict[int, bytes], bytes]:
        """The objects of a message by tag, and the plain data in it."""
        body, end, code = data[:-_MAC_OBJECT], data[-_MAC_OBJECT:-MAC_LENGTH], data[-MAC_LENGTH:]
        if end != bytes((_MAC, MAC_LENGTH)):
            raise ChannelError("a protected message without its authentication code")
        if not same(code, self._code(head, body)):
            raise ChannelError("a protected message with a wrong authentication code")
        try:
            objects = dict(tlv.items(body))
            return objects, self._plain(objects)
        except ValueError as error:
            raise ChannelError("a protected message that cannot be read") from error

    def _plain(self, objects: dict[int, bytes]) -> bytes:
        hidden = objects.get(_CIPHERED)
        if hidden is not None:
            if hidden[:1] != b"\x01":
                raise ChannelError("enciphered data without its padding indicator")
            hidden = hidden[1:]
        else:
            hidden = objects.get(_PLAIN_ODD, b"")
        return unpad(self.suite.decrypt(self._encryption, hidden, self._sequence())) if hidden else b""
