"""Encounters with pictures that can be encoded, and the hits a gateway may find; seeded, no real person."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.clock import Stamp
from hotspotd.domain.candidate import Candidate, Hit, ListRecord, Modality, OtherName
from hotspotd.domain.caution import Caution
from hotspotd.domain.document import Document, check_digit, parse_mrz
from hotspotd.domain.encounter import Encounter, Sample
from hotspotd.domain.finger import FingerPosition, MissingReason
from hotspotd.domain.notice import Notice
from hotspotd.records.model import Kind, OutboxItem, Rank
from hotspotd.relay.compose import Origin, compose_nps

ORIGIN = Origin(device="kiosk-1", organisation="Border Police", country="UTO")


def ridges(seed: int = 1, size: tuple[int, int] = (288, 256)) -> NDArray[np.uint8]:
    """Stripes of the width of ridges at 500 px/inch: compresses as a print does, holds no identity."""
    rng = np.random.default_rng(seed)
    down, across = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float64)
    phase = 2 * np.pi * (down * np.cos(seed) + across * np.sin(seed) + 20 * np.sin(across / 40)) / 9
    return np.clip(128 + 90 * np.sin(phase) + rng.normal(0, 5, size), 0, 255).astype(np.uint8)


def encoded(image: NDArray[np.uint8], suffix: str) -> bytes:
    done, data = cv2.imencode(suffix, image)
    assert done
    return data.tobytes()


def portrait(seed: int = 1) -> bytes:
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (12, 9, 3), dtype=np.uint8)
    return encoded(cv2.resize(small, (240, 320), interpolation=cv2.INTER_CUBIC).astype(np.uint8), ".jpg")


def document(number: str = "L898902C3", birth: str = "740812") -> Document:
    number = number.ljust(9, "<")
    body = f"{number}{check_digit(number)}UTO{birth}{check_digit(birth)}F120415{check_digit('120415')}"
    body += "<" * 14 + "<"
    composite = check_digit(body[0:10] + body[13:20] + body[21:43])
    return parse_mrz(("P<UTOERIKSSON<<ANNA<MARIA".ljust(44, "<"), body + composite))


def encounter(number: int = 1, passport: str = "L898902C3", *, pictures: bool = True) -> Encounter:
    samples: tuple[Sample, ...] = ()
    if pictures:
        samples = (
            Sample(modality="face", media_type="image/jpeg", image=portrait(number), width=240, height=320, quality=80),
            Sample(
                modality="finger",
                position=FingerPosition.RIGHT_INDEX,
                media_type="image/png",
                image=encoded(ridges(number), ".png"),
                width=256,
                height=288,
                dpi=500,
                quality=70,
            ),
            Sample(modality="finger", position=FingerPosition.RIGHT_MIDDLE, missing=MissingReason.UNABLE),
        )
    return Encounter(
        encounter_id=f"019-{number:05d}",
        tcn=f"UTO-KIOSK1-{number:05d}",
        lane="lane-1",
        operation="demo",
        opened_at=f"2026-11-22T12:00:{number % 60:02d}.000Z",
        clock_trusted=True,
        document=document(passport),
        samples=samples,
    )


def item(of: Encounter, now: Stamp, payload: bytes | None = None) -> OutboxItem:
    return OutboxItem(
        tcn=of.tcn,
        encounter_id=of.encounter_id,
        kind=Kind.TRANSACTION,
        rank=Rank.LIVE,
        lane=of.lane,
        payload=compose_nps(of, ORIGIN, now, "IMM") if payload is None else payload,
        created_at=of.opened_at,
    )


def hit(reference: str = "2026/4711", notice: Notice = Notice.RED) -> Hit:
    return Hit(
        record=ListRecord(
            reference=reference,
            notice=notice,
            owner="XPO",
            surname="ERIKSSON",
            given_names="ANNA MARIA",
            birth_date="1974-08-12",
            nationality="UTO",
            sex="F",
            document_number="L898902C3",
            document_issuer="UTO",
            reason="Wanted for fraud",
            expires="2030-01-31",
            diffusion=True,
            bureau="NCB Utopia",
            purpose="To locate and arrest",
            cautions=(Caution.ARMED,),
            caution_note="Travels with a dog that bites",
            other_names=(OtherName(surname="DOE", given_names="ANN"), OtherName(full="Nan")),
        ),
        candidates=(
            Candidate(
                modality=Modality.FINGER,
                reference=reference,
                score=0.1234567,
                fmr=3.5e-7,
                position=FingerPosition.RIGHT_INDEX,
                detail="right index",
            ),
            Candidate(modality=Modality.DOCUMENT, reference=reference, score=1.0),
        ),
    )
