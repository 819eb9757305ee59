"""The real pcscd with vsmartcard's virtual reader, apart from the machine's own. Blocking: not for an event loop.

pcscd has a fixed folder for its socket: it is given another one in a mount namespace of its own, for which root or user
namespaces are needed. Programs find it by ``PCSCLITE_CSOCK_NAME``, which libpcsclite reads once in a process.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

READER = "Virtual PCD 00 00"
PACKAGES = "pcscd vsmartcard-vpcd python3-pyscard"
SOCKET_VARIABLE = "PCSCLITE_CSOCK_NAME"
_LIBRARY = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
_OWN = Path("/run/pcscd")
_START_S = 20.0
_STOP_S = 5.0
_SCRIPT = 'mount --bind "$1" /run/pcscd && exec pcscd --foreground --config "$2"'


def missing() -> str:
    """What keeps a pcscd of one's own from running here; empty where nothing does."""
    if shutil.which("pcscd") is None or not _LIBRARY.exists():
        return f"no pcscd with a virtual reader: apt-get install {PACKAGES}"
    made = subprocess.run([*_apart(), "true"], capture_output=True, check=False)  # noqa: S603  # Our own words.
    if made.returncode != 0 or not (_OWN.is_dir() or os.geteuid() == 0):
        return "pcscd needs a mount namespace of its own, and none may be made: run this as root"
    return ""


class Pcscd:
    """One pcscd with two virtual readers, which listen on ``port`` and the next one for their cards."""

    def __init__(self, folder: Path) -> None:
        self.port = _two_free_ports()
        self.socket = folder / "run" / "pcscd.comm"
        self._configuration = folder / "conf"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens. Raises OSError."""
        self.socket.parent.mkdir(parents=True, exist_ok=True)
        self._configuration.mkdir(exist_ok=True)
        (self._configuration / "vpcd").write_text(
            'FRIENDLYNAME "Virtual PCD"\n'
            f"DEVICENAME /dev/null:0x{self.port:X}\nLIBPATH {_LIBRARY}\nCHANNELID 0x{self.port:X}\n",
            encoding="ascii",
        )
        if os.geteuid() == 0:
            _OWN.mkdir(exist_ok=True)
        self._process = subprocess.Popen(  # noqa: S603  # Our own words.
            [*_apart(), "sh", "-c", _SCRIPT, "sh", str(self.socket.parent), str(self._configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        end = time.monotonic() + _START_S
        while not (_listens(self.socket) and _reads(self.port)):
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise OSError("pcscd does not start")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _apart() -> list[str]:
    return ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as one, contextlib.suppress(OSError):
        one.connect(str(path))
        return True
    return False


def _reads(port: int) -> bool:
    """Whether vpcd listens; by the kernel's table, since a connection would be a card."""
    rows = [row.split() for name in ("tcp", "tcp6") for row in Path("/proc/net", name).read_text("ascii").splitlines()]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def _two_free_ports() -> int:
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            with contextlib.suppress(OSError, OverflowError):
                other.bind(("127.0.0.1", port + 1))
                return port
