"""What just happened, typed, for whoever watches: pages, metrics, logs.

Never the only copy of anything: whoever must not miss a thing reads the records. A subscriber that cannot keep
up loses its queue and gets one ``Missed``, on which it reads the present state anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Literal

import msgspec

from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.officer import LaneAct


class LaneState(StrEnum):
    """Where a lane is on one traveller's way."""

    STARTING = "starting"
    IDLE = "idle"  # waits for a document
    DOCUMENT = "document"  # a document was read badly, is asked for again; or its chip is read
    FACE = "face"
    FINGER = "finger"
    CHECKING = "checking"  # recorded; local check, then the gateway's answer for a short while
    GO = "go"  # clear: the traveller may go on
    OFFICER = "officer"  # an officer comes: hit, trouble and help look the same
    OUT_OF_SERVICE = "out_of_service"


class Prompt(StrEnum):
    """The one thing the traveller is told; pages hold its words in each language."""

    PLACE_DOCUMENT = "place_document"
    DOCUMENT_AGAIN = "document_again"
    LEAVE_DOCUMENT = "leave_document"
    CHIP_AGAIN = "chip_again"
    LOOK_AT_CAMERA = "look_at_camera"
    COME_CLOSER = "come_closer"
    STEP_BACK = "step_back"
    ONE_PERSON = "one_person"
    MORE_LIGHT = "more_light"
    LESS_LIGHT = "less_light"
    HEAD_UPRIGHT = "head_upright"
    OPEN_EYES = "open_eyes"
    CLOSE_MOUTH = "close_mouth"
    HOLD_STILL = "hold_still"
    TURN_LEFT = "turn_left"
    TURN_RIGHT = "turn_right"
    LOOK_AHEAD = "look_ahead"
    MOVE_TO_MIDDLE = "move_to_middle"
    PLACE_FINGER = "place_finger"
    PLACE_FINGERS = "place_fingers"
    PRESS_HARDER = "press_harder"
    PRESS_LIGHTER = "press_lighter"
    FINGER_TO_MIDDLE = "finger_to_middle"
    FINGER_STILL = "finger_still"
    FINGER_AGAIN = "finger_again"
    FINGERS_AGAIN = "fingers_again"
    LIFT_FINGER = "lift_finger"
    LIFT_FINGERS = "lift_fingers"
    WAIT = "wait"
    THANK_YOU = "thank_you"
    OFFICER_COMES = "officer_comes"
    CLOSED = "closed"


class DeviceState(StrEnum):
    """Life of a supervised device."""

    ABSENT = "absent"
    STARTING = "starting"
    READY = "ready"
    FAULTED = "faulted"


class LaneView(msgspec.Struct, frozen=True, kw_only=True, tag="lane"):
    """The whole of what a lane shows now. ``time_left_s`` is counted from the moment of publishing.

    ``finger`` is the one that is asked for; ``fingers`` are those where several are asked for at once.
    ``fingers_asked`` is false where this traveller is asked for none, ``more_time`` true where the time-out can be
    begun anew, ``help_asked`` true where an officer comes since the traveller called one.
    """

    lane: str
    state: LaneState
    prompt: Prompt
    finger: FingerPosition | None = None
    fingers: tuple[FingerPosition, ...] = ()
    attempt: int = 1
    attempts: int = 3
    time_left_s: float | None = None
    more_time: bool = False
    fingers_asked: bool = True
    help_asked: bool = False
    encounter_id: str | None = None
    nationality: str | None = None
    since: str = ""
    """ISO 8601 time at which the lane came into this state."""


class DeskView(msgspec.Struct, frozen=True, kw_only=True, tag="desk"):
    """What an officer may do at a lane now: for officers' pages only.

    ``fingers`` are those that may be skipped or taken anew. ``holder`` is who has taken the lane over, as in the audit
    chain. ``closed``: an officer has closed the lane; its present traveller is still served.
    """

    lane: str
    acts: tuple[LaneAct, ...] = ()
    fingers: tuple[FingerPosition, ...] = ()
    holder: str = ""
    closed: bool = False


class DeviceView(msgspec.Struct, frozen=True, kw_only=True, tag="device"):
    """State of one device of a lane; ``device`` is camera, scanner, document, chip or signal."""

    lane: str
    device: str
    state: DeviceState
    reason: str = ""
    advice: str = ""


