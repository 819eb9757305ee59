"""A small list made without engines: prints are hand-made templates, faces unit vectors."""

from __future__ import annotations

from datetime import date

import numpy as np

from hotspotd.biometrics import finger
from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import Notice
from hotspotd.watchlist import EnrolledFace, EnrolledFinger, Entry, ListedDocument

TODAY = date(2026, 11, 22)
FACE_ENGINE = "test-face"
MRZ = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")


def print_of(seed: int, shake: float = 0.0) -> finger.FingerTemplate:
    """Forty minutiae drawn from ``seed``, moved by up to ``shake`` pixels."""
    rng = np.random.default_rng(seed)
    places = rng.uniform((30, 30), (260, 330), (40, 2)).astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi, 40).astype(np.float32)
    places += np.random.default_rng(seed + 1000).uniform(-shake, shake, places.shape).astype(np.float32)
    return finger.FingerTemplate(
        x=places[:, 0],
        y=places[:, 1],
        angle=angle,
        kind=rng.integers(0, 2, 40).astype(np.uint8),
        point_quality=np.full(40, 80, np.uint8),
        width=300,
        height=360,
        quality=80,
    )


def face_of(seed: int) -> np.ndarray:
    """A unit vector of 32 numbers."""
    vector = np.random.default_rng(seed).normal(size=32).astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def fmr_of(similarity: float) -> float:
    """A rate that falls with similarity, as a calibrated one does."""
    return float(10.0 ** (-6 * max(similarity, 0.0)))


def entries() -> list[Entry]:
    """One record of each kind: document, person with print and face, expired person, name only."""
    eriksson = ListRecord(
        reference="XPO/1",
        notice=Notice.RED,
        owner="XPO",
        surname="Eriksson",
        given_names="Anna Maria",
        birth_date="1974-08-12",
        expires="2026-11-22",
    )
    expired = ListRecord(reference="XPO/2", notice=Notice.GREEN, owner="SVN", expires="2026-11-21")
    stolen = ListRecord(
        reference="SLTD/3",
        notice=Notice.SLTD,
        owner="UTO",
        document_number="L898902C3",
        document_issuer="UTO",
        reason="Stolen blank",
    )
    blue = ListRecord(reference="XPO/4", notice=Notice.BLUE, owner="ALB", surname="Müller", birth_date="1974")
    return [
        Entry(stolen),
        Entry(
            eriksson,
            fingers=(
                EnrolledFinger(FingerPosition.RIGHT_INDEX, print_of(1).encode(), b"\x89PNG\r\n\x1a\nright"),
                EnrolledFinger(FingerPosition.LEFT_INDEX, print_of(2).encode(), b"\x89PNG\r\n\x1a\nleft"),
            ),
            face=EnrolledFace(face_of(1), b"\xff\xd8\xffportrait"),
        ),
        Entry(
            expired,
            documents=(ListedDocument("EXP1RED", "UTO"),),
            fingers=(EnrolledFinger(FingerPosition.RIGHT_INDEX, print_of(3).encode()),),
            face=EnrolledFace(face_of(3)),
        ),
        Entry(blue, fingers=(EnrolledFinger(FingerPosition.UNKNOWN, print_of(4).encode()),)),
    ]
