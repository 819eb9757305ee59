"""A published list goes from the gateway's command line to a kiosk over mutual TLS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from hotspotd.biometrics import finger
from hotspotd.clock import Clock
from hotspotd.errors import ConfigError, Reason, WatchlistError
from hotspotd.gateway.publication.__main__ import main
from hotspotd.gateway.publication.serving import Serving
from hotspotd.relay.list_updates import Credentials, ListUpdates
from hotspotd.watchlist import Shelf
from hotspotd.watchlist.sync.following import Engines
from hotspotd.workers import Worker
from tests.gateway.bench import Certificates, GatewayBench, NumberSearch
from tests.watchlist.examples import FACE_ENGINE, entries


@pytest.fixture
def published(tmp_path: Path, certificates: Certificates) -> Path:
    """The folder of a gateway that has published list ``one``, all of it made by the command line."""
    folder = tmp_path / "gateway"
    Shelf(folder / "lists").publish(entries(), finger_engine=finger.ENGINE, face_engine=FACE_ENGINE, version="one")
    assert main(["create", str(folder / "repository"), "--keys", str(folder / "keys")]) == 0
    assert publish(folder, certificates) == 0
    return folder


def publish(folder: Path, certificates: Certificates, *, keys: tuple[str, ...] = ("targets", "online")) -> int:
    command = ["publish", str(folder / "repository"), "--secrets", str(folder / "secrets"), "--keys"]
    command += [str(folder / "keys" / name) for name in keys]
    return main([*command, "--devices", str(certificates.folder), "--watchlist", str(folder / "lists")])


@pytest.fixture
async def serving(tmp_path: Path, published: Path, certificates: Certificates) -> AsyncIterator[GatewayBench]:
    bench = GatewayBench(tmp_path / "gateway.db", certificates, NumberSearch())
    bench.also = Serving(published / "repository", published / "keys" / "online", Clock())
    await bench.start()
    yield bench
    await bench.stop()


@pytest.fixture
def updates(tmp_path: Path, published: Path, certificates: Certificates) -> ListUpdates:
    """Those of kiosk-1."""
    credentials = Credentials(
        "kiosk-1",
        certificates.anchor,
        certificates.folder / "kiosk-1.pem",
        certificates.folder / "kiosk-1.key",
        published / "repository" / "metadata" / "1.root.json",
    )
    return ListUpdates(tmp_path / "kiosk", credentials, Engines(finger.ENGINE, FACE_ENGINE), Clock())


async def test_a_kiosk_follows_its_gateway(
    serving: GatewayBench, updates: ListUpdates, published: Path, certificates: Certificates, tmp_path: Path
) -> None:
    worker = Worker("test-updates")
    changed = asyncio.Event()
    following = asyncio.create_task(updates.run(f"{serving.url}/v1/watchlist", 0.05, worker, changed.set))
    async with asyncio.timeout(30):
        await changed.wait()
        changed.clear()
        assert await asyncio.to_thread(current, tmp_path) == "snapshot-one"
        shelf = Shelf(published / "lists")
        await asyncio.to_thread(
            shelf.publish, entries()[1:], finger_engine=finger.ENGINE, face_engine=FACE_ENGINE, version="two"
        )
        assert await asyncio.to_thread(publish, published, certificates) == 0
        await changed.wait()
    assert await asyncio.to_thread(current, tmp_path) == "snapshot-two"
    following.cancel()
    await asyncio.wait([following])
    worker.close()


def current(tmp_path: Path) -> str:
    found = Shelf(tmp_path / "kiosk").current()
    assert found is not None
    return found.name


async def test_only_the_repository_is_handed_out(serving: GatewayBench, certificates: Certificates) -> None:
    connector = aiohttp.TCPConnector(ssl=certificates.device("kiosk-2"))
    async with aiohttp.ClientSession(serving.url, connector=connector) as session:
        for path in ("metadata/none.json", "metadata/..%2f..%2fkeys", "secrets/one.key", "metadata", "targets/.hidden"):
            async with session.get(f"/v1/watchlist/{path}") as response:
                assert response.status == 404, path
        async with session.get("/v1/watchlist/metadata/timestamp.json") as response:
            assert response.status == 200


def test_what_is_published_is_shown(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(published / "repository"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["version"], shown["root_version"]) == ("one", 1)


def test_one_key_of_two_publishes_nothing(
    published: Path, certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    (published / "keys" / "targets" / "targets-2.pem").unlink()
    Shelf(published / "lists").publish(entries(), finger_engine=finger.ENGINE, face_engine=FACE_ENGINE, version="two")
    assert publish(published, certificates) == 1
    assert "targets metadata needs 2 signing keys" in capsys.readouterr().err
    assert main(["show", str(published / "repository"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == "one"


def test_keys_are_rotated_by_command(published: Path, certificates: Certificates, updates: ListUpdates) -> None:
    keys = published / "keys"
    rotate = ["rotate", str(published / "repository"), "targets", "--new", str(keys / "new")]
    assert main([*rotate, "--keys", str(keys / "root"), str(keys / "targets"), str(keys / "online")]) == 0
    Shelf(published / "lists").publish(entries(), finger_engine=finger.ENGINE, face_engine=FACE_ENGINE, version="two")
    assert publish(published, certificates) == 1
    assert publish(published, certificates, keys=("new", "online")) == 0
    assert updates.bring(str(published / "repository")).version == "two"


def test_a_kiosk_without_a_root_says_what_to_do(published: Path, updates: ListUpdates) -> None:
    (published / "repository" / "metadata" / "1.root.json").unlink()
    with pytest.raises(ConfigError) as caught:
        updates.bring(str(published / "repository"))
    assert caught.value.reason is Reason.UNREADABLE
    assert "1.root.json" in caught.value.advice


def test_a_stick_with_nothing_on_it(tmp_path: Path, updates: ListUpdates) -> None:
    with pytest.raises(WatchlistError) as caught:
        updates.bring(str(tmp_path / "empty"))
    assert caught.value.reason is Reason.LINK_DOWN
