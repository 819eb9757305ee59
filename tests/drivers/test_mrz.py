"""What serial document readers send, whole and broken, and what the driver makes of it."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers import registry
from drivers.address import DeviceAddress
from drivers.base import DriverError, DriverReason
from drivers.document import listening
from drivers.document.mrz_lines import (
    MAX_BYTES,
    PARTIAL_S,
    SAME_DOCUMENT_S,
    SILENCE_S,
    Dropped,
    MrzAssembler,
    NotLinesError,
    Result,
)
from drivers.document.mrz_serial import MrzSerialReader
from drivers.emulators.mrz_reader import FRAMINGS, MrzReaderEmulator, frame, lrc
from tests.drivers.benches import until

TD3 = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
TD2 = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")
TD1 = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
every_layout = pytest.mark.parametrize("lines", [TD1, TD2, TD3], ids=["TD1", "TD2", "TD3"])


def options(framing: str) -> dict[str, Any]:
    """How the driver is set for a reader with this framing."""
    return {"skip": 1} if framing == "soh" else {"lrc": True} if framing == "stx-lrc" else {}


@every_layout
@pytest.mark.parametrize("framing", [framing for framing in FRAMINGS if framing != "bare"])
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_every_framing_gives_the_lines_at_once_and_once(lines: tuple[str, ...], framing: str, step: int) -> None:
    wire = frame(lines, framing)
    assembler = MrzAssembler(**options(framing))
    results = [
        result for place in range(0, len(wire), step) for result in assembler.feed(wire[place : place + step], 0)
    ]
    assert results == [lines]
    assert assembler.silence(10) == []


@every_layout
def test_a_zone_without_any_end_is_complete_with_the_silence(lines: tuple[str, ...]) -> None:
    assembler = MrzAssembler()
    assert assembler.feed(frame(lines, "bare"), 0) == []
    assert assembler.silence(SILENCE_S) == [lines]


@every_layout
def test_a_checksum_that_is_not_asked_for_is_passed_over(lines: tuple[str, ...]) -> None:
    assembler = MrzAssembler()
    for turn in range(2):
        assert assembler.feed(frame(lines, "stx-lrc"), turn * 5) == [lines]
        assert assembler.silence(turn * 5 + 3) == []


@every_layout
def test_an_unbroken_zone_is_cut_into_its_lines(lines: tuple[str, ...]) -> None:
    assert MrzAssembler().feed("".join(lines).encode() + b"\r", 0) == [lines]


def test_lines_without_a_last_end_are_complete_with_the_silence() -> None:
    assembler = MrzAssembler()
    assert assembler.feed("\r".join(TD3).encode(), 0) == []
    assert assembler.silence(SILENCE_S / 2) == []
    assert assembler.silence(SILENCE_S) == [TD3]
    assert assembler.silence(10) == []


def test_a_broken_off_document_is_given_as_it_came() -> None:
    assembler = MrzAssembler()
    assembler.feed(b"\x02P<UTOERIK\r", 0)
    assert assembler.silence(SILENCE_S) == []
    assert assembler.silence(PARTIAL_S) == [("P<UTOERIK",)]


@every_layout
@pytest.mark.parametrize("framing", ["stx", "cr", "unbroken"])
def test_a_zone_that_is_cut_is_completed_after_a_pause(lines: tuple[str, ...], framing: str) -> None:
    wire = frame(lines, framing)
    for cut in range(1, len(wire) - 2):
        assembler = MrzAssembler()
        assert assembler.feed(wire[:cut], 0) == []
        assert assembler.silence(SILENCE_S * 0.9) == []
        assert assembler.feed(wire[cut:], PARTIAL_S * 0.9) == [lines]


@pytest.mark.parametrize("damage", [1, -1], ids=["a character", "the checksum"])
def test_a_wrong_checksum_is_told_and_the_next_document_read(damage: int) -> None:
    assembler = MrzAssembler(lrc=True)
    wire = bytearray(frame(TD3, "stx-lrc"))
    wire[damage] ^= 0x04
    (wrong,) = assembler.feed(bytes(wire), 0)
    assert isinstance(wrong, NotLinesError)
    assert "checksum" in str(wrong)
    assert assembler.feed(frame(TD3, "stx-lrc"), 0.5) == [TD3]


def test_a_checksum_that_does_not_come_is_told() -> None:
    assembler = MrzAssembler(lrc=True)
    assert assembler.feed(frame(TD3, "stx-lrc")[:-1], 0) == []
    (wrong,) = assembler.silence(PARTIAL_S)
    assert isinstance(wrong, NotLinesError)
    assert assembler.silence(10) == []


def test_the_checksum_is_that_of_iso_1155() -> None:
    assert lrc(b"\x02AB\r\x03") == 0x41 ^ 0x42 ^ 0x0D ^ 0x03


@pytest.mark.parametrize("text", [b"NO READ\r", b"ACME OCR V1.02\r\n", b"?\r", b"]C1\r", b"READY 9600,N,8,1\r\n", b"E"])
def test_a_readers_own_text_is_dropped_with_a_reason(text: bytes) -> None:
    assembler = MrzAssembler()
    assert assembler.feed(text, 0) == []
    assert [type(result) for result in assembler.silence(PARTIAL_S)] in ([Dropped], [])
    assert assembler.feed(text + frame(TD3, "stx"), 20) == [TD3]


@every_layout
@pytest.mark.parametrize("rubbish", [b"STATUS OK\r", b"P<UTOERIK\r", b"\r\n", b"%%%\r", b"\xff\x80\r"])
def test_rubbish_between_the_lines_is_passed_over(lines: tuple[str, ...], rubbish: bytes) -> None:
    wire = rubbish + rubbish.join(line.encode() + b"\r" for line in lines)
    assert MrzAssembler().feed(wire, 0) == [lines]


def test_blanks_complete_a_line_only_where_they_make_it_whole() -> None:
    # The name alone has 36 characters: without the blanks it would be a line of a TD2.
    name = f"{'P UTO' + 'A' * 31:44}"
    wire = f"{name}\r{TD3[1]}\r".encode()
    assert MrzAssembler().feed(wire, 0) == [(name.replace(" ", "<"), TD3[1])]


def test_a_new_start_drops_what_was_broken_off() -> None:
    assert MrzAssembler().feed(b"P<UTOERIK\r" + frame(TD3, "stx"), 0) == [TD3]


def test_a_whole_zone_behind_a_torn_one_is_the_document() -> None:
    assert MrzAssembler().feed(b"<<ANNA<MARIA\r" + frame(TD3, "cr"), 0) == [TD3]


def test_lower_case_and_blanks_around_are_no_part_of_a_line() -> None:
    assert MrzAssembler().feed(b" i<utod231458907 \n\x03", 0) == [("I<UTOD231458907",)]


def test_a_document_sent_again_and_again_counts_once() -> None:
    assembler = MrzAssembler()
    assert assembler.feed(frame(TD3, "stx"), 0.0) == [TD3]
    assert assembler.feed(frame(TD3, "stx"), 0.6) == []
    assert assembler.feed(frame(TD3, "stx"), 1.2) == []
    assert assembler.feed(frame(TD1, "stx"), 1.4) == [TD1]
    assert assembler.feed(frame(TD3, "stx"), 1.5) == [TD3]
    assert assembler.feed(frame(TD3, "stx"), 1.6 + SAME_DOCUMENT_S) == [TD3]


def test_what_is_no_text_is_told_and_the_next_document_read() -> None:
    assembler = MrzAssembler()
    (noise,) = assembler.feed(b"\x02\x80\xff\x11\r\x03", 0)
    assert isinstance(noise, NotLinesError)
    assert assembler.feed(b"A" * (MAX_BYTES * 3), 1) == []
    (endless,) = assembler.silence(2)
    assert isinstance(endless, NotLinesError)
    assert assembler.feed(frame(TD2, "crlf"), 3) == [TD2]


seeded = settings(derandomize=True, deadline=None)
wires = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.sampled_from([frame(lines, framing) for lines in (TD1, TD2, TD3) for framing in FRAMINGS]),
        st.sampled_from([b"\r", b"\n", b"\x02", b"\x03", b"<" * 600]),
    ),
    max_size=6,
).map(b"".join)


@seeded
@given(st.lists(st.binary(max_size=700), max_size=8), st.booleans(), st.integers(0, 16))
def test_any_bytes_are_survived_and_the_next_document_is_read(pieces: list[bytes], check: bool, skip: int) -> None:
    assembler = MrzAssembler(lrc=check, skip=skip)
    now = 0.0
    for piece in pieces:
        assembler.feed(piece, now)
        assert assembler._size <= MAX_BYTES
        now += 0.1
    assembler.silence(now + PARTIAL_S)
    padded = ("x" * skip + TD1[0], *TD1[1:])
    assert assembler.feed(frame(padded, "stx-lrc"), now + 10)[-1] == TD1


@seeded
@given(wires, st.lists(st.integers(0, 1000), max_size=20), st.booleans())
def test_any_cut_of_the_bytes_into_pieces_gives_the_same(wire: bytes, cuts: list[int], check: bool) -> None:
    def results(places: list[int]) -> list[object]:
        assembler = MrzAssembler(lrc=check)
        edges = [0, *sorted(place for place in places if place < len(wire)), len(wire)]
        found: list[Result] = []
        for start, end in itertools.pairwise(edges):
            found += assembler.feed(wire[start:end], 1.0)
        found += assembler.silence(1.0 + PARTIAL_S)
        return [str(one) if isinstance(one, NotLinesError) else one for one in found]

    assert results(cuts) == results([]) == results(list(range(len(wire))))


@pytest.fixture
async def emulator(port: Path) -> AsyncIterator[MrzReaderEmulator]:
    async with MrzReaderEmulator(port) as made:
        yield made


@pytest.fixture
async def reader(emulator: MrzReaderEmulator, port: Path) -> AsyncIterator[MrzSerialReader]:
    driver = MrzSerialReader(DeviceAddress.parse(f"serial://{port}"))
    await driver.open()
    yield driver
    await driver.close()


async def test_a_document_shown_a_moment_too_early_counts(emulator: MrzReaderEmulator, reader: MrzSerialReader) -> None:
    await emulator.present(TD3)
    await until(lambda: reader._latest is not None)
    assert (await reader.read()).lines == TD3


async def test_a_document_shown_long_ago_does_not_count(
    emulator: MrzReaderEmulator, reader: MrzSerialReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await emulator.present(TD3)
    await until(lambda: reader._latest is not None)
    monkeypatch.setattr(listening, "FRESH_S", -1.0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(), 0.05)
    monkeypatch.undo()
    await emulator.present(TD1)
    assert (await reader.read()).lines == TD1


async def test_a_document_that_is_waited_for_counts_however_late_the_loop_hears_of_it(
    emulator: MrzReaderEmulator, reader: MrzSerialReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "FRESH_S", 0.0)
    waited = asyncio.create_task(reader.read())
    await asyncio.sleep(0)
    await emulator.present(TD3)
    async with asyncio.timeout(20):
        assert (await waited).lines == TD3


async def test_only_the_newest_document_counts(emulator: MrzReaderEmulator, reader: MrzSerialReader) -> None:
    await emulator.present(TD3)
    await emulator.present(TD2)
    await emulator.present(TD1)
    await until(lambda: reader._latest is not None and getattr(reader._latest[1], "lines", None) == TD1)
    assert (await reader.read()).lines == TD1
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(), 0.05)


async def test_noise_is_a_protocol_error_and_the_reader_stays_usable(
    emulator: MrzReaderEmulator, reader: MrzSerialReader
) -> None:
    await emulator.raw(b"\x02\xff\xfe\x80\x03")
    with pytest.raises(DriverError) as caught:
        await reader.read()
    assert caught.value.reason is DriverReason.PROTOCOL
    assert "baud" in caught.value.advice
    await emulator.present(TD3)
    assert (await reader.read()).lines == TD3


async def test_a_document_laid_down_again_is_read_again_and_one_sent_twice_is_not(
    emulator: MrzReaderEmulator, reader: MrzSerialReader
) -> None:
    await emulator.raw(frame(TD3, "stx") * 2)
    assert (await reader.read()).lines == TD3
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(), 0.05)
    await emulator.present(TD2)
    assert (await reader.read()).lines == TD2
    await emulator.present(TD2)
    assert (await reader.read()).lines == TD2


async def test_unplugging_while_nobody_reads_is_told_to_the_next_who_does(
    emulator: MrzReaderEmulator, reader: MrzSerialReader
) -> None:
    await emulator.unplug()
    await until(lambda: reader._failure is not None)
    for _ in range(2):
        with pytest.raises(DriverError) as caught:
            await reader.read()
        assert caught.value.reason is DriverReason.LOST


async def test_an_error_that_nobody_foresaw_is_a_lost_reader_not_a_quiet_one(
    emulator: MrzReaderEmulator, reader: MrzSerialReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(MrzAssembler, "feed", fail)
    await emulator.present(TD3)
    with pytest.raises(DriverError) as caught:
        await reader.read()
    assert caught.value.reason is DriverReason.LOST
    monkeypatch.undo()
    await reader.close()
    await reader.open()
    await emulator.present(TD3)
    assert (await reader.read()).lines == TD3


async def test_a_pty_without_parity_is_used_without(emulator: MrzReaderEmulator, port: Path) -> None:
    driver = registry.reader("mrz-serial", f"serial://{port}?baud=19200&parity=E")
    await driver.open()
    await emulator.present(TD2)
    assert (await driver.read()).lines == TD2
    await driver.close()


async def test_the_emulator_counts_what_it_has_shown(emulator: MrzReaderEmulator) -> None:
    await emulator.present(TD1)
    assert emulator.state() == {"presented": 1, "plugged": True}


async def test_a_checked_line_is_read_only_with_its_checksum(emulator: MrzReaderEmulator, port: Path) -> None:
    driver = registry.reader("mrz-serial", f"serial://{port}?check=lrc")
    await driver.open()
    wire = bytearray(frame(TD3, "stx-lrc"))
    wire[10] ^= 0x01
    await emulator.raw(bytes(wire))
    with pytest.raises(DriverError) as caught:
        await driver.read()
    assert caught.value.reason is DriverReason.PROTOCOL
    assert "ERIKSSON" not in str(caught.value)
    await emulator.raw(frame(TD3, "stx-lrc"))
    assert (await driver.read()).lines == TD3
    await driver.close()


async def test_what_is_dropped_is_logged_once_and_holds_nothing_of_it(
    emulator: MrzReaderEmulator, reader: MrzSerialReader, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger=listening.__name__):
        for _ in range(2):
            await emulator.raw(b"\x02NO READ\r\x03")
        await emulator.present(TD3)
        assert (await reader.read()).lines == TD3
    assert len(caplog.records) == 1
    assert "dropped" in caplog.text
    assert "NO READ" not in caplog.text
