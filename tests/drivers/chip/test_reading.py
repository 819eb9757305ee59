"""How a chip is opened, and with what: every protocol, fallbacks, and keys that do not fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drivers.base import ChipAccess, ChipKey, DriverError, DriverReason
from drivers.chip.ciphers import Suite
from drivers.chip.reading import read_document
from drivers.chip.security_infos import PaceInfo
from drivers.emulators.emrtd import mrz_information, personalised
from drivers.emulators.emrtd_chip import Chip, Personalisation, card_access, pace_offer
from tests.drivers.chip_bench import KEY, PORTRAIT, passport, signer, zone


def _made(pace: tuple[int, Suite] | None, *, basic: bool = True, can: str = "") -> Personalisation:
    return personalised(zone(1), PORTRAIT, signer(), size=(420, 540), pace=pace, basic=basic, can=can)


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("number", [0, 1, 9, 13, 18])
def test_pace_opens_a_chip_in_every_suite(number: int, suite: Suite) -> None:
    read = read_document(Chip(_made((number, suite), basic=False)).respond, KEY)
    assert read.access is ChipAccess.PACE_MRZ
    assert suite.label in read.protocol
    assert set(read.files) == {"EF.CardAccess", "EF.COM", "DG1", "EF.SOD", "DG2"}
    assert read.times["access"] <= read.times["all"]
    assert read.sent
    assert read.received > len(PORTRAIT)


def test_a_card_access_number_opens_a_chip_whose_zone_is_not_known() -> None:
    made = _made((13, Suite.AES256), can="123456")
    read = read_document(Chip(made).respond, ChipKey("", can="123456"))
    assert read.access is ChipAccess.PACE_CAN
    with pytest.raises(DriverError) as caught:
        read_document(Chip(made).respond, ChipKey("", can="123457"))
    assert caught.value.reason is DriverReason.PASSWORD


@pytest.mark.parametrize("pace", [None, (12, Suite.AES128)])
def test_another_documents_key_opens_nothing(pace: tuple[int, Suite] | None) -> None:
    wrong = ChipKey(mrz_information(zone(1)).replace("L898902C3", "L898902C4"))
    with pytest.raises(DriverError) as caught:
        read_document(Chip(_made(pace)).respond, wrong)
    assert caught.value.reason is DriverReason.PASSWORD
    assert "L898" not in str(caught.value)


def test_a_chip_without_pace_is_opened_by_basic_access() -> None:
    assert read_document(Chip(_made(None)).respond, KEY).access is ChipAccess.BAC


def test_a_chip_whose_pace_does_not_work_is_opened_by_basic_access() -> None:
    made = _made((13, Suite.AES128))
    assert read_document(Chip(replace(made, pace=())).respond, KEY).access is ChipAccess.BAC


def test_of_several_offers_the_strongest_is_taken() -> None:
    offers = (pace_offer(12, Suite.TDES), pace_offer(0, Suite.AES128), pace_offer(12, Suite.AES128))
    read = read_document(Chip(_offering(_made((12, Suite.AES128)), *offers)).respond, KEY)
    assert read.protocol == "PACE-ECDH-GM-AES-128 NIST256p"


def test_groups_that_one_protocol_is_offered_with_are_told_apart() -> None:
    offers = (pace_offer(13, Suite.AES128), pace_offer(12, Suite.AES128))
    read = read_document(Chip(_offering(_made((12, Suite.AES128)), *offers)).respond, KEY)
    assert read.access is ChipAccess.PACE_MRZ


def test_a_card_of_another_kind_is_no_travel_document() -> None:
    with pytest.raises(DriverError) as caught:
        read_document(lambda _: b"\x6a\x82", KEY)
    assert caught.value.reason is DriverReason.UNSUPPORTED


@pytest.mark.parametrize(("piece", "extended"), [(223, True), (1000, True), (1000, False), (32, True)])
def test_a_large_portrait_is_read_in_pieces_of_any_length(piece: int, extended: bool) -> None:
    portrait = b"\xff\xd8" + bytes(range(256)) * 200 + b"\xff\xd9"
    made = personalised(zone(1), portrait, signer(), size=(420, 540), pace=(12, Suite.AES128))
    made = replace(made, extended=extended)
    read = read_document(Chip(made).respond, KEY, piece)
    assert read.files["DG2"] == made.files[0x0102]
    assert len(read.files["DG2"]) > 0x8000


def test_a_document_without_a_portrait_is_read_without() -> None:
    made = passport(1)
    files = {key: content for key, content in made.files.items() if key != 0x0102}
    read = read_document(Chip(replace(made, files=files)).respond, KEY)
    assert "DG2" not in read.files
    assert "DG2" not in read.times


def _offering(made: Personalisation, *offers: PaceInfo) -> Personalisation:
    return replace(made, pace=offers, files={**made.files, 0x011C: card_access(*offers)})
