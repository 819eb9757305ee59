"""That tasks which are told to end do so, whatever the libraries that they call make of it.

``asyncio.wait_for`` before Python 3.12 swallows a cancellation that comes in the turn in which what it waits for is
done (python/cpython#86296). The libraries for mail and NATS use it: a loop around them would go on for ever, and
whoever waits for its end with it. ``Task.cancelling`` does not tell: groups and libraries leave it raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

# Long enough for a task that did heed it to close what it has open: the next cancellation would break that off.
_AGAIN_S = 3.0


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel ``tasks`` until all are over. What they failed with stays with them."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_S)


async def insist(tasks: Collection[asyncio.Task[Any]]) -> None:
    """For a group, beside its ``tasks``, which go on for ever: when it is cancelled with them, they end."""
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        await end(tasks)
