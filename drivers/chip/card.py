"""Commands to a card, in the clear or in a secure channel, and the errors that its answers stand for."""

from __future__ import annotations

from collections.abc import Callable

from drivers.base import DriverError, DriverReason
from drivers.chip.apdu import ApduError, Command, Response
from drivers.chip.secure_messaging import ChannelError, SecureMessaging

Transmit = Callable[[bytes], bytes]
"""Sends one command and returns its response; raises DriverError."""

_MORE, _LENGTH = 0x61, 0x6C  # SW1: more data waits; ask again with this length (ISO/IEC 7816-4, 5.6).
_MOST_PIECES = 300  # Of one response: 300 x 256 bytes is more than any.


class Card:
    """One card as a terminal sees it. ``secure`` is the channel that commands go through, None for none."""

    def __init__(self, transmit: Transmit) -> None:
        self._transmit = transmit
        self.secure: SecureMessaging | None = None
        self.sent = 0
        self.received = 0

    def send(self, command: Command) -> Response:
        """The answer to ``command``, whatever its status. Raises DriverError: PROTOCOL, and as transmitting does."""
        channel = self.secure
        if channel is None:
            return self._plain(command)
        try:
            return channel.opened(self._plain(channel.protect(command)))
        except ChannelError as error:
            # A channel that broke stays broken (9303-11, 9.8.3): the chip has dropped its keys.
            self.secure = None
            raise SecureChannelLostError(str(error)) from error

    def demand(self, command: Command, what: str) -> bytes:
        """The data of a good answer. Raises DriverError (PROTOCOL) for any other status."""
        response = self.send(command)
        if not response.ok:
            raise refused(what, response.status)
        return response.data

    def _plain(self, command: Command) -> Response:
        response = self._once(command)
        if response.status >> 8 == _LENGTH and command.expected:
            size = response.status & 0xFF or 256
            response = self._once(Command(command.cla, command.ins, command.p1, command.p2, command.data, size))
        data = response.data
        for _ in range(_MOST_PIECES):
            if response.status >> 8 != _MORE:
                return Response(response.status, data)
            response = self._once(Command(0, 0xC0, 0, 0, b"", response.status & 0xFF or 256))
            data += response.data
        raise DriverError(DriverReason.PROTOCOL, "the chip's answer does not end", "read it again")

    def _once(self, command: Command) -> Response:
        raw = command.encode()
        self.sent += len(raw)
        answer = self._transmit(raw)
        self.received += len(answer)
        try:
            return Response.decode(answer)
        except ApduError as error:
            raise DriverError(DriverReason.PROTOCOL, f"the chip sends {error}", "read it again") from error


class SecureChannelLostError(DriverError):
    """The secure channel to the chip broke."""

    def __init__(self, what: str) -> None:
        super().__init__(DriverReason.PROTOCOL, f"the secure channel to the chip broke: {what}", "read it again")


def refused(what: str, status: int) -> DriverError:
    """The error of a chip that refuses a step that it must take."""
    return DriverError(DriverReason.PROTOCOL, f"the chip refuses {what}, status {status:04X}", "read it again")


def wrong_key(status: int) -> DriverError:
    """The error of a chip that the key does not open."""
    return DriverError(
        DriverReason.PASSWORD,
        f"the key does not open the chip, status {status:04X}",
        "read the printed zone again: the key is made of it",
    )
