"""Officers' acts at a lane, as pages and programs ask for them."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from hotspotd.console import officer_view
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.officer import REASONS, LaneAct, OfficerAct
from hotspotd.events import LaneState, Prompt
from tests.console.kiosk import BADGE, Kiosk


async def act(client: aiohttp.ClientSession, lane: str, **wish: Any) -> int:
    async with client.post(f"/api/lanes/{lane}/acts", json=wish) as answer:
        return answer.status


async def test_an_act_reaches_the_lane_with_who_asked_and_why(kiosk: Kiosk) -> None:
    kiosk.lane.show(LaneState.FINGER, Prompt.PLACE_FINGER, finger=FingerPosition.RIGHT_INDEX)
    async with kiosk.client() as client:
        assert await act(client, "lane-1", act="take_over") == 204
        skip = {"act": "skip_finger", "fingers": ["right_index"], "reason": "bandaged", "note": "both\nhands"}
        assert await act(client, "lane-1", **skip) == 204
        async with client.get("/guard/state") as answer:
            desk = (await answer.json())["lanes"][0]["desk"]
    order = kiosk.lane.orders[-1]
    assert (order.by, order.reason, order.note) == (f"badge {BADGE}", "bandaged", "both hands")
    assert order.fingers == (FingerPosition.RIGHT_INDEX,)
    assert desk["holder"] == f"badge {BADGE}"


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"act": "go_on"}, 409),
        ({"act": "arrest"}, 400),
        ({"act": "take_over", "force": True}, 400),
        ({"act": "skip_finger", "fingers": ["sixth"]}, 400),
        ({"act": "type_document", "lines": ["X"] * 4}, 400),
        ({"act": "take_over", "note": "x" * 201}, 400),
    ],
)
async def test_what_makes_no_sense_or_comes_too_late_is_refused(
    kiosk: Kiosk, wish: dict[str, Any], status: int
) -> None:
    async with kiosk.client() as client:
        assert await act(client, "lane-1", **wish) == status
        assert await act(client, "none", **wish) == 404
    assert kiosk.lane.orders == []


def test_there_are_words_for_every_act_and_reason() -> None:
    for one in LaneAct:
        for reason, words in {"": "", **REASONS.get(one, {})}.items():
            done = OfficerAct(act=one, by="badge 1042", at="", reason=reason, fingers=(FingerPosition.LEFT_LITTLE,))
            (line,) = officer_view.lines((done,))
            assert line.startswith("Officer, badge 1042: ")
            assert words in line
            assert "_" not in line
