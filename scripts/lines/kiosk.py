"""``python -m lines.kiosk --config FILE``: the daemon's own parts, wired by its own assembly, without its lanes.

Travellers come as orders, one JSON object a line on standard input:
    {"count": N, "pictured": true, "gone": false}
each is composed, recorded and checked as a lane does it (``record_and_check``); ``gone`` ones have left at once, so
what is sent for them is a backlog. Said on standard output, times on the monotonic clock:
    {"ready": true}
    {"recorded": TCN, "began": S, "at": S}
    {"answered": TCN, "outcome": O, "at": S}
    {"link": true, "at": S}
What is recorded is on the disk, and must not be lost from there on. Ends when standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from hotspotd import config as configuration
from hotspotd.assembly import Parts, Places, open_parts
from hotspotd.config import Config
from hotspotd.events import EncounterChanged, LinkView, Missed, Subscription
from hotspotd.health import log as logs
from hotspotd.lane.recording import check_interrupted, record_and_check
from lines import people

log = logging.getLogger("lines.kiosk")


def _say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def _enqueue(parts: Parts, lane: str, order: dict[str, Any]) -> None:
    for _ in range(order["count"]):
        now = parts.shared.clock.now()
        traveller = await asyncio.to_thread(people.encounter, now.at, pictured=order["pictured"], lane=lane)
        began = time.monotonic()
        await record_and_check(traveller, parts.shared)
        _say(recorded=traveller.tcn, began=began, at=time.monotonic())
        if order["gone"]:
            await parts.records.release(traveller.encounter_id)


async def _tell(subscription: Subscription) -> None:
    """Say what the courier achieves."""
    up: bool | None = None
    async for event in subscription:
        match event:
            case EncounterChanged(gateway=str(outcome), tcn=tcn):
                _say(answered=tcn, outcome=outcome, at=time.monotonic())
            case LinkView(up=now) if now is not up:
                up = now
                _say(link=up, at=time.monotonic())
            case Missed():
                _say(missed=True)
            case _:
                pass


async def _run(config: Config, places: Places) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    lane = config.lanes[0].name
    async with AsyncExitStack() as stack:
        parts = await open_parts(config, places, stack)
        await check_interrupted(parts.shared)
        subscription = stack.enter_context(parts.shared.events.subscribe())
        async with asyncio.TaskGroup() as around, asyncio.TaskGroup() as orders:
            tasks = [around.create_task(parts.courier.run()), around.create_task(_tell(subscription))]
            _say(ready=True)
            while line := await reader.readline():
                orders.create_task(_enqueue(parts, lane, json.loads(line)))
            for task in tasks:
                task.cancel()


def main() -> int:
    """Run until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m lines.kiosk", description="A kiosk without lanes")
    parser.add_argument("--config", type=Path, required=True)
    path: Path = parser.parse_args().config
    config = configuration.load(path)
    logs.set_up(config.log.level)
    asyncio.run(_run(config, Places.of(path, config)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
