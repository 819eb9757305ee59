"""Makes pictures of the screens: every page in every state that it has.

``python -m tests.console.screens FOLDER`` writes them at their real sizes, for looking at them; ``--docs`` as the
documentation keeps them, smaller, with a page that shows them all. Needs Chromium; see scripts/screens.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from hotspotd.cli.measuring import progress_bar
from tests.console.chromium import CHROMIUM_ARGUMENTS, chromium
from tests.console.screens.files import gallery, shrink
from tests.console.screens.scenes import SCENES, Scene
from tests.console.screens.showing import shown


async def take(scene: Scene, browser: Browser, target: Path) -> None:
    """Make the picture of ``scene``."""
    async with shown(scene, browser) as page:
        # Pictures are fetched by the page after it is drawn; the mirror's first frame comes after that.
        await page.wait_for_timeout(600)
        await page.screenshot(path=target / f"{scene.name}.png")


async def main() -> None:
    """Make the pictures that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where they go")
    parser.add_argument("--docs", action="store_true", help="small, and with a page that shows them")
    parser.add_argument("--only", default="", help="only those whose name holds this")
    wishes = parser.parse_args()
    program = chromium()
    if program is None:
        raise SystemExit("No Chromium found. On Debian: apt-get install chromium")
    wishes.folder.mkdir(parents=True, exist_ok=True)
    scenes = [scene for scene in SCENES if wishes.only in scene.name]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(CHROMIUM_ARGUMENTS))
        with progress_bar() as bar:
            for scene in bar.track(scenes, description="pictures"):
                await take(scene, browser, wishes.folder)
                if wishes.docs:
                    await asyncio.to_thread(shrink, wishes.folder / f"{scene.name}.png")
        await browser.close()
    if wishes.docs:
        (wishes.folder / "README.md").write_text(gallery([scene.name for scene in SCENES]), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
