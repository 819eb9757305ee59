"""What the interface gives of an encounter, and the parameters of its operations."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from hotspotd.console.alert_view import AlertLine
from hotspotd.console.guard import LaneStatus
from hotspotd.console.pictures import sample_address
from hotspotd.domain.document import Document
from hotspotd.domain.finger import FingerPosition
from hotspotd.records.model import EncounterRow, StoredEncounter


class LanePath(msgspec.Struct, frozen=True):
    """A lane by its name."""

    lane: Annotated[str, Meta(description="Name of the lane, as in the configuration", min_length=1, max_length=40)]


class EncounterPath(msgspec.Struct, frozen=True):
    """An encounter by its id."""

    encounter: Annotated[str, Meta(pattern="^[0-9A-Za-z-]{1,64}$")]


class AlertPath(msgspec.Struct, frozen=True):
    """An alert by its number."""

    alert: Annotated[int, Meta(ge=1, le=2**53)]


class Recent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many of the latest."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 40


class SignInBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A badge and its PIN or password."""

    badge: Annotated[str, Meta(max_length=20)]
    secret: Annotated[str, Meta(max_length=256)]


class Lanes(msgspec.Struct, frozen=True, kw_only=True):
    """Every lane of the kiosk. ``clock_trusted``: whether the kiosk knows the time."""

    now: str
    clock_trusted: bool
    lanes: tuple[LaneStatus, ...]


class Encounters(msgspec.Struct, frozen=True, kw_only=True):
    """The latest encounters, newest first. Nothing personal in them."""

    encounters: tuple[EncounterRow, ...]


class OpenAlerts(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts that nobody has decided on, the most urgent and then the oldest first; at most 200."""

    alerts: tuple[AlertLine, ...]


class DocumentView(msgspec.Struct, frozen=True, kw_only=True):
    """What the machine readable zone says. Dates are ISO 8601, reduced or None where parts are unknown.

    ``failed_checks`` names each check digit that does not match.
    """

    code: str
    issuer: str
    number: str
    surname: str
    given_names: str
    nationality: str
    sex: str
    birth_date: str | None
    expires: str | None
    failed_checks: tuple[str, ...]
    mrz: tuple[str, ...]


class SampleView(msgspec.Struct, frozen=True, kw_only=True):
    """One capture. ``picture`` is its address on this kiosk, asked for with the same token; none where there is none.

    ``quality`` is 0 (worst) to 100; ``finger`` is the position as in ANSI/NIST-ITL; ``missing`` a code of the same.
    """

    modality: str
    finger: FingerPosition | None
    quality: int | None
    missing: str | None
    picture: str | None


class EncounterView(msgspec.Struct, frozen=True, kw_only=True):
    """One encounter with what came of it. ``local`` and ``gateway`` are ``None`` while they are not known.

    ``reasons`` say why the traveller was referred; ``erased``: what was personal in it is no more.
    """

    encounter_id: str
    tcn: str
    lane: str
    operation: str
    opened_at: str
    clock_trusted: bool
    released_at: str | None
    erased: bool
    document: DocumentView | None
    samples: tuple[SampleView, ...]
    local: str | None
    local_ms: float | None
    reasons: tuple[str, ...]
    gateway: str | None
    answered_at: str | None


def encounter_view(stored: StoredEncounter, year: int) -> EncounterView:
    """``stored`` as the interface gives it; ``year`` is the present one, by which two-digit years are read."""
    encounter, verdict, answer = stored.encounter, stored.verdict, stored.answer
    return EncounterView(
        encounter_id=encounter.encounter_id,
        tcn=encounter.tcn,
        lane=encounter.lane,
        operation=encounter.operation,
        opened_at=encounter.opened_at,
        clock_trusted=encounter.clock_trusted,
        released_at=stored.released_at,
        erased=stored.erased_at is not None,
        document=None if encounter.document is None else _document(encounter.document, year),
        samples=tuple(
            SampleView(
                modality=sample.modality,
                finger=sample.position,
                quality=sample.quality,
                missing=sample.missing,
                picture=sample_address(stored, sample.modality, sample.position),
            )
            for sample in encounter.samples
        ),
        local=verdict.outcome if verdict else None,
        local_ms=verdict.compute_ms if verdict else None,
        reasons=tuple(verdict.reasons) if verdict else tuple(encounter.trouble),
        gateway=answer.outcome if answer else None,
        answered_at=stored.answered_at,
    )


def _document(document: Document, year: int) -> DocumentView:
    return DocumentView(
        code=document.code,
        issuer=document.issuer,
        number=document.number,
        surname=document.surname,
        given_names=document.given_names,
        nationality=document.nationality,
        sex=document.sex,
        birth_date=document.born(year),
        expires=document.expires(year),
        failed_checks=document.failed_checks,
        mrz=document.mrz,
    )
