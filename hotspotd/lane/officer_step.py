"""An officer has taken a traveller over: what they may do, and what it does to the visit.

Everything is in the audit chain before it counts. Whatever is gone on without, or was not read by the machine itself,
is noted in the visit with its reason and refers the traveller: no officer's word makes a check clear.
"""

from __future__ import annotations

import asyncio
from enum import Enum

from hotspotd.domain.document import Document, parse_mrz
from hotspotd.domain.encounter import Sample
from hotspotd.domain.officer import OVERRIDES, REASONS, LaneAct, LaneOrder, OfficerAct, missing_code
from hotspotd.domain.verdict import ReferReason
from hotspotd.errors import DocumentError, LaneError, Reason
from hotspotd.events import LaneState, Prompt
from hotspotd.lane.capture import Capture
from hotspotd.lane.desk import Desk
from hotspotd.lane.document_step import DocumentStep
from hotspotd.lane.parts import LaneParts
from hotspotd.lane.screen import Screen
from hotspotd.lane.visit import Step, Visit
from hotspotd.lane.waiting import first_of

_RETRIES = frozenset({LaneAct.RETRY_DOCUMENT, LaneAct.RETRY_FACE, LaneAct.RETRY_FINGERS})


class Going(Enum):
    """How it goes on after an officer."""

    ON = "on"
    """The machine takes what is left."""
    ENDED = "ended"
    """The visit is over: what there is of it is written down."""


class OfficerStep:
    """Officers' acts on the visits of one lane."""

    def __init__(
        self, lane: str, desk: Desk, capture: Capture, documents: DocumentStep, screen: Screen, parts: LaneParts
    ) -> None:
        self._lane = lane
        self._desk = desk
        self._capture = capture
        self._documents = documents
        self._screen = screen
        self._parts = parts

    async def hand_over(self, visit: Visit, closing: asyncio.Event) -> Going:
        """The traveller waits; do what the officer asks until it goes on, or the visit is ended, as by ``closing``."""
        self._screen.show(LaneState.OFFICER, Prompt.OFFICER_COMES, finger=None, fingers=(), attempt=1)
        visit.step = None
        while True:
            with self._desk.offering(self._offered(visit), self._capture.positions(visit)):
                await first_of(self._desk.asked.wait(), closing)
                order = await self._desk.carry_out(lambda asked: self._do(visit, asked))
            if closing.is_set():
                visit.note(ReferReason.INTERRUPTED)
                return Going.ENDED
            if order is None or order.act is LaneAct.TAKE_OVER:
                continue
            visit.is_new = visit.is_new or order.act is not LaneAct.END
            if order.act is LaneAct.END:
                return Going.ENDED
            if order.act is LaneAct.GO_ON or order.act in _RETRIES:
                return Going.ON

    async def take_over(self, order: LaneOrder, visit: Visit) -> None:
        """An officer takes the traveller of ``visit`` over: written down, then so. Raises RecordsError."""
        await audit(self._parts, self._lane, order, visit.encounter_id)
        self._desk.hold(order.by)
        self._write_down(visit, order)

    def _offered(self, visit: Visit) -> set[LaneAct]:
        acts = {LaneAct.TAKE_OVER, LaneAct.RETRY_DOCUMENT, LaneAct.TYPE_DOCUMENT, LaneAct.END}
        if visit.is_new or not self._capture.is_complete(visit):
            acts.add(LaneAct.GO_ON)
        if self._capture.takes_face:
            acts.add(LaneAct.RETRY_FACE)
            if not any(one.modality == "face" for one in visit.samples):
                acts.add(LaneAct.WITHOUT_FACE)
        if self._capture.positions(visit):
            acts |= {LaneAct.RETRY_FINGERS, LaneAct.SKIP_FINGER}
        return acts

    async def _do(self, visit: Visit, order: LaneOrder) -> None:
        if order.act is LaneAct.TAKE_OVER:
            if order.by == self._desk.holder:
                raise LaneError(Reason.CONFLICT, f"{self._lane} is yours already")
            await self.take_over(order, visit)
            return
        if order.by != self._desk.holder:
            raise LaneError(
                Reason.CONFLICT, f"{self._desk.holder} has {self._lane} in hand", "Take it over first, if need be."
            )
        check_order(order)
        document = typed(order.lines) if order.act is LaneAct.TYPE_DOCUMENT else None
        asked = frozenset(self._capture.positions(visit))
        if not asked.issuperset(order.fingers) or (order.act is LaneAct.SKIP_FINGER and not order.fingers):
            raise LaneError(Reason.BAD_VALUE, "no finger that is asked for here", "Name one that is.")
        await audit(self._parts, self._lane, order, visit.encounter_id)
        self._write_down(visit, order)
        if order.act in OVERRIDES:
            visit.note(ReferReason.OFFICER_OVERRIDE)
        match order.act:
            case LaneAct.RETRY_DOCUMENT:
                visit.begin_anew(Step.DOCUMENT, Step.CHIP, Step.PORTRAIT)
            case LaneAct.RETRY_FACE:
                visit.begin_anew(Step.FACE, Step.PORTRAIT, Step.LIVENESS)
            case LaneAct.RETRY_FINGERS:
                self._fingers_settled(visit, order)
                visit.done.discard(Step.FINGERS)
            case LaneAct.SKIP_FINGER:
                self._fingers_settled(visit, order)
                code = missing_code(order.reason)
                visit.samples += [Sample(modality="finger", position=one, missing=code) for one in order.fingers]
            case LaneAct.WITHOUT_FACE:
                visit.forgive(Step.FACE, Step.PORTRAIT, Step.LIVENESS)
                visit.done |= {Step.FACE, Step.PORTRAIT, Step.LIVENESS}
            case LaneAct.TYPE_DOCUMENT if document is not None:
                self._put_in(visit, document)

    def _fingers_settled(self, visit: Visit, order: LaneOrder) -> None:
        """The fingers that are named, or all, are taken care of: what went wrong with them does not count."""
        named = frozenset(order.fingers or self._capture.positions(visit))
        visit.drop("finger", named)
        visit.failed -= named
        if not visit.failed:
            visit.forgive(Step.FINGERS)

    def _put_in(self, visit: Visit, document: Document) -> None:
        visit.document = document
        # The chip opens with what the zone says: it can be read now.
        visit.begin_anew(Step.DOCUMENT, Step.CHIP, Step.PORTRAIT)
        visit.step = Step.DOCUMENT
        self._documents.check_expiry(visit, document)
        visit.step = None
        visit.done.add(Step.DOCUMENT)
        visit.arrival = None
        self._capture.greet(visit)

    def _write_down(self, visit: Visit, order: LaneOrder) -> None:
        at = self._parts.clock.now().iso()
        visit.officer.append(OfficerAct(act=order.act, by=order.by, at=at, reason=order.reason, fingers=order.fingers))


