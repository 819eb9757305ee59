"""Keeps the identity of a running device fresh, and takes up one that somebody else has put there.

After two thirds of a certificate's time the next one is asked for, every hour until it is there. The daemon goes on
meanwhile under the one it has, and goes over to the new one without a restart.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from hotspotd.clock import Clock
from hotspotd.errors import HotspotError
from hotspotd.provisioning.certificates import renewal_due
from hotspotd.provisioning.enrolment import renew
from hotspotd.provisioning.identity import IdentityFolder

log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 5.0
_ASK_EVERY_S: Final = 3600.0


class Renewal:
    """One device's. ``in_use`` gives the certificate (DER) that is used now, ``switch`` goes over to that on disk."""

    def __init__(
        self, folder: IdentityFolder, clock: Clock, in_use: Callable[[], bytes], switch: Callable[[], Awaitable[None]]
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._in_use = in_use
        self._switch = switch
        self._asked_at: float | None = None
        self._problem = ""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except (HotspotError, OSError) as error:
                told = str(error)
                log.log(logging.DEBUG if told == self._problem else logging.WARNING, "device certificate: %s", told)
                self._problem = told
            else:
                self._problem = ""
            await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> None:
        """Take up what is on disk, if it is another identity; ask for the next one, if it is time.

        Raises ProvisioningError, ConfigError, RecordsError, OSError.
        """
        certificate = await asyncio.to_thread(self._folder.certificate)
        if certificate.public_bytes(Encoding.DER) != self._in_use():
            await self._take_up()
        now, steady = self._clock.now(), self._clock.monotonic()
        asked_lately = self._asked_at is not None and steady - self._asked_at < _ASK_EVERY_S
        # With a clock that is not set nothing is due, and whoever were asked could not be believed.
        if asked_lately or not now.trusted or now.at < renewal_due(certificate):
            return
        self._asked_at = steady
        renewed = await renew(self._folder, self._clock)
        log.info("this device has a new certificate, until %s", renewed.not_valid_after_utc.date())
        await self._take_up()

    async def _take_up(self) -> None:
        await self._switch()
        log.info("this device goes on under the certificate that is on disk")
