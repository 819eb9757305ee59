"""What is PostgreSQL's own: durable sessions, a server that goes away and comes back, and no password anywhere."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import msgspec
import pytest

from hotspotd.clock import Clock
from hotspotd.errors import ConfigError, GatewayError, HotspotError, Reason
from hotspotd.gateway import processing
from hotspotd.gateway.storage import open_store
from hotspotd.gateway.storage.postgres import PostgresDatabase, storage_errors
from hotspotd.gateway.storage.postgres_url import parse
from hotspotd.relay.compose import compose_nps
from hotspotd.relay.links.wire import Refusal, WireReplies
from tests.gateway.bench import Certificates, GatewayBench, NumberSearch, ask, put
from tests.gateway.postgres import Cluster, cluster
from tests.gateway.test_store import answer, message, take
from tests.relay.travellers import ORIGIN, encounter


@pytest.fixture
def own() -> Iterator[Cluster]:
    """A server that a test may stop."""
    with cluster() as made:
        yield made


async def test_every_session_waits_for_the_disk(postgres: Cluster) -> None:
    url = await asyncio.to_thread(postgres.create)
    await asyncio.to_thread(postgres.ask, url, "ALTER ROLE hotspotd SET synchronous_commit = off")
    try:
        store = await open_store(url)
        assert isinstance(store._db, PostgresDatabase)
        async with store._db.write() as session:
            assert await session.value("SELECT current_setting('synchronous_commit')") == "on"
        await store.close()
    finally:
        await asyncio.to_thread(postgres.ask, url, "ALTER ROLE hotspotd RESET synchronous_commit")


@pytest.mark.blocking_allowed  # Starts a server.
async def test_a_server_without_fsync_is_refused(own: Cluster) -> None:
    url = own.create()
    own.stop()
    own.start("-c", "fsync=off")
    with pytest.raises(GatewayError, match="fsync = off") as caught:
        await open_store(url)
    assert caught.value.reason is Reason.STORAGE_FAILED


async def test_a_session_that_the_server_ended_is_one_error_at_most_and_then_made_again(postgres: Cluster) -> None:
    url = await asyncio.to_thread(postgres.create)
    store = await open_store(url)
    await take(store, message())
    end = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    assert int(await asyncio.to_thread(postgres.ask, url, end)) > 0
    try:
        await answer(store, b"<reply/>")
    except GatewayError:
        await answer(store, b"<reply/>")
    assert [reply.body for reply in await store.replies("kiosk-1", 9)] == [b"<reply/>"]
    await store.close()


@pytest.mark.blocking_allowed  # Starts and stops a server.
async def test_what_was_receipted_survives_a_server_that_dies_and_the_store_goes_on_when_it_is_back(
    own: Cluster,
) -> None:
    store = await open_store(own.create())
    raw, _ = await take(store, message())
    own.stop()
    for _ in range(3):
        with pytest.raises(GatewayError) as caught:
            await take(store, message("T2"))
        assert caught.value.reason is Reason.STORAGE_FAILED
    own.start()
    assert await take(store, message()) == (raw, False)
    assert (await take(store, message("T2")))[1]
    await store.close()


@pytest.mark.blocking_allowed  # Starts and stops a server.
async def test_a_gateway_whose_server_dies_refuses_for_the_time_being_and_answers_when_it_is_back(
    own: Cluster, tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing, "_STORAGE_RETRY_S", 0.01)
    given, kiosk = encounter(pictures=False), certificates.device("kiosk-1")
    body = compose_nps(given, ORIGIN, Clock().now(), "IMM")
    gateway = GatewayBench(tmp_path / "none.db", certificates, NumberSearch())
    gateway.place = own.create()
    await gateway.start()
    try:
        own.stop()
        status, refusal = await put(gateway, kiosk, body, given.tcn)
        assert (status, msgspec.json.decode(refusal, type=Refusal).reason) == (503, "storage_failed")
        own.start()
        assert (await put(gateway, kiosk, body, given.tcn))[0] == 200
        _, raw = await ask(f"{gateway.url}/v1/replies?wait=20", kiosk)
        (reply,) = msgspec.json.decode(raw, type=WireReplies).replies
        assert reply.tcr == given.tcn
        assert gateway.search.asked == [given.tcn]
    finally:
        await gateway.stop()


@pytest.mark.blocking_allowed  # Stops a server.
async def test_a_store_closes_when_its_server_is_gone(own: Cluster) -> None:
    store = await open_store(own.create())
    own.stop()
    await store.close()
    own.start()


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("postgresql://kiosk:SECRET@127.0.0.1:1/gateway", GatewayError),
        ("postgresql://kiosk:SECRET@127.0.0.1:1/gateway?sslmode=disable", GatewayError),
        ("postgresql://kiosk:SECRET@/gateway?host=/nonexistent", GatewayError),
        ("postgresql://kiosk:SECRET@127.0.0.1:high/gateway", ConfigError),
        ("postgresql://kiosk:SECRET@[::1/gateway", ConfigError),
        ("postgresql://kiosk:SECRET@127.0.0.1:1/gateway?sslmode=SECRET", ConfigError),
        ("postgresql://kiosk:SECRET@127.0.0.1:1/gateway?sslrootcert=/nonexistent", ConfigError),
        ("postgresql://kiosk:SECRET@127.0.0.1:1/gateway?password=SECRET", ConfigError),
        ("postgresql://kiosk:SECRET@127.0.0.1:1", ConfigError),
        ("postgresql://:SECRET@127.0.0.1:1/gateway", ConfigError),
    ],
)
async def test_no_error_and_no_log_holds_the_password(
    url: str, kind: type[HotspotError], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(kind) as caught:
        await open_store(url)
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))
    assert "SECRET" not in caplog.text


async def test_a_database_of_a_later_version_is_refused(postgres: Cluster) -> None:
    url = await asyncio.to_thread(postgres.create)
    await (await open_store(url)).close()
    await asyncio.to_thread(postgres.ask, url, "UPDATE meta SET value = '99' WHERE name = 'schema'")
    with pytest.raises(GatewayError) as caught:
        await open_store(url)
    assert caught.value.reason is Reason.WRONG_VERSION


def test_a_server_that_is_not_on_this_machines_socket_must_prove_itself() -> None:
    assert parse("postgresql://a@db.example/b").encrypted
    assert not parse("postgresql://a@db.example/b?sslmode=disable").encrypted
    assert not parse("postgresql://a@/b?host=/run/postgresql").encrypted
    assert "SECRET" not in repr(parse("postgresql://a:SECRET@db.example/b"))
    assert parse("postgresql://a:S%40T@db.example:7/b").password.split("@") == ["S", "T"]


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.AdminShutdownError("terminating connection"),
        ConnectionResetError(),
        TimeoutError(),
    ],
)
def test_whatever_the_driver_makes_of_a_session_that_ends_is_an_error_of_the_store(error: Exception) -> None:
    with pytest.raises(GatewayError) as caught, storage_errors():
        raise error
    assert caught.value.reason is Reason.STORAGE_FAILED
    assert type(error).__name__ in caught.value.what
