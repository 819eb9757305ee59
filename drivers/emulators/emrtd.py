"""A passport with a chip on a virtual PC/SC reader: the card's side of vsmartcard's vpcd.

vpcd, a reader driver of pcscd, listens on a TCP port (35963 in Debian's configuration) for one card. Each message is
two bytes of length, big endian, and so many bytes: one byte from the reader is 0 power off, 1 power on, 2 reset or 4
tell the ATR; anything longer is a command, answered by a message. The card is in the field while it is connected.

As a process: ``python -m drivers.emulators.emrtd --control SOCKET --authority FILE [--port 35963]``; it makes a country
signing authority of its own for each ``--country`` (UT) and writes the certificates to FILE (PEM). Requests on the
socket: ``{"do":"place","document":{"mrz":["..",".."],"country":"UT","can":"123456"},"portrait":"face.jpg"}``, with
``"fault"`` one of FAULTS; ``lift``, ``state``.
Inside a test: ``VirtualReader(port)`` and chips of ``emrtd_chip``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from drivers.chip.ciphers import Suite
from drivers.emulators import control
from drivers.emulators.emrtd_chip import Chip, Personalisation, Proof, card_access, dg14, pace_offer
from drivers.emulators.emrtd_lds import Authority, Signer, com, dg1, dg2, pem, sod

VPCD_PORT = 35_963

# What a contactless reader reports of an ISO/IEC 14443 card without historical bytes (PC/SC part 3, 3.1.3.2.3).
ATR = bytes.fromhex("3B80800101")
_OFF, _ON, _RESET, _ATR = b"\x00", b"\x01", b"\x02", b"\x04"
# pcscd looks for a card about every 0.4 s; on a busy machine it may take longer.
_NOTICED_S = 20.0

FAULTS = ("wrong_hash", "foreign_signer", "clone", "hidden_dg14", "tear_off", "slow", "garbage")


class VirtualReader:
    """The field of one of vpcd's readers; all methods belong to one event loop."""

    def __init__(self, port: int = VPCD_PORT) -> None:
        self._port = port
        self._serving: asyncio.Task[None] | None = None
        self.commands = 0
        """How many commands the present chip has answered."""

    @property
    def occupied(self) -> bool:
        """Whether a chip lies in the field."""
        return self._serving is not None and not self._serving.done()

    async def place(self, chip: Chip, *, tear_after: int = 0, pause_s: float = 0.0, garbage: int | None = None) -> None:
        """Lay ``chip`` on the reader and return when the reader has noticed it.

        ``tear_after``: it is taken away at this command. ``pause_s``: it takes so long for each answer. ``garbage``:
        its answers are noise of this seed. Raises OSError where no vpcd listens, TimeoutError where none notices.
        """
        await self.lift()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        noticed = asyncio.Event()
        self.commands = 0
        noise = None if garbage is None else random.Random(garbage)  # noqa: S311  # Noise, seeded to come again.

        async def answer(message: bytes) -> bytes | None:
            if message == _ATR:
                noticed.set()
                return ATR
            if len(message) == 1:
                if message in (_OFF, _ON, _RESET):
                    chip.reset()
                return b""
            self.commands += 1
            if tear_after and self.commands >= tear_after:
                return None
            await asyncio.sleep(pause_s)
            return chip.respond(message) if noise is None else noise.randbytes(noise.randrange(1, 64))

        self._serving = asyncio.create_task(_serve(reader, writer, answer), name=f"virtual reader {self._port}")
        try:
            async with asyncio.timeout(_NOTICED_S):
                await noticed.wait()
        except BaseException:
            await self.lift()
            raise

    async def lift(self) -> None:
        """Take the chip away."""
        serving, self._serving = self._serving, None
        if serving is not None:
            serving.cancel()
            await asyncio.wait({serving})


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Any) -> None:
    connection = writer.get_extra_info("socket")
    try:
        # The reader has gone, or hangs up in the middle of a message.
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                # vpcd writes length and content apart; unless the first is acknowledged at once, its kernel holds the
                # second back for 40 ms (Nagle's algorithm). The option lasts for a while only.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                length = int.from_bytes(await reader.readexactly(2), "big")
                said = await answer(await reader.readexactly(length))
                if said is None:
                    return
                if said:
                    writer.write(len(said).to_bytes(2, "big") + said)
                    await writer.drain()
    finally:
        writer.close()


def mrz_information(mrz: Sequence[str]) -> str:
    """The part of a zone that keys are made of (9303-11, 4.3.2): number, birth and expiry with their check digits."""
    if len(mrz) == 3:
        first, second = mrz[0], mrz[1]
        number = first[5:15]
        if first[14] == "<":
            # The number goes on in the optional data, its check digit last (9303-5, note j).
            number = first[5:14] + first[15:30].partition("<")[0]
        return number + second[0:7] + second[8:15]
    line = mrz[1]
    return line[0:10] + line[13:20] + line[21:28]


