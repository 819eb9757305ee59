"""``hotspotctl audit``: what it says of a chain that was left alone, and of one that was not; and who asked a list."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import syslog
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hotspotd.clock import Clock
from hotspotd.records import Records, audit
from hotspotd.relay.checkpoints import Checkpoints
from hotspotd.relay.seal import Sealer
from tests.cli.conftest import RECORD, Site, write_rows
from tests.records.chains import put_back, redigested, rows

Run = Callable[..., tuple[int, str, str]]


async def work(site: Site, database: Path, entries: int = 5) -> None:
    """A daemon's day: some entries, a checkpoint, some more, another checkpoint."""
    records = await Records.open(database)
    sealer = await asyncio.to_thread(Sealer.load, site.folder / "tls/KIOSK-01.pem", site.folder / "tls/KIOSK-01.key")
    sealing = Checkpoints(records, sealer, Clock(), "KIOSK-01", lambda: None)
    for _ in range(2):
        for number in range(entries):
            await records.audited("encounter.recorded", subject=f"E{number:05d}")
        await sealing.make()
    await records.close()


@pytest.fixture
def database(site: Site) -> Path:
    path = site.folder / "data" / "records.sqlite"
    asyncio.run(work(site, path))
    return path


def exported(database: Path, to: Path) -> Path:
    """What the gateway would have, as it exports it."""
    with closing(sqlite3.connect(database)) as connection:
        bodies = connection.execute("SELECT body FROM audit_checkpoint").fetchall()
    lines = [msgspec.json.encode({"received_at": "", "finding": "", "sealed": msgspec.Raw(body)}) for (body,) in bodies]
    to.write_bytes(b"\n".join(lines) + b"\n")
    return to


def verified(run: Run, *arguments: str | Path) -> tuple[int, Any]:
    code, out, err = run("audit", "verify", "--json", *arguments)
    return code, json.loads(out) if out else err


def test_a_chain_that_was_left_alone_is_whole_by_its_own_and_the_gateways_checkpoints(
    run: Run, site: Site, database: Path, tmp_path: Path
) -> None:
    code, told = verified(run, "--config", site.path, "--checkpoints", exported(database, tmp_path / "gateway.jsonl"))
    assert code == 0
    assert (told["entries"], told["sealed_until"], told["seals_judged"]) == (10, 10, True)
    assert (told["local_checkpoints"], told["gateway_checkpoints"], told["finding"]) == (2, 2, None)
    code, out, _ = run("audit", "verify", "--database", database)
    assert code == 0
    assert "10 entries, each as it was written; sealed until entry 10." in out
    assert "Nobody has judged who sealed them" in out


def test_a_forgery_shows_here_and_with_the_checkpoints_removed_at_the_gateway(
    run: Run, site: Site, database: Path, tmp_path: Path
) -> None:
    gateway = exported(database, tmp_path / "gateway.jsonl")
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        forged = rows(connection)
        forged[6][3] = "alert.dismiss"
        put_back(connection, redigested(forged, 7))
    code, told = verified(run, "--config", site.path)
    assert code == 1
    assert (told["finding"]["damage"], told["finding"]["seq"], told["finding"]["until"]) == ("rewritten", 6, 10)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("DELETE FROM audit_checkpoint WHERE number = 2")
    assert verified(run, "--config", site.path)[0] == 0, "nothing here says so any more"
    code, told = verified(run, "--config", site.path, "--checkpoints", gateway)
    assert (code, told["finding"]["damage"]) == (1, "rewritten")
    assert "the gateway" in told["finding"]["what"]


def test_an_end_that_was_cut_off_a_checkpoint_removed_and_one_forged_are_named(
    run: Run, site: Site, database: Path
) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("DELETE FROM audit WHERE seq > 8")
        code, told = verified(run, "--config", site.path)
        assert (code, told["finding"]["damage"], told["finding"]["seq"]) == (1, "cut_off", 9)
        connection.execute("DELETE FROM audit_checkpoint WHERE number = 1")
        connection.execute("UPDATE audit_checkpoint SET body = CAST(replace(body, ':10,', ':80,') AS BLOB)")
    code, out, _ = run("audit", "verify", "--config", site.path)
    assert code == 1
    assert "NOT as it was written" in out
    assert "checkpoint" in out


def test_another_database_of_the_device_is_told_until_it_is_accounted_for(
    run: Run, site: Site, database: Path, tmp_path: Path
) -> None:
    gateway = exported(database, tmp_path / "gateway.jsonl")
    before = verified(run, "--config", site.path)[1]["chain"]
    new = site.folder / "new.db"
    asyncio.run(work(site, new))
    place = ("--database", new, "--trust-anchors", site.folder / "tls/ca.pem", "--checkpoints", gateway)
    code, told = verified(run, *place)
    assert (code, told["finding"]["damage"]) == (1, "other_chain")
    assert before in told["finding"]["what"]
    assert verified(run, *place, "--except-chain", before)[0] == 0


