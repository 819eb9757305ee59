"""One traveller's way through a lane: real drivers on ptys, real records, a real list."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.domain.candidate import Hit, ListRecord
from hotspotd.domain.finger import MissingReason
from hotspotd.domain.notice import Notice
from hotspotd.domain.officer import LaneAct
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome, Outcome, ReferReason
from hotspotd.events import EncounterChanged, LaneState, Prompt
from hotspotd.lane.recording import check_interrupted
from hotspotd.records.model import AlertKind
from hotspotd.watchlist import Snapshot
from tests.lane.harness import LaneOnTheBench, lane_on_the_bench, mrz

Image = NDArray[np.uint8]


async def _reasons(bench: LaneOnTheBench) -> tuple[ReferReason, ...]:
    stored = await bench.records.encounter((await bench.latest()).encounter_id)
    assert stored.verdict is not None
    return stored.verdict.reasons


async def test_a_traveller_whom_no_list_knows_may_go(tmp_path: Path, snapshot: Snapshot) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation={"fingers": ()}) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.GO, Prompt.THANK_YOU)
        await bench.until_state(LaneState.IDLE)
        row = await bench.latest()
        assert (row.local_outcome, row.released_at is not None) == (Outcome.CLEAR, True)
        assert [item.encounter_id for item in await bench.records.outbox_due(5)] == [row.encounter_id]
        assert await bench.records.alerts() == []


async def test_a_listed_finger_refers_and_the_traveller_is_not_told_why(
    tmp_path: Path, snapshot: Snapshot, print_image: Image
) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        await bench.touch(print_image)
        view = await bench.until_state(LaneState.OFFICER)
        assert (view.prompt, view.finger, view.attempt) == (Prompt.OFFICER_COMES, None, 1)
        (alert,) = await bench.records.alerts()
        assert (alert.kind, [hit.record.reference for hit in alert.hits]) == (AlertKind.LOCAL, ["2026/1"])


async def test_a_print_is_recorded_with_nists_score_where_its_tool_is_installed(
    tmp_path: Path, snapshot: Snapshot, print_image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "bin" / "nfiq2"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\n[ "$1 $2" = "-F -i" ] && [ -s "$3" ] && echo 64\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        await bench.touch(print_image)
        await bench.until_state(LaneState.OFFICER)
        stored = await bench.records.encounter((await bench.latest()).encounter_id)
        (print_,) = [sample for sample in stored.encounter.samples if sample.modality == "finger"]
        assert print_.nfiq2 == 64
        assert print_.quality is not None


async def test_everything_is_written_down_before_anything_is_searched(tmp_path: Path, snapshot: Snapshot) -> None:
    stored_at_search: list[tuple[int, int, int]] = []

    class Witness:
        """The list, looking into the database file before it is searched."""

        def __getattr__(self, name: str) -> object:
            if name == "find_document":
                connection = sqlite3.connect(tmp_path / "records.db")
                query = "SELECT (SELECT count(*) FROM encounter), (SELECT count(*) FROM outbox),"
                query += " (SELECT count(*) FROM encounter WHERE local_outcome IS NOT NULL)"
                stored_at_search.append(connection.execute(query).fetchone())
                connection.close()
            return getattr(snapshot, name)

    async with lane_on_the_bench(tmp_path, snapshot=Witness, operation={"fingers": ()}) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.GO)
    assert stored_at_search == [(1, 1, 0)]


async def test_a_bad_print_is_asked_for_again_with_what_was_wrong(
    tmp_path: Path, snapshot: Snapshot, print_image: Image, partial_print: Image
) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        await bench.touch(partial_print)
        again = await bench.until_state(LaneState.FINGER)
        assert again.attempt == 2
        assert again.prompt not in (Prompt.PLACE_FINGER, Prompt.LIFT_FINGER)
        await bench.touch(print_image)
        await bench.until_state(LaneState.OFFICER)
        assert await _reasons(bench) == (ReferReason.HIT,)


async def test_a_finger_that_never_comes_out_well_refers(
    tmp_path: Path, snapshot: Snapshot, partial_print: Image
) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation={"attempts": 2}) as bench:
        await bench.reader.present(mrz())
        for _ in range(2):
            await bench.until_state(LaneState.FINGER)
            await bench.touch(partial_print)
        await bench.until_state(LaneState.OFFICER)
        assert await _reasons(bench) == (ReferReason.FINGER_NOT_CAPTURED,)
        assert [alert.kind for alert in await bench.records.alerts()] == [AlertKind.TROUBLE]


async def test_an_unsound_zone_is_asked_for_again_and_then_referred(tmp_path: Path, snapshot: Snapshot) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation={"fingers": ()}) as bench:
        await bench.reader.present(mrz(right=False))
        for attempt in (2, 3):
            view = await bench.until_state(LaneState.DOCUMENT, Prompt.DOCUMENT_AGAIN)
            assert view.attempt == attempt
            # Another wrong zone each time: a reader that sends the same twice is not a second try.
            await bench.reader.present(mrz(number=f"X{attempt}", right=False))
            await bench.until(lambda e: getattr(e, "time_left_s", None) is not None)
        await bench.until_state(LaneState.OFFICER)
        assert await _reasons(bench) == (ReferReason.DOCUMENT_UNREADABLE,)


async def test_an_unsound_zone_read_well_the_second_time_clears(tmp_path: Path, snapshot: Snapshot) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation={"fingers": ()}) as bench:
        await bench.reader.present(mrz(right=False))
        await bench.until_state(LaneState.DOCUMENT, Prompt.DOCUMENT_AGAIN)
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.GO)


async def test_a_stolen_document_and_an_expired_one_refer(tmp_path: Path, snapshot: Snapshot) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation={"fingers": ()}) as bench:
        await bench.reader.present(mrz(number="STOLEN1"))
        await bench.until_state(LaneState.OFFICER)
        assert await _reasons(bench) == (ReferReason.HIT,)
        await bench.order(LaneAct.NEXT)
        await bench.until_state(LaneState.IDLE)
        await bench.reader.present(mrz(expiry="200101"))
        await bench.until_state(LaneState.OFFICER)
        assert await _reasons(bench) == (ReferReason.DOCUMENT_EXPIRED,)


async def test_no_finger_is_asked_of_a_child(tmp_path: Path, snapshot: Snapshot) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot) as bench:
        await bench.reader.present(mrz(birth_date="180101"))
        await bench.until_state(LaneState.GO)
        stored = await bench.records.encounter((await bench.latest()).encounter_id)
        assert stored.encounter.samples == ()


async def test_a_call_for_help_keeps_what_was_captured_and_refers(
    tmp_path: Path, snapshot: Snapshot, print_image: Image
) -> None:
    fingers = {"fingers": ("right_index", "right_middle")}
    async with lane_on_the_bench(tmp_path, snapshot=lambda: None, operation=fingers) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        await bench.touch(print_image)
        await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        await bench.lane.ask_help()
        await bench.until_state(LaneState.OFFICER)
        stored = await bench.records.encounter((await bench.latest()).encounter_id)
        assert ReferReason.HELP_ASKED in stored.encounter.trouble
        assert len(stored.encounter.samples) == 1


async def test_help_without_a_traveller_brings_an_officer_too(tmp_path: Path) -> None:
    async with lane_on_the_bench(tmp_path) as bench:
        await bench.lane.ask_help()
        await bench.until_state(LaneState.OFFICER)
        await bench.order(LaneAct.NEXT)
        await bench.until_state(LaneState.IDLE)


async def test_without_a_watchlist_everybody_is_referred(tmp_path: Path) -> None:
    async with lane_on_the_bench(tmp_path, operation={"fingers": ()}) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.OFFICER)
        assert await _reasons(bench) == (ReferReason.CHECK_FAILED,)


async def test_a_scanner_pulled_out_in_the_middle_comes_back_and_the_visit_goes_on(
    tmp_path: Path, snapshot: Snapshot, print_image: Image
) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        bench.scanner.unplug_during_upload(20)
        await bench.scanner.place(print_image)
        await bench.until_state(LaneState.FINGER, Prompt.WAIT)
        fault = await bench.until_device("scanner", "faulted", "absent")
        assert fault.reason
        assert fault.advice
        await bench.scanner.plug()
        await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        await bench.touch(print_image)
        await bench.until_state(LaneState.OFFICER)
        assert await _reasons(bench) == (ReferReason.HIT,)


async def test_a_scanner_that_stays_away_is_noted_and_the_next_traveller_can_come(
    tmp_path: Path, snapshot: Snapshot, print_image: Image
) -> None:
    operation = {"device_return_s": 0.1}
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation=operation) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        await bench.scanner.unplug()
        await bench.until_state(LaneState.OFFICER)
        assert await _reasons(bench) == (ReferReason.DEVICE_FAULT,)
        stored = await bench.records.encounter((await bench.latest()).encounter_id)
        assert [sample.missing for sample in stored.encounter.samples] == [MissingReason.UNABLE]
        await bench.order(LaneAct.NEXT)
        await bench.scanner.plug()
        await bench.until_device("scanner", "ready")
        await bench.reader.present(mrz(number="X2"))
        await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        await bench.touch(print_image)
        await bench.until_state(LaneState.OFFICER)
        assert await _reasons(bench) == (ReferReason.HIT,)


async def test_a_reader_that_is_gone_closes_the_lane_until_it_is_back(tmp_path: Path, snapshot: Snapshot) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation={"fingers": ()}) as bench:
        await bench.reader.unplug()
        await bench.until_state(LaneState.OUT_OF_SERVICE, Prompt.CLOSED)
        await bench.reader.plug()
        await bench.until_state(LaneState.IDLE)
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.GO)


async def test_what_cannot_be_recorded_is_not_searched_and_an_officer_hears_why(
    tmp_path: Path, snapshot: Snapshot
) -> None:
    async with lane_on_the_bench(
        tmp_path, snapshot=lambda: snapshot, outbox_limit=1, operation={"fingers": ()}
    ) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.GO)
        await bench.until_state(LaneState.IDLE)
        await bench.reader.present(mrz(number="X2"))
        fault = await bench.until_device("records", "faulted")
        assert "limit" in fault.reason
        await bench.until_state(LaneState.OFFICER)
        assert len(await bench.records.recent()) == 1


@pytest.mark.parametrize(("gateway", "state"), [("hit", LaneState.OFFICER), ("no_hit", LaneState.GO)])
async def test_with_the_link_up_the_traveller_waits_for_the_gateway(
    tmp_path: Path, snapshot: Snapshot, gateway: str, state: LaneState
) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, link_up=True, operation={"fingers": ()}) as bench:
        await bench.reader.present(mrz())
        local = await bench.until(lambda e: isinstance(e, EncounterChanged) and e.local is not None)
        assert isinstance(local, EncounterChanged)
        tcr = (await bench.latest()).tcn
        hits = (Hit(record=ListRecord(reference="G/1", notice=Notice.BLUE, owner="XPO"), candidates=()),)
        outcome = GatewayOutcome(gateway)
        answer = GatewayAnswer(outcome=outcome, tcn="R1", tcr=tcr, hits=hits if gateway == "hit" else ())
        stored = await bench.records.store_answer(answer, b"")
        assert not stored.late
        bench.events.publish(EncounterChanged(encounter_id=local.encounter_id, lane="lane-1", gateway=gateway))
        await bench.until_state(state)


async def test_a_gateway_that_is_silent_lets_the_local_result_stand(tmp_path: Path, snapshot: Snapshot) -> None:
    operation = {"fingers": (), "gateway_wait_s": 0.05}
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, link_up=True, operation=operation) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.GO)


async def test_what_was_recorded_but_never_checked_is_checked_after_a_restart(
    tmp_path: Path, snapshot: Snapshot
) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation={"fingers": ()}) as bench:
        await bench.reader.present(mrz(number="STOLEN1"))
        await bench.until_state(LaneState.OFFICER)
    connection = sqlite3.connect(tmp_path / "records.db")
    connection.execute("UPDATE encounter SET local_outcome = NULL, verdict = NULL")
    connection.execute("DELETE FROM alert")
    connection.commit()
    connection.close()
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot) as bench:
        assert await check_interrupted(bench.shared) == 1
        assert await check_interrupted(bench.shared) == 0
        assert await _reasons(bench) == (ReferReason.HIT, ReferReason.INTERRUPTED)
        assert [alert.kind for alert in await bench.records.alerts()] == [AlertKind.LOCAL]


async def test_closing_gently_lets_the_present_traveller_finish(tmp_path: Path, snapshot: Snapshot) -> None:
    fingers = {"fingers": ("right_index",), "step_timeout_s": 0.3}
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation=fingers) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.FINGER)
        bench.lane.close_gently()
        await bench.until_state(LaneState.OUT_OF_SERVICE)
        assert (await bench.latest()).local_outcome == Outcome.REFER


async def test_more_time_begins_the_time_out_anew(tmp_path: Path, snapshot: Snapshot) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot) as bench:
        await bench.reader.present(mrz())
        first = await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        await bench.lane.more_time()
        again = await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        assert first.time_left_s is not None
        assert again.time_left_s == pytest.approx(20.0, abs=0.2)


async def test_a_scanner_that_comes_and_goes_does_not_keep_the_traveller(
    tmp_path: Path, snapshot: Snapshot, print_image: Image
) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation={"attempts": 1}) as bench:
        await bench.reader.present(mrz())
        for _ in range(2):
            await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
            bench.scanner.unplug_during_upload(5)
            await bench.scanner.place(print_image)
            await bench.until_device("scanner", "faulted", "absent")
            await bench.scanner.plug()
        await bench.until_state(LaneState.OFFICER)
        assert ReferReason.DEVICE_FAULT in await _reasons(bench)


async def test_a_hit_that_is_stored_while_the_link_breaks_still_refers(tmp_path: Path, snapshot: Snapshot) -> None:
    """Events only wake the lane: whether the traveller may go is read from the records."""
    bench: LaneOnTheBench

    class AnswersDuringTheSearch:
        """The list; while it is searched the gateway's hit is stored, and nothing is published about it."""

        def __getattr__(self, name: str) -> object:
            if name == "find_document":
                hits = (Hit(record=ListRecord(reference="G/1", notice=Notice.BLUE, owner="XPO"), candidates=()),)
                connection = sqlite3.connect(tmp_path / "records.db")
                tcr = connection.execute("SELECT tcn FROM encounter").fetchone()[0]
                connection.close()
                answer = GatewayAnswer(outcome=GatewayOutcome.HIT, tcn="R1", tcr=tcr, hits=hits)
                asyncio.run_coroutine_threadsafe(bench.records.store_answer(answer, b""), loop).result(10)
            return getattr(snapshot, name)

    loop = asyncio.get_running_loop()
    async with lane_on_the_bench(tmp_path, snapshot=AnswersDuringTheSearch, operation={"fingers": ()}) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.OFFICER)
        assert [alert.kind for alert in await bench.records.alerts()] == [AlertKind.GATEWAY]


