"""Makes pictures of the screens: every page in every state that it has, with drawn people only.

``python -m tests.console.screens FOLDER`` writes all of them at their real sizes, for looking at them;
``--docs`` writes the few that the documentation shows, smaller. Needs Chromium; see scripts/screens.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import shutil
import sqlite3
import struct
import tempfile
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Browser, Page, async_playwright

from hotspotd.access import secrets
from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.face import synthetic as drawn_faces
from hotspotd.biometrics.finger import FingerTemplate, extract
from hotspotd.biometrics.finger import synthetic as prints
from hotspotd.clock import Clock, Stamp
from hotspotd.console.languages import HEADS, SOURCE_LANGUAGE
from hotspotd.domain.candidate import Candidate, Hit, ListRecord, Modality, NameKind, OtherName
from hotspotd.domain.caution import Caution
from hotspotd.domain.document import parse_mrz
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import Notice
from hotspotd.domain.rights import Role
from hotspotd.domain.verdict import ReferReason
from hotspotd.events import DeviceState, DeviceView, LaneState, Prompt
from hotspotd.gateway.authority import Authority
from hotspotd.records.people import Person
from tests.console import screens_links, screens_tools
from tests.console.kiosk import Kiosk, jpeg, of_two_persons, png, record, running, with_lanes

# Offline, headless, as root in a virtual machine or a container.
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PORTRAIT = (1080, 1920)
LANDSCAPE = (1280, 800)
OFFICER = (1920, 1080)
TWO_LANES = 2


def chromium() -> str | None:
    """The browser's program, or ``None`` where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def face_picture(seed: int, size: tuple[int, int] = (480, 640)) -> NDArray[np.uint8]:
    """A drawn person before the camera."""
    return drawn_faces.picture(drawn_faces.person(seed), np.random.default_rng(seed), size)


@functools.lru_cache(16)
def portrait(seed: int, look: int) -> bytes:
    """A portrait of a drawn person, as JPEG; another ``look`` is another picture of the same person."""
    whole = drawn_faces.picture(drawn_faces.person(seed), np.random.default_rng(look), (500, 500))
    return jpeg(np.ascontiguousarray(whole[20:480, 66:434]))


@functools.lru_cache(16)
def fingerprint(seed: int, look: int) -> bytes:
    """An impression of a drawn finger, as PNG."""
    rng = np.random.default_rng(look)
    return png(prints.impression(prints.master(seed), rng, prints.Condition.GOOD))


@functools.lru_cache(16)
def minutiae(seed: int, look: int) -> FingerTemplate:
    """The template of that impression."""
    picture = cv2.imdecode(np.frombuffer(fingerprint(seed, look), np.uint8), cv2.IMREAD_GRAYSCALE)
    return extract(np.asarray(picture, np.uint8), 500)


def name_record(notice: Notice, number: int, surname: str, given: str, **fields: Any) -> ListRecord:
    """A record about an invented person."""
    return record(notice, reference=f"2026/{number}", surname=surname, given_names=given, **fields)


Setup = Callable[[Kiosk], Awaitable[None]]
Act = Callable[[Page], Awaitable[Any]]


@dataclass(frozen=True)
class Scene:
    """One picture to be made."""

    name: str
    path: str
    size: tuple[int, int]
    setup: Setup
    act: Act | None = None
    mode: str = "production"
    docs: bool = False
    lose: bool = False
    two: bool = False
    """Decisions take two people."""
    roles: tuple[Role, ...] = ()
    """Of whoever is signed in; by default all."""
    lanes: int = TWO_LANES
    signed_in: bool = True


def lane(state: LaneState, prompt: Prompt, **fields: object) -> Setup:
    async def setup(kiosk: Kiosk) -> None:
        kiosk.lane.sees(await asyncio.to_thread(face_picture, 7, (480, 640)))
        kiosk.lane.show(state, prompt, **fields)

    return setup


async def idle(kiosk: Kiosk) -> None:
    kiosk.lane.show(LaneState.IDLE, Prompt.PLACE_DOCUMENT)


