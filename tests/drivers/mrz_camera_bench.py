"""A folder as a camera, and what is in its pictures as documents: a bench of the conformance suite."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivers import registry
from drivers.base import Device, DocumentReader
from drivers.document.watching import WatchingReader
from tests.drivers.benches import FolderBench
from tests.drivers.pictures import striped


@dataclass(frozen=True)
class Seen:
    """What a picture shows."""

    in_view: bool
    lines: tuple[str, ...] | None


def lines_of(number: int) -> tuple[str, ...]:
    """The lines of document ``number``."""
    return "P<UTO" + "A" * 39, str(number) * 44


class KnowsStripes:
    """Knows the pictures by heart that the bench shows, and takes each for a document once it has seen it twice."""

    def __init__(self) -> None:
        self._last = -1

    def look(self, picture: NDArray[np.uint8], /) -> Seen:
        """Which of the pictures it is."""
        known = (n for n in range(10) if np.array_equal(picture[:, :, 1], striped(n)))
        number = next(known, -1)
        again, self._last = number == self._last, number
        return Seen(number >= 0, lines_of(number) if number >= 0 and again else None)


class MrzCameraBench(FolderBench):
    """Unplugged by moving the folder away. What was in view before may be read first: ``sense`` waits for the last."""

    async def present(self, number: int) -> None:
        await super().present(number)
        self.presented = number

    def driver(self) -> Device:
        reader = registry.reader("mrz-camera", f"replay://{self.port}?fps=50")
        assert isinstance(reader, WatchingReader)
        reader.watch_with(KnowsStripes)
        return reader

    async def sense(self, device: Device) -> int:
        assert isinstance(device, DocumentReader)
        while (await device.read()).lines != lines_of(self.presented):
            pass
        return self.presented
