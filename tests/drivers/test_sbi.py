"""The driver of certified scanners against a service that speaks and signs as the standard says, or wrongly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers import registry
from drivers.base import DeviceInfo, DriverError, DriverReason, FingerImage
from drivers.emulators.sbi_device import Glass
from drivers.emulators.sbi_keys import Keys
from drivers.emulators.sbi_server import Answer, Request, Server
from drivers.emulators.sbi_service import SbiService
from drivers.finding import sbi_services
from drivers.fingerprint.sbi import SbiScanner
from drivers.fingerprint.sbi_capture import FIRST_HASH
from tests.drivers.benches import until
from tests.drivers.pictures import striped
from tests.drivers.sbi_bench import keys, trust

HAND = {code: striped(code, (120, 90)) for code in (2, 3, 4, 5)}
RIGHT, LEFT, THUMBS = 13, 14, 15


@pytest.fixture
async def service() -> AsyncIterator[SbiService]:
    async with SbiService(await asyncio.to_thread(keys)) as running:
        yield running


@asynccontextmanager
async def scanner(port: int | str, folder: Path, options: str = "timeout=2") -> AsyncIterator[SbiScanner]:
    """The driver on this port, closed afterwards; not yet open."""
    anchors = await asyncio.to_thread(trust, folder)
    made = registry.scanner("sbi", f"sbi:///{port}?trust={anchors}&{options}")
    assert isinstance(made, SbiScanner)
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def opened(service: SbiService, folder: Path, options: str = "timeout=2") -> AsyncIterator[SbiScanner]:
    """The driver of this service, open."""
    async with scanner(service.port, folder, options) as made:
        await made.open()
        yield made


async def reason_of_open(made: SbiScanner) -> DriverError:
    with pytest.raises(DriverError) as caught:
        await made.open()
    assert caught.value.advice
    return caught.value


async def reason_of_capture(made: SbiScanner, slap: int = 0) -> DriverError:
    with pytest.raises(DriverError) as caught:
        await asyncio.wait_for(made.capture_slap(slap) if slap else made.capture(), 10)
    return caught.value


def positions(images: tuple[FingerImage, ...]) -> list[int]:
    return [image.position for image in images]


# Who is there.


async def test_a_service_says_who_its_scanner_is(service: SbiService, tmp_path: Path) -> None:
    async with scanner(service.port, tmp_path) as made:
        info = await made.open()
        assert (info.driver, info.model, info.serial) == ("sbi", "Emulated Slap", "230012345678")
        assert info.details["environment"] == "Developer"
        assert info.details["trust"] == str(tmp_path / "anchors.pem")
        assert made.slaps == {RIGHT, LEFT, THUMBS}


async def test_without_anchors_nothing_opens_unless_the_address_says_so(service: SbiService) -> None:
    with pytest.raises(DriverError) as caught:
        registry.scanner("sbi", f"sbi:///{service.port}")
    assert caught.value.reason is DriverReason.BAD_ADDRESS
    assert "trust=" in caught.value.advice
    service.sign("no_algorithm")
    made = registry.scanner("sbi", f"sbi:///{service.port}?trust=none")
    info: DeviceInfo = await made.open()
    assert "not checked" in info.details["trust"]
    service.place(Glass({}, any=striped(1)))
    assert np.array_equal((await made.capture()).pixels, striped(1))
    await made.close()


@pytest.mark.parametrize("name", ["nowhere.pem", "empty.pem"])
async def test_a_file_of_anchors_that_is_none_is_refused(name: str, service: SbiService, tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "empty.pem").write_bytes, b"")
    made = registry.scanner("sbi", f"sbi:///{service.port}?trust={tmp_path / name}")
    assert isinstance(made, SbiScanner)
    assert (await reason_of_open(made)).reason is DriverReason.BAD_ADDRESS


@pytest.mark.parametrize(
    "address",
    [
        "sbi:///80",
        "sbi:///4600000000000",
        "sbi:///usb",
        "sbi:///4501?timeout=0",
        "sbi:///4501?env=Home",
        "http:///4501",
    ],
)
def test_a_wrong_address_is_refused(address: str) -> None:
    with pytest.raises(DriverError) as caught:
        registry.scanner("sbi", address + ("&" if "?" in address else "?") + "trust=none")
    assert caught.value.reason is DriverReason.BAD_ADDRESS


@pytest.mark.parametrize("how", ["tampered", "unsigned", "no_algorithm", "other_algorithm", "foreign", "expired"])
async def test_a_service_that_signs_wrongly_does_not_open(how: str, service: SbiService, tmp_path: Path) -> None:
    service.sign(how)
    async with scanner(service.port, tmp_path) as made:
        error = await reason_of_open(made)
        assert error.reason is DriverReason.UNTRUSTED
        assert str(service.port) in error.what
        service.sign("right")
        await made.open()


async def test_a_device_whose_identity_another_has_signed_does_not_open(service: SbiService, tmp_path: Path) -> None:
    service.sign("foreign_identity")
    async with scanner(service.port, tmp_path) as made:
        assert (await reason_of_open(made)).reason is DriverReason.UNTRUSTED


async def test_a_device_that_cannot_be_used_says_why(service: SbiService, tmp_path: Path) -> None:
    async with scanner(service.port, tmp_path, "env=Production") as made:
        assert (await reason_of_open(made)).reason is DriverReason.UNSUPPORTED
    async with scanner(service.port, tmp_path, "serial=1") as made:
        assert (await reason_of_open(made)).reason is DriverReason.ABSENT
    async with scanner(service.port, tmp_path) as made:
        service.device.purpose = "Auth"
        assert (await reason_of_open(made)).reason is DriverReason.UNSUPPORTED
        service.device.purpose = "Registration"
        for status, reason in (("Not Ready", DriverReason.BUSY), ("Not Registered", DriverReason.DENIED)):
            service.device.status = status
            assert (await reason_of_open(made)).reason is reason
        service.device.status, service.device.there = "Ready", False
        assert (await reason_of_open(made)).reason is DriverReason.ABSENT
        service.device.there = True
        await made.open()


async def test_the_scanner_that_is_named_is_found_among_several(tmp_path: Path) -> None:
    """Ports are looked through; a service that is not to be trusted is passed over."""
    async with (
        SbiService(await asyncio.to_thread(keys), serial="330000000001") as first,
        SbiService(await asyncio.to_thread(keys), serial="330000000002", slap=False) as second,
        SbiService(await asyncio.to_thread(keys), serial="330000000003") as third,
    ):
        assert len({first.port, second.port, third.port}) == 3
        third.sign("foreign")
        async with scanner("", tmp_path, "serial=330000000002") as made:
            info = await made.open()
            assert (info.serial, info.details["port"]) == ("330000000002", str(second.port))
            assert made.slaps == frozenset()
        async with scanner("", tmp_path) as made:
            assert (await made.open()).details["port"] != str(third.port)


async def test_what_is_there_is_listed_with_its_address(service: SbiService) -> None:
    found = await sbi_services.find()
    mine = [each for each in found if each.address.startswith(f"sbi:///{service.port}?")]
    assert [each.what for each in mine] == ["Emulated Slap 230012345678"]
    await until(service.is_alone)


async def test_where_no_service_is_there_the_ports_are_named(tmp_path: Path) -> None:
    async with scanner("", tmp_path, "serial=339999999999") as made:
        error = await reason_of_open(made)
        assert error.reason in (DriverReason.ABSENT, DriverReason.UNTRUSTED)  # Others may have services here.


# What is taken.


async def test_a_capture_is_asked_for_as_the_standard_says(service: SbiService, tmp_path: Path) -> None:
    async with opened(service, tmp_path, "timeout=3&score=55") as made:
        service.place(Glass(HAND))
        assert positions(await made.capture_slap(RIGHT, frozenset({5}))) == [2, 3, 4]
    (asked,) = service.asked
    assert (asked["env"], asked["purpose"], asked["specVersion"]) == ("Developer", "Registration", "0.9.5")
    assert asked["timeout"] == "3000"
    (bio,) = asked["bio"]
    assert (bio["type"], bio["count"], bio["deviceSubId"], bio["requestedScore"]) == ("Finger", "3", "2", "55")
    assert bio["exception"] == ["Right LittleFinger"]
    assert bio["bioSubType"] == ["Right IndexFinger", "Right MiddleFinger", "Right RingFinger"]
    assert bio["previousHash"] == FIRST_HASH


async def test_captures_are_chained_and_each_has_a_transaction_of_its_own(service: SbiService, tmp_path: Path) -> None:
    async with opened(service, tmp_path) as made:
        for number in (1, 2):
            service.place(Glass({}, any=striped(number)))
            assert np.array_equal((await made.capture()).pixels, striped(number))
    first, second = service.asked
    assert first["transactionId"] != second["transactionId"]
    assert second["bio"][0]["previousHash"] not in (FIRST_HASH, first["bio"][0]["previousHash"])


async def test_the_fingers_of_a_slap_come_one_by_one(service: SbiService, tmp_path: Path) -> None:
    async with opened(service, tmp_path) as made:
        service.place(Glass(HAND))
        images = await made.capture_slap(RIGHT)
        assert positions(images) == [2, 3, 4, 5]
        assert all(np.array_equal(image.pixels, HAND[image.position]) for image in images)
        service.place(Glass({6: striped(6), 1: striped(1)}))
        assert positions(await made.capture_slap(THUMBS)) == [6, 1]


async def test_three_of_four_fingers_are_three_pictures(service: SbiService, tmp_path: Path) -> None:
    async with opened(service, tmp_path) as made:
        service.place(Glass({code: HAND[code] for code in (2, 3, 5)}))
        assert positions(await made.capture_slap(RIGHT)) == [2, 3, 5]


async def test_a_slap_may_come_as_one_picture(service: SbiService, tmp_path: Path) -> None:
    async with opened(service, tmp_path) as made:
        service.place(Glass({}, whole=striped(1, (300, 400))))
        (image,) = await made.capture_slap(LEFT)
        assert (image.position, image.pixels.shape) == (LEFT, (300, 400))


async def test_a_scanner_of_single_fingers_takes_one(tmp_path: Path) -> None:
    async with SbiService(await asyncio.to_thread(keys), slap=False, dpi=1000) as single:
        async with opened(single, tmp_path) as made:
            single.place(Glass({}, any=striped(4)))
            image = await made.capture()
            assert (image.dpi, image.position) == (1000, 0)
            assert (await reason_of_capture(made, RIGHT)).reason is DriverReason.UNSUPPORTED
        assert single.asked[0]["bio"][0]["deviceSubId"] == "0"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("tampered", DriverReason.UNTRUSTED),
        ("unsigned", DriverReason.UNTRUSTED),
        ("no_algorithm", DriverReason.UNTRUSTED),
        ("other_algorithm", DriverReason.UNTRUSTED),
        ("foreign", DriverReason.UNTRUSTED),
        ("foreign_identity", DriverReason.UNTRUSTED),
        ("expired", DriverReason.UNTRUSTED),
        ("no_chain", DriverReason.UNTRUSTED),
        ("broken_hash", DriverReason.UNTRUSTED),
        ("other_transaction", DriverReason.UNTRUSTED),
        ("other_device", DriverReason.UNTRUSTED),
        ("other_environment", DriverReason.UNTRUSTED),
        ("stale", DriverReason.UNTRUSTED),
        ("other_finger", DriverReason.PROTOCOL),
    ],
)
async def test_a_capture_that_is_answered_wrongly_is_refused(
    how: str, reason: DriverReason, service: SbiService, tmp_path: Path
) -> None:
    async with opened(service, tmp_path) as made:
        service.sign(how)
        service.place(Glass(HAND))
        error = await reason_of_capture(made, RIGHT)
        assert error.reason is reason
        assert str(service.port) in error.what
        assert error.advice
        service.sign("right")
        service.place(Glass(HAND))
        assert positions(await made.capture_slap(RIGHT)) == [2, 3, 4, 5]


async def test_an_old_answer_is_refused(service: SbiService, tmp_path: Path) -> None:
    async with opened(service, tmp_path) as made:
        service.place(Glass(HAND))
        await made.capture_slap(RIGHT)
        service.sign("replayed")
        service.place(Glass(HAND))
        error = await reason_of_capture(made, RIGHT)
        assert error.reason is DriverReason.UNTRUSTED
        assert "transactionId" in error.what


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (100, DriverReason.DENIED),
        (102, DriverReason.BAD_IMAGE),
        (103, DriverReason.UNTRUSTED),
        (104, DriverReason.DENIED),
        (105, DriverReason.BAD_IMAGE),
        (106, DriverReason.LOST),
        (107, DriverReason.UNTRUSTED),
        (108, DriverReason.DENIED),
        (109, DriverReason.UNSUPPORTED),
        (110, DriverReason.BUSY),
        (112, DriverReason.PROTOCOL),
        (599, DriverReason.PROTOCOL),
    ],
)
async def test_an_error_of_the_service_is_told_with_advice(
    code: int, reason: DriverReason, service: SbiService, tmp_path: Path
) -> None:
    async with opened(service, tmp_path) as made:
        service.fail(code)
        error = await reason_of_capture(made, RIGHT)
        assert error.reason is reason
        assert f"error {code}" in error.what
        assert error.advice


@pytest.mark.parametrize("code", [101, 111, 701])
async def test_nobody_there_and_busy_are_waited_out(code: int, service: SbiService, tmp_path: Path) -> None:
    async with opened(service, tmp_path) as made:
        service.fail(code, times=2)
        service.place(Glass(HAND))
        assert len(await made.capture_slap(RIGHT)) == 4
        assert len(service.asked) == 3


async def test_a_capture_waits_longer_than_the_service_does(service: SbiService, tmp_path: Path) -> None:
    async with opened(service, tmp_path, "timeout=0.5") as made:
        waiting = asyncio.create_task(made.capture())
        await until(lambda: len(service.asked) >= 2)
        service.place(Glass({}, any=striped(1)))
        assert np.array_equal((await waiting).pixels, striped(1))


async def test_a_capture_that_is_broken_off_frees_the_scanner(service: SbiService, tmp_path: Path) -> None:
    async with opened(service, tmp_path, "timeout=60") as made:
        waiting = asyncio.create_task(made.capture())
        await until(lambda: service.device.busy)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await until(lambda: not service.device.busy)


async def test_a_scanner_that_is_pulled_or_exchanged_is_noticed(service: SbiService, tmp_path: Path) -> None:
    async with opened(service, tmp_path) as made:
        await made.wait_lifted()
        service.device.there = False
        with pytest.raises(DriverError) as caught:
            await made.wait_lifted()
        assert caught.value.reason is DriverReason.LOST


async def test_the_preview_gives_pictures(service: SbiService, tmp_path: Path) -> None:
    async with opened(service, tmp_path) as made:
        service.place(Glass({}, any=striped(1)))
        shown = made.preview()
        for _ in range(3):
            data = await anext(shown)
            decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
            assert decoded is not None
            assert decoded.shape == (288, 256)
        await shown.aclose()  # type: ignore[attr-defined]
        await until(service.is_alone)


# A service that is none.


@asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[int]:
    """Something else on one of the ports, that gives this answer to everything."""

    async def handle(_: Request) -> Answer:
        return answer

    server = Server(handle)
    for port in range(4600, 4500, -1):
        try:
            await server.start(port)
        except OSError:
            continue
        break
    try:
        yield port
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(body=b"not json"), "no JSON"),
        (Answer(body=b"[" * 100_000), "no JSON"),
        (Answer(body=b"[1,2]"), "no list"),
        (Answer(body=json.dumps([{}] * 100).encode()), "no list"),
        (Answer(status=404), "404"),
        (Answer(status=302, headers=(("Location", "http://192.0.2.1/"),)), "302"),
        (Answer(body=b" " * 600_000), "more than"),
    ],
)
async def test_what_is_no_biometric_service_is_refused(answer: Answer, told: str, tmp_path: Path) -> None:
    async with listening(answer) as port, scanner(port, tmp_path) as made:
        error = await reason_of_open(made)
        assert error.reason is DriverReason.PROTOCOL
        assert told in error.what


async def test_a_service_without_devices_has_none(tmp_path: Path) -> None:
    async with listening(Answer(body=b"[]")) as port, scanner(port, tmp_path) as made:
        assert (await reason_of_open(made)).reason is DriverReason.ABSENT


async def test_keys_are_made_once_and_kept_to_their_owner(tmp_path: Path) -> None:
    made = await asyncio.to_thread(Keys.kept, tmp_path / "keys")
    again = await asyncio.to_thread(Keys.kept, tmp_path / "keys")
    assert again.root == made.root
    assert again.signer.chain == made.signer.chain
    assert again.signer.key.private_numbers() == made.signer.key.private_numbers()
    mode = await asyncio.to_thread(lambda: (tmp_path / "keys" / "device.pem").stat().st_mode)
    assert mode & 0o077 == 0
