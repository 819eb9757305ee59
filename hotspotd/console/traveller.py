"""The traveller's page of a lane: what it is told, its live mirror, and its two buttons.

Promises that nothing confidential reaches the page: no ids, no names, no outcome. A lane in OFFICER gives the
same bytes whether the reason is a hit, trouble or a call for help. The mirror shows pictures only while the lane
takes the face, is never older than ``_STALE_S``, and is not recorded by the page.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

import cv2
import msgspec
import numpy as np
from aiohttp import web
from numpy.typing import NDArray

from drivers.base import Frame
from hotspotd.console.controls import LaneControls
from hotspotd.console.gate import Open, needs
from hotspotd.console.languages import SOURCE_LANGUAGE, offered
from hotspotd.console.streams import Message, Streams
from hotspotd.domain.finger import Slap
from hotspotd.events import Event, Events, LaneState, LaneView, Prompt
from hotspotd.workers import Worker

# Fluid enough for a mirror, a small part of a Pi's core.
_MIRROR_INTERVAL_S = 1 / 8
_MIRROR_WIDTH = 640
_MIRROR_QUALITY = 80
# A mirror that has stopped is worse than none.
_STALE_S = 2.0
# States in which the attempt and the finger mean something to the traveller.
_CAPTURING = frozenset({LaneState.IDLE, LaneState.DOCUMENT, LaneState.FACE, LaneState.FINGER})
# What is shown in a state whatever the lane says: the reason must not show through.
_FIXED_PROMPTS = {
    LaneState.OFFICER: Prompt.OFFICER_COMES,
    LaneState.CHECKING: Prompt.WAIT,
    LaneState.GO: Prompt.THANK_YOU,
    LaneState.STARTING: Prompt.WAIT,
    LaneState.OUT_OF_SERVICE: Prompt.CLOSED,
}


class TravellerState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a traveller's page is told. ``time_left_s`` counts from when it is sent."""

    state: LaneState
    prompt: Prompt
    finger: str | None = None
    fingers: tuple[str, ...] = ()
    slap: str | None = None
    """Where ``fingers`` are a whole slap."""
    attempt: int = 1
    attempts: int = 1
    time_left_s: float | None = None
    more_time: bool = False
    """Whether the time can be counted anew."""
    skips: tuple[str, ...] = ()
    """Steps that this traveller is not asked for."""
    languages: tuple[str, ...] = ()
    """Those of the document's nationality, the one to begin with first."""


