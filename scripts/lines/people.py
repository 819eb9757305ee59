"""Made-up travellers: with a portrait and four prints of the sizes that a lane sends, or with a document only."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.face.heads import Pose, Scene, film
from hotspotd.biometrics.finger import synthetic
from hotspotd.domain.document import Document, check_digit, parse_mrz
from hotspotd.domain.encounter import Encounter, Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.identifiers import new_encounter_id, tcn_of

COUNTRY = "UTO"
PRINT_SIZE = (500, 400)
"""Rows and columns of a print: 25 x 20 mm at 500 px/inch."""
POSITIONS = (
    FingerPosition.RIGHT_INDEX,
    FingerPosition.RIGHT_MIDDLE,
    FingerPosition.LEFT_INDEX,
    FingerPosition.LEFT_MIDDLE,
)
# As much noise as gives a portrait of 420 x 540 some 40 kB, as a camera's has; a drawn face without has 25.
_NOISE = 5
# Encounters share the pictures of this many people: what is measured is how bytes travel.
_PEOPLE = 3


@dataclass(frozen=True, slots=True)
class Pictures:
    """What one person gives at a lane."""

    portrait: bytes
    prints: tuple[bytes, ...]


@cache
def pictures(person: int) -> Pictures:
    """The pictures of one of the people. Takes seconds the first time."""
    rng = np.random.default_rng(person)
    filmed = film(Scene(person + 1).head(Pose()), rng, noise=_NOISE)
    engine = FaceEngine.open()
    box, _ = engine.look(filmed)
    if box is None:
        raise ValueError(f"no face is found in the drawn head of person {person}")
    prints = tuple(
        _png(synthetic.impression(synthetic.master(100 * person + finger), rng, size=PRINT_SIZE, levels=256))
        for finger, _ in enumerate(POSITIONS)
    )
    return Pictures(engine.portrait(filmed, box), prints)


def encounter(at: datetime, *, pictured: bool, lane: str) -> Encounter:
    """An encounter that begins ``at``, of a traveller whose document is listed nowhere."""
    encounter_id = new_encounter_id(at)
    chance = random.Random(encounter_id)
    return Encounter(
        encounter_id=encounter_id,
        tcn=tcn_of(COUNTRY, encounter_id),
        lane=lane,
        operation="measuring",
        opened_at=at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        clock_trusted=True,
        document=_document(chance),
        samples=_samples(pictures(chance.randrange(_PEOPLE))) if pictured else (),
    )


def _document(chance: random.Random) -> Document:
    number = f"M{chance.randrange(10**8):08d}"
    birth = f"{chance.randrange(40, 99):02d}{chance.randrange(1, 13):02d}{chance.randrange(1, 29):02d}"
    body = f"{number}{check_digit(number)}{COUNTRY}{birth}{check_digit(birth)}F350630{check_digit('350630')}"
    body += "<" * 14 + "<"
    return parse_mrz(
        (f"P<{COUNTRY}MEASURED<<NOBODY".ljust(44, "<"), body + check_digit(body[0:10] + body[13:20] + body[21:43]))
    )


def _samples(given: Pictures) -> tuple[Sample, ...]:
    face = Sample(modality="face", media_type="image/jpeg", image=given.portrait, width=420, height=540, quality=80)
    rows, columns = PRINT_SIZE
    prints = (
        Sample(
            modality="finger",
            position=position,
            media_type="image/png",
            image=png,
            width=columns,
            height=rows,
            dpi=500,
            quality=70,
        )
        for position, png in zip(POSITIONS, given.prints, strict=True)
    )
    return (face, *prints)


def _png(image: NDArray[np.uint8]) -> bytes:
    done, data = cv2.imencode(".png", image)
    if not done:
        raise ValueError("a print cannot be encoded")
    return data.tobytes()
