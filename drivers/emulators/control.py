"""How an emulator process is told what a person would do: JSON lines on a Unix socket, each answered by one.

``{"do": "lift"}`` -> ``{"ok": true}``, or ``{"ok": false, "error": "..."}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

Handler = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]]


class BadRequestError(Exception):
    """What was asked for cannot be done; its text is the answer."""


async def serve(link: Path | str, control: Path, handler: Handler) -> None:
    """Answer requests until SIGTERM or SIGINT; prints ``ready LINK`` once the first can be made."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            connections.add(task)
            task.add_done_callback(connections.discard)
        # A line longer than the stream's limit (ValueError) or a host gone ends this connection only.
        with contextlib.closing(writer), contextlib.suppress(ConnectionError, ValueError):
            while line := await reader.readline():
                writer.write(json.dumps(await _answer(line, handler)).encode() + b"\n")
                await writer.drain()

    await asyncio.to_thread(control.unlink, missing_ok=True)
    server = await asyncio.start_unix_server(connected, control)
    try:
        sys.stdout.write(f"ready {link}\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await asyncio.to_thread(control.unlink, missing_ok=True)


async def _answer(line: bytes, handler: Handler) -> Mapping[str, Any]:
    try:
        request = json.loads(line)
        answer = await handler(request if isinstance(request, dict) else {})
    except (ValueError, KeyError, TypeError, OSError, BadRequestError) as error:
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}
    return {"ok": True, **(answer or {})}
