"""A change of the software from the technician's page to the version that runs: both ends with real folders."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hotspotd.errors import Reason, UpdateError
from hotspotd.updates import wishes
from hotspotd.updates.wishes import Outcome
from hotspotd.updates.wishing import Places, Wishing
from hotspotd.workers import Worker
from tests.updates.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """0.2.0 runs, 0.1.0 is kept; nothing is published."""
    return Machine(tmp_path)


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    one = Worker("software")
    yield one
    one.close()


@pytest.fixture
def daemon(machine: Machine, worker: Worker) -> Wishing:
    """Whenever it waits, root does what is wished."""
    return Wishing(worker, machine.clock, machine.places, lambda _: asyncio.to_thread(machine.obeys))


async def checked(machine: Machine, daemon: Wishing) -> None:
    """Look for a newer version; while the page waits, root is at it."""
    state = await daemon.check()
    assert (state.doing, state.ready) == ("", "0.3.0")
    assert state.said == "Version 0.3.0 is fetched and can be put in force."
    assert state.at


async def test_a_version_is_looked_for_put_in_force_and_gone_back_from(machine: Machine, daemon: Wishing) -> None:
    await asyncio.to_thread(machine.publish, "0.3.0")
    state = await daemon.state()
    assert (state.running, state.before, state.ready, state.doing) == ("0.2.0", "0.1.0", "", "")
    await checked(machine, daemon)
    assert await machine.runs() == "0.2.0"

    state = await daemon.apply()
    assert (state.doing, state.said, state.running) == ("apply", "", "0.2.0")
    await asyncio.to_thread(machine.obeys)
    state = await daemon.state()
    assert (state.running, state.before, state.ready, state.doing) == ("0.3.0", "0.2.0", "", "")
    assert state.said == "Version 0.3.0 is in force."

    assert (await daemon.roll_back()).doing == "roll-back"
    await asyncio.to_thread(machine.obeys)
    state = await daemon.state()
    assert (state.running, state.before, state.said) == ("0.2.0", "0.3.0", "Version 0.2.0 is in force again.")


async def test_the_daemon_that_was_started_in_the_middle_follows_to_the_end(
    machine: Machine, daemon: Wishing, worker: Worker
) -> None:
    await daemon.roll_back()
    done = await asyncio.to_thread(machine.obeys)
    (during,) = machine.judged
    assert during is not None
    # As the new daemon finds it while it is judged, and afterwards.
    anew = Wishing(worker, machine.clock, machine.places)
    await asyncio.to_thread(wishes.write_outcome, machine.places.outcomes, during)
    assert ((await anew.state()).doing, (await anew.state()).said) == ("roll-back", "")
    with pytest.raises(UpdateError, match="under way"):
        await anew.apply()
    await asyncio.to_thread(wishes.write_outcome, machine.places.outcomes, done)
    state = await anew.state()
    assert (state.doing, state.running, state.said) == ("", "0.1.0", "Version 0.1.0 is in force again.")


async def test_one_that_does_not_become_ready_is_told(machine: Machine, daemon: Wishing) -> None:
    machine.works = False
    await daemon.roll_back()
    outcome = await asyncio.to_thread(machine.obeys)
    assert (outcome.state, outcome.act, outcome.running) == ("failed", "roll-back", "0.2.0")
    state = await daemon.state()
    assert state.doing == ""
    assert state.said.startswith("Version 0.1.0 did not become ready either; 0.2.0 runs. ")


async def test_what_was_published_since_somebody_looked_is_not_put_in_force(machine: Machine, daemon: Wishing) -> None:
    await asyncio.to_thread(machine.publish, "0.3.0")
    await checked(machine, daemon)
    await asyncio.to_thread(machine.publish, "0.4.0")
    await daemon.apply()
    outcome = await asyncio.to_thread(machine.obeys)
    assert (outcome.state, await machine.runs()) == ("failed", "0.2.0")
    assert outcome.words == "Version 0.4.0 is published now, and not 0.3.0. Look for a newer version again."


async def test_another_version_than_the_one_kept_is_not_gone_back_to(machine: Machine) -> None:
    await asyncio.to_thread(lambda: wishes.write_wish(machine.places.wishes, wishes.new_wish("roll-back", "0.0.9")))
    outcome = await asyncio.to_thread(machine.obeys)
    assert (outcome.state, outcome.act, await machine.runs()) == ("failed", "roll-back", "0.2.0")
    assert "0.1.0 and not 0.0.9" in outcome.words


@pytest.mark.parametrize("content", ['{"act": "reboot"}', " " * 9000])
def test_a_bad_wish_changes_nothing_and_is_told(machine: Machine, content: str) -> None:
    machine.places.wishes.mkdir()
    (machine.places.wishes / "wish.json").write_text(content)
    outcome = machine.obeys()
    assert (outcome.state, outcome.id, outcome.running, machine.judged) == ("failed", "", "0.2.0", [])
    assert outcome.words
    assert json.loads((machine.places.outcomes / "outcome.json").read_text())["words"] == outcome.words
    assert not wishes.waits(machine.places.wishes)


def test_a_wish_of_somebody_else_changes_nothing(machine: Machine) -> None:
    wishes.write_wish(machine.places.wishes, wishes.new_wish("roll-back", "0.1.0"))
    assert machine.obeys(frozenset({os.getuid() + 1})).state == "failed"
    assert machine.versions.current == "0.2.0"


def test_a_wish_is_obeyed_once(machine: Machine) -> None:
    wishes.write_wish(machine.places.wishes, wishes.new_wish("roll-back", "0.1.0"))
    outcome = machine.obeys()
    with pytest.raises(UpdateError) as caught:
        machine.obeys()
    assert caught.value.reason is Reason.NOT_FOUND
    assert wishes.read_outcome(machine.places.outcomes) == outcome
    assert len(machine.judged) == 1


async def test_two_wishes_at_once_are_one_and_a_refusal(machine: Machine, daemon: Wishing) -> None:
    answers = await asyncio.gather(daemon.roll_back(), daemon.roll_back(), return_exceptions=True)
    refused = [one for one in answers if isinstance(one, UpdateError)]
    assert [one.reason for one in refused] == [Reason.CONFLICT]
    assert refused[0].advice


async def test_without_the_unit_nothing_is_wished_and_the_command_is_said(machine: Machine, daemon: Wishing) -> None:
    machine.places.unit.unlink()
    with pytest.raises(UpdateError) as caught:
        await daemon.roll_back()
    assert caught.value.advice == "On the kiosk: sudo hotspotctl update rollback"
    assert not machine.places.wishes.exists()


async def test_nothing_is_put_in_force_that_nobody_has_looked_for(machine: Machine, daemon: Wishing) -> None:
    with pytest.raises(UpdateError, match="no other version is ready"):
        await daemon.apply()
    (machine.places.root / "versions/0.1.0/release.json").unlink()
    with pytest.raises(UpdateError, match="no version to go back to"):
        await daemon.roll_back()


async def test_a_wish_that_nobody_takes_is_withdrawn(machine: Machine, daemon: Wishing, worker: Worker) -> None:
    assert (await daemon.roll_back()).doing == "roll-back"
    # A daemon that was started meanwhile does not know how old it is, and waits as long again.
    anew = Wishing(worker, machine.clock, machine.places)
    assert (await anew.state()).doing
    machine.now = 59.0
    assert (await daemon.state()).doing == "roll-back"
    machine.now = 61.0
    state = await daemon.state()
    assert (state.doing, state.said) == (
        "", "Nobody has begun with it. On the kiosk: sudo hotspotctl update rollback"
    )  # fmt: skip
    assert not wishes.waits(machine.places.wishes)
    assert (await anew.state()).doing == ""


async def test_a_check_that_takes_long_is_followed_later(machine: Machine, daemon: Wishing) -> None:
    state = await daemon.check(within_s=0)
    assert state.doing == "check"
    child = await asyncio.create_subprocess_exec("true")
    await child.wait()
    cut_off = Outcome(state="doing", act="check", pid=child.pid)
    await asyncio.to_thread(wishes.write_outcome, machine.places.outcomes, cut_off)
    assert (await daemon.state()).said.startswith("It was cut off.")


def test_only_where_an_installer_has_put_it(machine: Machine, tmp_path: Path) -> None:
    assert machine.places.installed
    machine.places.unit.unlink()
    assert not machine.places.installed
    machine.places.outcomes.mkdir()
    assert machine.places.installed
    assert not Places(tmp_path / "nowhere").installed
