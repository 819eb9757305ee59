"""What follows from the gateway's errors."""

from __future__ import annotations

import pytest

from hotspotd.domain.gateway_error import (
    UNREADABLE,
    Action,
    Actor,
    GatewayFault,
    asks_for_prints,
    remedies,
    remedy_of,
)
from hotspotd.relay.inti.tables import ERRORS


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_every_code_of_the_table_has_words_for_whoever_acts(code: str) -> None:
    remedy = remedy_of(code)
    assert remedy.words
    assert remedy.advice.endswith(".")
    assert (remedy.actor is Actor.NOBODY) == (remedy.action is Action.NOTHING)
    assert (remedy.after_s is not None) == (remedy.action is Action.SEND_AGAIN)


@pytest.mark.parametrize(
    ("code", "actor", "action"),
    [
        ("501", Actor.OFFICER, Action.RECAPTURE),
        ("502", Actor.OFFICER, Action.RECAPTURE),
        ("503", Actor.OFFICER, Action.RECAPTURE),
        ("112", Actor.TECHNICIAN, Action.REPAIR),
        ("118", Actor.TECHNICIAN, Action.REPAIR),
        ("201", Actor.TECHNICIAN, Action.REPAIR),
        ("003", Actor.TECHNICIAN, Action.CALL_BUREAU),
        ("001", Actor.BUREAU, Action.CALL_BUREAU),
        ("002", Actor.NOBODY, Action.NOTHING),
        ("999", Actor.BUREAU, Action.SEND_AGAIN),
        ("777", Actor.BUREAU, Action.SEND_AGAIN),
        ("", Actor.BUREAU, Action.SEND_AGAIN),
    ],
)
def test_who_acts_and_how(code: str, actor: Actor, action: Action) -> None:
    assert (remedy_of(code).actor, remedy_of(code).action) == (actor, action)


def test_what_stops_the_rest_comes_first_and_each_thing_once() -> None:
    found = remedies([GatewayFault("501"), GatewayFault("112", "DOB"), GatewayFault("999"), GatewayFault("106", "NAM")])
    assert [remedy.action for remedy in found] == [Action.REPAIR, Action.RECAPTURE, Action.SEND_AGAIN]
    assert remedies([]) == (UNREADABLE,)


def test_fingers_are_asked_for_only_where_that_is_all_that_is_wrong() -> None:
    assert asks_for_prints([GatewayFault("501"), GatewayFault("502")])
    assert not asks_for_prints([GatewayFault("501"), GatewayFault("112")])
    assert not asks_for_prints([])


def test_nothing_that_a_gateway_wrote_freely_gets_into_a_log() -> None:
    assert GatewayFault("112", "DOB", "born 1974").place == "112 DOB"
    assert GatewayFault("112\n1", "ERIKSSON ANNA MARIA", "x").place == "?"
