"""A serial relay board on a pty.

As a process: ``python -m drivers.emulators.relay_board --device LINK --control SOCKET --board lcus``; requests on the
socket: ``state`` (which relays are on, and how often one was switched), ``unplug``, ``plug``. Inside a test:
``async with RelayBoardEmulator(link)``.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from drivers.emulators import control
from drivers.emulators.line import KINDS, Line, line
from drivers.emulators.pty_peer import PtyPeer
from drivers.signal.relay_commands import LCUS_START, lcus

BOARDS = ("lcus", "numato")
_LCUS_LENGTH = 4
_LONGEST_COMMAND = 64
_COMMAND = re.compile(r"relay (on|off|read) ([0-9A-V])")


class LcusCommands:
    """Commands out of the bytes that a board receives."""

    def __init__(self) -> None:
        self._come = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bool]]:
        """The relays that are to be switched, and how; damaged commands are passed over."""
        self._come += data
        while (start := self._come.find(LCUS_START)) >= 0 and len(self._come) - start >= _LCUS_LENGTH:
            relay, on = self._come[start + 1], self._come[start + 2]
            if on <= 1 and bytes(self._come[start : start + _LCUS_LENGTH]) == lcus(relay, bool(on)):
                del self._come[: start + _LCUS_LENGTH]
                yield relay, bool(on)
            else:
                del self._come[: start + 1]
        del self._come[: -(_LCUS_LENGTH - 1)]


class RelayBoardEmulator:
    """One board, which loses its power with its plug; all methods belong to one event loop."""

    def __init__(self, link: Path, *, board: str = "lcus", relays: int = 8, channel: Line | None = None) -> None:
        self._board = board
        first = 1 if board == "lcus" else 0
        self._relays = range(first, first + relays)
        self._channel = channel or Line()
        self._peer = PtyPeer(link, self._received)
        self._lcus = LcusCommands()
        self._text = ""
        self._answers: set[asyncio.Task[None]] = set()
        self.on: frozenset[int] = frozenset()
        self.history: list[frozenset[int]] = []

    async def start(self) -> None:
        """Plug in."""
        await self.plug()

    async def stop(self) -> None:
        """Unplug."""
        await self.unplug()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def unplug(self) -> None:
        """Pull the plug, which also feeds the relays."""
        await self._peer.unplug()
        self._changed(frozenset())

    async def plug(self) -> None:
        """Plug in again."""
        self._lcus, self._text = LcusCommands(), ""
        await self._peer.plug()

    def state(self) -> dict[str, Any]:
        """The relays that are on, how often one was switched, plugged in or not."""
        return {"on": sorted(self.on), "switched": len(self.history), "plugged": self._peer.plugged}

    async def control(self, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Do what a request of the control socket says."""
        match request.get("do"):
            case "unplug":
                await self.unplug()
            case "plug":
                await self.plug()
            case "state":
                return self.state()
            case other:
                raise control.BadRequestError(f"cannot do {other!r}")
        return None

    def _changed(self, on: frozenset[int]) -> None:
        if on != self.on:
            self.on = on
            self.history.append(on)

    def _switched(self, relay: int, on: bool) -> None:
        if relay in self._relays:
            self._changed(self.on | {relay} if on else self.on - {relay})

    def _received(self, data: bytes) -> None:
        data = self._channel.incoming(data)
        if self._board == "lcus":
            for relay, on in self._lcus.feed(data):
                self._switched(relay, on)
            return
        # Each character is echoed by a real board; here the command is, once it is whole.
        *commands, self._text = (self._text + data.decode("latin-1")).split("\r")
        self._text = self._text[-_LONGEST_COMMAND:]
        answer = "".join(self._answer(command) for command in commands).encode("latin-1")
        if answer:
            task = asyncio.create_task(self._send(answer))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)

    def _answer(self, command: str) -> str:
        found = _COMMAND.fullmatch(command)
        if found is None:
            return f"{command}\n\r>"
        relay = int(found[2], 32)
        if found[1] == "read":
            return f"{command}\n\r{'on' if relay in self.on else 'off'}\n\r>"
        self._switched(relay, found[1] == "on")
        return f"{command}\n\r>"

    async def _send(self, answer: bytes) -> None:
        for piece, pause in self._channel.outgoing(answer):
            if not await self._peer.send(piece):
                return
            await asyncio.sleep(pause)


async def _main(arguments: argparse.Namespace) -> None:
    channel = line(arguments.line, arguments.seed)
    async with RelayBoardEmulator(
        arguments.device, board=arguments.board, relays=arguments.relays, channel=channel
    ) as emulator:
        await control.serve(arguments.device, arguments.control, emulator.control)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="A serial relay board on a pseudo-terminal.")
    parser.add_argument("--device", type=Path, required=True, help="symlink to make to the port")
    parser.add_argument("--control", type=Path, required=True, help="Unix socket to take requests on")
    parser.add_argument("--board", choices=BOARDS, default="lcus", help="the protocol that it speaks")
    parser.add_argument("--relays", type=int, default=8, help="how many it has")
    parser.add_argument("--line", choices=KINDS, default="clean", help="what the line does to the bytes")
    parser.add_argument("--seed", type=int, default=0, help="of the line's chance")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
