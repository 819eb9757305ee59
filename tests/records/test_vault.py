"""What a copied disk shows, what erasing leaves, whose key opens what, and changing keys while the daemon works."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from hotspotd.domain.candidate import Hit, ListRecord
from hotspotd.domain.encounter import Encounter
from hotspotd.domain.notice import Notice
from hotspotd.domain.verdict import GatewayAnswer, GatewayOutcome, Outcome, ReferReason, Verdict
from hotspotd.errors import Reason, RecordsError
from hotspotd.records import Records, audit_file
from hotspotd.records.audit_check import check
from hotspotd.records.data_key import KeySource, beside, find_data_key, make_key_file
from hotspotd.records.model import Decision, OutboxState
from hotspotd.records.vault import keys_path
from tests.records import older
from tests.records.conftest import HandClock
from tests.records.examples import KEEPING, REFER_TROUBLE, answer, encounter, item

PICTURE = b"\xff\xd8 a picture of somebody " + bytes(range(256)) * 40
TEMPLATE = b"FMR the template of a finger" + bytes(range(255, -1, -1))
WORDS = ("ERIKSSON", "ANNA MARIA", "L898902C3", "740812", "QUILLFEATHER", "NCB-4711", "looks like his brother")


def somebody(number: int = 1) -> Encounter:
    """A traveller with a picture and a template that can be looked for."""
    given = encounter(number)
    return replace(
        given,
        samples=tuple(
            replace(one, image=PICTURE if one.image else b"", template=TEMPLATE if one.template else b"")
            for one in given.samples
        ),
    )


def listed() -> Hit:
    record = ListRecord(reference="NCB-4711", notice=Notice.RED, owner="XPO", surname="QUILLFEATHER")
    return Hit(record=record, candidates=())


async def lived_through(records: Records) -> Encounter:
    """A traveller who was found here and at the gateway; an officer has decided. Returns the encounter."""
    given = somebody()
    payload = b"<NPS>ERIKSSON ANNA MARIA L898902C3 " + base64.b64encode(PICTURE) + b"</NPS>"
    await records.record_encounter(given, replace(item(given), payload=payload))
    verdict = Verdict(outcome=Outcome.REFER, reasons=(ReferReason.HIT,), hits=(listed(),), compute_ms=3.5)
    [alert] = await records.record_verdict(given.encounter_id, verdict)
    reply = GatewayAnswer(
        outcome=GatewayOutcome.HIT, tcn="R1", tcr=given.tcn, hits=(listed(),), text="QUILLFEATHER is known"
    )
    await records.store_answer(reply, b"<SRE>QUILLFEATHER ERIKSSON</SRE>")
    unknown = GatewayAnswer(outcome=GatewayOutcome.HIT, tcn="R9", tcr="UTO-NOBODY", hits=(listed(),))
    await records.store_answer(unknown, b"<SRE>QUILLFEATHER</SRE>")
    await records.decide(alert, Decision.DISMISS, "looks like his brother", "badge 7")
    await records.audited("watchlist.lookup", subject="watchlist", actor="console", note="is QUILLFEATHER listed?")
    await records.release(given.encounter_id)
    return given


def found_in(folder: Path) -> list[str]:
    """What of a person can be found in any file of ``folder``, however it was written."""
    forms: dict[str, bytes] = {}
    for word in WORDS:
        for code in ("utf-8", "utf-16-le", "utf-16-be"):
            forms[f"{word} in {code}"] = word.encode(code)
    for name, raw in (("picture", PICTURE), ("template", TEMPLATE), *((word, word.encode()) for word in WORDS)):
        forms[name] = raw[:24]
        # However many bytes stand before it.
        for skipped in range(3):
            coded = base64.b64encode(raw[skipped : skipped + 24 - skipped % 3]).rstrip(b"=")[:-2]
            if len(coded) >= 8:
                forms[f"{name} in base64, {skipped}"] = coded
        forms[f"{name} in hex"] = raw[:24].hex().encode()
    return [
        f"{what} in {path.name}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for what, form in forms.items()
        if form in path.read_bytes()
    ]


async def test_a_copied_disk_shows_nobody_while_it_runs_and_afterwards(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    records = await Records.open(tmp_path / "records.db")
    given = await lived_through(records)
    running = await asyncio.to_thread(found_in, tmp_path)
    names = await asyncio.to_thread(os.listdir, tmp_path)
    assert (await records.encounter(given.encounter_id)).encounter.document == given.document
    assert await records.sample_image(given.encounter_id, "face") == (PICTURE, "image/jpeg")
    [alert] = await records.alerts(open_only=False)
    assert (alert.hits, alert.decision_reason) == ((listed(),), "looks like his brother")
    await records.close()
    assert {"records.db-wal", "records.db-shm", "records.db.keys-wal"} <= set(names)
    assert running == []
    await asyncio.to_thread(_notes_open_with_the_key_only, tmp_path / "records.db")
    assert await asyncio.to_thread(found_in, tmp_path) == []
    assert not [word for word in WORDS if word in caplog.text]


def _notes_open_with_the_key_only(path: Path) -> None:
    """And the chain is verified without."""
    for source, said in ((beside(path), "is QUILLFEATHER listed?"), (None, audit_file.SEALED)):
        with audit_file.reading(path, source) as connection:
            assert [one.note for one in audit_file.entries(connection, audit_file.Wanted()) if one.note] == [said]
            assert check(connection, []).finding is None


async def test_the_search_for_what_is_plain_finds_it(tmp_path: Path) -> None:
    with older.of_schema(older.BEFORE_VAULT, tmp_path / "records.db") as connection:
        older.put(connection, somebody(), answer(encounter()), base64.b64encode(PICTURE))
    found = await asyncio.to_thread(found_in, tmp_path)
    assert "ERIKSSON in utf-8 in records.db" in found
    assert {"picture in records.db", "picture in base64, 0 in records.db", "template in records.db"} <= set(found)


async def test_what_an_older_version_wrote_is_sealed_and_nothing_is_lost(tmp_path: Path) -> None:
    path, given = tmp_path / "records.db", somebody()
    payload = base64.b64encode(PICTURE)
    with older.of_schema(older.BEFORE_VAULT, path) as connection:
        older.put(connection, given, answer(given), payload)
    records = await Records.open(path)
    stored = await records.encounter(given.encounter_id)
    assert stored.encounter.document == given.document
    assert stored.verdict is not None
    assert stored.answer == answer(given)
    assert [one.template for one in stored.encounter.samples] == [one.template for one in given.samples]
    assert (await records.sample_image(given.encounter_id, "face"))[0] == PICTURE
    assert (await records.outbox_item(given.tcn)).payload == payload
    [row] = await records.recent()
    assert row.local_ms == 12.5
    assert await asyncio.to_thread(found_in, tmp_path) == []
    await records.close()
    assert await asyncio.to_thread(found_in, tmp_path) == []


async def test_an_older_copy_does_not_open_once_the_encounter_is_erased(tmp_path: Path, hand_clock: HandClock) -> None:
    path, copy = tmp_path / "records.db", tmp_path / "copy"
    async with opened(path, hand_clock) as records:
        gone, kept = somebody(1), somebody(2)
        for number, given in enumerate((gone, kept)):
            await records.record_encounter(given, item(given))
            await records.record_verdict(given.encounter_id, REFER_TROUBLE)
            if given is gone:
                await records.store_answer(answer(given, tcn=f"R{number}"), b"")
        await records.release_all()
    copy.mkdir()
    shutil.copy(path, copy / path.name)  # A backup: the records without their keys.
    async with opened(path, hand_clock) as records:
        [first, _] = await records.alerts()
        await records.decide(first.alert_id, Decision.DISMISS, "", "badge 7")
        hand_clock.move(hours=25)
        assert await records.erase_due(KEEPING) == 1
    # What is left of the keys, and the data key, and the copy from before.
    for left in (keys_path(path), path.with_name("records.db.data-key")):
        shutil.copy(left, copy / left.name)
    async with opened(copy / path.name, hand_clock) as records:
        assert (await records.encounter(kept.encounter_id)).encounter.document == kept.document
        with pytest.raises(RecordsError) as caught:
            await records.encounter(gone.encounter_id)
        assert caught.value.reason is Reason.NO_KEY
        with pytest.raises(RecordsError, match="destroyed"):
            await records.sample_image(gone.encounter_id, "face")


async def test_a_copy_without_its_keys_is_set_aside_and_not_overwritten(tmp_path: Path, hand_clock: HandClock) -> None:
    path = tmp_path / "records.db"
    async with opened(path, hand_clock) as records:
        await records.record_encounter(somebody(), item(somebody()))
    keys_path(path).unlink()
    async with opened(path, hand_clock) as records:
        assert records.set_aside == tmp_path / "records.db.damaged-1"
        assert await records.recent() == []
    # With its keys, damaged too, beside it: both go.
    async with opened(path, hand_clock) as records:
        await records.record_encounter(somebody(), item(somebody()))
    keys_path(path).write_bytes(b"no database" * 500)
    async with opened(path, hand_clock) as records:
        assert records.set_aside == tmp_path / "records.db.damaged-2"
    assert (tmp_path / "records.db.damaged-2.keys").read_bytes() == b"no database" * 500


async def test_values_cannot_change_places(tmp_path: Path, hand_clock: HandClock) -> None:
    path, one, other = tmp_path / "records.db", somebody(1), somebody(2)
    async with opened(path, hand_clock) as records:
        for given in (one, other):
            await records.record_encounter(given, item(given))
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute(
            "UPDATE encounter SET (key_id, document) = (SELECT key_id, document FROM encounter WHERE id = ?)"
            " WHERE id = ?",
            (one.encounter_id, other.encounter_id),
        )
        raw.execute(
            "UPDATE sample SET image = template WHERE encounter_id = ? AND modality = 'finger'", (one.encounter_id,)
        )
    async with opened(path, hand_clock) as records:
        for reading in (records.encounter(other.encounter_id), records.sample_image(one.encounter_id, "finger", 2)):  # type: ignore[arg-type]
            with pytest.raises(RecordsError) as caught:
                await reading
            assert caught.value.reason is Reason.DAMAGED


async def test_another_data_key_or_none_opens_nothing(tmp_path: Path, hand_clock: HandClock) -> None:
    path = tmp_path / "records.db"
    async with opened(path, hand_clock) as records:
        await records.record_encounter(somebody(), item(somebody()))
    await asyncio.to_thread(make_key_file, tmp_path / "other")
    with pytest.raises(RecordsError) as caught:
        await Records.open(path, data_key=KeySource(tmp_path / "other", "file"))
    assert caught.value.reason is Reason.NO_KEY
    other = await Records.beside(path)
    [row] = await other.recent()
    with pytest.raises(RecordsError) as caught:
        await other.encounter(row.encounter_id)
    await other.close()
    assert caught.value.reason is Reason.NO_KEY


def test_a_key_file_is_looked_at_before_it_is_believed(tmp_path: Path) -> None:
    key = tmp_path / "data.key"
    source = KeySource(key, "file")

    def refused() -> Reason:
        with pytest.raises(RecordsError) as caught:
            source.load()
        assert caught.value.advice
        return caught.value.reason

    assert refused() is Reason.NO_KEY
    make_key_file(key)
    assert key.stat().st_mode & 0o777 == 0o600
    made = source.load()
    assert len(made.key) == 32
    assert made.key.hex() not in repr(made)
    key.chmod(0o640)
    assert refused() is Reason.UNREADABLE
    key.chmod(0o400)
    assert source.load() == made
    with pytest.raises(RecordsError):
        make_key_file(key)
    key.chmod(0o600)
    key.write_bytes(os.urandom(31))
    assert refused() is Reason.BAD_VALUE
    key.unlink()
    key.symlink_to(tmp_path / "elsewhere")
    assert refused() is Reason.UNREADABLE
    key.unlink()
    key.mkdir(mode=0o700)
    assert refused() is Reason.UNREADABLE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "data.key"
    make_key_file(key)
    os.chown(key, 12345, 12345)
    with pytest.raises(RecordsError, match="belongs to user 12345"):
        KeySource(key, "file").load()
    assert KeySource(key, "file", 12345).load().id


def test_production_wants_a_key_and_the_credential_goes_first(tmp_path: Path) -> None:
    database, file, credentials = tmp_path / "records.db", tmp_path / "data.key", tmp_path / "credentials"
    with pytest.raises(RecordsError) as caught:
        find_data_key(database, None, production=True, environment={})
    assert caught.value.reason is Reason.NO_KEY
    assert find_data_key(database, None, production=False, environment={}).kind == "beside"
    handed_over = {"CREDENTIALS_DIRECTORY": str(credentials)}
    assert find_data_key(database, file, production=True, environment=handed_over) == KeySource(file, "file")
    credentials.mkdir()
    (credentials / "data-key").write_bytes(bytes(range(32)))
    (credentials / "data-key").chmod(0o440)  # As systemd shows one that an access list lets in.
    source = find_data_key(database, file, production=True, environment=handed_over)
    assert (source.kind, source.load().key) == ("credential", bytes(range(32)))


async def test_a_late_hit_on_what_was_erased_is_sealed_anew_and_erased_in_its_time(
    tmp_path: Path, hand_clock: HandClock
) -> None:
    path, given = tmp_path / "records.db", somebody()
    async with opened(path, hand_clock) as records:
        await records.record_encounter(given, item(given))
        [alert_id] = await records.record_verdict(given.encounter_id, REFER_TROUBLE)
        await records.store_answer(answer(given), b"")
        await records.release(given.encounter_id)
        await records.decide(alert_id, Decision.DISMISS, "", "badge 7")
        hand_clock.move(hours=25)
        assert await records.erase_due(KEEPING) == 1
        reply = GatewayAnswer(outcome=GatewayOutcome.HIT, tcn="R2", tcr=given.tcn, hits=(listed(),))
        late = await records.store_answer(reply, b"<SRE>QUILLFEATHER</SRE>")
        assert (await records.alert(late.alerts[0])).hits == (listed(),)
        assert await asyncio.to_thread(found_in, tmp_path) == []
        hand_clock.move(hours=719)
        assert await records.erase_due(KEEPING) == 0
        hand_clock.move(hours=2)
        assert await records.erase_due(KEEPING) == 1
        assert (await records.alert(late.alerts[0])).hits == ()


async def test_erasing_that_was_cut_off_is_finished_at_the_next_look(
    tmp_path: Path, hand_clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, given = tmp_path / "records.db", somebody()
    async with opened(path, hand_clock) as records:
        await records.record_encounter(given, item(given))
        await records.release_all()
        [[key]] = await records._db.rows("SELECT key_id FROM encounter")
        # Somebody reads the keys, and has not ended: the log cannot be cut off.
        with closing(sqlite3.connect(keys_path(path), isolation_level=None)) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM wrapped_key").fetchone()
            other.execute("PRAGMA query_only = ON")
            monkeypatch.setattr("hotspotd.records.vault._BUSY_TIMEOUT_S", 0.1)
            records._db.vault._connection.execute("PRAGMA busy_timeout = 100")
            await records.erase_encounter(given.encounter_id, "badge 7", "asked to", unsent=True)
            assert len(await records._db.rows("SELECT id FROM dead_key")) == 1
        await records.erase_due(KEEPING)
        assert await records._db.rows("SELECT id FROM dead_key") == []
        assert not await asyncio.to_thread(records._db.vault.holds, key)
        row = await records.outbox_detail(given.tcn)
        assert (row.state, row.held) == (OutboxState.QUARANTINED, 0)


@asynccontextmanager
async def opened(path: Path, hand_clock: HandClock) -> AsyncIterator[Records]:
    records = await Records.open(path, hand_clock.clock())
    try:
        yield records
    finally:
        await records.close()
