"""An officer takes a traveller over: retries, what is gone on without, and what comes too late."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.domain.document import Document
from hotspotd.domain.encounter import Encounter
from hotspotd.domain.finger import FingerPosition, MissingReason
from hotspotd.domain.officer import LaneAct
from hotspotd.domain.verdict import Outcome, ReferReason
from hotspotd.errors import LaneError, Reason, RecordsError
from hotspotd.events import DeskView, LaneState, Prompt
from hotspotd.watchlist import Snapshot
from tests.lane.harness import LaneOnTheBench, lane_on_the_bench, mrz

Image = NDArray[np.uint8]
INDEX, MIDDLE = FingerPosition.RIGHT_INDEX, FingerPosition.RIGHT_MIDDLE
TWO = {"fingers": ("right_index", "right_middle")}
NO_FINGERS: dict[str, object] = {"fingers": ()}


async def stored(bench: LaneOnTheBench) -> tuple[Encounter, tuple[ReferReason, ...]]:
    """The newest encounter, and why its traveller is referred."""
    found = await bench.records.encounter((await bench.latest()).encounter_id)
    assert found.verdict is not None
    assert found.verdict.outcome is (Outcome.REFER if found.verdict.reasons else Outcome.CLEAR)
    return found.encounter, found.verdict.reasons


async def refused(bench: LaneOnTheBench, act: LaneAct, why: Reason = Reason.CONFLICT, **more: object) -> None:
    with pytest.raises(LaneError) as caught:
        await bench.order(act, **more)
    assert caught.value.reason is why


async def entries(bench: LaneOnTheBench) -> list[tuple[str, str, str]]:
    """Officers' acts as the audit chain has them: event, who, detail."""
    rows = await bench.records._db.rows("SELECT event, actor, detail FROM audit WHERE event LIKE 'lane.%' ORDER BY seq")
    return [(row["event"], row["actor"], row["detail"].partition(" note=")[0]) for row in rows]


def desk(bench: LaneOnTheBench) -> DeskView:
    return next(event for event in bench.events.present() if isinstance(event, DeskView))


async def at_the_fingers(bench: LaneOnTheBench) -> None:
    await bench.reader.present(mrz())
    await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)


async def test_a_finger_is_skipped_with_a_reason_and_recorded_as_missing(
    tmp_path: Path, snapshot: Snapshot, print_image: Image
) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation=TWO) as bench:
        await at_the_fingers(bench)
        await bench.order(LaneAct.TAKE_OVER)
        view = await bench.until_state(LaneState.OFFICER)
        assert (view.prompt, view.finger) == (Prompt.OFFICER_COMES, None)
        await refused(bench, LaneAct.SKIP_FINGER, Reason.BAD_VALUE, fingers=(INDEX,))
        await refused(bench, LaneAct.SKIP_FINGER, Reason.BAD_VALUE, fingers=(FingerPosition.LEFT_INDEX,), reason="worn")
        await bench.order(LaneAct.SKIP_FINGER, fingers=(INDEX,), reason="bandaged", note="since Monday")
        await bench.order(LaneAct.GO_ON)
        asked = await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        assert asked.finger is MIDDLE
        await bench.touch(print_image)
        await bench.until_state(LaneState.OFFICER)
        encounter, reasons = await stored(bench)
        assert ReferReason.OFFICER_OVERRIDE in reasons
        missing = [(one.position, one.missing) for one in encounter.samples if one.missing]
        assert missing == [(INDEX, MissingReason.UNABLE)]
        assert [(act.act, act.by, act.reason) for act in encounter.officer] == [
            (LaneAct.TAKE_OVER, "badge 4711", ""),
            (LaneAct.SKIP_FINGER, "badge 4711", "bandaged"),
            (LaneAct.GO_ON, "badge 4711", ""),
        ]
        assert await entries(bench) == [
            ("lane.take_over", "badge 4711", "lane-1"),
            ("lane.skip_finger", "badge 4711", "lane-1 bandaged right_index"),
            ("lane.go_on", "badge 4711", "lane-1"),
        ]