async def morning(kiosk: Kiosk) -> None:
    """Some travellers, all clear."""
    for number in range(9):
        ago = timedelta(minutes=3 * (12 - number), seconds=17 * number)
        opened = Stamp(Clock().now().at - ago, trusted=True).iso()
        encounter = await kiosk.encounter(f"lane-{1 + number % 2}", opened_at=opened)
        await kiosk.check(encounter)
        if number < 8:
            await kiosk.answer(encounter)
    kiosk.lane.show(LaneState.FINGER, Prompt.PLACE_FINGER, finger=FingerPosition.RIGHT_INDEX, attempt=2)


async def full_queue(kiosk: Kiosk) -> None:
    """A morning with one of everything."""
    await morning(kiosk)
    person = await asyncio.to_thread(portrait, 7, 1)
    mark = await asyncio.to_thread(fingerprint, 3, 1)
    listed = name_record(Notice.RED, 48213, "ERIKSSON", "ANNA MARIA", reason="Fraud, wanted for prosecution")
    kiosk.pictures.held[listed.reference, "face", None] = await asyncio.to_thread(portrait, 7, 5)
    kiosk.pictures.held[listed.reference, "finger", FingerPosition.RIGHT_INDEX] = await asyncio.to_thread(
        fingerprint, 3, 2
    )
    kiosk.pictures.prints[listed.reference, FingerPosition.RIGHT_INDEX] = await asyncio.to_thread(minutiae, 3, 2)
    template = await asyncio.to_thread(minutiae, 3, 1)
    first = await kiosk.encounter("lane-2", face=person, finger=mark, template=template.encode())
    await kiosk.check(
        first,
        Hit(
            record=listed,
            candidates=(
                Candidate(modality=Modality.FACE, reference=listed.reference, score=0.81, fmr=2.5e-8),
                Candidate(
                    modality=Modality.FINGER,
                    reference=listed.reference,
                    score=61.3,
                    fmr=2.4e-5,
                    position=FingerPosition.RIGHT_INDEX,
                ),
            ),
        ),
    )
    kiosk.lanes["lane-2"].show(LaneState.OFFICER, Prompt.OFFICER_COMES)
    stolen = record(
        Notice.SLTD,
        reference="SLTD-UTO-L898902C3",
        owner="UTO",
        surname="",
        given_names="",
        birth_date="",
        nationality="",
        sex="",
        document_number="L898902C3",
        reason="Stolen blank",
    )
    second = await kiosk.encounter("lane-1", face=await asyncio.to_thread(portrait, 12, 1))
    document = Candidate(
        modality=Modality.DOCUMENT, reference=stolen.reference, score=1.0, detail="Document number and issuer"
    )
    await kiosk.check(second, Hit(record=stolen, candidates=(document,)))
    third = await kiosk.encounter(
        "lane-1", face=await asyncio.to_thread(portrait, 21, 1), finger=await asyncio.to_thread(fingerprint, 5, 1)
    )
    await kiosk.check(third)
    await kiosk.records.release(third.encounter_id)
    late = name_record(Notice.BLUE, 7702, "MOSER", "KARL JOSEF", birth_date="1969-03-30", sex="M", nationality="D")
    await kiosk.answer(
        third,
        Hit(
            record=late,
            candidates=(
                Candidate(
                    modality=Modality.FINGER,
                    reference=late.reference,
                    score=48.0,
                    fmr=4e-5,
                    position=FingerPosition.RIGHT_INDEX,
                ),
            ),
        ),
        text="Contact NCB Utopia, reference 7702.",
    )
    broken = (
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C26UTO7408122F1204159ZE184226B<<<<<10",
    )
    fourth = await kiosk.encounter(
        "lane-1", document=parse_mrz(broken), face=await asyncio.to_thread(portrait, 30, 1), finger=mark
    )
    await kiosk.check(fourth, trouble=(ReferReason.DOCUMENT_UNREADABLE,))