def test_a_copy_on_a_disk_that_cannot_be_written_is_checked_and_left_as_it_is(
    run: Run, database: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    copy = folder / "copy.db"
    copy.write_bytes(database.read_bytes())
    assert run("audit", "verify", "--database", copy)[0] == 0
    assert [one.name for one in folder.iterdir()] == ["copy.db"]


def test_a_daemon_may_be_writing_meanwhile(run: Run, site: Site, database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as daemon:
        daemon.execute("PRAGMA journal_mode = WAL")
        daemon.execute("BEGIN IMMEDIATE")
        audit.append(daemon, Clock().now(), "encounter.recorded", subject="E1")
        assert verified(run, "--config", site.path)[1]["entries"] == 10
        daemon.execute("COMMIT")
        assert verified(run, "--config", site.path)[1]["entries"] == 11


def test_what_cannot_be_checked_is_said_so(run: Run, site: Site, tmp_path: Path) -> None:
    assert run("audit", "verify", "--config", site.path)[0] == 3
    (tmp_path / "none.db").write_bytes(b"no database" * 100)
    code, _, err = run("audit", "verify", "--database", tmp_path / "none.db")
    assert (code, "storage_failed" in err) == (3, True)
    assert run("audit", "show", "--since", "yesterday")[0] == 2


def test_entries_are_shown_by_time_event_and_subject(run: Run, site: Site, database: Path) -> None:
    assert "E00003" in run("audit", "show", "--config", site.path)[1]
    _, out, _ = run("audit", "show", "--database", database, "--event", "encounter", "--subject", "E00002", "--json")
    assert [json.loads(line)["seq"] for line in out.splitlines()] == [3, 8]
    assert run("audit", "show", "--database", database, "--event", "enc", "--json")[1] == ""
    assert run("audit", "show", "--database", database, "--since", "2199-01-01", "--json")[1] == ""


@pytest.fixture
def listed(run: Run, site: Site, source: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A kiosk with a list; what went to the system's log."""
    lines: list[str] = []
    monkeypatch.setattr(syslog, "syslog", lines.append)
    row = {"kind": "document", "number": "L898902C3", "issuer": "UTO", "status": "stolen_blank", "owner": "UTO"}
    (source / "numbers.jsonl").write_text(json.dumps(row) + "\n")
    write_rows(source, RECORD)
    assert run("watchlist", "build", source, site.folder / "lists", "--without-faces")[0] == 0
    return lines


def asked(database: Path, run: Run) -> list[dict[str, Any]]:
    _, out, _ = run(
        "audit", "show", "--config", database.parent.parent / "hotspotd.toml", "--event", "watchlist", "--json"
    )
    assert verified(run, "--config", database.parent.parent / "hotspotd.toml")[0] == 0
    return [json.loads(line) for line in out.splitlines()]


def test_who_asks_a_kiosks_list_says_why_and_it_is_in_the_chain(
    run: Run, site: Site, database: Path, listed: list[str]
) -> None:
    look = ("watchlist", "lookup", "document", "L898902C3", "--config", site.path)
    assert run(*look, "--purpose", "second line, lane 2")[0] == 1
    assert run(*look, "--purpose", "   ")[0] == 3
    assert run("watchlist", "explain", "XPO/1", "--config", site.path)[0] == 3, "a purpose is asked for"
    assert run("watchlist", "explain", "XPO/1", "--config", site.path, "--purpose", "complaint 7")[0] == 0
    lookup, explain = asked(database, run)
    assert (lookup["event"], lookup["subject"], lookup["note"]) == (
        "watchlist.lookup",
        "watchlist",
        "second line, lane 2",
    )
    assert lookup["detail"].startswith("document 1 hits note=")
    assert (explain["event"], explain["note"]) == ("watchlist.explain", "complaint 7 (XPO/1)")
    assert len(listed) == 2
    with closing(sqlite3.connect(database)) as connection:
        chain = str(connection.execute("SELECT * FROM audit").fetchall())
    assert not [one for one in ("L898902C3", "ERIKSSON", "XPO/1", "second line", "complaint") if one in chain]


def test_nothing_is_answered_that_cannot_be_written_down(
    run: Run, site: Site, database: Path, listed: list[str]
) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DROP TABLE audit_note")
    code, out, err = run(
        "watchlist", "lookup", "document", "L898902C3", "--config", site.path, "--purpose", "second line"
    )
    assert (code, out) == (3, "")
    assert "older version" in err


def test_where_no_daemon_ever_ran_the_systems_log_has_it(run: Run, site: Site, listed: list[str]) -> None:
    code, _, err = run("watchlist", "lookup", "vin", "1", "--config", site.path, "--purpose", "bench")
    assert code == 0
    assert "only the system's log has this" in err
    assert len(listed) == 1
