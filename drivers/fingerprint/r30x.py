"""Driver of the R30x family (R305, R307, R503, AS608, ZFM-20) on a serial port.

Address: ``serial:///dev/ttyUSB0?baud=57600&fastest=0&ring=0&dpi=500&password=00000000&address=ffffffff`` (the
values given are the defaults; password and address in hexadecimal). A module at another speed than ``baud`` is
found. With ``fastest=115200`` it is set to that speed, or the highest below that it takes, while it is open, and back
to ``baud`` on closing: an upload of 256 x 288 pixels takes 7 s at 57600 baud.

With ``ring=1`` the ring of an R503 breathes blue while a finger is waited for, is purple while its picture is sent, and
flashes red when that failed.

Captures pictures only: the module's own matcher is not used, and no features are made, which would overwrite the
picture in the module's buffer (AS608) before it is uploaded.
"""

from __future__ import annotations

import logging
import termios

import serial

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DriverError, DriverReason, FingerImage, FingerprintScanner
from drivers.fingerprint.r30x_frames import BROADCAST_ADDRESS, Confirmation
from drivers.fingerprint.r30x_image import DPI, LEVELS, unpack
from drivers.fingerprint.r30x_ring import Ring
from drivers.fingerprint.r30x_session import POLL_S, Parameters, Session
from drivers.fingerprint.r30x_speed import HIGHEST, SPEEDS, change, find
from drivers.serial_port import open_port
from drivers.worker import AbandonedError, DeviceWorker, Token

_log = logging.getLogger(__name__)
_OPTIONS = frozenset({"baud", "fastest", "ring", "dpi", "password", "address"})


class R30xScanner(FingerprintScanner):
    """One module. Its port is used by one thread only."""

    def __init__(self, address: DeviceAddress) -> None:
        address.require("serial", _OPTIONS)
        self._address = address
        self._baud = address.integer("baud", 57_600, 9_600, 921_600)
        self._fastest = address.integer("fastest", 0, 0, HIGHEST)
        self._ring = address.integer("ring", 0, 0, 1) == 1
        self._dpi = address.integer("dpi", DPI, 250, 1000)
        self._password = address.integer("password", 0, 0, 0xFFFF_FFFF, base=16)
        self._module = address.integer("address", BROADCAST_ADDRESS, 0, 0xFFFF_FFFF, base=16)
        self._port: serial.Serial | None = None
        self._session: Session | None = None
        self._speed = 0
        self._worker = DeviceWorker(f"r30x {address.path}")

    async def open(self) -> DeviceInfo:
        """Open the port, give the password, read the parameters."""
        await self.close()
        self._worker.start()
        try:
            parameters = await self._worker.run(self._open)
        except BaseException:
            await self.close()
            raise
        return DeviceInfo(
            "r30x",
            str(self._address),
            model=f"R30x family, system 0x{parameters.system:04x}",
            details={
                "packet size": f"{parameters.packet_size} bytes",
                "baud": str(self._speed),
                "library": f"{parameters.capacity} fingers (not used)",
            },
        )

    async def close(self) -> None:
        """Leave what is being done, set the speed back where it was raised, and let go of the port; at most 8 s."""
        # The rest of an abandoned upload (3.5 s) has to be heard out before the module takes another speed.
        await self._worker.close(self._close_port, limit_s=8.0 if self._fastest else 2.0)

    async def capture(self) -> FingerImage:
        """Wait for a finger and return its picture, ridges dark, 16 levels."""
        return await self._worker.run(self._capture)

    async def wait_lifted(self) -> None:
        """Return when the module sees no finger."""
        await self._worker.run(self._wait_lifted)

    # What follows runs in the worker's thread.

    def _open(self, token: Token) -> Parameters:
        self._port = open_port(self._address.path, self._baud)
        session = Session(self._port, self._address.path, self._module, self._password)
        parameters = find(self._port, session, token)
        self._session = session
        for speed in sorted(SPEEDS, reverse=True):
            if self._port.baudrate < speed <= self._fastest and change(self._port, session, token, speed):
                break
        self._speed = self._port.baudrate
        return parameters

    def _close_port(self) -> None:
        port, session, self._port, self._session = self._port, self._session, None, None
        if port is None:
            return
        try:
            # Only with the option: a module found at another speed may be meant to be there.
            if session is not None and self._fastest and port.baudrate != self._baud:
                change(port, session, Token(), self._baud)
        except DriverError as error:
            _log.info("%s is left at its speed: %s", self._address.path, error)
        try:
            port.close()
        except (OSError, termios.error) as error:
            _log.debug("closing %s: %s", self._address.path, error)

    def _opened(self) -> Session:
        if self._session is None:
            raise DriverError(DriverReason.LOST, f"{self._address.path} is not open", "open it first")
        return self._session

    def _capture(self, token: Token) -> FingerImage:
        session = self._opened()
        self._show(token, Ring.PLACE)
        try:
            while session.look(token) != Confirmation.OK:
                token.pause(POLL_S)
        except AbandonedError:
            self._show(Token(), Ring.OFF)
            raise
        self._show(token, Ring.TAKEN)
        try:
            data, size = session.upload(token)
        except DriverError as error:
            if error.reason is DriverReason.BAD_IMAGE:
                self._show(token, Ring.AGAIN)
            raise
        self._show(token, Ring.OFF)
        return FingerImage(unpack(data, size), self._dpi, LEVELS)

    def _show(self, token: Token, shown: Ring) -> None:
        if self._ring and self._session is not None and not self._session.ring(token, shown):
            _log.info("%s has no ring that could show %s", self._address.path, shown.name)

    def _wait_lifted(self, token: Token) -> None:
        session = self._opened()
        while session.look(token) != Confirmation.NO_FINGER:
            token.pause(POLL_S)