async def warned(kiosk: Kiosk) -> None:
    """A hit whose record says all that a record can."""
    await morning(kiosk)
    listed = name_record(
        Notice.RED, 48214, "ERIKSSON", "ANNA MARIA",
        reason="Robbery",
        other_birth_dates=("1975",),
        other_nationalities=("FIN",),
        diffusion=True,
        bureau="NCB Utopia",
        purpose="To locate, and to arrest with a view to extradition",
        cautions=(Caution.ARMED, Caution.ESCAPE_RISK),
        caution_note="Travels with a dog that bites",
        other_names=(
            OtherName(surname="DOE", given_names="ANN"),
            OtherName(full="Nan"),
            OtherName(full="Анна Мария Эрикссон", kind=NameKind.ORIGINAL),
            OtherName(full="آنا إريكسون", kind=NameKind.ORIGINAL),
            OtherName(full="Anna Lind", kind=NameKind.FORMER),
        ),
        review="2026-06-30",
        expires="2030-12-31",
        source="interpol-public",
        since="2024-03-05",
    )  # fmt: skip
    kiosk.pictures.held[listed.reference, "face", None] = await asyncio.to_thread(portrait, 7, 5)
    encounter = await kiosk.encounter("lane-2", face=await asyncio.to_thread(portrait, 7, 1))
    face = Candidate(modality=Modality.FACE, reference=listed.reference, score=0.81, fmr=2.5e-8)
    await kiosk.check(encounter, Hit(record=listed, candidates=(face,)))


async def nobody(kiosk: Kiosk) -> None:
    """The camera gives nothing."""
    kiosk.lane.show(LaneState.FACE, Prompt.LOOK_AT_CAMERA)


async def scanner_gone(kiosk: Kiosk) -> None:
    """Scanner unplugged, link down."""
    await full_queue(kiosk)
    kiosk.events.publish(
        DeviceView(
            lane="lane-1",
            device="scanner",
            state=DeviceState.FAULTED,
            reason="lost",
            advice="The scanner was unplugged. Plug it in again: the lane goes on by itself.",
        )
    )
    kiosk.lane.show(LaneState.OUT_OF_SERVICE, Prompt.CLOSED)
    kiosk.link(up=False, queued=3, oldest_s=42.0, last_error="no answer from the gateway")


async def waiting(kiosk: Kiosk) -> None:
    """Two alerts wait, and nobody is signed in."""
    await kiosk.check(await kiosk.encounter(), trouble=(ReferReason.DOCUMENT_UNREADABLE,))
    await kiosk.check(await kiosk.encounter("lane-2"), trouble=(ReferReason.HELP_ASKED,))
    kiosk.lanes["lane-2"].show(LaneState.OFFICER, Prompt.OFFICER_COMES)


FIRST_PIN = "52817463"


async def staff(kiosk: Kiosk) -> None:
    """People in each state that they can be in."""
    kept = await asyncio.to_thread(secrets.hashed, FIRST_PIN)

    async def add(badge: str, *roles: Role, must_change: bool = False) -> None:
        await kiosk.records.add_person(
            Person(badge=badge, roles=roles, secret=kept, must_change=must_change), "badge 2001"
        )

    await add("4711", *Role)
    await add("1042", Role.GUARD)
    await add("1043", Role.GUARD, must_change=True)
    await add("1051", Role.GUARD, Role.AUDITOR)
    await add("2001", Role.SUPERVISOR)
    await add("T7", Role.TECHNICIAN)
    kiosk.console.sessions.begin("1042", [Role.GUARD])
    for number in range(6):
        await kiosk.records.sign_in_failed("1051", locks=number > 4)
    await kiosk.records.set_disabled("T7", "badge 2001", disabled=True)


async def damaged(kiosk: Kiosk) -> None:
    """Somebody with a key to the database has changed an entry."""
    await morning(kiosk)

    def change() -> None:
        with closing(sqlite3.connect(kiosk.records.path, timeout=5)) as connection, connection:
            connection.execute("UPDATE audit SET detail = 'clear' WHERE seq = 7")

    await asyncio.to_thread(change)


def choose(words: str, act: Act | None = None) -> Act:
    async def click(page: Page) -> None:
        await page.get_by_text(words).first.click()
        if act:
            await act(page)

    return click


async def _language_arabic(page: Page) -> None:
    await page.click("#language")
    await page.click('[data-language="ar"]')


async def _lower(page: Page) -> None:
    await page.click("#lower")


async def _languages(page: Page) -> None:
    await page.click("#language")


def _in(code: str) -> Act:
    async def choose_it(page: Page) -> None:
        await page.click("#language")
        await page.click(f'#languages [data-language="{code}"]')

    return choose_it


