"""The web server of the screens: what may be asked, by whom, and how it is answered.

Serves on loopback. Promises that nothing is loaded from elsewhere (a strict content security policy, no inline
script or style), that a request naming another host, or a POST from a page of another origin, is refused, that
requests are bounded in size and streams in number, and that ``stop`` ends open streams instead of waiting for
them. Templates, styles and scripts are read once, at the start.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable

import jinja2
import msgspec
from aiohttp import web
from markupsafe import Markup

from hotspotd.clock import Clock
from hotspotd.config import Config
from hotspotd.console import alert_view, words
from hotspotd.console.controls import LaneControls, Reporting, Watchlist
from hotspotd.console.guard import GuardPages
from hotspotd.console.pictures import Pictures
from hotspotd.console.streams import Streams
from hotspotd.console.technician import TechnicianPages
from hotspotd.console.traveller import LaneWatch, TravellerPages
from hotspotd.errors import HotspotError, Reason
from hotspotd.events import Events
from hotspotd.records import Records
from hotspotd.workers import Worker

log = logging.getLogger(__name__)

# The largest request is a decision with its note.
_MAX_REQUEST_BYTES = 16 * 1024
_SHUTDOWN_S = 3.0
# Prometheus' text format.
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_STATUS = {Reason.NOT_FOUND: 404, Reason.CONFLICT: 409, Reason.BUSY: 503, Reason.STORAGE_FULL: 507}

SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=(), serial=()",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Pages(msgspec.Struct, frozen=True):
    """What the pages are made of, read once."""

    templates: dict[str, str]
    static: dict[str, bytes]
    words: words.Words
    build: str


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
        self._watch = LaneWatch(events, self._clock.monotonic)
        self._watching: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The port that is listened on; the one the system chose when the configuration says 0."""
        return self._port

    @property
    def worker(self) -> Worker:
        """The thread that encodes pictures, for the watchdog."""
        return self._worker

    def serve_metrics(self, metrics: Callable[[], Awaitable[bytes]]) -> None:
        """Serve under ``/metrics`` what ``metrics`` gives: the text format of Prometheus."""
        self._metrics = metrics

    async def start(self) -> None:
        """Read the pages and listen. Raises OSError when the port is taken, ConfigError for a bad word file."""
        pages = await asyncio.to_thread(_read_pages)
        app = self._app(pages)
        self._watching = asyncio.create_task(self._watch.run(), name="console-watch")
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_S, keepalive_timeout=30.0
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._config.console.host, self._config.console.port)
        try:
            await site.start()
        except OSError:
            await self.stop()
            raise
        self._port = int(self._runner.addresses[0][1])
        log.info("screens are served on http://%s:%d", self._config.console.host, self._port)

    async def stop(self) -> None:
        """End the streams, finish what is being answered, close. May be called twice."""
        self._streams.end()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None
        self._worker.close()

    def _app(self, pages: _Pages) -> web.Application:
        app = web.Application(client_max_size=_MAX_REQUEST_BYTES, middlewares=[self._same_origin, _errors_as_json])
        app.on_response_prepare.append(_add_headers)
        traveller = TravellerPages(self._lanes, self._watch, self._streams, self._worker, pages.build)
        pictures = Pictures(self._records, self._watchlist, self._worker)
        guard = GuardPages(
            self._config,
            self._events,
            self._records,
            self._watch,
            self._streams,
            pictures,
            build=pages.build,
            clock=self._clock,
        )
        guard.reporting = self.reporting
        technician = TechnicianPages(
            self._config,
            self._events,
            self._records,
            self._streams,
            self._watchlist,
            build=pages.build,
            clock=self._clock,
        )
        templates = _Templates(self._config, pages, traveller, demo_models=self._demo_models)
        app.add_routes(traveller.routes())
        app.add_routes(guard.routes())
        app.add_routes(technician.routes())
        app.add_routes(pictures.routes())
        app.add_routes(templates.routes())
        app.add_routes([web.post("/api/lanes/{lane}/next", self._next), web.get("/metrics", self._numbers)])
        return app

    async def _next(self, request: web.Request) -> web.StreamResponse:
        lane = self._lanes.get(request.match_info["lane"])
        if lane is None:
            raise web.HTTPNotFound(text="no such lane")
        await lane.clear_officer()
        return web.Response(status=204)

    async def _numbers(self, _: web.Request) -> web.StreamResponse:
        if self._metrics is None:
            raise web.HTTPNotFound(text="nothing is counted here")
        return web.Response(body=await self._metrics(), headers={"Content-Type": _METRICS_TYPE})

    @web.middleware
    async def _same_origin(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        # A page elsewhere can neither read (DNS rebinding gives a foreign Host) nor act (browsers send Origin
        # with every POST, and scripts of other pages cannot leave it out).
        names = {"127.0.0.1", "localhost", "[::1]"}
        allowed = {f"{name}:{self._port}" for name in names} | (names if self._port == 80 else set())
        if request.host not in allowed:
            raise web.HTTPForbidden(text="asked under a name that is not this kiosk's")
        if request.method not in ("GET", "HEAD") and request.headers.get("Origin") != f"http://{request.host}":
            raise web.HTTPForbidden(text="not asked by a page of this kiosk: the Origin header is missing or another's")
        return await handler(request)


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except HotspotError as error:
        status = _STATUS.get(error.reason, 500)
        log.log(logging.WARNING if status >= 500 else logging.DEBUG, "console: %s", error)
        body = {"reason": error.reason, "what": error.what, "advice": error.advice}
        return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(SECURITY_HEADERS)
    # Pictures and states of people are not kept by the browser.
    response.headers.setdefault("Cache-Control", "no-store")


class _Templates:
    """The pages themselves, their styles, scripts and words."""

    def __init__(self, config: Config, pages: _Pages, traveller: TravellerPages, *, demo_models: bool) -> None:
        self._config = config
        self._demo_models = demo_models
        self._pages = pages
        self._traveller = traveller
        self._environment = jinja2.Environment(
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            loader=jinja2.DictLoader(pages.templates),
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._icons = Markup(pages.static["icons.svg"].decode())  # noqa: S704  # Our own file.
        self._etags = {name: f'"{hashlib.sha256(data).hexdigest()[:16]}"' for name, data in pages.static.items()}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.index),
            web.get("/guard", self.guard),
            web.get("/technician", self.technician),
            web.get("/traveller/{lane}", self.traveller),
            web.get("/traveller/{lane}/words.json", self.words),
            web.get("/static/{name}", self.static),
            web.get("/favicon.ico", self.no_icon),
        ]

    def _page(self, template: str, **values: object) -> web.Response:
        device = self._config.device
        text = self._environment.get_template(template).render(
            icons=self._icons,
            build=self._pages.build,
            training=device.mode == "training",
            demo_models=self._demo_models,
            device=device,
            operation=self._config.operation,
            **values,
        )
        return web.Response(text=text, content_type="text/html")

    async def index(self, _: web.Request) -> web.StreamResponse:
        return self._page("index.html", lanes=[lane.name for lane in self._config.lanes])

    async def guard(self, _: web.Request) -> web.StreamResponse:
        return self._page("guard.html", dismissals=alert_view.DISMISSALS)

    async def technician(self, _: web.Request) -> web.StreamResponse:
        return self._page("technician.html")

    async def traveller(self, request: web.Request) -> web.StreamResponse:
        lane = self._traveller.controls(request).name
        section = next(section for section in self._config.lanes if section.name == lane)
        code = self._traveller.first_language(lane)
        language = self._pages.words.languages[code]
        return self._page(
            "traveller.html",
            lane=lane,
            code=code,
            language=language,
            languages=self._pages.words.languages,
            steps=words.steps(section, self._config.operation),
            intro=words.intro(language, section, self._config.operation),
            state=self._traveller.state(lane),
        )

    async def words(self, request: web.Request) -> web.StreamResponse:
        lane = self._traveller.controls(request).name
        section = next(section for section in self._config.lanes if section.name == lane)
        body = msgspec.json.encode(self._pages.words.for_page(section, self._config.operation))
        return web.Response(body=body, content_type="application/json")

    async def static(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        data = self._pages.static.get(name)
        if data is None:
            raise web.HTTPNotFound(text="no such file")
        headers = {"ETag": self._etags[name], "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match") == self._etags[name]:
            return web.Response(status=304, headers=headers)
        suffix = name[name.rfind(".") :]
        return web.Response(body=data, content_type=_TYPES[suffix], charset="utf-8", headers=headers)

    async def no_icon(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=204)


def _read_pages() -> _Pages:
    room = resources.files("hotspotd.console")
    templates = {entry.name: entry.read_text(encoding="utf-8") for entry in _files(room / "templates", (".html",))}
    static = {entry.name: entry.read_bytes() for entry in _files(room / "static", tuple(_TYPES))}
    digest = hashlib.sha256()
    for name, text in sorted(templates.items()):
        digest.update(name.encode() + text.encode())
    for name, data in sorted(static.items()):
        digest.update(name.encode() + data)
    return _Pages(templates, static, words.load(), digest.hexdigest()[:12])


def _files(folder: Traversable, suffixes: tuple[str, ...]) -> list[Traversable]:
    return sorted((entry for entry in folder.iterdir() if entry.name.endswith(suffixes)), key=lambda entry: entry.name)
