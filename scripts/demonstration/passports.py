"""The demonstration's chips: a pcscd of its own with a virtual reader, and whose passport lies on it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from demonstration.emulated import Emulator
from demonstration.processes import Process, ProcessError
from demonstration.travellers import TRAVELLERS
from drivers.emulators import pcscd
from hotspotd.emrtd.countries import certificate_country


def _country(mrz: tuple[str, str]) -> str:
    """Of the signing authority of the zone's issuer."""
    return certificate_country(mrz[0][2:5].rstrip("<")) or "UT"


class Passports:
    """A reader and the passports for it; the certificate of who signed them lies in the folder ``csca``."""

    def __init__(self, folder: Path, logs: Path) -> None:
        self._service = pcscd.Pcscd(folder / "pcscd")
        self._control = folder / "emrtd.sock"
        countries = sorted({_country(traveller.mrz()) for traveller in TRAVELLERS})
        arguments = ["-m", "drivers.emulators.emrtd", "--control", str(self._control)]
        arguments += ["--authority", str(folder / "csca" / "demonstration.pem"), "--port", str(self._service.port)]
        arguments += [word for country in countries for word in ("--country", country)]
        self._process = Process("emrtd", arguments, logs / "emrtd.log")
        self._folder = folder

    @property
    def environment(self) -> dict[str, str]:
        """By which the daemon finds its PC/SC."""
        return {pcscd.SOCKET_VARIABLE: str(self._service.socket)}

    async def __aenter__(self) -> Self:
        """Start both. Raises ProcessError that says what is missing."""
        if why := await asyncio.to_thread(pcscd.missing):
            raise ProcessError(f"--document chip: {why}")
        (self._folder / "csca").mkdir()
        await asyncio.to_thread(self._service.start)
        try:
            await self._process.start()
            await self._process.wait_for_line("ready")
        except BaseException:
            await asyncio.to_thread(self._service.stop)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop both."""
        await self._process.stop()
        await asyncio.to_thread(self._service.stop)

    async def lay(self, mrz: tuple[str, str], portrait: Path) -> None:
        """Lay down the passport with this zone and picture, in place of whatever lies there."""
        document = {"mrz": mrz, "country": _country(mrz)}
        await Emulator(self._control).do("place", document=document, portrait=str(portrait))

    async def lift(self) -> None:
        """Take it away."""
        await Emulator(self._control).do("lift")
