"""Both pages in a real Chromium while real processes serve a traveller: nothing is reloaded, nothing is mocked."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from demonstration.play import Visit
from demonstration.stage import BADGE, Stage
from demonstration.travellers import TRAVELLERS, Traveller
from demonstration.world import LANE
from playwright.async_api import Browser, Page, async_playwright, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
_CHROMIUM = shutil.which("chromium")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_PATIENCE_MS = 30_000
# Bytes of a page with everything that it loads, unpacked.
_HEAVIEST = 200_000


def _traveller(key: str) -> Traveller:
    return next(traveller for traveller in TRAVELLERS if traveller.key == key)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One for all tests here, which leave no alert open that the next would mind."""
    async with Stage(tmp_path_factory.mktemp("world"), say=lambda _: None, only="acf") as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    if _CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)
        yield started
        await started.close()


async def _signed_in(browser: Browser, stage: Stage, path: str, problems: list[str]) -> Page:
    """The page at ``path``, at which somebody has just signed in, as a person does."""
    page = await _open(browser, f"{stage.url}{path}", 1920, 1080, problems)
    await page.fill("#badge", BADGE)
    await page.fill("#secret", stage.pin)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{stage.url}{path}")
    await page.evaluate("window.notReloaded = true")
    return page


async def _open(browser: Browser, url: str, width: int, height: int, problems: list[str]) -> Page:
    context = await browser.new_context(viewport={"width": width, "height": height})
    page = await context.new_page()
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    await page.goto(url)
    # A mark that a reload would wipe away.
    await page.evaluate("window.notReloaded = true")
    return page


async def test_the_technician_sees_the_link_the_devices_and_that_nothing_stands_still(
    stage: Stage, browser: Browser
) -> None:
    problems: list[str] = []
    technician = await _signed_in(browser, stage, "/technician", problems)
    await expect(technician.locator("#gateway .head")).to_have_text("Connected by fibre", timeout=_PATIENCE_MS)
    await expect(technician.locator("#lanes .device[data-is='ready']").first).to_be_visible(timeout=_PATIENCE_MS)
    # Before anybody is served: a lane with a traveller in it is not to be had.
    await _tries_devices_and_a_link(technician, stage)
    result = await Visit(stage, _traveller("a"), lambda _: None).play()
    assert result.ok, result.problems
    # The check, and the checkpoint of the audit chain that was made at the start.
    await expect(technician.locator("#states")).to_contain_text("Answered2", timeout=_PATIENCE_MS)
    await expect(technician.locator("#aside")).to_contain_text("Nothing is set aside.")
    assert await technician.evaluate("window.notReloaded")

    await _takes_a_support_bundle(technician)
    await _sets_up(technician, stage)
    assert problems == []


async def _tries_devices_and_a_link(page: Page, stage: Stage) -> None:
    await page.click(f"#lanes [data-lane='{LANE}'] [data-act='hold']")
    preview = page.locator(".preview")
    await expect(preview).to_be_visible(timeout=_PATIENCE_MS)
    await expect(preview).not_to_have_js_property("naturalWidth", 0)
    await page.click("[data-test='scanner']")
    await stage.scanner.place(next(iter(stage.world.people["a"].prints.values())))
    scanned = page.locator(".test[data-kind='scanner']")
    await expect(scanned.locator(".is")).to_have_text("Works", timeout=_PATIENCE_MS)
    await expect(scanned.locator("dl")).to_contain_text("of 100")
    await expect(scanned.locator("img")).to_be_visible()
    await stage.scanner.lift()
    await page.click("[data-act='release']")
    await expect(page.locator("[data-act='hold']")).to_be_visible()
    await page.click("[data-link='fibre']")
    tried = page.locator("#links-tried .tried").first
    await expect(tried).to_contain_text("Answers this device", timeout=_PATIENCE_MS)
    await expect(tried).to_contain_text("days left")
    await expect(tried).to_contain_text("less than 1 s")


