"""The hit desk's page in a real Chromium, and what it refuses; the console beside it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from hotspotd.domain.encounter import Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.gateway.desk.__main__ import main
from hotspotd.gateway.storage.desk import HitState
from hotspotd.relay.compose import read_answer
from tests.console.chromium import CHROMIUM_ARGUMENTS, chromium
from tests.console.screens.drawn import fingerprint, portrait
from tests.gateway.desk import Desk, desk, red, stolen

pytestmark = [pytest.mark.browser, pytest.mark.blocking_allowed]  # Playwright reads a process on the loop.

# Only how long a failing test takes.
expect.set_options(timeout=20_000)

CONFIG = """
bureau.country = "UTO"
server = { certificate = "none.pem", key = "none.pem", trust_anchors = "none.pem" }
store.database = "gateway.db"
watchlist.folder = "list"
"""
# Words and boxes that are read: contrast as WCAG 2.1 has it, of each text on what lies behind it.
CONTRAST = """
() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const even = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [x, y, z] = [r, g, b].map((c) => even(c / 255));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parts(getComputedStyle(one).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const [a, b] = [light(parts(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) poor.push(element.textContent.trim().slice(0, 40));
  }
  return poor;
}
"""
UNNAMED = """
() => [...document.querySelectorAll("a, button:not([hidden]), input:not([type=hidden]), textarea, img, nav, section")]
  .filter((one) => !(one.labels?.length || one.getAttribute("aria-label") || one.alt || one.textContent.trim()))
  .map((one) => one.outerHTML.slice(0, 80))
"""


def samples() -> tuple[Sample, ...]:
    face = Sample(modality="face", media_type="image/jpeg", image=portrait(7, 1), width=368, height=460, quality=80)
    finger = Sample(
        modality="finger",
        position=FingerPosition.RIGHT_INDEX,
        media_type="image/png",
        image=fingerprint(70, 1),
        dpi=500,
        quality=70,
    )
    return face, finger


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(tmp_path / "gateway.db") as made:
        yield made


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_ARGUMENTS))
        yield started
        await started.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 1920, "height": 1080})
    made = await context.new_page()
    complaints: list[str] = []
    made.on("console", lambda message: complaints.append(message.text))
    yield made
    await context.close()
    assert [one for one in complaints if "422" not in one] == []


async def looks_right(page: Page) -> None:
    await page.wait_for_load_state()  # A form that is sent leads to another page: its style sheet may be on the way.
    assert await page.evaluate(CONTRAST) == []
    assert await page.evaluate(UNNAMED) == []
    missing = (
        "[...document.querySelectorAll('use')].filter(u => !document.querySelector(u.getAttribute('href'))).length"
    )
    assert await page.evaluate(missing) == 0
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_an_officer_opens_the_first_hit_compares_and_confirms_then_rejects_the_next(
    office: Desk, page: Page
) -> None:
    await office.search(1, stolen(), samples=samples())
    await office.search(2, red(), samples=samples())
    office.pictures.held[("2026/1", "face", None)] = portrait(7, 2)
    office.pictures.held[("2026/1", "finger", FingerPosition.RIGHT_INDEX)] = fingerprint(70, 2)
    await page.goto(office.origin)
    await expect(page.get_by_role("heading", name="2 hits wait for you")).to_be_visible()
    await looks_right(page)
    await page.get_by_role("link", name="Open the first").click()
    await expect(page.get_by_role("heading", name="ERIKSSON, ANNA MARIA")).to_be_visible()
    await expect(page.locator("#state")).to_have_text("unconfirmed")
    await expect(page.get_by_text("1 in 40 million people would match this well", exact=False).last).to_be_visible()
    await expect(page.locator("tr[data-differs]")).to_have_count(2)
    drawn = "all => Promise.all(all.map(one => one.decode().then(() => one.naturalWidth > 99)))"
    assert await page.locator(".pair img").evaluate_all(drawn) == [True] * 4
    await looks_right(page)
    words = (await page.locator("body").inner_text()).lower()
    assert not re.search(r"\b(suspect|criminal|fugitive|wanted|detain him|arrest him)\b", words)
    await expect(page.get_by_role("button")).to_have_count(2)

    # Without a reason, and by Return, nothing is decided.
    await page.get_by_label("Your badge number").fill("NCB-0417")
    await page.get_by_label("Your badge number").press("Enter")
    await page.get_by_role("button", name="Confirm: the same person").click()
    assert len(await office.store.desk.waiting()) == 2
    await page.get_by_label("What did you see?").fill("Scar over the left brow; ridge count agrees")
    await page.get_by_role("button", name="Confirm: the same person").click()
    await expect(page.locator("#state")).to_have_text("confirmed")
    await expect(page.get_by_role("status")).to_contain_text("Scar over the left brow")
    await looks_right(page)
    await page.reload()
    await page.get_by_role("link", name="Next hit").click()

    await expect(page.get_by_role("heading", name="Is it the listed document?")).to_be_visible()
    await page.get_by_label("Your badge number").fill("NCB-0417")
    await page.get_by_label("What did you see?").fill("Number misread")
    await page.get_by_role("button", name="Reject: another document").click()
    await expect(page.locator("#state")).to_have_text("rejected")
    await page.get_by_role("link", name="All hits").click()
    await expect(page.get_by_role("heading", name="Nothing to decide")).to_be_visible()
    await looks_right(page)
    replies = [read_answer(reply.body) for reply in await office.store.replies("kiosk-1", 9)]
    assert [(answer.determination, answer.withdrawn) for answer in replies] == [
        ("UC", ()),
        ("UC", ()),
        ("CO", ()),
        ("UC", ("SLTD-1",)),
    ]


async def test_what_the_officer_wrote_stays_when_the_gateway_does_not_take_it(office: Desk, page: Page) -> None:
    await office.search(1, red(), samples=samples())
    await page.goto(f"{office.origin}/hits/1")
    await page.evaluate("document.querySelector('form').noValidate = true")
    await page.get_by_label("Your badge number").fill("no badge")
    await page.get_by_label("What did you see?").fill("Ears <differ>")
    await page.get_by_role("button", name="Reject: somebody else").click()
    await expect(page.get_by_role("alert")).to_contain_text("This is no badge number.")
    await expect(page.get_by_label("What did you see?")).to_have_value("Ears <differ>")
    await looks_right(page)
    assert len(await office.store.desk.waiting()) == 1


async def test_hostile_words_of_a_list_are_text(office: Desk, page: Page) -> None:
    nasty = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
    await office.search(1, red(surname=nasty, reason=nasty), samples=())
    await page.goto(f"{office.origin}/hits/1")
    await expect(page.get_by_role("heading", name="<script>")).to_be_visible()
    assert await page.title() != "owned"
    assert await page.locator("article img, article script").count() == 0


async def test_decisions_are_taken_from_the_page_only(office: Desk) -> None:
    await office.search(1, red(), samples=samples())
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:

        async def post(form: dict[str, str], **headers: str) -> int:
            async with session.post(
                f"{office.origin}/hits/1", data=form, headers=headers, allow_redirects=False
            ) as response:
                return response.status

        async with session.get(f"{office.origin}/hits/1") as response:
            body, cookie = await response.text(), response.headers["Set-Cookie"]
            policy = response.headers["Content-Security-Policy"]
        found = re.search(r'name="token" value="([0-9a-f]{64})"', body)
        assert found
        form = {"token": found[1], "ruling": "confirmed", "by": "7", "reason": "Same scar"}
        assert "SameSite=Strict" in cookie
        assert "HttpOnly" in cookie
        assert "script" not in policy
        assert "unsafe" not in policy
        assert await post(form) == 403
        assert await post(form, Origin="http://evil.example") == 403
        assert await post(form, Origin=office.origin, Host="evil.example") == 403
        for token in ("", "0" * 64, "é"):
            assert await post({**form, "token": token}, Origin=office.origin) == 403
        for ruling in ("", "waiting", "arrest"):
            assert await post({**form, "ruling": ruling}, Origin=office.origin) == 422
        assert await post({**form, "reason": "x" * 20_000}, Origin=office.origin) == 413
        session.cookie_jar.clear()
        assert await post(form, Origin=office.origin) == 403
        assert len(await office.store.desk.waiting()) == 1
        async with session.get(f"{office.origin}/hits/1") as response:
            found = re.search(r'name="token" value="([0-9a-f]{64})"', await response.text())
        assert found
        assert await post({**form, "token": found[1]}, Origin=office.origin) == 303
        assert await post({**form, "token": found[1]}, Origin=office.origin) == 409
        for place in ("/hits/2", "/hits/1/probe/face", "/hits/1/reference/finger/no_finger", "/static/none.css"):
            async with session.get(office.origin + place) as response:
                assert response.status == 404, place


@pytest.mark.parametrize("command", ["confirm", "reject"])
def test_the_console_lists_shows_and_decides(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    async def prepare() -> None:
        async with desk(tmp_path / "gateway.db") as made:
            await made.search(1, red(surname="ERIKS\x9b31mSON"), samples=samples())
            await made.search(2, stolen(), samples=samples())

    asyncio.run(prepare())
    (tmp_path / "gateway.toml").write_text(CONFIG, encoding="utf-8")

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main([*arguments, "--config", str(tmp_path / "gateway.toml")])
        said = capsys.readouterr()
        return status, said.out, said.err

    status, out, _ = run("list")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == ["1", "2"]
    assert "\x9b" not in out
    assert [hit["id"] for hit in msgspec.json.decode(run("list", "--json")[1])] == [1, 2]
    status, out, _ = run("show", "1")
    assert status == 0
    assert "1 in 40 million people would match this well" in out
    assert "1974-08-12 / 1974-08-21" in out
    assert "\x9b" not in out
    assert run("show", "9")[0] == 3
    ruling = (command, "1", "--by", "NCB-0417", "--reason", "Looked at both")
    assert run(command, "1", "--by", "NCB-0417", "--reason", " ")[0] == 2
    status, out, _ = run(*ruling, "--json")
    assert status == 0
    state = HitState.CONFIRMED if command == "confirm" else HitState.REJECTED
    assert msgspec.json.decode(out)["state"] == state
    status, _, err = run(*ruling)
    assert status == 4
    assert "NCB-0417" in err
    assert [hit["id"] for hit in msgspec.json.decode(run("list", "--decided", "--json")[1])] == [1]
    (tmp_path / "gateway.toml").write_text(CONFIG.replace("gateway.db", "none/gateway.db"), encoding="utf-8")
    assert run("list")[0] == 1


def test_the_console_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, status in ((["--help"], 0), ([], 2), (["confirm", "1"], 2)):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == status
    assert "examples:" in capsys.readouterr().out
