"""What a snapshot finds, and that it refuses to be anything but what was built."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import pytest

from hotspotd.biometrics import finger
from hotspotd.biometrics.finger import codes
from hotspotd.domain.candidate import ListRecord, Modality, OtherName
from hotspotd.domain.document import Document, parse_mrz
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import Notice
from hotspotd.errors import BiometricError, Reason, WatchlistError
from hotspotd.watchlist import EnrolledFace, EnrolledFinger, Entry, Shelf, Snapshot, build, layout, media_type
from tests.watchlist.examples import FACE_ENGINE, MRZ, TODAY, entries, face_of, fmr_of, print_of


def references(found: list) -> list[str]:
    return [candidate.reference for candidate in found]


def test_counts_what_it_holds(snapshot: Snapshot) -> None:
    assert snapshot.version == "one"
    assert snapshot.counts == {"records": 4, "documents": 2, "names": 2, "fingers": 4, "faces": 2, "pictures": 3}


def test_finds_a_listed_document_by_number_and_issuer(snapshot: Snapshot, document: Document) -> None:
    (found,) = snapshot.find_document(document, TODAY)
    assert (found.reference, found.modality, found.fmr) == ("SLTD/3", Modality.DOCUMENT, None)


@pytest.mark.parametrize("number", ["L898902C3", "l8989 02c3", "L8989O2C3", "L898902C3<<"])
def test_finds_a_document_however_its_number_was_read(snapshot: Snapshot, document: Document, number: str) -> None:
    read = msgspec.structs.replace(document, number=number)
    assert references(snapshot.find_document(read, TODAY)) == ["SLTD/3"]


def test_the_same_number_of_another_issuer_is_another_document(snapshot: Snapshot, document: Document) -> None:
    assert snapshot.find_document(msgspec.structs.replace(document, issuer="XXC"), TODAY) == []


def test_finds_a_name_in_any_order_with_its_date_of_birth(snapshot: Snapshot, document: Document) -> None:
    assert references(snapshot.find_name(document, TODAY)) == ["XPO/1"]
    swapped = msgspec.structs.replace(document, surname="MARIA", given_names="ERIKSSON ANNA")
    assert references(snapshot.find_name(swapped, TODAY)) == ["XPO/1"]


def test_a_name_written_otherwise_is_found_and_the_officer_told_what_differs(
    snapshot: Snapshot, document: Document
) -> None:
    read = msgspec.structs.replace(document, surname="ERICSON", given_names="ANA MARIA", birth_date="741208")
    (found,) = snapshot.find_name(read, TODAY)
    assert found.reference == "XPO/1"
    assert 0.9 < found.score < 1
    assert "Surname written differently: ERICSON / ERIKSSON" in found.detail
    assert "day and month exchanged" in found.detail
    assert snapshot.find_name(read, TODAY, 0.999) == []


def test_a_name_is_found_by_its_alias_in_another_script(tmp_path: Path, document: Document) -> None:
    listed = ListRecord(
        reference="XPO/9",
        notice=Notice.RED,
        owner="XPO",
        surname="NOBODY",
        other_names=(OtherName(full="Somebody, Else"), OtherName(full="Эрикссон, Анна Мария")),
        birth_date="1974",
        nationality="UTO",
        sex="F",
    )
    shelf = Shelf(tmp_path)
    shelf.publish([Entry(listed)], finger_engine=finger.ENGINE, face_engine=None, version="names")
    (found,) = shelf.open(finger_engine=finger.ENGINE, face_engine=None).find_name(document, TODAY)
    assert "(listed as Эрикссон, Анна Мария)" in found.detail
    assert "same nationality" in found.detail


@pytest.mark.parametrize(
    ("birth_date", "found"),
    [("740812", True), ("7408<<", True), ("74<<<<", True), ("740813", False), ("<<<<<<", True)],
)
def test_dates_of_birth_agree_as_far_as_both_are_known(
    snapshot: Snapshot, document: Document, birth_date: str, found: bool
) -> None:
    read = msgspec.structs.replace(document, birth_date=birth_date)
    assert bool(snapshot.find_name(read, TODAY)) is found


def test_a_listed_year_of_birth_agrees_with_any_day_of_it_and_an_umlaut_with_its_mrz_form(snapshot: Snapshot) -> None:
    read = parse_mrz((f"{'P<UTOMUELLER':<<44}", MRZ[1]))
    assert references(snapshot.find_name(read, TODAY)) == ["XPO/4"]


def test_finds_a_print_with_its_score_rate_and_position(snapshot: Snapshot) -> None:
    found = snapshot.find_finger(print_of(1, shake=1.5), FingerPosition.RIGHT_INDEX, 1e-4, TODAY)
    assert references(found) == ["XPO/1"]
    assert (found[0].position, found[0].given) == (FingerPosition.RIGHT_INDEX, None)
    assert found[0].fmr == finger.false_match_rate(found[0].score)
    assert found[0].fmr <= 1e-4


def test_a_print_given_as_another_finger_is_found_and_that_is_said(snapshot: Snapshot) -> None:
    (found,) = snapshot.find_finger(print_of(2), FingerPosition.RIGHT_INDEX, 1e-4, TODAY)
    assert (found.reference, found.position) == ("XPO/1", FingerPosition.LEFT_INDEX)
    assert found.given is FingerPosition.RIGHT_INDEX
    assert found.detail == "Print, left index, given as right index"


def test_the_print_that_was_found_can_be_compared_again(snapshot: Snapshot) -> None:
    listed = snapshot.listed_print("XPO/1", FingerPosition.LEFT_INDEX)
    assert listed is not None
    assert len(finger.paired(print_of(2), listed)) >= 12
    assert snapshot.listed_print("XPO/1", FingerPosition.LEFT_THUMB) is None
    with pytest.raises(WatchlistError, match="no such record"):
        snapshot.listed_print("XPO/99", FingerPosition.LEFT_INDEX)
    for unknown in (None, FingerPosition.UNKNOWN):
        (found,) = snapshot.find_finger(print_of(2), unknown, 1e-4, TODAY)
        assert (found.reference, found.detail) == ("XPO/1", "Print, left index")


def test_a_print_of_another_finger_has_to_be_ten_times_as_sure(snapshot: Snapshot) -> None:
    shaken = print_of(2, shake=1.5)
    (found,) = snapshot.find_finger(shaken, FingerPosition.LEFT_INDEX, 1e-2, TODAY)
    assert found.fmr is not None
    just_enough = found.fmr * 2
    assert snapshot.find_finger(shaken, FingerPosition.LEFT_INDEX, just_enough, TODAY)
    assert snapshot.find_finger(shaken, FingerPosition.RIGHT_INDEX, just_enough, TODAY) == []
    assert snapshot.find_finger(shaken, FingerPosition.RIGHT_INDEX, found.fmr * 11, TODAY)


def test_a_listed_print_of_unknown_position_is_compared_with_every_probe(snapshot: Snapshot) -> None:
    assert references(snapshot.find_finger(print_of(4), FingerPosition.LEFT_THUMB, 1e-4, TODAY)) == ["XPO/4"]


def test_a_print_nobody_left_is_not_found(snapshot: Snapshot) -> None:
    assert snapshot.find_finger(print_of(99), None, 1e-4, TODAY) == []


def test_finds_a_face_at_or_under_the_rate(snapshot: Snapshot) -> None:
    (found,) = snapshot.find_face(face_of(1), 1e-5, TODAY, fmr_of)
    assert (found.reference, found.modality) == ("XPO/1", Modality.FACE)
    assert found.score == pytest.approx(1.0, abs=1e-5)
    assert snapshot.find_face(face_of(9), 1e-5, TODAY, fmr_of) == []


def test_a_face_of_another_size_is_refused(snapshot: Snapshot) -> None:
    with pytest.raises(WatchlistError) as error:
        snapshot.find_face(np.zeros(16, np.float32), 1e-5, TODAY, fmr_of)
    assert error.value.reason is Reason.WRONG_MODEL


def test_a_record_counts_to_its_last_day_and_never_after(snapshot: Snapshot, document: Document) -> None:
    late = date(2026, 11, 23)
    assert snapshot.find_name(document, TODAY)
    assert snapshot.find_name(document, late) == []
    assert snapshot.find_finger(print_of(1), None, 1e-4, late) == []
    assert snapshot.find_face(face_of(1), 1e-5, late, fmr_of) == []


def test_an_expired_record_is_not_found_by_anything(snapshot: Snapshot, document: Document) -> None:
    read = msgspec.structs.replace(document, number="EXP1RED", issuer="UTO")
    assert snapshot.find_document(read, TODAY) == []
    assert snapshot.find_finger(print_of(3), None, 1e-4, TODAY) == []
    assert snapshot.find_face(face_of(3), 1e-5, TODAY, fmr_of) == []
    assert references(snapshot.find_document(read, date(2026, 11, 21))) == ["XPO/2"]


def test_gives_record_and_pictures_to_the_officer(snapshot: Snapshot) -> None:
    assert snapshot.record("XPO/1").surname == "Eriksson"
    assert snapshot.picture("XPO/1", "face") == b"\xff\xd8\xffportrait"
    right = snapshot.picture("XPO/1", "finger")
    left = snapshot.picture("XPO/1", "finger", FingerPosition.LEFT_INDEX)
    assert right is not None
    assert right.endswith(b"right")
    assert left is not None
    assert left.endswith(b"left")
    assert media_type(left) == "image/png"
    assert snapshot.picture("SLTD/3", "face") is None
    with pytest.raises(WatchlistError) as error:
        snapshot.record("XPO/9")
    assert error.value.reason is Reason.NOT_FOUND


def test_an_empty_list_opens_and_finds_nothing(tmp_path: Path, document: Document) -> None:
    shelf = Shelf(tmp_path)
    shelf.publish([], finger_engine=finger.ENGINE, face_engine=None, version="empty")
    snapshot = shelf.open(finger_engine=finger.ENGINE, face_engine=FACE_ENGINE)
    assert snapshot.find_document(document, TODAY) == []
    assert snapshot.find_name(document, TODAY) == []
    assert snapshot.find_finger(print_of(1), None, 1e-4, TODAY) == []
    assert snapshot.find_face(face_of(1), 1e-5, TODAY, fmr_of) == []


def test_no_document_number_stands_in_the_indexes(shelf: Shelf) -> None:
    current = shelf.current()
    assert current is not None
    for name in layout.FILES:
        if name != layout.RECORDS:
            assert b"L898902C3" not in (current / name).read_bytes()


@pytest.mark.parametrize("name", [*layout.FILES, layout.MANIFEST])
def test_any_changed_byte_is_found_at_opening_and_the_file_named(shelf: Shelf, name: str) -> None:
    current = shelf.current()
    assert current is not None
    path = current / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(WatchlistError) as error:
        Snapshot.open(current, finger_engine=finger.ENGINE, face_engine=FACE_ENGINE)
    assert error.value.reason is Reason.DAMAGED
    assert name in error.value.what


@pytest.mark.parametrize("how", ["cut", "removed"])
def test_a_cut_or_missing_file_is_damage(shelf: Shelf, how: str) -> None:
    current = shelf.current()
    assert current is not None
    path = current / layout.FINGERS
    if how == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.unlink()
    with pytest.raises(WatchlistError, match=layout.FINGERS) as error:
        Snapshot.open(current, finger_engine=finger.ENGINE, face_engine=FACE_ENGINE)
    assert error.value.reason is Reason.DAMAGED


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", [layout.MANIFEST, layout.FACES])
def test_a_file_that_may_not_be_read_is_not_called_damaged(shelf: Shelf, name: str) -> None:
    current = shelf.current()
    assert current is not None
    (current / name).chmod(0)
    with pytest.raises(WatchlistError, match=name) as error:
        Snapshot.open(current, finger_engine=finger.ENGINE, face_engine=FACE_ENGINE)
    assert error.value.reason is Reason.UNREADABLE


@pytest.mark.parametrize(
    ("finger_engine", "face_engine"), [("other", FACE_ENGINE), (finger.ENGINE, "other")], ids=["prints", "faces"]
)
def test_templates_of_another_engine_are_refused_with_the_way_to_rebuild(
    shelf: Shelf, finger_engine: str, face_engine: str
) -> None:
    with pytest.raises(WatchlistError) as error:
        shelf.open(finger_engine=finger_engine, face_engine=face_engine)
    assert error.value.reason is Reason.WRONG_MODEL
    assert "hotspotctl watchlist build" in error.value.advice


def test_an_embedding_without_an_engine_or_of_another_length_builds_no_list(tmp_path: Path) -> None:
    one = Entry(entries()[1].record, face=EnrolledFace(face_of(1)))
    other = Entry(entries()[2].record, face=EnrolledFace(np.asarray([1.0, 0.0], np.float32)))
    for listed, engine in (([one], None), ([one, other], FACE_ENGINE)):
        with pytest.raises(WatchlistError) as error:
            build(tmp_path, listed, finger_engine=finger.ENGINE, face_engine=engine, version="one")
        assert error.value.reason is Reason.WRONG_MODEL
    assert not list(tmp_path.glob("snapshot-*"))


def test_an_embedding_that_is_no_unit_vector_builds_no_list(tmp_path: Path) -> None:
    entry = Entry(entries()[1].record, face=EnrolledFace(np.full(32, np.nan, np.float32)))
    with pytest.raises(BiometricError) as error:
        build(tmp_path, [entry], finger_engine=finger.ENGINE, face_engine=FACE_ENGINE, version="one")
    assert error.value.reason is Reason.BAD_TEMPLATE


def test_a_face_that_is_only_a_lead_is_no_candidate(snapshot: Snapshot) -> None:
    mixed = 0.5 * face_of(1) + 0.87 * face_of(50)
    found = snapshot.search_face(np.asarray(mixed / np.linalg.norm(mixed), np.float32), 1e-5, TODAY, fmr_of)
    assert found.candidates == []
    ((record, rate),) = found.leads.items()
    assert snapshot.reference(record) == "XPO/1"
    assert 1e-5 < rate <= 1e-2
    (listed,) = snapshot.faces(record)
    assert np.array_equal(listed, face_of(1))
    assert snapshot.searched_faces == 2


def test_a_lane_without_faces_opens_any_list_and_finds_no_face(shelf: Shelf) -> None:
    snapshot = shelf.open(finger_engine=finger.ENGINE, face_engine=None)
    assert snapshot.find_face(face_of(1), 1e-5, TODAY, fmr_of) == []


def test_codes_of_another_projection_are_refused_with_the_way_to_rebuild(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(codes.projection(), identity="1-000000000000")
    monkeypatch.setattr(codes, "projection", lambda: other)
    with pytest.raises(WatchlistError, match=layout.FINGER_CODES) as error:
        shelf.open(finger_engine=finger.ENGINE, face_engine=None)
    assert error.value.reason is Reason.WRONG_MODEL


def test_a_print_that_is_no_template_is_not_listed(tmp_path: Path) -> None:
    record = ListRecord(reference="XPO/1", notice=Notice.BLUE, owner="XPO")
    entry = Entry(record, fingers=(EnrolledFinger(FingerPosition.UNKNOWN, b"no template"),))
    with pytest.raises(BiometricError) as error:
        build(tmp_path, [entry], finger_engine=finger.ENGINE, face_engine=None, version="one")
    assert error.value.reason is Reason.BAD_TEMPLATE
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_one_print_among_many_is_found_whatever_finger_it_was_given_as(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    listed = (FingerPosition.RIGHT_THUMB, FingerPosition.LEFT_INDEX, FingerPosition.RIGHT_INDEX)
    many = [
        Entry(
            ListRecord(reference=f"XPO/{number}", notice=Notice.BLUE, owner="XPO"),
            fingers=(EnrolledFinger(listed[number % 3], print_of(number).encode()),),
        )
        for number in range(150)
    ]
    shelf.publish(many, finger_engine=finger.ENGINE, face_engine=None, version="many")
    snapshot = shelf.open(finger_engine=finger.ENGINE, face_engine=None)
    for given in (None, *listed):
        found = snapshot.find_finger(print_of(70, shake=2), given, 1e-3, TODAY)
        assert references(found) == ["XPO/70"]


def test_a_layout_of_another_version_is_refused(shelf: Shelf) -> None:
    current = shelf.current()
    assert current is not None
    manifest = msgspec.json.decode((current / layout.MANIFEST).read_bytes())
    manifest["format_version"] = 99
    (current / layout.MANIFEST).write_bytes(msgspec.json.encode(manifest))
    with pytest.raises(WatchlistError) as error:
        shelf.open(finger_engine=finger.ENGINE, face_engine=None)
    assert error.value.reason is Reason.WRONG_VERSION


def test_a_reference_listed_twice_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(WatchlistError) as error:
        build(tmp_path, entries() * 2, finger_engine=finger.ENGINE, face_engine=FACE_ENGINE, version="twice")
    assert error.value.reason is Reason.CONFLICT
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


@pytest.mark.parametrize("version", ["", "../up", "a/b", ".hidden", "x" * 61])
def test_a_version_that_is_no_file_name_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(WatchlistError) as error:
        build(tmp_path, [], finger_engine="f", face_engine=None, version=version)
    assert error.value.reason is Reason.BAD_VALUE


def test_a_damaged_list_falls_back_to_the_one_before_loudly(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.publish([], finger_engine=finger.ENGINE, face_engine=None, version="two")
    current = shelf.current()
    assert current is not None
    (current / layout.RECORDS).write_bytes(b"torn")
    with caplog.at_level(logging.ERROR):
        snapshot = shelf.open(finger_engine=finger.ENGINE, face_engine=FACE_ENGINE)
    assert snapshot.version == "one"
    assert layout.RECORDS in caplog.text
    assert all(record.levelno == logging.ERROR for record in caplog.records)


def test_both_lists_damaged_is_an_error_that_names_the_current_one(shelf: Shelf) -> None:
    shelf.publish([], finger_engine=finger.ENGINE, face_engine=None, version="two")
    for folder in (shelf.current(), shelf.previous()):
        assert folder is not None
        (folder / layout.RECORD_INDEX).write_bytes(b"torn")
    with pytest.raises(WatchlistError, match="snapshot-two") as error:
        shelf.open(finger_engine=finger.ENGINE, face_engine=FACE_ENGINE)
    assert error.value.reason is Reason.DAMAGED
