"""A scene's page, open in a browser."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

from playwright.async_api import Browser, Page

from hotspotd.biometrics.face import FaceEngine
from hotspotd.gateway.authority import Authority
from hotspotd.updates.wishing import Wishing
from hotspotd.workers import Worker
from tests.console.kiosk import of_two_persons, running, with_lanes
from tests.console.screens import tools
from tests.console.screens.scenes import TWO_LANES, Scene
from tests.updates.machine import Machine


def enrolled(folder: Path) -> None:
    """Put the certificates into ``folder`` that the kiosk's configuration names."""
    authority = Authority.create(folder)
    authority.issue_device("korcula-1")
    for suffix in ("pem", "key"):
        (folder / f"korcula-1.{suffix}").rename(folder / f"device.{suffix}")


READY = {
    "/guard": "#lanes li",
    "/technician": "#summary[data-is]",
    "/set-up": ".onward",
    "/people": "#people tr",
    "/audit": "#facts dt",
    "/traveller": "body:not([data-state='starting']) .foot:not([inert])",
}
"""What is there when a page has drawn itself."""


@asynccontextmanager
async def installed(folder: Path) -> AsyncIterator[Wishing]:
    """The software of a machine on which it was installed, with a newer version published."""
    machine = await asyncio.to_thread(Machine, folder / "machine")
    await asyncio.to_thread(machine.publish, "0.3.0")
    worker = Worker("software")
    yield Wishing(worker, machine.clock, machine.places, lambda _: asyncio.to_thread(machine.obeys))
    worker.close()


@asynccontextmanager
async def shown(scene: Scene, browser: Browser, watch: Callable[[Page], None] = lambda _: None) -> AsyncIterator[Page]:
    """The page of ``scene``, as it is; ``watch`` is given it before it loads anything."""
    settings = of_two_persons(scene.mode) if scene.two else None
    if scene.lanes != TWO_LANES:
        settings = with_lanes(scene.lanes)
    with tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(enrolled, Path(folder))
        faces, searched = await asyncio.to_thread(FaceEngine.open), await tools.built()
        async with (
            installed(Path(folder)) if scene.path == "/technician" else nullcontext() as updates,
            running(
                Path(folder), mode=scene.mode, searched=searched, settings=settings, faces=faces, updates=updates
            ) as kiosk,
        ):
            await scene.setup(kiosk)
            width, height = scene.size
            context = await browser.new_context(
                viewport={"width": width, "height": height}, reduced_motion="reduce", timezone_id="Europe/Zagreb"
            )
            if scene.signed_in:
                await kiosk.sign_in(context, *scene.roles)
            page = await context.new_page()
            watch(page)
            await page.goto(f"{kiosk.origin}{scene.path}")
            ready = next((shown for path, shown in READY.items() if scene.path.startswith(path)), "body")
            await page.wait_for_selector(ready)
            if scene.act:
                await scene.act(page)
            if scene.lose:
                await kiosk.console.stop()
                await page.wait_for_selector("body[data-lost], body[data-state='lost']")
            yield page
            await context.close()
