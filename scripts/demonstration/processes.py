"""The processes of the demonstration: started, watched until ready, stopped, killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_STOP_S = 20.0


class ProcessError(Exception):
    """A process ended or did not get ready; the message names its log."""


class Process:
    """One process of the demonstration with its log in a file."""

    def __init__(
        self,
        name: str,
        arguments: list[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        *,
        before: Sequence[str] = (),
    ) -> None:
        """``before`` is a command that runs another in its own surroundings, such as ``ip netns exec NAME``."""
        self.name = name
        self._before = before
        self._environment = environment or {}
        self._arguments = arguments
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._begin = 0

    async def start(self) -> None:
        """Start it; its output is added to its log."""
        log = await asyncio.to_thread(self._log.open, "ab")
        self._begin = log.tell()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._before,
                sys.executable,
                *self._arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment, "PYTHONUNBUFFERED": "1"},
                # Ctrl-C is the demonstration's to hand on, in order.
                start_new_session=True,
            )
        finally:
            log.close()

    async def wait_for_line(self, text: str, timeout_s: float = 60.0) -> str:
        """Wait until it has logged a line with ``text`` since its start, and return it. Raises ProcessError."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    content = (await asyncio.to_thread(self._log.read_bytes))[self._begin :].decode(errors="replace")
                    found = next((line for line in content.splitlines() if text in line), None)
                    if found is not None:
                        return found
                    if self._process is None or self._process.returncode is not None:
                        raise ProcessError(f"{self.name} ended before it was ready:\n{content[-2000:]}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise ProcessError(f"{self.name} was not ready after {timeout_s:.0f} s; see {self._log}") from None

    async def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> int | None:
        """SIGTERM, and SIGKILL for one that does not listen. Returns its exit status."""
        if self._process is None or self._process.returncode is not None:
            return None if self._process is None else self._process.returncode
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_S):
                return await self._process.wait()
        except TimeoutError:
            await self.kill()
            return self._process.returncode