async def audit(parts: LaneParts, lane: str, order: LaneOrder, subject: str) -> None:
    """Write into the audit chain what an officer does at ``lane``. Raises RecordsError: then it is not done."""
    detail = " ".join(filter(None, (lane, order.reason, *(one.label for one in order.fingers))))
    await parts.records.audited(f"lane.{order.act}", subject=subject, actor=order.by, detail=detail, note=order.note)


def check_order(order: LaneOrder) -> None:
    """Raise LaneError (BAD_VALUE) where ``order`` needs one of the reasons and has none."""
    reasons = REASONS.get(order.act)
    if reasons is not None and order.reason not in reasons:
        raise LaneError(Reason.BAD_VALUE, f"{order.act} needs a reason", f"One of: {', '.join(reasons)}.")
    if reasons is None and order.reason:
        raise LaneError(Reason.BAD_VALUE, f"{order.act} takes no reason")


def typed(lines: tuple[str, ...]) -> Document:
    """The document whose zone was typed. Raises LaneError (BAD_VALUE) unless every check digit is right."""
    try:
        document = parse_mrz(tuple("".join(line.split()) for line in lines))
    except DocumentError as error:
        raise LaneError(
            Reason.BAD_VALUE, error.what, "Two lines of 44 or 36 characters, or three of 30, with < for fillers."
        ) from error
    if not document.sound:
        wrong = ", ".join(document.failed_checks).replace("_", " ")
        raise LaneError(Reason.BAD_VALUE, f"check digits do not match: {wrong}", "Compare with the document.")
    return document