class EncounterChanged(msgspec.Struct, frozen=True, kw_only=True, tag="encounter"):
    """An encounter has a new result; officers' pages read it from the records."""

    encounter_id: str
    lane: str
    local: str | None = None
    gateway: str | None = None
    local_ms: float | None = None
    tcn: str = ""


class AlertChanged(msgspec.Struct, frozen=True, kw_only=True, tag="alert"):
    """An alert was raised or decided on; officers' pages read it from the records."""

    alert_id: int
    encounter_id: str
    state: str


class RouteView(msgspec.Struct, frozen=True, kw_only=True):
    """One of several links to the gateway. ``under_way``: messages given to it whose receipt has not come.

    ``carries`` names the ranks of messages it may carry, ``sending`` a control number of what goes now; bytes are
    those of messages since the start. ``since`` is the ISO 8601 time at which it came up or went down; one that is
    not up and has no error was not tried yet.
    """

    name: str
    up: bool
    metered: bool = False
    carries: tuple[str, ...] = ()
    sent_bytes: int = 0
    received_bytes: int = 0
    under_way: int = 0
    sending: str = ""
    last_error: str = ""
    since: str = ""


class LinkView(msgspec.Struct, frozen=True, kw_only=True, tag="link"):
    """The links to the gateway and what waits for them.

    ``active`` is the link that a live check takes now; ``waiting`` counts by rank; ``refused`` counts what came and was
    not the gateway's, by reason. ``since`` is the ISO 8601 time at which the gateway could, or could no longer, be
    reached, ``oldest_at`` that at which the oldest of what waits came. ``trouble`` is for a technician, link or not.
    ``identity`` is what is wrong with this device's certificate, empty for nothing; ``identity_until`` is its end.
    """

    up: bool
    queued: int
    oldest_s: float | None = None
    oldest_at: str | None = None
    last_error: str = ""
    active: str = ""
    queued_bytes: int = 0
    waiting: dict[str, int] = {}
    set_aside: int = 0
    refused: dict[str, int] = {}
    routes: tuple[RouteView, ...] = ()
    trouble: str = ""
    since: str = ""
    identity: Literal["", "revoked", "expired", "expires"] = ""
    identity_until: str = ""


class PeopleChanged(msgspec.Struct, frozen=True, kw_only=True, tag="people"):
    """Who may sign in, or as what, has changed; the page about it reads it from the records."""


class AuditChanged(msgspec.Struct, frozen=True, kw_only=True, tag="audit"):
    """A check of the audit chain has begun, got further or ended; the page about it asks how far it is."""


class Missed(msgspec.Struct, frozen=True, tag="missed"):
    """Some events were lost to this subscriber: read the present state anew."""


Event = (
    LaneView
    | DeskView
    | DeviceView
    | EncounterChanged
    | AlertChanged
    | LinkView
    | PeopleChanged
    | AuditChanged
    | Missed
)

# A page that is this far behind is better served by the present state than by history.
_QUEUE_LIMIT = 256


class Subscription:
    """One watcher's bounded queue."""

    def __init__(self, limit: int = _QUEUE_LIMIT) -> None:
        self._queue: asyncio.Queue[Event] = asyncio.Queue(limit)

    def offer(self, event: Event) -> None:
        """Queue ``event``; at the limit everything queued is dropped for one ``Missed``."""
        if self._queue.full():
            while not self._queue.empty():
                self._queue.get_nowait()
            self._queue.put_nowait(Missed())
        self._queue.put_nowait(event)

    async def next(self) -> Event:
        """The next event, waiting for it."""
        return await self._queue.get()

    def waiting(self) -> list[Event]:
        """What is queued now, taken out."""
        return [self._queue.get_nowait() for _ in range(self._queue.qsize())]

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            yield await self.next()


class Events:
    """Hands each published event to every subscriber. Used from the event loop's thread only."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self._latest: dict[tuple[Any, ...], Event] = {}

    def publish(self, event: Event) -> None:
        """Give ``event`` to every subscriber; views are also kept as the present state."""
        match event:
            case LaneView(lane=lane):
                self._latest["lane", lane] = event
            case DeskView(lane=lane):
                self._latest["desk", lane] = event
            case DeviceView(lane=lane, device=device):
                self._latest["device", lane, device] = event
            case LinkView():
                self._latest[("link",)] = event
            case _:
                pass
        for subscription in self._subscriptions:
            subscription.offer(event)

    def present(self) -> list[Event]:
        """The latest view of each lane, device and link."""
        return list(self._latest.values())

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """A subscription for as long as the context lasts."""
        subscription = Subscription()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
