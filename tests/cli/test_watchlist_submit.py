"""``hotspotctl watchlist submit`` against a gateway on real TLS."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hotspotd.gateway.config import RepositorySection
from hotspotd.gateway.intake import __main__ as intake
from hotspotd.relay.national import ledger
from tests.cli.conftest import Site
from tests.gateway.bench import GatewayBench, NumberSearch, certificates_in
from tests.gateway.office import held, lines, passport

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def gateway(site: Site) -> Iterator[GatewayBench]:
    """A gateway in a loop and thread of its own, and the site configured for it."""
    site.authority.issue_server(["localhost", "127.0.0.1"])
    certificates = certificates_in(site.folder / "tls", "gateway")
    bench = GatewayBench(site.folder / "gateway.db", certificates, NumberSearch())
    bench.repositories = {"uto-sltd": RepositorySection(name="uto-sltd", owner="UTO", devices=("KIOSK-01",))}
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(bench.start(), loop).result(30)
        site.configure(gateway=bench.url)
        yield bench
        asyncio.run_coroutine_threadsafe(bench.stop(), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def submit(run: Run, site: Site) -> Run:
    def submit(*arguments: str | Path, repository: str = "uto-sltd") -> tuple[int, str, str]:
        return run(
            *("watchlist", "submit", site.folder / "export"),
            *("--repository", repository, "--config", site.path, *arguments),
        )

    return submit


def export(site: Site, *rows: dict[str, object]) -> None:
    (site.folder / "export").write_bytes(lines(rows))


def test_an_export_is_submitted_and_told_in_words_and_as_json(submit: Run, site: Site, gateway: GatewayBench) -> None:
    export(site, passport(1), passport(2))
    code, out, err = submit("--full", "--dry-run")
    assert code == 0
    assert out.startswith("uto-sltd: 2 rows; 2 to add or change, 0 to withdraw")
    assert held(gateway.national) == {}
    code, out, err = submit("--full")
    assert (code, err.strip()) == (0, "")
    assert "2 added, 0 changed, 0 withdrawn" in out
    assert out.endswith("the gateway is at 1 with 2 records\n")
    export(site, passport(2), passport(3, surname="ERIKSSON"))
    code, out, _ = submit("--full", "--json")
    assert code == 1
    told = json.loads(out)
    assert (told["sent"]["withdrawn"], told["gateway"]["removed"], told["gateway"]["sequence"]) == (1, 1, 2)
    assert [(problem["line"]) for problem in told["problems"]] == [2]
    state = Path(told["state"])
    assert state == site.folder / "data" / "submissions" / "uto-sltd.sqlite"
    assert state.stat().st_mode & 0o777 == 0o600


GATEWAY = """
bureau.country = "UTO"
server = { certificate = "a", key = "b", trust_anchors = "c" }
store.database = "gateway.db"
watchlist.folder = "list"
[intake]
database = "national.db"
repositories = [{ name = "uto-sltd", owner = "UTO", devices = ["KIOSK-01"] }]
"""


def test_what_was_submitted_is_found_in_the_next_list_and_what_was_withdrawn_is_not(
    run: Run, submit: Run, site: Site, gateway: GatewayBench
) -> None:
    config, source, lists = site.folder / "gateway.toml", site.folder / "source", site.folder / "lists"
    config.write_text(GATEWAY)

    def listed(number: str) -> list[str]:
        code, out, _ = run(
            *("watchlist", "lookup", "document", number, "--issuer", "UTO", "--purpose", "test"),
            *("--folder", lists, "--json"),
        )
        assert code in (0, 1)
        return [hit["source"] for hit in json.loads(out)["hits"]]

    for version, rows in (("one", [passport(1), passport(2)]), ("two", [passport(2)])):
        export(site, *rows)
        assert submit("--full")[0] == 0
        assert intake.main(["export", str(source), "--config", str(config)]) == 0
        assert run("watchlist", "build", source, lists, "--version", version, "--without-faces")[0] == 0
        assert listed("x 0000002") == ["uto-sltd"]
        assert bool(listed("X0000001")) == (version == "one")


def test_changes_are_read_from_standard_input(
    run: Run, site: Site, gateway: GatewayBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "changes"
    table.write_bytes(b"action,kind,number,issuer,status\nadd,vehicle,UT-1,UTO,wanted\nadd,vin,WAUZZZ1,,wanted\n")
    with table.open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        code, out, _ = run(
            "watchlist", "submit", "-", "--repository", "uto-sltd", "--config", site.path, "--changes", "--json"
        )
    assert code == 0
    assert json.loads(out)["gateway"]["added"] == 2
    assert set(held(gateway.national)) == {("vehicle", "UT-1"), ("vin", "WAUZZZ1")}


def test_what_cannot_be_done_is_said_with_advice(submit: Run, site: Site, gateway: GatewayBench) -> None:
    export(site, passport(1))
    code, _, err = submit("--full", repository="other")
    assert code == 3
    assert "may not submit" in err
    assert "intake.repositories" in err
    code, _, err = submit("--full", repository="Not A Name")
    assert code == 3
    assert "no name of a repository" in err
    code, _, err = submit()
    assert code == 2
    code, _, err = submit("--full", "--withdraw-at-most", "120")
    assert code == 2
    code, _, err = submit("--full", "--state", site.folder)
    assert code == 3
    (site.folder / "export").write_text("kind,number,status,surname\n")
    code, _, err = submit("--full")
    assert code == 3
    assert "nothing about people" in err
    (site.folder / "export").unlink()
    code, _, err = submit("--full")
    assert code == 3
    assert "export" in err


def test_two_runs_at_once_do_not_mix(submit: Run, site: Site, gateway: GatewayBench) -> None:
    export(site, passport(1))
    assert submit("--full")[0] == 0
    state = site.folder / "data" / "submissions" / "uto-sltd.sqlite"
    with ledger.opened(state, "uto-sltd", "key"):
        code, _, err = submit("--full")
    assert code == 3
    assert "another process submits" in err


def test_the_ledger_of_another_repository_is_not_taken(submit: Run, site: Site, gateway: GatewayBench) -> None:
    export(site, passport(1))
    state = site.folder / "mine.sqlite"
    with ledger.opened(state, "other", "key"):
        pass
    code, _, err = submit("--full", "--state", state)
    assert code == 3
    assert "the ledger of other" in err


def test_a_file_that_is_no_ledger_is_refused(submit: Run, site: Site, gateway: GatewayBench) -> None:
    export(site, passport(1))
    (site.folder / "mine.sqlite").write_bytes(b"no database" * 100)
    code, _, err = submit("--full", "--state", site.folder / "mine.sqlite")
    assert code == 3
    assert "not a database" in err
    assert "--full" in err
