"""What becomes of a backlog when the line comes up again, and of the travellers who come meanwhile."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lines.connected import Connected, Traffic
from lines.figures import seconds
from lines.ledger import payload_bytes, received
from lines.live import PATIENCE_S

GOAL_SHARE = 0.9
_RECORD_S = 3600.0
_LOOK_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Plan:
    """How many travellers wait, how often others come while the backlog drains, and how long it may take."""

    waiting: int
    live_every_s: float
    longest_s: float
    seed: int


async def measure(ends: Connected, plan: Plan) -> dict[str, Any]:
    """Record a backlog with the line cut, mend it, and follow what happens until all of it is at the gateway.

    ``payload_share`` is the bytes of transactions, ``wire_share`` those of all IP packets that the kiosk put on the
    line, both over time and rate, from when the courier found the line up until the gateway's last receipt for the
    backlog was stored. Travellers who came meanwhile used the line too: their transactions count.
    """
    kiosk, line = ends.kiosk, ends.line
    line.cut()
    await kiosk.order(plan.waiting, pictured=True, gone=True)
    await kiosk.until(lambda: len(kiosk.recorded) == plan.waiting, _RECORD_S)
    backlog = set(kiosk.recorded)
    size = await asyncio.to_thread(payload_bytes, ends.world.records)
    line.mend()
    mended, before = time.monotonic(), Traffic.of(line)
    kiosk.link_up_at = None
    await kiosk.until(lambda: kiosk.link_up_at is not None, PATIENCE_S)
    found = time.monotonic()
    coming = asyncio.create_task(_come(ends, plan))
    drained = await _drained(ends, backlog, plan.longest_s)
    taken_s, used = time.monotonic() - found, Traffic.of(line).since(before)
    coming.cancel()
    with suppress(asyncio.CancelledError):
        await coming
    live = set(kiosk.recorded) - backlog
    done = await asyncio.to_thread(received, ends.world.records, backlog | live)
    carried = done * size / plan.waiting
    rate = line.kind.rate_bit_s / 8 * taken_s
    share = carried / rate
    with suppress(TimeoutError):
        await kiosk.until(lambda: live <= set(kiosk.answered), PATIENCE_S)
    times = [kiosk.answered[tcn] - kiosk.recorded[tcn][0] for tcn in live & set(kiosk.answered)]
    return {
        "waiting": plan.waiting,
        "drained": drained,
        "payload_bytes": size,
        "found_after_s": round(found - mended, 2),
        "taken_s": round(taken_s, 2),
        "payload_share": round(share, 4),
        "wire_share": round(used.there / rate, 4),
        "goal_share": GOAL_SHARE,
        "met": drained == plan.waiting and share >= GOAL_SHARE,
        "live": seconds(times, len(live)),
    }


async def _come(ends: Connected, plan: Plan) -> None:
    """Travellers at random times, as in a Poisson process."""
    chance = random.Random(plan.seed)
    while True:
        await asyncio.sleep(chance.expovariate(1 / plan.live_every_s))
        await ends.kiosk.order(1, pictured=True, gone=False)


async def _drained(ends: Connected, backlog: set[str], longest_s: float) -> int:
    """Wait until all of it is receipted, but not for ever; how much is."""
    done = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(longest_s):
            while done < len(backlog):
                # Another process's file: there is nothing to wait on.
                await asyncio.sleep(_LOOK_EVERY_S)
                done = await asyncio.to_thread(received, ends.world.records, backlog)
    return done
