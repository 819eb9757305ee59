"""The daemon: configuration in, every part built and wired, one task group, two-stage shutdown.

``hotspotd --config FILE``. Exit status: 0 stopped as told, 2 the configuration cannot be used, 3 something the
configuration names cannot be opened; anything else is a defect, and systemd starts the daemon anew.

Shutdown: on the first SIGTERM or SIGINT lanes take no further traveller and the present one may finish; after
that, or after GENTLE_S, or on a second signal, everything is cancelled and closed, last opened first.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from drivers import registry
from drivers.base import Device, DriverError
from drivers.hotplug import HotplugMonitor
from hotspotd import __version__
from hotspotd import config as configuration
from hotspotd.biometrics import finger
from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.face import calibration as face_calibration
from hotspotd.biometrics.face.liveness import PassiveLiveness
from hotspotd.biometrics.finger import calibration
from hotspotd.biometrics.models import find_model
from hotspotd.clock import Clock, Stamp
from hotspotd.config import Config, DriverSection, LaneSection
from hotspotd.console.server import Console
from hotspotd.devices.zones import ZONE_CAMERA, document_reader
from hotspotd.domain.encounter import Encounter
from hotspotd.emrtd.authorities import Authorities
from hotspotd.errors import BiometricError, ConfigError, HotspotError, Reason, RecordsError
from hotspotd.events import DeviceState, DeviceView, Events
from hotspotd.health import log as logs
from hotspotd.health.notify import Notifier, watchdog_period_s
from hotspotd.health.watchdog import Watchdog
from hotspotd.lane.arrivals import Arrivals
from hotspotd.lane.devices import SupervisedDevice
from hotspotd.lane.lane import Lane
from hotspotd.lane.parts import LaneDevices, LaneParts
from hotspotd.lane.recording import check_interrupted
from hotspotd.lane.waiting import first_of
from hotspotd.mrz.watch import zone_reader
from hotspotd.records import Records
from hotspotd.relay.compose import Origin, compose_nps
from hotspotd.relay.courier import Courier, Patience
from hotspotd.relay.links.https import HttpsLink
from hotspotd.relay.list_updates import Credentials, ListUpdates
from hotspotd.watchlist.live import LiveWatchlist
from hotspotd.watchlist.sync.following import Engines
from hotspotd.workers import Worker

# Not __name__: the daemon is also started as a module.
log = logging.getLogger("hotspotd.app")

EXIT_CONFIG = 2
EXIT_START = 3
# A traveller at the lane gets this long to finish; systemd's own limit (TimeoutStopSec) is longer.
GENTLE_S = 15.0
_RETENTION_EVERY_S = 60.0
_LIST = "watchlist"


@dataclass(frozen=True, slots=True)
class _Places:
    """Every path that the configuration names, made absolute before the loop runs."""

    database: Path
    watchlist: Path
    watchlist_key: Path | None
    trust_anchors: Path
    certificate: Path
    key: Path
    list_root: Path | None
    models: tuple[Path, ...]
    finger_calibration: Path | None
    face_calibration: Path | None
    authorities: Path | None

    @classmethod
    def of(cls, path: Path, config: Config) -> _Places:
        """The places that ``config``, read from ``path``, names."""
        resolve = partial(configuration.resolve, path)
        return cls(
            database=resolve(config.records.database),
            watchlist=resolve(config.watchlist.folder),
            watchlist_key=resolve(config.watchlist.key) if config.watchlist.key else None,
            trust_anchors=resolve(config.relay.trust_anchors),
            certificate=resolve(config.relay.certificate),
            key=resolve(config.relay.key),
            list_root=resolve(config.watchlist.root) if config.watchlist.root else None,
            models=(resolve(config.models.folder),) if config.models.folder else (),
            finger_calibration=(
                resolve(config.matching.finger_calibration) if config.matching.finger_calibration else None
            ),
            face_calibration=resolve(config.matching.face_calibration) if config.matching.face_calibration else None,
            authorities=resolve(config.chip.authorities) if config.chip.authorities else None,
        )


@dataclass(frozen=True, slots=True)
class _Parts:
    """What has been opened and runs until the end."""

    records: Records
    watchlist: LiveWatchlist
    list_updates: Callable[[], Coroutine[None, None, None]]
    courier: Courier
    console: Console
    lanes: list[Lane]
    shared: LaneParts
    watchdog: Watchdog
    notifier: Notifier


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon until it is told to stop."""
    parser = argparse.ArgumentParser(
        prog="hotspotd",
        description="Border kiosk daemon: captures, checks, records and relays travellers at its lanes.",
        epilog="example: hotspotd --config /etc/hotspotd/hotspotd.toml",
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration (TOML)")
    parser.add_argument("--version", action="version", version=f"hotspotd {__version__}")
    options = parser.parse_args(arguments)
    try:
        config = configuration.load(options.config)
    except ConfigError as error:
        sys.stderr.write(f"hotspotd: {error}\n")
        return EXIT_CONFIG
    logs.set_up(config.log.level)
    try:
        asyncio.run(_run(config, _Places.of(options.config, config)))
    except ConfigError as error:
        log.critical("%s", error)
        return EXIT_CONFIG
    except (HotspotError, DriverError, OSError) as error:
        log.critical("cannot start: %s", error)
        return EXIT_START
    return 0


async def _run(config: Config, places: _Places) -> None:
    signals = _Signals()
    async with AsyncExitStack() as stack:
        parts = await _open(config, places, stack)
        await check_interrupted(parts.shared)
        stack.push_async_callback(parts.console.stop)
        await parts.console.start()
        async with asyncio.TaskGroup() as group:
            around = [
                group.create_task(parts.courier.run(), name="courier"),
                group.create_task(parts.watchlist.run(), name="watchlist"),
                group.create_task(parts.list_updates(), name="list-updates"),
                group.create_task(parts.watchdog.run(), name="watchdog"),
                group.create_task(_retention(parts.records, config.operation.keep_clear_hours), name="retention"),
            ]
            lanes = [group.create_task(lane.run(), name=f"lane-{lane.name}") for lane in parts.lanes]
            parts.notifier.ready(f"screens on port {parts.console.port}")
            log.info("ready on http://%s:%d", config.console.host, parts.console.port)

            await signals.first.wait()
            parts.notifier.stopping("the present travellers may finish")
            log.info("stopping: the present travellers may finish")
            for lane in parts.lanes:
                lane.close_gently()
            await _gently(lanes, signals.second)
            for task in (*lanes, *around):
                task.cancel()
    log.info("stopped")


class _Signals:
    """SIGTERM and SIGINT: the first asks, the second insists."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._arrived)

    def _arrived(self) -> None:
        (self.second if self.first.is_set() else self.first).set()


async def _gently(lanes: list[asyncio.Task[None]], insist: asyncio.Event) -> None:
    """Wait until every lane has ended, but no longer than GENTLE_S or until somebody insists."""

    async def all_lanes() -> None:
        await asyncio.wait(lanes)

    try:
        async with asyncio.timeout(GENTLE_S):
            await first_of(all_lanes(), insist)
    except TimeoutError:
        log.warning("a traveller was still at a lane after %.0f s", GENTLE_S)


async def _open(config: Config, places: _Places, stack: AsyncExitStack) -> _Parts:
    clock = Clock()
    events = Events()
    images, search = Worker("images", threads=2), Worker("search")
    # Its own thread: hashing a large list takes long, and no traveller's search waits behind it.
    lists = Worker("watchlist")
    for worker in (images, search, lists):
        stack.callback(worker.close)
    faces = await asyncio.to_thread(_face_engine, config, places)
    await asyncio.to_thread(calibration.adopt, places.finger_calibration, config.matching.finger_fmr)
    records = await Records.open(
        places.database,
        clock,
        outbox_limit=config.records.outbox_limit,
        minimum_free_mb=config.records.minimum_free_mb,
    )
    stack.push_async_callback(records.close)
    if left := await records.release_all():
        log.warning("%d encounters had not ended when the daemon last stopped", left)
    watchlist = LiveWatchlist(
        places.watchlist,
        finger_engine=finger.ENGINE,
        face_engine=None if faces is None else faces.engine,
        worker=lists,
        key_file=places.watchlist_key,
        changed=lambda: _say_watchlist(watchlist, config, events),
    )
    await watchlist.look()
    link = await HttpsLink.open(
        config.relay.url,
        trust_anchors=places.trust_anchors,
        certificate=places.certificate,
        key=places.key,
        timeout_s=config.relay.request_timeout_s,
    )
    stack.push_async_callback(link.close)
    patience = Patience(first_s=config.relay.retry_first_s, longest_s=config.relay.retry_longest_s)
    courier = Courier(records, link, events, clock, patience)
    shared = LaneParts(
        config=config,
        records=records,
        events=events,
        clock=clock,
        faces=faces,
        snapshot=lambda: watchlist.snapshot,
        instead_of=watchlist.instead_of,
        compose=_composer(config),
        wake_courier=courier.wake,
        link_up=lambda: courier.link_up,
        images=images,
        search=search,
        passive_liveness=await asyncio.to_thread(_passive_liveness, config, places),
        authorities=await asyncio.to_thread(_authorities, config, places),
    )
    if any(section.document.driver == ZONE_CAMERA for section in config.lanes):
        await asyncio.to_thread(zone_reader)  # Without its networks the daemon does not start.
    arrivals = Arrivals()
    # In a thread: drivers are imported, and those of other packages looked for on the disk.
    lanes = [
        Lane(section.name, await asyncio.to_thread(_devices, section, events, clock, arrivals), shared)
        for section in config.lanes
    ]
    hotplug = HotplugMonitor(arrivals.announce)
    stack.callback(hotplug.close)
    hotplug.start()
    console = Console(
        config,
        events,
        records,
        {lane.name: lane for lane in lanes},
        lambda: watchlist.snapshot,
        clock=clock,
        demo_models=faces is not None and faces.grade == "demo",
    )
    notifier = Notifier()
    stack.callback(notifier.close)
    watchdog = Watchdog(
        notifier,
        watchdog_period_s(),
        lateness_limit_s=config.health.loop_lateness_s,
        workers=(images, search, console.worker),
        stuck_limit_s=config.health.worker_stuck_s,
        writer_check=records.check_writable,
        status=lambda: f"{len(lanes)} lanes, link {'up' if courier.link_up else 'down'}",
        clock=clock,
    )
    updates = _list_updates(config, places, faces, watchlist, stack)
    return _Parts(records, watchlist, updates, courier, console, lanes, shared, watchdog, notifier)


def _list_updates(
    config: Config, places: _Places, faces: FaceEngine | None, watchlist: LiveWatchlist, stack: AsyncExitStack
) -> Callable[[], Coroutine[None, None, None]]:
    """What keeps the list as the gateway publishes it: nothing, where the configuration names no place for that."""
    section = config.watchlist
    if not (section.updates and places.list_root):
        return _nothing
    credentials = Credentials(
        config.device.name, places.trust_anchors, places.certificate, places.key, places.list_root
    )
    engines = Engines(finger.ENGINE, None if faces is None else faces.engine)
    # Its own thread: a download on a thin line takes hours, and the list in force is looked after meanwhile.
    worker = Worker("list-updates")
    stack.callback(worker.close)
    updates = ListUpdates(places.watchlist, credentials, engines, Clock(), places.watchlist_key)
    return partial(updates.run, section.updates, section.update_every_s, worker, watchlist.look_soon)


async def _nothing() -> None:
    """Nothing to keep up to date."""


def _say_watchlist(watchlist: LiveWatchlist, config: Config, events: Events) -> None:
    """Tell the officers' page, at every lane, that the list is not the one it should be; and when it is again."""
    trouble, used = watchlist.problem, watchlist.snapshot
    known = {
        view.lane: view.state for view in events.present() if isinstance(view, DeviceView) and view.device == _LIST
    }
    for lane in (section.name for section in config.lanes):
        if trouble is not None:
            reason = trouble.reason if isinstance(trouble, HotspotError) else Reason.UNREADABLE
            instead = f"The list {used.version} of {used.made_at} is searched." if used else "No traveller is checked."
            advice = f"{instead} Call a technician."
            events.publish(DeviceView(lane=lane, device=_LIST, state=DeviceState.FAULTED, reason=reason, advice=advice))
        elif known.get(lane) is DeviceState.FAULTED:
            events.publish(DeviceView(lane=lane, device=_LIST, state=DeviceState.READY))


def _face_engine(config: Config, places: _Places) -> FaceEngine | None:
    if not config.operation.face:
        return None
    faces = FaceEngine.named(
        config.models,
        places.models,
        config.device.mode,
        qualities=msgspec.structs.asdict(config.face_quality),
    )
    face_calibration.adopt(faces, places.face_calibration, config.matching.face_fmr)
    return faces


def _passive_liveness(config: Config, places: _Places) -> PassiveLiveness | None:
    """The model of the passive check. Without it every traveller is referred, so the lane need not stand still."""
    if not (config.operation.face and config.liveness.passive):
        return None
    try:
        manifest = find_model(config.liveness.passive_model, places.models)
        return PassiveLiveness.open(manifest, config.device.mode)
    except BiometricError as error:
        if error.reason is Reason.MODEL_GRADE:
            raise
        log.error("no passive liveness check, every traveller is referred: %s", error)
        return None


def _authorities(config: Config, places: _Places) -> Authorities:
    """The signing authorities whose documents are believed. Raises ChipError for a folder that cannot be used."""
    if places.authorities is not None:
        return Authorities.load(places.authorities)
    if config.operation.chip != "off" and any(lane.chip is not None for lane in config.lanes):
        log.warning("no chip can be found genuine: chip.authorities names no signing authorities")
    return Authorities(())


def _composer(config: Config) -> Callable[[Encounter, Stamp], bytes]:
    device = config.device
    origin = Origin(device=device.name, organisation=device.organisation, country=device.country)
    return partial(_compose, origin, config.operation.purpose)


def _compose(origin: Origin, purpose: str, encounter: Encounter, now: Stamp) -> bytes:
    return compose_nps(encounter, origin, now, purpose)


D = TypeVar("D", bound=Device)


def _devices(section: LaneSection, events: Events, clock: Clock, arrivals: Arrivals) -> LaneDevices:
    """The lane's devices. Raises DriverError for a driver or an address that cannot be right."""

    def supervised(kind: str, make: Callable[[str, str], D], device: DriverSection) -> SupervisedDevice[D]:
        made = partial(make, device.driver, device.address)
        made()  # A wrong name or address is refused now, not in a loop later.
        return SupervisedDevice(section.name, kind, made, events, clock, arrivals)

    return LaneDevices(
        document=supervised("document", document_reader, section.document),
        camera=supervised("camera", registry.camera, section.camera) if section.camera else None,
        scanner=supervised("scanner", registry.scanner, section.scanner) if section.scanner else None,
        signal=supervised("signal", registry.signal, section.signal) if section.signal else None,
        chip=supervised("chip", registry.chip_reader, section.chip) if section.chip else None,
    )


async def _retention(records: Records, keep_hours: float) -> None:
    """Erase what has been kept for long enough, for ever."""
    while True:
        try:
            if erased := await records.erase_clear(keep_hours):
                log.info("%d clear encounters erased", erased)
        except RecordsError as error:
            log.warning("retention: %s", error)
        await asyncio.sleep(_RETENTION_EVERY_S)


if __name__ == "__main__":
    sys.exit(main())
