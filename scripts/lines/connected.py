"""A kiosk and a gateway, each at one end of a line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lines.ends import Kiosk, gateway
from lines.line import GATEWAY_ADDRESS, Line
from lines.world import World, build

_PORT = 8443


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes of IP packets that were put on a line."""

    there: int
    back: int

    @classmethod
    def of(cls, line: Line) -> Self:
        """Up to now."""
        return cls(line.there.count.carried_bytes, line.back.count.carried_bytes)

    def since(self, before: Traffic) -> Traffic:
        """What came after ``before``."""
        return Traffic(self.there - before.there, self.back - before.back)


@dataclass(frozen=True, slots=True)
class Connected:
    """What a measurement works with."""

    line: Line
    world: World
    kiosk: Kiosk


@asynccontextmanager
async def connected(folder: Path, line: Line) -> AsyncIterator[Connected]:
    """Both processes started at the ends of ``line``. ``folder`` is empty; logs and databases are in it then."""
    world = build(folder, GATEWAY_ADDRESS)
    world.settle_gateway(GATEWAY_ADDRESS, _PORT)
    world.point_kiosk_at(GATEWAY_ADDRESS, _PORT)
    async with AsyncExitStack() as stack:
        serving = gateway(world.gateway_config, folder / "gateway.log", line.gateway)
        stack.push_async_callback(serving.stop)
        await serving.start()
        await serving.wait_for_line("ready https://")
        kiosk = Kiosk(world.kiosk_config, folder / "kiosk.log", line.kiosk)
        stack.push_async_callback(kiosk.stop)
        await kiosk.start()
        yield Connected(line, world, kiosk)
