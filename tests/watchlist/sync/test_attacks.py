"""The attacks of The Update Framework's specification (1.0, clause 1.5.2), each tried on a kiosk."""

from __future__ import annotations

import itertools
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hotspotd.errors import Reason, WatchlistError
from hotspotd.gateway.publication.key_ring import ONLINE, ROOT, TARGETS, KeyRing, make_keys
from hotspotd.watchlist.sync import fetching
from tests.watchlist.sync.bench import Kiosk, PublishingGateway
from tests.watchlist.sync.server import Misbehaviour, RepositoryServer


def refused(kiosk: Kiosk, folder: Path) -> Reason:
    """Why an update from this folder was refused; the list in force is what it was."""
    before = kiosk.version
    with pytest.raises(WatchlistError) as caught:
        kiosk.from_folder(folder)
    assert caught.value.advice
    assert kiosk.version == before
    return caught.value.reason


def newest(gateway: PublishingGateway, role: str) -> Path:
    return max(gateway.repository.metadata.glob(f"*.{role}.json"), key=lambda path: int(path.name.split(".")[0]))


def test_rollback(gateway: PublishingGateway, kiosk: Kiosk, tmp_path: Path) -> None:
    shutil.copytree(gateway.served, tmp_path / "before")
    gateway.publish("two")
    kiosk.from_folder(gateway.served)
    assert refused(kiosk, tmp_path / "before") is Reason.UNTRUSTED


def test_freeze(gateway: PublishingGateway, kiosk: Kiosk) -> None:
    kiosk.from_folder(gateway.served)
    gateway.wall.later(days=13)
    assert kiosk.from_folder(gateway.served).how == "unchanged"
    gateway.wall.later(days=2)
    assert refused(kiosk, gateway.served) is Reason.STALE
    gateway.repository.renew(gateway.ring)
    assert kiosk.from_folder(gateway.served).how == "unchanged"


def test_a_clock_that_was_set_back_lets_nothing_old_in(
    gateway: PublishingGateway, kiosk: Kiosk, tmp_path: Path
) -> None:
    shutil.copytree(gateway.served, tmp_path / "before")
    gateway.wall.later(days=30)
    gateway.repository.renew(gateway.ring)
    kiosk.from_folder(gateway.served)
    shutil.rmtree(kiosk.follower.state / "metadata")  # Of what was seen only the time is left.
    gateway.wall.at = datetime(1970, 1, 1, tzinfo=UTC)
    assert refused(kiosk, tmp_path / "before") is Reason.STALE


@pytest.mark.parametrize("role", ["targets", "snapshot"])
def test_expired(role: str, gateway: PublishingGateway, kiosk: Kiosk) -> None:
    gateway.wall.later(days=85)
    if role == "snapshot":
        gateway.repository.renew(gateway.ring)
        gateway.wall.later(days=13)  # Targets are valid for 90 days, the snapshot for as long as from its renewal.
    else:
        gateway.repository.renew(gateway.ring)
        gateway.wall.later(days=6)
    assert refused(kiosk, gateway.served) is Reason.STALE


def test_mix_and_match(gateway: PublishingGateway, kiosk: Kiosk) -> None:
    old = newest(gateway, "snapshot").read_bytes()
    gateway.publish("two")
    newest(gateway, "snapshot").write_bytes(old)
    assert refused(kiosk, gateway.served) is Reason.UNTRUSTED
    assert kiosk.version is None


def test_wrong_key(gateway: PublishingGateway, kiosk: Kiosk, tmp_path: Path) -> None:
    stranger = PublishingGateway(tmp_path / "stranger", gateway.wall)
    stranger.publish("two")
    assert refused(kiosk, stranger.served) is Reason.UNTRUSTED
    stamp = gateway.repository.metadata / "timestamp.json"
    stamp.write_bytes((stranger.repository.metadata / "timestamp.json").read_bytes())
    assert refused(kiosk, gateway.served) is Reason.UNTRUSTED


@pytest.mark.parametrize("role", ["targets", "snapshot", "timestamp"])
def test_too_few_signatures(role: str, gateway: PublishingGateway, kiosk: Kiosk) -> None:
    path = gateway.repository.metadata / "timestamp.json" if role == "timestamp" else newest(gateway, role)
    metadata = json.loads(path.read_text())
    metadata["signatures"].pop()
    path.write_text(json.dumps(metadata))
    assert refused(kiosk, gateway.served) is Reason.UNTRUSTED


def test_a_changed_statement(gateway: PublishingGateway, kiosk: Kiosk) -> None:
    path = newest(gateway, "targets")
    path.write_text(path.read_text().replace('"length":', '"length": 1'))
    assert refused(kiosk, gateway.served) is Reason.UNTRUSTED


@pytest.mark.parametrize("match", ["timestamp.json", "targets.json", "/full/", "latest.json"])
def test_endless_data(match: str, kiosk: Kiosk, server: RepositoryServer) -> None:
    server.fault = Misbehaviour(match=match, endless=True)
    with pytest.raises(WatchlistError) as caught:
        kiosk.over_http(server.url)
    assert caught.value.reason is Reason.TOO_LARGE
    kept = sum(path.stat().st_size for path in kiosk.folder.rglob("*") if path.is_file())
    assert kept < 10_000_000
    server.fault = Misbehaviour()
    assert kiosk.over_http(server.url).how == "full"


