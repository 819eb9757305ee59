"""The gateway finds prints too poor while the traveller is in the lane: they are taken once more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hotspotd.biometrics.finger import synthetic
from hotspotd.domain.gateway_error import GatewayFault
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome, ReferReason
from hotspotd.events import EncounterChanged, LaneState, LaneView, Prompt
from hotspotd.relay.inti import xml6
from hotspotd.watchlist import Snapshot
from tests.lane.harness import LaneOnTheBench, lane_on_the_bench, mrz

Image = NDArray[np.uint8]


@pytest.fixture(scope="session")
def other_print() -> Image:
    """A good print of somebody who is on no list."""
    return synthetic.impression(synthetic.master(77), np.random.default_rng(77), synthetic.Condition.GOOD)


POOR = (GatewayFault("501", "", "poor"),)


async def answer(
    bench: LaneOnTheBench, tcr: str, outcome: GatewayOutcome, faults: tuple[GatewayFault, ...] = ()
) -> None:
    """The gateway answers ``tcr``, as the courier would tell."""
    given = GatewayAnswer(outcome=outcome, tcn=f"R-{tcr}", tcr=tcr, faults=faults)
    stored = await bench.records.store_answer(given, b"")
    assert stored.encounter_id is not None
    bench.events.publish(
        EncounterChanged(encounter_id=stored.encounter_id, lane="lane-1", gateway=outcome.value, tcn=tcr)
    )


@pytest.mark.parametrize(
    ("second", "state"), [(GatewayOutcome.NO_HIT, LaneState.GO), (GatewayOutcome.ERROR, LaneState.OFFICER)]
)
async def test_poor_prints_are_taken_once_more_and_sent_again(
    tmp_path: Path, snapshot: Snapshot, other_print: Image, second: GatewayOutcome, state: LaneState
) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, link_up=True) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        await bench.touch(other_print)
        await bench.until(lambda e: isinstance(e, EncounterChanged) and e.local is not None)
        tcn = (await bench.latest()).tcn
        await answer(bench, tcn, GatewayOutcome.ERROR, POOR)
        # The same words as for any bad print: nothing tells who asked.
        await bench.until_state(LaneState.FINGER, Prompt.FINGER_AGAIN)
        await bench.touch(other_print)
        await bench.until(lambda e: isinstance(e, EncounterChanged) and e.local is not None)
        (again,) = await bench.records.outbox_due(10)
        assert again.tcn == f"{tcn}-2"
        assert xml6.decode(again.payload).header.tcn == again.tcn
        await answer(bench, again.tcn, second, POOR if second is GatewayOutcome.ERROR else ())
        await bench.until_state(state)
        alerts = await bench.records.alerts()
        if second is GatewayOutcome.NO_HIT:
            assert alerts == []
        else:
            # Once is enough: the officer hears of it.
            assert [alert.reasons for alert in alerts] == [(ReferReason.PRINTS_REFUSED,)]


async def test_somebody_who_does_not_give_fingers_again_is_referred(
    tmp_path: Path, snapshot: Snapshot, other_print: Image
) -> None:
    async with lane_on_the_bench(
        tmp_path, snapshot=lambda: snapshot, link_up=True, operation={"step_timeout_s": 3.0}
    ) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        await bench.touch(other_print)
        await bench.until(lambda e: isinstance(e, EncounterChanged) and e.local is not None)
        tcn = (await bench.latest()).tcn
        await answer(bench, tcn, GatewayOutcome.ERROR, POOR)
        await bench.until_state(LaneState.FINGER, Prompt.FINGER_AGAIN)
        await bench.until_state(LaneState.OFFICER)
        (alert,) = await bench.records.alerts()
        assert alert.reasons == (ReferReason.FINGER_NOT_CAPTURED, ReferReason.PRINTS_REFUSED)
        stored = await bench.records.encounter(alert.encounter_id)
        assert stored.encounter.samples[0].template  # The print that there was is kept.


async def test_poor_prints_of_nobody_who_gave_any_ask_for_nothing(tmp_path: Path, snapshot: Snapshot) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, link_up=True, operation={"fingers": ()}) as bench:
        await bench.reader.present(mrz())
        await bench.until(lambda e: isinstance(e, EncounterChanged) and e.local is not None)
        await answer(bench, (await bench.latest()).tcn, GatewayOutcome.ERROR, POOR)
        await bench.until_state(LaneState.GO)
        await bench.until(lambda e: isinstance(e, LaneView) and e.state is LaneState.IDLE)
        assert [alert.reasons for alert in await bench.records.alerts()] == [(ReferReason.PRINTS_REFUSED,)]


async def test_other_errors_of_the_gateway_ask_the_traveller_for_nothing(
    tmp_path: Path, snapshot: Snapshot, other_print: Image
) -> None:
    async with lane_on_the_bench(tmp_path, snapshot=lambda: snapshot, link_up=True) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
        await bench.touch(other_print)
        await bench.until(lambda e: isinstance(e, EncounterChanged) and e.local is not None)
        await answer(bench, (await bench.latest()).tcn, GatewayOutcome.ERROR, (*POOR, GatewayFault("112", "DOB")))
        await bench.until_state(LaneState.GO)
