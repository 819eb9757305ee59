"""Large files: whatever changes in them is found before anything is answered from it, and the other list is used."""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotspotd.biometrics import finger
from hotspotd.domain.candidate import Hit
from hotspotd.domain.document import parse_mrz
from hotspotd.domain.finger import FingerPosition
from hotspotd.errors import HotspotError, Reason, WatchlistError
from hotspotd.watchlist import Probes, Shelf, Snapshot, Thresholds, layout
from hotspotd.watchlist.check import check_all
from hotspotd.watchlist.live import LiveWatchlist
from hotspotd.watchlist.numbers import NumberEntry
from hotspotd.workers import Worker
from tests.watchlist.examples import FACE_ENGINE, MRZ, TODAY, entries, face_of, fmr_of, print_of
from tests.watchlist.numbers.lists import PASSPORT

_THRESHOLDS = Thresholds(finger_fmr=1e-4, face_fmr=1e-5)
_PROBES = Probes(
    document=parse_mrz(MRZ),
    fingers=((FingerPosition.RIGHT_INDEX, print_of(1, shake=1.5)), (FingerPosition.LEFT_THUMB, print_of(4))),
    face=face_of(1),
)
_NUMBERS = [NumberEntry("L898902C3", PASSPORT), NumberEntry("X1234567", PASSPORT, date(2030, 1, 1))]


@pytest.fixture(scope="module", autouse=True)
def large() -> Iterator[None]:
    """Every file counts as large, and has many blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "SMALL", 0)
        patch.setattr(layout, "BLOCK", 256)
        yield


@pytest.fixture(scope="module")
def whole(large: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shelf with two lists that hold the same. To be copied, not changed."""
    folder = tmp_path_factory.mktemp("whole") / "lists"
    for version in ("one", "two"):
        _publish(Shelf(folder), version)
    return folder


@pytest.fixture
def shelf(whole: Path, tmp_path: Path) -> Shelf:
    """The same two lists, to be damaged; "two" is current."""
    return _copied(whole, tmp_path)


def _copied(whole: Path, to: Path) -> Shelf:
    shutil.copytree(whole, to / "lists", symlinks=True)
    shutil.copy2(Shelf(whole).key_file, to / "lists.key")
    return Shelf(to / "lists")


def _publish(shelf: Shelf, version: str) -> Path:
    return shelf.publish(
        entries(), finger_engine=finger.ENGINE, face_engine=FACE_ENGINE, version=version, numbers=_NUMBERS
    )


def _open(shelf: Shelf) -> Snapshot:
    return shelf.open(finger_engine=finger.ENGINE, face_engine=FACE_ENGINE)


def _check(snapshot: Snapshot) -> tuple[list[Hit], list[HotspotError]]:
    hits, failures = check_all(snapshot, _PROBES, _THRESHOLDS, TODAY, face_fmr_of=fmr_of)
    return sorted(hits, key=lambda hit: hit.record.reference), failures


def _current(shelf: Shelf) -> Path:
    current = shelf.current()
    assert current is not None
    return current


