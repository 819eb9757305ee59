"""The daemon's parts, made of its configuration and wired together: opened in order, closed last opened first.

Blocking work (files, models, drivers) is done in threads before anything runs.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from drivers import registry
from drivers.base import Device
from drivers.hotplug import HotplugMonitor
from hotspotd import config as configuration
from hotspotd.biometrics import decoding, finger
from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.face import calibration as face_calibration
from hotspotd.biometrics.face.liveness import PassiveLiveness
from hotspotd.biometrics.finger import calibration
from hotspotd.biometrics.models import find_model
from hotspotd.clock import Clock, Stamp
from hotspotd.config import Config, DriverSection, LaneSection
from hotspotd.console.controls import Reporting, Searched, Upkeep
from hotspotd.console.server import Console
from hotspotd.devices.zones import ZONE_CAMERA, document_reader
from hotspotd.domain.encounter import Encounter
from hotspotd.emrtd.authorities import Authorities
from hotspotd.errors import BiometricError, ConfigError, HotspotError, Reason
from hotspotd.events import DeviceState, DeviceView, Events
from hotspotd.health.metrics import Metrics
from hotspotd.health.notify import Notifier, watchdog_period_s
from hotspotd.health.recent import RecentLogs
from hotspotd.health.watchdog import Watchdog
from hotspotd.lane.arrivals import Arrivals
from hotspotd.lane.devices import SupervisedDevice
from hotspotd.lane.lane import Lane
from hotspotd.lane.parts import LaneDevices, LaneParts
from hotspotd.mrz.watch import zone_reader
from hotspotd.operations.reporting import Running, open_reports
from hotspotd.provisioning.enrolment import Enroller
from hotspotd.provisioning.identity import IdentityFolder
from hotspotd.provisioning.renewal import Renewal
from hotspotd.records import Records
from hotspotd.records.data_key import find_data_key
from hotspotd.records.journal import Journal
from hotspotd.relay.checkpoints import Checkpoints
from hotspotd.relay.compose import Origin, PictureLimits, compose_nps
from hotspotd.relay.courier import Courier
from hotspotd.relay.decisions import compose_decision
from hotspotd.relay.list_updates import Credentials, ListUpdates
from hotspotd.relay.parts import Parts as CourierParts
from hotspotd.relay.parts import Patience
from hotspotd.relay.routes import Routes
from hotspotd.relay.seal import Sealer, thumbprint
from hotspotd.relay.uplinks import Papers, open_routes, take_new_identity
from hotspotd.updates import wishing
from hotspotd.watchlist.live import LiveWatchlist
from hotspotd.watchlist.sync.following import Engines
from hotspotd.workers import Worker

# As the daemon's own: what cannot be opened is its news.
log = logging.getLogger("hotspotd.app")

_LIST = "watchlist"
# Whoever decides at the kiosk, as the bureau is told: a role, never a name.
_ROLE = "officer"


@dataclass(frozen=True, slots=True)
class Places:
    """Every path that the configuration names, made absolute before the loop runs; ``file`` is its own."""

    file: Path
    database: Path
    data_key: Path | None
    watchlist: Path
    watchlist_key: Path | None
    trust_anchors: Path
    certificate: Path
    key: Path
    papers: Papers
    list_credentials: Credentials | None
    models: tuple[Path, ...]
    finger_calibration: Path | None
    face_calibration: Path | None
    authorities: Path | None
    console_papers: tuple[Path, Path] | None
    """Certificate and key of the pages on the network; ``None``: they are not served there."""

    @classmethod
    def of(cls, path: Path, config: Config) -> Places:
        """The places that ``config``, read from ``path``, names."""
        resolve = partial(configuration.resolve, path)
        trust_anchors, certificate, key = config.relay.files(path)
        return cls(
            file=path.resolve(),
            database=resolve(config.records.database),
            data_key=resolve(config.records.data_key) if config.records.data_key else None,
            watchlist=resolve(config.watchlist.folder),
            watchlist_key=resolve(config.watchlist.key) if config.watchlist.key else None,
            trust_anchors=trust_anchors,
            certificate=certificate,
            key=key,
            papers=Papers.of(path, config.device.name, config.relay),
            list_credentials=Credentials.of(path, config),
            models=(resolve(config.models.folder),) if config.models.folder else (),
            finger_calibration=(
                resolve(config.matching.finger_calibration) if config.matching.finger_calibration else None
            ),
            face_calibration=resolve(config.matching.face_calibration) if config.matching.face_calibration else None,
            authorities=resolve(config.chip.authorities) if config.chip.authorities else None,
            console_papers=(
                (resolve(config.console.certificate), resolve(config.console.key))
                if config.console.network_host
                else None
            ),
        )


@dataclass(frozen=True, slots=True)
class Parts:
    """What has been opened and runs until the end."""

    records: Records
    watchlist: LiveWatchlist
    list_updates: Callable[[], Coroutine[None, None, None]]
    courier: Courier
    console: Console
    lanes: list[Lane]
    shared: LaneParts
    reports: dict[str, Running]
    watchdog: Watchdog
    notifier: Notifier
    journal: Journal
    checkpoints: Checkpoints
    key: str
    """Thumbprint of the device's certificate."""
    renewal: Renewal | None
    """None where the configuration names files that nobody renews."""


