"""Each device of the conformance suite with the peer it is tried against: one shape for all."""

from __future__ import annotations

import asyncio
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Protocol

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers import registry
from drivers.base import (
    Camera,
    Device,
    DocumentReader,
    DriverError,
    FingerprintScanner,
    Frame,
    LaneSignal,
    SignalState,
)
from drivers.emulators.line import Line
from drivers.emulators.mrz_reader import MrzReaderEmulator
from drivers.emulators.r30x import R30xEmulator
from drivers.emulators.relay_board import RelayBoardEmulator
from tests.drivers.gpio_stand_in import Board
from tests.drivers.keyboard_stand_in import WedgeReader
from tests.drivers.mjpeg_server import MjpegServer, jpeg
from tests.drivers.picamera2_stand_in import Module
from tests.drivers.pictures import on_sixteen_levels, striped
from tests.drivers.rtsp_server import RtspServer
from tests.drivers.v4l2_stand_in import UsbCamera


class Bench(ABC):
    """A device's peer. ``present`` gives it something to sense, numbered; ``sense`` says which number came.

    ``reconnects`` is how often it is opened and closed in every run: less where that takes more than 20 ms each.
    """

    reconnects = 500

    def __init__(self, port: Path, channel: Line) -> None:
        self.port = port
        self.channel = channel

    @abstractmethod
    async def start(self) -> None: ...

    @abstractmethod
    async def stop(self) -> None: ...

    @abstractmethod
    def driver(self) -> Device: ...

    @abstractmethod
    async def present(self, number: int) -> None: ...

    @abstractmethod
    async def sense(self, device: Device) -> int: ...

    @abstractmethod
    async def unplug(self) -> None: ...

    @abstractmethod
    async def plug(self) -> None: ...

    async def settle(self) -> None:
        """Return when the peer has noticed that the driver has let go: it lives in the same process."""
        await asyncio.sleep(0)  # Most hold nothing for a driver.


# The R503's: half the bytes of the larger ones, so that slow lines take less of everybody's time.
_SENSOR = (192, 192)


class R30xBench(Bench):
    async def start(self) -> None:
        self.module = R30xEmulator(self.port, size=_SENSOR, channel=self.channel)
        await self.module.start()

    async def stop(self) -> None:
        await self.module.stop()

    def driver(self) -> Device:
        return registry.scanner("r30x", f"serial://{self.port}")

    async def present(self, number: int) -> None:
        await self.module.place(striped(number, _SENSOR))

    async def sense(self, device: Device) -> int:
        assert isinstance(device, FingerprintScanner)
        image = await device.capture()
        assert (image.dpi, image.levels) == (500, 16)
        for number in range(10):
            if np.array_equal(image.pixels, on_sixteen_levels(striped(number, _SENSOR))):
                return number
        raise AssertionError("a picture that was never on the glass")

    async def unplug(self) -> None:
        await self.module.unplug()

    async def plug(self) -> None:
        await self.module.plug()


class MrzBench(Bench):
    async def start(self) -> None:
        self.reader = MrzReaderEmulator(self.port, channel=self.channel)
        await self.reader.start()

    async def stop(self) -> None:
        await self.reader.stop()

    def driver(self) -> Device:
        return registry.reader("mrz-serial", f"serial://{self.port}")

    async def present(self, number: int) -> None:
        await self.reader.present(["P<UTO" + "A" * 39, str(number) * 44])

    async def sense(self, device: Device) -> int:
        assert isinstance(device, DocumentReader)
        lines = (await device.read()).lines
        if len(lines) == 2 and lines[0] == "P<UTO" + "A" * 39 and lines[1] == lines[1][:1] * 44:
            return int(lines[1][0])
        return -1  # Damaged on the way: a reader's lines have no checksum but their own check digits.

    async def unplug(self) -> None:
        await self.reader.unplug()

    async def plug(self) -> None:
        await self.reader.plug()


