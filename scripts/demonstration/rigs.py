"""The devices of the demonstration's lane: what stands in for each, and what a person does with it.

A rig says how the kiosk's configuration names its device, starts what the device needs, and is then used as the device
itself would be. ``SCANNERS`` and ``READERS`` hold them by the name that ``./scripts/demo`` takes.
"""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from demonstration import materials, pages
from demonstration.emulated import Emulator, Scene
from demonstration.passports import Passports
from demonstration.processes import Process, ProcessError
from demonstration.travellers import Traveller
from drivers.base import DriverError
from drivers.emulators.sbi_keys import ANCHORS
from drivers.emulators.virtual_image import VARIABLE, VirtualFinger
from drivers.fingerprint.libfprint import PACKAGES
from drivers.fingerprint.sbi_messages import FIRST_PORT, LAST_PORT
from drivers.glib_thread import introspected


class Rig(ABC):
    """Devices in ``folder``; made before the kiosk's configuration is written, started before the daemon."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @abstractmethod
    def sections(self) -> dict[str, tuple[str, str]]:
        """Driver and address of each device, by its key in the lane's configuration."""

    def settings(self) -> str:
        """Sections of the kiosk's configuration for it."""
        return ""

    def environment(self) -> dict[str, str]:
        """What the daemon's environment must hold for it."""
        return {}

    @abstractmethod
    async def start(self, stack: AsyncExitStack) -> None:
        """Start what stands in for the devices; ``stack`` ends it. Raises ProcessError."""

    async def _emulator(self, stack: AsyncExitStack, module: str, name: str) -> Emulator:
        """An emulator process of ``drivers.emulators`` with its plug at ``folder``/tty``name``."""
        control = self._folder / f"{name.lower()}.sock"
        arguments = ["-m", f"drivers.emulators.{module}"]
        arguments += ["--device", str(self._tty(name)), "--control", str(control)]
        process = Process(module, arguments, self._folder / "logs" / f"{module}.log")
        await process.start()
        stack.push_async_callback(process.stop)
        await process.wait_for_line("ready")
        return Emulator(control)

    def _tty(self, name: str) -> Path:
        return self._folder / f"tty{name}"


class ScannerRig(Rig):
    """A fingerprint scanner and the hand on it."""

    @abstractmethod
    async def place(self, image: Path) -> None:
        """Lay a finger with this print on the glass."""

    async def place_several(self, images: Mapping[str, Path]) -> None:
        """Lay several fingers of one hand on the glass, where the scanner takes them."""
        raise RuntimeError(f"this scanner takes one finger at a time, not {', '.join(images)}")

    @abstractmethod
    async def place_and_pull(self, image: Path) -> None:
        """Lay a finger on the glass, and pull the plug while its picture is taken."""

    @abstractmethod
    async def lift(self) -> None:
        """Take the finger away."""

    @abstractmethod
    async def plug(self) -> None:
        """Put the plug in again."""


class ReaderRig(Rig):
    """A document reader and the hand with the document."""

    @abstractmethod
    async def show(self, traveller: Traveller, picture: Path) -> None:
        """Let the reader have this traveller's document, with this picture of them in it."""

    async def take_away(self) -> None:
        """The document goes back into the pocket."""


class SerialScanner(ScannerRig):
    """An R307 on a serial line."""

    def sections(self) -> dict[str, tuple[str, str]]:
        return {"scanner": ("r30x", f"serial://{self._tty('Scanner')}?baud=57600")}

    async def start(self, stack: AsyncExitStack) -> None:
        self._emulated = await self._emulator(stack, "r30x", "Scanner")

    async def place(self, image: Path) -> None:
        await self._emulated.do("place", image=str(image))

    async def place_and_pull(self, image: Path) -> None:
        await self._emulated.do("unplug_during_upload", after_packets=40)
        await self.place(image)

    async def lift(self) -> None:
        await self._emulated.do("lift")

    async def plug(self) -> None:
        await self.lift()
        await self._emulated.do("plug")


