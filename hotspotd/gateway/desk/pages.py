"""The hit desk's page: hits by urgency, one of them open, confirm or reject with reason and badge number.

Serves on loopback, on a port of its own: whoever reaches it may decide, so who reaches it is for the machine's own
accounts, an SSH tunnel, or a proxy with a log-in before it. Promises what the screens at the border do: nothing is
loaded from elsewhere and no script runs at all (content security policy), a request under another host's name or from
another origin's page is refused, a decision carries a token that only a page of ours holds, and requests are bounded.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from hotspotd.clock import Clock
from hotspotd.console.controls import ReferencePictures
from hotspotd.console.safeguards import SECURITY_HEADERS
from hotspotd.domain.finger import FingerPosition
from hotspotd.errors import GatewayError, HotspotError, Reason, WatchlistError
from hotspotd.gateway.desk import probes, view
from hotspotd.gateway.desk.appearance import TYPES, Appearance
from hotspotd.gateway.desk.probes import Probes
from hotspotd.gateway.desk.ruling import LONGEST_REASON, Rulings
from hotspotd.gateway.storage import Store
from hotspotd.gateway.storage.desk import DeskHit, HitState
from hotspotd.workers import Worker

log = logging.getLogger(__name__)

_HOST: Final = "127.0.0.1"
_COOKIE: Final = "desk"
# The largest request is a decision with its reason, each character of which may be twelve in a form.
_MOST_BYTES: Final = 16 * 1024
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_STATUS: Final = {Reason.NOT_FOUND: 404, Reason.CONFLICT: 409, Reason.BAD_VALUE: 422, Reason.BUSY: 503}
_HEADINGS: Final = {404: "There is no such hit", 409: "Somebody was faster", 403: "Not asked by this page"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class DeskPages:
    """The page of one gateway. ``start`` it once; ``references`` are the list's pictures."""

    def __init__(self, store: Store, rulings: Rulings, references: ReferencePictures | None, clock: Clock) -> None:
        self._store = store
        self._rulings = rulings
        self._references = references
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._worker = Worker("desk", threads=1, waiting=32)
        self._appearance = Appearance()
        self._runner: web.AppRunner | None = None
        self._read: tuple[int, Probes] | None = None
        self.port = 0

    async def start(self, port: int) -> int:
        """Listen; returns the port. Raises OSError when it is taken."""
        await asyncio.to_thread(self._appearance.read)
        app = web.Application(client_max_size=_MOST_BYTES, middlewares=[self._guarded])
        app.on_response_prepare.append(_add_headers)
        app.add_routes(
            [
                web.get("/", self._list),
                web.get(r"/hits/{hit:\d{1,15}}", self._open),
                web.post(r"/hits/{hit:\d{1,15}}", self._rule),
                web.get(r"/hits/{hit:\d{1,15}}/{side:probe|reference}/{modality:face|finger}", self._picture),
                web.get(r"/hits/{hit:\d{1,15}}/{side:probe|reference}/{modality:finger}/{finger}", self._picture),
                web.get("/static/{name}", self._static),
                web.get("/favicon.ico", self._no_icon),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, _HOST, port).start()
        except OSError:
            await self.stop()
            raise
        self.port = int(self._runner.addresses[0][1])
        return self.port

    async def stop(self) -> None:
        """Finish what is being answered, and close. May be called twice."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self._worker.close()

    # --- pages -------------------------------------------------------------------------------------------------

    async def _list(self, request: web.Request) -> web.StreamResponse:
        return await self._page(request)

    async def _open(self, request: web.Request) -> web.StreamResponse:
        return await self._page(request, await self._store.desk.hit(_hit_id(request)))

    async def _rule(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        given = {name: str(form.get(name, "")) for name in ("token", "ruling", "by", "reason")}
        if not hmac.compare_digest(given["token"].encode(), self._token(request.cookies.get(_COOKIE, "")).encode()):
            raise web.HTTPForbidden(text="The page was open for too long. Open the hit again.")
        hit_id = _hit_id(request)
        try:
            state = HitState(given["ruling"])
        except ValueError:
            state = HitState.WAITING
        if state is HitState.WAITING:
            raise web.HTTPUnprocessableEntity(text="Confirm it, or reject it.")
        try:
            await asyncio.shield(self._rulings.rule(hit_id, state, given["by"], given["reason"]))
        except GatewayError as error:
            if error.reason is not Reason.BAD_VALUE:
                raise
            page = await self._page(request, await self._store.desk.hit(hit_id), given=given, problem=error)
            page.set_status(422)
            return page
        self._read = None
        # Reloading the page that follows decides nothing again.
        raise web.HTTPSeeOther(f"/hits/{hit_id}")

    async def _page(
        self,
        request: web.Request,
        hit: DeskHit | None = None,
        *,
        given: dict[str, str] | None = None,
        problem: GatewayError | None = None,
    ) -> web.Response:
        waiting = await self._store.desk.waiting()
        total = await self._store.desk.count_waiting()
        decided = await self._store.desk.decided(8)
        session = request.cookies.get(_COOKIE) or secrets.token_urlsafe(24)
        others = [one.id for one in waiting if hit is None or one.id != hit.id]
        text = self._appearance.page(
            "desk.html",
            lines=[view.line(one) for one in waiting],
            total=total,
            decided=[(view.line(one), view.STATES[one.state]) for one in decided],
            opened=None if hit is None else await self._opened(hit),
            token=self._token(session),
            given=given or {},
            problem=problem,
            longest=LONGEST_REASON,
            following=others[0] if others else None,
            now=view.when(self._clock.now().iso()),
        )
        page = web.Response(text=text, content_type="text/html")
        page.set_cookie(_COOKIE, session, httponly=True, samesite="Strict", path="/")
        return page

    async def _opened(self, hit: DeskHit) -> view.Opened:
        found = await self._probes(hit.id)
        wanted: list[tuple[str, FingerPosition | None]] = [("face", None)]
        wanted += [("finger", position) for position in found.fingers]
        wanted += [("finger", one.position) for one in hit.hit.candidates if one.modality == "finger"]
        there = frozenset([one for one in wanted if await self._reference(hit, *one) is not None])
        return view.opened(hit, found, there, self._clock.now().iso()[:10])

    async def _probes(self, hit_id: int) -> Probes:
        """What the transaction holds. That of the hit looked at last is kept: its pictures are asked for one by one."""
        kept = self._read
        if kept is not None and kept[0] == hit_id:
            return kept[1]
        found = await self._worker.run(probes.read, await self._store.desk.body(hit_id))
        self._read = (hit_id, found)
        return found

    # --- pictures ----------------------------------------------------------------------------------------------

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        hit = await self._store.desk.hit(_hit_id(request))
        modality, position = request.match_info["modality"], _position(request)
        if request.match_info["side"] == "probe":
            # Asked of the store and not of what was read: what is erased is not shown any more.
            image = (await self._probes(hit.id)).picture(modality, position) if hit.pictures else None
        else:
            image = await self._reference(hit, modality, position)
        if image is None:
            raise web.HTTPNotFound(text="There is no such picture.")
        body, media_type = await self._worker.run(probes.for_browser, image)
        return web.Response(body=body, content_type=media_type)

    async def _reference(self, hit: DeskHit, modality: str, position: FingerPosition | None) -> bytes | None:
        if self._references is None:
            return None
        kind = "face" if modality == "face" else "finger"
        try:
            return await self._worker.run(self._references.picture, hit.hit.record.reference, kind, position)
        except WatchlistError as error:
            # A newer list may not have the record any more; of a damaged one nothing is shown.
            if error.reason not in (Reason.NOT_FOUND, Reason.DAMAGED):
                raise
            if error.reason is Reason.DAMAGED:
                log.error("a listed picture cannot be shown: %s", error)
            return None

    # --- the rest ----------------------------------------------------------------------------------------------

    async def _static(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        data = self._appearance.static.get(name)
        if data is None:
            raise web.HTTPNotFound(text="There is no such file.")
        return web.Response(body=data, content_type=TYPES[name[name.rfind(".") :]], charset="utf-8")

    async def _no_icon(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    def _token(self, session: str) -> str:
        return hmac.new(self._key, session.encode(), "sha256").hexdigest() if session else secrets.token_hex(32)

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            # DNS rebinding gives a foreign Host; browsers send Origin with every POST.
            if request.host not in {f"{name}:{self.port}" for name in (_HOST, "localhost")}:
                raise web.HTTPForbidden(text="Asked under a name that is not this machine's.")
            if request.method not in {"GET", "HEAD"} and request.headers.get("Origin") != f"http://{request.host}":
                raise web.HTTPForbidden(text="Not asked by a page of the desk.")
            return await handler(request)
        except web.HTTPRedirection:
            raise
        except web.HTTPException as error:
            return self._problem(error.status, error.text or error.reason, "")
        except HotspotError as error:
            status = _STATUS.get(error.reason, 503)
            log.log(logging.WARNING if status >= 500 else logging.DEBUG, "desk: %s", error)
            return self._problem(status, error.what, error.advice)

    def _problem(self, status: int, what: str, advice: str) -> web.Response:
        heading = _HEADINGS.get(status, "That did not work")
        text = self._appearance.page("problem.html", heading=heading, what=what, advice=advice)
        return web.Response(status=status, text=text, content_type="text/html")


def _hit_id(request: web.Request) -> int:
    return int(request.match_info["hit"])


def _position(request: web.Request) -> FingerPosition | None:
    label = request.match_info.get("finger")
    if label is None:
        return None
    try:
        return FingerPosition.from_label(label)
    except KeyError as error:
        raise web.HTTPNotFound(text="There is no such finger.") from error


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(SECURITY_HEADERS)
    response.headers["Content-Security-Policy"] = _POLICY
    # Without a referrer, a browser says "Origin: null" with a form of our own.
    response.headers["Referrer-Policy"] = "same-origin"
    # Pictures of people are not kept by the browser.
    response.headers.setdefault("Cache-Control", "no-store")
