"""The demonstration's hands on the emulated devices, and the pictures before the camera."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any


class Emulator:
    """The control socket of one emulator process."""

    def __init__(self, control: Path) -> None:
        self._control = control

    async def do(self, action: str, **details: Any) -> dict[str, Any]:
        """Have the emulator do ``action``; raises RuntimeError when it says that it could not."""
        reader, writer = await asyncio.open_unix_connection(str(self._control))
        try:
            writer.write(json.dumps({"do": action, **details}).encode() + b"\n")
            await writer.drain()
            answer: dict[str, Any] = json.loads(await reader.readline())
        finally:
            writer.close()
            await writer.wait_closed()
        if not answer.get("ok"):
            raise RuntimeError(f"the emulator could not {action}: {answer}")
        return answer


class Scene:
    """What the replay camera looks at: a symlink to a folder of pictures, moved from person to person.

    The camera takes pictures in the order of their names, whatever folder they are in: names rise from show to show, so
    that each begins with its first picture.
    """

    def __init__(self, link: Path, shown: Path) -> None:
        """``link`` is the camera's folder; what was shown is kept in ``shown``."""
        self.link = link
        self._shown = shown
        self._shows = 0

    def show(self, folder: Path) -> None:
        """Put the pictures in ``folder`` before the camera, again and again in the order of their names."""
        self._shows += 1
        shown = self._shown / f"{self._shows:06d}"
        shown.mkdir(parents=True)
        for picture in folder.iterdir():
            (shown / f"{self._shows:06d}-{picture.name}").symlink_to(picture)
        new = self.link.with_suffix(".new")
        new.unlink(missing_ok=True)
        new.symlink_to(shown, target_is_directory=True)
        new.replace(self.link)
