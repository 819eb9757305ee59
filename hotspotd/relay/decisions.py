"""What an officer decides about hits, as it goes to the gateway. Composed here; stored with the decision itself."""

from __future__ import annotations

from hotspotd.clock import Stamp
from hotspotd.domain.identifiers import new_tcn
from hotspotd.records.model import Alert, Decision, Kind, OutboxItem, Rank
from hotspotd.relay.reports import MOST_REFERENCES, DecisionReport, encode_decision


def compose_decision(alert: Alert, decision: Decision, now: Stamp, *, country: str, role: str) -> OutboxItem | None:
    """The report that somebody in ``role`` took ``decision`` on ``alert``; ``None`` where it is about no hit.

    It names the records that the alert shows; of more than fit, the most urgent. Raises RelayError (BAD_TRANSACTION).
    """
    references = tuple(dict.fromkeys(hit.record.reference for hit in alert.hits))[:MOST_REFERENCES]
    if not references:
        return None
    report = DecisionReport(
        tcn=alert.tcn, alert_kind=alert.kind, decision=decision, references=references, at=now.iso(), by_role=role
    )
    return OutboxItem(
        tcn=new_tcn(country, now.at),
        encounter_id=alert.encounter_id,
        kind=Kind.DECISION,
        rank=Rank.DECISION,
        lane=alert.lane,
        payload=encode_decision(report),
        created_at=now.iso(),
    )
