"""What a document reader that looks at pictures is given to read them with."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drivers.base import DocumentReader


class View(Protocol):
    """What a frame shows: whether a zone is there, and its lines once they are certain."""

    @property
    def in_view(self) -> bool:
        """Whether there is a zone, readable or not."""

    @property
    def lines(self) -> tuple[str, ...] | None:
        """The lines; None while they are not certain."""


class Watching(Protocol):
    """Looks at one camera's frames, one after another; several may be needed until it is certain."""

    def look(self, picture: NDArray[np.uint8], /) -> View:
        """What the picture, (h, w, 3) RGB, shows. Blocking."""


class WatchingReader(DocumentReader):
    """A document reader that is told, before it is opened, what reads zones in its pictures."""

    @abstractmethod
    def watch_with(self, make: Callable[[], Watching]) -> None:
        """``make`` gives a fresh ``Watching`` each time the reader is opened."""
