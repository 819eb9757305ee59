"""Decisions on alerts, as pages ask for them: by one person, or by two where the configuration asks for it.

A decision is durable in the records before it is answered, and the bureau's report of it is stored in the same
transaction. What awaits a second person has been told to nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta

from hotspotd.access.sign_in import SignIn
from hotspotd.clock import Clock
from hotspotd.console import alert_view
from hotspotd.console.alert_view import AlertLine
from hotspotd.console.answers import alert_number, as_json, asked
from hotspotd.console.controls import Reporting
from hotspotd.console.gate import actor, needs
from hotspotd.domain.rights import Act
from hotspotd.errors import RelayError
from hotspotd.events import AlertChanged, Events
from hotspotd.records import Records
from hotspotd.records.model import Alert, AlertState, Decision, OutboxItem

log = logging.getLogger(__name__)

T = TypeVar("T")


class DecisionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the page posts. ``reason`` is one of alert_view.DISMISSALS and needed to dismiss."""

    decision: Literal["confirm", "dismiss", "escalate", "hand_over", "reopen"]
    reason: str = ""
    note: Annotated[str, Meta(max_length=200)] = ""


class SecondRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a second person agrees to the ``decision`` that they have seen.

    ``badge`` and ``secret`` are of somebody beside the one who is signed in; without, it is whoever is signed in.
    """

    decision: Literal["confirm", "dismiss"]
    agree: bool
    badge: Annotated[str, Meta(max_length=20)] = ""
    secret: Annotated[str, Meta(max_length=256)] = ""


class Decisions:
    """Handlers of decisions."""

    def __init__(
        self,
        records: Records,
        events: Events,
        sign_in: SignIn,
        two_persons: tuple[str, ...],
        line: Callable[[Alert], Awaitable[AlertLine]],
        *,
        reporting: Reporting | None,
        clock: Clock,
    ) -> None:
        """``two_persons`` names the decisions on hits that take two. ``reporting`` ``None``: the bureau is not told."""
        self._records = records
        self._events = events
        self._sign_in = sign_in
        self._two_persons = frozenset(Decision(one) for one in two_persons)
        self._line = line
        self._reporting = reporting
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Deciding, and agreeing."""
        return [
            needs(Act.DECIDE, "POST", "/api/alerts/{alert}/decision", self.post_decision),
            needs(Act.DECIDE, "POST", "/api/alerts/{alert}/second", self.post_second),
        ]

    async def post_decision(self, request: web.Request) -> web.StreamResponse:
        """Decide on an alert, or take the decision back; answers with the alert as it then is."""
        alert_id = alert_number(request)
        wish = await asked(request, DecisionRequest)
        reason = code = ""
        if wish.decision == "dismiss":
            if wish.reason not in alert_view.DISMISSALS:
                raise web.HTTPBadRequest(text="a dismissal needs one of the reasons")
            reason = code = wish.reason
        if wish.note:
            reason = f"{reason}: {wish.note}" if reason else wish.note
        decision = Decision(wish.decision)
        alert = await self._records.alert(alert_id)
        if alert.hits and decision in self._two_persons:
            alert = await self._records.propose(alert_id, decision, reason, actor(request), code=code)
            return await self._told(alert)
        # Of what awaits a second person the bureau knows nothing that could be taken back.
        report = None if alert.state is AlertState.AWAITING else self._report_of(alert, decision)
        alert = await self._records.decide(
            alert_id, decision, reason, actor(request), report, code=code, seen=alert.state
        )
        return await self._told(alert, report)

    async def post_second(self, request: web.Request) -> web.StreamResponse:
        """Agree to what another person has proposed, or refuse it; answers with the alert as it then is."""
        alert_id = alert_number(request)
        wish = await asked(request, SecondRequest)
        by = actor(request)
        if wish.badge or wish.secret:
            by = await self._sign_in.vouched(wish.badge, wish.secret, Act.DECIDE)
        decision = Decision(wish.decision)
        alert = await self._records.alert(alert_id)
        code = (alert.decision_reason or "").partition(":")[0] if decision is Decision.DISMISS else ""
        report = self._report_of(alert, decision) if wish.agree else None
        alert = await self._records.second(
            alert_id, decision, by, report, agrees=wish.agree, code=code if code in alert_view.DISMISSALS else ""
        )
        return await self._told(alert, report)

    async def _told(self, alert: Alert, report: OutboxItem | None = None) -> web.Response:
        if self._reporting is not None and report is not None:
            self._reporting.wake()
        self._events.publish(AlertChanged(alert_id=alert.alert_id, encounter_id=alert.encounter_id, state=alert.state))
        return as_json(await self._line(alert))

    def _report_of(self, alert: Alert, decision: Decision) -> OutboxItem | None:
        """What the bureau is told of ``decision``. An officer may decide whether or not it can be told."""
        if self._reporting is None:
            return None
        try:
            return self._reporting.compose(alert, decision, self._clock.now())
        except RelayError as error:
            log.error("the gateway is not told of the decision on alert %d: %s", alert.alert_id, error)
            return None
