"""Zones in drawn camera pictures: found, read, refused."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.errors import DocumentError, Reason
from hotspotd.mrz import zone
from hotspotd.mrz.drawing import font
from hotspotd.mrz.drawing.sets import Hardness, document, zone_alone
from hotspotd.mrz.locate import Locator, Rough
from hotspotd.mrz.recogniser import Recogniser
from hotspotd.mrz.watch import Watch, ZoneReader


@pytest.fixture(scope="module")
def reader() -> ZoneReader:
    return ZoneReader()


@pytest.mark.parametrize("number", range(5))
def test_a_document_of_each_layout_is_read(reader: ZoneReader, number: int) -> None:
    shown = document(Hardness.EASY, number)
    reading = reader.read(shown.frames[0])
    assert reading is not None
    assert (reading.layout, reading.lines) == (shown.layout, shown.lines)


@pytest.mark.parametrize("turn", [cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE])
def test_a_document_is_read_whichever_way_round_it_lies(reader: ZoneReader, turn: int) -> None:
    shown = document(Hardness.EASY, 7)
    reading = reader.read(np.asarray(cv2.rotate(shown.frames[0], turn), np.uint8))
    assert reading is not None
    assert reading.lines == shown.lines


class _Misled(Locator):
    """Sees lines between the lines, too."""

    def candidates(self, grey: NDArray[np.uint8]) -> list[Rough]:
        found = super().candidates(grey)
        first = found[0]
        beside = next(one for one in found if np.hypot(one.x - first.x, one.y - first.y) > 2 * first.cell)
        off_x, off_y = beside.x - first.x, beside.y - first.y
        return [*found, *(replace(first, x=first.x + way * off_x, y=first.y + way * off_y) for way in (0.4, 0.6))]


def test_a_false_line_between_two_hides_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zone, "runs", lambda _: [])
    shown = document(Hardness.EASY, 2)
    grey = np.asarray(cv2.cvtColor(shown.frames[0], cv2.COLOR_RGB2GRAY), np.uint8)
    sight = zone.find_zone(grey, _Misled(), Recogniser())
    assert sight is not None
    assert tuple(line.text for line in sight.lines) == shown.lines


def test_half_a_zone_is_none(reader: ZoneReader) -> None:
    shown = document(Hardness.EASY, 2)
    covered = shown.frames[0].copy()
    covered[:, :640] = 120
    reading = reader.read(covered)
    assert reading is None or not reading.read


def test_a_picture_without_a_document_holds_no_zone(reader: ZoneReader) -> None:
    desk = np.random.default_rng(3).normal(128, 20, (720, 1280, 3)).clip(0, 255).astype(np.uint8)
    assert reader.read(desk) is None


def test_several_pictures_give_the_document(reader: ZoneReader) -> None:
    shown = document(Hardness.EASY, 3, frames=4)
    watch = Watch(reader)
    glances = [watch.look(frame) for frame in shown.frames]
    assert all(glance.in_view for glance in glances)
    assert glances[0].lines is None
    assert glances[-1].lines == shown.lines


def test_of_hard_zones_none_is_given_that_is_wrong(reader: ZoneReader) -> None:
    given = 0
    for number in range(40):
        shown = zone_alone(Hardness.HARD, number)
        reading = reader.read(shown.frames[0])
        if reading is not None and reading.read:
            given += 1
            assert reading.lines == shown.lines
    assert given >= 10


def test_the_sets_are_the_same_each_time() -> None:
    one, other = (document(Hardness.HARD, 11, frames=2) for _ in range(2))
    assert one.lines == other.lines
    assert all(np.array_equal(a, b) for a, b in zip(one.frames, other.frames, strict=True))


def test_a_missing_font_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(font, "FOLDER", font.FOLDER / "elsewhere")
    font.glyphs.cache_clear()
    with pytest.raises(DocumentError) as caught:
        font.glyphs(font.Cut.REGULAR, 16)
    assert caught.value.reason is Reason.NOT_FOUND
    assert "fonts-ocr-b" in caught.value.advice
