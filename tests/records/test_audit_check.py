"""What is done to an audit chain is found, and named."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from hotspotd.clock import Stamp
from hotspotd.gateway.authority import Authority
from hotspotd.records import audit
from hotspotd.records.audit_check import Anchor, Checked, Damage, Finding, check
from tests.records.chains import add, anchor, chain, put_back, redigested, renumbered, rows
from tests.records.conftest import HandClock

_ROOT = Path(__file__).resolve().parents[2]
LENGTH = 12
_COLUMNS = {"at": 1, "trusted": 2, "event": 3, "subject": 4, "actor": 5, "detail": 6, "digest": 7}
entries = some.integers(1, LENGTH)


def found(connection: sqlite3.Connection, sealed: sqlite3.Connection | None = None) -> Finding:
    """What is found in ``connection``, whose state before was sealed in ``sealed``."""
    finding = check(connection, [anchor(sealed or chain(LENGTH))]).finding
    assert finding is not None
    return finding


def tampered(changed: list[list[object]], whole: list[list[object]]) -> Finding:
    """What is found when ``changed`` stands where ``whole`` was sealed."""
    with closing(chain(LENGTH)) as connection:
        put_back(connection, whole)
        sealed = anchor(connection)
        put_back(connection, changed)
        finding = check(connection, [sealed]).finding
    assert finding is not None
    return finding


@pytest.fixture(scope="module")
def plain() -> list[list[object]]:
    """A chain without notes, so that rows alone can be moved about."""
    with closing(chain(0)) as connection:
        clock = HandClock()
        for number in range(1, LENGTH + 1):
            clock.move(seconds=1)
            now = Stamp(clock.at, trusted=True)
            audit.append(connection, now, "encounter.recorded", subject=f"E{number:05d}", detail=str(number))
        return rows(connection)


def test_a_whole_chain_is_whole_with_its_notes_and_is_vouched_for() -> None:
    with closing(chain(LENGTH)) as connection:
        checked = check(connection, [anchor(connection)])
        assert checked == Checked(LENGTH, rows(connection)[0][-1].hex(), LENGTH, 0, None)
        add(connection, HandClock(), 13)
        assert check(connection, []).entries == 13
        assert check(chain(0), []).entries == 0


@given(one=entries, renumber=some.booleans())
@settings(deadline=None)
def test_one_that_is_removed_is_named(plain: list[list[object]], one: int, *, renumber: bool) -> None:
    left = [row for row in plain if row[0] != one]
    finding = tampered(renumbered(left) if renumber else left, plain)
    assert finding.seq == one
    if one == LENGTH:
        assert finding.damage is Damage.CUT_OFF
    elif renumber and one == LENGTH - 1:
        # What stands in its place could as well be itself, changed.
        assert finding.damage is Damage.CHANGED
    else:
        assert finding.damage is Damage.REMOVED


@given(first=some.integers(1, LENGTH - 3), count=some.integers(1, 4), renumber=some.booleans())
@settings(deadline=None)
def test_several_that_are_removed_are_counted(
    plain: list[list[object]], first: int, count: int, *, renumber: bool
) -> None:
    count = min(count, LENGTH - 1 - first)
    left = [row for row in plain if not first <= int(str(row[0])) < first + count]
    finding = tampered(renumbered(left) if renumber else left, plain)
    assert (finding.damage, finding.seq, finding.until) == (Damage.REMOVED, first, first + count - 1)


@given(one=entries, column=some.sampled_from(sorted(_COLUMNS)), consistent=some.booleans())
@settings(deadline=None)
def test_one_that_is_changed_is_named(plain: list[list[object]], one: int, column: str, *, consistent: bool) -> None:
    rows_now = [list(row) for row in plain]
    row = rows_now[one - 1]
    value = row[_COLUMNS[column]]
    row[_COLUMNS[column]] = 1 - value if isinstance(value, int) else value[:-1] + value[-1:] * 2 if value else "x"
    if isinstance(value, bytes):
        row[7] = bytes(32)
    if consistent and column != "digest":
        previous = bytes(rows_now[one - 2][7]) if one > 1 else audit.GENESIS  # type: ignore[call-overload]  # A digest.
        row[7] = audit.digest(previous, tuple(row[:7]))
    finding = tampered(rows_now, plain)
    if consistent and column != "digest":
        # It follows from the one before: what does not is the next, and in the last place only the checkpoint knows.
        assert finding.seq in {one, one + 1} or (finding.until == LENGTH and finding.damage is Damage.REWRITTEN)
    else:
        assert (finding.damage, finding.seq) == (Damage.CHANGED, one)


@given(two=some.lists(entries, min_size=2, max_size=2, unique=True))
@settings(deadline=None)
def test_two_that_are_swapped_are_named(plain: list[list[object]], two: list[int]) -> None:
    first, second = sorted(two)
    order = [list(row) for row in plain]
    order[first - 1], order[second - 1] = order[second - 1], order[first - 1]
    finding = tampered(renumbered(order), plain)
    assert (finding.damage, finding.seq) == (Damage.REORDERED, first)
    assert finding.what.endswith(f"stands at {second} now")


@given(at=some.integers(1, LENGTH), known=some.booleans())
@settings(deadline=None)
def test_one_that_is_put_in_is_named(plain: list[list[object]], at: int, *, known: bool) -> None:
    new = [0, "2026-11-22T12:00:00.000Z", 1, "alert.viewed", "E00001", "guard screen", "", bytes(32)]
    if known:  # One that fits behind the one before it.
        previous = bytes(plain[at - 2][7]) if at > 1 else audit.GENESIS  # type: ignore[call-overload]  # A digest.
        new = [at, *new[1:7], audit.digest(previous, (at, *new[1:7]))]
    finding = tampered(renumbered([*plain[: at - 1], new, *plain[at - 1 :]]), plain)
    if known:
        assert finding.seq in {at, at + 1} or finding.damage is Damage.REWRITTEN
    else:
        assert (finding.damage, finding.seq) == (Damage.INSERTED, at)


@given(left=some.integers(0, LENGTH - 1))
@settings(deadline=None)
def test_what_is_cut_off_is_named(plain: list[list[object]], left: int) -> None:
    finding = tampered(plain[:left], plain)
    assert (finding.damage, finding.seq, finding.until) == (Damage.CUT_OFF, left + 1, LENGTH)


@given(one=entries)
@settings(deadline=None)
def test_a_forger_who_makes_all_later_digests_anew_is_found_by_the_checkpoint(
    plain: list[list[object]], one: int
) -> None:
    forged = [list(row) for row in plain]
    forged[one - 1][3] = "alert.dismiss"
    forged = redigested(forged, one)
    with closing(chain(0)) as connection:
        put_back(connection, forged)
        assert check(connection, []).finding is None, "it fits together"
    finding = tampered(forged, plain)
    assert finding.damage is Damage.REWRITTEN
    assert finding.seq <= one <= (finding.until or 0)


def test_checkpoints_on_the_way_narrow_a_forgery_down() -> None:
    with closing(chain(LENGTH)) as connection:
        sealed = []
        for seq in (4, 8, 12):
            digest = connection.execute("SELECT digest FROM audit WHERE seq = ?", (seq,)).fetchone()[0]
            sealed.append(Anchor(seq, digest, "a checkpoint"))
        forged = rows(connection)
        forged[5][3] = "alert.dismiss"
        put_back(connection, redigested(forged, 6))
        finding = check(connection, sealed[::-1]).finding
    assert finding is not None
    assert (finding.damage, finding.seq, finding.until) == (Damage.REWRITTEN, 5, 8)


def test_a_row_before_the_first_is_found(plain: list[list[object]]) -> None:
    assert tampered([[0, *plain[3][1:]], *plain], plain).damage is Damage.INSERTED


def test_a_note_that_is_changed_or_removed_is_found_and_one_that_was_erased_is_counted() -> None:
    with closing(chain(LENGTH)) as connection:
        connection.execute("UPDATE audit_note SET text = 'why, 6' WHERE seq = 5")
        assert found(connection) == Finding(
            Damage.NOTE_CHANGED, 5, "the note of entry 5 is not the one that was written"
        )
    with closing(chain(LENGTH)) as connection:
        connection.execute("DELETE FROM audit_note WHERE seq = 10")
        assert found(connection).damage is Damage.NOTE_REMOVED
    with closing(chain(LENGTH)) as connection:
        sealed, clock = anchor(connection), HandClock()
        clock.move(seconds=8)
        now = Stamp(clock.at + timedelta(days=1), trusted=True)
        assert audit.erase_notes(connection, now, Stamp(clock.at, trusted=True).iso()) == 1
        assert audit.erase_notes(connection, now, Stamp(clock.at, trusted=True).iso()) == 0
        checked = check(connection, [sealed])
        assert (checked.finding, checked.notes_erased, checked.entries) == (None, 1, LENGTH + 1)
        assert connection.execute("SELECT text FROM audit_note").fetchall() == [("why, 10",)]
        connection.execute("DELETE FROM audit_note")
        assert found(connection).seq == 10


def test_a_chain_of_before_there_were_notes_is_checked(tmp_path: Path) -> None:
    with closing(chain(4)) as connection:
        connection.execute("DROP TABLE audit_note")
        assert check(connection, []).finding is None


_WORKING = """
import asyncio, os, sys
from pathlib import Path
from hotspotd.clock import Clock
from hotspotd.records import Records
from hotspotd.relay.checkpoints import Checkpoints
from hotspotd.relay.seal import Sealer
from tests.records.examples import encounter, item

