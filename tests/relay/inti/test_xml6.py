"""The INT-I codec: round trips, INTERPOL's samples, hostile and damaged bytes."""

from __future__ import annotations

import base64
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspotd.domain.candidate import Determination
from hotspotd.errors import Reason, RelayError
from hotspotd.relay.inti import xml6
from hotspotd.relay.inti.transaction import (
    Descriptive,
    FieldError,
    Header,
    MiscellaneousNumber,
    NationalNumber,
    Organisation,
    Picture,
    PrintRecord,
    RankedCandidate,
    SearchResult,
    Transaction,
    TransactionType,
)
from tests.relay.inti.transactions import fuzz, transactions

SMALL = xml6.encode(
    Transaction(
        header=Header(tot=TransactionType.NPS, tcn="T1", priority=2),
        descriptive=(Descriptive(crn=NationalNumber(country="UTO", number="1")),),
        prints=(PrintRecord(position=2, picture=Picture(data=b"\x00\x01", compression="JP2")),),
    )
)


@settings(fuzz, max_examples=150)
@given(transactions)
def test_what_is_written_is_read_back_the_same(transaction: Transaction) -> None:
    assert xml6.decode(xml6.encode(transaction)) == transaction


@settings(fuzz, max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_a_reason(data: bytes) -> None:
    _read_or_refused(data)


@settings(fuzz, max_examples=400)
@given(st.integers(0, len(SMALL) - 1), st.binary(max_size=6), st.integers(0, 40))
def test_a_damaged_transaction_is_read_or_refused_with_a_reason(place: int, put_in: bytes, taken_out: int) -> None:
    _read_or_refused(SMALL[:place] + put_in + SMALL[place + taken_out :])


@pytest.mark.parametrize("length", range(0, len(SMALL), 37))
def test_a_torn_transaction_is_refused(length: int) -> None:
    with pytest.raises(RelayError) as caught:
        xml6.decode(SMALL[:length])
    assert caught.value.reason is Reason.BAD_TRANSACTION


def _read_or_refused(data: bytes) -> None:
    # Any other exception fails the test.
    with suppress(RelayError):
        xml6.decode(data)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"?>", b'?><!DOCTYPE a [<!ENTITY x "y">]>'),
        (b"?>", b'?><!DOCTYPE a SYSTEM "file:///etc/passwd">'),
        (b">NPS<", b">XXX<"),
        (b">NPS<", b"><"),
        (b">T1<", b"><"),
        (b">T1<", b">" + b"T" * 65 + b"<"),
        (b">AAE=<", b">A!<"),
        (b">AAE=<", b">AAE<"),
        (b"PriorityValue>2<", b"PriorityValue>two<"),
        (b"PriorityValue>2<", b"PriorityValue>\xd9\xa2<"),
        (b">UTO<", b">" + b"U" * 5000 + b"<"),
        (b'encoding="UTF-8"', b'encoding="UTF-7"'),
        (b"encoding='UTF-8'", b"encoding='ISO-8859-1'"),
        (b"FingerPositionCode", b"FingerPosition"),
        (b"PackageInformationRecord", b"PackageOtherRecord"),
        (b"NISTBiometricInformationExchangePackage", b"Envelope"),
    ],
)
def test_what_could_hurt_or_mislead_is_refused(old: bytes, new: bytes) -> None:
    if old not in SMALL:
        old, new = old.replace(b'"', b"'"), new.replace(b'"', b"'")
    assert old in SMALL
    with pytest.raises(RelayError) as caught:
        xml6.decode(SMALL.replace(old, new))
    assert caught.value.reason is Reason.BAD_TRANSACTION


def test_an_entity_bomb_is_refused_without_being_expanded() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE a [<!ENTITY e0 "boom">{entities}]><a>&e11;</a>'
    for encoding in ("utf-8", "utf-16", "utf-32"):
        with pytest.raises(RelayError) as caught:
            xml6.decode(bomb.encode(encoding))
        assert caught.value.reason is Reason.BAD_TRANSACTION


def test_a_transaction_over_the_limit_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(RelayError) as caught:
        xml6.decode(SMALL, max_bytes=len(SMALL) - 1)
    assert caught.value.reason is Reason.TOO_LARGE


def test_too_many_records_are_refused() -> None:
    many = Transaction(
        header=Header(tot=TransactionType.NPS, tcn="T1"), descriptive=tuple(Descriptive(idc=n) for n in range(80))
    )
    with pytest.raises(RelayError):
        xml6.decode(xml6.encode(many))


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(RelayError):
        xml6.decode(b"<a>" * 5000 + b"</a>" * 5000)


