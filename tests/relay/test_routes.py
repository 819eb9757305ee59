"""Which of several links is used, and when one that was down is used again."""

from __future__ import annotations

import asyncio
import logging

import pytest

from hotspotd.errors import Reason, RelayError
from hotspotd.records.model import Rank
from hotspotd.relay.backoff import Backoff
from hotspotd.relay.links.base import Incoming, Link, Outgoing, Pace
from hotspotd.relay.pace import Pacer
from hotspotd.relay.routes import ALL_RANKS, Route, Routes
from hotspotd.relay.seal import Trust

DOWN = RelayError(Reason.LINK_DOWN, "gateway: cannot be reached")
REFUSED = RelayError(Reason.LINK_REFUSED, "gateway: the certificates do not agree")


class NamedLink(Link):
    """A link with a name and nothing behind it: routes never call it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.trust = Trust([], "gateway")

    async def probe(self) -> None:
        raise DOWN

    async def send(self, message: Outgoing, pace: Pace) -> Incoming | None:
        raise RelayError(Reason.LINK_DOWN, f"{message.tcn}{pace}")

    async def incoming(self, after: str, wait_s: float) -> list[Incoming]:
        raise RelayError(Reason.LINK_DOWN, f"{after}{wait_s}")

    @property
    def resend_s(self) -> float:
        return 0.0

    async def close(self) -> None:
        pass


def route(name: str, carries: frozenset[Rank] = ALL_RANKS) -> Route:
    return Route(NamedLink(name), Pacer(Rank.DECISION), Backoff(1.0, 60.0), carries)


FIBRE_LTE = ("fibre", "lte")


@pytest.fixture
def routes() -> Routes:
    return Routes([route(name) for name in FIBRE_LTE])


def used(routes: Routes, rank: Rank = Rank.LIVE) -> str:
    best = routes.best(rank)
    return best.name if best else ""


def test_the_most_preferred_link_is_tried_first(routes: Routes) -> None:
    assert used(routes) == "fibre"
    assert not routes.up


def test_one_that_fails_is_left_for_the_next(routes: Routes) -> None:
    fibre, lte = routes.all
    routes.failed(fibre, DOWN, sending=True)
    assert used(routes) == "lte"
    assert routes.worked(lte, sent=True)
    assert routes.active is lte
    assert routes.up
    routes.failed(lte, DOWN, sending=True)
    assert used(routes) == ""
    assert not routes.up


def test_one_that_comes_back_is_used_when_it_has_answered_twice(routes: Routes) -> None:
    fibre, lte = routes.all
    routes.failed(fibre, DOWN, sending=True)
    routes.worked(lte, sent=True)
    assert not routes.probed(fibre)
    assert used(routes) == "lte"
    routes.failed(fibre, DOWN, sending=False)
    assert not routes.probed(fibre)
    assert routes.probed(fibre)
    assert used(routes) == "fibre"


def test_the_only_one_is_used_at_its_first_answer(routes: Routes) -> None:
    fibre, lte = routes.all
    routes.failed(fibre, DOWN, sending=True)
    routes.failed(lte, DOWN, sending=True)
    assert routes.probed(fibre)
    assert used(routes) == "fibre"


def test_a_link_carries_what_it_may() -> None:
    satellite = route("satellite", frozenset((Rank.LIVE, Rank.DECISION)))
    routes = Routes([route("fibre"), satellite])
    routes.failed(routes.all[0], DOWN, sending=True)
    assert used(routes, Rank.LIVE) == "satellite"
    assert used(routes, Rank.BACKLOG) == ""


def test_only_the_active_link_is_listened_on_and_one_that_owes_a_receipt(routes: Routes) -> None:
    fibre, lte = routes.all
    routes.worked(fibre, sent=False)
    routes.worked(lte, sent=False)
    assert (routes.listens(fibre), routes.listens(lte)) == (True, False)
    lte.handed["UTO1"] = 5.0
    assert routes.listens(lte)
    routes.failed(lte, DOWN, sending=False)
    assert not routes.listens(lte)


def test_one_that_only_answers_questions_does_not_count_as_mended(routes: Routes) -> None:
    """Its delays go on growing: it would be tried without a pause otherwise."""
    fibre = routes.all[0]
    for _ in range(6):
        routes.failed(fibre, DOWN, sending=True)
        fibre.backoff.next()
        routes.probed(fibre)
        routes.probed(fibre)
        routes.worked(fibre, sent=False)
    assert fibre.backoff.next() >= 0.5 * 32
    routes.worked(fibre, sent=True)
    assert fibre.backoff.next() <= 1.0


def test_an_answer_that_was_under_way_does_not_mend_it(routes: Routes) -> None:
    fibre = routes.all[0]
    routes.failed(fibre, DOWN, sending=True)
    assert not routes.worked(fibre, sent=False)
    assert fibre.up is False


def test_one_that_refuses_is_asked_rarely(routes: Routes) -> None:
    fibre = routes.all[0]
    routes.failed(fibre, REFUSED, sending=True)
    assert fibre.backoff.next() >= 30.0


def test_the_first_failure_is_a_warning_and_repeats_whisper(routes: Routes, caplog: pytest.LogCaptureFixture) -> None:
    fibre = routes.all[0]
    with caplog.at_level(logging.DEBUG, "hotspotd.relay.courier"):
        for _ in range(3):
            routes.failed(fibre, DOWN, sending=True)
        routes.worked(fibre, sent=True)
        routes.failed(fibre, DOWN, sending=True)
    assert [record.levelname for record in caplog.records] == ["WARNING", "DEBUG", "DEBUG", "INFO", "WARNING"]
    assert all("fibre" in record.getMessage() for record in caplog.records)


async def test_no_change_is_missed_between_asking_for_it_and_waiting(routes: Routes) -> None:
    change = routes.change()
    routes.failed(routes.all[0], DOWN, sending=True)
    async with asyncio.timeout(20):
        await change
