"""What is wrong with a transaction is told in INT-I's codes, with the field's mnemonic."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspotd.errors import RelayError
from hotspotd.relay import images
from hotspotd.relay.inti import either, itl, writer, xml6
from hotspotd.relay.inti.check import Fault, check
from hotspotd.relay.inti.convert import convert
from hotspotd.relay.inti.fields import RULES
from hotspotd.relay.inti.layout import LAYOUTS, Node
from hotspotd.relay.inti.limits import MAX_FAULTS
from hotspotd.relay.inti.record import DATA, Encoding, Field, Foreign, Package, Record, Subfields
from hotspotd.relay.inti.tables import ERRORS
from hotspotd.relay.inti.transaction import (
    Descriptive,
    FieldError,
    Header,
    NationalNumber,
    Organisation,
    Picture,
    PrintRecord,
    Transaction,
    TransactionType,
)
from tests.relay.inti.transactions import fuzz

ONE = Organisation(identifier="KIOSK-01", name="Border police", country="UTO")
SOUND = writer.package(
    Transaction(
        header=Header(
            tot=TransactionType.NPS,
            tcn="T1",
            date="2026-11-22",
            utc="2026-11-22T10:00:00Z",
            priority=2,
            destination=ONE,
            origin=ONE,
        ),
        descriptive=(Descriptive(civil_code="VIS", orn=NationalNumber(country="UTO", number="E1")),),
        prints=(
            PrintRecord(
                idc=1,
                position=2,
                bits=8,
                picture=Picture(data=bytes(6), compression="NONE", width=2, height=3, scale=1),
            ),
        ),
    )
)

Change = Callable[[Record], Record]


def with_field(number: int, subfields: Subfields) -> Change:
    """A record with this field instead of its own; without it where there are no subfields."""

    def change(record: Record) -> Record:
        fields = tuple(field for field in record.fields if field.number != number)
        new = (Field(number=number, subfields=subfields),) if subfields else ()
        return msgspec.structs.replace(record, fields=fields + new)

    return change


def one_of(number: int, text: str) -> Change:
    return with_field(number, ((text,),) if text else ())


def faults(place: int, change: Change, package: Package = SOUND) -> list[Fault]:
    records = tuple(change(record) if at == place else record for at, record in enumerate(package.records))
    return list(check(msgspec.structs.replace(package, records=records), images.size_of))


def test_a_sound_transaction_has_no_faults_in_either_encoding() -> None:
    assert check(SOUND, images.size_of) == ()
    traditional = itl.read(itl.write(convert(SOUND, Encoding.TRADITIONAL)))
    assert check(traditional, images.size_of) == ()


@pytest.mark.parametrize(
    ("place", "change", "code", "mnemonic"),
    [
        (0, one_of(4, "CAR"), "116", "TOT"),
        (0, one_of(4, ""), "101", "TOT"),
        (0, one_of(9, ""), "101", "TCN"),
        (0, one_of(9, "T 1"), "201", "TCN"),
        (0, one_of(9, "T" * 65), "201", "TCN"),
        (0, one_of(5, "2026-02-30"), "112", "DAT"),
        (0, one_of(5, "22.11.2026"), "112", "DAT"),
        (0, one_of(6, "0"), "109", "PRY"),
        (0, one_of(6, "10"), "110", "PRY"),
        (0, one_of(6, "two"), "108", "PRY"),
        (0, one_of(6, "٢"), "108", "PRY"),
        (0, one_of(11, "19,68"), "108", "NSR"),
        (0, one_of(14, "yesterday"), "114", "GMT"),
        (0, one_of(14, "2026-13-01T10:00:00Z"), "112", "GMT"),
        (0, one_of(14, "2026-11-22T25:00:00Z"), "113", "GMT"),
        (0, one_of(3, ""), "101", "CNT"),
        (0, with_field(3, (("1", "1"), ("14", "1"))), "117", "CNT"),
        (0, with_field(3, (("1", "7"), ("2", "0"), ("14", "1"))), "117", "CNT"),
        (0, with_field(13, (("", "06.00"),)), "105", "DOM"),
        (0, with_field(13, (("INT-I", "06.00", "more"),)), "105", "DOM"),
        (0, with_field(13, (("INT-I",), ("INT-I",))), "104", "DOM"),
        (1, one_of(2, ""), "101", "IDC"),
        (1, one_of(11, ""), "101", "ORN"),
        (1, one_of(38, "UT"), "106", "NAT"),
        (1, one_of(38, "UTOP"), "107", "NAT"),
        (1, one_of(39, "X"), "115", "SEX"),
        (1, one_of(30, "A\x07"), "111", "GIV"),
        (1, one_of(970, ""), "101", "CIV"),
        (1, one_of(555, "x"), "103", "555"),
        (2, one_of(13, ""), "101", "FGP"),
        (2, one_of(13, "99"), "115", "FGP"),
        (2, one_of(7, ""), "101", "VLL"),
        (2, one_of(7, "4"), "118", "HLL"),
        (2, one_of(11, "PNG"), "117", "DATA"),
        (2, lambda record: msgspec.structs.replace(record, data=None), "101", "DATA"),
        (2, lambda record: msgspec.structs.replace(record, type=13), "102", "RCC"),
        (2, lambda record: msgspec.structs.replace(record, fields=record.fields * 2), "104", "IDC"),
    ],
)
def test_a_fault_is_told_with_code_and_mnemonic(place: int, change: Change, code: str, mnemonic: str) -> None:
    assert (code, mnemonic) in [(fault.code, fault.mnemonic) for fault in faults(place, change)]


def test_a_reply_must_say_what_it_answers() -> None:
    reply = writer.package(Transaction(header=Header(tot=TransactionType.ERR, tcn="R1"), descriptive=(Descriptive(),)))
    told = {(fault.code, fault.mnemonic) for fault in check(reply)}
    assert {("101", "TCR"), ("101", "ERM"), ("101", "DAI"), ("101", "DAT")} <= told


def test_the_mnemonics_and_codes_are_those_of_an_err() -> None:
    (fault,) = faults(1, one_of(39, "X"))
    assert fault.as_error() == FieldError(code="115", field="SEX", text="invalid item value")
    assert str(fault) == "115 2.039 SEX (record 2): invalid item value"
    assert fault.tolerated
    assert not faults(0, one_of(6, "0"))[0].tolerated


def test_names_beyond_ascii_are_told_in_a_traditional_header() -> None:
    traditional = convert(SOUND, Encoding.TRADITIONAL)
    told = faults(0, with_field(17, (("Policía",),)), traditional)
    assert [(fault.code, fault.mnemonic) for fault in told] == [("111", "DAN")]


def test_elements_that_say_nothing_are_no_fault() -> None:
    def change(xml: str) -> Change:
        return lambda record: msgspec.structs.replace(record, foreign=(Foreign(parents=(), position=0, xml=xml),))

    assert faults(1, change("<Thing></Thing>")) == []
    assert [(fault.code, fault.mnemonic) for fault in faults(1, change("<Thing>x</Thing>"))] == [("103", "Thing")]


def test_faults_are_not_told_without_end_and_none_that_matters_is_hidden_behind_others() -> None:
    aliases = with_field(34, (("\x07",) * 7,) * 90)
    assert len(faults(1, aliases)) == MAX_FAULTS
    found = faults(1, lambda record: one_of(94, "")(one_of(92, "never")(aliases(record))))
    assert [(fault.code, fault.mnemonic) for fault in found if not fault.tolerated] == [("112", "EXP")]
    assert len(faults(1, with_field(4, (("never",) * 2,) * 90))) == 1 + MAX_FAULTS


def test_the_samples_have_the_faults_that_are_known(shared_data: Path) -> None:
    folder = shared_data / "inti-v6"
    if not folder.is_dir():
        pytest.skip("no INT-I samples in ../shared/data")
    told = {}
    for name in ("ERR", "NPS", "SRE-HIT_CPS", "SRE-NOHIT"):
        package = xml6.read((folder / f"Sample-{name}-INT-ITransaction.xml").read_bytes())
        told[name] = [(fault.code, fault.mnemonic, fault.tolerated) for fault in check(package, images.size_of)]
    sex, size = ("115", "SEX", True), ("118", "HLL", True)
    assert told == {"ERR": [], "NPS": [sex, size], "SRE-HIT_CPS": [sex], "SRE-NOHIT": []}


def test_every_element_that_is_read_has_a_rule() -> None:
    def numbers(node: Node) -> set[int]:
        own = {node.number} if node.number not in {0, DATA} else set()
        return own.union(*(numbers(child) for child in node.children))

    for kind, layout in LAYOUTS.items():
        assert numbers(layout) - {1} <= RULES[kind].keys()


@settings(fuzz, max_examples=200)
@given(
    st.sampled_from(Encoding),
    st.integers(0, 2),
    st.integers(2, 40),
    st.lists(st.lists(st.text(max_size=9), max_size=4).map(tuple), max_size=3).map(tuple),
)
def test_whatever_a_field_holds_is_told_or_sound(
    encoding: Encoding, place: int, number: int, subfields: Subfields
) -> None:
    found = faults(place, with_field(number, subfields), convert(SOUND, encoding))
    assert all(fault.code in ERRORS for fault in found)


@settings(fuzz, max_examples=200)
@given(st.data())
def test_whatever_was_read_can_be_checked(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from((xml6.write(SOUND), itl.write(convert(SOUND, Encoding.TRADITIONAL)))))
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:place] + data.draw(st.binary(max_size=4)) + whole[place + data.draw(st.integers(0, 20)) :]
    with suppress(RelayError):
        check(either.read(damaged), images.size_of)
