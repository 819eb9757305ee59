"""A console over real events and real records on a temporary database, with a lane that tests script."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

import aiohttp
import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray
from playwright.async_api import BrowserContext

from drivers.base import Frame
from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.finger import FingerTemplate
from hotspotd.clock import Clock, Stamp
from hotspotd.config import Config, parse
from hotspotd.console.controls import Enrolment, LaneTrials, Reporting, Searched, Updates, Upkeep
from hotspotd.console.gate import COOKIE
from hotspotd.console.server import Console
from hotspotd.console.streams import Streams
from hotspotd.domain.candidate import Candidate, Hit, ListRecord, Modality
from hotspotd.domain.chip import ChipCheck, PortraitCheck
from hotspotd.domain.document import Document, parse_mrz
from hotspotd.domain.encounter import Encounter, Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.liveness import Liveness
from hotspotd.domain.notice import Notice
from hotspotd.domain.officer import LaneAct, LaneOrder
from hotspotd.domain.rights import Role
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome, Outcome, ReferReason, Verdict
from hotspotd.errors import LaneError, Reason
from hotspotd.events import (
    AlertChanged,
    DeskView,
    DeviceState,
    DeviceView,
    EncounterChanged,
    Events,
    LaneState,
    LaneView,
    LinkView,
    Prompt,
)
from hotspotd.health.metrics import Metrics
from hotspotd.health.recent import RecentLogs
from hotspotd.records import Records
from hotspotd.records.model import Kind, OutboxItem, Rank

BADGE = "4711"
"""Whoever is signed in, where a test does not say otherwise."""

SPECIMEN = (
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
)

CONFIG = """
[device]
name = "korcula-1"
organisation = "Border Police"
country = "UTO"
mode = "{mode}"

[[lanes]]
name = "lane-1"
document = {{ driver = "mrz-serial", address = "serial:///dev/null" }}
camera = {{ driver = "replay", address = "replay:///none" }}
scanner = {{ driver = "r30x", address = "serial:///dev/null" }}

[[lanes]]
name = "lane-2"
document = {{ driver = "mrz-serial", address = "serial:///dev/null" }}
camera = {{ driver = "replay", address = "replay:///none" }}
scanner = {{ driver = "r30x", address = "serial:///dev/null" }}

[operation]
name = "adriatic"

[watchlist]
folder = "watchlist"

[records]
database = "records.sqlite"

[relay]
url = "https://gateway.test"
trust_anchors = "ca.pem"
certificate = "device.pem"
key = "device.key"

[console]
port = 0
"""


def config(mode: str = "production") -> Config:
    return parse(CONFIG.format(mode=mode), Path("test.toml"))


def of_two_persons(mode: str = "production") -> Config:
    """The configuration of a kiosk at which two people confirm and dismiss hits."""
    plain = config(mode)
    operation = msgspec.structs.replace(plain.operation, two_persons=("confirm", "dismiss"))
    return msgspec.structs.replace(plain, operation=operation)


def with_lanes(count: int) -> Config:
    """A configuration with so many lanes."""
    two = config()
    lanes = tuple(msgspec.structs.replace(two.lanes[0], name=f"lane-{number + 1}") for number in range(count))
    return msgspec.structs.replace(two, lanes=lanes)


def drawn(seed: int, height: int = 300, width: int = 240) -> NDArray[np.uint8]:
    """A picture of rings: stands for a face or a print where only the showing of it is tested."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    cy, cx = rng.uniform(0.4, 0.6, 2) * (height, width)
    rings = np.sin(np.hypot(y - cy, (x - cx) * rng.uniform(0.8, 1.3)) / 3.0)
    return np.asarray(127 + 100 * rings, np.uint8)


