"""A wire with faults: each does what its name says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from lines.wire import Fault, Wire

_SOON_S = 0.2


class Far:
    """Sends back what comes, in capitals, and keeps it."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(100):
                self.got += data
                writer.write(data.upper())
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.ended.set()
            writer.close()


@pytest.fixture
async def far() -> Far:
    return Far()


@pytest.fixture
async def wire(far: Far) -> AsyncIterator[Wire]:
    async with (
        await asyncio.start_server(far.serve, "127.0.0.1", 0) as server,
        Wire(server.sockets[0].getsockname()[1], random.Random(1)) as laid,
    ):
        yield laid


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Ends]]


@pytest.fixture
async def connect(wire: Wire) -> AsyncIterator[Connect]:
    """Makes connections over the wire, and drops them in the end."""
    made: list[asyncio.StreamWriter] = []

    async def one() -> Ends:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        made.append(writer)
        return reader, writer

    yield one
    for writer in made:
        writer.transport.abort()


async def says(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes = b"hello") -> bytes:
    """What comes back, b"" for a connection that broke. Raises TimeoutError when nothing does."""
    writer.write(text)
    try:
        async with asyncio.timeout(_SOON_S):
            return await reader.readexactly(len(text))
    except (ConnectionError, asyncio.IncompleteReadError):
        return b""


async def test_a_whole_wire_carries_both_ways_and_counts(wire: Wire, connect: Connect) -> None:
    ends = await connect()
    assert await says(*ends) == b"HELLO"
    assert (wire.carried, wire.connections) == (5, 1)


async def test_cut_breaks_what_is_open_and_what_comes(wire: Wire, connect: Connect) -> None:
    ends = await connect()
    assert await says(*ends) == b"HELLO"
    await wire.order(Fault.CUT)
    assert await says(*ends) == b""
    assert await says(*await connect()) == b""
    await wire.order(Fault.NONE)
    assert await says(*await connect()) == b"HELLO"


async def test_refuse_lets_nobody_in_and_leaves_those_who_are(wire: Wire, connect: Connect) -> None:
    ends = await connect()
    assert await says(*ends) == b"HELLO"
    await wire.order(Fault.REFUSE)
    with pytest.raises(ConnectionRefusedError):
        await connect()
    assert await says(*ends) == b"HELLO"
    await wire.order(Fault.NONE)
    assert await says(*await connect()) == b"HELLO"


async def test_stall_holds_what_is_sent_until_it_is_over(wire: Wire, connect: Connect, far: Far) -> None:
    ends = await connect()
    assert await says(*ends) == b"HELLO"
    await wire.order(Fault.STALL)
    with pytest.raises(TimeoutError):
        await says(*ends, b"later")
    assert far.got == b"hello"
    await wire.order(Fault.NONE)
    assert await ends[0].readexactly(5) == b"LATER"


async def test_half_open_swallows_for_as_long_as_the_connection_lasts(wire: Wire, connect: Connect, far: Far) -> None:
    ends = await connect()
    assert await says(*ends) == b"HELLO"
    await wire.order(Fault.HALF_OPEN)
    await wire.order(Fault.NONE)
    with pytest.raises(TimeoutError):
        await says(*ends, b"gone")
    assert far.got == b"hello"
    assert await says(*await connect()) == b"HELLO"


async def test_deaf_brings_everything_there_and_nothing_back(wire: Wire, connect: Connect, far: Far) -> None:
    ends = await connect()
    assert await says(*ends) == b"HELLO"
    await wire.order(Fault.DEAF)
    with pytest.raises(TimeoutError):
        await says(*ends, b"heard")
    assert far.got == b"helloheard"


async def test_reset_breaks_a_connection_within_so_many_bytes(wire: Wire, connect: Connect) -> None:
    await wire.order(Fault.RESET)
    reader, writer = await connect()
    writer.write(bytes(100_000))
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(100_000)


async def test_a_cut_at_a_byte_lets_the_gateway_have_it_and_tells_only_the_kiosk(
    wire: Wire, connect: Connect, far: Far
) -> None:
    wire.cut_next_after(7)
    ends = await connect()
    assert await says(*ends, b"0123456789") in {b"", b"0123456"}
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await ends[0].readexactly(100)
    assert far.got == b"0123456"
    assert not far.ended.is_set()
    assert await says(*await connect()) == b"HELLO"
