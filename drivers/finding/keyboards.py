"""What types like a keyboard: among them readers that are a keyboard wedge."""

from __future__ import annotations

import asyncio
from pathlib import Path

from drivers.finding import Found

_DEV = Path("/dev")


async def find() -> list[Found]:
    """The keyboards of this machine."""
    return await asyncio.to_thread(keyboards, _DEV)


def keyboards(dev: Path) -> list[Found]:
    """The keyboards under ``dev``. Raises OSError."""
    return [
        Found(link.name.removesuffix("-event-kbd"), f"evdev://{link}")
        for link in sorted(dev.glob("input/by-id/*-event-kbd"))
    ]
