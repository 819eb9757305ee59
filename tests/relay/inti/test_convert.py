"""One encoding into the other and back; what the other has no place for is never dropped in silence."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.inti import either, itl, xml6
from hotspotd.relay.inti.convert import convert, convert_lossy
from hotspotd.relay.inti.record import Encoding, Foreign, Package, Record, record
from tests.relay.inti.test_check import SOUND

HEADER = record(
    1,
    [
        (1, [["1"]]),
        (2, [["05", "02"]]),
        (3, [["1", "1"], ["2", "0"]]),
        (4, [["CPS"]]),
        (5, [["2017-07-11"]]),
        (7, [["INT", "XPO"]]),
        (8, [["BKA"]]),
        (9, [["T1"]]),
        (14, [["2016-04-10T10:46:32-05:00"]]),
    ],
)


def of(*records: Record) -> Package:
    return Package(encoding=Encoding.XML, records=(HEADER, *records))


def test_what_differs_between_the_encodings_is_changed() -> None:
    person = record(2, [(1, [["02"]]), (2, [["0"]]), (35, [["1950-12-01"]]), (19, [["2017-07-11T15:05:12Z"]])])
    traditional = convert(of(person), Encoding.TRADITIONAL)
    head, two = traditional.records
    assert [head.item(number) for number in (2, 5, 7, 8, 14)] == [
        "0502",
        "20170711",
        "XPO/INT",
        "BKA",
        "20160410154632Z",
    ]
    assert (two.item(35), two.item(19)) == ("19501201", "20170711150512Z")
    back = convert(itl.read(itl.write(traditional)), Encoding.XML)
    expected = record(
        1, [*((f.number, f.subfields) for f in HEADER.fields if f.number != 14), (14, [["2016-04-10T15:46:32Z"]])]
    )
    assert back == of(person).__class__(encoding=Encoding.XML, records=(expected, person))


@pytest.mark.parametrize(
    "text", ["", "1950", "1950-12", "19501301x", "2017-07-11T15:05:12.5Z", "٢٠١٧-٠٧-١١", "0001-01-01T00:00:00+23:59"]
)
def test_a_date_that_is_none_is_left_or_read_back_as_a_time(text: str) -> None:
    person = record(2, [(1, [["02"]]), (2, [["0"]]), (35, [[text]]), (19, [[text]])])
    traditional = convert(of(person), Encoding.TRADITIONAL)
    assert itl.read(itl.write(traditional)).records[1].item(35) == text


def test_elements_without_a_number_are_refused_or_told() -> None:
    strange = msgspec.structs.replace(
        record(2, [(1, [["02"]]), (2, [["0"]])]),
        foreign=(
            Foreign(parents=(), position=2, xml="<Thing>x</Thing>"),
            Foreign(parents=(), position=3, xml="<Empty></Empty>"),
        ),
    )
    with pytest.raises(RelayError) as caught:
        convert(of(strange), Encoding.TRADITIONAL)
    assert (caught.value.reason, "Thing" in caught.value.what) == (Reason.BAD_TRANSACTION, True)
    converted, lost = convert_lossy(of(strange), Encoding.TRADITIONAL)
    assert lost == ("Thing",)
    assert converted.records[1].item(2) == "0"


def test_records_and_fields_without_an_element_are_told_and_the_list_is_made_anew() -> None:
    data = either.write(convert(SOUND, Encoding.TRADITIONAL))
    package = itl.read(data)
    odd = (
        record(2, [(2, [["0"]]), (11, [["UTO", "E1"]]), (555, [["x"]]), (39, [["M", "more"]])]),
        Record(type=8, fields=record(8, [(2, [["7"]])]).fields, data=b"abc"),
    )
    converted, lost = convert_lossy(msgspec.structs.replace(package, records=(package.header, *odd)), Encoding.XML)
    assert lost == ("items of 2.039", "2.555", "Type-8 record")
    assert converted.header.field(3) == (("1", "1"), ("2", "0"))
    assert xml6.read(xml6.write(converted)) == converted


def test_minutiae_and_images_are_converted_both_ways() -> None:
    minutiae = record(
        9,
        [
            (1, [["9"]]),
            (2, [["1"]]),
            (4, [["false"]]),
            (126, [["27", "515", "001D"]]),
            (137, [["0", "1", "2", "3", "1", "50"], ["1", "4", "5", "6"]]),
            (138, [["0"], ["0", "1", "17"]]),
            (140, [["1", "2", "3", "4"]]),
        ],
    )
    grey = record(
        4,
        [
            (1, [["4"]]),
            (2, [["2"]]),
            (3, [["0"]]),
            (4, [["13"], ["2"]]),
            (5, [["0"]]),
            (6, [["2"]]),
            (7, [["3"]]),
            (8, [["0"]]),
        ],
        bytes(6),
    )
    package = of(minutiae, grey)
    assert xml6.read(xml6.write(package)) == package
    traditional = itl.read(itl.write(convert(package, Encoding.TRADITIONAL)))
    # The header lists neither of them; without the list, a binary record could not be read.
    assert traditional.header.field(3) == (("1", "2"), ("9", "1"), ("4", "2"))
    assert traditional.records[1].item(4) == "U"
    assert convert(traditional, Encoding.XML).records[1:] == package.records[1:]


@pytest.mark.parametrize("name", ["NPS", "ERR", "SRE-HIT_CPS", "SRE-HIT_MPS", "SRE-NOHIT"])
def test_a_sample_goes_into_the_traditional_encoding_and_comes_back(shared_data: Path, name: str) -> None:
    folder = shared_data / "inti-v6"
    if not folder.is_dir():
        pytest.skip("no INT-I samples in ../shared/data")
    package = xml6.read((folder / f"Sample-{name}-INT-ITransaction.xml").read_bytes())
    data = itl.write(convert(package, Encoding.TRADITIONAL))
    back = convert(itl.read(data), Encoding.XML)
    for was, now in zip(package.records, back.records, strict=True):
        # 1.014 GMT is in UTC now.
        assert [f for f in now.fields if (now.type, f.number) != (1, 14)] == [
            f for f in was.fields if (was.type, f.number) != (1, 14)
        ]
        assert now.data == was.data
    assert either.decode(data).descriptive == xml6.decode(xml6.write(package)).descriptive
