"""Thousands of transactions through all that goes wrong between a kiosk and a gateway, and what became of each.

The kiosk and the gateway are real processes; between them is a ``Wire``. The kiosk lives many short lives: in each it
is given some travellers and is killed at a random moment, its start included, while faults come over the wire and the
gateway misbehaves as ordered, crashes after commits, or is killed. In the end all is mended, and what the kiosk had
said was on its disk is compared with its records and with the gateway's.

All chance comes from the seed and the number of the life; when a process gets how far is the machine's. What has been
done is written down after each life: a campaign that is started again in the same folder goes on.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
from demonstration.processes import Process, ProcessError

from lines.ends import Kiosk, gateway
from lines.ledger import waiting
from lines.tally import Tally
from lines.wire import Fault, Wire
from lines.world import DEVICE, World, build

_HOST = "127.0.0.1"
# Impatient, so that a fault costs a moment and not a minute.
_RELAY = "request_timeout_s = 2.0\nretry_first_s = 0.05\nretry_longest_s = 0.5"
# One life in so many ends while the kiosk starts, which takes about two seconds; the others some way into their work.
_EARLY_LIVES = 4
_LONGEST_START_S = 2.5
# Whatever the machine is busy with, a life ends.
_LONGEST_LIFE_S = 60.0
_LONGEST_PAUSE_S = 2.0
_LONGEST_FAULT_S = 1.5
_AT_ONCE = 200
# Nothing answered for this long after all is mended: what is missing will not come.
_STANDSTILL_S = 120.0
_START_S = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How much."""

    transactions: int
    kills: int
    seed: int


