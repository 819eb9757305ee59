"""The face index finds exactly what comparing all in float32 finds, whatever reads it, and refuses damaged files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hotspotd.biometrics.face import native
from hotspotd.biometrics.face.index import FaceIndex
from hotspotd.biometrics.face.index_file import FaceIndexWriter, quantised
from hotspotd.errors import BiometricError, Reason

ENGINE = "model@0123456789abcdef+a1+runtime-1.0"
Rows = NDArray[np.float32]


def unit(rows: NDArray[np.floating]) -> Rows:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


def written(path: Path, rows: Rows, persons: NDArray[np.uint32] | None = None) -> FaceIndex:
    with FaceIndexWriter(path, ENGINE) as writer:
        for begin in range(0, len(rows), 1000):
            end = begin + 1000
            numbers = np.arange(len(rows), dtype=np.uint32) if persons is None else persons
            writer.add_many(rows[begin:end], numbers[begin:end])
    return FaceIndex(path)


def exhaustive(rows: Rows, probe: Rows, most: int, wanted: NDArray[np.bool_] | None = None) -> list[int]:
    # The same order of summing: similarities that are equal but for their last bit keep their order.
    scores = (rows.astype(np.float64) * probe.astype(np.float64)).sum(axis=1)
    if wanted is not None:
        scores = np.where(wanted, scores, -np.inf)
    order = np.lexsort((np.arange(len(rows)), -scores))[:most]
    return [int(number) for number in order if scores[number] > -np.inf]


@pytest.mark.parametrize("dimensions", [8, 64, 100, 128, 512])
def test_the_best_are_those_of_full_comparison(tmp_path: Path, dimensions: int) -> None:
    rng = np.random.default_rng(dimensions)
    rows = unit(rng.standard_normal((3000, dimensions)))
    index = written(tmp_path / "faces", rows)
    for number in range(20):
        probe = unit(rows[number] + 0.5 * rng.standard_normal(dimensions) / dimensions**0.5)
        found = index.search(probe, 20)
        assert found.references.tolist() == exhaustive(rows, probe, 20)
        assert np.allclose(found.similarities, rows[found.references].astype(np.float64) @ probe, atol=1e-6)


def test_ranks_of_neighbours_closer_than_int8_can_tell_are_exact(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    centre = unit(rng.standard_normal(128))
    rows = unit(centre + 1e-4 * rng.standard_normal((2000, 128)))
    index = written(tmp_path / "faces", rows)
    assert index.search(centre, 50).references.tolist() == exhaustive(rows, centre, 50)


def test_more_than_one_block_of_rows_is_searched_as_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    rows = unit(rng.standard_normal((140_001, 16)))
    index = written(tmp_path / "faces", rows)
    for place in (0, 65_535, 65_536, 140_000):
        found = index.search(rows[place], 10)
        assert found.references.tolist() == exhaustive(rows, rows[place], 10)
        assert found.references[0] == place


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), count=st.integers(1, 300), dimensions=st.integers(1, 140), most=st.integers(1, 30)
)
def test_any_list_is_searched_exactly(
    tmp_path_factory: pytest.TempPathFactory, seed: int, count: int, dimensions: int, most: int
) -> None:
    rng = np.random.default_rng(seed)
    # Few values: many equal similarities, whose order must hold too. A lone large number rounds the others away.
    rows = rng.integers(-2, 3, (count, dimensions)).astype(np.float64)
    rows[:, 0] += np.where(rng.random(count) < 0.3, 50.0, 0.5)
    rows = unit(rows)
    wanted = rng.random(count) < 0.7
    index = written(tmp_path_factory.mktemp("index") / "faces", rows)
    probe = rows[int(rng.integers(count))]
    found = index.search(probe, most, wanted=wanted)
    assert found.references.tolist() == exhaustive(rows, probe, most, wanted)


def test_nothing_below_the_least_similarity_is_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    rows = unit(rng.standard_normal((500, 64)))
    index = written(tmp_path / "faces", rows)
    scores = (rows.astype(np.float64) * rows[3].astype(np.float64)).sum(axis=1)
    least = float(np.sort(scores)[-5])
    assert index.search(rows[3], 100, at_least=least).references.tolist() == exhaustive(rows, rows[3], 5)
    assert len(index.search(unit(-rows[3]), 100, at_least=0.99).references) == 0


def test_rows_that_are_not_wanted_do_not_crowd_out_others(tmp_path: Path) -> None:
    rng = np.random.default_rng(10)
    rows = unit(rng.standard_normal((1000, 64)))
    wanted = np.ones(1000, np.bool_)
    wanted[exhaustive(rows, rows[0], 100)] = False
    index = written(tmp_path / "faces", rows)
    found = index.search(rows[0], 10, wanted=wanted)
    assert found.references.tolist() == exhaustive(rows, rows[0], 10, wanted)


SAY = """
import sys, numpy as np
from pathlib import Path
from hotspotd.biometrics.face.index import FaceIndex
index = FaceIndex(Path(sys.argv[1]))
for number in range(0, len(index), 97):
    found = index.search(index.embedding(number), 15)
    print(found.references.tolist(), found.similarities.tolist())
