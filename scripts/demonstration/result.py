"""What became of one traveller."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from demonstration.travellers import Traveller

ANSWER_S = 45.0
"""What the software does within this time, or the demonstration says that it did not."""


@dataclass(slots=True)
class Result:
    """Filled while the traveller is played."""

    traveller: Traveller
    local: str = "none"
    gateway: str = "none"
    local_ms: float | None = None
    captures: int = 0
    alerts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    link: str = ""
    """By which link the check went."""
    certainty: str = ""
    """What the officer reads of the hit when the bureau has looked at it."""

    @property
    def ok(self) -> bool:
        """Whether everything was as expected."""
        return not self.problems

    def row(self) -> dict[str, Any]:
        """As it stands in the JSON file."""
        t = self.traveller
        return {
            "name": f"{t.key}: {t.name}",
            "expected": f"{t.expected_local}, {t.expected_gateway}",
            "local": self.local,
            "gateway": self.gateway,
            "ok": self.ok,
            "local_ms": self.local_ms,
            "alerts": self.alerts,
            "captures": self.captures,
            "notes": self.notes,
            "problems": self.problems,
            "link": self.link,
            "certainty": self.certainty,
        }