async def test_a_call_for_help_at_the_end_brings_an_officer(tmp_path: Path, snapshot: Snapshot) -> None:
    operation = {"fingers": (), "result_shown_s": 20.0}
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation=operation) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.GO)
        await bench.lane.ask_help()
        await bench.until_state(LaneState.OFFICER)


async def test_a_print_that_was_taken_stays_when_the_scanner_goes_before_the_finger_does(
    tmp_path: Path, snapshot: Snapshot, print_image: Image
) -> None:
    operation = {"fingers": ("right_index", "right_middle"), "device_return_s": 0.1}
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation=operation) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        await bench.scanner.place(print_image)
        await bench.until_state(LaneState.FINGER, Prompt.LIFT_FINGER)
        await bench.scanner.unplug()
        await bench.until_state(LaneState.OFFICER)
        assert await _reasons(bench) == (ReferReason.HIT, ReferReason.DEVICE_FAULT)


async def test_an_encounter_that_cannot_be_read_does_not_keep_the_kiosk_from_starting(
    tmp_path: Path, snapshot: Snapshot
) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, operation={"fingers": ()}) as bench:
        for number in ("X1", "X2"):
            await bench.reader.present(mrz(number=number))
            await bench.until_state(LaneState.GO)
            await bench.until_state(LaneState.IDLE)
    connection = sqlite3.connect(tmp_path / "records.db")
    connection.execute("UPDATE encounter SET local_outcome = NULL, verdict = NULL")
    connection.execute("UPDATE encounter SET trouble = ? WHERE id = (SELECT min(id) FROM encounter)", (b"[1",))
    connection.commit()
    connection.close()
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot) as bench:
        assert await check_interrupted(bench.shared) == 2
        assert len(await bench.records.unchecked()) == 1
        assert await _reasons(bench) == (ReferReason.INTERRUPTED,)
