"""The daemon's end of a change of its software: wishes it on behalf of a technician, and tells what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from hotspotd import __version__
from hotspotd.clock import Clock
from hotspotd.domain.software import SoftwareAct, UpdateState
from hotspotd.errors import Reason, UpdateError
from hotspotd.updates import wishes
from hotspotd.updates.obeying import kept
from hotspotd.updates.versions import ROOT, Versions
from hotspotd.updates.wishes import OUTCOMES, TAKEN_S, UNIT, WISHES, Outcome
from hotspotd.workers import Worker

_COMMANDS: Final = {"check": "check", "apply": "apply", "roll-back": "rollback"}
_CHECKED_S: Final = 60.0
"""As long as a page may wait for an answer."""
_EVERY_S: Final = 0.5
Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Places:
    """Where versions, wishes and outcomes are, and the unit without which nobody takes a wish."""

    root: Path = ROOT
    wishes: Path = WISHES
    outcomes: Path = OUTCOMES
    unit: Path = UNIT

    @property
    def installed(self) -> bool:
        """Whether an installer has put the software here that changes it."""
        return (self.root / "versions").is_dir() and (self.unit.is_file() or self.outcomes.is_dir())


@dataclass(frozen=True, slots=True)
class _Asked:
    """A wish, how it was before, and until when somebody must have begun."""

    act: SoftwareAct
    earlier: Outcome | None
    until: float


class Wishing:
    """The console's ``Updates``. ``worker`` has one thread: what is looked at and wished there is of one moment."""

    def __init__(
        self, worker: Worker, clock: Clock, places: Places | None = None, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._worker = worker
        self._clock = clock
        self._places = places or Places()
        self._versions = Versions(self._places.root)
        self._sleep = sleep
        self._asked: _Asked | None = None
        self._dropped = ""

    async def state(self) -> UpdateState:
        """Which versions there are, what is under way, what came of the last act."""
        return await self._worker.run(self._state)

    async def check(self, within_s: float = _CHECKED_S) -> UpdateState:
        """Have somebody look for a newer version and fetch it; how it is then, or after ``within_s`` still under way.

        Raises UpdateError (CONFLICT).
        """
        state = await self._worker.run(self._wish, "check")
        until = self._clock.monotonic() + within_s
        while state.doing and self._clock.monotonic() < until:
            await self._sleep(_EVERY_S)
            state = await self.state()
        return state

    async def apply(self) -> UpdateState:
        """Have the version that is ready put in force; under way when this returns. Raises UpdateError (CONFLICT)."""
        return await self._worker.run(self._wish, "apply")

    async def roll_back(self) -> UpdateState:
        """Have the version before put in force; under way when this returns. Raises UpdateError (CONFLICT)."""
        return await self._worker.run(self._wish, "roll-back")

    def _state(self) -> UpdateState:
        outcome = wishes.read_outcome(self._places.outcomes)
        running = self._versions.current or __version__
        before = kept(self._versions)
        doing = self._doing(outcome)
        if outcome is None:
            return UpdateState(running, before, said="" if doing else self._dropped, doing=doing)
        ready = "" if outcome.ready == running else outcome.ready
        said = outcome.words
        if outcome.state == "doing":
            # Whoever was at it has ended without a word of what came of it.
            said = "It was cut off. Look again; journalctl -u hotspotd-update says more."
        if doing or self._dropped:
            return UpdateState(running, before, ready, "" if doing else self._dropped, doing=doing)
        return UpdateState(running, before, ready, said, outcome.at)

    def _doing(self, outcome: Outcome | None) -> SoftwareAct | Literal[""]:
        """What is wished or under way; what nobody has begun in time is withdrawn."""
        asked, now = self._asked, self._clock.monotonic()
        if outcome is not None and outcome.under_way:
            self._asked = None
            return outcome.act or "check"
        if asked is None and wishes.waits(self._places.wishes):
            # Of before this daemon's start.
            asked = self._asked = _Asked("check", outcome, now + TAKEN_S)
        if asked is None:
            return ""
        if outcome == asked.earlier and now < asked.until:
            return asked.act
        self._asked = None
        if outcome == asked.earlier and wishes.withdraw(self._places.wishes):
            self._dropped = f"Nobody has begun with it. {_by_hand(asked.act)}"
        return ""

    def _wish(self, act: SoftwareAct) -> UpdateState:
        state = self._state()
        if not self._places.unit.is_file():
            raise UpdateError(Reason.CONFLICT, f"{self._places.unit} is not there to change anything", _by_hand(act))
        if state.doing:
            raise UpdateError(Reason.CONFLICT, "another change of the software is under way", "Wait until it is done.")
        version = {"check": "", "apply": state.ready, "roll-back": state.before}[act]
        if act == "apply" and not version:
            raise UpdateError(Reason.CONFLICT, "no other version is ready", "Look for a newer one first.")
        if act == "roll-back" and not version:
            raise UpdateError(Reason.CONFLICT, "there is no version to go back to", "hotspotctl update status")
        earlier = wishes.read_outcome(self._places.outcomes)
        self._dropped = ""
        try:
            wishes.write_wish(self._places.wishes, wishes.new_wish(act, version))
        except OSError as error:
            what = f"{self._places.wishes} cannot be written: {error.strerror}"
            raise UpdateError(Reason.CONFLICT, what, _by_hand(act)) from error
        self._asked = _Asked(act, earlier, self._clock.monotonic() + TAKEN_S)
        return self._state()


def _by_hand(act: SoftwareAct) -> str:
    return f"On the kiosk: sudo hotspotctl update {_COMMANDS[act]}"
