"""USB cameras that the kernel drives: the first node of each, the only one that gives pictures."""

from __future__ import annotations

import asyncio
from pathlib import Path

from drivers.finding import Found

_DEV, _SYS = Path("/dev"), Path("/sys")


async def find() -> list[Found]:
    """The USB cameras of this machine."""
    return await asyncio.to_thread(cameras, _DEV, _SYS)


def cameras(dev: Path, sys: Path) -> list[Found]:
    """The cameras under ``dev``, with the names that ``sys`` has for them. Raises OSError."""
    found: dict[Path, Found] = {}
    # by-path has two links for one camera on newer systems (usb- and usbv2-), and those of the Pi's own processor.
    for link in (*sorted(dev.glob("v4l/by-id/*-index0")), *sorted(dev.glob("v4l/by-path/*-usb-*-index0"))):
        node = link.resolve()
        name = sys / "class/video4linux" / node.name / "name"
        what = name.read_text(encoding="utf-8", errors="replace").strip() if name.is_file() else link.name
        found.setdefault(node, Found(what, f"v4l2://{link}"))
    return list(found.values())
