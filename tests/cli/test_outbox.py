"""``hotspotctl outbox`` on the records of a site: looking, queueing again, taking rows out."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from hotspotd.records import Records, audit_file
from hotspotd.records.audit import first_broken
from hotspotd.records.audit_file import Wanted
from hotspotd.records.data_key import beside
from hotspotd.records.model import OutboxState, Rank
from tests.cli.conftest import Site
from tests.records.examples import encounter, item
from tests.records.test_outbox import row

Run = Callable[..., tuple[int, str, str]]


def database(site: Site) -> Path:
    return site.folder / "data" / "records.sqlite"


@pytest.fixture
def aside(site: Site) -> list[str]:
    """Two transactions, of which the first is set aside, and a line of log."""

    async def fill() -> list[str]:
        records = await Records.open(database(site))
        for number in (1, 2):
            await records.record_encounter(encounter(number), item(encounter(number)))
        await records.enqueue(row(7, Rank.LOG))
        await records.outbox_quarantine("UTOE00001", "gateway: \x1b[31mnot INT-I [bad_transaction]")
        await records.close()
        return ["UTOE00001", "UTOE00002", "T00007"]

    return asyncio.run(fill())


@pytest.fixture
def outbox(run: Run, site: Site) -> Run:
    def outbox(command: str, *arguments: str | Path) -> tuple[int, str, str]:
        return run("outbox", command, *arguments, "--config", site.path)

    return outbox


def audited(site: Site) -> list[tuple[str, str, str, str]]:
    """Event, subject, actor, and note or else detail of each entry; the chain must be whole."""
    with sqlite3.connect(database(site)) as connection:
        entries = connection.execute("SELECT * FROM audit ORDER BY seq").fetchall()
        assert connection.execute("SELECT text FROM audit_note WHERE text <> ''").fetchall() == []
    connection.close()
    assert first_broken(entries) is None
    with audit_file.reading(database(site), beside(database(site))) as reading:
        notes = {one.seq: one.note for one in audit_file.entries(reading, Wanted()) if one.note}
    return [(entry[3], entry[4], entry[5], notes.get(entry[0], entry[6])) for entry in entries]


def states(site: Site) -> dict[str, str]:
    with sqlite3.connect(database(site)) as connection:
        found = dict(connection.execute("SELECT tcn, state FROM outbox").fetchall())
    connection.close()
    return found


def test_the_list_shows_what_is_not_done_and_says_that_a_person_is_needed(outbox: Run, aside: list[str]) -> None:
    code, out, err = outbox("list")
    assert (code, err) == (1, "")
    assert all(tcn in out for tcn in aside)
    assert "2 rows wait" in out
    assert "1 set aside" in out
    assert "\x1b" not in out
    code, out, _ = outbox("list", "--state", "queued", "--limit", "1", "--json")
    told = json.loads(out)
    assert [(one["tcn"], one["rank"]) for one in told["rows"]] == [("UTOE00002", "live")]
    assert told["states"]["quarantined"] == 1
    assert told["ranks"] == {"live": 1, "decision": 0, "backlog": 0, "statistics": 0, "log": 1}
    code, out, _ = outbox("list", "--after", "UTOE00001", "--json")
    assert [one["tcn"] for one in json.loads(out)["rows"]] == aside[1:]


def test_an_outbox_in_which_nothing_stands_still_is_fine(outbox: Run, aside: list[str]) -> None:
    assert outbox("retry", "--all-quarantined")[0] == 0
    assert outbox("list")[0] == 0
    code, out, _ = outbox("list", "--state", "expired")
    assert code == 0
    assert "No row is expired" in out


def test_a_row_is_shown_without_what_is_in_it(outbox: Run, site: Site, aside: list[str]) -> None:
    before = audited(site)
    code, out, _ = outbox("show", aside[0])
    assert code == 0
    assert "not INT-I" in out
    assert "\x1b" not in out
    assert "<transaction/>" not in out
    shown = json.loads(outbox("show", aside[0], "--json")[1])
    assert (shown["state"], shown["held"], shown["attempts"]) == ("quarantined", 14, 0)
    assert "payload" not in shown
    assert audited(site) == before


def test_reading_what_is_in_a_row_is_audited_first(outbox: Run, site: Site, aside: list[str]) -> None:
    assert outbox("show", aside[1], "--payload", "--by", "mjones") == (0, "<transaction/>", "")
    assert audited(site)[-1] == ("transaction.viewed", aside[1], "mjones", "")


def test_a_receipt_is_shown(outbox: Run, site: Site, aside: list[str]) -> None:
    async def receipt() -> None:
        records = await Records.open(database(site))
        await records.outbox_receipt(aside[2], b'{"gateway": "uto"}')
        await records.close()

    asyncio.run(receipt())
    assert '{"gateway": "uto"}' in outbox("show", aside[2])[1]
    code, out, err = outbox("show", aside[2], "--payload")
    assert (code, out) == (1, "")
    assert "not here any more" in err


def test_a_retry_queues_again_and_is_audited(outbox: Run, site: Site, aside: list[str]) -> None:
    code, out, err = outbox("retry", aside[0], aside[1], "NONE", "--by", "mjones", "--json")
    assert (code, err) == (1, "")
    told = json.loads(out)
    assert told["queued"] == [aside[0]]
    assert "queued" in told["not_queued"][aside[1]]
    assert "no transaction NONE" in told["not_queued"]["NONE"]
    assert states(site)[aside[0]] == OutboxState.QUEUED
    assert audited(site)[-1] == ("transaction.retried", aside[0], "mjones", "")


@pytest.mark.parametrize("arguments", [(), ("UTOE00001", "--all-quarantined")])
def test_a_retry_of_nothing_or_of_everything_and_some_is_a_wrong_use(outbox: Run, arguments: tuple[str, ...]) -> None:
    assert outbox("retry", *arguments)[0] == 2


def test_an_export_writes_files_for_the_owner_with_an_index(outbox: Run, site: Site, aside: list[str]) -> None:
    folder = site.folder / "stick" / "aside"
    code, out, err = outbox("export", folder, "--reason", "ticket 4711", "--by", "mjones")
    assert (code, err) == (0, "")
    assert "1 rows" in out
    assert sorted(path.name for path in folder.iterdir()) == ["UTOE00001.xml", "index.json"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    index = json.loads((folder / "index.json").read_bytes())
    assert (index["by"], index["reason"]) == ("mjones", "ticket 4711")
    (about,) = index["rows"]
    assert about["sha256"] == hashlib.sha256((folder / about["file"]).read_bytes()).hexdigest()
    assert "not INT-I" in about["last_error"]
    assert audited(site)[-1] == ("transaction.exported", aside[0], "mjones", "ticket 4711")
    assert states(site)[aside[0]] == OutboxState.QUARANTINED


def test_an_export_overwrites_nothing_and_then_notes_nothing(outbox: Run, site: Site, aside: list[str]) -> None:
    before = audited(site)
    folder = site.folder / "stick"
    folder.mkdir()
    (folder / "UTOE00001.xml").write_text("mine")
    code, _, err = outbox("export", folder, "--reason", "ticket 4711")
    assert code == 3
    assert "name a new folder" in err
    assert (folder / "UTOE00001.xml").read_text() == "mine"
    assert audited(site) == before


def test_rows_are_exported_by_state_or_by_number(outbox: Run, site: Site, aside: list[str]) -> None:
    told = json.loads(outbox("export", site.folder / "a", "--state", "queued", "--reason", "x", "--json")[1])
    assert [one["file"] for one in told["rows"]] == ["UTOE00002.xml", "T00007.json"]
    assert outbox("export", site.folder / "b", *aside, "--reason", "x")[0] == 0
    code, _, err = outbox("export", site.folder / "c", aside[0], "NONE", "--reason", "x")
    assert code == 3
    assert "no transaction NONE" in err
    assert not (site.folder / "c").exists()


@pytest.mark.parametrize("reason", [(), ("--reason", " "), ("--reason", "a\x1b[31m"), ("--reason", "x" * 301)])
def test_an_export_needs_a_reason(outbox: Run, site: Site, aside: list[str], reason: tuple[str, ...]) -> None:
    assert outbox("export", site.folder / "a", *reason)[0] == 2
    assert not (site.folder / "a").exists()


def test_nothing_to_export_is_said(outbox: Run, site: Site, aside: list[str]) -> None:
    code, out, _ = outbox("export", site.folder / "a", "--state", "received", "--reason", "x")
    assert (code, out) == (0, "Nothing to write.\n")
    assert not (site.folder / "a").exists()


@pytest.mark.parametrize("command", [("list",), ("show", "X"), ("retry", "X"), ("export", "a", "--reason", "x")])
def test_where_there_is_no_database_none_is_made(outbox: Run, site: Site, command: tuple[str, ...]) -> None:
    code, _, err = outbox(*command)
    assert code == 3
    assert "no database in" in err
    assert list((site.folder / "data").iterdir()) == []


def test_a_database_of_other_software_is_left_as_it_is(outbox: Run, site: Site, aside: list[str]) -> None:
    with sqlite3.connect(database(site)) as connection:
        connection.execute("PRAGMA user_version = 3")
    connection.close()
    code, _, err = outbox("list")
    assert code == 3
    assert "schema 3" in err


def test_a_damaged_database_is_not_moved_away_from_under_the_daemon(outbox: Run, site: Site) -> None:
    database(site).write_bytes(b"no database" * 1000)
    code, _, err = outbox("list")
    assert code == 3
    assert err
    assert database(site).read_bytes() == b"no database" * 1000


def test_every_command_has_examples_and_says_its_exit_codes(run: Run) -> None:
    for command in ("list", "show", "retry", "export"):
        code, out, _ = run("outbox", command, "--help")
        assert code == 0
        assert "examples:" in out
        assert "exit codes:" in out
