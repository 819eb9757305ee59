"""The minutiae that two prints have in common, as a page asks for them: where they matched here, and nowhere else."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import msgspec
import numpy as np
import pytest

from hotspotd.biometrics.finger import FingerTemplate
from hotspotd.domain.finger import FingerPosition
from tests.console.kiosk import Kiosk, drawn, finger_hit, png, record
from tests.console.screens.drawn import minutiae

LISTED = record()
KEY = (LISTED.reference, FingerPosition.RIGHT_INDEX)


@pytest.fixture(scope="module")
def templates() -> tuple[FingerTemplate, FingerTemplate]:
    """Two impressions of one finger."""
    return minutiae(3, 1), minutiae(3, 2)


async def detail(client: aiohttp.ClientSession, alert: int | None) -> Any:
    async with client.get(f"/api/alerts/{alert}") as answer:
        assert answer.status == 200
        return await answer.json()


def list_print(kiosk: Kiosk, template: FingerTemplate | None) -> None:
    kiosk.pictures.held[LISTED.reference, "finger", FingerPosition.RIGHT_INDEX] = png(drawn(7))
    if template is not None:
        kiosk.pictures.prints[KEY] = template


async def test_paired_minutiae_of_a_finger_that_matched_here(
    kiosk: Kiosk, templates: tuple[FingerTemplate, FingerTemplate]
) -> None:
    list_print(kiosk, templates[1])
    encounter = await kiosk.encounter(template=templates[0].encode())
    alert = await kiosk.check(encounter, finger_hit(LISTED))
    async with kiosk.client() as client:
        (finger,) = [one for one in (await detail(client, alert))["hits"][0]["pairs"] if one["modality"] == "finger"]
        assert finger["unpaired"] == ""
        async with client.get(finger["minutiae"]) as answer:
            assert answer.status == 200
            found = await answer.json()
        for path in (f"/api/alerts/{alert}/minutiae/other/right_index", finger["minutiae"].replace("right", "left")):
            async with client.get(path) as answer:
                assert answer.status == 404
    assert found["seen"] == [len(templates[0]), len(templates[1])]
    for side, template in zip((found["probe"], found["reference"]), templates, strict=True):
        assert (side["width"], side["height"]) == (template.width, template.height)
        places = np.array(side["points"])
        assert 12 <= len(places) <= len(template)
        nearest = np.hypot(places[:, :1] - template.x, places[:, 1:2] - template.y).min(axis=1)
        assert nearest.max() < 0.1
    assert len(found["probe"]["points"]) == len(found["reference"]["points"])
    await kiosk.records.views_written()
    rows = await kiosk.records._db.rows("SELECT subject, detail FROM audit WHERE event = 'minutiae.viewed'")
    assert [tuple(row) for row in rows] == [(encounter.encounter_id, f"alert {alert} right_index")]


async def test_where_there_are_no_pairs_to_be_had_the_page_is_told_why(
    kiosk: Kiosk, templates: tuple[FingerTemplate, FingerTemplate]
) -> None:
    encounter = await kiosk.encounter(template=templates[0].encode())
    damaged = await kiosk.encounter(template=b"HSFT and nothing else")
    there = await kiosk.answer(encounter, finger_hit(LISTED))
    here = await kiosk.check(damaged, finger_hit(LISTED))
    async with kiosk.client() as client:
        unseen = (await detail(client, here))["hits"][0]["pairs"][1]
        assert (unseen["reference"], unseen["minutiae"], unseen["unpaired"]) == (None, None, "")
        list_print(kiosk, None)
        gateway = (await detail(client, there))["hits"][0]["pairs"][1]
        assert gateway["minutiae"] is None
        assert gateway["unpaired"].startswith("Compared at the gateway")
        address = (await detail(client, here))["hits"][0]["pairs"][1]["minutiae"]
        async with client.get(address) as answer:
            assert answer.status == 204  # the list has the picture and not the print
        list_print(kiosk, templates[1])
        async with client.get(address) as answer:
            assert answer.status == 204  # the template that was stored is damaged


async def test_the_finger_that_was_given_is_shown_beside_the_one_that_is_listed(
    kiosk: Kiosk, templates: tuple[FingerTemplate, FingerTemplate]
) -> None:
    hit = finger_hit(LISTED)
    swapped = msgspec.structs.replace(
        hit.candidates[0], position=FingerPosition.LEFT_INDEX, given=FingerPosition.RIGHT_INDEX
    )
    kiosk.pictures.held[LISTED.reference, "finger", FingerPosition.LEFT_INDEX] = png(drawn(7))
    kiosk.pictures.prints[LISTED.reference, FingerPosition.LEFT_INDEX] = templates[1]
    encounter = await kiosk.encounter(template=templates[0].encode())
    alert = await kiosk.check(encounter, msgspec.structs.replace(hit, candidates=(swapped,)))
    async with kiosk.client() as client:
        finger = (await detail(client, alert))["hits"][0]["pairs"][1]
        assert finger["label"] == "Right index, on the list as left index"
        assert finger["probe"].endswith("/finger/right_index")
        assert finger["reference"].endswith("/finger/left_index")
        async with client.get(finger["minutiae"]) as answer:
            assert len((await answer.json())["probe"]["points"]) >= 12


async def test_eight_pages_at_once_are_all_served(
    kiosk: Kiosk, templates: tuple[FingerTemplate, FingerTemplate]
) -> None:
    list_print(kiosk, templates[1])
    alert = await kiosk.check(await kiosk.encounter(template=templates[0].encode()), finger_hit(LISTED))
    async with kiosk.client() as client:
        path = (await detail(client, alert))["hits"][0]["pairs"][1]["minutiae"]

        async def ask() -> int:
            async with client.get(path) as answer:
                return answer.status

        assert await asyncio.gather(*[ask() for _ in range(8)]) == [200] * 8
