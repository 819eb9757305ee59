"""Waiting for one of several things."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def first_of(work: Coroutine[Any, Any, T], *events: asyncio.Event) -> T | None:
    """The result of ``work``; ``None``, with the work cancelled and ended, when one of ``events`` is set before."""
    task = asyncio.create_task(work)
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait([task, *waits], return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for each in (task, *waits):
            each.cancel()
        await asyncio.wait([task, *waits])
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
