"""What is gathered of one traveller on the way through the lane, until it is written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from drivers.base import MrzRead
from hotspotd.clock import Stamp
from hotspotd.domain.chip import ChipCheck, PortraitCheck
from hotspotd.domain.document import Document
from hotspotd.domain.encounter import Encounter, Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.identifiers import new_encounter_id, tcn_of
from hotspotd.domain.liveness import Liveness
from hotspotd.domain.officer import OfficerAct
from hotspotd.domain.verdict import ReferReason

_FINDINGS = frozenset(
    {
        ReferReason.DOCUMENT_EXPIRED,
        ReferReason.CHIP_NOT_GENUINE,
        ReferReason.CHIP_MISMATCH,
        ReferReason.PORTRAIT_MISMATCH,
        ReferReason.LIVENESS_FAILED,
    }
)


class Step(Enum):
    """The steps of a visit, in their order."""

    DOCUMENT = "document"
    CHIP = "chip"
    FACE = "face"
    PORTRAIT = "portrait"
    LIVENESS = "liveness"
    FINGERS = "fingers"


@dataclass(slots=True)
class Visit:
    """One traveller in one lane.

    ``done`` are the steps that are through, well or not; ``step`` is the one under way, to which trouble is put down.
    ``failed`` are fingers that did not come out well, ``interrupted`` those that were being taken when an officer came.
    """

    opened: Stamp
    document: Document | None = None
    samples: list[Sample] = field(default_factory=list)
    liveness: Liveness | None = None
    chip: ChipCheck | None = None
    portrait: PortraitCheck | None = None
    encounter_id: str = ""
    arrival: MrzRead | None = None
    """What the reader gave when the traveller came; ``None`` once it is used."""
    step: Step | None = None
    done: set[Step] = field(default_factory=set)
    failed: set[FingerPosition] = field(default_factory=set)
    interrupted: frozenset[FingerPosition] = frozenset()
    officer: list[OfficerAct] = field(default_factory=list)
    noted: list[tuple[Step | None, ReferReason]] = field(default_factory=list)
    is_new: bool = True
    """Whether it holds anything that is not in an encounter before it."""

    def __post_init__(self) -> None:
        """Give the visit its id."""
        self.encounter_id = self.encounter_id or new_encounter_id(self.opened.at)

    @property
    def trouble(self) -> list[ReferReason]:
        """What refers the traveller, each reason once."""
        return list(dict.fromkeys(reason for _, reason in self.noted))

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all was taken."""
        return self.document is None and not self.samples

    def note(self, reason: ReferReason) -> None:
        """Something went wrong in the present step that refers the traveller."""
        self.noted.append((self.step, reason))

    def forgive(self, *steps: Step) -> None:
        """What went wrong in ``steps`` does not count any more: they are done anew, or an officer stands for them.

        What was found there and speaks against somebody stays: trying again does not undo it.
        """
        self.noted = [one for one in self.noted if one[0] not in steps or one[1] in _FINDINGS]

    def begin_anew(self, *steps: Step) -> None:
        """``steps`` are to be done again."""
        self.forgive(*steps)
        self.done.difference_update(steps)

    def fingers(self) -> set[FingerPosition]:
        """Positions of which there is a print, or the statement that there is none."""
        return {one.position for one in self.samples if one.modality == "finger" and one.position is not None}

    def drop(self, modality: str, positions: frozenset[FingerPosition] | None = None) -> None:
        """Throw away what was taken of ``modality``; of fingers, those of ``positions``."""
        self.samples = [
            one
            for one in self.samples
            if one.modality != modality or (positions is not None and one.position not in positions)
        ]

    def again(self, opened: Stamp) -> Visit:
        """The same traveller, taken over after all this was written down: a visit of its own that begins with it."""
        follower = Visit(
            opened,
            document=self.document,
            samples=list(self.samples),
            liveness=self.liveness,
            chip=self.chip,
            portrait=self.portrait,
            done=set(self.done),
            failed=set(self.failed),
            interrupted=self.interrupted,
            officer=list(self.officer),
            # The call for help has been answered.
            noted=[one for one in self.noted if one[1] is not ReferReason.HELP_ASKED],
            is_new=self.is_new,
        )
        follower.note(ReferReason.TAKEN_OVER)
        return follower

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
            officer=tuple(self.officer),
        )
