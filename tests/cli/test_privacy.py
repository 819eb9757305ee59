"""``hotspotctl privacy``: what is held, legal hold, one person's data, the keys."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from hotspotd.records import Records
from tests.cli.conftest import Site
from tests.records.examples import CLEAR, answer, encounter, item

Run = Callable[..., tuple[int, str, str]]


def database(site: Site) -> Path:
    return site.folder / "data" / "records.sqlite"


@pytest.fixture
def privacy(run: Run, site: Site) -> Run:
    """The command on a site with two encounters of one person: the second is not sent."""

    async def fill() -> None:
        records = await Records.open(database(site))
        for number in (1, 2):
            given = encounter(number)
            await records.record_encounter(given, item(given))
            await records.record_verdict(given.encounter_id, CLEAR)
        await records.store_answer(answer(encounter(1)), b"<SRE/>")
        await records.release_all()
        await records.close()

    asyncio.run(fill())

    def privacy(command: str, *arguments: str | Path) -> tuple[int, str, str]:
        return run("privacy", command, *arguments, "--config", site.path)

    return privacy


def test_the_report_says_why_and_until_when_and_names_nobody(privacy: Run, site: Site) -> None:
    (database(site).parent / "records.sqlite.data-key").rename(site.folder / "away")
    code, out, _ = privacy("report", "--json")
    told = json.loads(out)
    assert (code, told["counts"]) == (0, {"no_hit": 1, "not_answered": 1})
    assert [one["encounter"] for one in told["encounters"]] == ["E00001", "E00002"]
    assert all(one["until"] for one in told["encounters"])
    code, text, _ = privacy("report")
    assert "the gateway has not answered" in text
    assert not [name for name in ("ERIKSSON", "L898902C3") if name in out + text]


def test_a_persons_data_is_written_down_for_its_purpose(privacy: Run, site: Site) -> None:
    folder = site.folder / "request"
    asked = ("--document", "L898902C3", "--purpose", "request 17")
    assert privacy("export", folder, *asked, "--by", "mjones")[0] == 0
    about = json.loads((folder / "E00001" / "encounter.json").read_text())
    assert about["encounter"]["encounter"]["document"]["surname"] == "ERIKSSON"
    assert (folder / "E00001" / "finger-2.png").read_bytes() == b"print"
    assert (folder / "E00001" / "reply-R1").read_bytes() == b"<SRE/>"
    assert (folder / "E00002" / "sent-UTOE00002").read_bytes() == b"<transaction/>"
    assert {path.stat().st_mode & 0o077 for path in folder.rglob("*")} == {0}
    assert privacy("export", folder, *asked)[0] == 3, "nothing is overwritten"
    assert privacy("export", site.folder / "none", "--surname", "Doe", "--purpose", "request 18")[0] == 1
    with closing(sqlite3.connect(database(site))) as raw:
        said = raw.execute("SELECT subject, actor FROM audit WHERE event = 'person.exported'").fetchall()
    assert said[:2] == [("E00001", "mjones"), ("E00002", "mjones")]
    assert said[-1][0] == "nobody"


def test_erasing_refuses_what_is_held_or_not_sent_and_says_so(privacy: Run) -> None:
    asked = ("--surname", "Eriksson", "--purpose", "request 17", "--json")
    assert privacy("hold", "E00001", "--reason", "order 12")[0] == 0
    code, out, err = privacy("erase", *asked)
    assert (code, sorted(json.loads(out)["refused"])) == (1, ["E00001", "E00002"])
    assert "legal hold" in err
    assert "--unsent" in err
    assert privacy("lift", "E00001", "--reason", "ended")[0] == 0
    assert privacy("lift", "E00001", "--reason", "ended")[0] == 3
    code, out, _ = privacy("erase", *asked, "--unsent", "--dry-run")
    assert json.loads(out)["erased"] == ["E00001", "E00002"]
    code, out, _ = privacy("erase", *asked, "--unsent")
    assert (code, json.loads(out)["erased"]) == (0, ["E00001", "E00002"])
    assert privacy("erase", *asked)[0] == 1
    assert json.loads(privacy("report", "--json")[1])["encounters"] == []


def test_keys_are_made_and_changed(privacy: Run, run: Run, site: Site) -> None:
    code, out, _ = privacy("rotate", "--json")
    assert (code, json.loads(out)["replaced"]) == (0, True)
    assert privacy("erase", "--surname", "Eriksson", "--purpose", "after", "--dry-run")[0] == 0
    assert run("privacy", "make-key", site.folder / "new.key")[0] == 0
    code, out, _ = privacy("rotate", "--to", site.folder / "new.key")
    assert code == 0
    assert "start it again" in out
    asked = ("--surname", "Eriksson", "--purpose", "with the new key", "--dry-run")
    assert privacy("erase", *asked, "--data-key", site.folder / "new.key")[0] == 0
    (site.folder / "new.key").chmod(0o644)
    code, _, err = privacy("erase", *asked, "--data-key", site.folder / "new.key")
    assert (code, "chmod 0600" in err) == (3, True)