async def _takes_a_support_bundle(page: Page) -> None:
    async with page.expect_download() as coming:
        await page.click("#bundle")
    path = await (await coming.value).path()
    with zipfile.ZipFile(path) as bundle:
        texts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    traveller = _traveller("a")
    for name, text in texts.items():
        assert traveller.surname.casefold() not in text.casefold(), name
        assert traveller.number.casefold() not in text.casefold(), name
    assert "hotspotd_build_info" in texts["metrics.txt"]


async def _sets_up(page: Page, stage: Stage) -> None:
    await page.goto(f"{stage.url}/set-up")
    heading = page.locator("#step h2")
    for title in ("Language", "Time", "Network"):
        await expect(heading).to_have_text(title, timeout=_PATIENCE_MS)
        await page.click("[data-act='next']")
    await expect(heading).to_have_text("Enrolment")
    await expect(page.locator("#step .findings")).to_contain_text("device certificate")
    # Left, and taken up again.
    await page.goto(f"{stage.url}/technician")
    await page.goto(f"{stage.url}/set-up")
    await expect(heading).to_have_text("Enrolment", timeout=_PATIENCE_MS)
    await expect(page.locator("#steps [data-seen='true']")).to_have_count(3)
    await page.click("[data-step='traveller']")
    await expect(page.locator("#step")).to_contain_text("Take a finger, twice")
    weight = "performance.getEntries().reduce((sum, each) => sum + (each.decodedBodySize ?? 0), 0)"
    assert await page.evaluate(weight) <= _HEAVIEST


async def test_a_hit_goes_from_the_glass_to_the_officers_decision(stage: Stage, browser: Browser) -> None:
    problems: list[str] = []
    traveller = await _open(browser, f"{stage.url}/traveller/{LANE}", 1080, 1920, problems)
    officer = await _signed_in(browser, stage, "/guard", problems)
    prompts: list[str] = []

    def prompted(text: str) -> None:
        prompts.append(text)

    await traveller.expose_function("prompted", prompted)
    await traveller.evaluate(
        "new MutationObserver(() => prompted(document.querySelector('#prompt').textContent))"
        ".observe(document.querySelector('#prompt'), {childList: true, characterData: true, subtree: true})"
    )
    await expect(officer.locator("#alerts [data-alert]")).to_have_count(0)

    result = await Visit(stage, _traveller("c"), lambda _: None).play()

    assert result.ok, result.problems
    assert len(set(prompts)) >= 3, prompts
    await expect(officer.locator("#alerts [data-alert]")).to_have_count(1, timeout=_PATIENCE_MS)
    await expect(officer.locator(".alert .chip").first).to_contain_text("Red notice", timeout=_PATIENCE_MS)
    await expect(officer.locator(".alert")).to_contain_text("unconfirmed", ignore_case=True)
    pictures = officer.locator(".alert img")
    await expect(pictures.first).to_be_visible(timeout=_PATIENCE_MS)
    drawn = "all => Promise.all(all.map(one => one.decode().then(() => one.naturalWidth > 0)))"
    assert all(await pictures.evaluate_all(drawn))
    await expect(officer.locator(".paired").first).to_contain_text("minutiae agree", timeout=_PATIENCE_MS)
    await officer.keyboard.press("c")
    await expect(officer.locator("#alerts [data-alert]")).to_have_count(0, timeout=_PATIENCE_MS)
    for page in (traveller, officer):
        assert await page.evaluate("window.notReloaded")
    assert problems == []


async def test_a_late_hit_reaches_the_officer_without_a_reload(stage: Stage, browser: Browser) -> None:
    problems: list[str] = []
    officer = await _signed_in(browser, stage, "/guard", problems)
    result = await Visit(stage, _traveller("f"), lambda _: None).play()
    assert result.ok, result.problems
    await expect(officer.locator(".latehit").first).to_be_visible(timeout=_PATIENCE_MS)
    assert await officer.evaluate("window.notReloaded")
    assert problems == []
