"""Brings the gateway's copy of a national repository up to what its owner exports.

From a whole export (``full``) only what is new, changed or gone is sent, by the ledger of what was sent before; a file
of changes is carried out as it says. Rows travel in deltas that are built while the export is read: memory holds one of
them. Additions come before withdrawals, so that at no time less is listed than should be.

A run may be killed anywhere and repeated: what was taken is not sent again, and of a delta that was begun only the
missing chunks. Where the gateway is not where this computer left it, a whole export is sent anew, and what it does not
name is withdrawn with the last delta; a file of changes is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.national.channel import Channel
from hotspotd.relay.national.deltas import ChunksWanted, Delta, DeltaReceipt, Put, RepositoryState, Withdraw, sign
from hotspotd.relay.national.exports import Export, Listed, Row, Unusable, Withdrawn
from hotspotd.relay.national.ledger import Hasher, Ledger, wire_id
from hotspotd.relay.national.packing import Packing
from hotspotd.relay.national.records import Record

MOST_PROBLEMS = 10_000
"""Lines kept with their reason; more are counted."""
_FEW = 100
"""Withdrawals that are never held back: a small repository may change all at once."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that was left out, and why."""

    line: int
    reason: str


@dataclass(slots=True)
class Outcome:
    """What a run did; in a dry run, what it would have sent."""

    rows: int = 0
    left_out: int = 0
    ended: int = 0
    put: int = 0
    withdrawn: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    deltas: int = 0
    bytes: int = 0
    sequence: int = 0
    digest: str = ""
    count: int = 0
    anew: bool = False
    problems: list[Problem] = field(default_factory=list)

    def leave_out(self, line: int, reason: str) -> None:
        """Note a line that was not taken."""
        self.left_out += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(line, reason))


@dataclass(frozen=True, slots=True)
class Terms:
    """How a run is made. ``withdraw_percent``: of the records held, how many may go at once in a full export."""

    repository: str
    key: ec.EllipticCurvePrivateKey
    hasher: Hasher
    today: str
    full: bool
    withdraw_percent: int = 20
    dry_run: bool = False


Told = Callable[[Outcome], None]


