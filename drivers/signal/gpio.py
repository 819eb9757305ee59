"""Driver of lights, a buzzer and a barrier at the pins of a Raspberry Pi, through gpiozero.

Address: ``gpio:///?green=17&yellow=27&red=22&buzzer=23&barrier=5&active=high&open=5&sound=0.4&buzz=go``; pins are
numbered as Broadcom does (GPIO17 is pin 11 of the header). gpiozero chooses how pins are reached (lgpio on a Raspberry
Pi of today), or the environment variable GPIOZERO_PIN_FACTORY does.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import gpiozero

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DriverError, DriverReason
from drivers.signal.lane_outputs import Output, Wiring, options
from drivers.signal.switched import SwitchedSignal
from drivers.worker import Token

_log = logging.getLogger(__name__)

# GPIO0 and GPIO1 belong to the identification of add-on boards; the header has none above 27.
_LOWEST, _HIGHEST = 2, 27


def _pin_errors() -> tuple[type[Exception], ...]:
    """What a pin that cannot be used raises: gpiozero's own, the kernel's, and those of what lies between."""
    known: tuple[type[Exception], ...] = (gpiozero.GPIOZeroError, OSError, RuntimeError)
    try:
        import lgpio  # noqa: PLC0415  # Only where gpiozero reaches its pins through it.
    except ImportError:
        return known
    return (*known, lgpio.error)


class GpioSignal(SwitchedSignal):
    """Pins of this computer."""

    def __init__(self, address: DeviceAddress) -> None:
        address.require("gpio", options("active"))
        super().__init__(address, "gpio", Wiring.of(address, _LOWEST, _HIGHEST))
        self._active_high = address.choice("active", "high", ("high", "low")) == "high"
        self._pins: dict[Output, gpiozero.DigitalOutputDevice] = {}
        self._errors = _pin_errors()

    def _take(self, token: Token) -> DeviceInfo:
        token.check()
        for output, number in self._wiring.numbers.items():
            self._pins[output] = self._pin(number)
        factory = gpiozero.Device.pin_factory
        return DeviceInfo("gpio", str(self._address), model=f"pins by {type(factory).__name__}")

    def _pin(self, number: int) -> gpiozero.DigitalOutputDevice:
        try:
            # Claimed before it is reserved: gpiozero keeps the reservation of a pin that it could not have.
            gpiozero.Device.ensure_pin_factory()
            gpiozero.Device.pin_factory.pin(number)
            return gpiozero.DigitalOutputDevice(number, active_high=self._active_high, initial_value=False)
        except gpiozero.GPIOPinInUse as error:
            raise DriverError(
                DriverReason.BUSY, f"GPIO{number} is in use by another device", "give each device pins of its own"
            ) from error
        except self._errors as error:
            raise DriverError(
                DriverReason.ABSENT,
                f"GPIO{number} of {self._address} cannot be used ({type(error).__name__}: {error})",
                "on a Raspberry Pi: apt install python3-lgpio, and add the user to the group gpio",
            ) from error

    def _switch(self, on: frozenset[Output], token: Token) -> None:
        token.check()
        with self._losses():
            for output in Output:
                if output in self._pins:
                    self._pins[output].value = output in on

    def _let_go(self) -> None:
        pins, self._pins = self._pins, {}
        for pin in pins.values():
            try:
                pin.close()
            except self._errors as error:
                _log.debug("closing %s: %s", self._address, error)

    @contextlib.contextmanager
    def _losses(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise DriverError(
                DriverReason.LOST, f"the pins of {self._address} cannot be switched any more ({error})", "see the log"
            ) from error