async def main():
    folder = Path(sys.argv[1])
    records = await Records.open(folder / "records.db", outbox_limit=1_000_000)
    sealer = await asyncio.to_thread(Sealer.load, folder / "kiosk-1.pem", folder / "kiosk-1.key")
    checkpoints = Checkpoints(records, sealer, Clock(), "kiosk-1", lambda: None)
    async def travellers(own):
        for number in range(own, 1_000_000, 8):
            given = encounter(number)
            await records.record_encounter(given, item(given))
            records.viewed("alert.viewed", subject=given.encounter_id, actor="guard screen")
    async def sealing():
        while True:
            if await checkpoints.make():
                os.write(1, b"sealed\\n")
            await asyncio.sleep(0)
    await asyncio.gather(sealing(), *(travellers(own) for own in range(8)))

asyncio.run(main())
"""


async def test_a_kill_at_any_moment_leaves_a_chain_that_is_whole_with_all_its_checkpoints(tmp_path: Path) -> None:
    await asyncio.to_thread(lambda: Authority.create(tmp_path).issue_device("kiosk-1"))
    for times in (3, 7, 12):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _WORKING, str(tmp_path), stdout=asyncio.subprocess.PIPE, cwd=_ROOT
        )
        assert process.stdout is not None
        for _ in range(times):
            assert await process.stdout.readline() == b"sealed\n"
        process.kill()
        await process.wait()
        await asyncio.to_thread(_is_whole, tmp_path, times)


def _is_whole(folder: Path, checkpoints: int) -> None:
    copy = folder / "copy"
    copy.mkdir()
    for file in folder.glob("records.db*"):
        shutil.copy(file, copy)
    with closing(sqlite3.connect(copy / "records.db")) as connection:
        sealed = [
            Anchor(*row, "checkpoint")
            for row in connection.execute("SELECT seq, digest FROM audit_checkpoint ORDER BY number")
        ]
        checked = check(connection, sealed)
        assert checked.finding is None
        assert len(sealed) >= checkpoints
        assert checked.sealed == sealed[-1].seq
    shutil.rmtree(copy)
    for file in folder.glob("records.db*"):
        file.unlink()