async def _flicker(page: Page) -> None:
    await page.wait_for_selector(".alert")
    await page.keyboard.down("f")


async def _to_the_end(page: Page) -> None:
    await page.locator(".source").scroll_into_view_if_needed()


async def _exact(page: Page) -> None:
    await page.wait_for_selector(".alert")
    await page.keyboard.press("x")


async def _links(page: Page) -> None:
    await page.click("#links summary")


async def _keys(page: Page) -> None:
    await page.keyboard.press("?")


async def _dismiss(page: Page) -> None:
    await page.wait_for_selector(".alert")
    await page.keyboard.press("d")


async def _sign_in_first(page: Page) -> None:
    await page.fill("#badge", "1043")
    await page.fill("#secret", FIRST_PIN)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#change:not([hidden])")


async def _add_somebody(page: Page) -> None:
    await page.fill("#badge", "1060")
    await page.check("[value=guard]")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#pin[open]")


async def _add_known(page: Page) -> None:
    await page.fill("#badge", "1042")
    await page.check("[value=guard]")
    await page.keyboard.press("Enter")
    await page.get_by_text("is known already").wait_for()


async def _check_chain(page: Page) -> None:
    await page.click("#begin")
    await page.wait_for_selector("#check[data-tone=good]")


async def _check_damaged(page: Page) -> None:
    await page.click("#begin")
    await page.wait_for_selector("#check[data-tone=bad]")


async def _filter(page: Page) -> None:
    await page.fill("#event", "alert")
    await page.keyboard.press("Enter")
    await page.locator("#entries tr", has_text="encounter.recorded").first.wait_for(state="detached")


async def _confirm(page: Page) -> None:
    await page.wait_for_selector(".alert")
    await page.keyboard.press("c")
    await page.wait_for_selector("#undo:not([hidden])")


async def _closer(page: Page) -> None:
    await page.wait_for_selector(".marks circle")
    for key in ("p", "p", "+", "+", "Shift+ArrowRight"):
        await page.keyboard.press(key)


async def _second(page: Page) -> None:
    await page.wait_for_selector(".alert")
    await page.keyboard.press("c")
    await page.wait_for_selector("#alerts [data-state=awaiting]")
    await page.keyboard.press("a")


async def _handed(page: Page) -> None:
    await page.wait_for_selector(".alert")
    await page.keyboard.press("2")
    await page.wait_for_selector("#alerts [data-state=handed_over]")


