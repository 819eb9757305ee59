"""What an answer tells: events for the pages and the lane, and codes only for the technician."""

from __future__ import annotations

import logging

import pytest

from hotspotd.domain.gateway_error import GatewayFault
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome
from hotspotd.events import AlertChanged, EncounterChanged, Events
from hotspotd.records.model import StoredAnswer
from hotspotd.relay.answer_telling import AnswerTelling

STORED = StoredAnswer(encounter_id="E1", lane="lane-1", new=True, alert_id=3, alerts=(3, 5))
FORM = GatewayFault("112", "DOB", "ERIKSSON ANNA, 1974-08-12")


def error(*faults: GatewayFault) -> GatewayAnswer:
    return GatewayAnswer(outcome=GatewayOutcome.ERROR, tcn="R1", tcr="T1", faults=faults, text="ERIKSSON ANNA")


NO_HIT = GatewayAnswer(outcome=GatewayOutcome.NO_HIT, tcn="R2", tcr="T1")


async def test_the_encounter_and_every_alert_that_changed_are_told() -> None:
    events = Events()
    with events.subscribe() as news:
        AnswerTelling(events).tell(NO_HIT, STORED)
        told = [await news.next() for _ in range(3)]
    assert told[0] == EncounterChanged(encounter_id="E1", lane="lane-1", gateway="no_hit", tcn="T1")
    assert [event.alert_id for event in told if isinstance(event, AlertChanged)] == [3, 5]


def test_what_a_technician_has_to_see_to_stands_until_a_check_gets_through(caplog: pytest.LogCaptureFixture) -> None:
    telling = AnswerTelling(Events())
    with caplog.at_level(logging.INFO):
        telling.tell(error(FORM), STORED)
        telling.tell(error(FORM), STORED)
        assert telling.trouble == "The gateway does not accept how checks are written (112 DOB)."
        telling.tell(error(GatewayFault("501")), STORED)
        assert "112 DOB" in telling.trouble
        telling.tell(NO_HIT, STORED)
    assert telling.trouble == ""
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    # What a gateway writes freely may name somebody.
    assert "ERIKSSON" not in caplog.text


def test_an_answer_that_cannot_be_read_is_a_technicians() -> None:
    telling = AnswerTelling(Events())
    telling.tell(error(), STORED)
    assert telling.trouble == "The gateway's answer cannot be read."


@pytest.mark.parametrize(("outcome", "level"), [(GatewayOutcome.HIT, "ERROR"), (GatewayOutcome.NO_HIT, "WARNING")])
def test_an_answer_to_nothing_we_know_stands_out_in_the_log(
    outcome: GatewayOutcome, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = GatewayAnswer(outcome=outcome, tcn="R1", tcr="NOT-OURS")
    AnswerTelling(Events()).tell(answer, StoredAnswer(encounter_id=None, lane=None, new=True))
    (record,) = caplog.records
    assert record.levelname == level
    assert "NOT-OURS, which is not known here" in record.message
