"""A lane whose document reader is a camera: pages are laid before it, turned, and taken away."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.document import mrz_camera
from hotspotd.devices.zones import document_reader
from hotspotd.domain.document import DocumentFormat
from hotspotd.domain.verdict import Outcome
from hotspotd.events import LaneState, Prompt
from hotspotd.mrz.drawing.camera import Shot
from hotspotd.mrz.drawing.grounds import Ground
from hotspotd.mrz.drawing.page import Paper, page, portrait
from hotspotd.mrz.drawing.printing import Press
from hotspotd.mrz.drawing.view import Pose, look, table
from hotspotd.mrz.watch import zone_reader
from hotspotd.watchlist import Snapshot
from tests.lane.harness import LaneOnTheBench, lane_on_the_bench, mrz

_SIZE = (960, 640)


def seen(lines: tuple[str, ...] | None, turn: float = 0.05) -> NDArray[np.uint8]:
    """What the camera sees: a page with these lines on a desk, or the desk."""
    rng = np.random.default_rng(5)
    shot = Shot(blur=0.6, noise=0.01, jpeg=90)
    if lines is None:
        return (table(rng, _SIZE) * 255).astype(np.uint8)
    sheet = page(rng, DocumentFormat.TD3, lines, Paper(Press(), ground=Ground.ROSETTES), portrait(1))
    return look(rng, sheet, _SIZE, Pose(0.85, turn), shot)


async def show(folder: Path, picture: NDArray[np.uint8]) -> None:
    """From now on the camera sees ``picture``."""
    fresh = folder / "fresh"
    coded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
    await asyncio.to_thread(fresh.write_bytes, coded)
    await asyncio.to_thread(fresh.replace, folder / "picture.png")


async def numbers(bench: LaneOnTheBench) -> list[str]:
    """The document numbers of all encounters, the newest first."""
    rows = await bench.records.recent(9)
    stored = [(await bench.records.encounter(row.encounter_id)).encounter for row in rows]
    return [one.document.number for one in stored if one.document is not None]


@pytest.mark.timeout(180)
async def test_documents_laid_before_the_camera_are_read_once_each(tmp_path: Path, snapshot: Snapshot) -> None:
    folder = tmp_path / "document"
    await asyncio.to_thread(folder.mkdir)
    await show(folder, seen(None))
    await asyncio.to_thread(zone_reader)
    address = f"replay://{folder}?fps=10"
    reader = partial(document_reader, "mrz-camera", address)
    options: dict[str, object] = {"fingers": ()}
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation=options, document=reader) as bench:
        await show(folder, await asyncio.to_thread(seen, mrz(number="X1000001")))
        await bench.until_state(LaneState.GO, Prompt.THANK_YOU)
        await bench.until_state(LaneState.IDLE)
        assert (await bench.latest()).local_outcome == Outcome.CLEAR
        # Upside down, and another one: it was swapped under the camera.
        await show(folder, await asyncio.to_thread(seen, mrz(number="Y2000002", birth_date="850101"), np.pi))
        await bench.until_state(LaneState.GO, Prompt.THANK_YOU)
        await bench.until_state(LaneState.IDLE)
        assert await numbers(bench) == ["Y2000002", "X1000001"]


def test_a_document_counts_once_until_it_was_away() -> None:
    presence, lines = mrz_camera.Presence(), mrz()
    assert presence.saw(True, None, 0.0) is None
    assert presence.saw(True, lines, 0.2) == lines
    assert presence.saw(True, lines, 1.0) is None
    assert presence.saw(False, None, 2.0) is None
    assert presence.saw(True, lines, 2.5) is None
    # Missed once by a slow look is not away.
    assert presence.saw(False, None, 3.0) is None
    assert presence.saw(True, lines, 3.1 + mrz_camera.GONE_S) is None
    for second in range(mrz_camera.GONE_LOOKS):
        assert presence.saw(False, None, 10.0 + second) is None
    assert presence.saw(True, lines, 10.1 + mrz_camera.GONE_S) == lines


def test_a_slow_look_does_not_make_a_document_another() -> None:
    presence, lines = mrz_camera.Presence(), mrz()
    assert presence.saw(True, lines, 0.0) == lines
    assert presence.saw(True, lines, 60.0) is None


def test_another_document_counts_at_once_and_a_slip_of_one_character_is_none() -> None:
    presence, lines = mrz_camera.Presence(), mrz()
    slip = (lines[0].replace("ELENA", "ELEMA"), lines[1])
    other = mrz(number="Y2000002", birth_date="850101")
    assert presence.saw(True, lines, 0.0) == lines
    assert presence.saw(True, slip, 0.2) is None
    assert presence.saw(True, other, 0.4) == other
    assert presence.saw(True, lines, 0.6) == lines