"""


def test_numpy_and_every_instruction_set_find_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    centres = rng.standard_normal((50, 96))
    rows = unit(np.repeat(centres, 40, axis=0) + 0.3 * rng.standard_normal((2000, 96)))
    written(tmp_path / "faces", rows)
    told = set()
    for level in ["0", *native.available()]:
        environment = {**os.environ, native.SWITCH: level}
        command = [sys.executable, "-c", SAY, str(tmp_path / "faces")]
        root = Path(__file__).parents[3]
        run = subprocess.run(command, env=environment, cwd=root, check=True, capture_output=True, text=True)
        told.add(run.stdout)
    assert len(told) == 1
    assert "[" in told.pop()


def test_the_stated_rounding_error_is_never_below_the_true_one() -> None:
    rows = unit(np.random.default_rng(12).standard_normal((400, 200)))
    whole, scales, errors = quantised(rows)
    true = np.linalg.norm(rows.astype(np.float64) - whole * scales[:, None].astype(np.float64), axis=1)
    assert (errors >= true).all()
    assert errors.max() < 0.02


def test_an_index_says_whose_embeddings_it_holds(tmp_path: Path) -> None:
    rows = unit(np.random.default_rng(13).standard_normal((5, 32)))
    persons = np.array([7, 7, 0, 4_294_967_295, 1], np.uint32)
    index = written(tmp_path / "faces", rows, persons)
    assert (index.engine, index.dimensions, len(index)) == (ENGINE, 32, 5)
    assert index.persons.tolist() == persons.tolist()
    assert np.array_equal(index.embedding(3), rows[3])


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    with FaceIndexWriter(tmp_path / "faces", ENGINE):
        pass
    index = FaceIndex(tmp_path / "faces")
    assert len(index) == 0
    assert index.engine == ENGINE


def test_an_embedding_that_is_no_unit_vector_is_refused(tmp_path: Path) -> None:
    with FaceIndexWriter(tmp_path / "faces", ENGINE) as writer:
        for bad in (np.zeros(16), np.full(16, np.nan), np.full(16, np.inf), np.ones(16)):
            with pytest.raises(BiometricError) as caught:
                writer.add(bad.astype(np.float32), 0)
            assert caught.value.reason is Reason.BAD_TEMPLATE
        writer.add(unit(np.ones(16)), 0)
        with pytest.raises(BiometricError) as caught:
            writer.add(unit(np.ones(17)), 0)
        assert caught.value.reason is Reason.WRONG_MODEL


def test_a_probe_of_another_model_is_refused(tmp_path: Path) -> None:
    index = written(tmp_path / "faces", unit(np.random.default_rng(14).standard_normal((5, 32))))
    with pytest.raises(BiometricError) as caught:
        index.search(unit(np.ones(31)), 5)
    assert caught.value.reason is Reason.WRONG_MODEL
    with pytest.raises(BiometricError) as caught:
        index.search(np.full(32, np.nan, np.float32), 5)
    assert caught.value.reason is Reason.BAD_TEMPLATE


def test_a_file_that_is_cut_off_changed_or_something_else_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "faces", unit(np.random.default_rng(15).standard_normal((9, 32))))
    data = (tmp_path / "faces").read_bytes()
    changed = [data[:-1], data[:100], b"", data + b"\0", b"x" * len(data)]
    changed += [data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :] for place in range(0, 256, 5)]
    for number, content in enumerate(changed):
        path = tmp_path / str(number)
        path.write_bytes(content)
        with pytest.raises(BiometricError) as caught:
            FaceIndex(path)
        assert caught.value.reason is Reason.DAMAGED


def test_no_file_remains_of_an_index_that_could_not_be_written(tmp_path: Path) -> None:
    def stopped() -> None:
        with FaceIndexWriter(tmp_path / "faces", ENGINE) as writer:
            writer.add(unit(np.ones(16)), 0)
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        stopped()
    assert list(tmp_path.iterdir()) == []


def test_a_list_of_one_embedding_over_and_over_gives_the_first_added(tmp_path: Path) -> None:
    rows = np.repeat(unit(np.random.default_rng(16).standard_normal((1, 48))), 3000, axis=0)
    index = written(tmp_path / "faces", rows)
    assert index.search(rows[0], 5).references.tolist() == [0, 1, 2, 3, 4]
