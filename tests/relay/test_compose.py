"""An encounter to an NPS, the gateway's reading of it, its answer, and the kiosk's reading of that."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from hotspotd.clock import Stamp
from hotspotd.domain.candidate import Determination
from hotspotd.domain.document import Document
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.gateway_error import GatewayFault
from hotspotd.domain.notice import Notice
from hotspotd.domain.verdict import GatewayOutcome
from hotspotd.errors import Reason, RelayError
from hotspotd.relay import images
from hotspotd.relay.compose import PictureLimits, compose_nps, read_answer
from hotspotd.relay.inquiry import Responder, compose_error, compose_result, read_inquiry
from hotspotd.relay.inti import xml6
from hotspotd.relay.inti.check import check
from hotspotd.relay.inti.transaction import FieldError, MissingPrint, Organisation
from tests.relay.travellers import ORIGIN, document, encoded, encounter, hit, ridges

NOW = Stamp(datetime(2026, 11, 22, 12, 0, 5, tzinfo=UTC), trusted=True)
RESPONDER = Responder(Organisation(identifier="NCB", name="National Central Bureau", country="UTO"), "+99 1")
WSQ = Path(__file__).resolve().parents[1] / "biometrics/finger/pictures/synthetic.wsq"
REQUEST = xml6.decode(compose_nps(encounter(pictures=False), ORIGIN, NOW, "IMM"))


def test_an_encounter_becomes_an_nps_with_a_record_for_each_sample() -> None:
    given = encounter()
    read = xml6.decode(compose_nps(given, ORIGIN, NOW, "IMM", priority=3))
    assert (read.header.tot, read.header.tcn, read.header.priority) == ("NPS", given.tcn, 3)
    assert (read.header.date, read.header.utc) == ("2026-11-22", "2026-11-22T12:00:05.000Z")
    assert read.header.origin == Organisation(identifier="kiosk-1", name="Border Police", country="UTO")
    assert read.descriptive[0].civil_code == "IMM"
    assert read.descriptive[0].orn is not None
    assert read.descriptive[0].orn.number == given.encounter_id
    assert [(face.idc, face.picture.width, face.picture.height) for face in read.faces] == [(1, 240, 320)]
    captured, missing = read.prints
    assert (captured.idc, captured.position, captured.quality) == (2, 2, 70)
    assert (captured.picture.compression, captured.picture.density_across, captured.picture.scale) == ("JP2", 500, 1)
    assert (missing.picture.data, missing.missing) == (b"", (MissingPrint(position=3, code="UP"),))


def test_the_gateway_reads_the_document_name_and_pictures_back() -> None:
    given = encounter()
    inquiry = read_inquiry(xml6.decode(compose_nps(given, ORIGIN, NOW, "IMM")))
    assert given.document is not None
    for field in ("format", "code", "issuer", "number", "surname", "given_names", "nationality", "birth_date", "sex"):
        assert getattr(inquiry.document, field) == getattr(given.document, field)
    assert inquiry.document is not None
    assert inquiry.document.expiry_date == given.document.expiry_date
    assert [(p.position, p.image.shape, p.dpi) for p in inquiry.prints] == [
        (FingerPosition.RIGHT_INDEX, (288, 256), 500)
    ]
    assert inquiry.face is not None
    assert inquiry.face.shape == (320, 240, 3)


@pytest.mark.parametrize("birth", ["740812", "7408<<", "74<<<<", "<<<<<<", "000229"])
def test_a_date_of_birth_with_unknown_parts_arrives_as_it_was_printed(birth: str) -> None:
    given = encounter(pictures=False)

    assert given.document is not None
    given = replace(given, document=replace(given.document, birth_date=birth))
    inquiry = read_inquiry(xml6.decode(compose_nps(given, ORIGIN, NOW, "IMM")))
    assert inquiry.document is not None
    assert inquiry.document.birth_date == birth


def test_an_encounter_without_a_document_is_sent_and_searched_without_one() -> None:

    given = replace(encounter(), document=None)
    inquiry = read_inquiry(xml6.decode(compose_nps(given, ORIGIN, NOW, "OTH")))
    assert inquiry.document is None
    assert len(inquiry.prints) == 1


def test_a_picture_that_cannot_be_decoded_is_refused_not_sent() -> None:

    given = encounter()
    broken = tuple(replace(sample, image=b"nothing") if sample.image else sample for sample in given.samples)
    with pytest.raises(RelayError) as caught:
        compose_nps(replace(given, samples=broken), ORIGIN, NOW, "IMM")
    assert caught.value.reason is Reason.BAD_TRANSACTION


def test_a_hit_arrives_with_record_candidates_and_instruction() -> None:
    given = [hit(), hit("2026/2", Notice.YELLOW)]
    answer = read_answer(compose_result(REQUEST, "R1", given, RESPONDER, NOW))
    assert (answer.outcome, answer.tcn, answer.tcr) == (GatewayOutcome.HIT, "R1", REQUEST.header.tcn)
    assert answer.hits == tuple(given)
    assert answer.determination == "UC"
    assert answer.text == Notice.RED.instruction


def test_more_hits_than_a_reply_can_hold_are_cut_to_the_first_and_counted_all() -> None:
    given = [hit(f"2026/{number}") for number in range(100)]
    reply = compose_result(REQUEST, "R1", given, RESPONDER, NOW)
    answer = read_answer(reply)
    assert answer.hits == tuple(given[:40])
    assert (answer.total, answer.unsent) == (100, 60)
    respondents = [record.respondents for record in xml6.decode(reply).descriptive]
    assert {part.total for part in respondents if part} == {100}
    assert [part.candidates[0].sequence for part in respondents if part] == list(range(1, 41))


def test_no_hit_arrives_as_no_hit() -> None:
    answer = read_answer(compose_result(REQUEST, "R1", [], RESPONDER, NOW))
    assert (answer.outcome, answer.hits) == (GatewayOutcome.NO_HIT, ())


def test_an_error_arrives_with_code_field_and_text() -> None:
    error = FieldError(code="112", field="DOB", text="INVALID DATE")
    answer = read_answer(compose_error(REQUEST, "R1", [error], RESPONDER, NOW))
    assert (answer.outcome, answer.text) == (GatewayOutcome.ERROR, "112 DOB INVALID DATE")
    assert answer.faults == (GatewayFault("112", "DOB", "INVALID DATE"),)


def test_an_error_that_names_nothing_is_still_one() -> None:
    assert read_answer(compose_error(REQUEST, "R1", [], RESPONDER, NOW)).faults == (GatewayFault("999"),)


def test_each_hit_arrives_with_how_far_it_is_confirmed_and_the_whole_with_the_furthest() -> None:
    sent = xml6.decode(compose_result(REQUEST, "R1", [hit(), hit("2026/2")], RESPONDER, NOW))
    second = replace(sent.descriptive[1], determination=Determination.CONFIRMED)
    answer = read_answer(xml6.encode(replace(sent, descriptive=(sent.descriptive[0], second))))
    assert [one.determination for one in answer.hits] == [Determination.UNCONFIRMED, Determination.CONFIRMED]
    assert answer.determination is Determination.CONFIRMED


def test_an_answer_arrives_with_when_it_was_made_in_utc() -> None:
    assert read_answer(compose_result(REQUEST, "R1", [hit()], RESPONDER, NOW)).made_at == "2026-11-22T12:00:05.000Z"
    sent = xml6.decode(compose_result(REQUEST, "R1", [hit()], RESPONDER, NOW))
    other = replace(sent, header=replace(sent.header, utc="2026-11-22T14:00:05+02:00"))
    assert read_answer(xml6.encode(other)).made_at == "2026-11-22T12:00:05.000Z"
    assert read_answer(xml6.encode(replace(sent, header=replace(sent.header, utc="")))).made_at == ""


@pytest.mark.parametrize(
    "xml",
    [
        compose_nps(encounter(pictures=False), ORIGIN, NOW, "IMM"),
        compose_result(REQUEST, "R1", [], RESPONDER, NOW).replace(REQUEST.header.tcn.encode(), b""),
        compose_result(REQUEST, "R1", [], RESPONDER, NOW).replace(b"RespondentsList", b"Respondents"),
        b"no xml",
    ],
)
def test_what_is_no_answer_is_refused(xml: bytes) -> None:
    with pytest.raises(RelayError) as caught:
        read_answer(xml)
    assert caught.value.reason is Reason.BAD_TRANSACTION


@pytest.mark.parametrize(("name", "outcome"), [("SRE-HIT_CPS", "hit"), ("SRE-NOHIT", "no_hit"), ("ERR", "error")])
def test_interpols_samples_of_answers_are_understood(shared_data: Path, name: str, outcome: str) -> None:
    path = shared_data / "inti-v6" / f"Sample-{name}-INT-ITransaction.xml"
    answer = read_answer(path.read_bytes())
    assert (answer.outcome, answer.tcr) == (outcome, "19125458357683H")
    if outcome == "hit":
        assert answer.hits[0].record.reference == "1234567890"
        assert answer.hits[0].record.surname == "Mustermann"
        assert answer.hits[0].record.notice is Notice.NATIONAL


def test_interpols_sample_of_an_inquiry_can_be_searched(shared_data: Path) -> None:
    inquiry = read_inquiry(xml6.decode((shared_data / "inti-v6" / "Sample-NPS-INT-ITransaction.xml").read_bytes()))
    assert [(p.position, p.image.shape, p.dpi) for p in inquiry.prints] == [
        (FingerPosition.RIGHT_THUMB, (2000, 784), 1000),
        (FingerPosition.LEFT_THUMB, (2000, 824), 1000),
    ]
    assert inquiry.left_out == 2
    assert inquiry.face is not None
    # The sample's face has width and height the wrong way round; the picture's own header counts.
    assert inquiry.face.shape == (1016, 856, 3)
    assert isinstance(inquiry.document, Document)
    assert inquiry.document.number == ""


def test_empty_glass_is_cut_off_unless_a_profile_is_claimed() -> None:
    rng = np.random.default_rng(4)
    glass = np.clip(rng.normal(250, 3, (480, 640)), 0, 255).astype(np.uint8)
    glass[100:388, 200:456] = ridges()
    glass[20:30, 20:30] = 0  # Dust.
    given = encounter()
    large = replace(given.samples[1], image=encoded(glass, ".png"), width=640, height=480)
    given = replace(given, samples=(large,))

    def sent(fap: int | None) -> NDArray[np.uint8]:
        picture = xml6.decode(compose_nps(given, ORIGIN, NOW, "IMM", limits=PictureLimits(fap=fap))).prints[0].picture
        assert images.size_of(picture.data) == (picture.width, picture.height)
        return images.decode_grey(picture.data)

    assert sent(30).shape == (480, 640)
    down, across = sent(None).shape
    assert 288 <= down <= 288 + 64
    assert 256 <= across <= 256 + 64


def test_a_print_that_hardly_shows_is_left_whole() -> None:
    image = np.full((300, 256), 240, np.uint8)
    image[100:150, 100:150] = ridges(size=(50, 50))
    assert images.without_glass(image).shape == image.shape


@pytest.mark.parametrize("largest", [10.0, 15.0])
def test_prints_are_compressed_up_to_their_limit_not_beyond_and_keep_their_ridges(largest: float) -> None:
    for seed in range(4):
        image = ridges(seed)
        encoded = images.encode_print(image, largest)
        assert encoded.ratio == image.size / len(encoded.data)
        assert 0.9 * largest <= encoded.ratio <= largest
        assert not encoded.lossless
        assert cv2.PSNR(image, images.decode_grey(encoded.data)) > (28 if largest < 12 else 26)


def test_a_small_print_is_compressed_less_and_a_large_one_as_its_limit_says() -> None:
    small, large = ridges(), ridges(size=(600, 500))
    assert 12_000 <= len(images.encode_print(small, 10.0, 12_000).data) < 12_500
    assert 30_000 <= len(images.encode_print(large, 10.0, 12_000).data) < 31_500
    tiny = ridges(size=(80, 80))
    whole = images.encode_print(tiny, 10.0, 12_000)
    assert whole.lossless
    assert np.array_equal(images.decode_grey(whole.data), tiny)


def test_an_empty_print_is_smaller_than_its_limit_only_without_loss() -> None:
    image = np.full((300, 300), 255, np.uint8)
    image[100:110, 100:110] = 0
    encoded = images.encode_print(image)
    assert encoded.ratio > 10
    assert encoded.lossless
    assert np.array_equal(images.decode_grey(encoded.data), image)


def test_real_prints_are_compressed_up_to_their_limit_not_beyond(shared_data: Path) -> None:
    for name in ("fvc2002_db1_b", "fvc2002_db3_b", "fvc2004_db1_b"):
        paths = sorted((shared_data / "fingerprints" / name).iterdir())[:3]
        for path in paths:
            image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            assert image is not None
            encoded = images.encode_print(image.astype(np.uint8))
            assert encoded.ratio <= 10
            assert cv2.PSNR(image.astype(np.uint8), images.decode_grey(encoded.data)) > 28


def test_the_scanners_profile_is_sent_and_sets_the_limit() -> None:
    def sent(fap: int | None) -> tuple[str, float]:
        limits = PictureLimits(fap=fap, print_bytes=0)
        read = xml6.decode(compose_nps(encounter(), ORIGIN, NOW, "IMM", limits=limits))
        picture = read.prints[0].picture
        return read.prints[0].profile, picture.width * picture.height / len(picture.data)

    assert sent(None)[0] == ""
    assert sent(None)[1] <= 10
    assert sent(20)[0] == "20"
    assert sent(20)[1] <= 10
    profile, ratio = sent(60)
    assert profile == "60"
    assert 10 < ratio <= 15


def test_a_face_within_its_budget_is_sent_as_it_is() -> None:
    given = encounter()
    read = xml6.decode(compose_nps(given, ORIGIN, NOW, "IMM"))
    assert read.faces[0].picture.data == given.samples[0].image


def noisy(width: int, height: int, suffix: str = ".png") -> bytes:
    """As hard to compress as a picture can be."""
    return encoded(np.random.default_rng(3).integers(0, 255, (height, width, 3), dtype=np.uint8), suffix)


def test_a_large_face_becomes_the_best_jpeg_within_its_budget() -> None:
    rng = np.random.default_rng(1)
    small = cv2.resize(rng.integers(0, 255, (60, 48, 3), dtype=np.uint8), (420, 540), interpolation=cv2.INTER_CUBIC)
    given = encoded(small.astype(np.uint8), ".png")
    face = images.encode_face(given, "image/png", 40_000)
    assert face.media_type == "image/jpeg"
    assert face.quality is not None
    assert (face.width, face.height) == images.size_of(face.data)
    assert 30_000 < len(face.data) <= 40_000
    less = images.encode_face(given, "image/png", 24_000)
    assert len(less.data) <= 24_000
    assert (less.width, less.quality) < (face.width, face.quality)


def test_a_face_is_never_made_too_small_for_an_engine() -> None:
    face = images.encode_face(noisy(840, 1080), "image/png", 1000)
    assert images.LEAST_FACE_WIDTH <= face.width < images.LEAST_FACE_WIDTH * 1.25
    assert abs(face.width / face.height - 840 / 1080) < 0.01
    narrow = images.encode_face(noisy(200, 260), "image/png", 1000)
    assert (narrow.width, narrow.height) == (200, 260)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jp2"])
def test_pictures_that_claim_to_be_huge_are_refused_before_decoding(suffix: str) -> None:
    image = ridges(size=(40, 50))
    data = bytearray(encoded(image, suffix))
    assert images.size_of(bytes(data)) == (50, 40)
    if suffix == ".png":
        data[16:24] = b"\x00\x01\x00\x00" * 2
    elif suffix == ".jpg":
        place = data.index(b"\xff\xc0")
        data[place + 5 : place + 9] = b"\xff\xff\xff\xff"
    else:
        place = data.index(b"\xff\x4f\xff\x51")
        data[place + 8 : place + 16] = b"\x00\x10\x00\x00" * 2
    with pytest.raises(RelayError) as caught:
        images.decode_grey(bytes(data))
    assert caught.value.reason is Reason.TOO_LARGE


def box(kind: bytes, content: bytes, *, long: bool = False) -> bytes:
    if long:
        return struct.pack(">I4sQ", 1, kind, len(content) + 16) + content
    return struct.pack(">I4s", len(content) + 8, kind) + content


def taken_apart(jp2: bytes) -> tuple[bytes, bytes]:
    """The boxes before the codestream's, and the codestream."""
    place = jp2.index(b"jp2c") - 4
    return jp2[:place], jp2[place + 8 :]