class MrzKeyboardBench(Bench):
    """A keyboard-wedge reader that stands in for one; unplugged by taking its device away."""

    async def start(self) -> None:
        self.reader = WedgeReader(self.port, layout="de")
        self.reader.start()

    async def stop(self) -> None:
        self.reader.stop()

    def driver(self) -> Device:
        return registry.reader("mrz-keyboard", f"evdev://{self.port}?layout=de")

    async def present(self, number: int) -> None:
        self.reader.type("P<UTO" + "Y" * 39 + "\r" + str(number) * 44 + "\r")

    async def sense(self, device: Device) -> int:
        assert isinstance(device, DocumentReader)
        first, second = (await device.read()).lines
        assert (first, second) == ("P<UTO" + "Y" * 39, second[0] * 44)
        return int(second[0])

    async def unplug(self) -> None:
        self.reader.unplug()

    async def plug(self) -> None:
        self.reader.plug()


class FolderBench(Bench):
    """A folder of pictures; unplugged by moving it away."""

    async def start(self) -> None:
        await asyncio.to_thread(self.port.mkdir)

    async def stop(self) -> None:
        pass

    async def present(self, number: int) -> None:
        fresh = self.port / "fresh"
        await asyncio.to_thread(fresh.write_bytes, cv2.imencode(".png", striped(number))[1].tobytes())
        await asyncio.to_thread(fresh.replace, self.port / "picture.png")

    async def unplug(self) -> None:
        await asyncio.to_thread(self.port.rename, self.port.with_name("away"))

    async def plug(self) -> None:
        await asyncio.to_thread(self.port.with_name("away").rename, self.port)


class ReplayScannerBench(FolderBench):
    def driver(self) -> Device:
        return registry.scanner("replay", f"replay://{self.port}")

    async def sense(self, device: Device) -> int:
        assert isinstance(device, FingerprintScanner)
        image = await device.capture()
        return next(number for number in range(10) if np.array_equal(image.pixels, striped(number)))


class ReplayCameraBench(FolderBench):
    """A camera goes on showing what it showed before: ``sense`` waits for what was presented last."""

    def driver(self) -> Device:
        self.seen = -1
        return registry.camera("replay", f"replay://{self.port}?fps=50")

    async def present(self, number: int) -> None:
        await super().present(number)
        self.presented = number

    async def sense(self, device: Device) -> int:
        assert isinstance(device, Camera)
        while True:
            frame = await device.newest(self.seen)
            self.seen = frame.sequence
            if np.array_equal(frame.pixels[:, :, 1], striped(self.presented)):
                return self.presented


def shows(frame: Frame, number: int) -> bool:
    """Whether the frame is this picture, but for what a lossy coding changes."""
    return bool(np.abs(frame.pixels[:, :, 1].astype(int) - striped(number)).mean() < 8)


class ShowsLossy(Protocol):
    """A bench of a camera whose pictures are coded with loss: what it shows, and the last frame looked at."""

    presented: int | None
    seen: int


async def see(bench: ShowsLossy, device: Device) -> int:
    """Wait until the camera shows what was presented last."""
    assert isinstance(device, Camera)
    while True:
        frame = await device.newest(bench.seen)
        bench.seen = frame.sequence
        if bench.presented is not None and shows(frame, bench.presented):
            return bench.presented


def film(path: Path, pictures: list[NDArray[np.uint8]], fps: float = 50) -> None:
    """A video of grey pictures, put in place at once."""
    fresh = path.with_name(f"fresh{path.suffix}")
    height, width = pictures[0].shape
    writer = cv2.VideoWriter(str(fresh), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), fps, (width, height))
    for picture in pictures:
        writer.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    writer.release()
    fresh.replace(path)


class ReplayVideoBench(Bench):
    """A video of three equal pictures; unplugged by moving it away."""

    async def start(self) -> None:
        self.file = self.port.with_suffix(".avi")
        self.presented: int | None = None
        await asyncio.to_thread(film, self.file, [striped(9)] * 3)

    async def stop(self) -> None:
        pass

    def driver(self) -> Device:
        self.seen = -1
        return registry.camera("replay", f"replay://{self.file}")

    async def present(self, number: int) -> None:
        await asyncio.to_thread(film, self.file, [striped(number)] * 3)
        self.presented = number

    async def sense(self, device: Device) -> int:
        return await see(self, device)

    async def unplug(self) -> None:
        await asyncio.to_thread(self.file.rename, self.file.with_name("away"))

    async def plug(self) -> None:
        await asyncio.to_thread(self.file.with_name("away").rename, self.file)


