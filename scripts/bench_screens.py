"""How soon an alert is on the officers' pages after it was raised, and how soon they say that the daemon is lost.

A kiosk with 8 lanes and 50 open alerts, its records on disk, runs in a process of its own, and each lane changes twice
a second. Two officers' pages are open in Chromium. The streams of eight travellers' pages, a technician's and a
people's are read too, but drawn by nobody: those screens are other machines. An alert is raised when the transaction
that holds it is on disk; it is on the screen when the browser has made the frame with its line in it. Both are read
from the same clock. Then the daemon is killed. docs/screens.md has the figures.

./scripts/bench screens [--alerts 200] [--runs 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from playwright.async_api import Browser, Page, async_playwright

from hotspotd.console.gate import COOKIE
from hotspotd.domain.rights import Role
from hotspotd.domain.verdict import Outcome, ReferReason, Verdict
from hotspotd.events import AlertChanged, EncounterChanged, LaneState, Prompt
from hotspotd.records.model import Decision
from tests.console.chromium import CHROMIUM_ARGUMENTS, chromium
from tests.console.kiosk import Kiosk, config, finger_hit, running

LANES: Final = 8
OPEN_ALERTS: Final = 50
GUARDS: Final = 2
_REFERRED: Final = Verdict(outcome=Outcome.REFER, reasons=(ReferReason.HIT,), hits=(finger_hit(),), compute_ms=84.0)
_TRIES: Final = 1200

# Notes for each alert when the frame with its line was made, and the same of the words that the kiosk is lost.
_OBSERVER: Final = """
window.shownAt = {};
window.lostAt = null;
const framed = (act) => requestAnimationFrame(() => setTimeout(() => act(performance.timeOrigin + performance.now())));
new MutationObserver(() => {
  const fresh = [...document.querySelectorAll("#alerts [data-alert]")].map((one) => one.dataset.alert);
  for (const id of fresh.filter((each) => !(each in window.shownAt))) {
    window.shownAt[id] = null;
    framed((at) => { window.shownAt[id] = at; });
  }
  if (window.lostAt === null && document.body?.hasAttribute("data-lost")) {
    window.lostAt = 0;
    framed((at) => { window.lostAt = at; });
  }
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-lost"] });
"""

# --- the kiosk's process ---------------------------------------------------------------------------------------------


async def serve(folder: Path, alerts: int) -> None:
    """Run a kiosk; when told to, raise ``alerts`` alerts and say when each was on disk."""
    settings = config()
    lanes = tuple(msgspec.structs.replace(settings.lanes[0], name=f"lane-{n}") for n in range(1, LANES + 1))
    rng = random.Random(7)
    async with running(folder, settings=msgspec.structs.replace(settings, lanes=lanes)) as kiosk:
        waiting = [await _raise(kiosk, number) for number in range(OPEN_ALERTS)]
        _say({"origin": kiosk.origin, "token": kiosk.signed(*Role)})
        bustle = asyncio.create_task(_bustle(kiosk))
        await asyncio.to_thread(sys.stdin.readline)
        for number in range(alerts):
            await asyncio.sleep(rng.uniform(0.05, 0.4))
            waiting.append(await _raise(kiosk, number))
            # As many stay open as there were.
            await _decide(kiosk, waiting.pop(0))
        _say({"done": True})
        await bustle


async def _raise(kiosk: Kiosk, number: int) -> int:
    encounter = await kiosk.encounter(f"lane-{1 + number % LANES}")
    (alert,) = await kiosk.records.record_verdict(encounter.encounter_id, _REFERRED)
    at = time.time() * 1000
    kiosk.events.publish(EncounterChanged(encounter_id=encounter.encounter_id, lane=encounter.lane))
    kiosk.events.publish(AlertChanged(alert_id=alert, encounter_id=encounter.encounter_id, state="open"))
    _say({"alert": alert, "at": at})
    return alert


async def _decide(kiosk: Kiosk, alert_id: int) -> None:
    alert = await kiosk.records.decide(alert_id, Decision.CONFIRM, "", "badge 1")
    changed = AlertChanged(alert_id=alert_id, encounter_id=alert.encounter_id, state=alert.state)
    kiosk.events.publish(changed)


async def _bustle(kiosk: Kiosk) -> None:
    """Travellers come and go in every lane."""
    steps = (
        (LaneState.IDLE, Prompt.PLACE_DOCUMENT),
        (LaneState.FACE, Prompt.COME_CLOSER),
        (LaneState.FACE, Prompt.HOLD_STILL),
        (LaneState.CHECKING, Prompt.WAIT),
    )
    turn = 0
    while True:
        for lane in kiosk.lanes.values():
            lane.show(*steps[turn % len(steps)])
            await asyncio.sleep(0.5 / LANES)
            turn += 1
        kiosk.link(up=True, queued=turn % 3)


def _say(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


# --- the browser's ---------------------------------------------------------------------------------------------------


async def one_run(browser: Browser, alerts: int) -> tuple[list[float], list[float]]:
    """Milliseconds from raised to shown, for every alert and officers' page, and from the kill to each page's words."""
    with tempfile.TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "--serve", folder, "--alerts", str(alerts), stdin=PIPE, stdout=PIPE
        )
        try:
            return await _measured(process, browser)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            for context in browser.contexts:
                await context.close()


async def _measured(process: Process, browser: Browser) -> tuple[list[float], list[float]]:
    raised: dict[str, float] = {}
    while "origin" not in (told := await _heard(process)):
        pass  # Those that were open before.
    others = asyncio.create_task(_others(told["origin"], told["token"]))
    guards = await _opened(browser, told["origin"], told["token"])
    if process.stdin is not None:
        process.stdin.write(b"begin\n")
    while "done" not in (told := await _heard(process)):
        raised[str(told["alert"])] = told["at"]
    waits: list[float] = []
    for page in guards:
        await _until(page, f"{json.dumps(list(raised))}.every((id) => window.shownAt[id])")
        shown = await page.evaluate("window.shownAt")
        waits += [shown[alert] - at for alert, at in raised.items()]
    if others.done():
        others.result()
    process.kill()
    killed = time.time() * 1000
    losses = []
    for page in guards:
        await _until(page, "window.lostAt")
        losses.append(await page.evaluate("window.lostAt") - killed)
    with suppress(aiohttp.ClientError):
        await others
    return waits, losses


async def _opened(browser: Browser, origin: str, token: str) -> list[Page]:
    """The officers' pages."""
    guards = []
    for _ in range(GUARDS):
        # A browser has six connections to a host for all its pages: each screen is another browser.
        context = await browser.new_context(viewport={"width": 1920, "height": 1080})
        await context.add_cookies([{"name": COOKIE, "value": token, "url": origin}])
        await context.add_init_script(_OBSERVER)
        page = await context.new_page()
        await page.goto(f"{origin}/guard")
        await page.locator("#alerts [data-alert]").nth(OPEN_ALERTS - 1).wait_for()
        guards.append(page)
    return guards


async def _others(origin: str, token: str) -> None:
    """Read the streams of the other screens until they end."""
    paths = [f"/traveller/lane-{number}/events" for number in range(1, LANES + 1)]
    forever = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        origin, headers={"Authorization": f"Bearer {token}"}, timeout=forever, connector=connector
    ) as client:

        async def read(path: str) -> None:
            async with client.get(path) as stream:
                stream.raise_for_status()
                async for _ in stream.content:
                    pass

        await asyncio.gather(*(read(path) for path in (*paths, "/technician/events", "/people/events")))


async def _until(page: Page, condition: str) -> None:
    for _ in range(_TRIES):
        if await page.evaluate(f"Boolean({condition})"):
            return
        await asyncio.sleep(0.05)
    raise SystemExit(f"A page did not come to {condition[-60:]}.")


async def _heard(process: Process) -> dict[str, Any]:
    line = await process.stdout.readline() if process.stdout is not None else b""
    if not line:
        raise SystemExit("The kiosk's process ended before the measurement did.")
    told: dict[str, Any] = json.loads(line)
    return told


async def measure(alerts: int, runs: int) -> dict[str, Any]:
    """The figures of ``runs`` runs together."""
    program = chromium()
    if program is None:
        raise SystemExit("No Chromium found. On Debian: apt-get install chromium")
    waits: list[float] = []
    losses: list[float] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(CHROMIUM_ARGUMENTS))
        for _ in range(runs):
            shown, lost = await one_run(browser, alerts)
            waits += shown
            losses += lost
        await browser.close()
    at = statistics.quantiles(waits, n=100)
    return {
        "lanes": LANES,
        "open_alerts": OPEN_ALERTS,
        "alerts": alerts * runs,
        "seen": len(waits),
        "shown_ms": {"p50": round(at[49]), "p95": round(at[94]), "p99": round(at[98]), "most": round(max(waits))},
        "lost_ms": {"p50": round(statistics.median(losses)), "most": round(max(losses))},
        "load": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=200, help="raised in each run")
    parser.add_argument("--runs", type=int, default=3, help="each with a daemon of its own, which is killed at the end")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    parser.add_argument("--serve", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    wishes = parser.parse_args()
    if wishes.serve is not None:
        asyncio.run(serve(wishes.serve, wishes.alerts))
        return
    figures = asyncio.run(measure(wishes.alerts, wishes.runs))
    shown, lost = figures["shown_ms"], figures["lost_ms"]
    print(f"{LANES} lanes, {OPEN_ALERTS} open alerts, {GUARDS} officers' pages; {figures['seen']} sights of an alert")
    print(
        f"raised to shown: p50 {shown['p50']} ms, p95 {shown['p95']} ms, p99 {shown['p99']}, at most {shown['most']} ms"
    )
    print(f"killed to said so: p50 {lost['p50']} ms, at most {lost['most']} ms")
    print(f"load {figures['load']} on {figures['cores']} cores")
    if wishes.json is not None:
        wishes.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
