"""What a ``replay`` camera is: a video where the path ends as one, else a folder of pictures."""

from __future__ import annotations

from drivers.address import DeviceAddress
from drivers.base import Camera
from drivers.camera.replay import ReplayCamera
from drivers.camera.replay_video import ReplayVideoCamera

VIDEO_SUFFIXES = (".avi", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".webm")


def recorded(address: DeviceAddress) -> Camera:
    """The driver for this address. Raises DriverError (BAD_ADDRESS)."""
    return (ReplayVideoCamera if address.path.lower().endswith(VIDEO_SUFFIXES) else ReplayCamera)(address)
