"""The tests' own pcscd: one folder for all of a process, since libpcsclite looks once where it is."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest

from drivers.emulators import pcscd
from drivers.emulators.pcscd import READER, Pcscd

__all__ = ["READER", "Pcscd", "need_pcscd", "own_pcscd"]


def need_pcscd() -> None:
    """Skip where pcscd, the virtual reader or pyscard is not installed, or no mount namespace may be made."""
    if why := pcscd.missing():
        pytest.skip(why)
    pytest.importorskip("smartcard.scard", reason="no pyscard: apt-get install python3-pyscard")


def own_pcscd() -> Pcscd:
    """One that is not started yet. Those of a process run one after the other."""
    return Pcscd(_folder())


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="pcscd-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ[pcscd.SOCKET_VARIABLE] = str(Pcscd(folder).socket)
    return folder