class LibfprintScanner(ScannerRig):
    """libfprint's own virtual scanner: made by the library in the daemon's process, which alone reads its socket."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._socket = folder / "libfprint.sock"
        self._finger = VirtualFinger(self._socket)

    def sections(self) -> dict[str, tuple[str, str]]:
        return {"scanner": ("libfprint", "libfprint:///virtual_image")}

    def environment(self) -> dict[str, str]:
        return {VARIABLE: str(self._socket)}

    async def start(self, stack: AsyncExitStack) -> None:
        try:
            introspected("FPrint", "2.0", PACKAGES)
        except DriverError as error:
            raise ProcessError(str(error)) from error
        stack.push_async_callback(self._finger.close)

    async def place(self, image: Path) -> None:
        pixels = cv2.imread(str(image), cv2.IMREAD_GRAYSCALE)
        if pixels is None:
            raise OSError(f"{image} is no picture")
        await self._finger.place(np.asarray(pixels, dtype=np.uint8))

    async def place_and_pull(self, image: Path) -> None:
        del image  # The plug goes before a picture could come.
        await self._finger.remove()

    async def lift(self) -> None:
        """A picture lays its finger and lifts it by itself."""

    async def plug(self) -> None:
        """The library has made the scanner anew already."""


class SbiScanner(ScannerRig):
    """A certified scanner of four fingers at once, behind its own service on a port of this machine."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._port = _free_port(FIRST_PORT, LAST_PORT)
        self._keys = folder / "sbi-keys"

    def sections(self) -> dict[str, tuple[str, str]]:
        return {"scanner": ("sbi", f"sbi:///{self._port}?trust={self._keys / ANCHORS}")}

    async def start(self, stack: AsyncExitStack) -> None:
        control = self._folder / "scanner.sock"
        arguments = ["-m", "drivers.emulators.sbi_service", "--control", str(control)]
        arguments += ["--port", str(self._port), "--keys", str(self._keys)]
        process = Process("sbi_service", arguments, self._folder / "logs" / "sbi_service.log")
        await process.start()
        stack.push_async_callback(process.stop)
        await process.wait_for_line("ready")
        self._emulated = Emulator(control)

    async def place(self, image: Path) -> None:
        await self._emulated.do("place", image=str(image))

    async def place_several(self, images: Mapping[str, Path]) -> None:
        await self._emulated.do("place", images={finger: str(image) for finger, image in images.items()})

    async def place_and_pull(self, image: Path) -> None:
        del image  # The plug goes before a picture could come.
        await self._emulated.do("unplug")

    async def lift(self) -> None:
        await self._emulated.do("lift")

    async def plug(self) -> None:
        await self._emulated.do("plug")


def _free_port(first: int, last: int) -> int:
    for port in range(first, last + 1):
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ProcessError(f"no port from {first} to {last} is free")


class SerialReader(ReaderRig):
    """A reader that sends the machine readable zone over a serial line."""

    def sections(self) -> dict[str, tuple[str, str]]:
        return {"document": ("mrz-serial", f"serial://{self._tty('Reader')}")}

    async def start(self, stack: AsyncExitStack) -> None:
        self._emulated = await self._emulator(stack, "mrz_reader", "Reader")

    async def show(self, traveller: Traveller, picture: Path) -> None:
        del picture  # It sees the zone alone.
        await self._emulated.do("present", lines=list(traveller.mrz()))


class DocumentCamera(ReaderRig):
    """A camera above the desk on which documents are laid; its pictures are drawn."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._scene = Scene(folder / "desk-camera", folder / "desk-shown")
        self._desk = folder / "pages" / "none"

    def sections(self) -> dict[str, tuple[str, str]]:
        return {"document": ("mrz-camera", f"replay://{self._scene.link}?fps=10")}

    async def start(self, stack: AsyncExitStack) -> None:
        del stack  # Nothing runs: the camera plays pictures.
        await asyncio.to_thread(materials.write_colour, self._desk / "desk.jpg", pages.desk())
        await self.take_away()

    async def show(self, traveller: Traveller, picture: Path) -> None:
        del picture  # The page has a drawn one.
        self._scene.show(await asyncio.to_thread(self._pictures, traveller))

    async def take_away(self) -> None:
        self._scene.show(self._desk)

    def _pictures(self, traveller: Traveller) -> Path:
        home = self._folder / "pages" / traveller.key
        if not home.is_dir():
            for number, picture in enumerate(pages.lying(traveller.mrz(), seed=ord(traveller.key))):
                materials.write_colour(home / f"{number}.jpg", picture)
        return home


class ChipDocument(SerialReader):
    """The serial reader, and beside it a contactless reader for the passport's chip."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._passports = Passports(folder, folder / "logs")

    def sections(self) -> dict[str, tuple[str, str]]:
        return super().sections() | {"chip": ("pcsc", "pcsc:///Virtual PCD")}

    def settings(self) -> str:
        # The false match rate is what the bundled model, which is for demonstration only, can hold.
        return f'[chip]\nauthorities = "{self._folder}/csca"\n\n[matching]\nportrait_fmr = 0.001\n'

    def environment(self) -> dict[str, str]:
        return self._passports.environment

    async def start(self, stack: AsyncExitStack) -> None:
        await super().start(stack)
        await stack.enter_async_context(self._passports)

    async def show(self, traveller: Traveller, picture: Path) -> None:
        # What is printed badly is still right in the chip.
        await self._passports.lay(replace(traveller, misread_lines=False).mrz(), picture)
        await super().show(traveller, picture)

    async def take_away(self) -> None:
        await self._passports.lift()


SCANNERS: dict[str, Callable[[Path], ScannerRig]] = {
    "serial": SerialScanner,
    "libfprint": LibfprintScanner,
    "sbi": SbiScanner,
}
READERS: dict[str, Callable[[Path], ReaderRig]] = {
    "serial": SerialReader,
    "camera": DocumentCamera,
    "chip": ChipDocument,
}