class LaneWatch:
    """Remembers when each lane's view was published, for pages that connect later."""

    def __init__(self, events: Events, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._events = events
        self._monotonic = monotonic
        self._seen: dict[str, tuple[LaneView, float]] = {}

    async def run(self) -> None:
        """Watch until cancelled."""
        with self._events.subscribe() as subscription:
            for event in self._events.present():
                self._note(event)
            async for event in subscription:
                self._note(event)

    def _note(self, event: Event) -> None:
        if isinstance(event, LaneView):
            self._seen[event.lane] = (event, self._monotonic())

    def view(self, lane: str) -> LaneView | None:
        """The lane's latest view, ``time_left_s`` counted from now."""
        view = next((e for e in self._events.present() if isinstance(e, LaneView) and e.lane == lane), None)
        if view is None or view.time_left_s is None:
            return view
        seen, at = self._seen.get(lane, (None, 0.0))
        passed = self._monotonic() - at if seen is view else 0.0
        return msgspec.structs.replace(view, time_left_s=max(0.0, view.time_left_s - passed))


def traveller_state(view: LaneView | None) -> TravellerState:
    """What a traveller may see of ``view``."""
    if view is None:
        return TravellerState(state=LaneState.STARTING, prompt=Prompt.WAIT)
    languages = offered(view.nationality)
    skips = () if view.fingers_asked else ("fingers",)
    if view.state not in _CAPTURING:
        return TravellerState(state=view.state, prompt=_FIXED_PROMPTS[view.state], skips=skips, languages=languages)
    finger = view.finger.label if view.finger is not None and view.state is LaneState.FINGER else None
    fingers = view.fingers if view.state is LaneState.FINGER else ()
    slap = next((slap.label for slap in Slap if set(slap.fingers) == set(fingers)), None)
    return TravellerState(
        state=view.state,
        prompt=view.prompt,
        finger=finger,
        fingers=tuple(position.label for position in fingers),
        slap=slap,
        attempt=view.attempt,
        attempts=view.attempts,
        # An idle lane waits for ever: what counts down there is no business of a traveller's.
        time_left_s=None if view.state is LaneState.IDLE else view.time_left_s,
        more_time=view.more_time,
        skips=skips,
        languages=languages,
    )


class TravellerSource:
    """What the traveller's page of one lane is told."""

    def __init__(self, lane: str, watch: LaneWatch, build: str) -> None:
        self._lane = lane
        self._watch = watch
        self._build = build

    async def present(self) -> list[Message]:
        """The build of the pages, and the lane's state."""
        state = traveller_state(self._watch.view(self._lane))
        return [("hello", msgspec.json.encode({"build": self._build})), ("state", msgspec.json.encode(state))]

    async def changed(self, event: Event) -> list[Message]:
        """The lane's new state, when that is what changed."""
        if isinstance(event, LaneView) and event.lane == self._lane:
            return [("state", msgspec.json.encode(traveller_state(event)))]
        return []


def encode_mirror(pixels: NDArray[np.uint8]) -> bytes:
    """``pixels`` (h, w, 3) RGB as JPEG, at most 640 pixels wide or high. Blocking: runs in a worker."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _MIRROR_WIDTH / max(width, height))
    if scale < 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _MIRROR_QUALITY])
    if not done:
        raise ValueError(f"OpenCV could not encode a picture of {width}x{height}")
    return data.tobytes()


class Mirror:
    """The newest frame of one lane as JPEG, encoded at most eight times a second however many ask."""

    def __init__(self, controls: LaneControls, worker: Worker) -> None:
        self._controls = controls
        self._worker = worker
        self._turn = asyncio.Lock()
        self._encoded: tuple[int, bytes] | None = None
        self._at = 0.0

    async def picture(self) -> bytes | None:
        """The mirror's picture, or ``None`` when the camera gives nothing fresh."""
        async with self._turn:
            wait = self._at + _MIRROR_INTERVAL_S - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            frame = self._controls.latest_frame()
            if frame is None or time.monotonic() - frame.captured_at > _STALE_S:
                return None
            return await self._encode(frame)

    async def _encode(self, frame: Frame) -> bytes:
        if self._encoded is None or self._encoded[0] != frame.sequence:
            # A camera that makes a smaller picture itself saves the work of making one.
            shown = frame.pixels if frame.preview is None else frame.preview
            self._encoded = (frame.sequence, await self._worker.run(encode_mirror, shown))
        self._at = time.monotonic()
        return self._encoded[1]


class TravellerPages:
    """Handlers of the traveller's pages of all lanes."""

    def __init__(
        self,
        lanes: Mapping[str, LaneControls],
        watch: LaneWatch,
        streams: Streams,
        worker: Worker,
        build: str,
    ) -> None:
        self._lanes = lanes
        self._watch = watch
        self._streams = streams
        self._build = build
        self.house_language = SOURCE_LANGUAGE
        """In which the page begins where no document says otherwise."""
        self._mirrors = {name: Mirror(controls, worker) for name, controls in lanes.items()}

    def routes(self) -> list[web.RouteDef]:
        """Streams, mirror and buttons; the page itself is the server's, which has the templates."""
        return [
            needs(Open.AT_KIOSK, "GET", "/traveller/{lane}/events", self.events),
            needs(Open.AT_KIOSK, "GET", "/traveller/{lane}/mirror.jpg", self.mirror),
            needs(Open.AT_KIOSK, "POST", "/api/lanes/{lane}/help", self.help),
            needs(Open.AT_KIOSK, "POST", "/api/lanes/{lane}/more-time", self.more_time),
        ]

    def controls(self, request: web.Request) -> LaneControls:
        """The lane that the address names. Raises 404."""
        lane = self._lanes.get(request.match_info["lane"])
        if lane is None:
            raise web.HTTPNotFound(text="no such lane")
        return lane

    def first_language(self, lane: str) -> str:
        """The language in which the page of ``lane`` is rendered before its script runs."""
        view = self._watch.view(lane)
        return next(iter(offered(view.nationality if view else None)), self.house_language)

    def speak(self, language: str) -> None:
        """The language of the house is another one; pages take it when they are next loaded."""
        self.house_language = language

    def state(self, lane: str) -> TravellerState:
        """What a traveller may see of ``lane`` now."""
        return traveller_state(self._watch.view(lane))

    async def events(self, request: web.Request) -> web.StreamResponse:
        """The lane's state as server-sent events."""
        name = self.controls(request).name
        return await self._streams.serve(request, TravellerSource(name, self._watch, self._build))

    async def mirror(self, request: web.Request) -> web.StreamResponse:
        """The newest picture, or 204 when there is none to be shown."""
        name = self.controls(request).name
        view = self._watch.view(name)
        if view is None or view.state is not LaneState.FACE:
            return web.Response(status=204)
        picture = await self._mirrors[name].picture()
        if picture is None:
            return web.Response(status=204)
        return web.Response(body=picture, content_type="image/jpeg")

    async def help(self, request: web.Request) -> web.StreamResponse:
        """Call an officer."""
        await self.controls(request).ask_help()
        return web.Response(status=204)

    async def more_time(self, request: web.Request) -> web.StreamResponse:
        """Begin the step's time-out anew."""
        await self.controls(request).more_time()
        return web.Response(status=204)
