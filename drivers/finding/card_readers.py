"""Smart card readers, as PC/SC lists them."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any
from urllib.parse import quote

from drivers.base import DriverError, DriverReason
from drivers.finding import Found


async def find() -> list[Found]:
    """The card readers of this machine. Raises DriverError (MISSING_LIBRARY; LOST where pcscd does not run)."""
    return await asyncio.to_thread(_readers)


def _readers() -> list[Found]:
    try:
        system: Any = import_module("smartcard.System")
        errors: Any = import_module("smartcard.pcsc.PCSCExceptions")
    except ImportError as error:
        raise DriverError(
            DriverReason.MISSING_LIBRARY, "pyscard is not installed", "apt install pcscd python3-pyscard"
        ) from error
    try:
        return [Found(str(reader), f"pcsc:///{quote(str(reader))}") for reader in system.readers()]
    except errors.BaseSCardException as error:
        raise DriverError(DriverReason.LOST, "the PC/SC service does not answer", "systemctl start pcscd") from error