FINGER = {"finger": FingerPosition.RIGHT_INDEX}
SCENES = (
    Scene("traveller-document", "/traveller/lane-1", PORTRAIT, idle, docs=True),
    Scene("traveller-document-training", "/traveller/lane-1", PORTRAIT, idle, mode="training"),
    Scene(
        "traveller-document-again",
        "/traveller/lane-1",
        PORTRAIT,
        lane(LaneState.DOCUMENT, Prompt.DOCUMENT_AGAIN, attempt=2, nationality="FRA"),
    ),
    Scene("traveller-face", "/traveller/lane-1", PORTRAIT, lane(LaneState.FACE, Prompt.COME_CLOSER), docs=True),
    Scene("traveller-turn", "/traveller/lane-1", PORTRAIT, lane(LaneState.FACE, Prompt.TURN_LEFT), docs=True),
    Scene(
        "wide-turn-arabic", "/traveller/lane-1", LANDSCAPE, lane(LaneState.FACE, Prompt.TURN_RIGHT, nationality="EGY")
    ),
    Scene(
        "traveller-finger",
        "/traveller/lane-1",
        PORTRAIT,
        lane(LaneState.FINGER, Prompt.FINGER_AGAIN, attempt=2, time_left_s=12.0, more_time=True, **FINGER),
        docs=True,
    ),
    Scene(
        "traveller-finger-left-arabic",
        "/traveller/lane-1",
        PORTRAIT,
        lane(LaneState.FINGER, Prompt.PLACE_FINGER, finger=FingerPosition.LEFT_THUMB, nationality="EGY"),
        docs=True,
    ),
    Scene(
        "traveller-fingers-of-a-hand",
        "/traveller/lane-1",
        PORTRAIT,
        lane(LaneState.FINGER, Prompt.PLACE_FINGERS, fingers=(FingerPosition.RIGHT_INDEX, FingerPosition.RIGHT_MIDDLE)),
    ),
    Scene(
        "traveller-chip",
        "/traveller/lane-1",
        PORTRAIT,
        lane(LaneState.DOCUMENT, Prompt.LEAVE_DOCUMENT, time_left_s=12.0, more_time=True),
    ),
    Scene(
        "traveller-chip-again",
        "/traveller/lane-1",
        PORTRAIT,
        lane(LaneState.DOCUMENT, Prompt.CHIP_AGAIN, attempt=2, nationality="DZA"),
    ),
    Scene(
        "traveller-press",
        "/traveller/lane-1",
        PORTRAIT,
        lane(LaneState.FINGER, Prompt.PRESS_HARDER, attempt=2, nationality="TJK", **FINGER),
        docs=True,
    ),
    Scene(
        "traveller-lower",
        "/traveller/lane-1",
        PORTRAIT,
        lane(LaneState.FACE, Prompt.COME_CLOSER, nationality="FRA"),
        act=_lower,
        docs=True,
    ),
    Scene(
        "traveller-child",
        "/traveller/lane-1",
        PORTRAIT,
        lane(LaneState.CHECKING, Prompt.WAIT, fingers_asked=False, nationality="TUN"),
    ),
    Scene("traveller-wait", "/traveller/lane-1", PORTRAIT, lane(LaneState.CHECKING, Prompt.WAIT)),
    Scene("traveller-go", "/traveller/lane-1", PORTRAIT, lane(LaneState.GO, Prompt.THANK_YOU)),
    Scene("traveller-officer", "/traveller/lane-1", PORTRAIT, lane(LaneState.OFFICER, Prompt.OFFICER_COMES), docs=True),
    Scene("traveller-closed", "/traveller/lane-1", PORTRAIT, lane(LaneState.OUT_OF_SERVICE, Prompt.CLOSED)),
    Scene("traveller-lost", "/traveller/lane-1", PORTRAIT, idle, lose=True),
    Scene("traveller-languages", "/traveller/lane-1", PORTRAIT, idle, act=_languages, docs=True),
    *(
        Scene(f"traveller-in-{head.code}", "/traveller/lane-1", PORTRAIT, idle, act=_in(head.code), docs=True)
        for head in HEADS
        if head.code != SOURCE_LANGUAGE
    ),
    Scene(
        "traveller-offered",
        "/traveller/lane-1",
        PORTRAIT,
        lane(
            LaneState.FINGER,
            Prompt.FINGER_AGAIN,
            attempt=2,
            time_left_s=12.0,
            more_time=True,
            nationality="TJK",
            **FINGER,
        ),
        docs=True,
    ),
    Scene("wide-document", "/traveller/lane-1", LANDSCAPE, idle, mode="training"),
    Scene("wide-document-arabic", "/traveller/lane-1", LANDSCAPE, idle, act=_language_arabic),
    Scene("wide-face", "/traveller/lane-1", LANDSCAPE, lane(LaneState.FACE, Prompt.LOOK_AT_CAMERA), docs=True),
    Scene(
        "wide-finger-french",
        "/traveller/lane-1",
        LANDSCAPE,
        lane(
            LaneState.FINGER,
            Prompt.FINGER_AGAIN,
            attempt=2,
            time_left_s=12.0,
            more_time=True,
            nationality="FRA",
            **FINGER,
        ),
        mode="training",
    ),
    Scene("wide-officer", "/traveller/lane-1", LANDSCAPE, lane(LaneState.OFFICER, Prompt.OFFICER_COMES)),
    Scene("guard-empty", "/guard", OFFICER, morning, docs=True),
    Scene("guard-hit", "/guard", OFFICER, full_queue, docs=True),
    Scene("guard-warned", "/guard", OFFICER, warned),
    Scene("guard-warned-end", "/guard", OFFICER, warned, act=_to_the_end),
    Scene("guard-warned-small", "/guard", (1366, 768), warned),
    Scene("guard-stolen-document", "/guard", OFFICER, full_queue, act=choose("Document L898902C3")),
    Scene("guard-late-hit", "/guard", OFFICER, full_queue, act=choose("MOSER"), docs=True),
    Scene(
        "guard-trouble",
        "/guard",
        OFFICER,
        scanner_gone,
        act=choose("Document could not be read"),
        mode="training",
        docs=True,
    ),
    Scene("guard-confirmed", "/guard", OFFICER, full_queue, act=_confirm),
    Scene("guard-dismiss", "/guard", OFFICER, full_queue, act=_dismiss),
    Scene("guard-closer", "/guard", OFFICER, full_queue, act=_closer),
    Scene("guard-second-person", "/guard", OFFICER, full_queue, act=_second, two=True, docs=True),
    Scene("guard-second-line", "/guard", OFFICER, full_queue, act=_handed),
    Scene("guard-flicker", "/guard", OFFICER, full_queue, act=_flicker),
    Scene("guard-exact", "/guard", OFFICER, full_queue, act=_exact),
    Scene("traveller-no-camera", "/traveller/lane-1", PORTRAIT, nobody),
    Scene("guard-keys", "/guard", OFFICER, morning, act=_keys),
    Scene("guard-lost", "/guard", OFFICER, full_queue, lose=True),
    Scene("guard-small", "/guard", (1366, 768), full_queue),
    Scene("guard-failed-over", "/guard", OFFICER, screens_links.failed_over, act=_links),
    Scene("guard-no-link", "/guard", OFFICER, screens_links.no_link, act=_links, docs=True),
    Scene("guard-revoked", "/guard", OFFICER, screens_links.revoked, act=_links),
    Scene("guard-set-aside", "/guard", OFFICER, screens_links.set_aside),
    Scene("guard-links-small", "/guard", (1366, 768), screens_links.no_link, act=_links, mode="training"),
    Scene("guard-eight-lanes", "/guard", OFFICER, screens_tools.eight_lanes, lanes=8, docs=True),
    Scene("guard-eight-lanes-small", "/guard", (1366, 768), screens_tools.eight_lanes, lanes=8),
    Scene(
        "guard-eight-lanes-acts", "/guard", OFFICER, screens_tools.eight_lanes, act=screens_tools.lanes_dialog, lanes=8
    ),
    Scene("guard-take-over", "/guard", OFFICER, screens_tools.at_the_fingers, act=screens_tools.take_over, docs=True),
    Scene("guard-look-up", "/guard", OFFICER, screens_tools.at_the_fingers, act=screens_tools.look_up, docs=True),
    Scene("guard-note", "/guard", OFFICER, screens_tools.at_the_fingers, act=screens_tools.note),
    Scene("technician-well", "/technician", OFFICER, screens_links.well),
    Scene("technician-failed-over", "/technician", OFFICER, screens_links.failed_over),
    Scene("technician-no-link", "/technician", OFFICER, screens_links.no_link),
    Scene("technician-revoked", "/technician", OFFICER, screens_links.revoked),
    Scene("technician-set-aside", "/technician", OFFICER, screens_links.set_aside, docs=True),
    Scene("technician-phone", "/technician", (412, 2200), screens_links.set_aside, mode="training"),
    Scene("technician-small", "/technician", (1280, 1200), screens_links.set_aside),
    Scene("set-up-language", "/set-up", (1280, 800), screens_links.well, docs=True),
    Scene("set-up-enrolment", "/set-up#enrolment", (1280, 900), screens_links.well),
    Scene("set-up-time-phone", "/set-up#time", (412, 1080), screens_links.well, mode="training"),
    Scene("set-up-operation", "/set-up#operation", (1280, 900), screens_links.well),
    Scene("set-up-traveller", "/set-up#traveller", (1280, 900), screens_links.well),
    Scene("technician-lost", "/technician", OFFICER, screens_links.well, lose=True),
    Scene("index", "/", (1366, 768), idle),
    Scene("key", "/key", (1366, 768), idle),
    Scene("sign-in", "/sign-in", (1366, 768), waiting, signed_in=False),
    Scene("sign-in-change", "/sign-in", (1366, 768), staff, act=_sign_in_first, signed_in=False),
    Scene("people", "/people", OFFICER, staff, docs=True),
    Scene("people-pin", "/people", OFFICER, staff, act=_add_somebody),
    Scene("people-small", "/people", (1280, 900), staff, act=_add_known),
    Scene("people-phone", "/people", (412, 1800), staff, mode="training"),
    Scene("people-lost", "/people", OFFICER, staff, lose=True),
    Scene("audit", "/audit", OFFICER, full_queue, act=_check_chain, docs=True),
    Scene("audit-damaged", "/audit", OFFICER, damaged, act=_check_damaged),
    Scene("audit-small", "/audit", (1280, 900), full_queue, act=_filter),
)


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
    "/traveller": "body:not([data-state='starting'])",
}
"""What is there when a page has drawn itself."""


