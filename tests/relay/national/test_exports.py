"""Reading exports: JSON lines and tables, bad lines among good ones, and what a record must be like."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hotspotd.errors import ConfigError, Reason
from hotspotd.relay.national.exports import Export, Listed, Row, Unusable, Withdrawn
from hotspotd.relay.national.records import RecordKey
from hotspotd.watchlist.numbers import Kind, Status

GOOD = '{"kind": "document", "number": "X 123-4567", "issuer": "UTO", "status": "revoked"}'


def rows(text: str | bytes, *, changes: bool = False) -> list[Row]:
    raw = text if isinstance(text, bytes) else text.encode()
    return list(Export(io.BytesIO(raw), "export", changes=changes).rows())


def reasons(text: str | bytes) -> dict[int, str]:
    return {row.line: row.reason for row in rows(text) if isinstance(row, Unusable)}


def test_json_lines_and_a_table_say_the_same() -> None:
    table = (
        '\ufeffkind;number;issuer;status;reason\n\ndocument;X 123-4567;UTO;revoked;"one; two"\nvin;WAUZZZ;;wanted;\n'
    )
    first, second = rows(table)
    assert isinstance(first, Listed)
    assert (first.line, first.record.reason, first.record.status) == (3, "one; two", Status.REVOKED)
    assert isinstance(second, Listed)
    assert second.record.kind is Kind.VIN
    (listed,) = rows(GOOD)
    assert isinstance(listed, Listed)
    assert listed.record.text == first.record.text == "document|UTO|X1234567|"


def test_changes_say_what_to_do_with_each_line() -> None:
    add = GOOD.replace("{", '{"action": "add", ')
    lines = [add, add.replace('"add"', '"withdraw"'), add.replace('"add"', '"drop"'), GOOD]
    got = rows("\n".join(lines), changes=True)
    assert isinstance(got[0], Listed)
    assert got[1] == Withdrawn(2, RecordKey(kind=Kind.DOCUMENT, number="X 123-4567", issuer="UTO"))
    assert [row.reason for row in got[2:] if isinstance(row, Unusable)] == ["action: add, change or withdraw"] * 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{broken", "not JSON in UTF-8"),
        ('{"kind": 3}', "a value: Expected `str | null`, got `int`"),
        (GOOD.replace("revoked", "lost"), "status: one of stolen_blank"),
        (GOOD.replace('"UTO"', '""'), "issuer: a travel document has one"),
        (GOOD.replace('"UTO"', '"Utopia"'), "issuer: up to three capital letters"),
        (GOOD.replace("X 123-4567", " -- "), "number: 1 to 60"),
        (GOOD.replace("X 123-4567", "A\\u0000B"), "number: 1 to 60"),
        (GOOD.replace("}", ', "since": "2026-02-30"}'), "since: no such day"),
        (GOOD.replace("}", ', "since": "2026-02-03", "expires": "2026-02-02"}'), "expires: before since"),
        (GOOD.replace("}", ', "reason": "' + "x" * 201 + '"}'), "reason: at most 200"),
        (GOOD.replace("}", ', "birth_date": "1974-08-12"}'), "unknown field `birth_date`"),
        (GOOD.replace("}", ', "action": "add"}'), "unknown field `action`"),
        ('{"number": "' + "1" * 5000 + '"}', "longer than 4096 bytes"),
        (b'{"number": "\xff"}', "not JSON in UTF-8"),
    ],
)
def test_a_bad_line_costs_itself_only(line: str | bytes, reason: str) -> None:
    raw = line if isinstance(line, bytes) else line.encode()
    whole = GOOD.encode() + b"\n" + raw + b"\n" + GOOD.encode()
    told = reasons(whole)
    assert list(told) == [2]
    assert reason in told[2]
    assert "X 123-4567" not in told[2]


def test_a_bad_line_of_a_table_costs_itself_only() -> None:
    lines = [b'document,"X1,UTO,revoked', b"document,X2", b"document,X\xff,UTO,revoked", b"document,X4,UTO,revoked"]
    got = rows(b"kind,number,issuer,status\n" + b"\n".join(lines))
    assert [type(row) for row in got] == [Unusable, Unusable, Unusable, Listed]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("kind,number,status,surname", Reason.UNKNOWN_KEY),
        ("kind,number", Reason.BAD_VALUE),
        ("kind,kind,number,status", Reason.BAD_VALUE),
        ("[1, 2]", Reason.UNKNOWN_KEY),
        ('kind,"number', Reason.BAD_VALUE),
        ("kind\rnumber", Reason.BAD_VALUE),
    ],
)
def test_a_table_with_other_columns_is_refused_before_anything_is_read(header: str, reason: Reason) -> None:
    with pytest.raises(ConfigError) as caught:
        rows(f"{header}\n1,2,3,4\n")
    assert caught.value.reason is reason


def test_an_empty_export_has_no_rows() -> None:
    assert rows("") == rows("\n \n") == []


@given(st.binary(max_size=400) | st.text('kind,number;status"\r\n{}:\t', max_size=60).map(str.encode), st.booleans())
@example(b"0\r0", False)
def test_no_bytes_do_harm(raw: bytes, changes: bool) -> None:
    with contextlib.suppress(ConfigError):
        assert all(isinstance(row, Unusable) for row in rows(raw, changes=changes))
