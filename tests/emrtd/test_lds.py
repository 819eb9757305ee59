"""The zone and the portrait in a chip's data groups, and what cannot be either."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.chip import tlv
from drivers.emulators.emrtd_lds import dg1, dg2
from hotspotd.emrtd import countries, lds
from hotspotd.errors import ChipError, Reason
from tests.emrtd.documents import PORTRAIT, ZONE

_TD1 = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
_TD2 = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")


@pytest.mark.parametrize("zone", [ZONE, _TD1, _TD2], ids=["TD3", "TD1", "TD2"])
def test_the_zone_comes_back_in_its_lines(zone: tuple[str, ...]) -> None:
    assert lds.zone(dg1(zone)) == zone


def test_a_portrait_comes_back_with_its_size() -> None:
    found = lds.portrait(dg2(PORTRAIT, 420, 540))
    assert (found.data, found.media_type, found.width, found.height) == (PORTRAIT, "image/jpeg", 420, 540)


@pytest.mark.parametrize("start", [b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"])
def test_a_portrait_may_be_jpeg_2000(start: bytes) -> None:
    found = lds.portrait(dg2(start + bytes(50), 300, 400))
    assert found.media_type == "image/jp2"


def test_a_portrait_of_an_unknown_form_is_refused() -> None:
    with pytest.raises(ChipError):
        lds.portrait(dg2(b"GIF89a" + bytes(50), 300, 400))


def test_a_portrait_that_is_too_large_is_refused() -> None:
    with pytest.raises(ChipError) as caught:
        lds.portrait(dg2(b"\xff\xd8" + bytes(1_100_000), 300, 400))
    assert caught.value.reason is Reason.TOO_LARGE


def test_a_zone_of_another_length_is_refused() -> None:
    with pytest.raises(ChipError):
        lds.zone(tlv.encode(0x61, tlv.encode(0x5F1F, b"P<UTO")))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_data_groups(noise: bytes) -> None:
    wrapped = tlv.encode(0x75, tlv.encode(0x7F61, tlv.encode(0x7F60, tlv.encode(0x5F2E, b"FAC\x00010\x00" + noise))))
    for read, content in ((lds.zone, noise), (lds.portrait, noise), (lds.portrait, wrapped)):
        try:
            read(content)
        except ChipError:
            continue


@pytest.mark.parametrize(
    ("issuer", "letters"), [("D", "DE"), ("UTO", "UT"), ("SVN", "SI"), ("EUE", "EU"), ("XXA", None)]
)
def test_the_issuers_letters_in_certificates(issuer: str, letters: str | None) -> None:
    assert countries.certificate_country(issuer) == letters
