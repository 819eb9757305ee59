"""The process of an isolated scanner: ``python -m drivers.isolated_child DRIVER ADDRESS``; see ``drivers.isolated``.

One call at a time; ``cancel`` gives up the one that runs. It ends when its input does, so it never outlives the daemon.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import asdict
from typing import Any, BinaryIO

from drivers import registry
from drivers.base import DriverError, FingerImage, FingerprintScanner


async def serve(scanner: FingerprintScanner, requests: asyncio.StreamReader, answers: BinaryIO) -> None:
    """Answer calls until ``requests`` ends, then close the scanner."""
    running: asyncio.Task[None] | None = None
    try:
        while line := await requests.readline():
            call, *arguments = json.loads(line)
            if call == "cancel":
                if running is not None:
                    running.cancel()
                    await asyncio.wait([running])
                    running = None
                _write(answers, {"cancelled": True})
                continue
            if running is not None:
                await running  # Answered already: a caller has one call at a time.
            running = asyncio.create_task(_answer(scanner, call, arguments, answers))
    finally:
        if running is not None:
            running.cancel()
            await asyncio.wait([running])
        await scanner.close()


async def _answer(scanner: FingerprintScanner, call: str, arguments: list[Any], answers: BinaryIO) -> None:
    try:
        answer, images = await _call(scanner, call, arguments)
    except DriverError as error:
        _write(answers, {"error": [error.reason, error.what, error.advice]})
        return
    pixels = b"".join(image.pixels.tobytes() for image in images)
    described = [[*image.pixels.shape, image.dpi, image.levels, image.position] for image in images]
    _write(answers, {**answer, "images": described, "pixels": len(pixels)}, pixels)


async def _call(
    scanner: FingerprintScanner, call: str, arguments: list[Any]
) -> tuple[dict[str, Any], tuple[FingerImage, ...]]:
    match call:
        case "open":
            info = await scanner.open()
            return {"info": {**asdict(info), "details": dict(info.details)}, "slaps": sorted(scanner.slaps)}, ()
        case "capture":
            return {}, (await scanner.capture(),)
        case "capture_slap":
            return {}, await scanner.capture_slap(arguments[0], frozenset(arguments[1]))
        case _:
            await scanner.wait_lifted()
            return {}, ()


def _write(answers: BinaryIO, answer: dict[str, Any], pixels: bytes = b"") -> None:
    answers.write(json.dumps(answer).encode() + b"\n" + pixels)
    answers.flush()


async def _main(driver: str, address: str) -> None:
    # The answers' own way; whatever a library prints goes where errors go.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(requests), sys.stdin)
    await serve(registry.scanner_here(driver, address), requests, answers)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2]))
