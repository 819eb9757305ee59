"""What a lane's lights, buzzer and barrier do in each state: the same for every way of switching them.

| state | green | yellow | red | buzzer | barrier |
|---|---|---|---|---|---|
| off | | | | | closed |
| ready | on | | | | closed |
| busy | | on | on, where there is no yellow | | closed |
| go | on | | | short, with ``buzz=go`` or ``both`` | open for its time |
| stop | | | on | short, with ``buzz=stop`` or ``both`` | closed |

Every output that is not wired is left out. The barrier is open in no state but go, and there no longer than its time.
The buzzer sounds for the traveller who may pass, who need not see a light for it; at stop it would tell everybody
around that somebody is stopped, and so wants to be asked for. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from drivers.address import DeviceAddress
from drivers.base import DriverError, DriverReason, SignalState


class Output(StrEnum):
    """What can be switched, in the order in which it is switched: the barrier closes before a light changes."""

    BARRIER = "barrier"
    BUZZER = "buzzer"
    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


_OPTIONS = frozenset({"open", "sound", "buzz"})


@dataclass(frozen=True, slots=True)
class Step:
    """From ``after`` seconds on, these outputs are on and all others off."""

    after: float
    on: frozenset[Output]


@dataclass(frozen=True, slots=True)
class Wiring:
    """Which output is at which number (a pin, a relay), and how long the passing ones are on [s]."""

    numbers: Mapping[Output, int]
    open_s: float = 5.0
    sound_s: float = 0.4
    buzz: str = "go"

    @classmethod
    def of(cls, address: DeviceAddress, lowest: int, highest: int) -> Wiring:
        """The wiring in the options of an address. Raises DriverError (BAD_ADDRESS).

        Numbers are in [lowest, highest], and no two outputs share one.
        """
        numbers = {
            output: address.integer(output, lowest, lowest, highest) for output in Output if output in address.options
        }
        if not numbers:
            known = ", ".join(f"{output}=" for output in Output)
            raise DriverError(DriverReason.BAD_ADDRESS, f"address {address} names no output", f"give one of {known}")
        if len(set(numbers.values())) != len(numbers):
            raise DriverError(
                DriverReason.BAD_ADDRESS, f"address {address} gives one number to two outputs", "correct the numbers"
            )
        return cls(
            numbers,
            open_s=address.number("open", 5.0, 0.1, 60.0),
            sound_s=address.number("sound", 0.4, 0.05, 10.0),
            buzz=address.choice("buzz", "go", ("go", "stop", "both")),
        )

    def course(self, state: SignalState) -> tuple[Step, ...]:
        """What happens from the moment on at which ``state`` is shown; the first step is at once."""
        lights, barrier = self._shown(state)
        ends = {Output.BARRIER: self.open_s} if barrier else {}
        if self.buzz in (state, "both") and state in (SignalState.GO, SignalState.STOP):
            ends[Output.BUZZER] = self.sound_s
        moments = sorted({0.0, *(end for output, end in ends.items() if output in self.numbers)})
        wired = frozenset(self.numbers)
        return tuple(
            Step(moment, wired & (lights | {output for output, end in ends.items() if moment < end}))
            for moment in moments
        )

    def _shown(self, state: SignalState) -> tuple[frozenset[Output], bool]:
        """The lights that are on, and whether the barrier opens."""
        match state:
            case SignalState.READY:
                return frozenset({Output.GREEN}), False
            case SignalState.BUSY:
                return frozenset({Output.YELLOW if Output.YELLOW in self.numbers else Output.RED}), False
            case SignalState.GO:
                return frozenset({Output.GREEN}), True
            case SignalState.STOP:
                return frozenset({Output.RED}), False
            case SignalState.OFF:
                return frozenset(), False


def options(*more: str) -> frozenset[str]:
    """The options of an address that ``Wiring.of`` reads, and ``more``."""
    return frozenset((*Output, *_OPTIONS, *more))