async def open_parts(config: Config, places: Places, stack: AsyncExitStack) -> Parts:
    clock = Clock()
    events = Events()
    recent = RecentLogs()
    logging.getLogger().addHandler(recent)
    stack.callback(logging.getLogger().removeHandler, recent)
    images, search = Worker("images", threads=2), Worker("search")
    # Its own thread: hashing a large list takes long, and no traveller's search waits behind it.
    lists = Worker("watchlist")
    for worker in (images, search, lists):
        stack.callback(worker.close)
    # What others encoded (chips, lists, gateways) crashes a process of its own at worst.
    stack.callback(decoding.rejoin)
    await asyncio.to_thread(decoding.isolate)
    faces = await asyncio.to_thread(_face_engine, config, places)
    await asyncio.to_thread(calibration.adopt, places.finger_calibration, config.matching.finger_fmr)
    records = await Records.open(
        places.database,
        clock,
        data_key=find_data_key(places.database, places.data_key, production=config.device.mode == "production"),
        outbox_limit=config.records.outbox_limit,
        outbox_mb=config.records.outbox_mb,
        minimum_free_mb=config.records.minimum_free_mb,
    )
    stack.push_async_callback(records.close)
    journal = Journal(records, clock)
    if left := await records.release_all():
        log.warning("%d encounters had not ended when the daemon last stopped", left)
    watchlist = LiveWatchlist(
        places.watchlist,
        finger_engine=finger.ENGINE,
        face_engine=None if faces is None else faces.engine,
        worker=lists,
        key_file=places.watchlist_key,
        changed=lambda: _list_changed(watchlist, config, events, journal),
    )
    await watchlist.look()
    routes = await open_routes(config.relay, places.papers, clock.monotonic, stack)
    sealer = await asyncio.to_thread(Sealer.load, places.certificate, places.key)
    patience = Patience(first_s=config.relay.retry_first_s, longest_s=config.relay.retry_longest_s)
    courier = Courier(CourierParts(records, routes, sealer, events, clock, patience))
    checkpoints = Checkpoints(records, sealer, clock, config.device.name, courier.wake)
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
    if places.console_papers is not None:
        console.serve_network(await asyncio.to_thread(_console_tls, *places.console_papers))
    console.reporting = Reporting(partial(compose_decision, country=config.device.country, role=_ROLE), courier.wake)
    console.searched = Searched(lambda: watchlist.snapshot, watchlist.instead_of)
    metrics = Metrics(records, events, clock)
    await metrics.start()
    console.serve_metrics(metrics.exposition)
    console.upkeep = Upkeep(
        file=places.file,
        trials={lane.name: lane.trials for lane in lanes},
        recent=recent,
        metrics=metrics.exposition,
        enrolment=_enroller(config, places, clock),
        updates=await _software(clock, stack),
        faces=faces,
    )
    notifier = Notifier()
    stack.callback(notifier.close)
    watchdog = Watchdog(
        notifier,
        watchdog_period_s(),
        lateness_limit_s=config.health.loop_lateness_s,
        workers=(images, search, console.worker, console.look_ups),
        stuck_limit_s=config.health.worker_stuck_s,
        writer_check=records.check_writable,
        status=lambda: f"{len(lanes)} lanes, link {'up' if courier.link_up else 'down'}",
        clock=clock,
    )
    updates = _list_updates(config, places, faces, watchlist, stack)
    renewal = _renewal(config, places, clock, sealer, routes, journal, courier)
    reports = open_reports(config, records, events, clock, courier.wake, stack)
    return Parts(
        records,
        watchlist,
        updates,
        courier,
        console,
        lanes,
        shared,
        reports,
        watchdog,
        notifier,
        journal,
        checkpoints,
        thumbprint(sealer.certificate),
        renewal,
    )


