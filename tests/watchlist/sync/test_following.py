"""A kiosk's list follows what the gateway publishes, by network and by stick."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hotspotd.biometrics import finger
from hotspotd.errors import Reason, WatchlistError
from hotspotd.watchlist.sync import packing
from hotspotd.watchlist.sync.following import STATE, Engines, Identity
from hotspotd.watchlist.sync.publication import read_wrapped
from tests.watchlist.examples import FACE_ENGINE, entries
from tests.watchlist.sync.bench import Kiosk, PublishingGateway
from tests.watchlist.sync.server import Misbehaviour, RepositoryServer


def same_files(one: Path, other: Path) -> bool:
    names = {path.name for path in one.iterdir()}
    return names == {path.name for path in other.iterdir()} and all(
        (one / name).read_bytes() == (other / name).read_bytes() for name in names
    )


def test_a_list_comes_over_the_network(gateway: PublishingGateway, kiosk: Kiosk, server: RepositoryServer) -> None:
    outcome = kiosk.over_http(server.url)
    assert (outcome.version, outcome.how) == ("one", "full")
    assert outcome.received > 0
    current, published = kiosk.shelf.current(), gateway.shelf.current()
    assert current is not None
    assert published is not None
    assert same_files(current, published)
    snapshot = kiosk.shelf.open(finger_engine=finger.ENGINE, face_engine=FACE_ENGINE)
    assert snapshot.record(entries()[0].record.reference).reference == entries()[0].record.reference
    assert kiosk.over_http(server.url).how == "unchanged"


def test_a_list_comes_on_a_stick(gateway: PublishingGateway, kiosk: Kiosk, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    shutil.copytree(gateway.served, stick)
    outcome = kiosk.from_folder(stick)
    assert (outcome.version, outcome.how, outcome.received) == ("one", "full", 0)


def test_the_list_before_is_kept(gateway: PublishingGateway, kiosk: Kiosk) -> None:
    kiosk.from_folder(gateway.served)
    gateway.publish("two", entries()[1:])
    assert kiosk.from_folder(gateway.served).version == "two"
    assert kiosk.version == "two"
    assert kiosk.shelf.rollback().name.endswith("one")


def test_nothing_personal_is_in_what_is_handed_out(gateway: PublishingGateway) -> None:
    handed_out = b"".join(path.read_bytes() for path in gateway.served.rglob("*") if path.is_file())
    for entry in entries():
        record = entry.record
        for text in (record.reference, record.surname, record.given_names, record.reason):
            assert not text or text.encode() not in handed_out
    assert not list(gateway.served.rglob("*.key"))


def test_another_device_cannot_open_what_was_sealed(gateway: PublishingGateway, tmp_path: Path) -> None:
    stranger = gateway.enrol("kiosk-late")  # Enrolled after the list was published.
    late = Kiosk(tmp_path / "late", stranger, gateway.root, gateway.wall)
    with pytest.raises(WatchlistError) as caught:
        late.from_folder(gateway.served)
    assert caught.value.reason is Reason.NOT_FOUND
    assert "kiosk-late" in caught.value.what
    thief = Kiosk(tmp_path / "thief", replace(stranger, device="kiosk-1"), gateway.root, gateway.wall)
    with pytest.raises(WatchlistError) as caught:
        thief.from_folder(gateway.served)
    assert caught.value.reason is Reason.DAMAGED
    assert thief.version is None
    gateway.publish("two")
    assert late.from_folder(gateway.served).version == "two"


def test_a_broken_download_is_gone_on_with(
    gateway: PublishingGateway, kiosk: Kiosk, server: RepositoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.fault = Misbehaviour(match="targets/full/.*", cut_after=1000)
    with pytest.raises(WatchlistError) as caught:
        kiosk.over_http(server.url)
    assert caught.value.reason is Reason.LINK_DOWN
    assert kiosk.version is None
    server.fault = Misbehaviour()
    server.asked.clear()
    assert kiosk.over_http(server.url).how == "full"
    assert next(asked for path, asked in server.asked if "/full/" in path) == "bytes=1000-"


def test_a_server_without_ranges_is_read_from_the_start(kiosk: Kiosk, server: RepositoryServer) -> None:
    server.fault = Misbehaviour(match="targets/full/.*", cut_after=1000)
    with pytest.raises(WatchlistError):
        kiosk.over_http(server.url)
    server.fault = Misbehaviour(match="targets/full/.*", ignore_range=True)
    assert kiosk.over_http(server.url).how == "full"


def test_parts_that_are_there_are_not_fetched_again(
    gateway: PublishingGateway, kiosk: Kiosk, server: RepositoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "PART_BYTES", 1024)
    parts = gateway.publish("two").full.parts
    assert parts > 3
    server.fault = Misbehaviour(match=r"targets/full/two/[0-9a-f]+\.000002", cut_after=10)
    with pytest.raises(WatchlistError):
        kiosk.over_http(server.url)
    server.fault = Misbehaviour()
    server.asked.clear()
    assert kiosk.over_http(server.url).version == "two"
    assert len([path for path, _ in server.asked if "/full/" in path]) == parts - 2
    assert not (kiosk.folder / STATE / "parts").exists()


def test_a_list_for_another_engine_is_not_taken(gateway: PublishingGateway, tmp_path: Path) -> None:
    older = Kiosk(tmp_path / "older", gateway.identity, gateway.root, gateway.wall, Engines("another", None))
    with pytest.raises(WatchlistError) as caught:
        older.from_folder(gateway.served)
    assert caught.value.reason is Reason.WRONG_MODEL
    assert older.version is None
    assert not list(older.folder.glob("snapshot-*"))


def test_a_damaged_list_is_fetched_again(gateway: PublishingGateway, kiosk: Kiosk) -> None:
    kiosk.from_folder(gateway.served)
    current = kiosk.shelf.current()
    assert current is not None
    (current / "manifest.json").write_text("{")
    assert kiosk.from_folder(gateway.served).how == "full"
    kiosk.shelf.open(finger_engine=finger.ENGINE, face_engine=FACE_ENGINE)


def test_after_a_renewal_a_list_that_was_sealed_for_the_key_before_still_opens(
    gateway: PublishingGateway, tmp_path: Path
) -> None:
    before = gateway.identity.key
    renewed = Identity("kiosk-1", ec.generate_private_key(ec.SECP256R1()), before)
    with pytest.raises(WatchlistError):
        Kiosk(tmp_path / "without", replace(renewed, previous=None), gateway.root).from_folder(gateway.served)
    assert Kiosk(tmp_path / "with", renewed, gateway.root).from_folder(gateway.served).version == "one"


@pytest.mark.parametrize("data", [b'{"kiosk": "\xff"}', b"\xff", b"[]", b'{"kiosk": "0"}', b'{"kiosk": "zz"}'])
def test_keys_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises(WatchlistError) as caught:
        read_wrapped(data, "kiosk")
    assert caught.value.reason is Reason.DAMAGED
