"""The chip step: a real lane, pcscd and its virtual reader, and made-up passports of every kind."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.chip.ciphers import Suite
from drivers.emulators.emrtd import VirtualReader, personalised, with_fault
from drivers.emulators.emrtd_chip import Chip, Personalisation, Proof
from drivers.emulators.emrtd_lds import Authority, Signer, pem
from hotspotd.biometrics.face import FaceEngine, synthetic
from hotspotd.domain.chip import ChipCheck, ChipFinding, ChipState, PortraitCheck, PortraitProblem
from hotspotd.domain.document import parse_mrz
from hotspotd.domain.verdict import Outcome, ReferReason
from hotspotd.emrtd.authorities import Authorities
from hotspotd.events import LaneState, LaneView, Prompt
from hotspotd.lane.chip_step import chip_key, refer_reasons
from hotspotd.records.model import StoredEncounter
from hotspotd.watchlist import Snapshot
from tests.drivers.pcscd import READER, need_pcscd, own_pcscd
from tests.lane.harness import LaneOnTheBench, lane_on_the_bench, mrz

Image = NDArray[np.uint8]
_OPERATION: dict[str, object] = {"fingers": ()}
_PORTRAIT = b"\xff\xd8" + bytes(range(200)) + b"\xff\xd9"


@pytest.fixture
async def field() -> AsyncIterator[VirtualReader]:
    await asyncio.to_thread(need_pcscd)
    service = await asyncio.to_thread(own_pcscd)
    await asyncio.to_thread(service.start)
    one = VirtualReader(service.port)
    yield one
    await one.lift()
    await asyncio.to_thread(service.stop)


@cache
def authority() -> Authority:
    return Authority("UT")


@cache
def signer() -> Signer:
    return authority().signer()


def believed() -> Authorities:
    return Authorities.of([("csca.pem", pem(authority().certificate))])


def passport(
    portrait: bytes = _PORTRAIT,
    *,
    zone: tuple[str, str] | None = None,
    by: Signer | None = None,
    wrong_hash: bool = False,
) -> Personalisation:
    return personalised(
        zone or mrz(),
        portrait,
        by or signer(),
        size=(420, 540),
        proof=Proof.new(12, Suite.AES128),
        pace=(12, Suite.AES128),
        wrong_hash=wrong_hash,
    )


def _lane(
    folder: Path,
    snapshot: Snapshot,
    authorities: Authorities | None = None,
    *,
    timeout_s: float = 20.0,
    **options: object,
) -> AbstractAsyncContextManager[LaneOnTheBench]:
    return lane_on_the_bench(
        folder,
        snapshot=lambda: snapshot,
        operation={**_OPERATION, **options},
        chip=f"pcsc:///{READER}",
        chip_timeout_s=timeout_s,
        authorities=authorities or believed(),
    )


async def _stored(bench: LaneOnTheBench) -> StoredEncounter:
    return await bench.records.encounter((await bench.latest()).encounter_id)


async def _chip(bench: LaneOnTheBench) -> ChipCheck:
    check = (await _stored(bench)).encounter.chip
    assert check is not None
    return check


async def test_a_genuine_passport_lets_its_holder_go_on(
    tmp_path: Path, snapshot: Snapshot, field: VirtualReader
) -> None:
    await field.place(Chip(passport()))
    async with _lane(tmp_path, snapshot) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.DOCUMENT, Prompt.LEAVE_DOCUMENT)
        await bench.until_state(LaneState.GO)
        check = await _chip(bench)
        assert (check.state, check.findings, check.copy_checked) == (ChipState.AUTHENTIC, (), True)
        assert check.access == "pace_mrz"
        (portrait,) = (await _stored(bench)).encounter.samples
        assert (portrait.modality, portrait.width) == ("portrait", 420)
        image, media_type = await bench.records.sample_image((await bench.latest()).encounter_id, "portrait")
        assert (image, media_type) == (_PORTRAIT, "image/jpeg")
        # It goes no further than these records.
        (item,) = await bench.records.outbox_due(5)
        assert base64.b64encode(_PORTRAIT)[:80] not in item.payload
        assert b"FACE" not in item.payload


@pytest.mark.parametrize(
    ("fault", "finding"),
    [
        ("wrong_hash", ChipFinding.WRONG_HASH),
        ("foreign_signer", ChipFinding.SIGNER_UNKNOWN),
        ("clone", ChipFinding.COPY),
        ("hidden_dg14", ChipFinding.HIDDEN_GROUP),
    ],
)
async def test_a_chip_that_is_not_genuine_refers(
    fault: str, finding: ChipFinding, tmp_path: Path, snapshot: Snapshot, field: VirtualReader
) -> None:
    made = passport(wrong_hash=fault == "wrong_hash", by=Authority("UT").signer() if "foreign" in fault else None)
    await field.place(Chip(with_fault(made, fault)))
    async with _lane(tmp_path, snapshot) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.OFFICER, Prompt.OFFICER_COMES)
        check = await _chip(bench)
        assert (check.state, check.findings[0]) == (ChipState.BROKEN, finding)
        assert (await _stored(bench)).encounter.trouble == (ReferReason.CHIP_NOT_GENUINE,)


async def test_another_persons_chip_refers(tmp_path: Path, snapshot: Snapshot, field: VirtualReader) -> None:
    # The same key, another name.
    other = ("P<UTONOVAK<<MARTA".ljust(44, "<"), mrz()[1])
    await field.place(Chip(passport(zone=other)))
    async with _lane(tmp_path, snapshot) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.OFFICER)
        assert (await _chip(bench)).findings == (ChipFinding.ZONE_DIFFERS,)
        assert (await _stored(bench)).encounter.trouble == (ReferReason.CHIP_MISMATCH,)


async def test_a_chip_that_the_zone_does_not_open_refers(
    tmp_path: Path, snapshot: Snapshot, field: VirtualReader
) -> None:
    await field.place(Chip(passport(zone=mrz(number="Y2000002"))))
    async with _lane(tmp_path, snapshot) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.OFFICER)
        check = await _chip(bench)
        assert (check.state, check.findings) == (ChipState.NOT_READ, (ChipFinding.KEY_REFUSED,))
        assert (await _stored(bench)).encounter.trouble == (ReferReason.CHIP_MISMATCH,)


async def test_without_its_countrys_authority_a_chip_is_noted_and_its_holder_goes_on(
    tmp_path: Path, snapshot: Snapshot, field: VirtualReader
) -> None:
    await field.place(Chip(passport()))
    async with _lane(tmp_path, snapshot, Authorities(())) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.GO)
        check = await _chip(bench)
        assert (check.state, check.findings) == (ChipState.NOT_CHECKED, (ChipFinding.NO_AUTHORITY,))


async def test_no_chip_is_noted_and_where_one_is_required_refers(
    tmp_path: Path, snapshot: Snapshot, field: VirtualReader
) -> None:
    async with _lane(tmp_path, snapshot, timeout_s=0.3) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.GO)
        assert (await _chip(bench)).findings == (ChipFinding.NO_CHIP,)
    (tmp_path / "required").mkdir()
    async with _lane(tmp_path / "required", snapshot, timeout_s=0.3, chip="required") as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.OFFICER)
        assert (await _stored(bench)).encounter.trouble == (ReferReason.CHIP_NOT_CHECKED,)


async def test_a_document_taken_away_too_early_is_asked_for_again(
    tmp_path: Path, snapshot: Snapshot, field: VirtualReader
) -> None:
    await field.place(Chip(passport()), tear_after=12)
    async with _lane(tmp_path, snapshot) as bench:
        await bench.reader.present(mrz())
        assert (await bench.until_state(LaneState.DOCUMENT, Prompt.CHIP_AGAIN)).attempt == 2
        await field.place(Chip(passport()))
        await bench.until_state(LaneState.GO)
        assert (await _chip(bench)).state is ChipState.AUTHENTIC


async def test_a_chip_of_noise_is_noted_as_unreadable(tmp_path: Path, snapshot: Snapshot, field: VirtualReader) -> None:
    await field.place(Chip(passport()), garbage=3)
    async with _lane(tmp_path, snapshot) as bench:
        await bench.reader.present(mrz())
        await bench.until_state(LaneState.GO)
        check = await _chip(bench)
        assert (check.state, check.findings) == (ChipState.NOT_READ, (ChipFinding.UNREADABLE,))


async def test_a_visa_has_no_chip_to_wait_for(tmp_path: Path, snapshot: Snapshot, field: VirtualReader) -> None:
    visa = ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<")
    async with _lane(tmp_path, snapshot) as bench:
        await bench.reader.present(visa)
        await bench.until_state(LaneState.OFFICER)  # It has expired.
        stored = await _stored(bench)
        assert stored.encounter.chip is None
        assert stored.encounter.trouble == (ReferReason.DOCUMENT_EXPIRED,)


def _jpeg(picture: Image, suffix: str = ".jpg") -> bytes:
    return cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()


def _person(number: int, seed: int) -> Image:
    return synthetic.picture(synthetic.person(number), np.random.default_rng(seed))


@pytest.fixture(scope="module")
def engine() -> FaceEngine:
    return FaceEngine.open()


async def _compared(
    folder: Path, snapshot: Snapshot, field: VirtualReader, engine: FaceEngine, portrait: bytes
) -> tuple[PortraitCheck, StoredEncounter]:
    camera = folder / "camera"
    camera.mkdir()
    cv2.imwrite(str(camera / "frame.png"), cv2.cvtColor(_person(3, 3), cv2.COLOR_RGB2BGR))
    await field.place(Chip(passport(portrait)))
    async with lane_on_the_bench(
        folder,
        snapshot=lambda: snapshot,
        operation={**_OPERATION, "face": True},
        faces=engine,
        chip=f"pcsc:///{READER}",
        authorities=believed(),
        face_fmr=0.01,
    ) as bench:
        await bench.reader.present(mrz())
        await bench.until(lambda e: isinstance(e, LaneView) and e.state in (LaneState.GO, LaneState.OFFICER))
        stored = await _stored(bench)
        assert stored.encounter.portrait is not None
        return stored.encounter.portrait, stored


@pytest.mark.parametrize("suffix", [".jpg", ".jp2"])
async def test_the_holder_of_the_passport_matches_its_portrait(
    suffix: str, tmp_path: Path, snapshot: Snapshot, field: VirtualReader, engine: FaceEngine
) -> None:
    check, stored = await _compared(tmp_path, snapshot, field, engine, _jpeg(_person(3, 4), suffix))
    assert check.matches
    assert check.fmr is not None
    assert check.fmr <= check.asked_fmr == 0.01
    assert check.engine == engine.engine
    assert stored.verdict is not None
    assert stored.verdict.outcome is Outcome.CLEAR


async def test_somebody_else_does_not_and_is_referred(
    tmp_path: Path, snapshot: Snapshot, field: VirtualReader, engine: FaceEngine
) -> None:
    check, stored = await _compared(tmp_path, snapshot, field, engine, _jpeg(_person(8, 4)))
    assert check.matches is False
    assert stored.encounter.trouble == (ReferReason.PORTRAIT_MISMATCH,)


async def test_a_portrait_without_a_face_is_not_compared_and_refers(
    tmp_path: Path, snapshot: Snapshot, field: VirtualReader, engine: FaceEngine
) -> None:
    check, stored = await _compared(tmp_path, snapshot, field, engine, _jpeg(np.full((540, 420, 3), 190, np.uint8)))
    assert (check.matches, check.problem) == (None, PortraitProblem.NO_FACE_IN_PORTRAIT)
    assert stored.encounter.trouble == (ReferReason.PORTRAIT_NOT_COMPARED,)


def test_the_key_is_made_of_the_zone_with_a_number_of_any_length() -> None:
    assert chip_key(parse_mrz(mrz(number="X1000001"))).mrz.startswith("X1000001<")
    td1 = ("I<UTOD23145890<7349<<<<<<<<<<<", "3407127M9507122UTO<<<<<<<<<<<2", "STEVENSON<<PETER<JOHN<<<<<<<<<")
    document = parse_mrz(td1)
    # The worked example of 9303-11, D.2, for a long number.
    assert chip_key(document).mrz == "D23145890734934071279507122"


@pytest.mark.parametrize(
    ("findings", "state", "when_present", "required"),
    [
        ((), ChipState.AUTHENTIC, None, None),
        ((ChipFinding.NO_COPY_PROTECTION,), ChipState.AUTHENTIC, None, None),
        ((ChipFinding.NO_AUTHORITY,), ChipState.NOT_CHECKED, None, ReferReason.CHIP_NOT_CHECKED),
        ((ChipFinding.NO_CHIP,), ChipState.NOT_READ, None, ReferReason.CHIP_NOT_CHECKED),
        (
            (ChipFinding.NOT_UNDERSTOOD,),
            ChipState.NOT_CHECKED,
            ReferReason.CHIP_NOT_CHECKED,
            ReferReason.CHIP_NOT_CHECKED,
        ),
        ((ChipFinding.COPY,), ChipState.BROKEN, ReferReason.CHIP_NOT_GENUINE, ReferReason.CHIP_NOT_GENUINE),
        ((ChipFinding.KEY_REFUSED,), ChipState.NOT_READ, ReferReason.CHIP_MISMATCH, ReferReason.CHIP_MISMATCH),
    ],
)
def test_what_refers_by_the_operations_choice(
    findings: tuple[ChipFinding, ...],
    state: ChipState,
    when_present: ReferReason | None,
    required: ReferReason | None,
) -> None:
    check = ChipCheck(state=state, findings=findings)
    assert refer_reasons(check, "when_present") == ([] if when_present is None else [when_present])
    assert refer_reasons(check, "required") == ([] if required is None else [required])
