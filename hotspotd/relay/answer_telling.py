"""What an answer that was stored tells those who watch: the pages, the lane, the log, the technician."""

from __future__ import annotations

import logging

from hotspotd.domain.gateway_error import Actor, remedies
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome
from hotspotd.events import AlertChanged, EncounterChanged, Events
from hotspotd.records.model import AlertState, StoredAnswer

# As the courier's own.
log = logging.getLogger("hotspotd.relay.courier")


class AnswerTelling:
    """Tells of answers. ``trouble`` is what a technician has to see to, empty when the latest answer was none such."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self.trouble = ""

    def tell(self, answer: GatewayAnswer, stored: StoredAnswer) -> None:
        """Tell of ``answer``, whatever became of it."""
        if stored.encounter_id is None:
            # Nobody here to show a hit to: after a damaged database was set aside, say. The log must stand out.
            level = logging.ERROR if answer.outcome is GatewayOutcome.HIT else logging.WARNING
            log.log(level, "courier: reply %s answers %s, which is not known here", answer.tcn, answer.tcr)
            return
        if not stored.new:
            log.debug("courier: reply %s is stored already", answer.tcn)
            return
        self._note_trouble(answer)
        self._events.publish(
            EncounterChanged(
                encounter_id=stored.encounter_id,
                lane=stored.lane or "",
                gateway=answer.outcome.value,
                tcn=answer.tcr,
            )
        )
        for alert_id in stored.alerts:
            self._events.publish(
                AlertChanged(alert_id=alert_id, encounter_id=stored.encounter_id, state=AlertState.OPEN.value)
            )

    def _note_trouble(self, answer: GatewayAnswer) -> None:
        """Codes and fields only: what a gateway writes freely may name somebody."""
        if answer.outcome is not GatewayOutcome.ERROR:
            if self.trouble:
                log.info("courier: the gateway takes checks again")
            self.trouble = ""
            return
        technical = [remedy for remedy in remedies(answer.faults) if remedy.actor is Actor.TECHNICIAN]
        if not technical:
            return
        codes = ", ".join(dict.fromkeys(fault.place for fault in answer.faults))
        trouble = f"{technical[0].words}{f' ({codes})' if codes else ''}."
        level = logging.DEBUG if trouble == self.trouble else logging.ERROR
        log.log(level, "courier: %s: %s", answer.tcr, trouble)
        self.trouble = trouble
