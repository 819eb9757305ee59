"""Secrets, the lock-out and sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hotspotd.access import secrets
from hotspotd.access.sessions import Sessions
from hotspotd.access.sign_in import FREE_TRIES, SignIn, lock_s
from hotspotd.domain.rights import Act, Role
from hotspotd.errors import AccessError, Reason
from hotspotd.records import Records
from hotspotd.records.people import Person
from hotspotd.workers import Worker

PIN = "428571"


class Door:
    """Sign-in on a database of its own, with a clock that the test moves."""

    def __init__(self, records: Records, worker: Worker) -> None:
        self.now = 1000.0
        self.records = records
        self.sessions = Sessions(300.0, 3600.0, most=4, monotonic=lambda: self.now)
        self.worker = worker
        self.sign_in = self.started()

    def started(self) -> SignIn:
        """As a daemon that has just started has it."""
        return SignIn(self.records, self.sessions, self.worker, lambda: self.now)

    async def refused(self, badge: str, secret: str) -> Reason:
        with pytest.raises(AccessError) as error:
            await self.sign_in.with_secret(badge, secret)
        return error.value.reason


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    records = await Records.open(tmp_path / "records.sqlite")
    worker = Worker("sign-in")
    kept = await worker.run(secrets.hashed, PIN)
    await records.add_person(Person(badge="1042", roles=(Role.GUARD,), secret=kept), "test")
    yield Door(records, worker)
    worker.close()
    await records.close()


async def events(records: Records) -> list[str]:
    return [row["event"] for row in await records._db.rows("SELECT event FROM audit WHERE event LIKE 'sign_in%'")]


async def test_a_badge_and_its_secret_begin_a_session_with_the_persons_rights(door: Door) -> None:
    token, session = await door.sign_in.with_secret("1042", PIN)
    assert door.sessions.of(token) is session
    assert session.may(Act.DECIDE)
    assert not session.may(Act.MEND)
    assert session.actor == "badge 1042"
    assert await events(door.records) == ["sign_in.done"]
    assert door.sessions.of(token[:-1]) is None


async def test_wrong_secrets_lock_the_badge_for_longer_and_longer(door: Door) -> None:
    for _ in range(FREE_TRIES):
        assert await door.refused("1042", "111222") is Reason.WRONG_SECRET
    assert await door.refused("1042", PIN) is Reason.LOCKED
    door.now += lock_s(FREE_TRIES) + 1
    assert await door.refused("1042", "111222") is Reason.WRONG_SECRET
    door.now += lock_s(FREE_TRIES) + 1
    assert await door.refused("1042", PIN) is Reason.LOCKED
    door.now += lock_s(FREE_TRIES + 1)
    await door.sign_in.with_secret("1042", PIN)
    person = await door.records.person("1042")
    assert person is not None
    assert person.failures == 0
    assert (await events(door.records))[-3:] == ["sign_in.locked", "sign_in.locked", "sign_in.done"]


async def test_a_restart_does_not_forgive_but_a_supervisor_does(door: Door) -> None:
    for _ in range(FREE_TRIES):
        await door.refused("1042", "111222")
    door.sign_in = door.started()
    assert await door.refused("1042", PIN) is Reason.LOCKED
    await door.records.set_disabled("1042", "badge 2001", disabled=False)
    await door.sign_in.with_secret("1042", PIN)


async def test_those_who_try_at_the_same_time_have_no_more_tries(door: Door) -> None:
    tries = [asyncio.create_task(door.refused("1042", f"11122{n}")) for n in range(9)]
    found = [await one for one in tries]
    assert found.count(Reason.WRONG_SECRET) == FREE_TRIES
    assert found.count(Reason.LOCKED) == 9 - FREE_TRIES


async def test_a_badge_that_nobody_has_is_answered_and_locked_alike(door: Door) -> None:
    found = [await door.refused("9999", PIN) for _ in range(FREE_TRIES + 1)]
    assert found == [Reason.WRONG_SECRET] * FREE_TRIES + [Reason.LOCKED]
    assert await events(door.records) == []


async def test_a_disabled_badge_is_nobodys(door: Door) -> None:
    await door.records.set_disabled("1042", "badge 2001", disabled=True)
    assert await door.refused("1042", PIN) is Reason.WRONG_SECRET


async def test_a_session_ends_when_nobody_does_anything_and_at_the_latest_after_its_time(door: Door) -> None:
    token, session = await door.sign_in.with_secret("1042", PIN)
    for _ in range(12):
        door.now += 299
        door.sessions.touch(session)
        assert door.sessions.of(token) is session
    door.now += 299
    assert door.sessions.of(token) is None
    assert session.ended.is_set()
    token, session = await door.sign_in.with_secret("1042", PIN)
    door.now += 301
    door.sessions.sweep()
    assert session.ended.is_set()
    assert door.sessions.of(token) is None


async def test_there_are_only_so_many_sessions(door: Door) -> None:
    for _ in range(4):
        door.sessions.begin("1042", [Role.GUARD])
    with pytest.raises(AccessError) as error:
        door.sessions.begin("1042", [Role.GUARD])
    assert error.value.reason is Reason.BUSY
    door.now += 301
    door.sessions.begin("1042", [Role.GUARD])


async def test_the_own_secret_is_changed_and_other_sessions_end(door: Door) -> None:
    _, other = await door.sign_in.with_secret("1042", PIN)
    _, session = await door.sign_in.with_secret("1042", PIN)
    with pytest.raises(AccessError, match="wrong"):
        await door.sign_in.change_secret(session, "111222", "907163")
    with pytest.raises(AccessError, match="guessed"):
        await door.sign_in.change_secret(session, PIN, "123456")
    await door.sign_in.change_secret(session, PIN, "907163")
    assert other.ended.is_set()
    assert not session.ended.is_set()
    assert await door.refused("1042", PIN) is Reason.WRONG_SECRET
    await door.sign_in.with_secret("1042", "907163")


@pytest.mark.parametrize(
    "secret",
    ["", "12345", "123456", "987654", "890123", "111111", "121212", "104200", "password", "aaaaaaaaaaaa", "7" * 200],
)
def test_what_is_easily_guessed_is_refused(secret: str) -> None:
    with pytest.raises(AccessError) as error:
        secrets.check_secret("A-104200", secret)
    assert error.value.reason is Reason.BAD_VALUE


@pytest.mark.parametrize("secret", [PIN, "90716342", "correct horse"])
def test_what_is_not_is_taken(secret: str) -> None:
    secrets.check_secret("1042", secret)


def test_a_pin_by_chance_is_good_enough() -> None:
    for _ in range(50):
        secrets.check_secret("1042", secrets.new_pin("1042"))


def test_what_is_no_hash_matches_nothing() -> None:
    assert not secrets.matches("", PIN)
    assert not secrets.matches("$argon2id$v=19$broken", PIN)
