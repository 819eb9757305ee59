"""How the links and the outbox may stand, for pictures and tests: told as the courier tells it, from real records."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from hotspotd.clock import Clock, Stamp
from hotspotd.events import DeviceState, DeviceView, LinkView, RouteView
from hotspotd.records.model import OutboxState
from tests.console.kiosk import Kiosk, before

_ALL = ("backlog", "decision", "live", "log", "statistics")
FIBRE = RouteView(
    name="fibre", up=True, carries=_ALL, sent_bytes=48_211_907, received_bytes=3_420_118, since=before(5 * 3600)
)
LTE = RouteView(name="lte", up=False, metered=True, carries=("backlog", "decision", "live"))
SATELLITE = RouteView(name="satellite", up=False, metered=True, carries=("decision", "live"))
FIBRE_DOWN = RouteView(
    name="fibre",
    up=False,
    carries=_ALL,
    sent_bytes=48_211_907,
    received_bytes=3_420_118,
    last_error="gateway: no answer from 10.4.0.2 in 20 s [link_down]",
    since=before(17 * 60),
)
LTE_UP = RouteView(
    name="lte",
    up=True,
    metered=True,
    carries=("backlog", "decision", "live"),
    sent_bytes=812_440,
    received_bytes=77_301,
    under_way=1,
    since=before(16 * 60),
)
LTE_DOWN = RouteView(
    name="lte",
    up=False,
    metered=True,
    carries=("backlog", "decision", "live"),
    sent_bytes=812_440,
    received_bytes=77_301,
    last_error="gateway: the connection was reset [link_down]",
    since=before(12 * 60),
)
SATELLITE_DOWN = RouteView(
    name="satellite",
    up=False,
    metered=True,
    carries=("decision", "live"),
    last_error="gateway: its certificate is not signed by a trust anchor [link_refused]: Check relay.trust_anchors.",
    since=before(12 * 60),
)


async def tell(
    kiosk: Kiosk,
    *routes: RouteView,
    since: str = "",
    refused: dict[str, int] | None = None,
    identity: Literal["", "revoked", "expired", "expires"] = "",
    identity_until: str = "",
) -> None:
    """Publish what the courier would."""
    queue = await kiosk.records.queue_state()
    # As relay.routes has it: what is not known to be down is tried, and what is only tried is not in use yet.
    usable = [route for route in routes if "live" in route.carries and (route.up or not route.last_error)]
    active = next(iter(usable or [route for route in routes if route.up]), None)
    up = any(route.up for route in routes)
    oldest_s = None
    if queue.oldest is not None:
        oldest_s = (Clock().now().at - datetime.fromisoformat(queue.oldest)).total_seconds()
    kiosk.events.publish(
        LinkView(
            up=up,
            queued=queue.waiting,
            oldest_s=oldest_s,
            oldest_at=queue.oldest,
            last_error="" if up else next(route.last_error for route in routes),
            active=active.name if active and active.up else "",
            queued_bytes=queue.waiting_bytes,
            waiting={rank.name.lower(): number for rank, number in queue.ranks.items() if number},
            set_aside=queue.states[OutboxState.QUARANTINED],
            refused=refused or {},
            routes=routes,
            since=since or min((route.since for route in routes if route.since), default=""),
            identity=identity,
            identity_until=identity_until,
        )
    )


async def travellers(kiosk: Kiosk, number: int, *, answered: bool) -> None:
    """``number`` travellers have gone on, one a minute."""
    for one in range(number):
        opened = Stamp(Clock().now().at - timedelta(minutes=number - one), trusted=True).iso()
        payload = bytes(78_000 + 1_733 * one % 9_000)
        encounter = await kiosk.encounter(f"lane-{1 + one % 2}", opened_at=opened, payload=payload)
        await kiosk.check(encounter)
        if answered:
            await kiosk.answer(encounter)
        await kiosk.records.release(encounter.encounter_id)


async def well(kiosk: Kiosk) -> None:
    """Everything is as it should be."""
    await travellers(kiosk, 9, answered=True)
    await tell(kiosk, FIBRE, LTE, SATELLITE)


async def failed_over(kiosk: Kiosk) -> None:
    """The preferred link is down and another has taken over."""
    await travellers(kiosk, 9, answered=True)
    await kiosk.encounter()
    await tell(kiosk, FIBRE_DOWN, LTE_UP, SATELLITE)


REVOKED = RouteView(
    name="fibre",
    up=False,
    carries=_ALL,
    sent_bytes=48_211_907,
    received_bytes=3_420_118,
    last_error="gateway: 403: this device's certificate was revoked [revoked]: If that is a mistake, have a code issued"
    " and enrol it: hotspotctl device enrol.",
    since=before(17 * 60),
)


async def revoked(kiosk: Kiosk) -> None:
    """The gateway has revoked the device."""
    await travellers(kiosk, 9, answered=True)
    await kiosk.encounter()
    await tell(kiosk, REVOKED, identity="revoked")


async def no_link(kiosk: Kiosk) -> None:
    """Nothing goes, and travellers keep coming."""
    await travellers(kiosk, 9, answered=False)
    await kiosk.encounter()
    await tell(kiosk, FIBRE_DOWN, LTE_DOWN, SATELLITE_DOWN, since=before(12 * 60))


async def set_aside(kiosk: Kiosk) -> None:
    """The gateway does not take some rows, and somebody else has sent something; a scanner is away."""
    for minutes, said in enumerate(
        (
            "gateway: 2.035 DOB: not a date [bad_transaction]: See 112 in the INT-I manual.",
            "gateway: larger than 4194304 bytes [too_large]",
            "gateway: cannot store just now [link_protocol]",
        )
    ):
        encounter = await kiosk.encounter(
            f"lane-{1 + minutes % 2}", opened_at=before(3600 - 700 * minutes), payload=bytes(81_244)
        )
        await kiosk.check(encounter)
        await kiosk.records.release(encounter.encounter_id)
        await kiosk.records.outbox_sending(encounter.tcn, "fibre")
        await kiosk.records.outbox_quarantine(encounter.tcn, said)
    await travellers(kiosk, 7, answered=True)
    kiosk.events.publish(
        DeviceView(
            lane="lane-2",
            device="scanner",
            state=DeviceState.ABSENT,
            reason="absent",
            advice="Plug the scanner in: nothing is at /dev/ttyUSB0.",
        )
    )
    await tell(kiosk, FIBRE, LTE, SATELLITE_DOWN, refused={"tampered": 1, "stale": 2})