@pytest.mark.parametrize("match", ["timestamp.json", "/full/"])
def test_slow_retrieval_a_server_that_falls_silent(match: str, kiosk: Kiosk, server: RepositoryServer) -> None:
    server.fault = Misbehaviour(match=match, silent_after=10)
    with pytest.raises(WatchlistError) as caught:
        kiosk.over_http(server.url, silence_s=0.2)
    assert caught.value.reason is Reason.LINK_DOWN
    assert "slowly" in caught.value.what


def test_slow_retrieval_a_server_that_drips(kiosk: Kiosk, server: RepositoryServer) -> None:
    # Time flies: whatever comes, comes at less than the slowest rate.
    minutes = itertools.count(step=100 * fetching.JUDGED_AFTER_S)
    with pytest.raises(WatchlistError) as caught:
        kiosk.over_http(server.url, monotonic=lambda: next(minutes))
    assert caught.value.reason is Reason.LINK_DOWN
    assert "slowly" in caught.value.what


def test_a_part_that_was_changed(gateway: PublishingGateway, kiosk: Kiosk, server: RepositoryServer) -> None:
    part = next(gateway.repository.targets.glob("full/one/*"))
    good = part.read_bytes()
    server.fault = Misbehaviour(match="/full/", replace=good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(WatchlistError) as caught:
        kiosk.over_http(server.url)
    assert caught.value.reason is Reason.UNTRUSTED
    assert kiosk.version is None
    server.fault = Misbehaviour()
    assert kiosk.over_http(server.url).how == "full"


def test_a_stick_that_leads_elsewhere(gateway: PublishingGateway, kiosk: Kiosk) -> None:
    stamp = gateway.repository.metadata / "timestamp.json"
    stamp.rename(stamp.with_name("real.json"))
    stamp.symlink_to("real.json")
    assert refused(kiosk, gateway.served) is Reason.LINK_DOWN


def test_root_rotation_is_followed(gateway: PublishingGateway, kiosk: Kiosk, tmp_path: Path) -> None:
    kiosk.from_folder(gateway.served)
    for kind, count, threshold in ((ROOT, 3, 2), (TARGETS, 2, 2), (ONLINE, 1, 1)):
        fresh = make_keys(gateway.keys / f"new-{kind}", kind, count)
        ring = KeyRing.load(sorted(gateway.keys.iterdir()))
        gateway.repository.rotate(kind, [signer.public_key for signer in fresh], threshold, ring)
        shutil.rmtree(gateway.keys / kind)
    gateway.ring = KeyRing.load(sorted(gateway.keys.iterdir()))
    gateway.publish("two")
    assert kiosk.from_folder(gateway.served).version == "two"
    # A kiosk that has the first root only, such as one that lay in a store.
    stored = Kiosk(tmp_path / "stored", gateway.identity, gateway.root, gateway.wall)
    assert stored.from_folder(gateway.served).version == "two"


def test_a_root_that_only_its_new_keys_have_signed(gateway: PublishingGateway, kiosk: Kiosk) -> None:
    fresh = make_keys(gateway.keys / "new", ROOT, 3)
    with pytest.raises(WatchlistError) as caught:
        gateway.repository.rotate(
            ROOT, [signer.public_key for signer in fresh], 2, KeyRing.load([gateway.keys / "new"])
        )
    assert caught.value.reason is Reason.UNTRUSTED
    assert kiosk.from_folder(gateway.served).how == "full"


def test_a_key_that_was_revoked(gateway: PublishingGateway, kiosk: Kiosk, tmp_path: Path) -> None:
    stolen = tmp_path / "stolen"
    shutil.copytree(gateway.keys, stolen)
    kiosk.from_folder(gateway.served)
    fresh = make_keys(gateway.keys / "new", TARGETS, 2)
    ring = KeyRing.load(sorted(gateway.keys.iterdir()))
    gateway.repository.rotate(TARGETS, [signer.public_key for signer in fresh], 2, ring)
    gateway.ring = KeyRing.load([stolen / kind for kind in (ROOT, TARGETS, ONLINE)])
    with pytest.raises(WatchlistError) as caught:
        gateway.publish("two")
    assert caught.value.reason is Reason.UNTRUSTED


def test_the_time_never_goes_back(kiosk: Kiosk) -> None:
    kiosk.follower.state.mkdir(parents=True)
    kiosk.time.learn("2027-01-01T00:00:00Z")
    kiosk.time.learn("no time")
    kiosk.time.learn("2026-01-01T00:00:00Z")
    assert kiosk.time.now() == datetime(2027, 1, 1, tzinfo=UTC)
    kiosk.wall.at = datetime(2028, 1, 1, tzinfo=UTC)
    assert kiosk.time.now() == kiosk.wall.at
