"""A whole lane in one process: real drivers on emulators' ptys, real records, a real list; no link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from drivers import registry
from drivers.base import DocumentReader
from drivers.emulators.mrz_reader import MrzReaderEmulator
from drivers.emulators.r30x import R30xEmulator
from hotspotd import config as configuration
from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.face.liveness import PassiveLiveness
from hotspotd.clock import Clock, Stamp
from hotspotd.config import ChipSection, Config, LivenessSection
from hotspotd.domain.document import check_digit
from hotspotd.domain.encounter import Encounter
from hotspotd.domain.officer import LaneAct, LaneOrder
from hotspotd.emrtd.authorities import Authorities
from hotspotd.events import DeviceView, Event, Events, LaneState, LaneView, Prompt, Subscription
from hotspotd.lane.arrivals import Arrivals
from hotspotd.lane.devices import SupervisedDevice
from hotspotd.lane.lane import Lane
from hotspotd.lane.parts import LaneDevices, LaneParts
from hotspotd.records import Records
from hotspotd.records.model import EncounterRow
from hotspotd.relay.compose import Origin, compose_nps
from hotspotd.watchlist import Snapshot
from hotspotd.workers import Worker

Image = NDArray[np.uint8]
_PATIENCE_S = 30.0
_CONFIG = """
[device]
name = "kiosk"
organisation = "Border Police"
country = "UTO"
[[lanes]]
name = "lane-1"
document = { driver = "mrz-serial", address = "serial:///unused" }
[operation]
name = "test"
fingers = ["right_index"]
face = false
step_timeout_s = 20.0
device_return_s = 10.0
gateway_wait_s = 3.0
officer_after_s = 0.01
result_shown_s = 0.01
[watchlist]
folder = "watchlist"
[records]
database = "records.db"
[relay]
url = "https://127.0.0.1:1"
trust_anchors = "ca.pem"
certificate = "kiosk.pem"
key = "kiosk.key"
"""


def mrz(
    *, number: str = "X1000001", birth_date: str = "910314", expiry: str = "350630", right: bool = True
) -> tuple[str, str]:
    """A TD3 zone with right check digits, or with a wrong last one."""
    filled = number.ljust(9, "<")
    body = f"{filled}{check_digit(filled)}UTO{birth_date}{check_digit(birth_date)}F{expiry}{check_digit(expiry)}"
    body += "<" * 14 + "0"
    last = check_digit(body[0:10] + body[13:20] + body[21:43])
    return "P<UTOKOVAC<<ELENA".ljust(44, "<"), body + (last if right else str((int(last) + 5) % 10))


@dataclass
class LaneOnTheBench:
    """A running lane and everything around it."""

    lane: Lane
    events: Events
    records: Records
    reader: MrzReaderEmulator
    scanner: R30xEmulator
    shared: LaneParts
    running: asyncio.Task[None]
    news: Subscription

    async def until(self, wanted: Callable[[Event], bool]) -> Event:
        """The first event, of those not looked at yet, that is ``wanted``; what comes before it is passed over."""
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                upcoming = asyncio.create_task(self.news.next())
                await asyncio.wait({upcoming, self.running}, return_when=asyncio.FIRST_COMPLETED)
                if not upcoming.done():
                    upcoming.cancel()
                    self.running.result()  # The lane ended before its time: this raises what it ended with.
                    raise AssertionError("the lane ended")
                if wanted(upcoming.result()):
                    return upcoming.result()

    async def until_state(self, state: LaneState, prompt: Prompt | None = None) -> LaneView:
        """The lane comes into ``state``."""
        event = await self.until(
            lambda e: isinstance(e, LaneView) and e.state is state and (prompt is None or e.prompt is prompt)
        )
        assert isinstance(event, LaneView)
        return event

    async def until_device(self, device: str, *states: str) -> DeviceView:
        """A device comes into one of ``states``."""
        event = await self.until(lambda e: isinstance(e, DeviceView) and e.device == device and e.state in states)
        assert isinstance(event, DeviceView)
        return event

    async def touch(self, image: Image) -> None:
        """Put a finger on the glass when asked, and lift it when asked."""
        await self.scanner.place(image)
        await self.until_state(LaneState.FINGER, Prompt.LIFT_FINGER)
        self.scanner.lift()

    async def order(self, act: LaneAct, *, by: str = "badge 4711", **more: Any) -> None:
        """An officer asks for something, which the lane has done when this returns."""
        await self.lane.order(LaneOrder(act=act, by=by, **more))

    async def latest(self) -> EncounterRow:
        """The newest encounter."""
        return (await self.records.recent(1))[0]


@asynccontextmanager
async def lane_on_the_bench(
    folder: Path,
    *,
    snapshot: Callable[[], Snapshot | None] = lambda: None,
    link_up: bool = False,
    outbox_limit: int = 100,
    operation: dict[str, object] | None = None,
    faces: FaceEngine | None = None,
    liveness: LivenessSection | None = None,
    passive_liveness: PassiveLiveness | None = None,
    arrivals: Arrivals | None = None,
    scanner_plugged: bool = True,
    signal: str = "",
    document: Callable[[], DocumentReader] | None = None,
    chip: str | None = None,
    chip_timeout_s: float = 20.0,
    authorities: Authorities | None = None,
    face_fmr: float | None = None,
) -> AsyncIterator[LaneOnTheBench]:
    """A running lane with a document reader and a scanner; with ``faces`` a camera too, on ``folder``/camera.

    Without ``liveness`` nobody is asked whether they are alive. A scanner that is not plugged is waited for until it is
    known to be absent. ``signal`` is the address of a relay board, ``chip`` of a PC/SC reader. ``document`` makes
    another reader.
    """
    config = configuration.parse(_CONFIG, folder / "hotspotd.toml")
    config = msgspec.structs.replace(config, operation=msgspec.structs.replace(config.operation, **(operation or {})))
    config = msgspec.structs.replace(config, liveness=liveness or LivenessSection(mode="off"))
    config = msgspec.structs.replace(config, chip=ChipSection(timeout_s=chip_timeout_s))
    if face_fmr is not None:
        config = msgspec.structs.replace(config, matching=msgspec.structs.replace(config.matching, face_fmr=face_fmr))
    events, clock = Events(), Clock()
    records = await Records.open(folder / "records.db", clock, outbox_limit=outbox_limit)
    images, search = Worker("images"), Worker("search")
    shared = LaneParts(
        config=config,
        records=records,
        events=events,
        clock=clock,
        faces=faces,
        snapshot=snapshot,
        compose=partial(_compose, config),
        wake_courier=lambda: None,
        link_up=lambda: link_up,
        images=images,
        search=search,
        passive_liveness=passive_liveness,
        authorities=authorities or Authorities(()),
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(records.close)
        stack.callback(images.close)
        stack.callback(search.close)
        reader = await stack.enter_async_context(MrzReaderEmulator(folder / "ttyReader"))
        scanner = await stack.enter_async_context(R30xEmulator(folder / "ttyScanner"))
        if not scanner_plugged:
            await scanner.unplug()
        document = document or partial(registry.reader, "mrz-serial", f"serial://{reader.link}")
        glass = partial(registry.scanner, "r30x", f"serial://{scanner.link}")
        devices = LaneDevices(
            document=SupervisedDevice("lane-1", "document", document, events, clock, arrivals),
            scanner=SupervisedDevice("lane-1", "scanner", glass, events, clock, arrivals),
        )
        if faces is not None:
            camera = partial(registry.camera, "replay", f"replay://{folder / 'camera'}?fps=20")
            devices = replace(devices, camera=SupervisedDevice("lane-1", "camera", camera, events, clock))
        if signal:
            light = partial(registry.signal, "relay-board", signal)
            devices = replace(devices, signal=SupervisedDevice("lane-1", "signal", light, events, clock))
        if chip is not None:
            chips = partial(registry.chip_reader, "pcsc", chip)
            devices = replace(devices, chip=SupervisedDevice("lane-1", "chip", chips, events, clock))
        lane = Lane("lane-1", devices, shared)
        news = stack.enter_context(events.subscribe())
        running = asyncio.create_task(lane.run())
        bench = LaneOnTheBench(lane, events, records, reader, scanner, shared, running, news)
        try:
            await bench.until(lambda _: _in_place(events, chip=chip is not None, scanner_plugged=scanner_plugged))
            news.waiting()  # What led there is not news: a lane that only starts looks like one that is closed.
            yield bench
        finally:
            running.cancel()
            await asyncio.wait([running])
        if not running.cancelled():
            running.result()


def _in_place(events: Events, *, chip: bool, scanner_plugged: bool) -> bool:
    """Whether the lane is idle and its devices ready, or the scanner known to be absent: in whatever order."""
    present = events.present()
    lane = {event.state for event in present if isinstance(event, LaneView)}
    states = {(event.device, str(event.state)) for event in present if isinstance(event, DeviceView)}
    if chip and ("chip", "ready") not in states:
        return False
    if scanner_plugged:
        return LaneState.IDLE in lane and ("scanner", "ready") in states
    return bool(lane & {LaneState.IDLE, LaneState.OUT_OF_SERVICE}) and ("scanner", "absent") in states


def _compose(config: Config, encounter: Encounter, now: Stamp) -> bytes:
    origin = Origin(device=config.device.name, organisation=config.device.organisation, country=config.device.country)
    return compose_nps(encounter, origin, now, config.operation.purpose)
