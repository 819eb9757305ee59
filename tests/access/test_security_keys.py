"""Security keys: registering, signing in, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("fido2")

from fido2.utils import websafe_decode, websafe_encode

from hotspotd.access import secrets
from hotspotd.access.security_keys import CHALLENGE_S, MOST_CHALLENGES, Answer, Place, SecurityKeys
from hotspotd.access.sessions import Session, Sessions
from hotspotd.access.sign_in import FREE_TRIES, SignIn, lock_s
from hotspotd.domain.rights import Act, Role
from hotspotd.errors import AccessError, Reason
from hotspotd.records import Records
from hotspotd.records.people import Person
from hotspotd.workers import Worker
from tests.access.soft_key import SoftKey

PIN = "428571"
ORIGIN = "http://localhost:8080"
HERE = Place(rp_id="localhost", origin=ORIGIN)


def read(answer: dict[str, Any]) -> Answer:
    return msgspec.convert(answer, type=Answer)


class Door:
    """Sign-in with keys on a database of its own, with a clock that the test moves."""

    def __init__(self, records: Records, worker: Worker) -> None:
        self.now = 1000.0
        self.records = records
        self.sessions = Sessions(300.0, 3600.0, monotonic=lambda: self.now)
        self.sign_in = SignIn(records, self.sessions, worker, lambda: self.now)
        self.keys = SecurityKeys(records, self.sign_in, lambda: self.now)

    async def register(self, key: SoftKey, badge: str = "1042") -> Session:
        _, session = self.sessions.begin(badge, [Role.GUARD])
        asked = await self.keys.register_begin(session, PIN, HERE)
        await self.keys.register_complete(session, read(key.create(asked, ORIGIN)), HERE)
        return session

    async def enter(self, key: SoftKey, secret: str = "", *, badge: str = "1042", origin: str = ORIGIN) -> Session:
        asked = await self.keys.begin(badge, HERE)
        return (await self.keys.complete(read(key.get(asked, origin)), secret, HERE))[1]

    async def refused(self, key: SoftKey, secret: str = "", **how: str) -> Reason:
        with pytest.raises(AccessError) as error:
            await self.enter(key, secret, **how)
        return error.value.reason

    async def audited(self) -> list[tuple[str, str]]:
        rows = await self.records._db.rows("SELECT event, detail FROM audit ORDER BY seq")
        return [(row["event"], row["detail"]) for row in rows if row["event"].startswith(("key.", "sign_in."))]


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    records = await Records.open(tmp_path / "records.sqlite")
    worker = Worker("sign-in")
    kept = await worker.run(secrets.hashed, PIN)
    for badge in ("1042", "2001"):
        await records.add_person(Person(badge=badge, roles=(Role.GUARD,), secret=kept), "test")
    yield Door(records, worker)
    worker.close()
    await records.close()


async def test_a_key_that_verifies_its_holder_takes_the_place_of_the_secret(door: Door) -> None:
    key = SoftKey()
    await door.register(key)
    session = await door.enter(key)
    assert session.badge == "1042"
    assert session.may(Act.DECIDE)
    assert await door.audited() == [("key.registered", "localhost"), ("sign_in.done", "with a key")]


async def test_a_key_that_only_wants_to_be_touched_needs_the_secret_too(door: Door) -> None:
    key = SoftKey(verifies=False)
    await door.register(key)
    assert await door.refused(key) is Reason.BAD_VALUE
    assert await door.refused(key, "111222") is Reason.WRONG_SECRET
    assert (await door.enter(key, PIN)).badge == "1042"
    assert [event for event, _ in await door.audited()] == ["key.registered", "sign_in.failed", "sign_in.done"]
    assert (await door.audited())[-1] == ("sign_in.done", "with a key and the secret")


async def test_registering_takes_the_secret_and_the_same_session(door: Door) -> None:
    _, session = door.sessions.begin("1042", [Role.GUARD])
    _, other = door.sessions.begin("2001", [Role.GUARD])
    with pytest.raises(AccessError) as error:
        await door.keys.register_begin(session, "111222", HERE)
    assert error.value.reason is Reason.WRONG_SECRET
    answer = read(SoftKey().create(await door.keys.register_begin(session, PIN, HERE), ORIGIN))
    with pytest.raises(AccessError) as error:
        await door.keys.register_complete(other, answer, HERE)
    assert error.value.reason is Reason.CONFLICT
    _, new = door.sessions.begin("2001", [Role.GUARD], must_change=True)
    with pytest.raises(AccessError) as error:
        await door.keys.register_begin(new, PIN, HERE)
    assert error.value.reason is Reason.NOT_ALLOWED
    assert await door.records.badges_with_key() == frozenset()


async def test_an_answer_counts_once_soon_and_from_this_kiosks_page(door: Door) -> None:
    key = SoftKey()
    await door.register(key)
    assert await door.refused(key, origin="https://elsewhere.test") is Reason.WRONG_SECRET
    answer = read(key.get(await door.keys.begin("1042", HERE), ORIGIN))
    await door.keys.complete(answer, "", HERE)
    with pytest.raises(AccessError) as error:
        await door.keys.complete(answer, "", HERE)
    assert error.value.reason is Reason.CONFLICT
    answer = read(key.get(await door.keys.begin("1042", HERE), ORIGIN))
    door.now += CHALLENGE_S + 1
    with pytest.raises(AccessError) as error:
        await door.keys.complete(answer, "", HERE)
    assert error.value.reason is Reason.CONFLICT
    answer = read(key.get(await door.keys.begin("1042", HERE), ORIGIN))
    with pytest.raises(AccessError) as error:
        await door.keys.complete(answer, "", Place(rp_id="kiosk.test", origin="https://kiosk.test"))
    assert error.value.reason is Reason.BAD_VALUE
    answer = read(key.get(await door.keys.begin("1042", HERE), ORIGIN))
    for _ in range(MOST_CHALLENGES):
        await door.keys.begin("2001", HERE)
    with pytest.raises(AccessError) as error:
        await door.keys.complete(answer, "", HERE)
    assert error.value.reason is Reason.CONFLICT


async def test_a_counter_that_goes_back_is_refused_and_written_down(door: Door) -> None:
    key = SoftKey()
    await door.register(key)
    await door.enter(key)
    key.counter -= 1
    assert await door.refused(key) is Reason.NOT_ALLOWED
    assert ("key.went_back", "") in await door.audited()
    assert (await door.audited())[-1] == ("sign_in.failed", "")
    assert (await door.enter(key)).badge == "1042"


async def test_a_foreign_key_locks_the_badge_as_a_wrong_secret_does(door: Door) -> None:
    key = SoftKey()
    await door.register(key)
    for _ in range(FREE_TRIES):
        assert await door.refused(SoftKey()) is Reason.WRONG_SECRET
    assert await door.refused(key) is Reason.LOCKED
    with pytest.raises(AccessError) as error:
        await door.sign_in.with_secret("1042", PIN)
    assert error.value.reason is Reason.LOCKED
    door.now += lock_s(FREE_TRIES) + 1
    await door.enter(key)


async def test_nobody_learns_who_has_a_key(door: Door) -> None:
    await door.register(SoftKey())
    forms = set()
    for badge in ("1042", "2001", "nobody", "no badge!"):
        asked = await door.keys.begin(badge, HERE)
        again = await door.keys.begin(badge, HERE)
        (wanted,) = asked["publicKey"]["allowCredentials"]
        assert again["publicKey"]["allowCredentials"] == [wanted]
        assert asked["publicKey"].pop("challenge") != again["publicKey"].pop("challenge")
        forms.add((tuple(sorted(asked["publicKey"])), tuple(sorted(wanted)), len(wanted["id"])))
    assert len(forms) == 1
    for badge in ("2001", "nobody"):
        for _ in range(FREE_TRIES):
            assert await door.refused(SoftKey(), badge=badge) is Reason.WRONG_SECRET
        assert await door.refused(SoftKey(), badge=badge) is Reason.LOCKED


async def test_a_removed_key_and_a_disabled_person_are_not_let_in(door: Door) -> None:
    key = SoftKey()
    session = await door.register(key)
    await door.records.set_disabled("1042", "test", disabled=True)
    assert await door.refused(key) is Reason.WRONG_SECRET
    await door.records.set_disabled("1042", "test", disabled=False)
    await door.keys.remove(session)
    assert await door.refused(key) is Reason.WRONG_SECRET
    assert ("key.removed", "") in await door.audited()
    await door.register(key)
    await door.records.remove_person("1042", "test")
    assert await door.records.badges_with_key() == frozenset()


async def test_whoever_has_a_new_pin_signs_in_with_it_first(door: Door) -> None:
    key = SoftKey()
    await door.register(key)
    person = await door.records.person("1042")
    assert person is not None
    await door.records.set_secret("1042", person.secret, "badge 2001", must_change=True)
    assert await door.refused(key) is Reason.NOT_ALLOWED


@pytest.mark.parametrize(
    "harm",
    [
        {"clientDataJSON": websafe_encode(b"[]")},
        {"clientDataJSON": websafe_encode(b'{"type":"webauthn.get","challenge":99999999999,"origin":"x"}')},
        {"clientDataJSON": "\u00e9"},
        {"authenticatorData": ""},
        {"authenticatorData": websafe_encode(bytes(32) + b"\xc5" + bytes(4) + b"\x81" * 8000)},
    ],
)
async def test_what_is_no_answer_of_a_key_is_refused(door: Door, harm: dict[str, str]) -> None:
    asked = await door.keys.begin("1042", HERE)
    answer = SoftKey().get(asked, ORIGIN)
    answer["response"] |= harm
    with pytest.raises(AccessError) as error:
        await door.keys.complete(read(answer), "", HERE)
    assert error.value.reason is Reason.BAD_VALUE


async def test_a_key_of_another_kind_is_not_registered(door: Door) -> None:
    _, session = door.sessions.begin("1042", [Role.GUARD])
    asked = await door.keys.register_begin(session, PIN, HERE)
    answer = SoftKey().create(asked, ORIGIN)
    attested = websafe_decode(answer["response"]["attestationObject"])
    # The algorithm in the COSE key: ES256 (-7) becomes -15, which was not asked for.
    assert attested.count(b"\x03\x26") == 1
    answer["response"]["attestationObject"] = websafe_encode(attested.replace(b"\x03\x26", b"\x03\x2e"))
    with pytest.raises(AccessError) as error:
        await door.keys.register_complete(session, read(answer), HERE)
    assert error.value.reason is Reason.BAD_VALUE
    assert "not asked for" in error.value.what
