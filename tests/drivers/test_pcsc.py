"""The PC/SC driver on the real pcscd: what goes wrong in the middle of a reading, and the emulator as a process."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509

from drivers import registry
from drivers.base import ChipAuthentication, ChipKey, ChipReader, DriverError, DriverReason
from drivers.emulators.emrtd import VirtualReader, mrz_information
from drivers.emulators.emrtd_chip import Chip
from tests.drivers.chip_bench import KEY, PORTRAIT, passport, zone
from tests.drivers.pcscd import READER, Pcscd, need_pcscd, own_pcscd

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
async def service() -> AsyncIterator[Pcscd]:
    await asyncio.to_thread(need_pcscd)
    one = await asyncio.to_thread(own_pcscd)
    await asyncio.to_thread(one.start)
    yield one
    await asyncio.to_thread(one.stop)


@pytest.fixture
async def field(service: Pcscd) -> AsyncIterator[VirtualReader]:
    one = VirtualReader(service.port)
    yield one
    await one.lift()


@pytest.fixture
async def reader(service: Pcscd) -> AsyncIterator[ChipReader]:
    one = registry.chip_reader("pcsc", f"pcsc:///{READER}?limit=5")
    await one.open()
    yield one
    await one.close()


@pytest.mark.parametrize("after", [1, 5, 9, 14])
async def test_a_chip_taken_away_in_the_middle_is_no_fault_of_the_reader(
    after: int, field: VirtualReader, reader: ChipReader
) -> None:
    await field.place(Chip(passport(1)), tear_after=after)
    with pytest.raises(DriverError) as caught:
        await reader.read_chip(KEY)
    assert caught.value.reason is DriverReason.REMOVED
    waiting = asyncio.create_task(reader.read_chip(KEY))
    await field.place(Chip(passport(2)))
    assert (await waiting).files["DG1"]


async def test_a_key_of_another_document_is_refused_and_the_right_one_taken_after(
    field: VirtualReader, reader: ChipReader
) -> None:
    await field.place(Chip(passport(1)))
    wrong = ChipKey(mrz_information(zone(1)).replace("L898902C3", "L898902C4"))
    for _ in range(2):
        with pytest.raises(DriverError) as caught:
            await reader.read_chip(wrong)
        assert caught.value.reason is DriverReason.PASSWORD
        assert (await reader.read_chip(KEY)).files["DG1"]


async def test_a_chip_that_takes_too_long_is_given_up(field: VirtualReader, service: Pcscd) -> None:
    hasty = registry.chip_reader("pcsc", f"pcsc:///{READER}?limit=1")
    await hasty.open()
    await field.place(Chip(passport(1)), pause_s=0.2)
    with pytest.raises(DriverError) as caught:
        await hasty.read_chip(KEY)
    assert caught.value.reason is DriverReason.TIMEOUT
    await hasty.close()


@pytest.mark.parametrize("seed", range(4))
async def test_noise_is_an_error_and_the_reader_is_well(seed: int, field: VirtualReader, reader: ChipReader) -> None:
    await field.place(Chip(passport(1)), garbage=seed)
    with pytest.raises(DriverError) as caught:
        await reader.read_chip(KEY)
    assert caught.value.reason in (DriverReason.PROTOCOL, DriverReason.UNSUPPORTED, DriverReason.PASSWORD)
    await field.place(Chip(passport(1)))
    assert (await reader.read_chip(KEY)).files["DG1"]


async def test_laying_down_and_lifting_are_noticed(field: VirtualReader, reader: ChipReader) -> None:
    await reader.wait_removed()
    waiting = asyncio.create_task(reader.wait_placed())
    await field.place(Chip(passport(1)))
    await waiting
    lifted = asyncio.create_task(reader.wait_removed())
    await field.lift()
    await lifted


async def test_a_reader_of_another_name_is_absent_and_the_known_ones_are_named(service: Pcscd) -> None:
    other = registry.chip_reader("pcsc", "pcsc:///No such reader")
    with pytest.raises(DriverError) as caught:
        await other.open()
    assert caught.value.reason is DriverReason.ABSENT
    assert READER in caught.value.advice


async def test_the_emulator_is_a_process_of_its_own(service: Pcscd, reader: ChipReader, tmp_path: Path) -> None:
    control, authority, portrait = tmp_path / "control", tmp_path / "csca.pem", tmp_path / "face.jpg"
    await asyncio.to_thread(portrait.write_bytes, PORTRAIT)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "drivers.emulators.emrtd", "--control", control, "--authority", authority,
        "--port", str(service.port), cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == f"ready {authority}\n".encode()
        place = {"do": "place", "document": {"mrz": zone(4), "can": "123456"}, "portrait": str(portrait)}
        assert (await _ask(control, place))["ok"]
        read = await reader.read_chip(ChipKey("", can="123456"))
        assert read.chip_authentication is ChipAuthentication.DONE
        assert (await _ask(control, {"do": "state"}))["placed"]
        assert (await _ask(control, {**place, "fault": "clone"}))["ok"]
        assert (await reader.read_chip(KEY)).chip_authentication is ChipAuthentication.FAILED
        refused = await _ask(control, {**place, "fault": "folded"})
        assert "wrong_hash" in refused["error"]
        assert (await _ask(control, {"do": "lift"}))["ok"]
        await reader.wait_removed()
        pem = await asyncio.to_thread(authority.read_bytes)
        assert x509.load_pem_x509_certificate(pem).subject.rfc4514_string().endswith("C=UT")
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def _ask(control: Path, request: dict[str, object]) -> dict[str, object]:
    reader, writer = await asyncio.open_unix_connection(control)
    writer.write(json.dumps(request).encode() + b"\n")
    answer = json.loads(await reader.readline())
    writer.close()
    await writer.wait_closed()
    assert isinstance(answer, dict)
    return answer
