"""Secrets sealed by systemd-creds under a TPM: software TPMs (swtpm), real policies.

Run by ./scripts/test --system. Needs the Debian packages swtpm, tpm2-tools and libtss2-tcti-swtpm0.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hotspotd.errors import ProvisioningError, Reason
from hotspotd.provisioning import credentials
from hotspotd.provisioning.secrets import DEVICE_KEY, load_secret, new_secret, written

pytestmark = pytest.mark.system

# One that software may extend and that nothing else does (TCG PC Client, application support).
_REGISTER = "23"


@dataclass(frozen=True)
class Tpm:
    """A TPM that listens."""

    port: int

    @property
    def place(self) -> str:
        return f"swtpm:host=localhost,port={self.port}"

    def measure(self, what: str) -> None:
        """Extend the register, as a changed boot would."""
        digest = what.encode().hex().ljust(64, "0")
        subprocess.run(["tpm2_pcrextend", "-T", self.place, f"{_REGISTER}:sha256={digest}"], check=True, timeout=20)


@contextmanager
def _started(state: Path) -> Iterator[Tpm]:
    """A TPM whose keys are in ``state``: begun anew it is the same chip after a reboot."""
    for program, package in (("swtpm", "swtpm"), ("tpm2_pcrextend", "tpm2-tools"), ("systemd-creds", "systemd")):
        assert shutil.which(program), f"apt-get install {package} libtss2-tcti-swtpm0"
    state.mkdir(exist_ok=True)
    # The library takes the port above the command port for control.
    port = _two_free_ports()
    process = subprocess.Popen(
        [
            *("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}"),
            *("--server", f"type=tcp,port={port}", "--ctrl", f"type=tcp,port={port + 1}"),
            *("--flags", "not-need-init,startup-clear"),
        ]
    )
    try:
        _until_listening(port, process)
        yield Tpm(port)
    finally:
        process.terminate()
        process.wait(20)


def _two_free_ports() -> int:
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def _until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    # Seen in the kernel's table: a connection would be taken for the one that the TPM serves.
    wanted = f":{port:04X} 00000000:0000 0A"
    while wanted not in Path("/proc/net/tcp").read_text():
        assert process.poll() is None, "swtpm has ended"


def test_a_changed_register_or_another_chip_does_not_open_what_was_sealed(tmp_path: Path) -> None:
    secret = new_secret()
    store = tmp_path / "store"
    with _started(tmp_path / "chip") as tpm:
        tpm.measure("the kernel that was shipped")
        sealed = credentials.seal(DEVICE_KEY, written(secret), store=store, key="tpm2", pcrs=_REGISTER, tpm=tpm.place)
        assert written(secret).strip() not in sealed.read_bytes()
        assert credentials.unseal(DEVICE_KEY, sealed, tpm.place) == written(secret)
        tpm.measure("a kernel of a thief's")
        with pytest.raises(ProvisioningError) as caught:
            credentials.unseal(DEVICE_KEY, sealed, tpm.place)
        assert caught.value.reason is Reason.NO_KEY
    with _started(tmp_path / "chip") as tpm:
        tpm.measure("the kernel that was shipped")
        assert credentials.unseal(DEVICE_KEY, sealed, tpm.place) == written(secret), "the same boot opens it again"
        with pytest.raises(ProvisioningError):
            credentials.unseal("data-key", sealed, tpm.place)
    with _started(tmp_path / "other chip") as tpm:
        tpm.measure("the kernel that was shipped")
        with pytest.raises(ProvisioningError):
            credentials.unseal(DEVICE_KEY, sealed, tpm.place)


def test_what_was_sealed_before_stays_when_sealing_fails(tmp_path: Path) -> None:
    with _started(tmp_path / "chip") as tpm:
        first = new_secret()
        sealed = credentials.seal(DEVICE_KEY, written(first), store=tmp_path, key="tpm2", pcrs=_REGISTER, tpm=tpm.place)
    with pytest.raises(ProvisioningError):
        credentials.seal(DEVICE_KEY, written(new_secret()), store=tmp_path, key="tpm2", pcrs=_REGISTER, tpm=tpm.place)
    with _started(tmp_path / "chip") as tpm:
        assert credentials.unseal(DEVICE_KEY, sealed, tpm.place) == written(first)


def test_without_a_tpm_the_machines_key_seals_and_root_reads_it_at_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setattr(credentials, "STORE", tmp_path)
    secret = new_secret()
    credentials.seal(DEVICE_KEY, written(secret), key="host")
    assert load_secret(DEVICE_KEY, tmp_path / "none") == secret
