"""``hotspotctl people`` on a database that a daemon has made."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hotspotd.access import secrets
from hotspotd.records import Records
from hotspotd.records.security_keys import SecurityKey
from tests.cli.conftest import Site

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def people(run: Run, site: Site) -> Run:
    """Run ``hotspotctl people`` for the site's kiosk, whose daemon has run once."""

    async def make() -> None:
        records = await Records.open(site.folder / "data" / "records.sqlite")
        await records.close()

    asyncio.run(make())

    def command(name: str, *arguments: str | Path) -> tuple[int, str, str]:
        return run("people", name, *arguments, "--config", site.path)

    return command


def test_somebody_is_added_with_a_pin_to_be_changed_locked_out_and_forgotten(people: Run) -> None:
    code, out, _ = people("add", "1042", "--role", "guard", "--role", "guard", "--by", "mjones", "--json")
    assert code == 0
    told = json.loads(out)
    secrets.check_secret("1042", told["pin"])
    (listed,) = json.loads(people("list", "--json")[1])
    assert (listed["badge"], listed["roles"], listed["state"]) == ("1042", ["guard"], "to change the PIN")
    code, _, err = people("add", "1042", "--role", "guard")
    assert code == 3
    assert "known already" in err
    assert people("disable", "1042")[0] == 0
    assert "disabled" in people("list")[1]
    assert people("enable", "1042")[0] == 0
    code, out, _ = people("new-secret", "1042")
    assert code == 0
    assert told["pin"] not in out
    assert people("remove", "1042")[0] == 0
    assert json.loads(people("list", "--json")[1]) == []
    assert people("remove", "1042")[0] == 3


def test_a_secret_is_read_and_a_weak_one_refused(people: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("123456\n"))
    code, _, err = people("add", "1042", "--role", "guard", "--secret-stdin")
    assert code == 3
    assert "easily guessed" in err
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert people("add", "1042", "--role", "guard", "--secret-stdin")[:2] == (0, "")
    assert json.loads(people("list", "--json")[1])[0]["state"] == "well"


@pytest.mark.parametrize("arguments", [("a b", "--role", "guard"), ("1042", "--role", "boss"), ("1042",)])
def test_what_cannot_be_meant_is_refused(people: Run, arguments: tuple[str, ...]) -> None:
    assert people("add", *arguments)[0] in (2, 3)
    assert json.loads(people("list", "--json")[1]) == []


def test_a_lost_security_key_is_forgotten(people: Run, site: Site) -> None:
    people("add", "1042", "--role", "guard")
    assert people("remove-key", "1042")[0] == 3
    key = SecurityKey(badge="1042", rp_id="localhost", credential_id=b"n", credential=b"c", counter=0)

    async def register() -> None:
        records = await Records.open(site.folder / "data" / "records.sqlite")
        await records.add_key(key, "badge 1042")
        await records.close()

    asyncio.run(register())
    assert json.loads(people("list", "--json")[1])[0]["security_key"] is True
    assert people("remove-key", "1042", "--by", "mjones")[0] == 0
    assert json.loads(people("list", "--json")[1])[0]["security_key"] is False
