"""A repository over the gateway's HTTP service, and its freshness: ``GET /v1/NAME/metadata|targets/...``.

The name is ``watchlist`` or ``software``.
"""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import timedelta
from pathlib import Path
from typing import Final

from aiohttp import web

from hotspotd.clock import Clock
from hotspotd.errors import HotspotError
from hotspotd.gateway.publication.key_ring import KeyRing
from hotspotd.gateway.publication.repository import TIMESTAMP_VALID, Repository

log = logging.getLogger(__name__)

_PATH: Final = re.compile(r"(metadata|targets)(/[A-Za-z0-9_][A-Za-z0-9._-]*){1,4}")
_LOOK_EVERY_S: Final = 3600.0
# A kiosk that fetches today has the rest of this time until it must fetch again.
_RENEW_BEFORE: Final = TIMESTAMP_VALID - timedelta(days=1)


class Serving:
    """One repository of ``what``, handed out, and renewed by the online key in ``keys`` while ``run`` runs."""

    name = "publication"

    def __init__(self, folder: Path, keys: Path, clock: Clock, what: str = "watchlist") -> None:
        self._what = what
        self._folder = folder
        self._repository = Repository(folder, clock)
        self._keys = keys
        self._clock = clock

    def add_to(self, application: web.Application) -> None:
        """Its routes."""
        application.router.add_get(f"/v1/{self._what}/{{path:.+}}", self._file)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if not _PATH.fullmatch(path):
            raise web.HTTPNotFound
        file = self._folder / path
        if not await asyncio.to_thread(file.is_file):
            raise web.HTTPNotFound
        return web.FileResponse(file)

    async def run(self) -> None:
        """Renew the metadata in good time, for ever. What cannot be renewed is said, and tried again."""
        while True:
            try:
                await asyncio.to_thread(self._renew_if_due)
            except (HotspotError, OSError) as error:
                log.error("the published %s could not be renewed: %s", self._what, error)
            await asyncio.sleep(_LOOK_EVERY_S)

    def _renew_if_due(self) -> None:
        if self._repository.expires() - self._clock.now().at < _RENEW_BEFORE:
            self._repository.renew(KeyRing.load([self._keys]))
