"""Encounters as a lane writes them, for tests of the records."""

from __future__ import annotations

from hotspotd.domain.candidate import Candidate, Hit, ListRecord, Modality
from hotspotd.domain.chip import ChipCheck, ChipFinding, ChipState, PortraitCheck
from hotspotd.domain.document import parse_mrz
from hotspotd.domain.encounter import Encounter, Sample
from hotspotd.domain.finger import FingerPosition, MissingReason
from hotspotd.domain.liveness import Liveness, LivenessCheck, LivenessDetail, LivenessState
from hotspotd.domain.notice import Notice
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome, Outcome, ReferReason, Verdict
from hotspotd.records.keeping import Keeping
from hotspotd.records.model import Kind, OutboxItem, Rank

SPECIMEN = (
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
)


def encounter(number: int = 1) -> Encounter:
    return Encounter(
        encounter_id=f"E{number:05d}",
        tcn=f"UTOE{number:05d}",
        lane="lane-1",
        operation="demo",
        opened_at="2026-11-22T12:00:00.000Z",
        clock_trusted=True,
        document=parse_mrz(SPECIMEN),
        samples=(
            Sample(modality="face", media_type="image/jpeg", image=b"portrait", width=4, height=5, quality=80),
            Sample(
                modality="finger",
                position=FingerPosition.RIGHT_INDEX,
                media_type="image/png",
                image=b"print",
                width=256,
                height=288,
                dpi=500,
                quality=70,
                nfiq2=63,
                template=b"template",
            ),
            Sample(modality="finger", position=FingerPosition.RIGHT_MIDDLE, missing=MissingReason.UNABLE),
        ),
        chip=ChipCheck(
            state=ChipState.NOT_CHECKED,
            findings=(ChipFinding.NO_AUTHORITY, ChipFinding.NO_COPY_PROTECTION),
            signer="UT",
            access="bac",
            protocol="BAC",
            read_s=4.2,
        ),
        portrait=PortraitCheck(asked_fmr=1e-3, engine="model", matches=True, fmr=1e-4, similarity=0.7),
        liveness=Liveness(
            checks=(
                LivenessCheck(
                    method="active",
                    state=LivenessState.NOT_DONE,
                    threshold=0.5,
                    detail=LivenessDetail.NO_MOVEMENT,
                    engine="head-turn-1",
                ),
            )
        ),
    )


def item(of: Encounter, rank: Rank = Rank.LIVE) -> OutboxItem:
    return OutboxItem(
        tcn=of.tcn,
        encounter_id=of.encounter_id,
        kind=Kind.TRANSACTION,
        rank=rank,
        lane=of.lane,
        payload=b"<transaction/>",
        created_at=of.opened_at,
    )


def hit(notice: Notice = Notice.RED) -> Hit:
    record = ListRecord(reference="2026/1", notice=notice, owner="XPO", surname="DOE")
    finger = Candidate(
        modality=Modality.FINGER, reference="2026/1", score=5.0, fmr=1e-6, position=FingerPosition.RIGHT_INDEX
    )
    return Hit(record=record, candidates=(finger,))


def answer(to: Encounter, outcome: GatewayOutcome = GatewayOutcome.NO_HIT, tcn: str = "R1") -> GatewayAnswer:
    return GatewayAnswer(outcome=outcome, tcn=tcn, tcr=to.tcn, hits=(hit(),) if outcome is GatewayOutcome.HIT else ())


KEEPING = Keeping(clear_hours=24, hit_hours=72, longest_hours=720)
CLEAR = Verdict(outcome=Outcome.CLEAR, compute_ms=12.5)
REFER_HIT = Verdict(outcome=Outcome.REFER, reasons=(ReferReason.HIT,), hits=(hit(),), compute_ms=12.5)
REFER_TROUBLE = Verdict(outcome=Outcome.REFER, reasons=(ReferReason.FINGER_NOT_CAPTURED,))
