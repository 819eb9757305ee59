"""What the pages need of a lane, of the watchlist and of the relay: small interfaces, implemented elsewhere.

The console never reaches into a lane; it asks it for something and sees what came of it in the events.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from drivers.base import Device, DriverError, Frame
from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.finger import FingerTemplate
from hotspotd.clock import Stamp
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.officer import LaneOrder
from hotspotd.domain.software import UpdateState
from hotspotd.errors import WatchlistError
from hotspotd.health.recent import RecentLogs
from hotspotd.records.model import Alert, Decision, OutboxItem
from hotspotd.watchlist.snapshot import Snapshot


class LaneControls(Protocol):
    """What a page may ask of one lane. Every method may be called at any time and twice."""

    @property
    def name(self) -> str:
        """The lane's name, as in the configuration."""
        ...

    def latest_frame(self) -> Frame | None:
        """The camera's newest frame, or ``None``; never waits."""
        ...

    async def ask_help(self) -> None:
        """The traveller asked for an officer."""
        ...

    async def more_time(self) -> None:
        """The traveller asked for more time: the step's time-out begins anew. Nothing where none is running."""
        ...

    async def order(self, order: LaneOrder) -> None:
        """Do what an officer wants; audited and done when this returns.

        Raises LaneError (CONFLICT where the lane cannot do it now or has gone on meanwhile, BAD_VALUE), RecordsError.
        """
        ...


class ReferencePictures(Protocol):
    """The watchlist snapshot, as far as pictures go. Called in a worker thread."""

    def picture(
        self, reference: str, modality: Literal["face", "finger"], position: FingerPosition | None = None
    ) -> bytes | None:
        """The encoded picture of this reference, or ``None`` where the list has none."""
        ...


class ReferencePrints(Protocol):
    """The watchlist snapshot, as far as prints can be compared again. Called in a worker thread."""

    def listed_print(self, reference: str, position: FingerPosition) -> FingerTemplate | None:
        """The template of this finger of this reference, or ``None`` where the list has none. Raises WatchlistError."""
        ...


@dataclass(frozen=True, slots=True)
class Reporting:
    """How the bureau is told what officers decide.

    ``compose`` makes the report, ``None`` where there is nothing to tell, and raises RelayError; ``wake`` says that
    one is in the outbox.
    """

    compose: Callable[[Alert, Decision, Stamp], OutboxItem | None]
    wake: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Searched:
    """The watchlist, as far as looking things up goes. ``instead_of``: what to search where one is found damaged."""

    snapshot: Callable[[], Snapshot | None]
    instead_of: Callable[[Snapshot, WatchlistError], Snapshot | None]


class ListInForce(Protocol):
    """What a technician is told of the watchlist snapshot."""

    @property
    def version(self) -> str:
        """Its name."""
        ...

    @property
    def made_at(self) -> str:
        """When it was built: ISO 8601."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """How many there are of each kind of thing in it."""
        ...


class Watchlist(ReferencePictures, ReferencePrints, ListInForce, Protocol):
    """The watchlist snapshot, as far as pages go."""


class LaneTrials(Protocol):
    """The devices of one lane, for a technician: tried while the lane is kept without travellers."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The lane's devices, as the configuration calls them."""
        ...

    @property
    def held(self) -> bool:
        """Whether the lane is kept without travellers."""
        ...

    async def hold(self) -> None:
        """Keep it so for two minutes from now. Raises UpkeepError (CONFLICT) while a traveller is served."""
        ...

    def release(self) -> None:
        """Let travellers in again. May be called twice."""
        ...

    def latest_frame(self) -> Frame | None:
        """The camera's newest frame; never waits. Raises UpkeepError (CONFLICT) where the lane is not held."""
        ...

    async def device(self, kind: str) -> Device:
        """The open device. Raises UpkeepError (CONFLICT, NOT_FOUND), DriverError where it is away."""
        ...

    def fault(self, kind: str, device: Device, error: DriverError) -> None:
        """``device`` must be opened anew."""
        ...


class Enrolment(Protocol):
    """Getting this device its certificate."""

    async def enrol(self, url: str, code: str, fingerprint: str) -> str:
        """Enrol at the gateway at ``url`` with a one-time code; ``fingerprint`` is that of its authority.

        Returns what to do next, in words. Raises HotspotError.
        """
        ...


class Updates(Protocol):
    """Putting another version of the software in force. Methods raise HotspotError."""

    async def state(self) -> UpdateState:
        """How it is."""
        ...

    async def check(self) -> UpdateState:
        """Look whether there is a newer version, and fetch it; perhaps still under way when this returns."""
        ...

    async def apply(self) -> UpdateState:
        """Put the one that is ready in force: under way when this returns; the daemon starts anew."""
        ...

    async def roll_back(self) -> UpdateState:
        """Put the one before in force again: under way when this returns; the daemon starts anew."""
        ...


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What the technician's pages need of the daemon, beside what every page has.

    ``file`` is the configuration's, ``faces`` the engine in use. ``enrolment`` and ``updates`` are ``None`` where this
    daemon does neither: the pages then show the command that does.
    """

    file: Path
    trials: Mapping[str, LaneTrials]
    recent: RecentLogs
    metrics: Callable[[], Awaitable[bytes]]
    faces: FaceEngine | None = None
    enrolment: Enrolment | None = None
    updates: Updates | None = None