class Campaign:
    """One campaign in ``folder``, which may hold the beginning of it."""

    def __init__(self, folder: Path, plan: Plan, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._plan = plan
        self._say = say
        self._tally = Tally()
        self._journal = folder / "recorded.txt"
        self._progress = folder / "progress.json"

    async def run(self) -> Tally:
        """All of it. Raises ProcessError, TimeoutError, OSError."""
        port = await asyncio.to_thread(_free_port)
        async with AsyncExitStack() as stack:
            self._wire = await stack.enter_async_context(Wire(port, random.Random(self._plan.seed)))
            self._world = await asyncio.to_thread(self._open_world, port)
            self._kiosk = Kiosk(self._world.kiosk_config, self._folder / "kiosk.log")
            await asyncio.to_thread(self._remember if self._progress.exists() else self._write_down)
            self._gateway = gateway(self._world.gateway_config, self._folder / "gateway.log")
            stack.push_async_callback(self._gateway.stop)
            await _start(self._gateway)
            stack.push_async_callback(self._kiosk.kill)
            self._http = await stack.enter_async_context(_session(self._world, port))
            while self._tally.kills < self._plan.kills:
                await self._life(random.Random(f"{self._plan.seed}/{self._tally.kills}"))
                await asyncio.to_thread(self._write_down)
            await self._finish()
            await self._kiosk.stop()
        await asyncio.to_thread(self._tally.compare, set(self._kiosk.recorded), self._world.records, self._world.inbox)
        return self._tally

    def _open_world(self, port: int) -> World:
        world = World(self._folder) if self._progress.exists() else build(self._folder, _HOST)
        world.settle_gateway(_HOST, port)
        world.point_kiosk_at(_HOST, self._wire.port, _RELAY)
        return world

    def _remember(self) -> None:
        """Take up what was done before."""
        self._tally = Tally(**json.loads(self._progress.read_text(encoding="utf-8")))
        # What the kiosk said after that was not heard for long: for it the kiosk's own records count.
        known = self._journal.read_text(encoding="utf-8").split()
        self._kiosk.recorded.update(dict.fromkeys(known, (0.0, 0.0)))

    def _write_down(self) -> None:
        self._journal.write_text("\n".join(self._kiosk.recorded) + "\n", encoding="utf-8")
        fresh = self._progress.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self._tally)), encoding="utf-8")
        fresh.replace(self._progress)
        self._say(f"{self._tally.kills} lives, {len(self._kiosk.recorded)} recorded")

    async def _life(self, chance: random.Random) -> None:
        left = self._plan.transactions - len(self._kiosk.recorded)
        # As much again as its share: lives end early, and on the average in the middle of their work.
        count = 2 * -(-max(left, 0) // (self._plan.kills - self._tally.kills))
        early = chance.randrange(_EARLY_LIVES) == 0
        working = asyncio.create_task(self._work(count, chance.uniform(0, count)))
        around = asyncio.gather(
            self._trouble_wire(random.Random(chance.random())), self._trouble_gateway(random.Random(chance.random()))
        )
        await asyncio.wait((working,), timeout=chance.uniform(0, _LONGEST_START_S) if early else _LONGEST_LIFE_S)
        working.cancel()
        try:
            with suppress(asyncio.CancelledError):
                await working
        except (ProcessError, TimeoutError):
            around.cancel()
            raise
        # Somewhere between two travellers, or within one.
        await asyncio.sleep(0 if early else chance.uniform(0, 0.1))
        await self._kiosk.kill()
        self._tally.kills += 1
        await around

    async def _work(self, count: int, until: float) -> None:
        """Start the kiosk, give it ``count`` travellers, and wait until it has ``until`` of them on its disk."""
        await self._kiosk.start()
        if count:
            before = len(self._kiosk.recorded)
            await self._kiosk.order(count, pictured=False, gone=True)
            await self._kiosk.until(lambda: len(self._kiosk.recorded) - before >= until, _START_S)

    async def _trouble_wire(self, chance: random.Random) -> None:
        """Some faults one after the other, and the wire whole again."""
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(chance.uniform(0, _LONGEST_PAUSE_S))
            fault = chance.choice([one for one in Fault if one is not Fault.NONE])
            self._tally.faults[fault] = self._tally.faults.get(fault, 0) + 1
            await self._wire.order(fault)
            await asyncio.sleep(chance.uniform(0, _LONGEST_FAULT_S))
            await self._wire.order(Fault.NONE)

    async def _trouble_gateway(self, chance: random.Random) -> None:
        """Perhaps an order to misbehave; perhaps its end, also while it hangs after a commit."""
        await asyncio.sleep(chance.uniform(0, _LONGEST_START_S + _LONGEST_PAUSE_S))
        order = chance.choice(
            [
                None,
                {"drop_next": chance.randrange(1, 4)},
                {"error_next": chance.randrange(1, 4)},
                {"hang_after_commit_next": chance.randrange(1, 3)},
                {"delay_s": chance.uniform(0, 0.1)},
                {"duplicate_next": chance.randrange(1, 4)},
                {"reorder_next": chance.randrange(1, 4)},
            ]
        )
        if order is not None:
            await self._order({"delay_s": 0.0, **order})
            await asyncio.sleep(chance.uniform(0, 1.0))
        if chance.random() < 0.4:
            await self._gateway.kill()
            self._tally.gateway_kills += 1
            await asyncio.sleep(chance.uniform(0, 0.5))
            await _start(self._gateway)

    async def _order(self, faults: dict[str, float]) -> None:
        async with self._http.post("/v1/faults", json=faults) as response:
            response.raise_for_status()
        self._tally.gateway_orders += 1

    async def _finish(self) -> None:
        """The last travellers, with faults until little is left; then all is mended, and all answers are waited for."""
        await self._kiosk.start()
        kiosk, chance = self._kiosk, random.Random(f"{self._plan.seed}/finish")
        while (missing := self._plan.transactions - len(kiosk.recorded)) > 0:
            goal = len(kiosk.recorded) + min(missing, _AT_ONCE)
            await kiosk.order(min(missing, _AT_ONCE), pictured=False, gone=True)
            await self._trouble(chance)
            await kiosk.until(lambda goal=goal: len(kiosk.recorded) >= goal, _START_S)  # type: ignore[misc]  # Bound now.
        left = await asyncio.to_thread(waiting, self._world.records)
        for _ in range(left // _AT_ONCE):
            await self._trouble(chance)
        # One without orders.
        await self._gateway.kill()
        await _start(self._gateway)
        await self._drained()

    async def _trouble(self, chance: random.Random) -> None:
        await asyncio.gather(self._trouble_wire(chance), self._trouble_gateway(chance))

    async def _drained(self) -> None:
        """Wait until all is answered or set aside, or until nothing comes any more."""
        least = await asyncio.to_thread(waiting, self._world.records)
        seen_at = time.monotonic()
        while least and time.monotonic() - seen_at < _STANDSTILL_S:
            # Another process's file: there is nothing to wait on.
            await asyncio.sleep(1.0)
            now = await asyncio.to_thread(waiting, self._world.records)
            if now < least:
                self._say(f"{now} wait for their answer")
                least, seen_at = now, time.monotonic()


def _free_port() -> int:
    with socket.create_server((_HOST, 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


async def _start(process: Process) -> None:
    await process.start()
    await process.wait_for_line("ready https://")


def _session(world: World, port: int) -> aiohttp.ClientSession:
    """The gateway itself, past the wire."""
    folder = world.certificates
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.load_cert_chain(folder / f"{DEVICE}.pem", folder / f"{DEVICE}.key")
    return aiohttp.ClientSession(
        f"https://{_HOST}:{port}", connector=aiohttp.TCPConnector(ssl=context, force_close=True)
    )
