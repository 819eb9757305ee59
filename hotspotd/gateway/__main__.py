"""``python -m hotspotd.gateway --config FILE``: the reference gateway as a process of its own.

Prints ``ready https://HOST:PORT`` on standard output when it takes transactions; ends on SIGTERM and SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hotspotd.biometrics import decoding
from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.face import calibration as face_calibration
from hotspotd.biometrics.finger import calibration
from hotspotd.clock import Clock
from hotspotd.config import resolve
from hotspotd.console.controls import ReferencePictures
from hotspotd.errors import ConfigError, HotspotError, Reason
from hotspotd.gateway.config import EnrolmentSection, GatewayConfig, MailSection, ServerSection, load, responder_of
from hotspotd.gateway.desk.pages import DeskPages
from hotspotd.gateway.desk.ruling import Rulings
from hotspotd.gateway.doors.post_office import PostOffice
from hotspotd.gateway.enrolment.est import EstServer, enrolment_context
from hotspotd.gateway.enrolment.issuing import open_issuing
from hotspotd.gateway.faults import Faults
from hotspotd.gateway.find import Find
from hotspotd.gateway.intake.routes import Intake
from hotspotd.gateway.keeping import Keeping
from hotspotd.gateway.processing import Processor
from hotspotd.gateway.publication.serving import Serving
from hotspotd.gateway.reception import Reception
from hotspotd.gateway.search import Search, WatchlistSearch
from hotspotd.gateway.service import Part, Service
from hotspotd.gateway.storage import Store, open_store
from hotspotd.gateway.uploads.files import UploadFiles
from hotspotd.gateway.uploads.routes import Uploads
from hotspotd.relay.links.jetstream import check_library, subjects
from hotspotd.relay.links.tls import server_context
from hotspotd.relay.seal import Sealer, Trust
from hotspotd.watchlist.check import Thresholds
from hotspotd.watchlist.shelf import Shelf

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the gateway until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m hotspotd.gateway", description="Reference national gateway")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument("--allow-faults", action="store_true", help="let devices order faults (tests and demos only)")
    options = parser.parse_args(arguments)
    path: Path = options.config
    try:
        config = load(path)
        logging.basicConfig(level=config.log.level.upper(), format="%(levelname)s %(name)s: %(message)s")
        # At DEBUG it logs every statement with its values, which are people's data.
        logging.getLogger("aiosqlite").setLevel(logging.WARNING)
        asyncio.run(_run(path, config, allow_faults=options.allow_faults))
    except HotspotError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except (OSError, sqlite3.Error) as error:
        sys.stderr.write(f"gateway: {error}\n")
        return 1
    return 0


def _search(path: Path, config: GatewayConfig) -> WatchlistSearch:
    folders = [resolve(path, config.models.folder)] if config.models.folder else []
    faces = FaceEngine.named(config.models, folders, config.mode)
    calibration.adopt(
        resolve(path, config.matching.finger_calibration) if config.matching.finger_calibration else None,
        config.matching.finger_fmr,
    )
    face_calibration.adopt(
        faces,
        resolve(path, config.matching.face_calibration) if config.matching.face_calibration else None,
        config.matching.face_fmr,
    )
    matching = config.matching
    search = WatchlistSearch(
        Shelf(resolve(path, config.watchlist.folder)),
        faces,
        Thresholds(
            finger_fmr=matching.finger_fmr,
            face_fmr=matching.face_fmr,
            face_fpir=matching.face_fpir,
            name_score=matching.name_score,
        ),
    )
    search.prepare()
    return search


async def _run(path: Path, config: GatewayConfig, *, allow_faults: bool) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    search = await asyncio.to_thread(_search, path, config)
    context = await asyncio.to_thread(
        server_context,
        resolve(path, config.server.trust_anchors),
        resolve(path, config.server.certificate),
        resolve(path, config.server.key),
    )
    identity = await asyncio.to_thread(Identity.of, path, config)
    store = await open_store(config.store.place(path))
    # What kiosks and others send crashes a process of its own at worst.
    await asyncio.to_thread(decoding.isolate)
    try:
        service = make_service(config, store, search, identity, allow_faults=allow_faults)
        _also_publish(path, config, service)
        service.also_serve(Find(search, store, Clock(), config.limits.body_timeout_s))
        if config.mail is not None:
            service.also_serve(await _mail_door(path, config.mail, config.server, service.reception))
        intake = await _intake(path, config)
        if intake is not None:
            service.also_serve(intake)
        desk = None
        door = await _nats_door(path, config, service, identity.sealer)
        if door is not None:
            service.also_serve(door)
        enrolment = None
        try:
            if config.enrolment is not None:
                enrolment = await _enrolment(path, config, config.enrolment, store)
            desk = await _desk(config, store, search, service)
            port = await service.start(config.server.host, config.server.port, context)
            sys.stdout.write(f"ready https://{config.server.host}:{port}\n")
            if desk is not None:
                sys.stdout.write(f"desk http://127.0.0.1:{desk.port}\n")
            if enrolment is not None:
                sys.stdout.write(f"enrolment https://{config.server.host}:{enrolment.port}\n")
            sys.stdout.flush()
            await _until(stopping, service)
        finally:
            await service.stop()
            if desk is not None:
                await desk.stop()
            if enrolment is not None:
                await enrolment.stop()
            if intake is not None:
                await intake.stop()
    finally:
        decoding.rejoin()
        await store.close()


def _also_publish(path: Path, config: GatewayConfig, service: Service) -> None:
    for what, section in (("watchlist", config.publication), ("software", config.software)):
        if section is not None:
            folder, keys = (resolve(path, one) for one in (section.folder, section.keys))
            service.also_serve(Serving(folder, keys, Clock(), what))


async def _desk(
    config: GatewayConfig, store: Store, references: ReferencePictures, service: Service
) -> DeskPages | None:
    if config.desk is None:
        return None
    clock = Clock()
    desk = DeskPages(store, Rulings(store, responder_of(config), clock, service.answered), references, clock)
    await desk.start(config.desk.port)
    return desk


async def _enrolment(path: Path, config: GatewayConfig, section: EnrolmentSection, store: Store) -> EstServer:
    server = config.server
    files = [resolve(path, file) for file in (server.trust_anchors, server.certificate, server.key)]
    context = await asyncio.to_thread(enrolment_context, *files)
    issuing, authorities = await asyncio.to_thread(open_issuing, path, config, section, store.devices)
    est = EstServer(issuing, authorities)
    await est.start(server.host, section.port, context)
    return est


async def _mail_door(path: Path, mail: MailSection, server: ServerSection, reception: Reception) -> Part:
    try:
        from hotspotd.gateway.doors.mail import MailDoor  # noqa: PLC0415  # aiosmtplib is optional.
    except ImportError as error:
        raise ConfigError(
            Reason.MISSING_KEY, f"{path}: mail needs aiosmtplib", "Install hotspotd with its extra 'mail'."
        ) from error
    clock = Clock()
    office = await asyncio.to_thread(PostOffice.of, path, mail, server, clock.now().at)
    return MailDoor(reception, office, clock)


async def _intake(path: Path, config: GatewayConfig) -> Intake | None:
    if config.intake is None:
        return None
    database = resolve(path, config.intake.database)
    return await Intake.open(database, config.intake.rules(), Clock(), config.limits.body_timeout_s)


async def _nats_door(path: Path, config: GatewayConfig, service: Service, sealer: Sealer) -> Part | None:
    if config.nats is None:
        return None
    nats = config.nats
    place = subjects.place(nats.url)
    check_library()
    # Both need the extra "nats".
    from hotspotd.gateway.doors.nats import NatsDoor  # noqa: PLC0415
    from hotspotd.gateway.doors.nats_streams import Terms  # noqa: PLC0415

    return await NatsDoor.open(
        Terms(place, incoming_mb=nats.incoming_mb, outgoing_mb=nats.outgoing_mb),
        trust_anchors=resolve(path, nats.trust_anchors),
        certificate=resolve(path, nats.certificate),
        key=resolve(path, nats.key),
        reception=service.reception,
        sealer=sealer,
    )


async def _until(stopping: asyncio.Event, service: Service) -> None:
    """Until a signal comes or processing fails; raises what it failed with."""
    told, failed = asyncio.create_task(stopping.wait()), asyncio.create_task(service.wait())
    try:
        await asyncio.wait((told, failed), return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            await failed
    finally:
        told.cancel()
        failed.cancel()


@dataclass(frozen=True, slots=True)
class Identity:
    """Under which seal the gateway speaks, whose it believes, and where parts of messages are put."""

    sealer: Sealer
    devices: Trust
    uploads: Path

    @classmethod
    def of(cls, path: Path, config: GatewayConfig) -> Identity:
        """As the configuration, read from ``path``, has it. Blocks. Raises ConfigError."""
        server = config.server
        return cls(
            Sealer.load(resolve(path, server.certificate), resolve(path, server.key)),
            Trust.load(resolve(path, server.trust_anchors), "device"),
            resolve(path, config.store.uploads),
        )


def make_service(
    config: GatewayConfig,
    store: Store,
    search: Search,
    identity: Identity,
    *,
    allow_faults: bool,
    clock: Clock | None = None,
) -> Service:
    """The service as the configuration has it."""
    clock = clock or Clock()
    limits, faults = config.limits, Faults()
    responder = responder_of(config)
    reception = Reception(
        store,
        identity.devices,
        identity.sealer,
        clock,
        max_bytes=limits.transaction_bytes,
        most_unprocessed=limits.unprocessed,
        wake=lambda: processor.wake(),  # noqa: PLW0108  # It is made below, of this.
    )
    processor = Processor(
        store,
        search,
        responder,
        clock=clock,
        threads=limits.threads,
        delay=faults.delay,
        answered=reception.answered,
    )
    service = Service(store, reception, processor, faults, longest_wait_s=limits.wait_s, allow_faults=allow_faults)
    files = UploadFiles(identity.uploads, limits.upload_mb * 1024 * 1024)
    service.also_serve(Uploads(files, reception, faults, limits.body_timeout_s))
    service.also_serve(Keeping(store, clock, limits))
    return service


if __name__ == "__main__":
    sys.exit(main())
