"""From the officers' screen to a real lane and back: what an officer asks for is done, and the traveller stays calm."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import async_playwright, expect

from hotspotd.config import ConsoleSection
from hotspotd.console.gate import COOKIE
from hotspotd.console.server import Console
from hotspotd.domain.finger import FingerPosition, MissingReason
from hotspotd.domain.rights import Role
from hotspotd.events import LaneState, Prompt
from hotspotd.watchlist import Snapshot
from tests.console.chromium import CHROMIUM_ARGUMENTS, chromium
from tests.lane.harness import lane_on_the_bench, mrz

pytestmark = [
    pytest.mark.browser,
    # Playwright starts and reads a process on the loop.
    pytest.mark.blocking_allowed,
    pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine (apt-get install chromium)"),
]


async def test_an_officer_takes_a_traveller_over_skips_a_finger_and_lets_the_machine_go_on(
    tmp_path: Path, nobody_listed: Snapshot, print_image: NDArray[np.uint8]
) -> None:
    two = {"fingers": ("right_index", "right_middle")}
    async with lane_on_the_bench(tmp_path, snapshot=lambda: nobody_listed, operation=two) as bench:
        config = msgspec.structs.replace(bench.shared.config, console=ConsoleSection(port=0))
        console = Console(config, bench.events, bench.records, {"lane-1": bench.lane}, lambda: None)
        await console.start()
        origin = f"http://127.0.0.1:{console.port}"
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_ARGUMENTS))
                context = await browser.new_context(viewport={"width": 1920, "height": 1080})
                token = console.sessions.begin("4711", [Role.GUARD])[0]
                await context.add_cookies([{"name": COOKIE, "value": token, "url": origin}])
                officer, traveller = await context.new_page(), await context.new_page()
                await traveller.goto(f"{origin}/traveller/lane-1")
                await officer.goto(f"{origin}/guard")
                await bench.reader.present(mrz())
                await expect(traveller.locator("#prompt")).to_contain_text("right index finger")
                dialog = officer.locator("#lane")
                await expect(officer.locator('#lanes [data-lane="lane-1"]')).to_be_visible()
                await officer.keyboard.press("t")
                await expect(dialog.locator("[data-act=take_over]")).to_be_visible()
                await officer.keyboard.press("t")
                await expect(dialog.locator("[data-act=skip_finger]")).to_be_visible()
                await expect(traveller.locator("#prompt")).to_have_text("An officer will help you")
                await officer.keyboard.press("s")
                await dialog.get_by_label("right index").check()
                await officer.keyboard.press("2")
                await expect(dialog.locator("[data-act=go_on]")).to_be_visible()
                await officer.keyboard.press("g")
                await expect(dialog).to_be_hidden()
                await expect(traveller.locator("#prompt")).to_contain_text("right middle finger")
                await bench.until_state(LaneState.OFFICER)
                await bench.until_state(LaneState.FINGER, Prompt.PLACE_FINGER)
                await bench.touch(print_image)
                # Nothing was found, and the machine lets nobody go all the same.
                await expect(officer.locator(".alert h1")).to_have_text("An officer went on without everything")
                told = officer.locator(".alert .source")
                await expect(told).to_contain_text("Officer, badge 4711: right index skipped (Amputated)")
                await expect(traveller.locator("#prompt")).to_have_text("An officer will help you")
                await officer.keyboard.press("n")
                await expect(traveller.locator("#prompt")).to_have_text("Put your document on the reader")
                await browser.close()
        finally:
            await console.stop()
        stored = await bench.records.encounter((await bench.latest()).encounter_id)
        missing = {one.position: one.missing for one in stored.encounter.samples}
        assert missing == {FingerPosition.RIGHT_INDEX: MissingReason.UNABLE, FingerPosition.RIGHT_MIDDLE: None}
        assert stored.released_at is not None
