"""The pages themselves: their templates, styles, scripts and words, read once at the start."""

from __future__ import annotations

import hashlib
from importlib import resources
from importlib.resources.abc import Traversable

import jinja2
import msgspec
from aiohttp import web
from markupsafe import Markup

from hotspotd.access.sessions import Session
from hotspotd.config import Config
from hotspotd.console import alert_view, words
from hotspotd.console.gate import Gate, Open, is_here, needs, session_of
from hotspotd.console.look_up import PURPOSES
from hotspotd.console.traveller import TravellerPages
from hotspotd.domain import officer
from hotspotd.domain.rights import Act, Role
from hotspotd.records.shift_notes import LONGEST_NOTE

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
# What staff may open, and the right that it takes.
_STAFF_PAGES = (
    (Act.SEE_ALERTS, "/guard", "Officer"),
    (Act.SEE_DEVICES, "/technician", "Technician"),
    (Act.MEND, "/set-up", "Set up"),
    (Act.MANAGE_PEOPLE, "/people", "People"),
    (Act.SEE_AUDIT, "/audit", "Audit"),
)


# What the people's page says of each role.
_ROLES = {
    Role.GUARD: "sees alerts and decides on them",
    Role.SUPERVISOR: "as a guard; also people, devices, audit",
    Role.TECHNICIAN: "devices, links, updates",
    Role.AUDITOR: "reads and checks the audit chain",
}


class PageFiles(msgspec.Struct, frozen=True):
    """What the pages are made of, read once."""

    templates: dict[str, str]
    static: dict[str, bytes]
    words: words.Words
    build: str


class Templates:
    """The pages themselves, their styles, scripts and words."""

    def __init__(
        self,
        config: Config,
        pages: PageFiles,
        traveller: TravellerPages,
        gate: Gate,
        *,
        demo_models: bool,
        security_keys: bool,
    ) -> None:
        """``security_keys``: what they need is installed."""
        self._config = config
        self._demo_models = demo_models
        self._security_keys = security_keys
        self._pages = pages
        self._traveller = traveller
        self._gate = gate
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
        """Pages, styles, scripts and words."""
        return [
            needs(Open.ANYONE, "GET", "/", self.index, page=True),
            needs(Open.ANYONE, "GET", "/sign-in", self.sign_in, page=True),
            needs(Open.SIGNED_IN, "GET", "/key", self.key, page=True),
            needs(Act.SEE_ALERTS, "GET", "/guard", self.guard, page=True),
            needs(Act.SEE_DEVICES, "GET", "/technician", self.technician, page=True),
            needs(Act.MEND, "GET", "/set-up", self.set_up, page=True),
            needs(Act.MANAGE_PEOPLE, "GET", "/people", self.people, page=True),
            needs(Act.SEE_AUDIT, "GET", "/audit", self.audit, page=True),
            needs(Open.AT_KIOSK, "GET", "/traveller/{lane}", self.traveller, page=True),
            needs(Open.AT_KIOSK, "GET", "/traveller/{lane}/words.json", self.words),
            needs(Open.ANYONE, "GET", "/static/{name}", self.static),
            needs(Open.ANYONE, "GET", "/favicon.ico", self.no_icon),
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
            idle_s=self._config.console.idle_minutes * 60,
            security_keys=self._security_keys,
            **values,
        )
        return web.Response(text=text, content_type="text/html")

    def _staff_page(self, request: web.Request, template: str, **values: object) -> web.Response:
        session = session_of(request)
        return self._page(template, session=session, pages=_pages_of(session), here=request.path, **values)

    async def index(self, request: web.Request) -> web.StreamResponse:
        session = self._gate.session(request)
        here = is_here(request)
        return self._page(
            "index.html",
            session=session,
            pages=_pages_of(session),
            lanes=[lane.name for lane in self._config.lanes] if here else [],
        )

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        return self._page("sign-in.html", here=is_here(request), session=self._gate.session(request))

    async def key(self, request: web.Request) -> web.StreamResponse:
        if not self._security_keys:
            raise web.HTTPNotFound(text="security keys are not installed here")
        return self._page("key.html", session=session_of(request))

    async def guard(self, request: web.Request) -> web.StreamResponse:
        return self._staff_page(
            request,
            "guard.html",
            dismissals=alert_view.DISMISSALS,
            lane_reasons=officer.REASONS,
            purposes=PURPOSES,
            longest_note=LONGEST_NOTE,
        )

    async def technician(self, request: web.Request) -> web.StreamResponse:
        return self._staff_page(request, "technician.html", acts={act.value for act in session_of(request).acts})

    async def set_up(self, request: web.Request) -> web.StreamResponse:
        return self._staff_page(request, "set-up.html")

    async def people(self, request: web.Request) -> web.StreamResponse:
        return self._staff_page(request, "people.html", roles=_ROLES)

    async def audit(self, request: web.Request) -> web.StreamResponse:
        return self._staff_page(request, "audit.html")

    async def traveller(self, request: web.Request) -> web.StreamResponse:
        lane = self._traveller.controls(request).name
        section = next(section for section in self._config.lanes if section.name == lane)
        code = self._traveller.first_language(lane)
        language = self._pages.words.languages[code]
        return self._page(
            "traveller.html",
            lane=lane,
            code=code,
            house=self._traveller.house_language,
            language=language,
            languages=self._pages.words.languages,
            steps=words.steps(section, self._config.operation),
            intro=words.intro(language, section, self._config.operation),
            audio=self._config.traveller.audio,
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


def _pages_of(session: Session | None) -> list[tuple[str, str]]:
    """Address and name of each page that is open in ``session``."""
    if session is None:
        return []
    return [(path, name) for act, path, name in _STAFF_PAGES if session.may(act)]


def read_pages() -> PageFiles:
    """Read everything. Blocking. Raises ConfigError for a bad file of words."""
    room = resources.files("hotspotd.console")
    templates = {entry.name: entry.read_text(encoding="utf-8") for entry in _files(room / "templates", (".html",))}
    static = {entry.name: entry.read_bytes() for entry in _files(room / "static", tuple(_TYPES))}
    digest = hashlib.sha256()
    for name, text in sorted(templates.items()):
        digest.update(name.encode() + text.encode())
    for name, data in sorted(static.items()):
        digest.update(name.encode() + data)
    return PageFiles(templates, static, words.load(), digest.hexdigest()[:12])


def _files(folder: Traversable, suffixes: tuple[str, ...]) -> list[Traversable]:
    return sorted((entry for entry in folder.iterdir() if entry.name.endswith(suffixes)), key=lambda entry: entry.name)
