"""A serial reader of machine readable zones on a pty.

As a process: ``python -m drivers.emulators.mrz_reader --device LINK --control SOCKET``; requests on the socket:
``{"do":"present","lines":[...]}``, ``{"do":"raw","hex":".."}``, ``unplug``, ``plug``, ``state``. Inside a test:
``async with MrzReaderEmulator(link)``.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from drivers.emulators import control
from drivers.emulators.line import KINDS, Line, line
from drivers.emulators.pty_peer import PtyPeer

# Nobody lifts a document and lays it down again faster; drivers take the same lines within a second for a
# reader's double sending.
_LAY_DOWN_AGAIN_S = 1.2

_SOH, _STX, _ETX = "\x01", "\x02", "\x03"

# How a zone is put into characters: what stands before it, ends each line, and stands behind it.
_AROUND = {
    "stx": (_STX, "\r", _ETX),
    "stx-crlf": (_STX, "\r\n", _ETX),
    "stx-lrc": (_STX, "\r", _ETX),
    "soh": (_SOH + "d\0OU" + _STX + "0", "\r", _ETX),
    "etx": ("", "\n", _ETX),
    "cr": ("", "\r", ""),
    "lf": ("", "\n", ""),
    "crlf": ("", "\r\n", ""),
    "unbroken": ("", "", "\r"),
    "sentinels": ("%", "?\r", ""),
    "blanks": ("", "\r", ""),
    "underscores": (_STX, "\r", _ETX),
    "lower": ("", "\r\n", ""),
    "bare": ("", "", ""),
}
FRAMINGS = tuple(_AROUND)


def frame(lines: Sequence[str], framing: str) -> bytes:
    """The bytes that a reader sends for these lines.

    ``stx-lrc`` has a checksum behind ETX; ``soh`` a header before STX and a flag behind it; ``bare`` no end at all.
    """
    before, end, behind = _AROUND[framing]
    text = end.join(lines) + end
    match framing:
        case "sentinels":
            text = "".join(f"%{line}?\r" for line in lines)[1:]
        case "blanks":
            text = text.replace("<", " ")
        case "underscores":
            text = text.replace("<", "_")
        case "lower":
            text = text.lower()
    sent = (before + text + behind).encode("ascii")
    return sent + bytes([lrc(sent)]) if framing in ("stx-lrc", "soh") else sent


def lrc(sent: bytes) -> int:
    """Longitudinal check of ISO 1155: the exclusive or of all bytes from behind STX to ETX."""
    value = 0
    for byte in sent[sent.index(b"\x02") + 1 :]:
        value ^= byte
    return value


class MrzReaderEmulator:
    """One reader; all methods belong to one event loop."""

    def __init__(self, link: Path, *, framing: str = "stx", channel: Line | None = None) -> None:
        self._framing = framing
        self._channel = channel or Line()
        self._peer = PtyPeer(link, lambda _: None)
        self.presented = 0
        self._shown: tuple[str, ...] = ()
        self._shown_at = float("-inf")

    @property
    def link(self) -> Path:
        """Where the driver finds the port."""
        return self._peer.link

    async def start(self) -> None:
        """Plug in."""
        await self._peer.plug()

    async def stop(self) -> None:
        """Unplug."""
        await self._peer.unplug()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def present(self, lines: Sequence[str]) -> None:
        """Lay a document with these lines on the reader; the same one again takes as long as it takes a person."""
        left = self._shown_at + _LAY_DOWN_AGAIN_S - time.monotonic()
        if tuple(lines) == self._shown and left > 0:
            await asyncio.sleep(left)
        self._shown, self._shown_at = tuple(lines), time.monotonic()
        await self.raw(frame(lines, self._framing))
        self.presented += 1

    async def raw(self, data: bytes) -> None:
        """Send these bytes."""
        for piece, pause in self._channel.outgoing(data):
            if not await self._peer.send(piece):
                return
            await asyncio.sleep(pause)

    async def unplug(self) -> None:
        """Pull the plug."""
        await self._peer.unplug()

    async def plug(self) -> None:
        """Plug in again."""
        await self._peer.plug()

    def state(self) -> dict[str, Any]:
        """Documents presented, plugged in or not."""
        return {"presented": self.presented, "plugged": self._peer.plugged}

    async def control(self, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Do what a request of the control socket says."""
        match request.get("do"):
            case "present":
                await self.present([str(one) for one in request["lines"]])
            case "raw":
                await self.raw(bytes.fromhex(request["hex"]))
            case "unplug":
                await self.unplug()
            case "plug":
                await self.plug()
            case "state":
                return self.state()
            case other:
                raise control.BadRequestError(f"cannot do {other!r}")
        return None


async def _main(arguments: argparse.Namespace) -> None:
    channel = line(arguments.line, arguments.seed)
    async with MrzReaderEmulator(arguments.device, framing=arguments.framing, channel=channel) as emulator:
        await control.serve(arguments.device, arguments.control, emulator.control)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="A serial document reader on a pseudo-terminal.")
    parser.add_argument("--device", type=Path, required=True, help="symlink to make to the port")
    parser.add_argument("--control", type=Path, required=True, help="Unix socket to take requests on")
    parser.add_argument("--framing", choices=FRAMINGS, default="stx")
    parser.add_argument("--line", choices=KINDS, default="clean", help="what the line does to the bytes")
    parser.add_argument("--seed", type=int, default=0, help="of the line's chance")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
