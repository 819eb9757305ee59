"""An R30x fingerprint module on a pty: the device's side of the real protocol.

As a process: ``python -m drivers.emulators.r30x --device LINK --control SOCKET``; requests on the socket:
``{"do":"place","image":PATH}``, ``lift``, ``unplug``, ``plug``, ``{"do":"unplug_during_upload","after_packets":N}``,
``{"do":"fail","command":"UpImage","code":15,"times":1}``, ``state``. Inside a test: ``async with R30xEmulator(link)``.

Knows VfyPwd, ReadSysPara, GenImg, UpImage, Img2Tz (overwrites the image buffer, as the AS608 does), SetSysPara
(speed, packet size) and, where ``tells_size``, ReadProdInfo, where ``has_ring``, AuraLedConfig. Has no matcher and no
library.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import struct
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from drivers.emulators import control
from drivers.emulators.glass import load, on_glass
from drivers.emulators.line import KINDS, Line, PacedLine, line
from drivers.emulators.pty_peer import PtyPeer
from drivers.fingerprint.r30x_frames import (
    BROADCAST_ADDRESS,
    Acknowledgement,
    Command,
    Confirmation,
    Data,
    Decoder,
    Instruction,
    Packet,
    encode,
)
from drivers.fingerprint.r30x_image import pack

_NAMES = {
    "genimg": Instruction.GEN_IMG,
    "img2tz": Instruction.IMG2TZ,
    "upimage": Instruction.UP_IMAGE,
    "setsyspara": Instruction.SET_SYS_PARA,
    "readsyspara": Instruction.READ_SYS_PARA,
    "readparam": Instruction.READ_SYS_PARA,
    "vfypwd": Instruction.VFY_PWD,
    "auraledconfig": Instruction.AURA_LED_CONFIG,
    "readprodinfo": Instruction.READ_PROD_INFO,
}
_SYSTEM, _CAPACITY, _SECURITY = 0x0009, 1000, 3
_SPEED_REGISTER, _SECURITY_REGISTER, _PACKET_REGISTER = 4, 5, 6
# Commands are at most 20 bytes and a host waits for each answer: more than this in waiting is no host.
_WAITING = 64


class R30xEmulator:
    """One module. ``size`` is (height, width); all methods belong to the event loop that ``start`` ran in.

    With ``baud`` it understands only a host at its speed, as a real line has it, and takes speeds up to ``fastest``.
    """

    def __init__(
        self,
        link: Path,
        *,
        size: tuple[int, int] = (288, 256),
        packet_size: int = 128,
        password: int = 0,
        tells_size: bool = False,
        baud: int = 0,
        fastest: int = 115_200,
        channel: Line | None = None,
    ) -> None:
        self._size = size
        self._size_code = {32: 0, 64: 1, 128: 2, 256: 3}[packet_size]
        self._password = password
        self._tells_size = tells_size
        self._channel = channel or Line()
        self._peer = PtyPeer(link, self._receive)
        self._decoder = Decoder()
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue(_WAITING)
        self._task: asyncio.Task[None] | None = None
        self._finger: NDArray[np.uint8] | None = None
        self._buffer: NDArray[np.uint8] | None = None
        self._verified = password == 0
        self._failures: dict[int, tuple[int, int]] = {}
        self._unplug_after: int | None = None
        # The light around an R503's glass.
        self.has_ring = False
        self._minds_speed = baud > 0
        self._speed = (baud or 57_600) // 9_600
        self._fastest = fastest // 9_600
        # Parameters of the AuraLedConfig commands taken, the oldest first; cut where a test forgets to look.
        self.shown: deque[bytes] = deque(maxlen=64)
        self.captures = 0
        self.looks = 0
        self.uploading = False

    @property
    def link(self) -> Path:
        """Where the driver finds the port."""
        return self._peer.link

    async def start(self) -> None:
        """Plug in and answer."""
        await self._peer.plug()
        self._task = asyncio.create_task(self._serve(), name=f"r30x emulator {self.link.name}")

    async def stop(self) -> None:
        """Unplug and end."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._peer.unplug()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def place(self, image: Path | NDArray[np.uint8]) -> None:
        """Lay a finger on the glass. Raises OSError or ValueError when there is no such picture."""
        self._finger = await asyncio.to_thread(self._see, image)

    def _see(self, image: Path | NDArray[np.uint8]) -> NDArray[np.uint8]:
        return on_glass(load(image) if isinstance(image, Path) else image, self._size)

    def lift(self) -> None:
        """Take the finger away."""
        self._finger = None

    async def unplug(self) -> None:
        """Pull the plug: port and symlink go, and what the module had in memory with them."""
        await self._peer.unplug()
        self._lose_power()

    async def plug(self) -> None:
        """Plug in again."""
        await self._peer.plug()

    def unplug_during_upload(self, after_packets: int) -> None:
        """Pull the plug once, when ``after_packets`` data packets of a picture have been sent."""
        self._unplug_after = after_packets

    def fail(self, command: str, code: int, times: int = 1) -> None:
        """Answer the next ``times`` commands of this name with ``code``. Raises KeyError on an unknown name."""
        self._failures[_NAMES[command.lower().replace("_", "")]] = code, times

    def state(self) -> dict[str, Any]:
        """``captures`` pictures uploaded whole, ``looks`` for a finger, whether a finger lies there, plugged or not."""
        return {
            "finger": self._finger is not None,
            "captures": self.captures,
            "looks": self.looks,
            "uploading": self.uploading,
            "plugged": self._peer.plugged,
        }

    def _lose_power(self) -> None:
        self._buffer = None
        self._verified = self._password == 0
        self._decoder.clear()
        while not self._inbox.empty():
            self._inbox.get_nowait()

    @property
    def baud(self) -> int:
        """The speed it speaks at, which it keeps without power."""
        return self._speed * 9_600

    def _receive(self, data: bytes) -> None:
        if self._minds_speed and self._peer.baud != self.baud:
            return  # Bits of another length are no packet, and a module does not answer to what is none.
        if not self._inbox.full():
            self._inbox.put_nowait(self._channel.incoming(data))

    async def _serve(self) -> None:
        while True:
            data = await self._inbox.get()
            damaged = self._decoder.damaged
            packets = self._decoder.feed(data)
            if self._decoder.damaged > damaged and not packets:
                await self._send(Acknowledgement(Confirmation.PACKET_ERROR))
            for packet in packets:
                if isinstance(packet, Command):
                    await self._obey(packet)

    async def _send(self, packet: Packet) -> bool:
        for piece, pause in self._channel.outgoing(encode(packet)):
            if not await self._peer.send(piece):
                return False
            await asyncio.sleep(pause)
        return True

    async def _obey(self, command: Command) -> None:
        answer = self._forced(command.instruction) or self._answer(command)
        await self._send(answer)
        if command.instruction == Instruction.UP_IMAGE and answer.code == Confirmation.OK:
            self.uploading = True
            try:
                await self._upload()
            finally:
                self.uploading = False

    def _forced(self, instruction: int) -> Acknowledgement | None:
        code, times = self._failures.get(instruction, (0, 0))
        if times <= 0:
            return None
        self._failures[instruction] = code, times - 1
        return Acknowledgement(code)

    def _answer(self, command: Command) -> Acknowledgement:  # noqa: C901, PLR0911  # One arm for each command.
        if not self._verified and command.instruction != Instruction.VFY_PWD:
            return Acknowledgement(Confirmation.PASSWORD_NEEDED)
        match command.instruction:
            case Instruction.VFY_PWD:
                self._verified = command.parameters == struct.pack(">I", self._password)
                return Acknowledgement(Confirmation.OK if self._verified else Confirmation.WRONG_PASSWORD)
            case Instruction.READ_SYS_PARA:
                return Acknowledgement(Confirmation.OK, self._parameters())
            case Instruction.SET_SYS_PARA:
                return self._set(command.parameters)
            case Instruction.GEN_IMG:
                self.looks += 1
                if self._finger is None:
                    return Acknowledgement(Confirmation.NO_FINGER)
                self._buffer = self._finger
                return Acknowledgement(Confirmation.OK)
            case Instruction.IMG2TZ:
                if self._buffer is None:
                    return Acknowledgement(Confirmation.NO_IMAGE)
                # What the AS608 leaves in the buffer: black and white.
                self._buffer = np.where(self._buffer > self._buffer.mean(), 255, 0).astype(np.uint8)
                return Acknowledgement(Confirmation.OK)
            case Instruction.UP_IMAGE:
                return Acknowledgement(
                    Confirmation.IMAGE_UPLOAD_FAILED if self._buffer is None else Confirmation.OK,
                )
            case Instruction.AURA_LED_CONFIG if self.has_ring:
                if len(command.parameters) != 4:
                    return Acknowledgement(Confirmation.PACKET_ERROR)
                self.shown.append(command.parameters)
                return Acknowledgement(Confirmation.OK)
            case Instruction.READ_PROD_INFO if self._tells_size:
                height, width = self._size
                product = struct.pack(
                    ">16s4s8s2s8sHHHH",
                    b"R503",
                    b"EMUL",
                    b"00000001",
                    b"\x01\x00",
                    b"EMULATED",
                    width,
                    height,
                    1536,
                    200,
                )
                return Acknowledgement(Confirmation.OK, product)
        return Acknowledgement(Confirmation.UNDEFINED)

    def _parameters(self) -> bytes:
        busy = 0
        return struct.pack(
            ">HHHHIHH", busy, _SYSTEM, _CAPACITY, _SECURITY, BROADCAST_ADDRESS, self._size_code, self._speed
        )

    def _set(self, parameters: bytes) -> Acknowledgement:
        if len(parameters) != 2:
            return Acknowledgement(Confirmation.PACKET_ERROR)
        register, value = parameters
        if register == _SPEED_REGISTER and 1 <= value <= self._fastest:
            self._speed = value
            if isinstance(self._channel, PacedLine):
                self._channel.baud = value * 9600
        elif register == _PACKET_REGISTER and value <= 3:
            self._size_code = value
        elif not (register == _SECURITY_REGISTER and 1 <= value <= 5):
            known = register in (_SPEED_REGISTER, _SECURITY_REGISTER, _PACKET_REGISTER)
            return Acknowledgement(Confirmation.BAD_SETTING if known else Confirmation.BAD_REGISTER)
        return Acknowledgement(Confirmation.OK)

    async def _upload(self) -> None:
        if self._buffer is None:
            return
        data = pack(self._buffer)
        step = 32 << self._size_code
        for number, place in enumerate(range(0, len(data), step)):
            if self._unplug_after is not None and number >= self._unplug_after:
                self._unplug_after = None
                await self.unplug()
                return
            piece = data[place : place + step]
            if not await self._send(Data(piece, last=place + step >= len(data))):
                return
        self.captures += 1

    async def control(self, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Do what a request of the control socket says."""
        match request.get("do"):
            case "place":
                await self.place(Path(request["image"]))
            case "lift":
                self.lift()
            case "unplug":
                await self.unplug()
            case "plug":
                await self.plug()
            case "unplug_during_upload":
                self.unplug_during_upload(int(request.get("after_packets", 1)))
            case "fail":
                self.fail(str(request["command"]), int(request["code"]), int(request.get("times", 1)))
            case "state":
                return self.state()
            case other:
                raise control.BadRequestError(f"cannot do {other!r}")
        return None


async def _main(arguments: argparse.Namespace) -> None:
    channel = PacedLine(arguments.pace_baud) if arguments.pace_baud else line(arguments.line, arguments.seed)
    emulator = R30xEmulator(
        arguments.device,
        packet_size=arguments.packet_size,
        password=arguments.password,
        baud=arguments.baud,
        channel=channel,
    )
    async with emulator:
        await control.serve(arguments.device, arguments.control, emulator.control)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="An R30x fingerprint module on a pseudo-terminal.")
    parser.add_argument("--device", type=Path, required=True, help="symlink to make to the port")
    parser.add_argument("--control", type=Path, required=True, help="Unix socket to take requests on")
    parser.add_argument("--pace-baud", type=int, default=0, help="send at this real speed; 0: as fast as it goes")
    parser.add_argument("--baud", type=int, default=0, help="understand this speed only; 0: any, as a pty does")
    parser.add_argument("--packet-size", type=int, choices=(32, 64, 128, 256), default=128)
    parser.add_argument("--password", type=lambda text: int(text, 16), default=0, help="hexadecimal")
    parser.add_argument("--line", choices=KINDS, default="clean", help="what the line does to the bytes")
    parser.add_argument("--seed", type=int, default=0, help="of the line's chance")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