def test_unknown_elements_other_namespaces_of_the_four_and_comments_are_passed_over() -> None:
    liberal = (
        SMALL.replace(
            b"<biom:TransactionPriorityValue>", b"<x xmlns='urn:x'>1</x><!-- n --><biom:TransactionPriorityValue>"
        )
        .replace(b"itl:FingerprintImage>", b"biom:FingerImpressionImage>")
        .replace(b">AAE=<", b">\n AA\r\n E= <")
        .replace(b">T1<", b"> T<!-- c -->1\n<")
    )
    assert xml6.decode(liberal) == xml6.decode(SMALL)


def test_text_that_xml_cannot_hold_is_refused_in_writing() -> None:
    with pytest.raises(RelayError) as caught:
        xml6.encode(Transaction(header=Header(tot=TransactionType.ERR, tcn="T\x00")))
    assert caught.value.reason is Reason.BAD_TRANSACTION


def test_a_sixth_miscellaneous_number_is_refused_in_writing() -> None:
    record = Descriptive(numbers=tuple(MiscellaneousNumber(number=str(n)) for n in range(6)))
    with pytest.raises(RelayError):
        xml6.encode(Transaction(header=Header(tot=TransactionType.NPS, tcn="T1"), descriptive=(record,)))


@pytest.fixture(scope="session")
def samples(shared_data: Path) -> Path:
    folder = shared_data / "inti-v6"
    if not folder.is_dir():
        pytest.skip("no INT-I samples in ../shared/data")
    return folder


def test_the_nps_sample_is_read(samples: Path) -> None:
    data = (samples / "Sample-NPS-INT-ITransaction.xml").read_bytes()
    read = xml6.decode(data)
    # The sample is named NPS and says CPS.
    assert (read.header.tot, read.header.tcn, read.header.priority) == ("CPS", "19125458357684J", 2)
    assert read.header.origin == Organisation(identifier="BKA", name="Bundeskriminalamt", country="DEU")
    record = read.descriptive[0]
    assert record.subject.name.surname == "Mustermann"
    assert (record.subject.birth_date, record.subject.sex, record.civil_code) == ("1950-12-01", "X", "OTH")
    assert record.crn == NationalNumber(country="DEU", number="1234567890")
    assert [number.number for number in record.numbers] == [f"MISC{n}" for n in range(1, 6)]
    assert record.determination is Determination.CONFIRMED
    assert [(p.position, p.picture.width, p.picture.height, p.picture.density_across) for p in read.prints] == [
        (11, 784, 2000, 1000),
        (12, 824, 2000, 1000),
        (13, 3144, 2000, 1000),
        (14, 3216, 2000, 1000),
    ]
    assert all(base64.b64encode(p.picture.data)[:24] in data for p in read.prints)
    assert read.faces[0].picture.data.startswith(b"\xff\xd8")


@pytest.mark.parametrize("name", ["SRE-HIT_CPS", "SRE-HIT_MPS"])
def test_the_hit_samples_are_read(samples: Path, name: str) -> None:
    read = xml6.decode((samples / f"Sample-{name}-INT-ITransaction.xml").read_bytes())
    assert (read.header.tot, read.header.tcr) == ("SRE", "19125458357683H")
    respondents = read.descriptive[0].respondents
    assert respondents is not None
    assert (respondents.result, respondents.total, respondents.original) == ("I", 3, name[-3:])
    assert respondents.candidates == (RankedCandidate(sequence=1, verify=True),)
    assert read.descriptive[0].contact.text == "Contact Immediately. Terrorist."


def test_the_no_hit_and_error_samples_are_read(samples: Path) -> None:
    none = xml6.decode((samples / "Sample-SRE-NOHIT-INT-ITransaction.xml").read_bytes())
    assert none.descriptive[0].respondents
    assert none.descriptive[0].respondents.result is SearchResult.NONE
    error = xml6.decode((samples / "Sample-ERR-INT-ITransaction.xml").read_bytes())
    assert error.descriptive[0].errors == (FieldError(code="112", field="DOB", text="ERROR: INVALID DATE"),)


@pytest.mark.parametrize("name", ["NPS", "SRE-HIT_CPS", "SRE-HIT_MPS", "SRE-NOHIT", "ERR"])
def test_a_sample_written_again_is_read_the_same(samples: Path, name: str) -> None:
    read = xml6.decode((samples / f"Sample-{name}-INT-ITransaction.xml").read_bytes())
    assert xml6.decode(xml6.encode(read)) == read


def test_records_that_are_not_held_are_named_and_not_written(samples: Path) -> None:
    read = xml6.decode((samples / "Sample-MPS-INT-ITransaction.xml").read_bytes())
    assert read.unread == (9, 13, 20)
    with pytest.raises(RelayError):
        xml6.encode(read)
