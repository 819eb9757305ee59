"""INT-I v6 files as a delivery: a transaction that this codec writes, and INTERPOL's samples where they are."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from hotspotd.biometrics.finger import synthetic
from hotspotd.domain.candidate import OtherName
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import Notice
from hotspotd.relay.inti import xml6
from hotspotd.relay.inti.transaction import (
    Descriptive,
    FaceRecord,
    Header,
    NationalNumber,
    Organisation,
    PersonName,
    Picture,
    PrintRecord,
    Subject,
    Transaction,
    TransactionType,
)
from hotspotd.relay.listing import IntiImporter
from hotspotd.watchlist.importers.delivery import Person, SampleKind, Step
from hotspotd.watchlist.importers.transactions import Defaults

IMPORTER = IntiImporter(Defaults(Notice.BLUE, "XPO"))


@cache
def transaction(*people: Descriptive) -> Transaction:
    image = synthetic.impression(synthetic.master(5), np.random.default_rng(5), synthetic.Condition.GOOD)
    print_data = cv2.imencode(".jp2", image)[1].tobytes()
    face = cv2.imencode(".jpg", np.full((60, 50, 3), 9, np.uint8))[1].tobytes()
    picture = Picture(
        data=print_data, compression="JP2", width=image.shape[1], height=image.shape[0], scale=2, density_across=197,
        density_down=197,
    )  # fmt: skip
    return Transaction(
        header=Header(
            tot=TransactionType.CPS, tcn="TCN1", date="2026-11-22",
            origin=Organisation(identifier="POL", country="SWE"),
        ),
        descriptive=people,
        prints=(PrintRecord(position=2, picture=picture), PrintRecord(position=13, picture=picture)),
        faces=(FaceRecord(picture=Picture(data=face, compression="JPEGB", width=50, height=60)),),
    )  # fmt: skip


PERSON = Descriptive(
    subject=Subject(
        name=PersonName(given="Anna", middle="Maria", surname="Eriksson"),
        aliases=(PersonName(given="Ann", surname="Doe"),),
        birth_date="1974-08-12",
        nationality="SWE",
        sex="F",
    ),
    crn=NationalNumber(country="UTO", number="2026/77"),
    expires="2030-01-01",
)


def read(folder: Path, data: bytes) -> Step:
    path = folder / "subject.xml"
    path.write_bytes(data)
    (step,) = IMPORTER.read(path, 0, 0)
    return step


def test_a_transaction_becomes_a_person_with_its_pictures(tmp_path: Path) -> None:
    step = read(tmp_path, xml6.encode(transaction(PERSON)))
    (person,) = step.items
    assert isinstance(person, Person)
    record = person.record
    assert (record.reference, record.owner, record.notice, record.expires) == (
        "2026/77", "UTO", Notice.BLUE, "2030-01-01",
    )  # fmt: skip
    assert (record.surname, record.given_names, record.birth_date) == ("Eriksson", "Anna Maria", "1974-08-12")
    assert record.other_names == (OtherName(surname="Doe", given_names="Ann"),)
    face = next(one for one in person.samples if one.kind is SampleKind.FACE)
    (finger,) = (one for one in person.samples if one.kind is SampleKind.FINGER)
    assert face.picture.startswith(b"\xff\xd8")
    assert (finger.position, finger.dpi) == (FingerPosition.RIGHT_INDEX, 500)
    # Four fingers in one picture are no finger.
    assert [(reject.field, reject.whole) for reject in step.rejects] == [("print 13", False)]


@pytest.mark.parametrize("people", [(), (PERSON, PERSON)])
def test_a_file_about_none_or_two_is_a_reject(tmp_path: Path, people: tuple[Descriptive, ...]) -> None:
    step = read(tmp_path, xml6.encode(transaction(*people)))
    assert step.items == ()
    assert "not about one person" in step.rejects[0].reason


@pytest.mark.parametrize("data", [b"", b"<x/>", b"<!DOCTYPE x []><x/>", xml6.encode(transaction(PERSON))[:4000]])
def test_what_is_no_transaction_is_a_reject(tmp_path: Path, data: bytes) -> None:
    step = read(tmp_path, data)
    assert step.items == ()
    assert step.rejects


def test_interpols_samples_are_read(shared_data: Path) -> None:
    """The NPS sample is a person with one face and single fingers; the MPS sample is a trace of nobody known."""
    path = shared_data / "inti-v6" / "Sample-{}-INT-ITransaction.xml"
    (step,) = IMPORTER.read(Path(str(path).format("NPS")), 0, 0)
    (person,) = step.items
    assert isinstance(person, Person)
    assert person.record.surname == "Mustermann"
    assert len(person.samples) == 3
    (step,) = IMPORTER.read(Path(str(path).format("MPS")), 0, 0)
    assert "neither a name" in step.rejects[0].reason
