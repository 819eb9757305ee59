"""Encounters as they were written down, and what came of them."""

from __future__ import annotations

import sqlite3

import msgspec

from hotspotd.domain.chip import ChipCheck, PortraitCheck
from hotspotd.domain.document import Document
from hotspotd.domain.encounter import Encounter, Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.liveness import Liveness
from hotspotd.domain.officer import OfficerAct
from hotspotd.domain.verdict import GatewayAnswer, ReferReason, Verdict
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import sealed
from hotspotd.records.database import Database
from hotspotd.records.model import EncounterRow, StoredEncounter

_PERSONAL = ", ".join(
    sealed.encounter(column) for column in ("document", "verdict", "answer", "liveness", "chip", "portrait", "officer")
)
_COLUMNS = (
    "id, tcn, lane, operation, opened_at, clock_trusted, trouble, answered_at, released_at, erased_at, " + _PERSONAL
)


class Encounters:
    """Reads encounters."""

    _db: Database

    async def unchecked(self) -> list[str]:
        """Encounters that were recorded but never checked: the power went between the two."""
        rows = await self._db.rows(
            "SELECT id FROM encounter WHERE local_outcome IS NULL AND erased_at IS NULL ORDER BY id"
        )
        return [str(row["id"]) for row in rows]

    async def encounter(self, encounter_id: str) -> StoredEncounter:
        """One encounter with everything that came of it. Raises RecordsError (NOT_FOUND)."""
        row = await self._db.row(f"SELECT {_COLUMNS} FROM encounter WHERE id = ?", (encounter_id,))  # noqa: S608  # Constants.
        if row is None:
            raise RecordsError(Reason.NOT_FOUND, f"records: no encounter {encounter_id}")
        samples = await self._db.rows(
            "SELECT modality, position, media_type, x'' AS image, width, height, dpi, quality, missing, nfiq2,"  # noqa: S608  # Constants.
            f" {sealed.SAMPLE_TEMPLATE}"
            " FROM sample WHERE encounter_id = ? ORDER BY modality, position",
            (encounter_id,),
        )
        try:
            return _stored(row, samples)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RecordsError(
                Reason.DAMAGED, f"records: encounter {encounter_id} cannot be read: {error}", "Export the database."
            ) from error

    async def sample_image(
        self, encounter_id: str, modality: str, position: FingerPosition | None = None
    ) -> tuple[bytes, str]:
        """A sample's encoded picture and its media type. Raises RecordsError (NOT_FOUND)."""
        row = await self._db.row(
            f"SELECT {sealed.SAMPLE_IMAGE}, media_type FROM sample WHERE encounter_id = ?"  # noqa: S608  # Constant.
            " AND modality = ? AND position = ?"
            " AND length(sample.image) > 0",
            (encounter_id, modality, int(position or 0)),
        )
        if row is None:
            raise RecordsError(Reason.NOT_FOUND, f"records: encounter {encounter_id} has no such {modality} sample")
        return bytes(row["image"]), str(row["media_type"])

    async def recent(self, limit: int = 20) -> list[EncounterRow]:
        """The latest encounters, newest first."""
        rows = await self._db.rows(
            "SELECT id, tcn, lane, opened_at, local_outcome, local_ms,"
            " gateway_outcome, released_at FROM encounter ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        return [
            EncounterRow(
                encounter_id=row["id"],
                tcn=row["tcn"],
                lane=row["lane"],
                opened_at=row["opened_at"],
                local_outcome=row["local_outcome"],
                local_ms=row["local_ms"],
                gateway_outcome=row["gateway_outcome"],
                released_at=row["released_at"],
            )
            for row in rows
        ]


def _stored(row: sqlite3.Row, samples: list[sqlite3.Row]) -> StoredEncounter:
    return StoredEncounter(
        encounter=Encounter(
            encounter_id=row["id"],
            tcn=row["tcn"],
            lane=row["lane"],
            operation=row["operation"],
            opened_at=row["opened_at"],
            clock_trusted=bool(row["clock_trusted"]),
            document=None if row["document"] is None else msgspec.json.decode(row["document"], type=Document),
            samples=tuple(_sample(dict(sample)) for sample in samples),
            trouble=msgspec.json.decode(row["trouble"], type=tuple[ReferReason, ...]),
            liveness=None if row["liveness"] is None else msgspec.json.decode(row["liveness"], type=Liveness),
            chip=None if row["chip"] is None else msgspec.json.decode(row["chip"], type=ChipCheck),
            portrait=None if row["portrait"] is None else msgspec.json.decode(row["portrait"], type=PortraitCheck),
            officer=() if row["officer"] is None else msgspec.json.decode(row["officer"], type=tuple[OfficerAct, ...]),
        ),
        verdict=None if row["verdict"] is None else msgspec.json.decode(row["verdict"], type=Verdict),
        answer=None if row["answer"] is None else msgspec.json.decode(row["answer"], type=GatewayAnswer),
        answered_at=row["answered_at"],
        released_at=row["released_at"],
        erased_at=row["erased_at"],
    )


def _sample(row: dict[str, object]) -> Sample:
    position = row.pop("position")
    row["position"] = position if row["modality"] == "finger" else None
    return msgspec.convert(row, Sample)
