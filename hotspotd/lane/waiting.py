"""Waiting for one of several things; and how long a traveller waits before an officer is announced."""

from __future__ import annotations

import asyncio
import math
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


def officer_moment(passed_s: float, wait_s: float, pace_s: float) -> float:
    """When the traveller reads that an officer comes, in seconds from the beginning of the check.

    ``passed_s`` after that beginning it was known, ``wait_s`` is how long the gateway may be waited for. The moment is
    the same for whatever is known before it: a hit of the list, one of the gateway's, and trouble of any kind. What is
    known later waits for the next beat of ``pace_s`` (above 0), so that the time of the search cannot be read from it.
    """
    first_s = wait_s + pace_s
    late_s = max(0.0, passed_s - first_s)
    return first_s + math.ceil(late_s / pace_s) * pace_s