@pytest.mark.parametrize("long", [False, True])
def test_a_jp2_is_measured_by_the_codestream_that_is_decoded_not_by_one_in_another_box(long: bool) -> None:
    before, stream = taken_apart(encoded(ridges(size=(40, 50)), ".jp2"))
    decoy = box(b"uuid", bytes(16) + stream, long=long)
    stream = stream[:8] + struct.pack(">II", 9_000, 9_000) + stream[16:]
    for codestream in (box(b"jp2c", stream, long=long), struct.pack(">I4s", 0, b"jp2c") + stream):
        bomb = before + decoy + codestream
        assert images.size_of(bomb) == (9_000, 9_000)
        with pytest.raises(RelayError) as caught:
            images.decode_grey(bomb)
        assert caught.value.reason is Reason.TOO_LARGE


def test_a_jp2_with_other_boxes_and_a_codestream_to_the_end_is_decoded() -> None:
    image = ridges(size=(40, 50))
    before, stream = taken_apart(encoded(image, ".jp2"))
    data = before + box(b"uuid", bytes(40)) + struct.pack(">I4s", 0, b"jp2c") + stream
    assert images.size_of(data) == (50, 40)
    assert images.decode_grey(data).shape == image.shape


def test_a_jp2_whose_boxes_do_not_add_up_is_refused() -> None:
    before, stream = taken_apart(encoded(ridges(size=(40, 50)), ".jp2"))
    whole = box(b"jp2c", stream)
    for data in (
        before,
        before + box(b"uuid", stream),
        before + struct.pack(">I4s", 0, b"uuid") + whole,
        before + struct.pack(">I4s", 7, b"uuid") + whole,
        before + struct.pack(">I4s", 0xFFFF_FFFF, b"uuid") + whole,
        before + struct.pack(">I4sQ", 1, b"uuid", 15) + whole,
        before + struct.pack(">I4sQ", 1, b"uuid", 2**64 - 1) + whole,
        before + struct.pack(">I4s", 1, b"jp2c"),
        before + whole[:-1],
        before + box(b"jp2c", stream[:23]) + stream[23:],
        before + box(b"jp2c", b"\x00" + stream),
        before + box(b"jp2c", b""),
    ):
        with pytest.raises(RelayError) as caught:
            images.size_of(data)
        assert caught.value.reason is Reason.BAD_TRANSACTION


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jp2"])
def test_torn_pictures_are_refused(suffix: str) -> None:
    data = encoded(ridges(size=(40, 50)), suffix)
    for length in (0, 3, 11, 20, 30):
        with pytest.raises(RelayError) as caught:
            images.decode_grey(data[:length])
        assert caught.value.reason is Reason.BAD_TRANSACTION


