"""One traveller's encounter with one lane, and the samples taken in it."""

from __future__ import annotations

from typing import Literal

import msgspec

from hotspotd.domain.chip import ChipCheck, PortraitCheck
from hotspotd.domain.document import Document
from hotspotd.domain.finger import FingerPosition, MissingReason
from hotspotd.domain.liveness import Liveness
from hotspotd.domain.officer import OfficerAct
from hotspotd.domain.verdict import ReferReason


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One captured picture, or the statement that it could not be had.

    ``image`` is encoded (``media_type`` image/png for prints, image/jpeg for faces), ``b""`` when missing.
    ``portrait`` is the picture on the document's chip, as it is there (JPEG or JPEG 2000): nothing that was captured
    of the traveller. ``quality`` is 0 (worst) to 100, the engine's own measure; ``nfiq2`` NIST's for a print (ISO/IEC
    29794-4) on the same scale, ``None`` where its tool gave none. ``template`` is the engine's encoded template,
    ``b""`` where none could be made.
    """

    modality: Literal["face", "finger", "portrait"]
    position: FingerPosition | None = None
    media_type: str = ""
    image: bytes = b""
    width: int = 0
    height: int = 0
    dpi: int | None = None
    quality: int | None = None
    nfiq2: int | None = None
    template: bytes = b""
    missing: MissingReason | None = None


class Encounter(msgspec.Struct, frozen=True, kw_only=True):
    """What is written down before anything is searched.

    ``encounter_id`` is a UUIDv7-like sortable id, ``tcn`` the transaction control number under which it is
    relayed (unique for ever, at most 40 characters). Times are ISO 8601 UTC. ``trouble`` holds what went wrong
    on the way and refers the traveller whatever the searches say. ``liveness`` is None where it was not asked for;
    ``chip`` where no chip was to be read, ``portrait`` where it was not compared with the face. ``officer`` is what
    officers did on the way.
    """

    encounter_id: str
    tcn: str
    lane: str
    operation: str
    opened_at: str
    clock_trusted: bool
    document: Document | None = None
    samples: tuple[Sample, ...] = ()
    trouble: tuple[ReferReason, ...] = ()
    liveness: Liveness | None = None
    chip: ChipCheck | None = None
    portrait: PortraitCheck | None = None
    officer: tuple[OfficerAct, ...] = ()