async def test_an_interrupted_finger_is_taken_anew_and_a_retry_alone_may_clear(
    tmp_path: Path, partial_print: Image, print_image: Image, nobody_listed: Snapshot
) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: nobody_listed) as bench:
        await at_the_fingers(bench)
        await bench.touch(partial_print)
        await bench.until(lambda event: getattr(event, "attempt", 0) == 2)
        await bench.order(LaneAct.TAKE_OVER)
        await bench.order(LaneAct.RETRY_FINGERS, fingers=(INDEX,))
        asked = await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        assert (asked.attempt, desk(bench).holder) == (1, "badge 4711")
        await bench.touch(print_image)
        await bench.until_state(LaneState.GO)
        encounter, reasons = await stored(bench)
        assert (reasons, len(encounter.samples)) == ((), 1)
        await bench.until_state(LaneState.IDLE)
        assert desk(bench).holder == ""


async def test_what_failed_three_times_is_taken_again_as_an_encounter_of_its_own(
    tmp_path: Path, nobody_listed: Snapshot, partial_print: Image, print_image: Image
) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: nobody_listed, operation={"attempts": 1}) as bench:
        await at_the_fingers(bench)
        await bench.touch(partial_print)
        await bench.until_state(LaneState.OFFICER)
        first, reasons = await stored(bench)
        assert reasons == (ReferReason.FINGER_NOT_CAPTURED,)
        await refused(bench, LaneAct.RETRY_FINGERS)
        await bench.order(LaneAct.TAKE_OVER)
        # Nothing is new: there is nothing to go on with, nor to write down.
        assert LaneAct.GO_ON not in desk(bench).acts
        await bench.order(LaneAct.RETRY_FINGERS)
        await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        await bench.touch(print_image)
        await bench.until_state(LaneState.OFFICER)
        second, reasons = await stored(bench)
        # The officer has the traveller in hand: the machine lets nobody go behind them.
        assert reasons == (ReferReason.TAKEN_OVER,)
        assert second.encounter_id != first.encounter_id
        assert second.document == first.document
        held = await bench.records.encounter(first.encounter_id)
        assert held.released_at is None
        await bench.order(LaneAct.NEXT)
        await bench.until_state(LaneState.IDLE)
        for one in (first, second):
            assert (await bench.records.encounter(one.encounter_id)).released_at is not None


async def test_a_traveller_who_is_only_looked_after_is_not_written_down_twice(
    tmp_path: Path, nobody_listed: Snapshot
) -> None:
    async with lane_on_the_bench(tmp_path, operation=NO_FINGERS) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.OFFICER)
        await bench.order(LaneAct.TAKE_OVER)
        await bench.order(LaneAct.END, reason="by_hand")
        await bench.until_state(LaneState.IDLE)
        (row,) = await bench.records.recent(5)
        assert row.released_at is not None


async def test_an_ended_visit_is_written_down_searched_and_referred(tmp_path: Path, nobody_listed: Snapshot) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: nobody_listed) as bench:
        await at_the_fingers(bench)
        await bench.order(LaneAct.TAKE_OVER)
        await refused(bench, LaneAct.END, Reason.BAD_VALUE)
        await bench.order(LaneAct.END, reason="left")
        await bench.until_state(LaneState.IDLE)
        encounter, reasons = await stored(bench)
        assert reasons == (ReferReason.OFFICER_OVERRIDE,)
        assert encounter.officer[-1].reason == "left"
        (alert,) = await bench.records.alerts()
        assert alert.encounter_id == encounter.encounter_id


async def test_a_zone_is_typed_where_the_reader_does_not_read_it(tmp_path: Path, snapshot: Snapshot) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation=NO_FINGERS) as bench:
        # Nobody is in the lane: the officer begins a visit.
        await bench.order(LaneAct.TAKE_OVER)
        wrong = {"lines": mrz(right=False), "reason": "zone_damaged"}
        await refused(bench, LaneAct.TYPE_DOCUMENT, Reason.BAD_VALUE, **wrong)
        await refused(bench, LaneAct.TYPE_DOCUMENT, Reason.BAD_VALUE, lines=("X" * 2000,), reason="zone_damaged")
        await bench.order(LaneAct.TYPE_DOCUMENT, lines=mrz(number="STOLEN1"), reason="zone_damaged")
        await bench.order(LaneAct.GO_ON)
        await bench.until_state(LaneState.CHECKING)
        await bench.until_state(LaneState.OFFICER)
        encounter, reasons = await stored(bench)
        assert isinstance(encounter.document, Document)
        assert encounter.document.number == "STOLEN1"
        # What was typed is searched like what was read.
        assert reasons == (ReferReason.HIT, ReferReason.OFFICER_OVERRIDE)