@asynccontextmanager
async def shown(scene: Scene, browser: Browser, watch: Callable[[Page], None] = lambda _: None) -> AsyncIterator[Page]:
    """The page of ``scene``, as it is; ``watch`` is given it before it loads anything."""
    settings = of_two_persons(scene.mode) if scene.two else None
    if scene.lanes != TWO_LANES:
        settings = with_lanes(scene.lanes)
    with tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(enrolled, Path(folder))
        faces, searched = await asyncio.to_thread(FaceEngine.open), await screens_tools.built()
        async with running(Path(folder), mode=scene.mode, searched=searched, settings=settings, faces=faces) as kiosk:
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


async def take(scene: Scene, browser: Browser, target: Path) -> None:
    """Make the picture of ``scene``."""
    async with shown(scene, browser) as page:
        # Pictures are fetched by the page after it is drawn; the mirror's first frame comes after that.
        await page.wait_for_timeout(600)
        await page.screenshot(path=target / f"{scene.name}.png")


def shrink(path: Path, longest: int = 1280, colours: int = 160) -> None:
    """Make the picture small enough for a repository: at most ``longest`` wide or high, with a palette."""
    image = cv2.imread(str(path))
    if image is None:
        raise FileNotFoundError(path)
    scale = longest / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    pixels = np.asarray(image.reshape(-1, 3)[:, ::-1], np.uint8)
    # Each colour counts once, however large its area: the few of a face are not lost beside the ground's.
    coarse = np.unique(pixels >> 2, axis=0).astype(np.float32) * 4 + 2
    cv2.setRNGSeed(1)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 12, 1.0)
    labels = np.zeros((len(coarse), 1), np.int32)
    means = cv2.kmeans(coarse, min(colours, len(coarse)), labels, stop, 1, cv2.KMEANS_PP_CENTERS)[2]
    palette = np.vstack([_commonest(pixels, 64), np.round(means).astype(np.uint8)])
    exact = np.unique(pixels, axis=0, return_inverse=True)
    nearest = np.array([np.argmin(np.abs(palette.astype(int) - colour).sum(1)) for colour in exact[0]], np.uint8)
    indices = nearest[exact[1].reshape(-1)].reshape(image.shape[:2])
    path.write_bytes(_palette_png(indices, palette))