def personalised(  # noqa: PLR0913  # What a maker of documents is asked.
    mrz: Sequence[str],
    portrait: bytes,
    signer: Signer,
    *,
    size: tuple[int, int],
    can: str = "",
    proof: Proof | None = None,
    pace: tuple[int, Suite] | None = (13, Suite.AES128),
    basic: bool = True,
    wrong_hash: bool = False,
) -> Personalisation:
    """A document's chip with its files, signed by ``signer``. ``size`` is width and height of the portrait."""
    groups = {1: dg1(mrz), 2: dg2(portrait, *size)}
    if proof is not None:
        groups[14] = dg14(proof)
    signed = {**groups, 1: groups[1] + b"\x00"} if wrong_hash else groups
    files = {0x0100 + number: content for number, content in groups.items()}
    files |= {0x011E: com(sorted(groups)), 0x011D: sod(signed, signer)}
    offers = (pace_offer(*pace),) if pace else ()
    if offers:
        files[0x011C] = card_access(*offers)
    return Personalisation(files, mrz_information(mrz), can, offers, basic, proof)


class EmrtdEmulator:
    """A reader, an authority for each country, and whatever is laid down."""

    def __init__(self, port: int, countries: Sequence[str] = ("UT",)) -> None:
        self.authorities = {country: Authority(country) for country in countries}
        self._signers = {country: one.signer() for country, one in self.authorities.items()}
        self._reader = VirtualReader(port)

    async def place(self, request: Mapping[str, Any]) -> None:
        """Lay down the document that a request of the control socket describes."""
        document, fault = request["document"], request.get("fault")
        if fault is not None and fault not in FAULTS:
            raise control.BadRequestError(f"no fault {fault!r}; known: {', '.join(FAULTS)}")
        country = str(document.get("country", next(iter(self._signers))))
        if country not in self._signers:
            raise control.BadRequestError(f"no authority of {country!r}; there are: {', '.join(self._signers)}")
        portrait = await asyncio.to_thread(Path(request["portrait"]).read_bytes)
        made = personalised(
            [str(line) for line in document["mrz"]],
            portrait,
            Authority(country).signer() if fault == "foreign_signer" else self._signers[country],
            size=(420, 540),
            can=str(document.get("can", "")),
            proof=Proof.new(),
            wrong_hash=fault == "wrong_hash",
        )
        await self._reader.place(
            Chip(with_fault(made, fault)),
            tear_after=30 if fault == "tear_off" else 0,
            pause_s=0.05 if fault == "slow" else 0.0,
            garbage=1 if fault == "garbage" else None,
        )

    async def control(self, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Do what a request of the control socket says."""
        match request.get("do"):
            case "place":
                try:
                    await self.place(request)
                except TimeoutError as error:
                    raise control.BadRequestError("the reader does not notice the document") from error
            case "lift":
                await self._reader.lift()
            case "state":
                return {"placed": self._reader.occupied, "commands": self._reader.commands}
            case other:
                raise control.BadRequestError(f"cannot do {other!r}")
        return None

    async def stop(self) -> None:
        """Take away what lies there."""
        await self._reader.lift()


def with_fault(made: Personalisation, fault: str | None) -> Personalisation:
    """``made`` as a copy without the private key, or as one that hides what it cannot prove."""
    if fault == "clone" and made.proof is not None:
        return replace(made, proof=Proof.new(made.proof.number, made.proof.suite))
    if fault == "hidden_dg14":
        return replace(made, files={key: content for key, content in made.files.items() if key != 0x010E}, proof=None)
    return made


async def _main(arguments: argparse.Namespace) -> None:
    emulator = EmrtdEmulator(arguments.port, arguments.country or ["UT"])
    certificates = [one.certificate for one in emulator.authorities.values()]
    await asyncio.to_thread(arguments.authority.write_bytes, pem(*certificates))
    try:
        await control.serve(arguments.authority, arguments.control, emulator.control)
    finally:
        await emulator.stop()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="A passport with a chip on a virtual PC/SC reader (vpcd).")
    parser.add_argument("--control", type=Path, required=True, help="Unix socket to take requests on")
    parser.add_argument("--authority", type=Path, required=True, help="where to write its authorities' certificates")
    parser.add_argument(
        "--country", action="append", metavar="XX", help="one whose documents it makes, as in certificates; default UT"
    )
    parser.add_argument("--port", type=int, default=VPCD_PORT, help="TCP port of vpcd")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
