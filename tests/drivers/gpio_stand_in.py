"""The pins of a Raspberry Pi: gpiozero's own mock, which can also be taken away."""

from __future__ import annotations

import errno
import os
from typing import Any

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPin


class Board:
    """Pins that gpiozero uses from ``start`` to ``stop``. While not ``plugged``, every use fails as in the kernel."""

    def __init__(self) -> None:
        self.plugged = True
        self.history: list[set[int]] = []
        self._patch = pytest.MonkeyPatch()

    def start(self) -> None:
        """Become gpiozero's pins."""
        board = self

        class Pin(MockPin):
            def _set_state(self, value: Any) -> None:
                board.check()
                super()._set_state(value)
                board.history.append(board.high())

        class Factory(MockFactory):
            def pin(self, name: Any, pin_class: Any = None, **more: Any) -> Any:
                board.check()
                return super().pin(name, pin_class, **more)

        self.factory = Factory(pin_class=Pin)
        self._patch.setattr(gpiozero.Device, "pin_factory", self.factory)

    def stop(self) -> None:
        """Leave gpiozero as it was."""
        self.factory.close()
        self._patch.undo()

    def check(self) -> None:
        """Raise what the kernel says where there are no pins any more."""
        if not self.plugged:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    def high(self) -> set[int]:
        """The numbers of the outputs that are high."""
        pins = self.factory.pins.values()
        return {int(pin.info.name.removeprefix("GPIO")) for pin in pins if pin.function == "output" and pin.state}