def _flip(path: Path, place: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= 1 << bit
    path.write_bytes(data)


def test_a_whole_list_is_found_so_block_by_block(shelf: Shelf) -> None:
    snapshot = _open(shelf)
    steps = 0
    while snapshot.step():
        steps += 1
    assert steps > len(layout.BY_BLOCK)
    hits, failures = _check(snapshot)
    assert [hit.record.reference for hit in hits if "number" not in hit.record.reference] == [
        "SLTD/3",
        "XPO/1",
        "XPO/4",
    ]
    assert (len(hits), failures) == (4, [])


def test_opening_reads_nothing_of_the_large_files(shelf: Shelf) -> None:
    for name in (layout.RECORDS, layout.PICTURES, layout.FINGERS, layout.NUMBER_ROWS):
        _flip(_current(shelf) / name, 3)
    assert _open(shelf).version == "two"


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(
    name=st.sampled_from([*sorted(layout.FILES), *layout.OPTIONAL_FILES, layout.MANIFEST]),
    place=st.integers(0, 10**6),
    bit=st.integers(0, 7),
)
def test_a_changed_bit_gives_the_whole_answer_or_none_and_is_found_in_the_end(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, name: str, place: int, bit: int
) -> None:
    shelf = _copied(whole, tmp_path_factory.mktemp("bit"))
    expected, _ = _check(_open(Shelf(whole)))
    _flip(_current(shelf) / name, place, bit)
    # What fails at opening opens the other list.
    snapshot = _open(shelf)
    if snapshot.version == "two":
        found, failures = _check(snapshot)
        assert all(error.reason is Reason.DAMAGED for error in failures)
        assert failures or _told(found) == _told(expected)
        with pytest.raises(WatchlistError, match=name) as error:
            _check_every_block(snapshot)
        assert error.value.reason is Reason.DAMAGED


def _check_every_block(snapshot: Snapshot) -> None:
    while snapshot.step():
        pass


def _told(hits: list[Hit]) -> list[tuple[str, tuple[str, ...]]]:
    return [(hit.record.reason, tuple(one.detail for one in hit.candidates)) for hit in hits]


@pytest.mark.parametrize("name", [layout.RECORDS, layout.FINGER_CODES, layout.NUMBER_ROWS, layout.BLOCKS])
@pytest.mark.parametrize("how", ["cut", "longer", "removed", "of another list"])
def test_a_cut_longer_missing_or_swapped_file_opens_the_other_list(
    shelf: Shelf, tmp_path: Path, name: str, how: str
) -> None:
    path = _current(shelf) / name
    match how:
        case "cut":
            path.write_bytes(path.read_bytes()[:-1])
        case "longer":
            path.write_bytes(path.read_bytes() + b"\0")
        case "removed":
            path.unlink()
        case _:
            other = Shelf(tmp_path / "other")
            other.publish(
                entries()[:2],
                finger_engine=finger.ENGINE,
                face_engine=FACE_ENGINE,
                version="other",
                numbers=_NUMBERS[:1],
            )
            shutil.copy2(_current(other) / name, path)
    assert _open(shelf).version == "one"


def test_a_file_of_the_same_size_from_another_list_is_found_when_it_is_used(shelf: Shelf, tmp_path: Path) -> None:
    """Keys are drawn anew for each shelf, so that the same number of entries makes files of the same size."""
    other = Shelf(tmp_path / "other")
    other.publish(entries(), finger_engine=finger.ENGINE, face_engine=FACE_ENGINE, version="other")
    size = (_current(shelf) / layout.REFERENCES).stat().st_size
    assert (_current(other) / layout.REFERENCES).stat().st_size == size
    shutil.copy2(_current(other) / layout.REFERENCES, _current(shelf) / layout.REFERENCES)
    with pytest.raises(WatchlistError, match=layout.REFERENCES):
        _open(shelf).record("XPO/1")


def test_numbers_without_their_key_or_with_another_are_refused_and_no_damage(shelf: Shelf) -> None:
    shelf.key_file.write_text("ab" * 32 + "\n")
    with pytest.raises(WatchlistError) as error:
        _open(shelf)
    assert error.value.reason is Reason.NO_KEY
    shelf.key_file.unlink()
    with pytest.raises(WatchlistError) as error:
        _open(shelf)
    assert error.value.reason is Reason.NO_KEY


@pytest.fixture
async def live(shelf: Shelf) -> AsyncIterator[LiveWatchlist]:
    """The list of ``shelf``, in force."""
    worker = Worker("lists")
    live = LiveWatchlist(shelf.folder, finger_engine=finger.ENGINE, face_engine=FACE_ENGINE, worker=worker)
    yield live
    worker.close()


async def test_damage_that_nobody_touched_is_found_in_the_background_and_the_list_refused(
    live: LiveWatchlist, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    await asyncio.to_thread(_flip, shelf.folder / "snapshot-two" / layout.PICTURES, 5)
    assert await live.look()
    while await live.check_some():
        pass
    assert live.snapshot is not None
    assert live.snapshot.version == "one"
    assert isinstance(live.problem, WatchlistError)
    assert layout.PICTURES in live.problem.what
    assert any(record.levelno == logging.ERROR and layout.PICTURES in record.message for record in caplog.records)
    assert not await live.look()
    assert live.snapshot.version == "one"


async def test_a_check_that_meets_damage_is_answered_by_the_other_list(live: LiveWatchlist, shelf: Shelf) -> None:
    await asyncio.to_thread(_flip, shelf.folder / "snapshot-two" / layout.NUMBER_ROWS, 0)
    await live.look()
    snapshot = live.snapshot
    assert snapshot is not None
    _, failures = await asyncio.to_thread(_check, snapshot)
    (error,) = failures
    assert isinstance(error, WatchlistError)
    other = await asyncio.to_thread(live.instead_of, snapshot, error)
    assert other is not None
    assert other is live.snapshot
    hits, failures = await asyncio.to_thread(_check, other)
    assert (len(hits), failures) == (4, [])
    # A second check that began before is sent to the same list, and that one is not refused for it.
    assert await asyncio.to_thread(live.instead_of, snapshot, error) is other


async def test_with_both_lists_damaged_there_is_none_and_a_new_one_is_taken(live: LiveWatchlist, shelf: Shelf) -> None:
    for folder in ("snapshot-one", "snapshot-two"):
        await asyncio.to_thread(_flip, shelf.folder / folder / layout.NUMBER_ROWS, 0)
    await live.look()
    for _ in range(2):
        snapshot = live.snapshot
        assert snapshot is not None
        _, failures = await asyncio.to_thread(_check, snapshot)
        assert isinstance(failures[0], WatchlistError)
        await asyncio.to_thread(live.instead_of, snapshot, failures[0])
    assert live.snapshot is None
    assert not await live.look()
    await asyncio.to_thread(_publish, shelf, "three")
    assert await live.look()
    assert live.problem is None


async def test_checks_go_on_while_lists_are_swapped_and_each_is_whole(live: LiveWatchlist, shelf: Shelf) -> None:
    await live.look()
    stop = threading.Event()
    answers: queue.SimpleQueue[int] = queue.SimpleQueue()

    def checks() -> None:
        while not stop.is_set():
            snapshot = live.snapshot
            assert snapshot is not None
            hits, failures = _check(snapshot)
            answers.put(len(hits) if not failures else -1)

    readers = [asyncio.create_task(asyncio.to_thread(checks)) for _ in range(3)]
    for number in range(6):
        await asyncio.to_thread(_publish, shelf, f"new-{number}")
        assert await live.look()
        assert await asyncio.to_thread(answers.get) == 4
    stop.set()
    await asyncio.gather(*readers)
    assert all(answers.get() == 4 for _ in range(answers.qsize()))
    assert len(await asyncio.to_thread(lambda: list(shelf.folder.glob("snapshot-*")))) == 2


def test_a_build_that_is_killed_leaves_the_list_in_force_and_the_next_one_clears_up(shelf: Shelf) -> None:
    endless = (
        "import sys\n"
        "from pathlib import Path\n"
        "from hotspotd.watchlist import Shelf\n"
        "from tests.watchlist.numbers.lists import PASSPORT\n"
        "from hotspotd.watchlist.numbers import NumberEntry\n"
        "def numbers():\n"
        "    for n in range(10**9):\n"
        "        yield NumberEntry(str(n), PASSPORT)\n"
        "        if n == 100_000: print('half', flush=True)\n"
        "shelf = Shelf(Path(sys.argv[1]))\n"
        "shelf.publish([], finger_engine='f', face_engine=None, version='killed', numbers=numbers())\n"
    )
    command = [sys.executable, "-c", endless, str(shelf.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as building:
        assert building.stdout is not None
        assert building.stdout.readline() == b"half\n"
        os.kill(building.pid, signal.SIGKILL)
    assert list(shelf.folder.glob(".building-*"))
    assert _current(shelf).name == "snapshot-two"
    assert _check(_open(shelf))[1] == []
    _publish(shelf, "three")
    assert not list(shelf.folder.glob(".building-*"))
    assert _open(shelf).version == "three"
