"""The processes at the ends of a line: a kiosk that takes orders, and the gateway. Started, killed, started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path

from demonstration.processes import Process, ProcessError

from lines.line import Namespace

_SCRIPTS = Path(__file__).resolve().parents[1]
_START_S = 120.0
_STOP_S = 20.0


def _command(namespace: Namespace | None, *arguments: str) -> tuple[str, ...]:
    own = (sys.executable, *arguments)
    return own if namespace is None else namespace.command(*own)


class Kiosk:
    """The kiosk's process. What it says is kept: it survives the process."""

    def __init__(self, config: Path, log: Path, namespace: Namespace | None = None) -> None:
        self._command = _command(namespace, "-m", "lines.kiosk", "--config", str(config))
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self.recorded: dict[str, tuple[float, float]] = {}
        """When recording each began and when it was on the disk."""
        self.answered: dict[str, float] = {}
        self.link_up_at: float | None = None
        self.missed = False
        """Some of what happened was not told: the records have it."""
        self.ready = False

    async def start(self) -> None:
        """Start it, and wait until it takes orders. Raises ProcessError, TimeoutError."""
        await self.spawn()
        await self.until(lambda: self.ready, _START_S)

    async def spawn(self) -> None:
        """Start it."""
        self.ready, self.link_up_at = False, None
        log = await asyncio.to_thread(self._log.open, "ab")
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": f"{_SCRIPTS}:{_SCRIPTS.parent}"},
                start_new_session=True,
            )
        finally:
            log.close()
        self._listening = asyncio.create_task(self._listen(self._process))

    async def order(self, count: int, *, pictured: bool, gone: bool) -> None:
        """Have ``count`` travellers come. Raises ProcessError."""
        if self._process is None or self._process.stdin is None:
            raise ProcessError("the kiosk is not started")
        self._process.stdin.write(json.dumps({"count": count, "pictured": pictured, "gone": gone}).encode() + b"\n")
        try:
            await self._process.stdin.drain()
        except ConnectionError as error:
            raise ProcessError(f"the kiosk has ended; see {self._log}") from error

    async def until(self, reached: Callable[[], bool], within_s: float) -> None:
        """Wait until what it said makes ``reached`` true. Raises TimeoutError; ProcessError when it ends before."""
        async with asyncio.timeout(within_s), self._changed:
            while not reached():
                if self._listening is None or self._listening.done():
                    raise ProcessError(f"the kiosk has ended; see {self._log}")
                await self._changed.wait()

    async def kill(self) -> None:
        """SIGKILL; what it said before is heard."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        await self._ended()

    async def stop(self) -> None:
        """Let it end by itself; kill one that doesn't."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
        await self._ended()

    async def _ended(self) -> None:
        if self._process is not None:
            await self._process.wait()
        if self._listening is not None:
            await self._listening

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            raise ProcessError("the kiosk says nothing")
        try:
            async for line in process.stdout:
                # A process that is killed may leave half a line: what it says was not said.
                if line.endswith(b"\n"):
                    self._hear(json.loads(line))
                    async with self._changed:
                        self._changed.notify_all()
        finally:
            async with self._changed:
                self._changed.notify_all()

    def _hear(self, said: dict[str, object]) -> None:
        match said:
            case {"recorded": str(tcn), "began": float(began), "at": float(at)}:
                self.recorded[tcn] = (began, at)
            case {"answered": str(tcn), "at": float(at)}:
                self.answered.setdefault(tcn, at)
            case {"link": True, "at": float(at)}:
                self.link_up_at = at
            case {"link": False}:
                self.link_up_at = None
            case {"missed": True}:
                self.missed = True
            case {"ready": True}:
                self.ready = True
            case _:
                raise ProcessError(f"the kiosk said {said}")


def end_as_interrupted() -> None:
    """Let SIGTERM do as Ctrl-C does: whoever started processes ends them before it ends itself.

    A shell that starts a command in the background has it ignore Ctrl-C; this one must not.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


def gateway(config: Path, log: Path, namespace: Namespace | None = None) -> Process:
    """The gateway's process; it has started when it logs ``ready https://``."""
    arguments = ["-m", "hotspotd.gateway", "--config", str(config), "--allow-faults"]
    return Process("gateway", arguments, log, before=() if namespace is None else namespace.command())
