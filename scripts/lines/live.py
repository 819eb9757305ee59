"""How long a traveller's check takes from the lane to the stored answer, one traveller after the other."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from lines.connected import Connected, Traffic
from lines.ends import Kiosk
from lines.figures import seconds
from lines.ledger import receipted_bytes

PATIENCE_S = 300.0
_LINK_S = 120.0


async def measure(ends: Connected, runs: int, longest_gap_s: float, seed: int) -> dict[str, Any]:
    """``runs`` travellers, each a random while after the one before was answered: connections are warm, or are not."""
    chance = random.Random(seed)
    times, used = list[float](), list[Traffic]()
    await ends.kiosk.until(lambda: ends.kiosk.link_up_at is not None, _LINK_S)
    for _ in range(runs):
        await asyncio.sleep(chance.uniform(0, longest_gap_s))
        before = Traffic.of(ends.line)
        took = await _one(ends.kiosk)
        if took is not None:
            times.append(took)
            used.append(Traffic.of(ends.line).since(before))
    sizes = await asyncio.to_thread(receipted_bytes, ends.world.inbox)
    return seconds(times, runs) | {
        "transaction_bytes": _middle(sizes),
        "there_bytes": _middle([one.there for one in used]),
        "back_bytes": _middle([one.back for one in used]),
    }


async def _one(kiosk: Kiosk) -> float | None:
    """Seconds from the lane to the stored answer; None where none came."""
    known = set(kiosk.recorded)
    await kiosk.order(1, pictured=True, gone=False)
    await kiosk.until(lambda: len(kiosk.recorded) > len(known), PATIENCE_S)
    (tcn,) = set(kiosk.recorded) - known
    try:
        await kiosk.until(lambda: tcn in kiosk.answered, PATIENCE_S)
    except TimeoutError:
        return None
    return kiosk.answered[tcn] - kiosk.recorded[tcn][0]


def _middle(values: list[int]) -> int:
    return sorted(values)[len(values) // 2] if values else 0
