"""What serial document readers send, whole and broken, and what the driver makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import registry
from drivers.address import DeviceAddress
from drivers.base import DriverError, DriverReason
from drivers.document import mrz_serial
from drivers.document.mrz_lines import MAX_BYTES, SAME_DOCUMENT_S, SILENCE_S, MrzAssembler, NotLinesError
from drivers.document.mrz_serial import MrzSerialReader
from drivers.emulators.mrz_reader import FRAMINGS, MrzReaderEmulator, frame
from tests.drivers.benches import until

TD3 = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
TD2 = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")
TD1 = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
every_layout = pytest.mark.parametrize("lines", [TD1, TD2, TD3], ids=["TD1", "TD2", "TD3"])


@every_layout
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_every_framing_gives_the_lines_at_once_and_once(lines: tuple[str, ...], framing: str, step: int) -> None:
    wire = frame(lines, framing)
    assembler = MrzAssembler()
    results = [
        result for place in range(0, len(wire), step) for result in assembler.feed(wire[place : place + step], 0)
    ]
    assert results == [lines]
    assert assembler.silence(10) == []


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
    assert assembler.silence(SILENCE_S) == [("P<UTOERIK",)]


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


@given(st.lists(st.binary(max_size=700), max_size=8))
def test_any_bytes_are_survived_and_the_next_document_is_read(pieces: list[bytes]) -> None:
    assembler = MrzAssembler()
    now = 0.0
    for piece in pieces:
        assembler.feed(piece, now)
        now += 0.1
    assembler.silence(now + SILENCE_S)
    assert assembler.feed(frame(TD1, "stx"), now + 10)[-1] == TD1


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
    monkeypatch.setattr(mrz_serial, "FRESH_S", -1.0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(), 0.05)
    monkeypatch.undo()
    await emulator.present(TD1)
    assert (await reader.read()).lines == TD1


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
