"""Driver of document readers and swipe readers that send the machine readable zone as text on a serial line.

Address: ``serial:///dev/ttyACM0?baud=9600&parity=N&skip=0&check=none``.
"""

from __future__ import annotations

import logging
import termios

import serial

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DriverError, DriverReason
from drivers.document.listening import MOST_SKIPPED, ListeningReader
from drivers.serial_port import losses, open_port, read_some
from drivers.worker import Token

_log = logging.getLogger(__name__)


class MrzSerialReader(ListeningReader):
    """One reader on one port."""

    advice = "check baud=, parity=, skip= and check= in the device address"

    def __init__(self, address: DeviceAddress) -> None:
        address.require("serial", frozenset({"baud", "parity", "skip", "check"}))
        super().__init__(
            address,
            skip=address.integer("skip", 0, 0, MOST_SKIPPED),
            lrc=address.choice("check", "none", ("none", "lrc")) == "lrc",
        )
        self._baud = address.integer("baud", 9_600, 1_200, 921_600)
        self._parity = address.choice("parity", "N", ("N", "E", "O"))
        self._port: serial.Serial | None = None

    def _take(self, token: Token) -> DeviceInfo:
        token.check()
        self._port = open_port(self._address.path, self._baud, self._parity)
        return DeviceInfo("mrz-serial", str(self._address), model="serial reader of machine readable zones")

    def _receive(self) -> bytes:
        if self._port is None:
            raise DriverError(DriverReason.LOST, f"{self._address.path} is not open", "open it first")
        with losses(self._address.path, "document reader"):
            return read_some(self._port)

    def _let_go(self) -> None:
        port, self._port = self._port, None
        if port is None:
            return
        try:
            port.close()
        except (OSError, termios.error) as error:
            _log.debug("closing %s: %s", self._address.path, error)
