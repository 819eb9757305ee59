"""The chip of a travel document: read with the key of its printed zone, judged, and its portrait compared.

Read while the traveller leaves the document on the reader, and only where the zone is sound: the key is made of it.
What cannot be read or judged is noted; whether it refers is the operation's choice. What contradicts itself always
refers.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec
import numpy as np

from drivers.base import ChipAuthentication, ChipKey, ChipRead, ChipReader, DriverError, DriverReason
from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.face.one_to_one import compare
from hotspotd.clock import Clock
from hotspotd.domain.chip import (
    ChipCheck,
    ChipFinding,
    ChipState,
    PortraitCheck,
    PortraitProblem,
)
from hotspotd.domain.document import Document, DocumentFormat, check_digit
from hotspotd.domain.encounter import Sample
from hotspotd.domain.verdict import ReferReason
from hotspotd.emrtd import lds
from hotspotd.emrtd.authorities import Authorities
from hotspotd.emrtd.passive import Proof, in_order, judge, state_of
from hotspotd.errors import BiometricError, ChipError, Reason
from hotspotd.events import LaneState, Prompt
from hotspotd.lane.devices import SupervisedDevice
from hotspotd.lane.screen import Screen
from hotspotd.lane.visit import Visit
from hotspotd.workers import Worker

log = logging.getLogger(__name__)

Setting = Literal["off", "when_present", "required"]

# What is said about the chip or the document on the reader; anything else is about the reader itself.
_OF_THE_CHIP = {
    DriverReason.REMOVED: ChipFinding.TAKEN_AWAY,
    DriverReason.PASSWORD: ChipFinding.KEY_REFUSED,
    DriverReason.PROTOCOL: ChipFinding.UNREADABLE,
    DriverReason.UNSUPPORTED: ChipFinding.UNREADABLE,
    DriverReason.TIMEOUT: ChipFinding.UNREADABLE,
}
_PROOFS: dict[ChipAuthentication, Proof] = {
    ChipAuthentication.DONE: "done",
    ChipAuthentication.ABSENT: "absent",
    ChipAuthentication.UNSUPPORTED: "unsupported",
    ChipAuthentication.FAILED: "failed",
}
_VISAS = (DocumentFormat.MRVA, DocumentFormat.MRVB)


def chip_key(document: Document) -> ChipKey:
    """The key of a sound zone (ICAO Doc 9303-11, 4.3.2): number, birth and expiry, each with its check digit."""
    parts = (document.number.ljust(9, "<"), document.birth_date, document.expiry_date)
    return ChipKey("".join(part + check_digit(part) for part in parts))


def refer_reasons(check: ChipCheck, setting: Setting) -> list[ReferReason]:
    """Why a traveller with this chip is referred; empty where not."""
    found = set(check.findings)
    if found & {ChipFinding.ZONE_DIFFERS, ChipFinding.KEY_REFUSED}:
        return [ReferReason.CHIP_MISMATCH]
    if check.state is ChipState.BROKEN:
        return [ReferReason.CHIP_NOT_GENUINE]
    # A forger could choose what is not understood; a country whose authority is missing here is our own want.
    if ChipFinding.NOT_UNDERSTOOD in found or (setting == "required" and check.state is not ChipState.AUTHENTIC):
        return [ReferReason.CHIP_NOT_CHECKED]
    return []


@dataclass(frozen=True, slots=True)
class _Judged:
    check: ChipCheck
    portrait: Sample | None


class ChipStep:
    """Reads chips through a supervised reader."""

    def __init__(
        self,
        reader: SupervisedDevice[ChipReader],
        authorities: Authorities,
        worker: Worker,
        screen: Screen,
        clock: Clock,
        setting: Setting,
    ) -> None:
        self._reader = reader
        self._authorities = authorities
        self._worker = worker
        self._screen = screen
        self._clock = clock
        self._setting: Setting = setting

    async def read(self, visit: Visit, *, attempts: int, timeout_s: float) -> None:
        """Add the verdict on the chip to ``visit``, and its portrait where it has one."""
        document = visit.document
        if document is None or not document.sound or document.format in _VISAS:
            if self._setting == "required":
                visit.note(ReferReason.CHIP_NOT_CHECKED)
            return
        read, finding = await self._attempts(chip_key(document), attempts, timeout_s)
        if read is None:
            visit.chip = ChipCheck(state=ChipState.NOT_READ, findings=(finding,))
        else:
            judged = await self._worker.run(_judged, read, document, self._authorities, self._now())
            visit.chip = judged.check
            if judged.portrait is not None:
                visit.samples.append(judged.portrait)
        for reason in refer_reasons(visit.chip, self._setting):
            visit.note(reason)

    async def _attempts(self, key: ChipKey, attempts: int, timeout_s: float) -> tuple[ChipRead | None, ChipFinding]:
        """What was read, or why nothing was."""
        finding = ChipFinding.NO_CHIP
        for attempt in range(1, attempts + 1):
            if not self._reader.is_ready:
                return None, ChipFinding.READER_AWAY
            reader = await self._reader.ready()
            try:
                # Only the laying down is limited here: the driver itself limits how long reading may take.
                async with self._screen.time_limit(timeout_s):
                    prompt = Prompt.LEAVE_DOCUMENT if attempt == 1 else Prompt.CHIP_AGAIN
                    self._screen.show(LaneState.DOCUMENT, prompt, attempt=attempt)
                    await reader.wait_placed()
                return await reader.read_chip(key), finding
            except TimeoutError:
                return None, finding
            except DriverError as error:
                log.info("a chip was not read: %s", error.reason)
                if error.reason not in _OF_THE_CHIP:
                    self._reader.fault(reader, error)
                    return None, ChipFinding.READER_AWAY
                finding = _OF_THE_CHIP[error.reason]
            if finding is ChipFinding.KEY_REFUSED:
                # It will not fit the second time, and chips answer slower and slower to wrong keys.
                break
        return None, finding

    def _now(self) -> datetime | None:
        now = self._clock.now()
        return now.at if now.trusted else None


def _judged(read: ChipRead, document: Document, authorities: Authorities, now: datetime | None) -> _Judged:
    """The verdict on what was read, the printed zone included. For a worker thread."""
    check = judge(read.files, _PROOFS[read.chip_authentication], authorities, now)
    findings = set(check.findings)
    if not _same_zone(read, document):
        findings.add(ChipFinding.ZONE_DIFFERS)
    portrait = None
    try:
        if "DG2" in read.files:
            held = lds.portrait(read.files["DG2"])
            portrait = Sample(
                modality="portrait",
                media_type=held.media_type,
                image=held.data,
                width=held.width,
                height=held.height,
            )
    except ChipError as error:
        log.info("a chip's portrait cannot be used: %s", error)
        findings.add(ChipFinding.NO_PORTRAIT)
    state = state_of(findings)
    check = msgspec.structs.replace(
        check,
        state=state,
        findings=in_order(findings),
        access=read.access.value,
        protocol=read.protocol,
        copy_checked=check.copy_checked and state is ChipState.AUTHENTIC,
        read_s=read.times.get("all"),
    )
    return _Judged(check, portrait)


def _same_zone(read: ChipRead, document: Document) -> bool:
    try:
        return "DG1" in read.files and lds.zone(read.files["DG1"]) == document.mrz
    except ChipError:
        return False


class PortraitStep:
    """Compares the traveller's face with the portrait of the chip, one to one."""

    def __init__(self, engine: FaceEngine, worker: Worker, fmr: float) -> None:
        self._engine = engine
        self._worker = worker
        self._fmr = fmr

    async def compare(self, visit: Visit) -> None:
        """Add to ``visit`` how alike the two are; nothing where there is no portrait, or no face was taken."""
        portrait = next((one for one in visit.samples if one.modality == "portrait"), None)
        face = next((one for one in visit.samples if one.modality == "face" and one.template), None)
        if portrait is None or face is None:
            return
        visit.portrait = await self._worker.run(_compared, self._engine, face.template, portrait.image, self._fmr)
        if visit.portrait.matches is None:
            visit.note(ReferReason.PORTRAIT_NOT_COMPARED)
        elif not visit.portrait.matches:
            visit.note(ReferReason.PORTRAIT_MISMATCH)


def _compared(engine: FaceEngine, template: bytes, portrait: bytes, fmr: float) -> PortraitCheck:
    """For a worker thread."""
    try:
        reference = engine.embed_picture(portrait)
    except BiometricError as error:
        no_face = error.reason in (Reason.NO_FACE, Reason.SEVERAL_FACES)
        problem = PortraitProblem.NO_FACE_IN_PORTRAIT if no_face else PortraitProblem.NOT_A_PICTURE
        return PortraitCheck(asked_fmr=fmr, engine=engine.engine, problem=problem)
    try:
        found = compare(engine, np.frombuffer(template, "<f4").astype(np.float32), reference, fmr)
    except BiometricError as error:
        log.warning("the portrait of a chip cannot be compared: %s", error)
        return PortraitCheck(asked_fmr=fmr, engine=engine.engine, problem=PortraitProblem.NO_RATE)
    return PortraitCheck(
        asked_fmr=fmr,
        engine=engine.engine,
        matches=found.matches,
        fmr=found.fmr,
        similarity=round(found.similarity, 4),
    )
