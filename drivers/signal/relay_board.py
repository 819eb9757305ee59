"""Driver of lights, a buzzer and a barrier at a serial relay board.

Address: ``serial:///dev/ttyUSB0?board=lcus&green=1&red=2&barrier=3&baud=9600&open=5&sound=0.4&buzz=go``; relays are
numbered as the board's maker does: from 1 on ``lcus``, from 0 on ``numato``.
"""

from __future__ import annotations

import logging
import termios
import time

import serial

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DriverError, DriverReason
from drivers.serial_port import losses, open_port, read_some
from drivers.signal.lane_outputs import Output, Wiring, options
from drivers.signal.relay_commands import (
    LCUS_RELAYS,
    NUMATO_RELAYS,
    NumatoAnswer,
    lcus,
    numato_read,
    numato_switch,
)
from drivers.signal.switched import SwitchedSignal
from drivers.worker import Token

_log = logging.getLogger(__name__)

# A board answers within some milliseconds.
_ANSWER_S = 0.3
_TRIES = 3


class RelayBoardSignal(SwitchedSignal):
    """One board on one port."""

    def __init__(self, address: DeviceAddress) -> None:
        address.require("serial", options("board", "baud"))
        self._board = address.choice("board", "lcus", ("lcus", "numato"))
        lowest, highest = LCUS_RELAYS if self._board == "lcus" else NUMATO_RELAYS
        super().__init__(address, "relay", Wiring.of(address, lowest, highest))
        self._baud = address.integer("baud", 9_600, 1_200, 921_600)
        self._port: serial.Serial | None = None

    def _take(self, token: Token) -> DeviceInfo:
        token.check()
        self._port = open_port(self._address.path, self._baud)
        return DeviceInfo("relay-board", str(self._address), model=f"{self._board} relay board")

    def _switch(self, on: frozenset[Output], token: Token) -> None:
        port = self._port
        if port is None:
            raise DriverError(DriverReason.LOST, f"{self._address.path} is not open", "open it first")
        with losses(self._address.path, "relay board"):
            for output in Output:
                if output in self._wiring.numbers:
                    self._switch_one(port, self._wiring.numbers[output], output in on, token)

    def _switch_one(self, port: serial.Serial, relay: int, on: bool, token: Token) -> None:
        token.check()
        if self._board == "lcus":
            port.write(lcus(relay, on))
            return
        for _ in range(_TRIES):
            # The second command asks what the first has done: both answers are waited for, one after the other.
            if self._ask(port, numato_switch(relay, on), token) is None:
                continue
            if self._ask(port, numato_read(relay), token) == ("on" if on else "off"):
                return
        raise DriverError(
            DriverReason.TIMEOUT,
            f"relay {relay} of the board at {self._address.path} does not tell that it was switched",
            "check board=, baud= and the number of the relay",
        )

    def _ask(self, port: serial.Serial, command: bytes, token: Token) -> str | None:
        answer = NumatoAnswer(command)
        port.reset_input_buffer()
        port.write(command)
        end = time.monotonic() + _ANSWER_S
        while time.monotonic() < end:
            token.check()
            found = answer.feed(read_some(port))
            if found is not None:
                return found
        port.write(b"\r")  # Ends a command of which the board has got a part.
        return None

    def _let_go(self) -> None:
        port, self._port = self._port, None
        if port is None:
            return
        try:
            port.close()
        except (OSError, termios.error) as error:
            _log.debug("closing %s: %s", self._address.path, error)
