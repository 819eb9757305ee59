"""One conversation with an R30x module over an open port. Blocking: for a device's own thread.

The protocol numbers nothing: an answer belongs to the last command. So whenever an answer was not seen through (a
timeout, a damaged packet, an abandoned capture), the line is first listened empty before the next command is sent.
"""

from __future__ import annotations

import struct
import time
from collections import deque
from dataclasses import dataclass

import serial

from drivers.base import DriverError, DriverReason
from drivers.fingerprint.r30x_frames import (
    Acknowledgement,
    Command,
    Confirmation,
    Data,
    Decoder,
    Instruction,
    Packet,
    encode,
    meaning,
)
from drivers.fingerprint.r30x_image import KNOWN_SIZES, MAX_BYTES
from drivers.fingerprint.r30x_ring import Ring
from drivers.serial_port import losses, read_some
from drivers.worker import Token

# An answer needs a few ms on the module and 2 ms on the line; a USB adapter adds 16 ms, a loaded Pi some 100.
ANSWER_S = 1.0
# The manual gives "less than 1 s" for taking a picture; R307s take up to 0.6 s on a dry finger.
IMAGING_S = 2.0
# A module that has no such command may say nothing at all.
OPTIONAL_S = 0.5
# Data packets follow each other at once; a pause this long means that the rest has been lost.
DATA_PAUSE_S = 1.0
# No packet has a pause inside; longer than a USB adapter's 16 ms and a scheduling hiccup together.
PACKET_PAUSE_S = 0.2
# Silent this long, the module has nothing more to say to an earlier command.
QUIET_S = 0.15
# Beside twice the time of the largest known picture (13 s at 57600 baud): what an upload may take at most, or what
# is left of an abandoned one.
SETTLE_S = 5.0
TRIES = 3
# Between two looks for a finger: a person does not notice, and the module's lamp and the CPU rest.
POLL_S = 0.05

# SetSysPara, register 4: the speed in units of 9600 baud, 1 to 12.
SPEED_REGISTER, BAUD_STEP = 4, 9600

_PARAMETERS = struct.Struct(">HHHHIHH")
_PRODUCT = struct.Struct(">16s4s8s2s8sHHHH")


@dataclass(frozen=True, slots=True)
class Parameters:
    """What ReadSysPara says: packet size in bytes, line speed in baud, places in the finger library."""

    system: int
    capacity: int
    packet_size: int
    baud: int


class EndlessError(DriverError):
    """What never stops sending is no module at another speed."""


