"""What the gateway's replies to one encounter come to: its state, and the alerts that they give cause for.

Both are worked out anew from all replies that are stored (``domain.answers``), so that their order makes no
difference. An error does not count any more once the fingers were sent again under another number. That prints are of
no use is told to an officer when the lane can no longer ask for them: it was asked once, or the traveller has left.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from hotspotd.clock import Stamp
from hotspotd.domain.answers import further, overall, together
from hotspotd.domain.candidate import Determination, Hit
from hotspotd.domain.gateway_error import Action, asks_for_prints, remedies
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome, Outcome, ReferReason
from hotspotd.records import audit, sealed
from hotspotd.records.alerts import OPEN_AGAIN, decoded, encoded, in_order, insert_alert, listed_in_alerts, urgency_of
from hotspotd.records.model import AlertKind, AlertState, Decision, Kind

_encode = msgspec.json.encode
_FROM_GATEWAY = (ReferReason.GATEWAY_ERROR, ReferReason.PRINTS_REFUSED)
ANSWERED_SINCE = "the gateway has answered since"


@dataclass(frozen=True, slots=True)
class _Sent:
    """An encounter as far as its replies are concerned. ``tcns`` are the numbers it was sent under, oldest first."""

    encounter_id: str
    tcns: tuple[str, ...]
    released: bool
    local: str | None

    @property
    def gone(self) -> bool:
        """Whether the traveller was let go. Whoever was referred is with an officer."""
        return self.released and self.local == Outcome.CLEAR

    @property
    def may_be_asked(self) -> bool:
        """Whether the lane can still ask for the fingers."""
        return not self.released and self.local != Outcome.REFER and len(self.tcns) == 1


def settle(writer: sqlite3.Connection, now: Stamp, encounter_id: str, new: GatewayAnswer | None = None) -> list[int]:
    """Bring the encounter and its alerts up to its replies, of which ``new`` has just come.

    Returns the ids of the alerts that were raised or changed.
    """
    sent = _sent(writer, encounter_id)
    answer = together(_answers(writer, sent))
    stored = None if answer is None else _encode(answer)
    (before,) = writer.execute(
        f"SELECT {sealed.encounter('answer')} FROM encounter WHERE id = ?",  # noqa: S608  # Constants.
        (encounter_id,),
    ).fetchone()
    if stored != before:
        writer.execute(
            "UPDATE encounter SET gateway_outcome = ?, answer = seal(key_id, 'encounter.answer', id, ?),"
            " answered_at = ? WHERE id = ?",
            (answer and answer.outcome, stored, None if answer is None else now.iso(), encounter_id),
        )
    if answer is None:
        return []
    changed = _marked(writer, now, encounter_id, answer)
    if new is not None and answer.outcome is not GatewayOutcome.ERROR:
        changed += [*_raised(writer, now, sent, answer, new), *_trouble_over(writer, now, encounter_id)]
    elif new is not None and not (asks_for_prints(answer.faults) and sent.may_be_asked):
        changed += _trouble(writer, now, encounter_id, answer)
    return list(dict.fromkeys(changed))


def prints_refused(writer: sqlite3.Connection, encounter_id: str) -> bool:
    """Whether the gateway wants better prints, and no officer was told yet."""
    row = writer.execute(
        f"SELECT {sealed.encounter('answer')} FROM encounter e WHERE id = ? AND gateway_outcome = ?"  # noqa: S608
        " AND NOT EXISTS (SELECT 1 FROM alert a,"
        " json_each(a.reasons) r WHERE a.encounter_id = e.id AND r.value = ?)",
        (encounter_id, GatewayOutcome.ERROR, ReferReason.PRINTS_REFUSED),
    ).fetchone()
    return bool(row and row[0]) and asks_for_prints(msgspec.json.decode(row[0], type=GatewayAnswer).faults)


def tell_prints_refused(writer: sqlite3.Connection, now: Stamp, encounter_id: str) -> int | None:
    """The lane cannot ask any more: the id of the alert that tells an officer, where there is something to tell."""
    if not prints_refused(writer, encounter_id):
        return None
    return _insert_trouble(writer, now, encounter_id, ReferReason.PRINTS_REFUSED)


def _sent(writer: sqlite3.Connection, encounter_id: str) -> _Sent:
    released, local = writer.execute(
        "SELECT released_at IS NOT NULL, local_outcome FROM encounter WHERE id = ?", (encounter_id,)
    ).fetchone()
    rows = writer.execute(
        "SELECT tcn FROM outbox WHERE encounter_id = ? AND kind = ? ORDER BY created_at, tcn",
        (encounter_id, Kind.TRANSACTION),
    )
    return _Sent(encounter_id, tuple(str(row[0]) for row in rows), bool(released), local)


def _answers(writer: sqlite3.Connection, sent: _Sent) -> list[GatewayAnswer]:
    """Every reply that counts. Of one whose content is erased the outcome is still known."""
    rows = writer.execute(
        f"SELECT tcn, tcr, outcome, {sealed.REPLY_ANSWER} FROM reply WHERE encounter_id = ?",  # noqa: S608  # Constant.
        (sent.encounter_id,),
    ).fetchall()
    over = set(sent.tcns[:-1])
    return [
        GatewayAnswer(outcome=GatewayOutcome(outcome), tcn=tcn, tcr=tcr)
        if content is None
        else msgspec.json.decode(content, type=GatewayAnswer)
        for tcn, tcr, outcome, content in rows
        if not (outcome == GatewayOutcome.ERROR and tcr in over)
    ]


def _marked(writer: sqlite3.Connection, now: Stamp, encounter_id: str, answer: GatewayAnswer) -> list[int]:
    """Write into the alerts that there are what is known of their hits by now; the ids of those that change."""
    told = {hit.record.reference: hit for hit in answer.hits}
    changed = []
    rows = writer.execute(
        f"SELECT id, kind, {sealed.ALERT_HITS}, coalesce(proposed, state), unsent FROM alert"  # noqa: S608  # Constant.
        " WHERE encounter_id = ?",
        (encounter_id,),
    ).fetchall()
    for alert_id, kind, stored, state, unsent in rows:
        before = decoded(stored)
        ours = kind in {AlertKind.GATEWAY, AlertKind.LATE}
        after = in_order(_told(hit, told.get(hit.record.reference), whole=ours) for hit in before)
        left = answer.unsent if ours else unsent
        if after == before and left == unsent:
            continue
        confirmed, withdrawn = (_more(before, after, what) for what in (_is_confirmed, _is_withdrawn))
        # What an officer took for somebody else and the owner confirms is looked at once more.
        again = bool(confirmed) and state in (AlertState.DISMISSED, Decision.DISMISS)
        writer.execute(
            f"UPDATE alert SET hits = {sealed.SEAL_HITS}, urgency = ?, determination = ?, unsent = ? WHERE id = ?",  # noqa: S608
            (encoded(after), urgency_of(after), overall(after), left, alert_id),
        )
        if again:
            writer.execute(f"UPDATE alert SET {OPEN_AGAIN} WHERE id = ?", (alert_id,))  # noqa: S608  # Constant.
        for event, count in (("alert.confirmed_by_bureau", confirmed), ("alert.withdrawn_by_bureau", withdrawn)):
            if count:
                audit.append(writer, now, event, subject=encounter_id, detail=f"{kind} {count}")
        changed.append(int(alert_id))
    return changed


def _told(hit: Hit, told: Hit | None, *, whole: bool) -> Hit:
    """``hit`` with what the gateway says; ``whole``: all it says, since there is nothing of our own in it."""
    if told is None:
        return hit
    if whole:
        return told
    return replace(hit, determination=further(hit.determination, told.determination), withdrawn=told.withdrawn)


def _is_confirmed(hit: Hit) -> bool:
    return hit.determination is Determination.CONFIRMED


def _is_withdrawn(hit: Hit) -> bool:
    return hit.withdrawn


def _more(before: tuple[Hit, ...], after: tuple[Hit, ...], what: Callable[[Hit], bool]) -> int:
    return max(0, sum(map(what, after)) - sum(map(what, before)))


def _raised(
    writer: sqlite3.Connection, now: Stamp, sent: _Sent, answer: GatewayAnswer, new: GatewayAnswer
) -> list[int]:
    """The alert about what ``new`` names and no officer has yet."""
    if new.outcome is not GatewayOutcome.HIT:
        return []
    known = listed_in_alerts(writer, sent.encounter_id)
    named = {hit.record.reference for hit in new.hits} - known
    if new.hits and not named:
        return []
    hits = tuple(hit for hit in answer.hits if hit.record.reference in named)
    alert_id = insert_alert(
        writer,
        now,
        encounter_id=sent.encounter_id,
        kind=AlertKind.LATE if sent.gone else AlertKind.GATEWAY,
        hits=hits,
        reasons=(ReferReason.GATEWAY_HIT,),
        unsent=answer.unsent,
    )
    return [] if alert_id is None else [alert_id]


def _trouble(writer: sqlite3.Connection, now: Stamp, encounter_id: str, answer: GatewayAnswer) -> list[int]:
    if all(remedy.action is Action.NOTHING for remedy in remedies(answer.faults)):
        return []
    reason, other = _FROM_GATEWAY if not asks_for_prints(answer.faults) else reversed(_FROM_GATEWAY)
    # Of several errors together another one may be the reason than of the first alone.
    writer.execute(
        "UPDATE alert SET reasons = (SELECT CAST(json_group_array(value) AS BLOB) FROM json_each(reasons)"
        " WHERE value <> ?) WHERE encounter_id = ? AND kind = ?",
        (other, encounter_id, AlertKind.TROUBLE),
    )
    alert_id = _insert_trouble(writer, now, encounter_id, reason)
    return [] if alert_id is None else [alert_id]


def _insert_trouble(writer: sqlite3.Connection, now: Stamp, encounter_id: str, reason: ReferReason) -> int | None:
    return insert_alert(writer, now, encounter_id=encounter_id, kind=AlertKind.TROUBLE, hits=(), reasons=(reason,))


def _trouble_over(writer: sqlite3.Connection, now: Stamp, encounter_id: str) -> list[int]:
    """A search was done after all: take back what was told of errors, where nobody has decided on it."""
    row = writer.execute(
        "SELECT id, reasons FROM alert WHERE encounter_id = ? AND kind = ? AND state = ?",
        (encounter_id, AlertKind.TROUBLE, AlertState.OPEN),
    ).fetchone()
    if row is None:
        return []
    alert_id, reasons = int(row[0]), msgspec.json.decode(row[1], type=tuple[str, ...])
    left = tuple(reason for reason in reasons if reason not in _FROM_GATEWAY)
    if left == reasons:
        return []
    if left:
        writer.execute("UPDATE alert SET reasons = ? WHERE id = ?", (_encode(left), alert_id))
    else:
        writer.execute(
            "UPDATE alert SET state = ?, decided_at = ?, decided_by = 'daemon',"  # noqa: S608  # Constant.
            f" decision_words = {sealed.SEAL_WORDS} WHERE id = ?",
            (AlertState.DISMISSED, now.iso(), ANSWERED_SINCE, alert_id),
        )
    audit.append(writer, now, "alert.answered_since", subject=encounter_id)
    return [alert_id]
