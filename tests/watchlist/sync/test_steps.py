"""A kiosk that has a list fetches only what has changed, and the whole list where that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotspotd.biometrics import finger
from hotspotd.watchlist import Entry
from hotspotd.watchlist.numbers import Kind
from tests.watchlist.examples import FACE_ENGINE, TODAY
from tests.watchlist.numbers.lists import numbers
from tests.watchlist.sync.bench import Kiosk, PublishingGateway
from tests.watchlist.sync.server import Misbehaviour, RepositoryServer
from tests.watchlist.test_delta import person


def many(*left_out: int) -> list[Entry]:
    """A list that is large beside a change of one of it."""
    return [person(number) for number in range(60) if number not in left_out]


def test_only_what_has_changed_is_fetched(gateway: PublishingGateway, kiosk: Kiosk, server: RepositoryServer) -> None:
    gateway.publish("two", many())
    assert kiosk.over_http(server.url).how == "full"
    latest = gateway.publish("three", [*many(7), person(70)])
    outcome = kiosk.over_http(server.url)
    assert (outcome.version, outcome.how) == ("three", "delta")
    assert latest.steps[-1].stream.bytes < latest.full.bytes / 5
    assert outcome.received < latest.full.bytes
    snapshot = kiosk.shelf.open(finger_engine=finger.ENGINE, face_engine=FACE_ENGINE)
    assert snapshot.record("XPO/70").surname == person(70).record.surname
    assert snapshot.counts["records"] == 60


def test_several_steps_are_gone_one_after_the_other(gateway: PublishingGateway, kiosk: Kiosk) -> None:
    gateway.publish("two", many())
    kiosk.from_folder(gateway.served)
    for number, version in enumerate(("three", "four", "five")):
        gateway.publish(version, many(number))
    assert kiosk.from_folder(gateway.served).how == "delta"
    assert kiosk.version == "five"
    # The list before is the one that was in force before, not one on the way.
    assert kiosk.shelf.rollback().name.endswith("two")
    assert not list(kiosk.folder.glob(".making-*")) + list(kiosk.folder.glob(".fetching-*"))


def test_whichever_way_it_came_the_list_is_the_same(gateway: PublishingGateway, kiosk: Kiosk, tmp_path: Path) -> None:
    gateway.publish("two", many())
    kiosk.from_folder(gateway.served)
    gateway.publish("three", many(3, 4), things=6)
    kiosk.from_folder(gateway.served)
    fresh = Kiosk(tmp_path / "fresh", gateway.identity, gateway.root, gateway.wall)
    assert fresh.from_folder(gateway.served).how == "full"
    one, other = kiosk.shelf.current(), fresh.shelf.current()
    assert one is not None
    assert other is not None
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in other.iterdir())
    assert all(path.read_bytes() == (other / path.name).read_bytes() for path in one.iterdir())


def test_the_key_to_numbers_travels_with_the_list(gateway: PublishingGateway, kiosk: Kiosk, tmp_path: Path) -> None:
    gateway.publish("two", many(), things=4)
    assert kiosk.from_folder(gateway.served).how == "full"
    gateway.publish("three", many(), things=8)
    assert kiosk.from_folder(gateway.served).how == "delta"
    snapshot = kiosk.shelf.open(finger_engine=finger.ENGINE, face_engine=FACE_ENGINE)
    assert snapshot.find_number(Kind.VIN, numbers()[6].number, "", TODAY)
    # It lies beside the list, for its owner only, and in no list.
    assert kiosk.shelf.key_file.stat().st_mode & 0o077 == 0
    key = kiosk.shelf.key_file.read_text(encoding="ascii").split()[0]
    files = [path for path in kiosk.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if key.encode() in path.read_bytes() or bytes.fromhex(key) in path.read_bytes()]


def test_a_change_that_cannot_be_applied_gives_way_to_the_whole_list(
    gateway: PublishingGateway, kiosk: Kiosk, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.publish("two", many())
    kiosk.from_folder(gateway.served)
    current = kiosk.shelf.current()
    assert current is not None
    blob = current / "pictures.blob"
    blob.write_bytes(b"x" + blob.read_bytes()[1:])
    gateway.publish("three", many(3))
    assert kiosk.from_folder(gateway.served).how == "full"
    assert "changes cannot be used" in caplog.text


def test_a_change_that_was_broken_off_is_gone_on_with(
    gateway: PublishingGateway, kiosk: Kiosk, server: RepositoryServer
) -> None:
    gateway.publish("two", many())
    kiosk.over_http(server.url)
    gateway.publish("three", many(3))
    server.fault = Misbehaviour(match="/delta/", cut_after=100)
    with pytest.raises(Exception, match="link_down"):
        kiosk.over_http(server.url)
    server.fault = Misbehaviour()
    server.asked.clear()
    assert kiosk.over_http(server.url).how == "delta"
    assert next(asked for path, asked in server.asked if "/delta/" in path) == "bytes=100-"


def test_a_device_that_was_struck_off_opens_nothing_new(gateway: PublishingGateway, kiosk: Kiosk) -> None:
    gateway.publish("two", many())
    kiosk.from_folder(gateway.served)
    gateway.enrol("kiosk-2")
    (gateway.authority.folder / "kiosk-1.pem").unlink()
    gateway.publish("three", many(3))
    with pytest.raises(Exception, match="no key for kiosk-1"):
        kiosk.from_folder(gateway.served)
    assert kiosk.version == "two"


def test_what_was_withdrawn_is_gone_from_the_disk_with_the_list_before(
    gateway: PublishingGateway, kiosk: Kiosk
) -> None:
    gateway.publish("two", many())
    kiosk.from_folder(gateway.served)
    withdrawn = person(7).record.reference.encode() + b'"'
    for version in ("three", "four"):
        gateway.publish(version, many(7) if version == "three" else many(7, 8))
        kiosk.from_folder(gateway.served)
    held = b"".join(path.read_bytes() for path in kiosk.folder.rglob("*") if path.is_file())
    assert person(9).record.reference.encode() + b'"' in held
    assert withdrawn not in held