class Session:
    """``path`` names the device in errors; ``address`` and ``password`` are the module's (32 bits each)."""

    def __init__(self, port: serial.Serial, path: str, address: int, password: int) -> None:
        self._port = port
        self._path = path
        self._address = address
        self._password = password
        self._decoder = Decoder(address)
        self._packets: deque[Packet] = deque()
        self._unsettled = False
        self._heard = 0
        self._size: tuple[int, int] | None = None

    def greet(self, token: Token, tries: int = TRIES, answer_s: float = 0) -> Parameters:
        """Give the password and read the parameters. Raises DriverError (PASSWORD, TIMEOUT, PROTOCOL, LOST).

        ``answer_s`` is how long the answer to the password may take, ANSWER_S by default.
        """
        self._verify(token, tries, answer_s)
        answer = self._ask(token, Command(Instruction.READ_SYS_PARA), ANSWER_S)
        if answer.code != Confirmation.OK or len(answer.content) < _PARAMETERS.size:
            raise self._refused("ReadSysPara", answer)
        _, system, capacity, _, _, size_code, speed = _PARAMETERS.unpack_from(answer.content)
        return Parameters(system, capacity, 32 << min(size_code, 3), speed * BAUD_STEP)

    def set_speed(self, token: Token, baud: int) -> bool:
        """Have the module speak at ``baud`` from its next answer on, kept without power; False where it will not."""
        command = Command(Instruction.SET_SYS_PARA, bytes([SPEED_REGISTER, baud // BAUD_STEP]))
        # Once: asked again after a lost answer, the module would hear it at the other speed.
        return self._ask(token, command, ANSWER_S, tries=1).code == Confirmation.OK

    def ring(self, token: Token, shown: Ring) -> bool:
        """Show this on the ring of an R503; False where the module has none. Raises DriverError (LOST)."""
        try:
            answer = self._ask(token, Command(Instruction.AURA_LED_CONFIG, shown.value), OPTIONAL_S, tries=2)
        except DriverError as error:
            if error.reason in (DriverReason.TIMEOUT, DriverReason.PROTOCOL):
                return False
            raise
        return answer.code == Confirmation.OK

    def look(self, token: Token) -> Confirmation:
        """Take a picture into the module's buffer: OK, NO_FINGER, or IMAGING_FAILED where one lies there badly."""
        answer = self._ask(token, Command(Instruction.GEN_IMG), IMAGING_S)
        if answer.code not in (Confirmation.OK, Confirmation.NO_FINGER, Confirmation.IMAGING_FAILED):
            raise self._refused("GenImg", answer)
        return Confirmation(answer.code)

    def upload(self, token: Token) -> tuple[bytes, tuple[int, int]]:
        """The picture in the module's buffer, packed, and its (height, width).

        A damaged or shortened transfer is asked for again: the buffer still holds the picture. Raises DriverError
        (BAD_IMAGE) when it came torn TRIES times.
        """
        refusal: DriverError | None = None
        for _ in range(TRIES):
            answer = self._ask(token, Command(Instruction.UP_IMAGE), ANSWER_S)
            if answer.code != Confirmation.OK:
                refusal = self._refused("UpImage", answer)
                continue
            data = self._collect(token)
            size = self._size_of(token, len(data)) if data is not None else None
            if data is not None and size is not None:
                self._size = size
                return data, size
        raise refusal or DriverError(
            DriverReason.BAD_IMAGE,
            f"the picture from {self._path} came damaged {TRIES} times",
            "capture again; if it goes on, use a shorter cable and check the 3.3 V supply",
        )

    def _size_of(self, token: Token, count: int) -> tuple[int, int] | None:
        """(height, width) of a picture of ``count`` bytes; ``None`` for a torn one."""
        if self._size is not None:
            return self._size if self._size[0] * self._size[1] == count * 2 else None
        if known := KNOWN_SIZES.get(count):
            return known
        # Asked only where needed: what an old module makes of a command it does not have is not written anywhere.
        told = self._told_size(token)
        return told if told is not None and told[0] * told[1] == count * 2 else None

    def _told_size(self, token: Token) -> tuple[int, int] | None:
        try:
            answer = self._ask(token, Command(Instruction.READ_PROD_INFO, b"\x00"), OPTIONAL_S, tries=1)
        except DriverError as error:
            if error.reason in (DriverReason.TIMEOUT, DriverReason.PROTOCOL):
                return None
            raise
        if answer.code != Confirmation.OK or len(answer.content) < _PRODUCT.size:
            return None
        _, _, _, _, _, width, height, _, _ = _PRODUCT.unpack_from(answer.content)
        return height, width

    def _verify(self, token: Token, tries: int = TRIES, answer_s: float = 0) -> None:
        command = Command(Instruction.VFY_PWD, struct.pack(">I", self._password))
        answer = self._ask(token, command, answer_s or ANSWER_S, tries)
        if answer.code == Confirmation.WRONG_PASSWORD:
            raise DriverError(
                DriverReason.PASSWORD,
                f"the fingerprint module at {self._path} refuses the password",
                "give it in hexadecimal in the device address: ?password=01234567",
            )
        if answer.code != Confirmation.OK:
            raise self._refused("VfyPwd", answer)

    def _ask(self, token: Token, command: Command, limit_s: float, tries: int = TRIES) -> Acknowledgement:
        """Send ``command`` and wait for its acknowledgement, again when either was lost or damaged."""
        heard_before = self._heard
        for _ in range(tries):
            answer = self._ask_once(token, command, limit_s)
            if answer is None or answer.code == Confirmation.PACKET_ERROR:
                continue
            if answer.code == Confirmation.PASSWORD_NEEDED and command.instruction != Instruction.VFY_PWD:
                # The module was without power for a moment and has forgotten us.
                self._verify(token)
                continue
            return answer
        if self._heard == heard_before:
            raise DriverError(
                DriverReason.TIMEOUT,
                f"the fingerprint module at {self._path} does not answer",
                "check its power, that TX and RX are crossed, and baud= in the device address",
            )
        raise DriverError(
            DriverReason.PROTOCOL,
            f"what {self._path} sends cannot be understood",
            "check baud= in the device address, the ground wire, and that it is an R30x module",
        )

    def _ask_once(self, token: Token, command: Command, limit_s: float) -> Acknowledgement | None:
        if self._unsettled:
            self._settle(token)
        self._unsettled = True
        with losses(self._path, "fingerprint module"):
            self._port.write(encode(command, self._address))
        end = time.monotonic() + limit_s
        while (packet := self._next(token, end)) is not None:
            if isinstance(packet, Acknowledgement):
                self._unsettled = False
                return packet
        return None

    def _collect(self, token: Token) -> bytes | None:
        """What stands in the data packets that follow an acknowledged UpImage; ``None`` when they have no end.

        A packet that was lost or damaged on the way leaves the picture short: the caller sees it by its size.
        """
        self._unsettled = True
        parts: list[bytes] = []
        count = 0
        end = time.monotonic() + self._longest_upload()
        while (packet := self._next(token, min(end, time.monotonic() + DATA_PAUSE_S))) is not None:
            if not isinstance(packet, Data):
                continue
            parts.append(packet.content)
            count += len(packet.content)
            if count > MAX_BYTES:
                return None
            if packet.last:
                self._unsettled = False
                return b"".join(parts)
        return None

    def _next(self, token: Token, end: float) -> Packet | None:
        """The next packet, or ``None`` when it is ``end`` (monotonic), whatever a babbling line sends."""
        now = last_byte = time.monotonic()
        while now < end:
            token.check()
            if self._packets:
                return self._packets.popleft()
            with losses(self._path, "fingerprint module"):
                data = read_some(self._port)
            now = time.monotonic()
            if data:
                self._heard += len(data)
                last_byte = now
                self._packets += self._decoder.feed(data)
            elif self._decoder.pending and now - last_byte >= PACKET_PAUSE_S:
                self._packets += self._decoder.silence()
        return None

    def _longest_upload(self) -> float:
        return SETTLE_S + 2 * 10 * max(KNOWN_SIZES) / float(self._port.baudrate)

    def _settle(self, token: Token) -> None:
        """Listen until the module is silent, forgetting what it says."""
        now = time.monotonic()
        quiet_at, end = now + QUIET_S, now + self._longest_upload()
        while now < quiet_at:
            token.check()
            with losses(self._path, "fingerprint module"):
                data = read_some(self._port)
            now = time.monotonic()
            if data:
                quiet_at = now + QUIET_S
            if now > end:
                raise EndlessError(
                    DriverReason.PROTOCOL,
                    f"{self._path} sends without end",
                    "check that it is an R30x module, and its ground wire",
                )
        self._decoder.clear()
        self._packets.clear()
        self._unsettled = False

    def _refused(self, command: str, answer: Acknowledgement) -> DriverError:
        said = f"0x{answer.code:02x}, {meaning(answer.code)}"
        return DriverError(
            DriverReason.PROTOCOL,
            f"the fingerprint module at {self._path} answers {command} with {said}",
            "try again; if it goes on, take its power away for a moment",
        )
