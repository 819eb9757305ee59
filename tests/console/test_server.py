"""Who may ask what of the console, and how it answers."""

from __future__ import annotations

import aiohttp
import pytest

from hotspotd.console.safeguards import SECURITY_HEADERS
from hotspotd.events import LaneState, Prompt
from tests.console.kiosk import Kiosk

PAGES = ("/", "/guard", "/traveller/lane-1", "/guard/state", "/static/guard.js", "/traveller/lane-1/words.json")


@pytest.mark.parametrize("path", [*PAGES, "/nothing", "/traveller/none"])
async def test_every_answer_carries_the_security_headers(kiosk: Kiosk, path: str) -> None:
    async with kiosk.client() as client, client.get(path) as answer:
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name] == value
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", "/guard", "/traveller/lane-1"])
async def test_pages_have_no_inline_script_or_style_and_load_nothing_from_elsewhere(kiosk: Kiosk, path: str) -> None:
    async with kiosk.client() as client, client.get(path) as answer:
        text = await answer.text()
    assert answer.status == 200
    assert " style=" not in text
    assert "<style" not in text
    assert " onclick" not in text
    assert "<script>" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


async def test_a_post_of_another_origin_is_refused(kiosk: Kiosk) -> None:
    async with aiohttp.ClientSession(kiosk.origin) as client:
        for origin in ("http://elsewhere.test", "null", f"{kiosk.origin}0"):
            async with client.post("/api/lanes/lane-1/help", headers={"Origin": origin}) as answer:
                assert answer.status == 403
        async with client.post("/api/lanes/lane-1/help") as answer:
            assert answer.status == 403
    assert kiosk.lane.asked == []


@pytest.mark.parametrize("path", ["/guard/state", "/guard", "/traveller/lane-1/events"])
async def test_a_request_under_a_foreign_name_is_refused(kiosk: Kiosk, path: str) -> None:
    async with kiosk.client() as client, client.get(path, headers={"Host": "rebound.test"}) as answer:
        assert answer.status == 403


async def test_help_more_time_and_next_reach_the_lane(kiosk: Kiosk) -> None:
    async with kiosk.client() as client:
        for act in ("help", "more-time", "next"):
            async with client.post(f"/api/lanes/lane-1/{act}") as answer:
                assert answer.status == 204
        async with client.post("/api/lanes/none/help") as answer:
            assert answer.status == 404
    assert kiosk.lane.asked == ["help", "more_time", "next"]


async def test_a_request_that_is_too_large_is_refused(kiosk: Kiosk) -> None:
    async with kiosk.client() as client, client.post("/api/alerts/1/decision", data=b"x" * 100_000) as answer:
        assert answer.status == 413


async def test_static_files_are_checked_again_but_not_sent_again(kiosk: Kiosk) -> None:
    async with kiosk.client() as client:
        async with client.get("/static/tokens.css") as answer:
            tag = answer.headers["ETag"]
            assert answer.headers["Cache-Control"] == "no-cache"
        async with client.get("/static/tokens.css", headers={"If-None-Match": tag}) as answer:
            assert answer.status == 304
        async with client.get("/static/..%2fserver.py") as answer:
            assert answer.status == 404


async def test_the_mirror_shows_pictures_only_while_the_face_is_taken(kiosk: Kiosk) -> None:
    import numpy as np

    kiosk.lane.sees(np.zeros((720, 1280, 3), np.uint8))
    async with kiosk.client() as client:
        async with client.get("/traveller/lane-1/mirror.jpg") as answer:
            assert answer.status == 204
        kiosk.lane.show(LaneState.FACE, Prompt.LOOK_AT_CAMERA)
        async with client.get("/traveller/lane-1/mirror.jpg") as answer:
            assert answer.status == 200
            assert answer.content_type == "image/jpeg"
            assert answer.headers["Cache-Control"] == "no-store"
            picture = await answer.read()
        kiosk.lane.sees(None)
        async with client.get("/traveller/lane-1/mirror.jpg") as answer:
            assert answer.status == 204
    import cv2

    shape = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR).shape  # type: ignore[union-attr]
    assert shape == (360, 640, 3)


async def test_the_mirror_shows_the_cameras_own_preview_where_there_is_one(kiosk: Kiosk) -> None:
    import cv2
    import numpy as np

    kiosk.lane.sees(np.zeros((720, 1280, 3), np.uint8), np.full((180, 320, 3), 255, np.uint8))
    kiosk.lane.show(LaneState.FACE, Prompt.LOOK_AT_CAMERA)
    async with kiosk.client() as client, client.get("/traveller/lane-1/mirror.jpg") as answer:
        picture = cv2.imdecode(np.frombuffer(await answer.read(), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (180, 320, 3)
    assert picture.min() > 250
