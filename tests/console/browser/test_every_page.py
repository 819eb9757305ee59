"""Every page in the states it has: nothing keeps people from using it (axe-core), nothing is heavy, nothing complains.

axe-core is a tool of the tests. It is put into the page by the browser's debugger, which the page's security policy
does not bind: no policy is switched off for it.
"""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser

from tests.console.browser.browsing import BROWSER, MOST_BYTES, Window
from tests.console.screens.scenes import SCENES, Scene
from tests.console.screens.showing import shown

pytestmark = [*BROWSER, pytest.mark.timeout(300)]

# Each page with all that it can have open: of what differs in data alone, one. Looked at for a minute, not for five.
_WALKED = (
    "index", "key", "sign-in", "sign-in-change",
    "traveller-document-training", "traveller-finger", "traveller-in-ar", "traveller-languages",
    "guard-empty", "guard-warned", "guard-trouble", "guard-dismiss", "guard-keys", "guard-lost", "guard-second-person",
    "guard-second-line", "guard-eight-lanes", "guard-take-over", "guard-look-up", "guard-note",
    "technician-set-aside", "technician-lost", "set-up-language", "set-up-time-phone", "set-up-traveller",
    "people", "people-pin", "audit", "audit-damaged",
)  # fmt: skip


async def faults(scene: Scene, browser: Browser) -> list[str]:
    """What is wrong with the page of ``scene``."""
    windows: list[Window] = []
    async with shown(scene, browser, lambda page: windows.append(Window(page))) as page:
        found = [
            f"{scene.name}: {violation['id']}: {violation['help']}: "
            + "; ".join(str(node["html"])[:160] for node in violation["nodes"][:4])
            for violation in (await Axe().run(page)).response["violations"]
        ]
        weight = await windows[0].weight()
        if weight > MOST_BYTES:
            found.append(f"{scene.name}: weighs {weight} bytes")
        # A page that loses the kiosk, or is refused something, is told so by the browser too.
        expected = r"Failed to load resource|net::ERR" if scene.lose or scene.name == "people-small" else r"$^"
        found += [f"{scene.name}: {said}" for said in windows[0].complaints if not re.search(expected, said)]
    return found


async def test_no_page_keeps_anybody_out_weighs_much_or_complains(browser: Browser) -> None:
    scenes = {scene.name: scene for scene in SCENES}
    walked = [scenes[name] for name in _WALKED]
    addresses = {scene.path.partition("#")[0] for scene in SCENES}
    assert {scene.path.partition("#")[0] for scene in walked} == addresses, (
        "a page is in tests/console/screens/scenes.py and not walked"
    )
    found: list[str] = []
    for scene in walked:
        found += await faults(scene, browser)
    assert not found, "\n".join(found)
