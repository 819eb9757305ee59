"""The software from the technician's page: asked for over the API, done by root, told by the daemon that runs then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hotspotd.domain.rights import Role
from hotspotd.updates import wishes
from hotspotd.updates.wishing import Wishing
from hotspotd.workers import Worker
from tests.console import kiosk as kiosks
from tests.console.kiosk import Kiosk
from tests.updates.machine import Machine


@pytest.fixture
async def machine(tmp_path: Path) -> Machine:
    return await asyncio.to_thread(Machine, tmp_path / "machine")


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    one = Worker("software")
    yield one
    one.close()


@pytest.fixture
async def kiosk(tmp_path: Path, machine: Machine, worker: Worker) -> AsyncIterator[Kiosk]:
    """A kiosk at which root does what is wished whenever the daemon waits for it."""
    updates = Wishing(worker, machine.clock, machine.places, lambda _: asyncio.to_thread(machine.obeys))
    async with kiosks.running(tmp_path, updates=updates) as started:
        yield started


async def version(kiosk: Kiosk) -> dict[str, Any]:
    async with kiosk.client(Role.TECHNICIAN) as client, client.get("/technician/version") as answer:
        assert answer.status == 200
        return await answer.json()


async def change(kiosk: Kiosk, act: str, *roles: Role) -> tuple[int, dict[str, Any]]:
    async with (
        kiosk.client(*(roles or (Role.TECHNICIAN,))) as client,
        client.post(f"/api/software/{act}", json={}) as answer,
    ):
        return answer.status, await answer.json()


async def test_a_newer_version_is_looked_for_and_put_in_force(kiosk: Kiosk, machine: Machine) -> None:
    await asyncio.to_thread(machine.publish, "0.3.0")
    shown = await version(kiosk)
    assert (shown["running"], shown["before"], shown["ready"], shown["command"]) == ("0.2.0", "0.1.0", "", "")
    status, shown = await change(kiosk, "check")
    assert (status, shown["ready"], shown["doing"]) == (200, "0.3.0", "")
    status, shown = await change(kiosk, "apply")
    assert (status, shown["doing"], shown["running"]) == (200, "apply", "0.2.0")
    assert await asyncio.to_thread(wishes.waits, machine.places.wishes)
    status, said = await change(kiosk, "roll-back")
    assert (status, said["reason"], bool(said["advice"])) == (409, "conflict", True)
    await asyncio.to_thread(machine.obeys)
    shown = await version(kiosk)
    assert (shown["running"], shown["before"], shown["doing"]) == ("0.3.0", "0.2.0", "")
    assert (shown["said"], bool(shown["at"])) == ("Version 0.3.0 is in force.", True)
    events = [entry.event for entry in await kiosk.records.entries_since(0)]
    assert [event for event in events if event.startswith("software")] == [
        "software.check",
        "software.apply",
        "software.roll_back",
    ]


async def test_what_nobody_takes_wishes_for_is_refused_with_the_command(kiosk: Kiosk, machine: Machine) -> None:
    machine.places.unit.unlink()
    status, said = await change(kiosk, "roll-back")
    assert (status, said["advice"]) == (409, "On the kiosk: sudo hotspotctl update rollback")


@pytest.mark.parametrize("role", [Role.GUARD, Role.SUPERVISOR])
async def test_only_who_may_update_wishes(kiosk: Kiosk, machine: Machine, role: Role) -> None:
    assert (await change(kiosk, "roll-back", role))[0] == 403
    assert not machine.places.wishes.exists()


async def test_an_act_that_is_none_is_not_wished(kiosk: Kiosk, machine: Machine) -> None:
    assert (await change(kiosk, "reboot"))[0] == 404
    assert not machine.places.wishes.exists()