def png(pixels: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """``pixels`` are grey or RGB."""
    shown = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


_OFFERED = {
    LaneState.IDLE: (LaneAct.TAKE_OVER,),
    LaneState.DOCUMENT: (LaneAct.TAKE_OVER,),
    LaneState.FACE: (LaneAct.TAKE_OVER,),
    LaneState.FINGER: (LaneAct.TAKE_OVER,),
    LaneState.OFFICER: (LaneAct.NEXT, LaneAct.TAKE_OVER),
}


class ScriptedLane:
    """A lane that does what the test says, and notes what it was asked."""

    def __init__(self, name: str, events: Events) -> None:
        self.name = name
        self.asked: list[str] = []
        self.orders: list[LaneOrder] = []
        self.desk = DeskView(lane=name)
        self._events = events
        self._pixels: NDArray[np.uint8] | None = None
        self._preview: NDArray[np.uint8] | None = None
        self._sequence = 0

    def sees(self, pixels: NDArray[np.uint8] | None, preview: NDArray[np.uint8] | None = None) -> None:
        """Let the camera see ``pixels`` (h, w, 3) RGB from now on, and make ``preview`` of it itself."""
        self._pixels = pixels
        self._preview = preview

    def latest_frame(self) -> Frame | None:
        if self._pixels is None:
            return None
        self._sequence += 1
        return Frame(self._pixels, time.monotonic(), self._sequence, self._preview)

    def show(self, state: LaneState, prompt: Prompt, **fields: object) -> None:
        """Publish the lane's view."""
        since = Clock().now().iso()
        view = {"lane": self.name, "state": state, "prompt": prompt, "since": since, **fields}
        self._events.publish(LaneView(**view))  # type: ignore[arg-type]  # Fields of a view, by name.
        self.offer(*_OFFERED.get(state, ()), holder=self.desk.holder if state is LaneState.OFFICER else "")

    async def ask_help(self) -> None:
        self.asked.append("help")
        self.show(LaneState.OFFICER, Prompt.OFFICER_COMES, help_asked=True)

    async def more_time(self) -> None:
        self.asked.append("more_time")

    def offer(self, *acts: LaneAct, **fields: Any) -> None:
        """Let officers ask for ``acts`` from now on."""
        self.desk = DeskView(lane=self.name, acts=acts, **fields)
        self._events.publish(self.desk)

    async def order(self, order: LaneOrder) -> None:
        if order.act in (LaneAct.CLOSE, LaneAct.OPEN):
            self.offer(*self.desk.acts, closed=order.act is LaneAct.CLOSE)
        elif order.act not in self.desk.acts:
            raise LaneError(Reason.CONFLICT, "not now", "Look at the lane.")
        self.asked.append(str(order.act))
        self.orders.append(order)
        if order.act is LaneAct.NEXT:
            self.show(LaneState.IDLE, Prompt.PLACE_DOCUMENT)
        elif order.act is LaneAct.TAKE_OVER:
            self.show(LaneState.OFFICER, Prompt.OFFICER_COMES, finger=None)
            fingers = (FingerPosition.RIGHT_INDEX, FingerPosition.LEFT_INDEX)
            acts = set(LaneAct) - {LaneAct.NEXT, LaneAct.CLOSE, LaneAct.OPEN}
            self.offer(*acts, fingers=fingers, holder=order.by)


class Pictures:
    """The pictures of a list, as a snapshot gives them."""

    version = "2026-11-21"
    made_at = "2026-11-21T22:04:00.000Z"
    counts: ClassVar[dict[str, int]] = {"records": 41_812, "fingers": 20_377, "faces": 39_004}

    def __init__(self) -> None:
        self.held: dict[tuple[str, str, FingerPosition | None], bytes] = {}
        self.prints: dict[tuple[str, FingerPosition], FingerTemplate] = {}

    def picture(
        self, reference: str, modality: Literal["face", "finger"], position: FingerPosition | None = None
    ) -> bytes | None:
        return self.held.get((reference, modality, position))

    def listed_print(self, reference: str, position: FingerPosition) -> FingerTemplate | None:
        return self.prints.get((reference, position))


def record(notice: Notice = Notice.RED, **fields: Any) -> ListRecord:
    given: dict[str, Any] = {
        "reference": "2026/48213",
        "owner": "XPO",
        "surname": "ERIKSSON",
        "given_names": "ANNA MARIA",
        "birth_date": "1974-08-12",
        "nationality": "UTO",
        "sex": "F",
        "document_number": "L898902C1",
        "document_issuer": "UTO",
        "reason": "Fraud",
    }
    return ListRecord(notice=notice, **{**given, **fields})


def finger_hit(of: ListRecord | None = None, fmr: float = 2.4e-5) -> Hit:
    of = of or record()
    candidate = Candidate(
        modality=Modality.FINGER, reference=of.reference, score=61.0, fmr=fmr, position=FingerPosition.RIGHT_INDEX
    )
    return Hit(record=of, candidates=(candidate,))


def before(seconds: float) -> str:
    """So many seconds ago, as stored."""
    return Stamp(Clock().now().at - timedelta(seconds=seconds), trusted=True).iso()


class Kiosk:
    """Everything a page needs, running."""

    def __init__(self, events: Events, records: Records, console: Console, lanes: Mapping[str, ScriptedLane]) -> None:
        self.events = events
        self.records = records
        self.console = console
        self.lanes = lanes
        self.pictures = Pictures()
        self._number = 0
        self._answers = 0

    @property
    def lane(self) -> ScriptedLane:
        return self.lanes["lane-1"]

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.console.port}"

    def client(self, *roles: Role) -> aiohttp.ClientSession:
        """A client that asks as a page of this kiosk at which somebody with ``roles`` is signed in; by default all."""
        shown = {"Origin": self.origin, "Cookie": f"{COOKIE}={self.signed(*roles)}"}
        return aiohttp.ClientSession(self.origin, headers=shown)

    def stranger(self) -> aiohttp.ClientSession:
        """A client that asks as a page of this kiosk at which nobody is signed in."""
        return aiohttp.ClientSession(self.origin, headers={"Origin": self.origin})

    def signed(self, *roles: Role) -> str:
        """The token of a new session of BADGE with ``roles``; by default all."""
        return self.console.sessions.begin(BADGE, roles or tuple(Role))[0]

    async def sign_in(self, context: BrowserContext, *roles: Role) -> None:
        """Let somebody with ``roles``, by default all, be signed in in every page of ``context``."""
        await context.add_cookies([{"name": COOKIE, "value": self.signed(*roles), "url": self.origin}])

    def devices_ready(self) -> None:
        for lane in self.lanes:
            for device in ("document", "camera", "scanner"):
                self.events.publish(DeviceView(lane=lane, device=device, state=DeviceState.READY))

    def link(self, *, up: bool = True, queued: int = 0, oldest_s: float | None = None, **said: Any) -> None:
        oldest_at = None if oldest_s is None else before(oldest_s)
        self.events.publish(LinkView(up=up, queued=queued, oldest_s=oldest_s, oldest_at=oldest_at, **said))

    async def encounter(
        self,
        lane: str = "lane-1",
        *,
        document: Document | None = None,
        face: bytes | None = None,
        finger: bytes | None = None,
        template: bytes = b"",
        opened_at: str | None = None,
        liveness: Liveness | None = None,
        chip: ChipCheck | None = None,
        portrait: PortraitCheck | None = None,
        more: tuple[Sample, ...] = (),
        payload: bytes = b"<x/>",
    ) -> Encounter:
        """Record an encounter with a face and a right index finger, whose encoded ``template`` may be given."""
        self._number += 1
        now = Clock().now()
        encounter = Encounter(
            encounter_id=f"{self._number:08d}-enc",
            tcn=f"UTO{self._number:08d}",
            lane=lane,
            operation="adriatic",
            opened_at=opened_at or now.iso(),
            clock_trusted=True,
            document=document or parse_mrz(SPECIMEN),
            liveness=liveness,
            chip=chip,
            portrait=portrait,
            samples=(
                Sample(modality="face", media_type="image/jpeg", image=face or jpeg(drawn(self._number)), quality=80),
                Sample(
                    modality="finger",
                    position=FingerPosition.RIGHT_INDEX,
                    media_type="image/png",
                    image=finger or png(drawn(100 + self._number, 288, 256)),
                    quality=70,
                    template=template,
                ),
                *more,
            ),
        )
        item = OutboxItem(
            tcn=encounter.tcn,
            encounter_id=encounter.encounter_id,
            kind=Kind.TRANSACTION,
            rank=Rank.LIVE,
            lane=encounter.lane,
            payload=payload,
            created_at=encounter.opened_at,
        )
        await self.records.record_encounter(encounter, item)
        return encounter

    async def check(self, encounter: Encounter, *hits: Hit, trouble: tuple[ReferReason, ...] = ()) -> int | None:
        """Store the local result and tell everybody; the alert's id where one was raised."""
        reasons = ((ReferReason.HIT,) if hits else ()) + trouble
        verdict = Verdict(
            outcome=Outcome.REFER if reasons else Outcome.CLEAR, reasons=reasons, hits=hits, compute_ms=84.0
        )
        raised = await self.records.record_verdict(encounter.encounter_id, verdict)
        self._changed(encounter, raised[0] if raised else None)
        return raised[0] if raised else None

    async def answer(self, encounter: Encounter, *hits: Hit, **more: Any) -> int | None:
        """Store an answer of the gateway's and tell everybody; ``more`` are further fields of it."""
        self._answers += 1
        usual = {
            "outcome": GatewayOutcome.HIT if hits else GatewayOutcome.NO_HIT,
            "tcn": f"R{self._answers}{encounter.tcn}",
            "tcr": encounter.tcn,
            "made_at": f"2026-11-22T12:00:{self._answers:02}.000Z",
            "hits": hits,
        }
        stored = await self.records.store_answer(GatewayAnswer(**usual | more), b"<sre/>")
        self._changed(encounter, stored.alert_id)
        return stored.alert_id

    def _changed(self, encounter: Encounter, alert_id: int | None) -> None:
        self.events.publish(EncounterChanged(encounter_id=encounter.encounter_id, lane=encounter.lane))
        if alert_id is not None:
            self.events.publish(AlertChanged(alert_id=alert_id, encounter_id=encounter.encounter_id, state="open"))


