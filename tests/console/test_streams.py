"""Event streams: the present state first, nothing lost by a page that falls behind, an end when the console stops."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hotspotd.console.streams import latest
from hotspotd.domain.finger import FingerPosition, Slap
from hotspotd.domain.verdict import ReferReason
from hotspotd.errors import Reason, RecordsError
from hotspotd.events import AlertChanged, LaneState, LaneView, Missed, PeopleChanged, Prompt
from hotspotd.records.model import EncounterRow
from tests.console.kiosk import Kiosk, finger_hit, running

TRAVELLER_KEYS = {"state", "prompt", "finger", "fingers", "slap", "attempt", "attempts", "time_left_s", "languages"} | {
    "more_time",
    "skips",
}


class Reader:
    """Reads one stream, event by event."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content
        self.ids: list[str] = []

    async def next(self) -> tuple[str, Any]:
        """The next event: its name and its data."""
        name, data = "", b""
        while line := await self._content.readline():
            line = line.rstrip(b"\n")
            if line.startswith(b"id: "):
                self.ids.append(line[4:].decode())
            elif line.startswith(b"event: "):
                name = line[7:].decode()
            elif line.startswith(b"data: "):
                data = line[6:]
            elif not line and name:
                return name, json.loads(data)
        raise EOFError

    async def until(self, wanted: str) -> Any:
        """The data of the next event of this name."""
        while True:
            name, data = await self.next()
            if name == wanted:
                return data


@asynccontextmanager
async def reading(kiosk: Kiosk, path: str) -> AsyncIterator[Reader]:
    async with kiosk.client() as client, client.get(path) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        yield Reader(answer.content)


async def test_a_traveller_page_is_first_told_the_present_state(kiosk: Kiosk) -> None:
    kiosk.lane.show(LaneState.FINGER, Prompt.PLACE_FINGER, finger=FingerPosition.LEFT_THUMB, attempt=2)
    async with reading(kiosk, "/traveller/lane-1/events") as reader:
        assert (await reader.next())[0] == "hello"
        state = await reader.until("state")
        assert state["state"] == "finger"
        assert state["finger"] == "left_thumb"
        assert state["attempt"] == 2
        kiosk.lane.show(LaneState.FINGER, Prompt.PLACE_FINGERS, finger=None, fingers=Slap.THUMBS.fingers)
        state = await reader.until("state")
        assert (state["finger"], state["fingers"], state["slap"]) == (None, ["left_thumb", "right_thumb"], "thumbs")
        kiosk.lane.show(LaneState.CHECKING, Prompt.WAIT)
        state = await reader.until("state")
        assert (state["prompt"], state["fingers"], state["slap"]) == ("wait", [], None)


async def test_a_traveller_page_hears_nothing_of_another_lane(kiosk: Kiosk) -> None:
    async with reading(kiosk, "/traveller/lane-1/events") as reader:
        await reader.until("state")
        kiosk.lanes["lane-2"].show(LaneState.GO, Prompt.THANK_YOU)
        kiosk.lane.show(LaneState.FACE, Prompt.HOLD_STILL)
        assert (await reader.until("state"))["state"] == "face"


async def test_a_traveller_page_is_told_nothing_confidential(kiosk: Kiosk) -> None:
    async with reading(kiosk, "/traveller/lane-1/events") as reader:
        await reader.until("state")
        encounter = await kiosk.encounter()
        kiosk.lane.show(
            LaneState.OFFICER, Prompt.WAIT, encounter_id=encounter.encounter_id, nationality="FRA", attempt=3
        )
        await kiosk.check(encounter, finger_hit())
        kiosk.link(up=False)
        kiosk.lane.show(LaneState.IDLE, Prompt.PLACE_DOCUMENT)
        told = [await reader.next() for _ in range(2)]
    assert [name for name, _ in told] == ["state", "state"]
    for _, data in told:
        assert set(data) == TRAVELLER_KEYS
        assert encounter.encounter_id not in json.dumps(data)
        assert "FRA" not in json.dumps(data)


async def test_an_officer_looks_the_same_to_the_traveller_whatever_the_reason(kiosk: Kiosk) -> None:
    async with reading(kiosk, "/traveller/lane-1/events") as reader:
        await reader.until("state")
        # As a lane might publish them after a hit, after three bad prints, and when help was asked for.
        kiosk.lane.show(LaneState.OFFICER, Prompt.WAIT, encounter_id="e", time_left_s=8.0)
        kiosk.lane.show(LaneState.OFFICER, Prompt.FINGER_AGAIN, finger=FingerPosition.RIGHT_INDEX, attempt=3)
        kiosk.lane.show(LaneState.OFFICER, Prompt.OFFICER_COMES)
        states = [await reader.until("state") for _ in range(3)]
    assert states[0] == states[1] == states[2]


