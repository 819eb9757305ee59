"""What a technician reads and does: links, outbox, devices and versions; rows queued again; nothing personal."""

from __future__ import annotations

import json

import pytest

from hotspotd.console.technician import why
from hotspotd.records.model import OutboxState
from tests.console.kiosk import Kiosk
from tests.console.screens import links


async def test_the_state_holds_links_outbox_devices_list_and_versions_and_nobody(kiosk: Kiosk) -> None:
    await links.set_aside(kiosk)
    async with kiosk.client() as client, client.get("/technician/state") as answer:
        assert answer.status == 200
        text = await answer.text()
    state = json.loads(text)
    assert state["outbox"]["states"]["quarantined"] == 3
    assert state["outbox"]["waiting"] == {"live": 0, "decision": 0, "backlog": 0, "statistics": 0, "log": 0}
    first = state["outbox"]["aside"][0]
    assert (first["why"], first["link"]) == ("The gateway cannot read it, or it is not by its rules.", "fibre")
    assert [route["name"] for route in state["link"]["routes"]] == ["fibre", "lte", "satellite"]
    assert state["watchlist"]["version"] == "2026-11-21"
    assert [lane["name"] for lane in state["lanes"]] == ["lane-1", "lane-2"]
    assert state["version"]
    for secret in ("ERIKSSON", "L898902C", "1974", "-enc"):
        assert secret not in text


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("gateway: no [too_large]", "It is larger than the gateway takes."),
        ("gateway: no [conflict]: advice", "The gateway knows its number with other content."),
        ("gateway: no [link_protocol]", "The gateway has answered again and again without taking it."),
        ("", "The gateway has answered again and again without taking it."),
    ],
)
def test_why_a_row_was_set_aside_is_said_in_words(error: str, words: str) -> None:
    assert why(error) == words


async def test_a_row_is_queued_again_once_and_by_a_page_of_the_kiosk_only(kiosk: Kiosk) -> None:
    await links.set_aside(kiosk)
    (row, *_) = await kiosk.records.outbox_rows([OutboxState.QUARANTINED])
    path = f"/api/outbox/{row.tcn}/retry"
    async with kiosk.client() as client:
        async with client.post(path, headers={"Origin": "http://evil.test"}) as answer:
            assert answer.status == 403
        assert (await kiosk.records.outbox_item(row.tcn)).state is OutboxState.QUARANTINED
        async with client.post(path) as answer:
            assert answer.status == 200
            assert (await answer.json())["outbox"]["states"]["quarantined"] == 2
        assert (await kiosk.records.outbox_item(row.tcn)).state is OutboxState.QUEUED
        async with client.post(path) as answer:
            assert answer.status == 409
        async with client.post("/api/outbox/NONE/retry") as answer:
            assert answer.status == 404
