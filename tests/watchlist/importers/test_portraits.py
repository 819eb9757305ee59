"""Folders of pictures: names say whose and what; they stay with their person through new deliveries."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from hotspotd.domain.finger import FingerPosition
from hotspotd.watchlist.importers.delivery import Delivers, SampleKind
from hotspotd.watchlist.importers.portraits import PortraitsImporter
from hotspotd.watchlist.staging import opened
from tests.watchlist.importers.conftest import Store
from tests.watchlist.importers.test_tables import HEADER, importer, table

PNG = cv2.imencode(".png", np.full((40, 30), 9, np.uint8))[1].tobytes()
PORTRAITS = PortraitsImporter()


def pictures(folder: Path, *names: str, data: bytes = PNG) -> list[Path]:
    paths = []
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        paths.append(path)
    return paths


def test_names_say_whose_and_what(tmp_path: Path, store: Store) -> None:
    store.take(importer(), table(tmp_path, HEADER + "U/1;A;;;;;;;;;\n"))
    names = ("U%2F1__face.png", "U%2F1__right_index@1000.png", "U%2F1__7-2.png", "deep/U%2F1/left_thumb.png")
    store.take(PORTRAITS, *pictures(tmp_path, *names))
    (person,) = store.people()
    assert {(one.kind, one.position, one.dpi) for one in person.samples} == {
        (SampleKind.FACE, FingerPosition.UNKNOWN, 500),
        (SampleKind.FINGER, FingerPosition.RIGHT_INDEX, 1000),
        (SampleKind.FINGER, FingerPosition.LEFT_INDEX, 500),
        (SampleKind.FINGER, FingerPosition.LEFT_THUMB, 500),
    }


def test_a_new_delivery_of_the_person_keeps_pictures_that_came_apart(tmp_path: Path, store: Store) -> None:
    both = pictures(tmp_path, "U%2F1__face.png", "U%2F2__face.png")
    store.take(PORTRAITS, *both)
    with opened(store.folder) as held:
        assert held.without_person() == 2
    people = table(tmp_path, HEADER + "U/1;A;;;;;;;;;\nU/2;B;;;;;;;;;\n")
    store.take(importer(), people)
    store.take(importer(), people, replaces=Delivers.PEOPLE)
    assert [len(person.samples) for person in store.people()] == [1, 1]
    now = store.take(PORTRAITS, both[0], replaces=Delivers.SAMPLES)
    assert now.counts["withdrawn"] == 1
    assert [len(person.samples) for person in store.people()] == [1, 0]
    store.take(importer(), table(tmp_path, HEADER + "U/2;B;;;;;;;;;\n"), replaces=Delivers.PEOPLE)
    with opened(store.folder) as held:
        assert held.without_person() == 0


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("U1__nose.png", PNG, "neither face nor a finger"),
        ("U1__12.png", PNG, "neither face nor a finger"),
        ("U1__Face!.png", PNG, "not written"),
        ("U1__2@72.png", PNG, "resolution|72"),
        ("__face.png", PNG, "1 to 60"),
        ("U%0A1__face.png", PNG, "printable"),
        ("U1__face.png", b"", "neither PNG"),
        ("U1__face.png", b"PK\x05\x06" + bytes(18), "neither PNG"),
        ("U1__2.wsq", b"\xff\xa0", "WSQ"),
    ],
)
def test_a_picture_that_cannot_be_used_stops_no_other(
    tmp_path: Path, store: Store, name: str, data: bytes, reason: str
) -> None:
    good = pictures(tmp_path, "A__face.png", "Z__face.png")
    (bad,) = pictures(tmp_path, name, data=data)
    now = store.take(PORTRAITS, good[0], bad, good[1])
    assert (now.counts["samples"], now.counts["rejected"]) == (2, 1)
    assert any(part in f"{store.last_rejects[0].field} {store.last_rejects[0].reason}" for part in reason.split("|"))
