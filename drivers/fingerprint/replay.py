"""A folder of pictures as a fingerprint scanner: each capture gives the next picture in name order.

Address: ``replay:///folder?dpi=500``. An empty folder is glass without a finger: ``capture`` waits for a picture.
"""

from __future__ import annotations

from pathlib import Path

import cv2

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DriverError, DriverReason, FingerImage, FingerprintScanner
from drivers.image_folder import ImageFolder
from drivers.worker import DeviceWorker, Token

_POLL_S = 0.1


class ReplayScanner(FingerprintScanner):
    """One folder."""

    def __init__(self, address: DeviceAddress) -> None:
        address.require("replay", frozenset({"dpi"}))
        self._address = address
        self._dpi = address.integer("dpi", 500, 250, 1000)
        self._folder = ImageFolder(Path(address.path), cv2.IMREAD_GRAYSCALE)
        self._worker = DeviceWorker(f"replay scanner {address.path}")

    async def open(self) -> DeviceInfo:
        """Raises DriverError (ABSENT) where there is no such folder."""
        await self.close()
        self._worker.start()
        try:
            await self._worker.run(lambda _: self._folder.require())
        except BaseException:
            await self.close()
            raise
        return DeviceInfo("replay", str(self._address), model="pictures of a folder", details={"dpi": str(self._dpi)})

    async def close(self) -> None:
        """Stop waiting."""
        await self._worker.close(lambda: None)

    async def capture(self) -> FingerImage:
        """The next picture, 256 levels."""
        return await self._worker.run(self._capture)

    async def wait_lifted(self) -> None:
        """Return at once: a picture does not stay on the glass."""

    def _capture(self, token: Token) -> FingerImage:
        while (pixels := self._folder.next()) is None:
            if not self._folder.there():
                raise DriverError(DriverReason.LOST, f"the folder {self._address.path} has gone", "put it back")
            token.pause(_POLL_S)
        return FingerImage(pixels, self._dpi)