class Submission:
    """One run. ``told`` hears of progress."""

    def __init__(self, terms: Terms, ledger: Ledger, channel: Channel, told: Told = lambda _outcome: None) -> None:
        self._terms = terms
        self._ledger = ledger
        self._channel = channel
        self._told = told
        self.outcome = Outcome()
        self._packing = Packing()
        self._usable = 0
        # What the delta that is being packed does to a record; in a file of changes a later line counts.
        self._intended: dict[bytes, bytes | None] = {}

    def run(self, export: Export) -> Outcome:
        """Submit ``export``. Raises RelayError, ConfigError, sqlite3.Error, OSError: what was taken stays taken."""
        state = self._channel.state()
        self._settle(state)
        self._agree(state)
        for row in export.rows():
            self.outcome.rows += 1
            self._row(row)
            self._told(self.outcome)
        if self._terms.full:
            self._withdraw_the_rest(state)
        self._send(sweeps=self._terms.full and self.outcome.anew)
        self._told(self.outcome)
        return self.outcome

    def _settle(self, state: RepositoryState) -> None:
        """Find out what became of a delta that the last run was sending when it ended."""
        pending = self._ledger.pending()
        if pending is None or self._terms.dry_run:
            return
        sequence, signed = pending
        if (state.sequence, state.digest) == (sequence, signed.digest):
            receipt = self._channel.offer(sequence, signed)
            if isinstance(receipt, DeltaReceipt):
                # Rows that were refused are sent again with this run, and told with its lines.
                self._taken(receipt)
                return
        self._ledger.forget_pending()

    def _agree(self, state: RepositoryState) -> None:
        place = self._ledger.place
        agreed = (place.sequence, place.digest) == (state.sequence, state.digest)
        self.outcome.sequence, self.outcome.digest, self.outcome.count = state.sequence, state.digest, state.count
        self.outcome.anew = not agreed or place.all_since is not None
        if not self.outcome.anew:
            return
        if not self._terms.full:
            raise RelayError(
                Reason.CONFLICT,
                f"{self._terms.repository}: the gateway is at delta {state.sequence}, "
                f"which is not what this computer sent last ({place.sequence})",
                "Submit the whole export once: --full.",
            )
        if not agreed and not self._terms.dry_run:
            self._ledger.begin_anew(state.sequence, state.digest)

    def _row(self, row: Row) -> None:
        match row:
            case Unusable():
                self.outcome.leave_out(row.line, row.reason)
                if row.key is not None and self._terms.full:
                    # It is there, though it cannot be read: not withdrawn.
                    self._ledger.keep(self._terms.hasher.id(row.key))
            case Withdrawn():
                self._usable += 1
                self._withdraw(self._terms.hasher.id(row.key), row.line)
            case Listed() if row.record.expires is not None and row.record.expires < self._terms.today:
                self.outcome.ended += 1
            case Listed():
                self._listed(row)

    def _listed(self, row: Listed) -> None:
        row_id = self._terms.hasher.id(row.record)
        if self._terms.full and not self._ledger.see(row_id):
            self.outcome.leave_out(row.line, "the same kind, number, issuer and reference as an earlier line")
            return
        self._usable += 1
        content = self._terms.hasher.content(row.record)
        if self._held(row_id) == content:
            return
        self.outcome.put += 1
        self._pack(_put(row.record, row_id), row_id, content, row.line)

    def _withdraw(self, row_id: bytes, line: int) -> None:
        if self._held(row_id) is None:
            return
        self.outcome.withdrawn += 1
        self._pack(Withdraw(id=wire_id(row_id)), row_id, None, line)

    def _held(self, row_id: bytes) -> bytes | None:
        """The content that the gateway has or is about to have under this id."""
        if row_id in self._intended:
            return self._intended[row_id]
        if self._terms.dry_run and self.outcome.anew:
            return None
        return self._ledger.content(row_id)

    def _pack(self, row: Put | Withdraw, row_id: bytes, content: bytes | None, line: int) -> None:
        self._packing.add(row, row_id, content, line)
        self._intended[row_id] = content
        if self._packing.full:
            self._send(sweeps=False)

    def _withdraw_the_rest(self, state: RepositoryState) -> None:
        held = state.count if self.outcome.anew else self._ledger.count()
        gone = max(0, held - self._usable) if self.outcome.anew else self._ledger.unseen()
        allowed = max(_FEW, held * self._terms.withdraw_percent // 100)
        if self._terms.withdraw_percent < 100 and (gone > allowed or (held and not self._usable)):
            self._send(sweeps=False)
            raise RelayError(
                Reason.CONFLICT,
                f"{self._terms.repository}: {gone} of {held} records are not in the export; none was withdrawn",
                "If the export is whole, say so: --withdraw-at-most 100.",
            )
        for row_id in self._ledger.unseen_ids():
            self._withdraw(row_id, 0)

    def _send(self, *, sweeps: bool) -> None:
        """Send what is packed, and wait until it is taken."""
        if not self._packing.rows and not sweeps:
            return
        packed = self._packing.close()
        self._packing = Packing()
        self._intended = {}
        self.outcome.deltas += 1
        self.outcome.bytes += sum(len(chunk) for chunk in packed.chunks)
        if self._terms.dry_run:
            return
        place = self._ledger.place
        delta = Delta(
            repository=self._terms.repository,
            sequence=place.sequence + 1,
            previous=place.digest,
            chunks=packed.marks,
            all_since=place.all_since if sweeps else None,
        )
        signed = sign(delta, self._terms.key)
        self._ledger.intend(delta.sequence, signed, packed.rows, sweeps=sweeps)
        answer = self._channel.offer(delta.sequence, signed)
        if isinstance(answer, ChunksWanted) and all(0 <= number < len(packed.chunks) for number in answer.chunks):
            for number in answer.chunks:
                self._channel.chunk(delta.sequence, signed.digest, number, packed.chunks[number])
                self._told(self.outcome)
            answer = self._channel.offer(delta.sequence, signed)
        if isinstance(answer, ChunksWanted) or answer.digest != signed.digest:
            raise RelayError(
                Reason.LINK_PROTOCOL, "gateway: it has every chunk and gives no receipt for them", "Run it again."
            )
        for line, reason in self._taken(answer):
            self.outcome.leave_out(line, f"refused by the gateway: {reason}")

    def _taken(self, receipt: DeltaReceipt) -> list[tuple[int, str]]:
        """Note what was taken; returns lines and reasons of what was not."""
        refused = self._ledger.carry_over(receipt)
        outcome = self.outcome
        outcome.added += receipt.added
        outcome.changed += receipt.changed
        outcome.unchanged += receipt.unchanged
        outcome.removed += receipt.withdrawn + receipt.swept
        outcome.sequence, outcome.digest, outcome.count = receipt.sequence, receipt.digest, receipt.count
        self._told(outcome)
        return refused


def _put(record: Record, row_id: bytes) -> Put:
    return Put(id=wire_id(row_id), **{name: getattr(record, name) for name in Record.__struct_fields__})