class HttpMjpegBench(Bench):
    """A network camera; unplugged by closing its server and its connections."""

    async def start(self) -> None:
        self.presented: int | None = None
        self.server = MjpegServer(jpeg(striped(9)))
        await self.server.start()

    async def stop(self) -> None:
        await self.server.stop()

    def driver(self) -> Device:
        self.seen = -1
        return registry.camera("http-mjpeg", f"http://127.0.0.1:{self.server.port}{self.port}")

    async def present(self, number: int) -> None:
        self.presented = number
        self.server.picture = jpeg(striped(number))

    async def sense(self, device: Device) -> int:
        return await see(self, device)

    async def unplug(self) -> None:
        await self.server.stop()

    async def plug(self) -> None:
        await self.server.start()

    async def settle(self) -> None:
        await until(self.server.is_alone)


class RtspBench(Bench):
    """A network camera over RTSP; unplugged by closing its server and its connections."""

    reconnects = 50  # FFmpeg takes 0.14 s for each.

    async def start(self) -> None:
        self.presented: int | None = None
        self.server = RtspServer(striped(9))
        await self.server.start()

    async def stop(self) -> None:
        await self.server.stop()

    def driver(self) -> Device:
        self.seen = -1
        return registry.camera("rtsp", f"rtsp://127.0.0.1:{self.server.port}{self.port}")

    async def present(self, number: int) -> None:
        self.presented = number
        self.server.picture = striped(number)

    async def sense(self, device: Device) -> int:
        return await see(self, device)

    async def unplug(self) -> None:
        await self.server.stop()

    async def plug(self) -> None:
        await self.server.start()

    async def settle(self) -> None:
        await until(self.server.is_alone)


class V4l2Bench(Bench):
    """A USB camera that stands in for one; unplugged by removing its device file."""

    async def start(self) -> None:
        await self.plug()
        self.presented: int | None = None
        self.camera = UsbCamera(self.port, striped(9), sizes=((256, 288),))
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(cv2, "VideoCapture", self.camera.capture)

    async def stop(self) -> None:
        self.patch.undo()

    def driver(self) -> Device:
        self.seen = -1
        return registry.camera("v4l2", f"v4l2://{self.port}")

    async def present(self, number: int) -> None:
        self.presented = number
        self.camera.picture = striped(number)

    async def sense(self, device: Device) -> int:
        return await see(self, device)

    async def unplug(self) -> None:
        await asyncio.to_thread(self.port.unlink)

    async def plug(self) -> None:
        await asyncio.to_thread(self.port.symlink_to, "/dev/null")


class PiCameraBench(Bench):
    """A Raspberry Pi camera module that stands in for one; unplugged by taking it out of the list of cameras."""

    async def start(self) -> None:
        self.port = Path("/0")
        self.presented: int | None = None
        self.module = Module(striped(9))
        self.patch = pytest.MonkeyPatch()
        for name, stand_in in self.module.modules().items():
            self.patch.setitem(sys.modules, name, stand_in)
        sys.modules.pop("drivers.camera.pi_camera", None)

    async def stop(self) -> None:
        self.patch.undo()
        sys.modules.pop("drivers.camera.pi_camera", None)
        assert self.module.buffers_out == 0

    def driver(self) -> Device:
        self.seen = -1
        return registry.camera("picamera2", "picamera2:///0?width=256&height=288&preview=128")

    async def present(self, number: int) -> None:
        self.presented = number
        self.module.picture = striped(number)

    async def sense(self, device: Device) -> int:
        return await see(self, device)

    async def unplug(self) -> None:
        self.module.plugged = False

    async def plug(self) -> None:
        self.module.plugged = True