def _renewal(
    config: Config, places: Places, clock: Clock, sealer: Sealer, routes: Routes, journal: Journal, courier: Courier
) -> Renewal | None:
    """What keeps the device's identity fresh: nothing, where the configuration names files instead of a folder."""
    if not config.relay.identity:
        return None

    async def switch() -> None:
        await take_new_identity(routes, sealer, places.papers)
        await journal.key_in_use(thumbprint(sealer.certificate))
        courier.look_again()

    return Renewal(IdentityFolder(places.certificate.parent), clock, lambda: sealer.certificate, switch)


def _list_updates(
    config: Config, places: Places, faces: FaceEngine | None, watchlist: LiveWatchlist, stack: AsyncExitStack
) -> Callable[[], Coroutine[None, None, None]]:
    """What keeps the list as the gateway publishes it: nothing, where the configuration names no place for that."""
    section = config.watchlist
    if not section.updates or places.list_credentials is None:
        return _nothing
    engines = Engines(finger.ENGINE, None if faces is None else faces.engine)
    # Its own thread: a download on a thin line takes hours, and the list in force is looked after meanwhile.
    worker = Worker("list-updates")
    stack.callback(worker.close)
    updates = ListUpdates(places.watchlist, places.list_credentials, engines, Clock(), places.watchlist_key)
    return partial(updates.run, section.updates, section.update_every_s, worker, watchlist.look_soon)


async def _nothing() -> None:
    """Nothing to keep up to date."""


def _list_changed(watchlist: LiveWatchlist, config: Config, events: Events, journal: Journal) -> None:
    journal.list_in_force(watchlist.snapshot.version if watchlist.snapshot else None)
    say_watchlist(watchlist, config, events)


def say_watchlist(watchlist: LiveWatchlist, config: Config, events: Events) -> None:
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


def _face_engine(config: Config, places: Places) -> FaceEngine | None:
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


def _passive_liveness(config: Config, places: Places) -> PassiveLiveness | None:
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


def _authorities(config: Config, places: Places) -> Authorities:
    """The signing authorities whose documents are believed. Raises ChipError for a folder that cannot be used."""
    if places.authorities is not None:
        return Authorities.load(places.authorities)
    if config.operation.chip != "off" and any(lane.chip is not None for lane in config.lanes):
        log.warning("no chip can be found genuine: chip.authorities names no signing authorities")
    return Authorities(())


def _console_tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS for the pages on the network. Raises ConfigError for papers that cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one.
        raise ConfigError(
            Reason.UNREADABLE,
            f"console.certificate, console.key: {error.strerror or error}",
            "Put certificate and key there, as PEM, readable by the daemon.",
        ) from error
    return context


def _enroller(config: Config, places: Places, clock: Clock) -> Enroller | None:
    """What enrols this device anew from the technician's page; ``None`` where its certificate is kept by hand."""
    if not config.relay.identity:
        return None
    return Enroller(IdentityFolder(places.key.parent), config.device.name, clock)


async def _software(clock: Clock, stack: AsyncExitStack) -> wishing.Wishing | None:
    """What changes the software from the technician's page; ``None`` where no installer has put it here."""
    software = wishing.Places()
    if not await asyncio.to_thread(lambda: software.installed):
        return None
    worker = Worker("software")
    stack.callback(worker.close)
    return wishing.Wishing(worker, clock, software)


def _composer(config: Config) -> Callable[[Encounter, Stamp], bytes]:
    device = config.device
    origin = Origin(device=device.name, organisation=device.organisation, country=device.country)
    purpose, relay = config.operation.purpose, config.relay
    faps = {lane.name: lane.scanner.fap for lane in config.lanes if lane.scanner is not None}

    def compose(encounter: Encounter, now: Stamp) -> bytes:
        limits = PictureLimits(
            face_bytes=relay.face_kb * 1000, print_bytes=relay.print_kb * 1000, fap=faps.get(encounter.lane)
        )
        return compose_nps(encounter, origin, now, purpose, limits=limits)

    return compose


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