@asynccontextmanager
async def running(
    folder: Path,
    *,
    mode: str = "production",
    beat_s: float = 2.0,
    streams: int = 48,
    port: int = 0,
    demo_models: bool = False,
    reporting: Reporting | None = None,
    searched: Searched | None = None,
    settings: Config | None = None,
    trials: Mapping[str, LaneTrials] | None = None,
    recent: RecentLogs | None = None,
    enrolment: Enrolment | None = None,
    updates: Updates | None = None,
    faces: FaceEngine | None = None,
) -> AsyncIterator[Kiosk]:
    """A kiosk with idle lanes: two, or those of ``settings``."""
    events = Events()
    records = await Records.open(folder / "records.sqlite")
    settings = settings or config(mode)
    settings = msgspec.structs.replace(settings, console=msgspec.structs.replace(settings.console, port=port))
    lanes = {section.name: ScriptedLane(section.name, events) for section in settings.lanes}
    holder: list[Kiosk] = []
    console = Console(
        settings,
        events,
        records,
        lanes,
        lambda: holder[0].pictures,
        streams=Streams(events, limit=streams, beat_s=beat_s),
        demo_models=demo_models,
    )
    console.reporting = reporting
    console.searched = searched
    metrics = Metrics(records, events, Clock())
    await metrics.start()
    console.upkeep = Upkeep(
        file=folder / "hotspotd.toml",
        trials=trials or {},
        recent=recent or RecentLogs(),
        metrics=metrics.exposition,
        enrolment=enrolment,
        updates=updates,
        faces=faces,
    )
    kiosk = Kiosk(events, records, console, lanes)
    holder.append(kiosk)
    for lane in lanes.values():
        lane.show(LaneState.IDLE, Prompt.PLACE_DOCUMENT)
    kiosk.devices_ready()
    kiosk.link(up=True)
    await console.start()
    try:
        yield kiosk
    finally:
        await console.stop()
        await records.close()