class SignalBench(Bench):
    """A lane signal: a number is a state, and it is sensed where the outputs are as that state has them."""

    # Output -> number of the pin or relay.
    wiring: ClassVar = {"green": 4, "yellow": 5, "red": 6, "barrier": 7}
    shows: ClassVar[dict[SignalState, set[str]]] = {
        SignalState.OFF: set(),
        SignalState.READY: {"green"},
        SignalState.BUSY: {"yellow"},
        SignalState.GO: {"green", "barrier"},
        SignalState.STOP: {"red"},
    }
    presented: int | None = None

    @property
    def options(self) -> str:
        return "&".join(f"{output}={number}" for output, number in self.wiring.items())

    @abstractmethod
    def on(self) -> set[int]:
        """The pins or relays that are on."""

    async def present(self, number: int) -> None:
        self.presented = number

    async def sense(self, device: Device) -> int:
        assert isinstance(device, LaneSignal)
        states = list(SignalState)
        while self.presented is None:
            await device.show(SignalState.OFF)
        number = self.presented
        state = states[number % len(states)]
        await device.show(state)
        expected = {self.wiring[output] for output in self.shows[state]}
        while self.on() != expected:  # noqa: ASYNC110  # A board that answers nothing is some moments behind.
            await asyncio.sleep(0.002)
        return number


class LcusBench(SignalBench):
    board = "lcus"

    async def start(self) -> None:
        self.relays = RelayBoardEmulator(self.port, board=self.board, channel=self.channel)
        await self.relays.start()

    async def stop(self) -> None:
        await self.relays.stop()

    def driver(self) -> Device:
        return registry.signal("relay-board", f"serial://{self.port}?board={self.board}&{self.options}")

    def on(self) -> set[int]:
        return set(self.relays.on)

    async def unplug(self) -> None:
        await self.relays.unplug()

    async def plug(self) -> None:
        await self.relays.plug()


class NumatoBench(LcusBench):
    board = "numato"


class GpioBench(SignalBench):
    """Pins of gpiozero's own mock; unplugged as where the kernel takes its driver away."""

    async def start(self) -> None:
        self.port = Path("/")
        self.board = Board()
        self.board.start()

    async def stop(self) -> None:
        self.board.stop()

    def driver(self) -> Device:
        return registry.signal("gpio", f"gpio:///?{self.options}")

    def on(self) -> set[int]:
        return self.board.high()

    async def unplug(self) -> None:
        self.board.plugged = False

    async def plug(self) -> None:
        self.board.plugged = True


BENCHES: dict[str, type[Bench]] = {
    "r30x": R30xBench,
    "mrz-serial": MrzBench,
    "mrz-keyboard": MrzKeyboardBench,
    "replay-scanner": ReplayScannerBench,
    "replay-camera": ReplayCameraBench,
    "replay-video": ReplayVideoBench,
    "http-mjpeg": HttpMjpegBench,
    "rtsp": RtspBench,
    "v4l2": V4l2Bench,
    "picamera2": PiCameraBench,
    "relay-lcus": LcusBench,
    "relay-numato": NumatoBench,
    "gpio": GpioBench,
}
SERIAL = ("r30x", "mrz-serial", "relay-lcus", "relay-numato")


async def until(condition: Callable[[], bool]) -> None:
    """Return when ``condition`` holds; for states of emulators, which have no event to wait on."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # See above.
            await asyncio.sleep(0.002)


async def sense_until(bench: Bench, device: Device, number: int, tries: int = 8) -> None:
    """Present and sense until what was presented comes unharmed; the noise of the lines used here ends."""
    for _ in range(tries):
        await bench.present(number)
        try:
            async with asyncio.timeout(3):
                if await bench.sense(device) == number:
                    return
        except (DriverError, TimeoutError):
            continue
    raise AssertionError(f"not sensed in {tries} tries")


async def sense_for_ever(bench: Bench, device: Device) -> None:
    """Sense again and again, until the device raises."""
    while True:
        await bench.sense(device)
