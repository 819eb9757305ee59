"""The web server of the screens: what may be asked, by whom, and how it is answered.

Serves on loopback, and over TLS where the configuration names a network address. Promises that nothing is loaded from
elsewhere (a strict content security policy, no inline script or style), that a request naming another host, or one that
changes something from a page of another origin, is refused, that every address is answered by the rights it was given
with (``console.gate``), that requests are bounded in size and streams in number, and that ``stop`` ends open streams
instead of waiting for them. Templates, styles and scripts are read once, at the start.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from aiohttp import web

from hotspotd.access.sessions import Sessions
from hotspotd.access.sign_in import SignIn
from hotspotd.clock import Clock
from hotspotd.config import Config
from hotspotd.console.alert_detail import AlertDetails
from hotspotd.console.auditing import AuditPages
from hotspotd.console.controls import LaneControls, Reporting, Searched, Upkeep, Watchlist
from hotspotd.console.decisions import Decisions
from hotspotd.console.gate import Gate, Open, needs
from hotspotd.console.guard import GuardPages
from hotspotd.console.interface import operations as interface
from hotspotd.console.interface.declared import problems_as_json
from hotspotd.console.lane_acts import LaneActs
from hotspotd.console.look_up import LookUps
from hotspotd.console.minutiae import Minutiae
from hotspotd.console.page_files import PageFiles, Templates, read_pages
from hotspotd.console.people import PeoplePages
from hotspotd.console.pictures import Pictures
from hotspotd.console.safeguards import add_headers, errors_as_json, from_ours, with_port
from hotspotd.console.set_up import SetUpPages
from hotspotd.console.shift_notes import ShiftNotePages
from hotspotd.console.sign_in_page import SignInPages
from hotspotd.console.streams import Streams
from hotspotd.console.technician import TechnicianPages
from hotspotd.console.technician_checks import CheckPages
from hotspotd.console.technician_devices import DevicePages
from hotspotd.console.traveller import LaneWatch, TravellerPages
from hotspotd.events import Events
from hotspotd.records import Records
from hotspotd.workers import Worker

if TYPE_CHECKING:
    from hotspotd.console.security_key_pages import SecurityKeyPages

log = logging.getLogger(__name__)

# The largest request is a decision with its note.
_MAX_REQUEST_BYTES = 16 * 1024
_SHUTDOWN_S = 3.0
# Prometheus' text format.
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SWEEP_S = 1.0
_HERE = ("127.0.0.1", "localhost", "[::1]")


class Console:
    """The screens' server. One object is started and stopped once."""

    def __init__(
        self,
        config: Config,
        events: Events,
        records: Records,
        lanes: Mapping[str, LaneControls],
        watchlist: Callable[[], Watchlist | None],
        *,
        clock: Clock | None = None,
        streams: Streams | None = None,
        demo_models: bool = False,
    ) -> None:
        """``demo_models``: a model graded for demonstration is in use, which every page says."""
        self.reporting: Reporting | None = None
        """How the bureau is told what officers decide, from the start on; ``None``: it is not."""
        self.searched: Searched | None = None
        """What look-ups search, from the start on; ``None``: nothing."""
        self.upkeep: Upkeep | None = None
        """What a technician looks at and does, from the start on; ``None``: only the links and the outbox."""
        self._config = config
        self._demo_models = demo_models
        self._events = events
        self._records = records
        self._lanes = lanes
        self._watchlist = watchlist
        self._metrics: Callable[[], Awaitable[bytes]] | None = None
        self._clock = clock or Clock()
        self._streams = streams or Streams(events)
        self._worker = Worker("console", threads=1, waiting=32)
        # Its own thread: a look-up waits for no picture, and no picture for it.
        self._looking = Worker("look-ups", waiting=4)
        self._watch = LaneWatch(events, self._clock.monotonic)
        self._tasks: list[asyncio.Task[None]] = []
        self._audit: AuditPages | None = None
        self._runner: web.AppRunner | None = None
        self._port = 0
        self._tls: ssl.SSLContext | None = None
        self._network_port = 0
        minutes, hours = config.console.idle_minutes, config.console.longest_hours
        self.sessions = Sessions(minutes * 60, hours * 3600, monotonic=self._clock.monotonic)
        """Who is signed in."""
        # Its own thread: what a technician has looked at takes seconds, and nobody else waits behind it.
        self._upkeep_worker = Worker("upkeep")
        self._set_up: SetUpPages | None = None
        # Its own thread, for each hash takes 64 MiB: one at a time.
        self._hashing = Worker("sign-in")

    @property
    def port(self) -> int:
        """The port that is listened on; the one the system chose when the configuration says 0."""
        return self._port

    @property
    def network_port(self) -> int:
        """The port that is listened on over TLS; 0 where none is."""
        return self._network_port

    @property
    def worker(self) -> Worker:
        """The thread that encodes pictures, for the watchdog."""
        return self._worker

    @property
    def look_ups(self) -> Worker:
        """The thread in which things are looked up, for the watchdog."""
        return self._looking

    def serve_metrics(self, metrics: Callable[[], Awaitable[bytes]]) -> None:
        """Serve under ``/metrics`` what ``metrics`` gives: the text format of Prometheus."""
        self._metrics = metrics

    def serve_network(self, tls: ssl.SSLContext) -> None:
        """Serve the staff's pages on the configuration's network address too, over ``tls``."""
        self._tls = tls

    async def start(self) -> None:
        """Read the pages and listen. Raises OSError when the port is taken, ConfigError for a bad word file."""
        pages = await asyncio.to_thread(read_pages)
        keys = await asyncio.to_thread(_security_key_pages)
        app = self._app(pages, keys)
        if self._set_up is not None:
            await self._set_up.start()
        self._tasks = [
            asyncio.create_task(self._watch.run(), name="console-watch"),
            asyncio.create_task(self._sweep(), name="console-sessions"),
        ]
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_S, keepalive_timeout=30.0
        )
        await self._runner.setup()
        try:
            await self._listen(self._runner)
        except OSError:
            await self.stop()
            raise
        log.info("screens are served on http://%s:%d", self._config.console.host, self._port)

    async def _listen(self, runner: web.AppRunner) -> None:
        section = self._config.console
        await web.TCPSite(runner, section.host, section.port).start()
        self._port = int(runner.addresses[0][1])
        if self._tls is None:
            return
        await web.TCPSite(runner, section.network_host, section.network_port, ssl_context=self._tls).start()
        self._network_port = int(runner.addresses[-1][1])
        log.info("screens are served over TLS on port %d as %s", self._network_port, ", ".join(section.network_names))

    async def _sweep(self) -> None:
        while True:
            self.sessions.sweep()
            await asyncio.sleep(_SWEEP_S)

    async def stop(self) -> None:
        """End the streams, finish what is being answered, close. May be called twice."""
        self._streams.end()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._audit is not None:
            await self._audit.stop()
            self._audit = None
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []
        self._worker.close()
        self._hashing.close()
        self._looking.close()
        self._upkeep_worker.close()

    def _app(self, pages: PageFiles, keys: type[SecurityKeyPages] | None) -> web.Application:
        gate = Gate(self.sessions)
        app = web.Application(
            client_max_size=_MAX_REQUEST_BYTES,
            middlewares=[problems_as_json, from_ours(self._names), errors_as_json, gate.middleware],
        )
        app.on_response_prepare.append(add_headers)
        traveller = TravellerPages(self._lanes, self._watch, self._streams, self._worker, pages.build)
        pictures = Pictures(self._records, self._watchlist, self._worker)
        guard = GuardPages(
            self._config,
            self._events,
            self._records,
            self._watch,
            self._streams,
            build=pages.build,
            clock=self._clock,
        )
        details = AlertDetails(self._records, pictures, self._clock)
        minutiae = Minutiae(self._records, self._watchlist, self._worker)
        technician = TechnicianPages(
            self._config,
            self._events,
            self._records,
            self._streams,
            self._watchlist,
            build=pages.build,
            clock=self._clock,
        )
        sign_in = SignIn(self._records, self.sessions, self._hashing, self._clock.monotonic)
        decisions = Decisions(
            self._records,
            self._events,
            sign_in,
            self._config.operation.two_persons,
            guard.line,
            reporting=self.reporting,
            clock=self._clock,
        )
        door = SignInPages(sign_in, self._events, self._records, self._streams, build=pages.build)
        people = PeoplePages(sign_in, self._events, self._records, self._streams, build=pages.build)
        audit = AuditPages(self._events, self._records, self._streams, build=pages.build, clock=self._clock)
        self._audit = audit
        templates = Templates(
            self._config, pages, traveller, gate, demo_models=self._demo_models, security_keys=keys is not None
        )
        app.add_routes(traveller.routes())
        app.add_routes(guard.routes())
        app.add_routes(details.routes())
        app.add_routes(minutiae.routes())
        app.add_routes(decisions.routes())
        app.add_routes(technician.routes())
        if self.upkeep is not None:
            app.add_routes(self._upkeep_routes(self.upkeep, pages.build, traveller))
        app.add_routes(pictures.routes())
        app.add_routes(door.routes())
        app.add_routes(people.routes())
        if keys is not None:
            app.add_routes(keys(self._records, sign_in, self._clock).routes())
        app.add_routes(audit.routes())
        app.add_routes(LaneActs(self._lanes).routes())
        name_score = self._config.matching.name_score
        look_ups = LookUps(self._records, self.searched, self._looking, self._clock, name_score)
        app.add_routes(look_ups.routes())
        app.add_routes(ShiftNotePages(self._records).routes())
        app.add_routes(templates.routes())
        parts = interface.Parts(
            self._records, self._clock, self._lanes, guard, details, decisions, look_ups, technician, door
        )
        app.add_routes(interface.routes(parts))
        app.add_routes([needs(Open.AT_KIOSK, "GET", "/metrics", self._numbers)])
        return app

    def _upkeep_routes(self, upkeep: Upkeep, build: str, traveller: TravellerPages) -> list[web.RouteDef]:
        config, records, worker = self._config, self._records, self._upkeep_worker
        checks = CheckPages(config, self._events, records, self._watchlist, upkeep, worker, self._clock)
        devices = DevicePages(config, records, upkeep, worker)
        self._set_up = SetUpPages(
            config, self._events, records, upkeep, worker, self._clock, build=build, speak=traveller.speak
        )
        return [*checks.routes(), *devices.routes(), *self._set_up.routes()]

    def _names(self, *, secure: bool) -> frozenset[str]:
        if secure:
            return with_port(self._config.console.network_names, self._network_port, 443)
        return with_port(_HERE, self._port, 80)

    async def _numbers(self, _: web.Request) -> web.StreamResponse:
        if self._metrics is None:
            raise web.HTTPNotFound(text="nothing is counted here")
        return web.Response(body=await self._metrics(), headers={"Content-Type": _METRICS_TYPE})


def _security_key_pages() -> type[SecurityKeyPages] | None:
    # In a thread: modules are read from the disk.
    if importlib.util.find_spec("fido2") is None:
        log.info("security keys are not offered: the package fido2 is not installed")
        return None
    module = importlib.import_module("hotspotd.console.security_key_pages")
    found: type[SecurityKeyPages] = module.SecurityKeyPages
    return found
