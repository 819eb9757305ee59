"""What a lane is made of: its own devices, and what it shares with the rest of the daemon."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from drivers.base import Camera, ChipReader, DocumentReader, FingerprintScanner, LaneSignal
from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.face.liveness import PassiveLiveness
from hotspotd.clock import Clock, Stamp
from hotspotd.config import Config
from hotspotd.domain.encounter import Encounter
from hotspotd.emrtd.authorities import Authorities
from hotspotd.events import Events
from hotspotd.lane.devices import SupervisedDevice
from hotspotd.lane.local_check import InsteadOf, no_other
from hotspotd.records import Records
from hotspotd.watchlist.snapshot import Snapshot
from hotspotd.workers import Worker

AnySupervised = (
    SupervisedDevice[DocumentReader]
    | SupervisedDevice[ChipReader]
    | SupervisedDevice[Camera]
    | SupervisedDevice[FingerprintScanner]
    | SupervisedDevice[LaneSignal]
)


@dataclass(frozen=True, slots=True)
class LaneDevices:
    """The supervised devices of one lane; what is ``None`` is not there and its step is left out."""

    document: SupervisedDevice[DocumentReader]
    camera: SupervisedDevice[Camera] | None = None
    scanner: SupervisedDevice[FingerprintScanner] | None = None
    signal: SupervisedDevice[LaneSignal] | None = None
    chip: SupervisedDevice[ChipReader] | None = None

    def present(self) -> list[AnySupervised]:
        """Those that are there."""
        devices = (self.document, self.chip, self.camera, self.scanner, self.signal)
        return [device for device in devices if device is not None]

    def needed(self, required: Collection[str]) -> list[AnySupervised]:
        """Those without which the lane takes no travellers: the reader, and of the others those in ``required``."""
        return [device for device in self.present() if device is self.document or device.kind in required]


@dataclass(frozen=True, slots=True)
class LaneParts:
    """What the lanes share with each other and with the rest of the daemon.

    ``compose`` makes the INT-I transaction of an encounter and runs in the ``images`` worker; ``snapshot`` gives
    the watchlist in force, ``None`` where there is none. ``passive_liveness`` is ``None`` where no model is asked for,
    and where the one that is cannot be opened. ``authorities`` are those whose documents' chips are believed.
    """

    config: Config
    records: Records
    events: Events
    clock: Clock
    faces: FaceEngine | None
    snapshot: Callable[[], Snapshot | None]
    compose: Callable[[Encounter, Stamp], bytes]
    wake_courier: Callable[[], None]
    link_up: Callable[[], bool]
    images: Worker
    search: Worker
    passive_liveness: PassiveLiveness | None = None
    instead_of: InsteadOf = no_other
    """What to search when the watchlist is found damaged."""
    authorities: Authorities = field(default_factory=lambda: Authorities(()))
