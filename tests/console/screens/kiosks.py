"""What a kiosk is doing when a picture of it is made."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta

from hotspotd.access import secrets
from hotspotd.clock import Clock, Stamp
from hotspotd.domain.candidate import Candidate, Hit, Modality, NameKind, OtherName
from hotspotd.domain.caution import Caution
from hotspotd.domain.document import parse_mrz
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import Notice
from hotspotd.domain.rights import Role
from hotspotd.domain.verdict import ReferReason
from hotspotd.events import DeviceState, DeviceView, LaneState, Prompt
from hotspotd.records.people import Person
from tests.console.kiosk import Kiosk, record
from tests.console.screens.drawn import face_picture, fingerprint, minutiae, name_record, portrait

Setup = Callable[[Kiosk], Awaitable[None]]


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
