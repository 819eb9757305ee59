"""What a campaign came to: every transaction that the kiosk had on its disk, held against both databases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lines.ledger import GatewayLedger, KioskLedger


@dataclass(slots=True)
class Tally:
    """What happened and what came of it.

    ``lost``: said to be on the kiosk's disk or found there, and not answered; ``processed_twice`` and
    ``answered_twice`` by the gateway's count and the kiosk's; ``unrecorded``: at the gateway and not at the kiosk;
    ``unchecked``: recorded and without a local result. ``set_aside`` are among the lost.
    """

    transactions: int = 0
    kills: int = 0
    gateway_kills: int = 0
    gateway_orders: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    answered_once: int = 0
    delivered_again: int = 0
    lost: int = 0
    set_aside: int = 0
    processed_twice: int = 0
    answered_twice: int = 0
    unrecorded: int = 0
    unchecked: int = 0

    @property
    def ok(self) -> bool:
        """Nothing lost, nothing twice, nothing from nowhere."""
        bad = self.lost + self.processed_twice + self.answered_twice + self.unrecorded + self.unchecked
        return self.transactions > 0 and not bad

    def compare(self, said: set[str], records: Path, inbox: Path) -> None:
        """Count what came of what the kiosk ``said`` was on its disk, by its records and the gateway's. Blocks."""
        kiosk, central = KioskLedger.read(records), GatewayLedger.read(inbox)
        held = set(kiosk.states)
        answered = {tcn for tcn in held if kiosk.states[tcn] == "answered" and kiosk.answers[tcn]}
        answered_twice = _several(kiosk.answers) | _several(central.replies)
        processed_twice = _several(central.processed)
        self.transactions = len(said | held)
        self.lost = len((said | held) - answered)
        self.set_aside = sum(state == "quarantined" for state in kiosk.states.values())
        self.processed_twice = len(processed_twice)
        self.answered_twice = len(answered_twice)
        self.answered_once = len(answered - answered_twice - processed_twice)
        self.delivered_again = sum(central.deliveries.values()) - len(central.deliveries)
        self.unrecorded = len(set(central.deliveries) - held)
        self.unchecked = kiosk.unchecked


def _several(times: Mapping[str, int]) -> set[str]:
    return {tcn for tcn, count in times.items() if count > 1}
