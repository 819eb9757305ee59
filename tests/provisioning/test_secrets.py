"""Where secrets are looked for, and the files that are refused."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from hotspotd.errors import ConfigError, ProvisioningError, Reason
from hotspotd.provisioning import credentials
from hotspotd.provisioning.certificates import accept, make_request, new_key, read_request
from hotspotd.provisioning.codes import code_key, new_code, verifier
from hotspotd.provisioning.decommission import Belongings, erase_all
from hotspotd.provisioning.identity import IdentityFolder
from hotspotd.provisioning.secrets import DEVICE_KEY, load_secret, new_secret, read_key, written
from hotspotd.records import Records

SECRET = bytes(range(32))


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the machine that the tests run on."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setattr(credentials, "STORE", tmp_path / "credstore.encrypted")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / DEVICE_KEY
    path.write_bytes(written(SECRET))
    path.chmod(0o600)
    return path


def test_a_credential_of_systemds_comes_before_a_file(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_secret(DEVICE_KEY, file) == SECRET
    handed, other = tmp_path / "handed", new_secret()
    handed.mkdir()
    (handed / DEVICE_KEY).write_bytes(written(other))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed))
    assert load_secret(DEVICE_KEY, file) == other
    assert load_secret(DEVICE_KEY, None) == other
    (handed / DEVICE_KEY).unlink()
    assert load_secret(DEVICE_KEY, file) == SECRET


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610])
def test_a_file_that_others_may_touch_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(ProvisioningError) as caught:
        load_secret(DEVICE_KEY, file)
    assert caught.value.reason is Reason.UNREADABLE
    assert "others may read or write it" in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_somebody_else_is_refused_and_one_of_the_folders_owner_is_taken(file: Path) -> None:
    os.chown(file, 4711, 4711)
    with pytest.raises(ProvisioningError) as caught:
        load_secret(DEVICE_KEY, file)
    assert caught.value.reason is Reason.UNREADABLE
    assert "belongs to user 4711" in str(caught.value)
    os.chown(file.parent, 4711, 4711)
    assert load_secret(DEVICE_KEY, file) == SECRET


def test_neither_a_link_nor_other_content_nor_nothing_is_a_secret(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)
    for path, reason in ((link, Reason.UNREADABLE), (tmp_path / "none", Reason.NO_KEY), (None, Reason.NO_KEY)):
        with pytest.raises(ProvisioningError) as caught:
            load_secret(DEVICE_KEY, path)
        assert caught.value.reason is reason
    for content in (b"", SECRET.hex().encode()[:-1], SECRET.hex().upper().encode(), written(SECRET) * 2):
        file.write_bytes(content)
        with pytest.raises(ProvisioningError) as caught:
            load_secret(DEVICE_KEY, file)
        assert caught.value.reason is Reason.BAD_VALUE


def test_the_private_key_on_disk_opens_with_the_secret_alone(file: Path, tmp_path: Path) -> None:
    folder = IdentityFolder(tmp_path)
    key = folder.pending_key()
    assert folder.pending_key().private_numbers() == key.private_numbers(), "the same until it is answered"
    pending = tmp_path / "pending.pem"
    assert pending.stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED" in pending.read_bytes()
    file.write_bytes(written(new_secret()))
    with pytest.raises(ConfigError):
        read_key(pending)
    file.unlink()
    with pytest.raises(ProvisioningError) as caught:
        read_key(pending)
    assert caught.value.reason is Reason.NO_KEY


def test_a_tpm_is_used_wherever_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chip = tmp_path / "tpmrm0"
    monkeypatch.setattr(credentials, "_TPM", chip)
    assert credentials.usual_key() == "host"
    chip.touch()
    assert credentials.usual_key() == "host+tpm2"


def test_where_nothing_can_be_sealed_it_is_said_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "systemd-creds"
    program.write_text("#!/bin/sh\necho TPM2 support is not installed. >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(ProvisioningError, match="could not be sealed: TPM2 support is not installed") as caught:
        credentials.seal(DEVICE_KEY, written(SECRET))
    assert "apt-get install tpm2-tools" in caught.value.advice
    assert not credentials.sealed_file(DEVICE_KEY).exists()


def test_a_code_is_read_as_people_write_it_and_means_another_key_at_another_device() -> None:
    code = new_code()
    assert len(code.replace("-", "")) == 16
    assert verifier(code.lower().replace("-", " "), "K1") == verifier(code, "K1")
    assert verifier("O0IL-1111-2222-3333", "K1") == verifier("0011-1111-2222-3333", "K1")
    assert verifier(code, "K1") != verifier(code, "K2")
    for wrong in ("", "1234", code[:-1], code + "1", "UUUU-UUUU-UUUU-UUUU"):
        with pytest.raises(ProvisioningError):
            code_key(wrong, "K1")


def test_a_request_says_for_whom_it_is_and_damage_is_noticed() -> None:
    der = make_request(new_key(), "KIOSK-01")
    assert read_request(der).device == "KIOSK-01"
    for place in (10, len(der) // 2, len(der) - 1):
        damaged = bytearray(der)
        damaged[place] ^= 0xFF
        with pytest.raises(ProvisioningError):
            read_request(bytes(damaged))
    for wrong in (b"", b"no request", make_request(new_key(), "../etc"), der * 100):
        with pytest.raises(ProvisioningError):
            read_request(wrong)
    with pytest.raises(ProvisioningError):
        accept([], key=new_key().public_key(), device="K", anchors=[], now=None)  # type: ignore[arg-type]  # Not reached.


async def test_decommissioning_leaves_nothing_and_begins_with_the_keys(tmp_path: Path) -> None:
    identity, watchlist = tmp_path / "identity", tmp_path / "watchlist"
    identity.mkdir()
    watchlist.mkdir()
    for path in (identity / DEVICE_KEY, identity / "device.pem", tmp_path / "data-key", watchlist / "current"):
        path.write_bytes(SECRET)
    database = tmp_path / "records.db"
    belongings = Belongings(identity, (identity / DEVICE_KEY, tmp_path / "data-key"), database, watchlist)
    records = await Records.open(database)
    erased: list[str] = []

    def erase() -> int:
        return erase_all(belongings, lambda path: erased.append(path.name), tmp_path / "none")

    with pytest.raises(ProvisioningError) as caught:
        await asyncio.to_thread(erase)
    assert caught.value.reason is Reason.BUSY
    assert (identity / DEVICE_KEY).read_bytes() == SECRET, "nothing was erased beside a running daemon"
    await records.close()
    await asyncio.to_thread(erase)
    assert erased[:2] == [DEVICE_KEY, "data-key"]
    assert await asyncio.to_thread(lambda: [path for path in tmp_path.rglob("*") if path.is_file()]) == []
