"""The support bundle helps and holds nothing of anybody, not even where a log line broke the rule."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import zipfile
from pathlib import Path

import pytest

from hotspotd.clock import Clock
from hotspotd.health.recent import RecentLogs
from hotspotd.upkeep import bundle
from hotspotd.upkeep.redaction import SET, redacted
from hotspotd.upkeep.scrub import REMOVED, Scrubber, personal_words
from tests.console import kiosk as kiosks
from tests.console.kiosk import SPECIMEN, Kiosk, finger_hit


def read(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name).decode() for name in file.namelist()}


async def test_what_was_planted_is_not_in_the_bundle(tmp_path: Path) -> None:
    async with kiosks.running(tmp_path) as kiosk:
        await plant_and_look(kiosk)


async def plant_and_look(kiosk: Kiosk) -> None:
    picture = b"\xff\xd8planted picture" * 40
    encounter = await kiosk.encounter(face=picture)
    await kiosk.check(encounter, finger_hit())
    recent = RecentLogs()
    logger = logging.getLogger("tests.bundle")
    logger.addHandler(recent)
    try:
        logger.warning("read %s and %s of Anna Eriksson", *SPECIMEN)
        logger.warning("document L898902C3 of badge 4711, born 740812, picture %s", base64.b64encode(picture).decode())
        try:
            int("ERIKSSON was being read")
        except ValueError:
            logger.exception("it broke")
    finally:
        logger.removeHandler(recent)
    counts = await bundle.day_counts(kiosk.records, Clock().now())
    words = await personal_words(kiosk.records)
    facts = {"counts": counts, "note": {"surname": "eriksson", "of": "2026/48213"}}
    files = {"log.txt": bundle.log_text(recent.lines())}
    made = await asyncio.to_thread(bundle.texts, kiosks.config(), "2026-11-22", facts, files)
    contents = read(bundle.packed(made, words))
    for name, text in contents.items():
        for secret in (
            "eriksson",
            "anna",
            "maria",
            "l898902c",
            "740812",
            "4711",
            "48213",
            base64.b64encode(picture)[:40],
        ):
            sought = secret.decode() if isinstance(secret, bytes) else secret
            assert sought.casefold() not in text.casefold(), (name, sought)
    assert "it broke [ValueError at test_bundle.py:" in contents["log.txt"]
    assert contents["log.txt"].count(REMOVED) >= 6
    assert json.loads(contents["counts.json"])["operations"]["adriatic"]["referred"] == 1
    assert json.loads(contents["versions.json"])["packages"]["aiohttp"]


def test_a_configuration_loses_its_secrets_and_places() -> None:
    text = kiosks.CONFIG.format(mode="production").replace(
        'driver = "replay", address = "replay:///none"',
        'driver = "rtsp", address = "rtsp://root:pw1@10.0.0.5/x?pw2=1"',
        1,
    )
    shown = redacted(kiosks.parse(text, Path("test.toml")))
    assert shown["relay"]["key"] == shown["records"]["database"] == SET
    assert shown["device"]["name"] == "korcula-1"
    assert shown["lanes"][0]["camera"]["driver"] == "rtsp"
    assert "pw1" not in json.dumps(shown)
    assert "pw2" not in json.dumps(shown)


@pytest.mark.parametrize(
    "kept",
    [
        "lane-1: scanner: not there [absent]",
        "sha256 " + "a1" * 32,
        "gateway: 401: no [link_refused]",
        "2026-11-22T10:00",
    ],
)
def test_what_is_nobodys_stays(kept: str) -> None:
    assert Scrubber({"ERIKSSON"}).clean(kept) == kept


def test_a_text_that_is_too_long_loses_its_oldest_part() -> None:
    long = "old\n" + "x y " * bundle.MOST_OF_ONE + "newest\n"
    kept = read(bundle.packed({"log.txt": long}, ()))["log.txt"]
    assert len(kept) == bundle.MOST_OF_ONE
    assert kept.endswith("newest\n")
