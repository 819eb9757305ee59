"""The bureau's officer at the hit desk: opens pages as a browser does, and sends their forms."""

from __future__ import annotations

import re
from types import TracebackType
from typing import Self

import aiohttp

_HIT = re.compile(r'href="/hits/(\d+)"')
_TOKEN = re.compile(r'name="token" value="([^"]+)"')
# The desk asks for the officer's badge number with each decision.
_BADGE = "NCB-0417"


class Bureau:
    """One officer at the desk on ``url``."""

    def __init__(self, url: str) -> None:
        self.url = url
        # The desk is on 127.0.0.1, and cookies of plain addresses are unsafe elsewhere.
        self._http = aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def __aenter__(self) -> Self:
        """Sit down."""
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Go home."""
        await self._http.close()

    async def hit_of(self, tcn: str) -> int | None:
        """The first of the waiting hits that is of this transaction; ``None`` where there is none yet."""
        for found in dict.fromkeys(_HIT.findall(await self._page("/"))):
            page = await self._page(f"/hits/{found}")
            if tcn in page and _TOKEN.search(page):
                return int(found)
        return None

    async def confirm(self, hit: int, reason: str) -> None:
        """Confirm it."""
        token = _TOKEN.search(await self._page(f"/hits/{hit}"))
        if token is None:
            raise RuntimeError(f"the desk takes no decision on hit {hit}")
        form = {"token": token.group(1), "ruling": "confirmed", "by": _BADGE, "reason": reason}
        async with self._http.post(f"/hits/{hit}", data=form, headers={"Origin": self.url}) as answer:
            answer.raise_for_status()

    async def _page(self, path: str) -> str:
        async with self._http.get(path) as answer:
            answer.raise_for_status()
            return await answer.text()
