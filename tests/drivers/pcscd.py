"""The real pcscd with vsmartcard's virtual reader, apart from the machine's own.

pcscd has a fixed folder for its socket: it gets another one in a mount namespace of its own. libpcsclite reads where
that is (PCSCLITE_CSOCK_NAME) once in a process, so all tests of a process share one folder, one pcscd after the other.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

import pytest

READER = "Virtual PCD 00 00"
_LIBRARY = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
_OWN = Path("/run/pcscd")
_STARTED_S = 20.0


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="pcscd-"))
    (folder / "run").mkdir()
    (folder / "conf").mkdir()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["PCSCLITE_CSOCK_NAME"] = str(folder / "run" / "pcscd.comm")
    return folder


def need_pcscd() -> None:
    """Skip where pcscd, the virtual reader or pyscard is not installed, or no mount namespace may be made."""
    if shutil.which("pcscd") is None or not _LIBRARY.exists():
        pytest.skip("no pcscd with a virtual reader: apt-get install pcscd vsmartcard-vpcd")
    pytest.importorskip("smartcard.scard", reason="no pyscard: apt-get install python3-pyscard")
    made = subprocess.run([*_apart(), "true"], capture_output=True, check=False)
    if made.returncode != 0 or not (_OWN.is_dir() or os.geteuid() == 0):
        pytest.skip("pcscd needs a mount namespace of its own here, and none may be made: run the tests as root")


def _apart() -> list[str]:
    return ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]


class Pcscd:
    """One pcscd with two virtual readers, on ``port`` and the next one."""

    def __init__(self) -> None:
        self.port = _two_free_ports()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        folder = _folder()
        (folder / "conf" / "vpcd").write_text(
            'FRIENDLYNAME "Virtual PCD"\n'
            f"DEVICENAME /dev/null:0x{self.port:X}\nLIBPATH {_LIBRARY}\nCHANNELID 0x{self.port:X}\n"
        )
        if os.geteuid() == 0:
            _OWN.mkdir(exist_ok=True)
        script = 'mount --bind "$1" /run/pcscd && exec pcscd --foreground --config "$2"'
        self._process = subprocess.Popen(
            [*_apart(), "sh", "-c", script, "sh", str(folder / "run"), str(folder / "conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + _STARTED_S
        while not (_listens(folder / "run" / "pcscd.comm") and _reads(self.port)):
            assert self._process.poll() is None, "pcscd ended at once"
            assert time.monotonic() < end, "pcscd does not listen"
            time.sleep(0.02)

    def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as one, contextlib.suppress(OSError):
        one.connect(str(path))
        return True
    return False


def _reads(port: int) -> bool:
    """Whether vpcd listens; by the kernel's table, since a connection would be a card."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:] + Path("/proc/net/tcp6").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in lines)


def _two_free_ports() -> int:
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            with contextlib.suppress(OSError, OverflowError):
                other.bind(("127.0.0.1", port + 1))
                return port