async def test_time_left_counts_on_for_a_page_that_connects_later(tmp_path: Path) -> None:
    from hotspotd.console.traveller import LaneWatch
    from hotspotd.events import Events
    from tests.console.kiosk import ScriptedLane

    now = 100.0
    events = Events()
    watch = LaneWatch(events, lambda: now)
    watching = asyncio.create_task(watch.run())
    await asyncio.sleep(0)
    ScriptedLane("lane-1", events).show(LaneState.FACE, Prompt.LOOK_AT_CAMERA, time_left_s=60.0)
    await asyncio.sleep(0)
    now = 142.0
    view = watch.view("lane-1")
    assert view is not None
    assert view.time_left_s == 18.0
    watching.cancel()


async def test_an_officers_page_is_first_told_everything_then_what_changes(kiosk: Kiosk) -> None:
    encounter = await kiosk.encounter()
    await kiosk.check(encounter, finger_hit())
    async with reading(kiosk, "/guard/events") as reader:
        name, state = await reader.next()
        assert name == "state"
        assert [lane["name"] for lane in state["lanes"]] == ["lane-1", "lane-2"]
        assert len(state["lanes"][0]["devices"]) == 3
        assert state["link"]["up"] is True
        assert [alert["heading"] for alert in state["alerts"]] == ["Red notice"]
        assert state["recent"][0]["local_outcome"] == "refer"
        other = await kiosk.encounter("lane-2")
        await kiosk.check(other, trouble=(ReferReason.DOCUMENT_UNREADABLE,))
        recent = await reader.until("recent")
        assert recent[0]["encounter_id"] == other.encounter_id
        alerts = await reader.until("alerts")
        assert [alert["tone"] for alert in alerts] == ["red", "trouble"]
        assert len(set(reader.ids)) == len(reader.ids)


async def test_a_page_that_fell_behind_is_told_the_present_state_again(kiosk: Kiosk) -> None:
    async with reading(kiosk, "/guard/events") as reader:
        await reader.until("state")
        # More than a subscription holds, published without letting the stream take any.
        for number in range(600):
            kiosk.lane.show(LaneState.FACE, Prompt.HOLD_STILL, attempt=number)
        kiosk.lane.show(LaneState.GO, Prompt.THANK_YOU)
        again = await reader.until("state")
    assert again["lanes"][0]["view"]["state"] == "go"


async def test_a_silent_stream_beats(tmp_path: Path) -> None:
    async with running(tmp_path, beat_s=0.02) as kiosk, reading(kiosk, "/traveller/lane-1/events") as reader:
        assert await reader.until("beat") == {}
        assert await reader.until("beat") == {}


async def test_stopping_ends_open_streams(tmp_path: Path) -> None:
    async with running(tmp_path) as kiosk, kiosk.client() as client, client.get("/guard/events") as answer:
        reader = Reader(answer.content)
        await reader.until("state")
        await kiosk.console.stop()
        with pytest.raises(EOFError):
            await reader.next()


async def test_streams_over_the_limit_are_refused_and_a_closed_one_makes_room(tmp_path: Path) -> None:
    async with running(tmp_path, streams=1, beat_s=0.02) as kiosk, kiosk.client() as client:
        async with client.get("/guard/events") as first:
            await Reader(first.content).until("state")
            async with client.get("/traveller/lane-1/events") as second:
                assert second.status == 503
                assert second.headers["Retry-After"]
        # The server learns that a reader has gone when it next writes to it.
        async with asyncio.timeout(10):
            while True:
                async with client.get("/traveller/lane-1/events") as third:
                    if third.status == 200:
                        break
                await asyncio.sleep(0.02)


async def test_a_stream_that_cannot_read_the_records_ends_so_that_its_page_comes_back(
    kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(limit: int = 20) -> list[EncounterRow]:
        raise RecordsError(Reason.STORAGE_FAILED, "records: read: disk I/O error")

    encounter = await kiosk.encounter()
    async with reading(kiosk, "/guard/events") as reader:
        await reader.until("state")
        monkeypatch.setattr(kiosk.records, "recent", broken)
        await kiosk.check(encounter)
        with pytest.raises(EOFError):
            await reader.until("recent")


def test_of_what_waits_together_the_last_word_on_each_thing_is_said() -> None:
    def lane(name: str, prompt: Prompt) -> LaneView:
        return LaneView(lane=name, state=LaneState.FACE, prompt=prompt)

    def alert(number: int) -> AlertChanged:
        return AlertChanged(alert_id=number, encounter_id="e", state="open")

    first, closer, still = lane("1", Prompt.LOOK_AT_CAMERA), lane("1", Prompt.COME_CLOSER), lane("1", Prompt.HOLD_STILL)
    other = lane("2", Prompt.WAIT)
    # Each step of a lane is shown, however short.
    assert latest([first, alert(1), other, alert(2), closer, still]) == [first, other, alert(2), closer, still]
    # What is missed is read anew; what comes after it is newer.
    assert latest([first, Missed(), alert(3)]) == [Missed(), alert(3)]
    assert latest([PeopleChanged(), PeopleChanged()]) == [PeopleChanged(), PeopleChanged()]
