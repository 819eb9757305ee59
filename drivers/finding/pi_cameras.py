"""Raspberry Pi camera modules, as libcamera lists them."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from drivers.base import DriverError, DriverReason
from drivers.finding import Found


async def find() -> list[Found]:
    """The camera modules of this machine. Raises DriverError (MISSING_LIBRARY)."""
    return await asyncio.to_thread(_modules)


def _modules() -> list[Found]:
    try:
        picamera2: Any = import_module("picamera2")
    except ImportError as error:
        raise DriverError(
            DriverReason.MISSING_LIBRARY,
            "picamera2 is not installed",
            "on a Raspberry Pi: apt install python3-picamera2",
        ) from error
    listed = picamera2.Picamera2.global_camera_info()
    return [
        Found(str(one.get("Model", "camera")), f"picamera2:///{one['Num']}")
        for one in listed
        # libcamera lists USB cameras too; those are the other driver's.
        if "usb" not in str(one.get("Id", "")).lower()
    ]
