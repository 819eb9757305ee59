"""What an officer reads of the gateway's errors and of how far a hit is confirmed: pure rules."""

from __future__ import annotations

import pytest

from hotspotd.console import alert_view, trouble_words
from hotspotd.domain.candidate import Determination, Hit
from hotspotd.domain.gateway_error import GatewayFault
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome, ReferReason
from hotspotd.records.model import Alert, AlertKind, AlertState
from tests.console.kiosk import record


def alert(*hits: Hit, reasons: tuple[str, ...] = (), **more: object) -> Alert:
    usual: dict[str, object] = {
        "alert_id": 1, "encounter_id": "E1", "lane": "lane-1", "kind": AlertKind.GATEWAY, "urgency": 1, "hits": hits,
        "reasons": reasons, "determination": Determination.UNCONFIRMED, "state": AlertState.OPEN,
        "raised_at": "2026-11-22T12:00:00.000Z",
    }  # fmt: skip
    return Alert(**usual | more)  # type: ignore[arg-type]


def error(*codes: str) -> GatewayAnswer:
    faults = tuple(GatewayFault(code) for code in codes)
    return GatewayAnswer(outcome=GatewayOutcome.ERROR, tcn="R1", tcr="T1", faults=faults)


def test_each_reason_of_a_referral_has_its_words() -> None:
    assert set(trouble_words.TROUBLES) == set(ReferReason)


def test_an_error_says_what_it_asks_for() -> None:
    told = trouble_words.troubles(alert(reasons=(ReferReason.GATEWAY_ERROR,)), error("112", "501", "103"))
    assert [one.words for one in told] == [
        "The gateway does not accept how checks are written",
        "The fingerprints are not good enough for the gateway",
    ]
    assert "technician" in told[0].advice


def test_without_the_answer_an_error_still_says_that_there_was_no_check() -> None:
    (told,) = trouble_words.troubles(alert(reasons=(ReferReason.GATEWAY_ERROR,)), None)
    assert told.words == "The gateway did not check the traveller"


@pytest.mark.parametrize("determination", Determination)
def test_only_the_owners_word_is_a_confirmation(determination: Determination) -> None:
    words = alert_view.certainty(determination)
    assert words.startswith("confirmed") == (determination is Determination.CONFIRMED)
    assert alert_view.certainty(determination, withdrawn=True) == "the bureau has looked: not this person"


def test_what_is_withdrawn_or_silent_has_no_urgent_colour() -> None:
    red = Hit(record=record(), candidates=())
    silent = Hit(record=record(), candidates=(), determination=Determination.SILENT)
    withdrawn = Hit(record=record(), candidates=(), withdrawn=True)
    assert [alert_view.line(alert(hit)).tone for hit in (red, silent, withdrawn)] == ["red", "quiet", "quiet"]
    assert alert_view.line(alert(withdrawn, red)).tone == "red"
    assert alert_view.line(alert(red, unsent=2)).more == "2 more at the bureau"