async def test_what_speaks_against_a_traveller_is_not_undone_by_another_try(
    tmp_path: Path, nobody_listed: Snapshot
) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: nobody_listed) as bench:
        await bench.reader.present(mrz(expiry="200101"))
        await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        await bench.order(LaneAct.TAKE_OVER)
        await bench.order(LaneAct.RETRY_DOCUMENT)
        await bench.until_state(LaneState.DOCUMENT, Prompt.PLACE_DOCUMENT)
        # Another document, which is in order.
        await bench.reader.present(mrz(birth_date="180101"))
        await bench.until_state(LaneState.CHECKING)
        await bench.until_state(LaneState.OFFICER)
        encounter, reasons = await stored(bench)
        assert encounter.document is not None
        assert encounter.document.sound
        assert reasons == (ReferReason.DOCUMENT_EXPIRED,)


async def test_a_visit_begun_by_mistake_leaves_nothing_but_the_audit_chain(tmp_path: Path) -> None:
    async with lane_on_the_bench(tmp_path) as bench:
        await bench.order(LaneAct.TAKE_OVER)
        await bench.until_state(LaneState.OFFICER)
        await bench.order(LaneAct.END, reason="mistake")
        await bench.until_state(LaneState.IDLE)
        assert await bench.records.recent(5) == []
        assert [event for event, _, _ in await entries(bench)] == ["lane.take_over", "lane.end"]


async def test_only_who_has_the_lane_in_hand_acts_on_it(tmp_path: Path) -> None:
    async with lane_on_the_bench(tmp_path) as bench:
        await bench.order(LaneAct.TAKE_OVER)
        await refused(bench, LaneAct.TAKE_OVER)
        await refused(bench, LaneAct.END, by="badge 1042", reason="mistake")
        await bench.order(LaneAct.TAKE_OVER, by="badge 1042")
        assert desk(bench).holder == "badge 1042"
        await bench.order(LaneAct.END, by="badge 1042", reason="mistake")


async def test_what_comes_when_the_lane_has_gone_on_is_refused(tmp_path: Path, snapshot: Snapshot) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation=NO_FINGERS) as bench:
        await refused(bench, LaneAct.NEXT)
        await refused(bench, LaneAct.SKIP_FINGER, fingers=(INDEX,), reason="worn")
        # Two at once: one of them has the lane, the other one is told so.
        both = await asyncio.gather(
            bench.order(LaneAct.TAKE_OVER), bench.order(LaneAct.TAKE_OVER, by="badge 1042"), return_exceptions=True
        )
        assert [type(one) for one in both] == [type(None), LaneError]
        await bench.order(LaneAct.END, reason="mistake")
        await bench.until_state(LaneState.IDLE)


async def test_a_closed_lane_serves_its_traveller_and_takes_no_other(tmp_path: Path, nobody_listed: Snapshot) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: nobody_listed) as bench:
        await at_the_fingers(bench)
        await refused(bench, LaneAct.CLOSE, Reason.BAD_VALUE)
        await bench.order(LaneAct.CLOSE, reason="break")
        await refused(bench, LaneAct.CLOSE, reason="break")
        await bench.order(LaneAct.TAKE_OVER)
        await bench.order(LaneAct.END, reason="left")
        view = await bench.until_state(LaneState.OUT_OF_SERVICE)
        assert view.prompt is Prompt.CLOSED
        await bench.order(LaneAct.OPEN)
        await bench.until_state(LaneState.IDLE)


async def test_what_cannot_be_written_down_is_not_done(
    tmp_path: Path, nobody_listed: Snapshot, print_image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: nobody_listed) as bench:
        await at_the_fingers(bench)

        async def full(*_: object, **__: object) -> None:
            raise RecordsError(Reason.STORAGE_FAILED, "the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(bench.records, "audited", full)
            with pytest.raises(RecordsError):
                await bench.order(LaneAct.TAKE_OVER)
        # The capture goes on with the same finger, as if nobody had asked.
        assert desk(bench).holder == ""
        await bench.touch(print_image)
        await bench.until_state(LaneState.GO)


async def test_a_stop_while_an_officer_has_the_traveller_never_clears(tmp_path: Path, nobody_listed: Snapshot) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: nobody_listed) as bench:
        await at_the_fingers(bench)
        await bench.order(LaneAct.TAKE_OVER)
        bench.lane.close_gently()
        await bench.running
        _, reasons = await stored(bench)
        assert reasons == (ReferReason.INTERRUPTED,)
