"""Write an encounter down, then check it; and check what a power cut left unchecked."""

from __future__ import annotations

import logging

import msgspec

from hotspotd.domain.encounter import Encounter
from hotspotd.domain.identifiers import second_tcn
from hotspotd.domain.verdict import Outcome, ReferReason, Verdict
from hotspotd.errors import HotspotError, WorkError
from hotspotd.events import AlertChanged, EncounterChanged
from hotspotd.lane.local_check import local_check
from hotspotd.lane.parts import LaneParts
from hotspotd.records.model import AlertState, Kind, OutboxItem, Rank

log = logging.getLogger(__name__)


async def record_and_check(encounter: Encounter, parts: LaneParts) -> Verdict:
    """Record ``encounter`` with its transaction, and only then search. Raises RecordsError, RelayError, WorkError."""
    await parts.records.record_encounter(encounter, await _transaction(encounter, parts))
    parts.wake_courier()
    return await check(encounter, parts)


async def record_again(encounter: Encounter, parts: LaneParts) -> tuple[str, Verdict]:
    """Record the prints of ``encounter`` that were taken again, with a second transaction; then search.

    Returns the number of that transaction, and what the search said. Raises RecordsError, RelayError, WorkError.
    """
    second = msgspec.structs.replace(encounter, tcn=second_tcn(encounter.tcn))
    await parts.records.record_prints_again(encounter, await _transaction(second, parts))
    parts.wake_courier()
    return second.tcn, await check(encounter, parts)


async def _transaction(encounter: Encounter, parts: LaneParts) -> OutboxItem:
    now = parts.clock.now()
    return OutboxItem(
        tcn=encounter.tcn,
        encounter_id=encounter.encounter_id,
        kind=Kind.TRANSACTION,
        rank=Rank.LIVE,
        lane=encounter.lane,
        payload=await parts.images.run(parts.compose, encounter, now),
        created_at=now.iso(),
    )


async def check_interrupted(parts: LaneParts) -> int:
    """Check what was recorded but not checked before the daemon last ended; returns how many that were.

    Their travellers never saw a result, so each is referred: an officer has to know.
    """
    interrupted = await parts.records.unchecked()
    for encounter_id in interrupted:
        try:
            stored = await parts.records.encounter(encounter_id)
            trouble = (*stored.encounter.trouble, ReferReason.INTERRUPTED)
            await check(msgspec.structs.replace(stored.encounter, trouble=trouble), parts)
        except HotspotError as error:
            # One that cannot be read must not keep the kiosk from starting; it is tried again at the next start.
            log.error("encounter %s could not be checked: %s", encounter_id, error)
    if interrupted:
        log.warning("%d encounters were interrupted by the last stop and have been checked now", len(interrupted))
    return len(interrupted)


async def check(encounter: Encounter, parts: LaneParts) -> Verdict:
    """Search what is recorded, and record what came of it. Raises RecordsError."""
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
