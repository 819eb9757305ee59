"""The real pcscd and its virtual reader with made-up passports, as a bench of the conformance suite."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

from drivers import registry
from drivers.base import ChipKey, ChipReader, Device
from drivers.chip.ciphers import Suite
from drivers.emulators.emrtd import VirtualReader, mrz_information, personalised
from drivers.emulators.emrtd_chip import Chip, Personalisation
from drivers.emulators.emrtd_lds import Authority, Signer, dg1
from drivers.emulators.line import Line
from tests.drivers.benches import Bench
from tests.drivers.pcscd import READER, need_pcscd, own_pcscd

PORTRAIT = b"\xff\xd8" + bytes(range(256)) * 8 + b"\xff\xd9"
"""No picture, but of the length of a very small one: drivers do not look into it."""


def zone(number: int) -> tuple[str, str]:
    """A zone that differs by the holder's name only: one key opens all."""
    name = f"P<UTOSPECIMEN<<NUMBER<{'ABCDEFGHIJ'[number]}"
    return name.ljust(44, "<"), "L898902C36UTO7408122F1204159ZE184226B<<<<<10"


KEY = ChipKey(mrz_information(zone(0)))


@cache
def signer() -> Signer:
    """One signer for all made-up documents whose signature nobody looks at."""
    return Authority().signer()


def passport(number: int, suite: Suite = Suite.AES128) -> Personalisation:
    """A small passport with PACE and BAC."""
    return personalised(zone(number), PORTRAIT, signer(), size=(420, 540), pace=(12, suite))


class ChipBench(Bench):
    """``port`` is the reader's name as the address has it; unplugged by ending pcscd, which takes its reader along."""

    def __init__(self, _port: Path, channel: Line) -> None:
        super().__init__(Path("/") / READER, channel)

    async def start(self) -> None:
        await asyncio.to_thread(need_pcscd)
        self.service = await asyncio.to_thread(own_pcscd)
        await self.plug()
        self.field = VirtualReader(self.service.port)

    async def stop(self) -> None:
        await self.field.lift()
        await self.unplug()

    def driver(self) -> Device:
        return registry.chip_reader("pcsc", f"pcsc://{self.port}")

    async def present(self, number: int) -> None:
        await self.field.place(Chip(passport(number)))

    async def sense(self, device: Device) -> int:
        assert isinstance(device, ChipReader)
        read = await device.read_chip(KEY)
        return next(number for number in range(10) if read.files["DG1"] == dg1(zone(number)))

    async def unplug(self) -> None:
        await asyncio.to_thread(self.service.stop)

    async def plug(self) -> None:
        await asyncio.to_thread(self.service.start)
