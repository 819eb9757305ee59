"""A fingerprint scanner whose driver runs in a process of its own, because it is made of a native library.

What the library does to its process (a crash, a hang in the kernel) is a lost device here: DriverError (LOST), and the
next ``open`` starts a new process. Requests and answers are JSON, one a line; an answer's pixels follow its line.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from typing import Any

import numpy as np

from drivers.base import DeviceInfo, DriverError, DriverReason, FingerImage, FingerprintScanner

# One picture of a large scanner, 3200 x 2000, has 6.4 MB; a line has none of it.
_LONGEST_LINE = 64 * 1024
_MOST_PIXELS = 24_000_000
# Opening has the driver's own limit, of 15 s at most, and is longer only where the driver hangs.
_OPEN_S = 30.0
# What a cancelled call may take to be let go; then the process is ended.
_LET_GO_S = 3.0


class IsolatedScanner(FingerprintScanner):
    """The scanner ``driver`` at ``address``, as ``drivers.registry`` knows both."""

    def __init__(self, driver: str, address: str, command: tuple[str, ...] = ()) -> None:
        self._place = address
        self._command = command or (sys.executable, "-m", "drivers.isolated_child", driver, address)
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._slaps: frozenset[int] = frozenset()

    @property
    def slaps(self) -> frozenset[int]:
        """As the driver said when it was opened."""
        return self._slaps

    @property
    def pid(self) -> int | None:
        """Of the driver's process, while there is one."""
        return None if self._process is None else self._process.pid

    async def open(self) -> DeviceInfo:
        """Start the driver's process and open the scanner there."""
        await self.close()
        # In a session of its own: who stops the daemon from a terminal stops it in its own time.
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(_OPEN_S):
                answer, _ = await self._ask("open")
        except TimeoutError as error:
            await self.close()
            raise DriverError(
                DriverReason.TIMEOUT, f"the driver of {self._place} does not answer", "unplug the scanner for a moment"
            ) from error
        except BaseException:
            await self.close()
            raise
        self._slaps = frozenset(answer["slaps"])
        return DeviceInfo(**answer["info"])

    async def close(self) -> None:
        """End the driver's process: by its own closing where it can, otherwise without."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()  # It closes the scanner when its input ends.
        try:
            async with asyncio.timeout(_LET_GO_S):
                await process.wait()
        except TimeoutError:
            await _end(process)
        except asyncio.CancelledError:
            await _end(process)
            raise

    async def capture(self) -> FingerImage:
        """As the driver's own."""
        (image,) = await self._images("capture")
        return image

    async def capture_slap(self, slap: int, missing: frozenset[int] = frozenset()) -> tuple[FingerImage, ...]:
        """As the driver's own."""
        return await self._images("capture_slap", slap, sorted(missing))

    async def wait_lifted(self) -> None:
        """As the driver's own."""
        await self._ask("wait_lifted")

    async def _images(self, call: str, *arguments: object) -> tuple[FingerImage, ...]:
        answer, pixels = await self._ask(call, *arguments)
        images = []
        for height, width, dpi, levels, position in answer["images"]:
            one, pixels = pixels[: height * width], pixels[height * width :]
            images.append(FingerImage(np.frombuffer(one, np.uint8).reshape(height, width), dpi, levels, position))
        return tuple(images)

    async def _ask(self, call: str, *arguments: object) -> tuple[dict[str, Any], bytes]:
        """The answer to one call, and its pixels. Raises the driver's DriverError, or LOST when the process ends."""
        async with self._turn:
            process = self._process
            if process is None:
                raise DriverError(DriverReason.LOST, f"{self._place} is not open", "open it first")
            try:
                return await _exchange(process, call, arguments)
            except asyncio.CancelledError:
                await self._let_go(process)
                raise
            except (ConnectionError, asyncio.IncompleteReadError, ValueError) as error:
                raise await self._lost(process) from error

    async def _let_go(self, process: asyncio.subprocess.Process) -> None:
        """Have the call given up that nobody waits for any more; a driver that cannot is ended."""
        try:
            async with asyncio.timeout(_LET_GO_S):
                await _exchange(process, "cancel", ())
        except DriverError:
            pass  # What the given up call ended with.
        except asyncio.CancelledError:
            # Also where the limit was reached: in a task that is being cancelled Python 3.11 says no more than that.
            await _end(process)
            raise
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, ValueError):
            await _end(process)

    async def _lost(self, process: asyncio.subprocess.Process) -> DriverError:
        await _end(process)
        code = process.returncode or 0
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        return DriverError(
            DriverReason.LOST, f"the driver of {self._place} ended ({how})", "it is started anew by itself"
        )


async def _exchange(
    process: asyncio.subprocess.Process, call: str, arguments: tuple[object, ...]
) -> tuple[dict[str, Any], bytes]:
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise ConnectionResetError("no pipes")
    stdin.write(json.dumps([call, *arguments]).encode() + b"\n")
    await stdin.drain()
    answer: dict[str, Any] = json.loads(await stdout.readuntil(b"\n"))
    # A call that was cancelled just when it ended is answered before the word that it was.
    length = int(answer.get("pixels", 0))
    if not 0 <= length <= _MOST_PIXELS:
        raise ValueError(length)
    pixels = await stdout.readexactly(length)
    if call == "cancel" and not answer.get("cancelled"):
        return await _after_cancel(stdout)
    if "error" in answer:
        reason, what, advice = answer["error"]
        raise DriverError(DriverReason(reason), what, advice)
    return answer, pixels


async def _after_cancel(stdout: asyncio.StreamReader) -> tuple[dict[str, Any], bytes]:
    """The answer to a cancel that came too late for its call."""
    return json.loads(await stdout.readuntil(b"\n")), b""


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        # Not Process.kill: it looks for the process's end itself, and takes it from the one who waits for it.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    await process.wait()
