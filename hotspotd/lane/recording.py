"""Write an encounter down, then check it; and check what a power cut left unchecked."""

from __future__ import annotations

import logging

import msgspec

from hotspotd.domain.encounter import Encounter
from hotspotd.domain.verdict import Outcome, ReferReason, Verdict
from hotspotd.errors import HotspotError, WorkError
from hotspotd.events import AlertChanged, EncounterChanged
from hotspotd.lane.local_check import local_check
from hotspotd.lane.parts import LaneParts
from hotspotd.records.model import AlertState, Kind, OutboxItem, Rank

log = logging.getLogger(__name__)


async def record_and_check(encounter: Encounter, parts: LaneParts) -> Verdict:
    """Record ``encounter`` with its transaction, and only then search. Raises RecordsError, RelayError, WorkError."""
    now = parts.clock.now()
    payload = await parts.images.run(parts.compose, encounter, now)
    item = OutboxItem(
        tcn=encounter.tcn,
        encounter_id=encounter.encounter_id,
        kind=Kind.TRANSACTION,
        rank=Rank.LIVE,
        lane=encounter.lane,
        payload=payload,
        created_at=now.iso(),
    )
    await parts.records.record_encounter(encounter, item)
    parts.wake_courier()
    return await _check(encounter, parts)


async def check_interrupted(parts: LaneParts) -> int:
    """Check what was recorded but not checked before the daemon last ended; returns how many that were.

    Their travellers never saw a result, so each is referred: an officer has to know.
    """
    interrupted = await parts.records.unchecked()
    for encounter_id in interrupted:
        try:
            stored = await parts.records.encounter(encounter_id)
            trouble = (*stored.encounter.trouble, ReferReason.INTERRUPTED)
            await _check(msgspec.structs.replace(stored.encounter, trouble=trouble), parts)
        except HotspotError as error:
            # One that cannot be read must not keep the kiosk from starting; it is tried again at the next start.
            log.error("encounter %s could not be checked: %s", encounter_id, error)
    if interrupted:
        log.warning("%d encounters were interrupted by the last stop and have been checked now", len(interrupted))
    return len(interrupted)


async def _check(encounter: Encounter, parts: LaneParts) -> Verdict:
    today = parts.clock.now().at.date()
    try:
        verdict = await parts.search.run(
            local_check, encounter, parts.snapshot(), parts.faces, parts.config.matching, today, parts.instead_of
        )
    except WorkError as error:
        log.error("encounter %s could not be searched: %s", encounter.encounter_id, error)
        reasons = (*encounter.trouble, ReferReason.CHECK_FAILED)
        verdict = Verdict(outcome=Outcome.REFER, reasons=reasons)
    alerts = await parts.records.record_verdict(encounter.encounter_id, verdict)
    parts.events.publish(
        EncounterChanged(
            encounter_id=encounter.encounter_id,
            lane=encounter.lane,
            local=verdict.outcome,
            local_ms=verdict.compute_ms,
            tcn=encounter.tcn,
        )
    )
    for alert_id in alerts:
        parts.events.publish(
            AlertChanged(alert_id=alert_id, encounter_id=encounter.encounter_id, state=AlertState.OPEN)
        )
    return verdict