def _commonest(pixels: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    found, counts = np.unique(pixels, axis=0, return_counts=True)
    return np.asarray(found[np.argsort(-counts)[:number]], np.uint8)


def _palette_png(indices: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """A PNG of colour type 3 (W3C PNG, 11.2): OpenCV writes none with a palette."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = indices.shape
    rows = b"".join(b"\0" + row.tobytes() for row in indices)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
        + chunk(b"PLTE", palette.tobytes())
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )


async def main() -> None:
    """Make the pictures that the command line asks for."""
    parser = argparse.ArgumentParser(description="Make pictures of the screens.")
    parser.add_argument("folder", type=Path, help="where they go")
    parser.add_argument("--docs", action="store_true", help="only those of the documentation, smaller")
    parser.add_argument("--only", default="", help="only those whose name holds this")
    wishes = parser.parse_args()
    program = chromium()
    if program is None:
        raise SystemExit("No Chromium found. On Debian: apt-get install chromium")
    wishes.folder.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(CHROMIUM_ARGUMENTS))
        for scene in SCENES:
            if wishes.only in scene.name and (scene.docs or not wishes.docs):
                await take(scene, browser, wishes.folder)
                if wishes.docs:
                    await asyncio.to_thread(shrink, wishes.folder / f"{scene.name}.png")
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
