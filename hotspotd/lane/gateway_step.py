"""The last step: the gateway's answer, waited for a short while; and the fingers once more where it asks for them.

The gateway may find prints too poor, or in another order than they were said to be (INT-I 501 to 503). While the
traveller is still here they are taken again, once, with the same words as for any bad print, and searched here and
there as a second transaction of the same encounter. Nothing on the traveller's screen tells who asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from msgspec.structs import replace

from hotspotd.domain.encounter import Encounter, Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.gateway_error import asks_for_prints
from hotspotd.domain.verdict import GatewayOutcome, Outcome, ReferReason, Verdict
from hotspotd.errors import HotspotError, RecordsError
from hotspotd.events import EncounterChanged, LaneState, Missed, Prompt, Subscription
from hotspotd.lane.finger_step import FingerStep
from hotspotd.lane.parts import LaneParts
from hotspotd.lane.recording import check, record_again
from hotspotd.lane.screen import Screen
from hotspotd.lane.visit import Visit
from hotspotd.lane.waiting import first_of

log = logging.getLogger(__name__)


class GatewayStep:
    """Waits for answers of one lane's encounters. Whether a traveller may go is decided in the records, not here."""

    def __init__(self, lane: str, parts: LaneParts, fingers: FingerStep | None, screen: Screen) -> None:
        self._lane = lane
        self._parts = parts
        self._fingers = fingers
        self._screen = screen

    async def answered(
        self,
        visit: Visit,
        encounter: Encounter,
        verdict: Verdict,
        news: Subscription,
        help_asked: asyncio.Event,
        wait_s: float,
    ) -> Verdict:
        """``verdict``, which is clear, or another one where the fingers were taken again. ``news`` began before it.

        Each answer is waited for ``wait_s`` at most, and no longer than until help is asked for. Raises RelayError,
        RecordsError, WorkError when what was taken again could not be recorded.
        """
        await first_of(self._wait(news, encounter.encounter_id, encounter.tcn, wait_s), help_asked)
        if help_asked.is_set():
            return verdict  # The officer comes anyway.
        positions = tuple(
            sample.position for sample in visit.samples if sample.modality == "finger" and sample.position
        )
        if self._fingers is None or not positions or not await self._prints_refused(encounter.encounter_id):
            return verdict
        again = await first_of(self._taken_again(self._fingers, visit, positions), help_asked)
        if again is None:
            return verdict
        self._screen.show(LaneState.CHECKING, Prompt.WAIT, finger=None, fingers=(), attempt=1)
        encounter = replace(
            encounter, samples=_put_in_place(encounter.samples, again.samples), trouble=tuple(again.trouble)
        )
        if not any(sample.image for sample in again.samples):
            # There is nothing to send; an officer sees to it, as after any capture that failed.
            return await check(encounter, self._parts)
        tcn, verdict = await record_again(encounter, self._parts)
        if verdict.outcome is Outcome.CLEAR:
            await first_of(self._wait(news, encounter.encounter_id, tcn, wait_s), help_asked)
            if await self._prints_refused(encounter.encounter_id):
                return replace(verdict, outcome=Outcome.REFER)
        return verdict

    async def _taken_again(self, fingers: FingerStep, before: Visit, positions: tuple[FingerPosition, ...]) -> Visit:
        """The same traveller's fingers, as a visit of their own."""
        operation = self._parts.config.operation
        visit = Visit(before.opened, encounter_id=before.encounter_id)
        try:
            await fingers.capture(
                visit,
                positions,
                attempts=operation.attempts,
                timeout_s=operation.step_timeout_s,
                device_return_s=operation.device_return_s,
                again=True,
            )
        except HotspotError as error:
            log.warning("%s: the capture was broken off: %s", self._lane, error)
            visit.note(ReferReason.DEVICE_FAULT)
        return visit

    async def _wait(self, news: Subscription, encounter_id: str, tcn: str, wait_s: float) -> None:
        """Wait a short while for an answer to ``tcn``, or for a hit, where the gateway can be reached."""
        if not wait_s or not self._parts.link_up():
            return
        try:
            async with asyncio.timeout(wait_s):
                async for event in news:
                    if isinstance(event, Missed):
                        return
                    if not isinstance(event, EncounterChanged) or event.encounter_id != encounter_id:
                        continue
                    if event.gateway == GatewayOutcome.HIT or (event.gateway and event.tcn in {"", tcn}):
                        return
        except TimeoutError:
            log.info("%s: no answer from the gateway within %.0f s; the local result stands", self._lane, wait_s)

    async def _prints_refused(self, encounter_id: str) -> bool:
        try:
            answer = (await self._parts.records.encounter(encounter_id)).answer
        except RecordsError as error:
            log.warning("%s: %s", self._lane, error)
            return False
        return answer is not None and answer.outcome is GatewayOutcome.ERROR and asks_for_prints(answer.faults)


def _put_in_place(before: Sequence[Sample], again: Sequence[Sample]) -> tuple[Sample, ...]:
    """``before`` with the prints of ``again``; a finger of which there is none now keeps the one from before."""
    taken = {sample.position: sample for sample in again if sample.image}
    return tuple(taken.get(sample.position, sample) if sample.modality == "finger" else sample for sample in before)