def test_what_is_composed_breaks_no_rule() -> None:
    for whole in (
        compose_nps(encounter(), ORIGIN, NOW, "IMM"),
        compose_nps(encounter(pictures=False), ORIGIN, NOW, "OTH"),
        compose_result(REQUEST, "R1", [hit()], RESPONDER, NOW),
        compose_result(REQUEST, "R1", [], RESPONDER, NOW),
        compose_error(REQUEST, "R1", [FieldError(code="999", text="NOT PROCESSABLE")], RESPONDER, NOW),
    ):
        assert check(xml6.read(whole), images.size_of) == ()


def test_a_print_in_wsq_is_read() -> None:
    data = WSQ.read_bytes()
    width, height = images.size_of(data)
    assert images.decode_grey(data).shape == (height, width)


@pytest.mark.parametrize("length", [2, 20, 200, 1000])
def test_a_torn_print_in_wsq_is_refused(length: int) -> None:
    with pytest.raises(RelayError) as caught:
        images.decode_grey(WSQ.read_bytes()[:length])
    assert caught.value.reason is Reason.BAD_TRANSACTION


def test_a_face_in_wsq_is_refused_with_advice() -> None:
    with pytest.raises(RelayError):
        images.decode_rgb(WSQ.read_bytes())


def test_the_specimen_is_sound() -> None:
    assert document().sound
