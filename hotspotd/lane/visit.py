"""What is gathered of one traveller on the way through the lane, until it is written down."""

from __future__ import annotations

from dataclasses import dataclass, field

from hotspotd.clock import Stamp
from hotspotd.domain.chip import ChipCheck, PortraitCheck
from hotspotd.domain.document import Document
from hotspotd.domain.encounter import Encounter, Sample
from hotspotd.domain.identifiers import new_encounter_id, tcn_of
from hotspotd.domain.liveness import Liveness
from hotspotd.domain.verdict import ReferReason


@dataclass(slots=True)
class Visit:
    """One traveller in one lane."""

    opened: Stamp
    document: Document | None = None
    samples: list[Sample] = field(default_factory=list)
    trouble: list[ReferReason] = field(default_factory=list)
    liveness: Liveness | None = None
    chip: ChipCheck | None = None
    portrait: PortraitCheck | None = None
    encounter_id: str = ""

    def __post_init__(self) -> None:
        """Give the visit its id."""
        self.encounter_id = self.encounter_id or new_encounter_id(self.opened.at)

    def note(self, reason: ReferReason) -> None:
        """Something went wrong that refers the traveller; noted once."""
        if reason not in self.trouble:
            self.trouble.append(reason)

    def age(self) -> int | None:
        """Full years, by the document; ``None`` where the date of birth or today's date is not surely known."""
        born = self.document.born(self.opened.at.year) if self.document else None
        if not self.opened.trusted or born is None or len(born) != 10:
            return None
        year, month, day = (int(part) for part in born.split("-"))
        today = self.opened.at
        age = today.year - year - ((today.month, today.day) < (month, day))
        # Two digits of a year later in this one: born today, or a hundred years ago.
        return age if age >= 0 else None

    def encounter(self, lane: str, operation: str, country: str) -> Encounter:
        """The visit as it is written down."""
        return Encounter(
            encounter_id=self.encounter_id,
            tcn=tcn_of(country, self.encounter_id),
            lane=lane,
            operation=operation,
            opened_at=self.opened.iso(),
            clock_trusted=self.opened.trusted,
            document=self.document,
            samples=tuple(self.samples),
            trouble=tuple(self.trouble),
            liveness=self.liveness,
            chip=self.chip,
            portrait=self.portrait,
        )
