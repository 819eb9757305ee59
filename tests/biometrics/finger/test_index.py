"""Codes, the index file and the short list: the same everywhere, whole or refused, and with the mate on it."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest

from hotspotd.biometrics.finger import FingerTemplate, codes, compare, index, native, preselection
from hotspotd.biometrics.finger.synthetic import population
from hotspotd.errors import BiometricError, Reason

ROOT = Path(__file__).parents[3]


def _template(of: population.Minutiae, finger: int) -> FingerTemplate:
    count = int(of.count[finger])
    x, y, angle = (column[finger, :count] for column in (of.x, of.y, of.angle))
    kind = np.zeros(count, np.uint8)
    return FingerTemplate(x, y, angle, kind, kind, *population.SIZE, 80)


@pytest.fixture(scope="module")
def fingers() -> population.Minutiae:
    return population.fingers(np.random.default_rng(1), 3000)


@pytest.fixture(scope="module")
def mates(fingers: population.Minutiae) -> population.Minutiae:
    first = population.Minutiae(*(column[:20] for column in (fingers.x, fingers.y, fingers.angle, fingers.count)))
    return population.mate(np.random.default_rng(2), first, population.Wear(overlap=(0.6, 1.0)))[0]


def _written(path: Path, fingers: population.Minutiae) -> Path:
    made = codes.of_many(codes.quantised(fingers.x, fingers.y, fingers.angle, fingers.count), index.REFERENCE_CODED)
    with index.IndexWriter(path) as writer:
        writer.add_codes(made, range(len(fingers)), [number % 11 for number in range(len(fingers))])
    return path


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, fingers: population.Minutiae) -> index.FingerIndex:
    return index.FingerIndex(_written(tmp_path_factory.mktemp("index") / "fingers.codes", fingers))


def test_the_index_knows_persons_and_positions_and_takes_under_half_a_kilobyte_each(
    opened: index.FingerIndex, tmp_path: Path, fingers: population.Minutiae
) -> None:
    assert len(opened) == 3000
    assert opened.persons.tolist() == list(range(3000))
    assert opened.positions[:12].tolist() == [*range(11), 0]
    assert _written(tmp_path / "again", fingers).stat().st_size < 3000 * 420


def test_a_mate_is_on_the_short_list_and_mostly_its_head(opened: index.FingerIndex, mates: population.Minutiae) -> None:
    ranks = []
    for finger in range(len(mates)):
        listed = opened.shortlist(_template(mates, finger)).tolist()
        assert len(listed) == index.LEAST_LISTED + 1  # For the 2000 of the 3000.
        ranks.append(listed.index(finger) if finger in listed else 999)
    assert np.mean(np.array(ranks) == 0) > 0.9
    assert np.mean(np.array(ranks) < index.LEAST_LISTED) > 0.95


def test_search_gives_the_comparison_scores_best_first(
    opened: index.FingerIndex, fingers: population.Minutiae, mates: population.Minutiae
) -> None:
    probe = _template(mates, 3)
    found = opened.search(probe, lambda number: _template(fingers, number), 20)
    assert found.references[0] == 3
    assert found.scores[0] == pytest.approx(compare(probe, _template(fingers, 3)), rel=1e-5)
    assert (np.diff(found.scores) <= 0).all()
    above = opened.search(probe, lambda number: _template(fingers, number), 20, threshold=float(found.scores[1]))
    assert len(above.scores) < len(found.scores)


def test_only_wanted_references_are_listed_and_preferred_ones_get_most_places(
    opened: index.FingerIndex, mates: population.Minutiae
) -> None:
    probe = _template(mates, 5)
    wanted = np.arange(3000) % 2 == 0
    assert (opened.shortlist(probe, 40, wanted=wanted) % 2 == 0).all()
    preferred = np.arange(3000) >= 2000
    listed = opened.shortlist(probe, 40, preferred=preferred)
    assert (listed[:30] >= 2000).all()
    assert (listed[30:] < 2000).all()
    assert listed[30] == 5  # The mate is the likeliest of the others.
    few = np.arange(3000) < 7
    assert opened.shortlist(probe, 40, wanted=few).tolist() == list(range(7))
    mostly = opened.shortlist(probe, 40, preferred=few)
    assert len(mostly) == 40
    assert set(range(7)) <= set(mostly.tolist())


def test_prints_without_minutiae_are_neither_found_nor_a_problem(tmp_path: Path, mates: population.Minutiae) -> None:
    nothing = FingerTemplate(*(np.zeros(0, np.float32),) * 3, *(np.zeros(0, np.uint8),) * 2, 300, 300, 0)
    with index.IndexWriter(tmp_path / "index") as writer:
        for number in range(60):
            writer.add(nothing if number % 2 else _template(mates, number % 20), number, 0)
    opened = index.FingerIndex(tmp_path / "index")
    assert (opened.shortlist(_template(mates, 0), 20) % 2 == 0).all()
    assert len(opened.shortlist(nothing, 20)) == 20


def test_an_empty_index_opens_and_lists_nothing(tmp_path: Path, mates: population.Minutiae) -> None:
    index.IndexWriter(tmp_path / "index").close()
    opened = index.FingerIndex(tmp_path / "index")
    assert len(opened) == 0
    assert opened.shortlist(_template(mates, 0)).size == 0


def test_an_index_that_was_left_by_an_error_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), index.IndexWriter(tmp_path / "index"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def _with_header(data: bytes, version: int = 1, references: int = 3000, made_with: bytes = b"") -> bytes:
    _, _, _, words, identity, _ = struct.unpack_from("<4sHxxQQ32sI4x", data)
    head = struct.pack("<4sHxxQQ32s", b"HSFC", version, references, words, made_with or identity)
    return head + struct.pack("<I4x", zlib.crc32(head)) + data[len(head) + 8 :]


def test_a_damaged_or_foreign_index_is_refused_with_the_reason(tmp_path: Path, fingers: population.Minutiae) -> None:
    path = _written(tmp_path / "index", fingers)
    whole = path.read_bytes()
    counts = len(whole) - 2 * 3008 + 8  # Somewhere in the numbers of codes.
    more = bytearray(whole)
    more[counts] ^= 1
    for data, reason in (
        (b"", Reason.DAMAGED),
        (whole[:40], Reason.DAMAGED),
        (whole[:-1], Reason.DAMAGED),
        (whole + b"\0", Reason.DAMAGED),
        (b"X" + whole[1:], Reason.DAMAGED),
        (whole[:9] + b"\1" + whole[10:], Reason.DAMAGED),
        (_with_header(whole, references=2999), Reason.DAMAGED),
        (_with_header(whole, references=1 << 60), Reason.DAMAGED),
        (bytes(more), Reason.DAMAGED),
        (_with_header(whole, version=2), Reason.WRONG_VERSION),
        (_with_header(whole, made_with=b"1-000000000000"), Reason.WRONG_MODEL),
    ):
        path.write_bytes(data)
        with pytest.raises(BiometricError) as error:
            index.FingerIndex(path)
        assert error.value.reason is reason


def test_codes_of_a_template_do_not_change_when_it_is_stored(mates: population.Minutiae) -> None:
    template = _template(mates, 0)
    before = codes.of_template(template, codes.MOST_CODED)
    after = codes.of_template(FingerTemplate.decode(template.encode()), codes.MOST_CODED)
    assert (before.words == after.words).all()
    assert (before.places == after.places).all()


def test_the_projection_is_the_one_whose_codes_are_stored_elsewhere() -> None:
    # A new projection makes every list that was built before unreadable: change it on purpose only.
    assert codes.projection().identity == "1-e2d8911e99e6"


def test_turning_a_print_changes_few_bits(fingers: population.Minutiae) -> None:
    x, y, angle = (column[:1, : fingers.count[0]] for column in (fingers.x, fingers.y, fingers.angle))
    turned_x = 480 - y
    before, after = (
        codes.of_many(codes.quantised(*columns, fingers.count[:1]), 40)
        for columns in ((x, y, angle), (turned_x, x, np.mod(angle + np.float32(np.pi / 2), np.float32(2 * np.pi))))
    )
    differ = np.unpackbits((before.words ^ after.words)[:, None].view(np.uint8), axis=1)
    assert differ[:, : codes.BITS].mean() < 0.06


_SAY = """
import sys, hashlib
import numpy as np
from hotspotd.biometrics.finger import codes, preselection, native
from hotspotd.biometrics.finger.synthetic import population
drawn = population.fingers(np.random.default_rng(7), 300)
made = codes.of_many(codes.quantised(drawn.x, drawn.y, drawn.angle, drawn.count), 40)
start = np.concatenate([[0], np.cumsum(made.count)[:-1]]).astype(np.uint32)
of = preselection.Coded(start, made.count.astype(np.uint8), made.words, made.places)
probe = preselection.Probe(codes.Codes(made.words[:37], made.places[:37], made.count[:1]))
scores = preselection.scan(probe, of, np.arange(300) % 7 > 0)
fits = preselection.fit(probe, of, np.arange(100))
parts = (made.words, made.places, scores, fits)
print(native.describe(), *(hashlib.sha256(part.tobytes()).hexdigest() for part in parts))
"""


def test_all_instruction_sets_and_numpy_find_exactly_the_same() -> None:
    said = {}
    for level in ["0", *native.available()]:
        environment = {**os.environ, native.SWITCH: level}
        made = subprocess.run(
            [sys.executable, "-c", _SAY], env=environment, cwd=ROOT, check=True, capture_output=True, text=True
        )
        described, *hashes = made.stdout.split()
        said[described] = hashes
    assert said["numpy"]
    assert all(hashes == said["numpy"] for hashes in said.values())


def test_bits_are_counted_alike_without_numpy_2(monkeypatch: pytest.MonkeyPatch) -> None:
    words = np.random.default_rng(3).integers(0, 2**64, 50, dtype=np.uint64)
    expected = [((int(word) ^ int(words[0])) & ((1 << codes.BITS) - 1)).bit_count() for word in words]
    assert preselection._distance(words, words[0]).tolist() == expected
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert preselection._distance(words, words[0]).tolist() == expected


def test_searches_from_several_threads_find_what_one_finds(
    opened: index.FingerIndex, mates: population.Minutiae
) -> None:
    alone = [opened.shortlist(_template(mates, finger)).tolist() for finger in range(8)]
    together: dict[int, list[int]] = {}

    def run(finger: int) -> None:
        together[finger] = opened.shortlist(_template(mates, finger)).tolist()

    threads = [threading.Thread(target=run, args=(finger,)) for finger in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[finger] for finger in range(8)] == alone
