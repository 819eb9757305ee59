"""Traditional ANSI/NIST-ITL files: written here by the standard's rules, read back, damaged, cut off."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotspotd.biometrics import finger
from hotspotd.biometrics.finger import synthetic
from hotspotd.biometrics.finger.synthetic.slaps import Placing, drawn_slap
from hotspotd.domain.candidate import OtherName
from hotspotd.domain.finger import FingerPosition, Slap
from hotspotd.domain.notice import Notice
from hotspotd.relay.inti.limits import MAX_BYTES
from hotspotd.relay.listing_itl import NistImporter
from hotspotd.watchlist import staging
from hotspotd.watchlist.enrol import Enroller
from hotspotd.watchlist.importers.transactions import Defaults
from hotspotd.watchlist.staged import StagedSource
from tests.watchlist.importers.conftest import Store

FACE = cv2.imencode(".jpg", np.full((200, 160, 3), 128, np.uint8))[1].tobytes()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "staging")


def importer() -> NistImporter:
    return NistImporter(Defaults(Notice.BLUE, "XPO"))


def tagged(kind: int, fields: dict[int, str | bytes]) -> bytes:
    """A tagged record: field 1 is its own length."""
    parts = []
    for number, value in fields.items():
        raw = value if isinstance(value, bytes) else value.encode()
        parts.append(b"%d.%03d:" % (kind, number) + raw)
    rest = b"\x1d".join(parts) + b"\x1c"
    length = len(rest)
    while True:
        head = b"%d.001:%d\x1d" % (kind, length)
        if len(head) + len(rest) == length:
            return head + rest
        length = len(head) + len(rest)


def header(kinds: list[int], **more: str) -> bytes:
    counts = "\x1e".join([f"1\x1f{len(kinds)}", *(f"{kind}\x1f{place:02}" for place, kind in enumerate(kinds))])
    fields: dict[int, str | bytes] = {2: "0502", 3: counts, 4: "CPS", 5: "20261122", 7: "XPO", 8: "UTO", 9: "TCN-1"}
    fields |= {11: "19.69", 12: "19.69"} | {int(key[1:]): value for key, value in more.items()}
    return tagged(1, dict(sorted(fields.items())))


def type_4(image: np.ndarray, position: int = 3) -> bytes:
    data = image.tobytes()
    head = struct.pack(
        ">IBB6sBHHB", 18 + len(data), 1, 0, bytes([position, *[255] * 5]), 0, image.shape[1], image.shape[0], 0
    )
    return head + data


def type_14(data: bytes, position: int = 2, **fields: str) -> bytes:
    own: dict[int, str | bytes] = {2: "01", 3: "0", 4: "UTO", 6: "10", 7: "10", 8: "1", 9: "500", 10: "500"}
    own |= {11: "PNG", 12: "8", 13: str(position)} | {int(key[1:]): value for key, value in fields.items()}
    return tagged(14, own | {999: data})


SUBJECT: dict[int, str | bytes] = {
    2: "00",
    10: "UTO\x1f2026/77",
    30: "ANNA\x1fMARIA\x1fERIKSSON",
    34: "ANN\x1f\x1fDOE\x1eNAN\x1f\x1fDOE",
    35: "19740812",
    38: "SWE",
    39: "F",
}


@cache
def image(seed: int = 5) -> np.ndarray:
    return synthetic.impression(synthetic.master(seed), np.random.default_rng(seed), synthetic.Condition.GOOD)


def png(seed: int = 5, ending: str = ".png") -> bytes:
    return cv2.imencode(ending, image(seed))[1].tobytes()


@cache
def whole() -> bytes:
    records = [
        tagged(2, SUBJECT),
        type_14(png()),
        type_4(image(6)),
        tagged(10, {2: "02", 3: "FACE", 11: "JPEGB", 999: FACE}),
        tagged(9, {2: "03", 3: "0"}),
    ]
    return header([2, 14, 4, 10, 9]) + b"".join(records)


def write(folder: Path, data: bytes) -> Path:
    path = folder / "subject.nist"
    path.write_bytes(data)
    return path


def test_a_file_becomes_a_person_with_its_pictures_and_is_enrolled(tmp_path: Path, store: Store) -> None:
    store.take(importer(), write(tmp_path, whole()))
    (person,) = store.people()
    record = person.record
    assert (record.reference, record.owner, record.notice) == ("2026/77", "UTO", Notice.BLUE)
    assert (record.surname, record.given_names) == ("ERIKSSON", "ANNA MARIA")
    assert (record.birth_date, record.nationality, record.sex) == ("1974-08-12", "SWE", "F")
    assert record.other_names == (
        OtherName(surname="DOE", given_names="ANN"),
        OtherName(surname="DOE", given_names="NAN"),
    )
    held = {sample.name: sample for sample in person.samples}
    assert set(held) == {"face", "right_index", "right_middle"}
    assert held["right_middle"].dpi == 500
    pixels = cv2.imdecode(np.frombuffer(held["right_middle"].picture, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(pixels, image(6))

    with staging.opened(store.folder) as opened:
        source = StagedSource(opened, Enroller())
        (entry,) = source.entries()
    assert source.problems == []
    assert {one.position for one in entry.fingers} == {FingerPosition.RIGHT_INDEX, FingerPosition.RIGHT_MIDDLE}
    assert all(len(finger.FingerTemplate.decode(one.template)) > 10 for one in entry.fingers)
    assert entry.face is not None


def test_jpeg_2000_becomes_png(tmp_path: Path, store: Store) -> None:
    store.take(
        importer(), write(tmp_path, header([2, 14]) + tagged(2, SUBJECT) + type_14(png(ending=".jp2"), f011="JP2L"))
    )
    (sample,) = store.people()[0].samples
    assert sample.picture.startswith(b"\x89PNG")


def test_wsq_becomes_png(tmp_path: Path, store: Store) -> None:
    picture = (Path(__file__).parents[1] / "biometrics/finger/pictures/synthetic.wsq").read_bytes()
    data = header([2, 14]) + tagged(2, SUBJECT) + type_14(picture, f011="WSQ20")
    store.take(importer(), write(tmp_path, data))
    (sample,) = store.people()[0].samples
    assert sample.picture.startswith(b"\x89PNG")


def test_two_thumbs_in_one_picture_are_cut(tmp_path: Path, store: Store) -> None:
    rng = np.random.default_rng(3)
    thumb = synthetic.impression(synthetic.master(1), rng, size=(440, 340), levels=256)
    picture, _ = drawn_slap(dict.fromkeys(Slap.THUMBS.fingers, thumb), Slap.THUMBS, rng, Placing())
    record = type_14(cv2.imencode(".png", picture)[1].tobytes(), 15)
    store.take(importer(), write(tmp_path, header([2, 14]) + tagged(2, SUBJECT) + record))
    assert store.last_rejects == []
    assert {sample.position for sample in store.people()[0].samples} == set(Slap.THUMBS.fingers)


def test_the_fbis_domain_has_its_own_numbers(tmp_path: Path, store: Store) -> None:
    fields: dict[int, str | bytes] = {2: "00", 14: "FBI-1", 18: "ERIKSSON,ANNA", 22: "19740812", 24: "F"}
    store.take(importer(), write(tmp_path, header([2], f013="NORAM\x1fEBTS10") + tagged(2, fields)))
    record = store.people()[0].record
    assert (record.reference, record.owner, record.surname, record.given_names) == ("FBI-1", "XPO", "ERIKSSON", "ANNA")


def test_two_prints_of_a_finger_are_both_kept(tmp_path: Path, store: Store) -> None:
    data = header([2, 14, 14]) + tagged(2, SUBJECT) + type_14(png()) + type_14(png(7))
    store.take(importer(), write(tmp_path, data))
    assert [sample.name for sample in store.people()[0].samples] == ["right_index", "right_index-2"]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (type_14(png(), 13), "4 were asked for"),
        (type_14(png(), 21), "neither a finger nor a slap"),
        (type_14(b"\xff\xa0wsq"), "WSQ"),
        (type_14(b"GIF89a"), "unknown format"),
        (type_14(png()[:20]), "damaged header"),
        (type_14(png(), f009="72"), "pixels per inch"),
        (type_14(png(), f008="0"), "pixels per inch"),
        (type_14(b"x" * 99, f011="NONE"), "bytes of pixels"),
        (type_14(png()[:16] + struct.pack(">II", 60_000, 60_000) + png()[24:]), "60000 x 60000"),
    ],
)
def test_a_picture_that_cannot_be_used_is_left_out_of_its_person(
    tmp_path: Path, store: Store, record: bytes, reason: str
) -> None:
    store.take(importer(), write(tmp_path, header([2, 14, 14]) + tagged(2, SUBJECT) + record + type_14(png(), 7)))
    assert [sample.name for sample in store.people()[0].samples] == ["left_index"]
    (reject,) = store.last_rejects
    assert reason in reject.reason
    assert not reject.whole


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"", ""),
        (b"1.001:99999\x1d", ""),
        (header([2]) + tagged(2, SUBJECT) + b"more", ""),
        (header([2, 4]) + tagged(2, SUBJECT) + b"\x01", ""),
        (header([2]), "2"),
        (header([2, 2]) + tagged(2, SUBJECT) * 2, "2"),
        (header([14]) + type_14(b"x"), "2"),
        (header([2, 3]) + tagged(2, SUBJECT) + struct.pack(">IB", 6, 1) + b"x", "1.003"),
    ],
)
def test_a_file_that_is_none_is_a_reject(tmp_path: Path, store: Store, data: bytes, field: str) -> None:
    store.take(importer(), write(tmp_path, data))
    assert store.people() == []
    (reject,) = store.last_rejects
    assert reject.field == field
    assert reject.whole


def test_a_file_larger_than_a_transaction_may_be_is_taken(tmp_path: Path, store: Store) -> None:
    large = type_14(png()[:20] + bytes(MAX_BYTES), 7)
    store.take(importer(), write(tmp_path, header([2, 14, 14]) + tagged(2, SUBJECT) + large + type_14(png())))
    assert [sample.name for sample in store.people()[0].samples] == ["right_index"]


def test_empty_fields_are_as_good_as_none(tmp_path: Path, store: Store) -> None:
    fields: dict[int, str | bytes] = {2: "00", 10: "", 11: "UTO\x1f2026/78", 30: "DOE", 34: "", 35: "", 38: "", 39: ""}
    store.take(importer(), write(tmp_path, header([2]) + tagged(2, fields)))
    record = store.people()[0].record
    assert (record.reference, record.surname, record.other_names) == ("2026/78", "DOE", ())
    assert (record.birth_date, record.nationality, record.sex) == (None, None, None)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_a_damaged_file_is_taken_or_told(tmp_path: Path, data: bytes) -> None:
    good = whole()
    place = len(data) * 37 % 600
    path = write(tmp_path, good[:place] + data + good[place + len(data) :])
    (step,) = importer().read(path, 0, 0)
    assert step.items or step.rejects
