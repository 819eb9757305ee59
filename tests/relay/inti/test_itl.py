"""The traditional encoding: byte for byte, and lies of every kind refused."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.inti import either, itl
from hotspotd.relay.inti.limits import MAX_ALL_ITEMS, MAX_FIELDS, MAX_ITEMS, MAX_RECORDS
from hotspotd.relay.inti.record import Encoding, Field, Package, Record, record
from hotspotd.relay.inti.transaction import Transaction
from tests.relay.inti.transactions import agencies, fuzz, transactions_between

FS, GS, RS, US = b"\x1c", b"\x1d", b"\x1e", b"\x1f"


def tagged(kind: int, fields: list[tuple[int, bytes]], *, digits: int = 0, length: int | None = None) -> bytes:
    """A tagged record; LEN padded with zeros to ``digits``, or ``length`` whatever it is."""
    body = b"".join(GS + b"%d.%03d:%b" % (kind, number, text) for number, text in fields) + FS
    tag = b"%d.001:" % kind
    size = len(tag) + len(body)
    total = next(total for total in range(size, size + 12) if size + max(len(str(total)), digits) == total)
    return tag + (b"%0*d" % (digits, total) if length is None else b"%d" % length) + body


def type_4(image: bytes, fingers: bytes = b"\x02\xff\xff\xff\xff\xff", length: int | None = None) -> bytes:
    size = 18 + len(image) if length is None else length
    return struct.pack(">IBB6sBHHB", size, 1, 0, fingers, 0, 10, 20, 1) + image


def header(*kinds: int, content: bytes | None = None) -> bytes:
    listed = b"".join(RS + b"%d" % kind + US + b"%02d" % idc for idc, kind in enumerate(kinds))
    if content is None:
        content = b"1" + US + b"%d" % len(kinds) + listed
    return tagged(1, [(2, b"0502"), (3, content), (4, b"NPS"), (9, b"T1")])


def refused(data: bytes) -> str:
    with pytest.raises(RelayError) as caught:
        itl.read(data)
    assert caught.value.reason is Reason.BAD_TRANSACTION
    return caught.value.what


# An own writer, so that the codec is not held against itself.
_texts = st.text(st.characters(exclude_characters="\x1c\x1d\x1e\x1f", exclude_categories=("Cs",)), max_size=8)
_values = st.lists(st.lists(_texts, min_size=1, max_size=3), min_size=1, max_size=3).map(
    lambda subfields: RS.join(US.join(item.encode() for item in items) for items in subfields)
)
_images = st.binary(max_size=40) | st.sampled_from((FS + GS, b"14.999:" + FS, GS + b"14.001:9" + FS))


@st.composite
def _files(draw: st.DrawFn) -> bytes:
    records: list[tuple[int, bytes]] = []
    for kind in draw(st.lists(st.sampled_from((2, 2, 3, 4, 5, 7, 8, 9, 10, 13, 14, 15, 99)), max_size=5)):
        if kind == 4:
            records.append((kind, type_4(draw(_images), draw(st.binary(min_size=6, max_size=6)))))
        elif kind in itl.BINARY:
            image = draw(_images)
            records.append((kind, struct.pack(">IB", 5 + len(image), draw(st.integers(0, 255))) + image))
        else:
            numbers = draw(st.lists(st.integers(3, 998), max_size=4))
            fields = [(2, b"%02d" % draw(st.integers(0, 99))), *((number, draw(_values)) for number in numbers)]
            if kind >= 10 and draw(st.booleans()):
                fields.append((999, draw(_images)))
            records.append((kind, tagged(kind, fields, digits=draw(st.sampled_from((0, 8))))))
    trailer = draw(st.sampled_from((b"", b"\r\n", b"\0\0")))
    return header(*(kind for kind, _ in records)) + b"".join(one for _, one in records) + trailer


@settings(fuzz, max_examples=300)
@given(_files())
def test_a_file_is_written_byte_for_byte_as_it_was_read(data: bytes) -> None:
    package = itl.read(data)
    assert itl.write(package) == data


@settings(fuzz, max_examples=100)
@given(transactions_between(agencies))
def test_what_is_written_is_read_back_the_same(transaction: Transaction) -> None:
    assert either.decode(either.encode(transaction, Encoding.TRADITIONAL)) == transaction


WHOLE = (
    header(2, 4, 14, 8)
    + tagged(2, [(2, b"00"), (30, "Jürgen".encode() + US + "Ж 999:".encode()), (999, b"text 2.999: too")])
    + type_4(b"\x1c\x1d\x1e\x1f14.001:9\x1d")
    + tagged(14, [(2, b"02"), (20, b"a text with 14.999: in it"), (999, FS + GS + b"14.001:9" + FS)])
    + struct.pack(">IB", 9, 3)
    + b"abcd"
)


def test_texts_that_look_like_image_data_stay_texts() -> None:
    package = itl.read(WHOLE)
    descriptive, grey, finger, signature = package.records[1:]
    assert descriptive.field(30) == (("Jürgen", "Ж 999:"),)
    assert (descriptive.item(999), descriptive.data) == ("text 2.999: too", None)
    assert (grey.item(2), grey.field(4), grey.item(6), grey.data) == (
        "1",
        (("2",),),
        "10",
        b"\x1c\x1d\x1e\x1f14.001:9\x1d",
    )
    assert (finger.item(20), finger.data) == ("a text with 14.999: in it", FS + GS + b"14.001:9" + FS)
    assert (signature.type, signature.idc, signature.data) == (8, "3", b"abcd")
    assert itl.write(package) == WHOLE


@settings(fuzz, max_examples=300)
@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_refused_with_a_reason(data: bytes) -> None:
    with suppress(RelayError):
        itl.read(data)


@settings(fuzz, max_examples=600)
@given(st.integers(0, len(WHOLE) - 1), st.binary(max_size=6), st.integers(0, 40))
def test_a_damaged_file_is_refused_or_written_as_it_is(place: int, put_in: bytes, taken_out: int) -> None:
    damaged = WHOLE[:place] + put_in + WHOLE[place + taken_out :]
    with suppress(RelayError):
        assert itl.write(itl.read(damaged)) == damaged
    with suppress(RelayError):
        either.decode(damaged)


@pytest.mark.parametrize("length", range(0, len(WHOLE), 7))
def test_a_torn_file_is_refused_or_ends_with_a_whole_record(length: int) -> None:
    with suppress(RelayError):
        assert itl.write(itl.read(WHOLE[:length])) == WHOLE[:length]


@pytest.mark.parametrize("length", [0, 5, 37, 39, 999_999, 2**31])
def test_a_length_that_lies_is_refused(length: int) -> None:
    record_2 = tagged(2, [(2, b"00"), (30, b"ERIKSSON" + US + b"ANNA")])
    assert len(record_2) == 38
    lying = tagged(2, [(2, b"00"), (30, b"ERIKSSON" + US + b"ANNA")], length=length)
    refused(header(2) + lying)


def test_a_length_over_two_records_is_refused() -> None:
    one = tagged(2, [(2, b"00"), (30, b"A")])
    both = tagged(2, [(2, b"00"), (30, b"A")], length=2 * len(one))
    refused(header(2, 2) + both + one)


@pytest.mark.parametrize("length", [0, 17, 23, 2**32 - 1])
def test_a_type_4_length_that_lies_is_refused(length: int) -> None:
    refused(header(4) + type_4(b"1234", length=length))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1",
        b"1" + US + b"99999999999",
        b"x" + US + b"y" + RS + b"z",
        b"1" + US + b"2" + RS + b"14" + US + b"00" + RS + b"9" + US + b"01",
        b"1" + US + b"1" + RS + b"4" + US + b"00",
    ],
)
def test_tagged_records_are_read_whatever_the_list_of_records_says(content: bytes) -> None:
    data = header(content=content) + tagged(2, [(2, b"00")]) + tagged(14, [(2, b"01"), (999, b"x")])
    package = itl.read(data)
    assert [one.type for one in package.records] == [1, 2, 14]
    assert itl.write(package) == data


def test_a_binary_record_that_is_not_listed_is_refused() -> None:
    refused(header() + type_4(b"1234"))


def test_a_binary_record_that_is_not_listed_is_refused_in_writing() -> None:
    package = itl.read(header(4) + type_4(b"1234"))
    moved = Package(encoding=Encoding.TRADITIONAL, records=(package.header, *package.records[1:] * 2))
    with pytest.raises(RelayError):
        itl.write(moved)


def test_old_files_in_latin_1_are_read_and_written_as_they_are() -> None:
    data = header(2) + tagged(2, [(2, b"00"), (30, "Jürgen".encode("latin-1"))])
    package = itl.read(data)
    assert (package.charset, package.records[1].item(30)) == ("latin-1", "Jürgen")
    assert itl.write(package) == data


def test_characters_of_several_bytes_are_whole_wherever_they_fall() -> None:
    name = "𝔄Ж́é" * 5_000
    data = header(2) + tagged(2, [(2, b"00"), (30, name.encode())])
    assert itl.read(data).records[1].item(30) == name


def test_short_numbers_of_fields_are_kept() -> None:
    body = b"1.01:031\x1d1.02:0201\x1d1.09:T1\x1d1.04:A\x1c"
    body = b"1.01:%03d" % len(body) + body[8:]
    package = itl.read(body)
    assert package.header.item(9) == "T1"
    assert itl.write(package) == body


def test_a_length_is_put_right_when_a_field_was_changed() -> None:
    head = record(1, [(2, [["0502"]]), (4, [["ERR"]]), (9, [["T" * 990]])])
    kept = Record(type=1, fields=(Field(number=1, subfields=(("00007",),)), *head.fields))
    written = itl.write(Package(encoding=Encoding.TRADITIONAL, records=(kept,)))
    assert written.startswith(b"1.001:%d" % len(written))
    assert itl.read(written).header.item(9) == "T" * 990


@pytest.mark.parametrize("text", ["a\x1cb", "a\x1db", "a\x1eb", "a\x1fb"])
def test_a_text_with_a_separator_is_refused_in_writing(text: str) -> None:
    head = record(1, [(9, [[text]])])
    with pytest.raises(RelayError):
        itl.write(Package(encoding=Encoding.TRADITIONAL, records=(head,)))


def test_huge_counts_are_refused() -> None:
    assert "records" in refused(header() + tagged(2, [(2, b"00")]) * MAX_RECORDS)
    assert "fields" in refused(header(2) + tagged(2, [(3, b"x")] * (MAX_FIELDS + 1)))
    assert "items" in refused(header(2) + tagged(2, [(3, US * (MAX_ITEMS + 1))]))
    times = MAX_ALL_ITEMS // MAX_ITEMS + 1
    assert "items" in refused(header(2) + tagged(2, [(3, US * MAX_ITEMS)] * times))


def test_what_could_not_be_read_again_is_refused_in_writing() -> None:
    head = itl.read(header()).header
    for fields in ([(3, [["x"]] * (MAX_ITEMS + 1))], [(number, [["x"]]) for number in range(3, MAX_FIELDS + 4)]):
        with pytest.raises(RelayError):
            itl.write(Package(encoding=Encoding.TRADITIONAL, records=(head, record(2, fields))))


def test_a_file_over_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(RelayError) as caught:
        itl.read(WHOLE, max_bytes=len(WHOLE) - 1)
    assert caught.value.reason is Reason.TOO_LARGE
