"""The service of a certified fingerprint scanner: SBI 0.9.5 on a port of 127.0.0.1, signed as the standard says.

As a process: ``python -m drivers.emulators.sbi_service --control SOCKET [--port 4501] [--keys FOLDER]``. It prints
``ready`` and the address to give a driver. Requests on the socket: ``{"do":"place","image":PATH}`` a finger, whichever
is asked for; ``{"do":"place","images":{"right_index":PATH,...}}`` the fingers of a hand; ``{"do":"place","slap":PATH}``
one picture of them all; ``lift``; ``unplug`` and ``plug`` (the service); ``{"do":"scanner","there":false}`` (the
scanner, at its cable); ``{"do":"fail","code":102,"times":1}``; ``{"do":"sign","how":"tampered"}`` (one of
``sbi_device.WRONG``, or ``right``); ``state``. Inside a test: ``async with SbiService(keys) as service``.

A finger is taken once: it has to be lifted, or another placed, before the next capture takes one. A capture that nobody
waits for any more ends. Signatures are made with keys of the emulator's own: see ``sbi_keys``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np

from drivers.emulators import control
from drivers.emulators.glass import load, on_glass
from drivers.emulators.sbi_device import WRONG, Glass, SbiDevice, error_of
from drivers.emulators.sbi_keys import ANCHORS, Keys
from drivers.emulators.sbi_server import Answer, Request, Server
from drivers.fingerprint.iso_record import Coding
from drivers.fingerprint.sbi_messages import FIRST_PORT, LAST_PORT, SPEC

SERIAL = "230012345678"
LABELS = {
    "right_thumb": 1, "right_index": 2, "right_middle": 3, "right_ring": 4, "right_little": 5,
    "left_thumb": 6, "left_index": 7, "left_middle": 8, "left_ring": 9, "left_little": 10,
}  # fmt: skip
_WINDOW = (500, 400)
"""Of a single finger, as scanners of slaps cut them out [px at 500 dpi]."""
_FRAME_S = 0.2
_LONGEST_WAIT_S = 60.0
_REMEMBERED = 16


class SbiService:
    """One service with one scanner; all methods belong to the event loop that ``start`` ran in."""

    def __init__(
        self,
        keys: Keys,
        *,
        port: int = 0,
        slap: bool = True,
        serial: str = SERIAL,
        dpi: int = 500,
        coding: Coding = Coding.JPEG2000,
    ) -> None:
        self.device = SbiDevice(keys, slap=slap, serial=serial, dpi=dpi, coding=coding)
        self.device.port = port
        self._server = Server(self._serve)
        self._glass = Glass({})
        self._laid = asyncio.Event()
        self._failure = (0, 0)
        self._last = b""
        self.captures = 0
        # The last requests for a capture, the oldest first.
        self.asked: list[Mapping[str, Any]] = []

    @property
    def port(self) -> int:
        """Where it listens; 0 until it has a port."""
        return self.device.port

    async def start(self) -> None:
        """Listen: on its port, or on the first free one of the standard's. Raises OSError where there is none."""
        # Emulators that are started side by side begin at different ports.
        span = LAST_PORT - FIRST_PORT + 1
        ports = [self.port] if self.port else [FIRST_PORT + (os.getpid() + number) % span for number in range(span)]
        for port in ports:
            try:
                await self._server.start(port)
            except OSError:
                continue
            self.device.port = port
            return
        raise OSError(f"no free port from {min(ports)} to {max(ports)}")

    async def stop(self) -> None:
        """End the service."""
        await self._server.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def is_alone(self) -> bool:
        """Whether everybody who asked has gone."""
        return self._server.is_alone()

    def place(self, glass: Glass) -> None:
        """Lay fingers on the glass."""
        self._glass = glass
        self._laid.set()

    def lift(self) -> None:
        """Take them away."""
        self._glass = Glass({})
        self._laid.clear()

    def sign(self, how: str) -> None:
        """Answer in this way from now on: one of ``WRONG``, or ``right``."""
        if how not in ("right", *WRONG):
            raise control.BadRequestError(f"known: right, {', '.join(WRONG)}")
        self.device.how = how

    def fail(self, code: int, times: int = 1) -> None:
        """Answer the next ``times`` captures with this error."""
        self._failure = (code, times)

    # What is asked over HTTP.

    async def _serve(self, request: Request) -> Answer:
        match request.verb, request.path:
            case "MOSIPDISC", "/device":
                return _json(self.device.discovery())
            case "MOSIPDINFO", "/info":
                return _json(await asyncio.to_thread(self.device.info))
            case "RCAPTURE", "/capture":
                return await self._capture(request.body)
            case "STREAM", "/stream":
                return Answer(parts=self._stream())
            case _:
                return Answer(status=404)

    async def _capture(self, body: bytes) -> Answer:
        asked = json.loads(body)
        self.asked = [*self.asked, asked][-_REMEMBERED:]
        code, times = self._failure
        if times:
            self._failure = (code, times - 1)
        refusal = code if times else self.device.refusal(asked)
        if refusal:
            return _refused(refusal)
        self.device.busy = True
        try:
            async with asyncio.timeout(min(int(asked["timeout"]) / 1000, _LONGEST_WAIT_S)):
                await self._laid.wait()
            answer = await asyncio.to_thread(self.device.captured, asked, self._glass)
        except TimeoutError:
            return _refused(101)
        finally:
            self.device.busy = False
        if self.device.how == "replayed" and self._last:
            answer = self._last
        self._last = answer
        return Answer(body=answer, sent=self._taken)

    def _taken(self) -> None:
        self.captures += 1
        self._laid.clear()

    async def _stream(self) -> AsyncIterator[bytes]:
        while True:
            yield await asyncio.to_thread(self._frame)
            await asyncio.sleep(_FRAME_S)

    def _frame(self) -> bytes:
        pictures = (self._glass.whole, self._glass.any, *self._glass.each.values())
        shown = next((each for each in pictures if each is not None), np.full(_WINDOW, 235, np.uint8))
        return cv2.imencode(".jpg", shown)[1].tobytes()

    # What is asked on the control socket.

    async def control(self, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Do what a request of the control socket says."""
        match request.get("do"):
            case "place":
                self.place(await asyncio.to_thread(_glass, request))
            case "lift":
                self.lift()
            case "unplug":
                await self._server.stop()
            case "plug":
                if not self._server.listens:
                    await self._server.start(self.port)
            case "scanner":
                self.device.there = bool(request["there"])
            case "fail":
                self.fail(int(request["code"]), int(request.get("times", 1)))
            case "sign":
                self.sign(str(request["how"]))
            case "state":
                return {
                    "finger": not self._glass.is_empty,
                    "captures": self.captures,
                    "plugged": self._server.listens,
                    "busy": self.device.busy,
                    "port": self.port,
                }
            case other:
                raise control.BadRequestError(f"cannot do {other!r}")
        return None


def _glass(request: Mapping[str, Any]) -> Glass:
    if "slap" in request:
        return Glass({}, whole=load(Path(request["slap"])))
    if "images" in request:
        return Glass({LABELS[name]: on_glass(load(Path(path)), _WINDOW) for name, path in request["images"].items()})
    return Glass({}, any=on_glass(load(Path(request["image"])), _WINDOW))


def _json(found: object) -> Answer:
    return Answer(body=json.dumps(found).encode())


def _refused(code: int) -> Answer:
    return _json({"biometrics": [{"specVersion": SPEC, "data": "", "hash": "", "error": error_of(code)}]})


async def _main(arguments: argparse.Namespace) -> None:
    folder: Path = arguments.keys
    keys = await asyncio.to_thread(Keys.kept, folder)
    service = SbiService(keys, port=arguments.port, slap=arguments.kind == "slap", serial=arguments.serial)
    async with service:
        address = f"sbi:///{service.port}?trust={folder / ANCHORS}"
        await control.serve(address, arguments.control, service.control)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="The MOSIP biometric service of a certified fingerprint scanner.")
    parser.add_argument("--control", type=Path, required=True, help="Unix socket to take requests on")
    parser.add_argument("--port", type=int, default=0, help="4501 to 4600; 0: the first that is free")
    parser.add_argument(
        "--keys", type=Path, help="folder of its keys, made where it is missing (default: CONTROL.keys)"
    )
    parser.add_argument("--kind", choices=("slap", "single"), default="slap", help="what the scanner takes")
    parser.add_argument("--serial", default=SERIAL, help="serial number of the scanner")
    arguments = parser.parse_args()
    arguments.keys = (arguments.keys or arguments.control.with_name(arguments.control.name + ".keys")).absolute()
    asyncio.run(_main(arguments))


if __name__ == "__main__":
    main()
