"""The scenes: which page, of which size, of a kiosk doing what, after which act."""

from __future__ import annotations

from dataclasses import dataclass

from hotspotd.console.languages import HEADS, SOURCE_LANGUAGE
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.rights import Role
from hotspotd.events import LaneState, Prompt
from tests.console.screens import acts, kiosks, links, tools
from tests.console.screens.acts import Act
from tests.console.screens.kiosks import Setup

PORTRAIT = (1080, 1920)
LANDSCAPE = (1280, 800)
OFFICER = (1920, 1080)
TWO_LANES = 2


@dataclass(frozen=True)
class Scene:
    """One picture to be made."""

    name: str
    path: str
    size: tuple[int, int]
    setup: Setup
    act: Act | None = None
    mode: str = "production"
    lose: bool = False
    two: bool = False
    """Decisions take two people."""
    roles: tuple[Role, ...] = ()
    """Of whoever is signed in; by default all."""
    lanes: int = TWO_LANES
    signed_in: bool = True


FINGER = {"finger": FingerPosition.RIGHT_INDEX}
SCENES = (
    Scene("traveller-document", "/traveller/lane-1", PORTRAIT, kiosks.idle),
    Scene("traveller-document-training", "/traveller/lane-1", PORTRAIT, kiosks.idle, mode="training"),
    Scene(
        "traveller-document-again",
        "/traveller/lane-1",
        PORTRAIT,
        kiosks.lane(LaneState.DOCUMENT, Prompt.DOCUMENT_AGAIN, attempt=2, nationality="FRA"),
    ),
    Scene("traveller-face", "/traveller/lane-1", PORTRAIT, kiosks.lane(LaneState.FACE, Prompt.COME_CLOSER)),
    Scene("traveller-turn", "/traveller/lane-1", PORTRAIT, kiosks.lane(LaneState.FACE, Prompt.TURN_LEFT)),
    Scene(
        "wide-turn-arabic",
        "/traveller/lane-1",
        LANDSCAPE,
        kiosks.lane(LaneState.FACE, Prompt.TURN_RIGHT, nationality="EGY"),
    ),
    Scene(
        "traveller-finger",
        "/traveller/lane-1",
        PORTRAIT,
        kiosks.lane(LaneState.FINGER, Prompt.FINGER_AGAIN, attempt=2, time_left_s=12.0, more_time=True, **FINGER),
    ),
    Scene(
        "traveller-finger-left-arabic",
        "/traveller/lane-1",
        PORTRAIT,
        kiosks.lane(LaneState.FINGER, Prompt.PLACE_FINGER, finger=FingerPosition.LEFT_THUMB, nationality="EGY"),
    ),
    Scene(
        "traveller-fingers-of-a-hand",
        "/traveller/lane-1",
        PORTRAIT,
        kiosks.lane(
            LaneState.FINGER, Prompt.PLACE_FINGERS, fingers=(FingerPosition.RIGHT_INDEX, FingerPosition.RIGHT_MIDDLE)
        ),
    ),
    Scene(
        "traveller-chip",
        "/traveller/lane-1",
        PORTRAIT,
        kiosks.lane(LaneState.DOCUMENT, Prompt.LEAVE_DOCUMENT, time_left_s=12.0, more_time=True),
    ),
    Scene(
        "traveller-chip-again",
        "/traveller/lane-1",
        PORTRAIT,
        kiosks.lane(LaneState.DOCUMENT, Prompt.CHIP_AGAIN, attempt=2, nationality="DZA"),
    ),
    Scene(
        "traveller-press",
        "/traveller/lane-1",
        PORTRAIT,
        kiosks.lane(LaneState.FINGER, Prompt.PRESS_HARDER, attempt=2, nationality="TJK", **FINGER),
    ),
    Scene(
        "traveller-lower",
        "/traveller/lane-1",
        PORTRAIT,
        kiosks.lane(LaneState.FACE, Prompt.COME_CLOSER, nationality="FRA"),
        act=acts.lower,
    ),
    Scene(
        "traveller-child",
        "/traveller/lane-1",
        PORTRAIT,
        kiosks.lane(LaneState.CHECKING, Prompt.WAIT, fingers_asked=False, nationality="TUN"),
    ),
    Scene("traveller-wait", "/traveller/lane-1", PORTRAIT, kiosks.lane(LaneState.CHECKING, Prompt.WAIT)),
    Scene("traveller-go", "/traveller/lane-1", PORTRAIT, kiosks.lane(LaneState.GO, Prompt.THANK_YOU)),
    Scene("traveller-officer", "/traveller/lane-1", PORTRAIT, kiosks.lane(LaneState.OFFICER, Prompt.OFFICER_COMES)),
    Scene("traveller-closed", "/traveller/lane-1", PORTRAIT, kiosks.lane(LaneState.OUT_OF_SERVICE, Prompt.CLOSED)),
    Scene("traveller-lost", "/traveller/lane-1", PORTRAIT, kiosks.idle, lose=True),
    Scene("traveller-languages", "/traveller/lane-1", PORTRAIT, kiosks.idle, act=acts.languages),
    *(
        Scene(f"traveller-in-{head.code}", "/traveller/lane-1", PORTRAIT, kiosks.idle, act=acts.in_language(head.code))
        for head in HEADS
        if head.code != SOURCE_LANGUAGE
    ),
    Scene(
        "traveller-offered",
        "/traveller/lane-1",
        PORTRAIT,
        kiosks.lane(
            LaneState.FINGER,
            Prompt.FINGER_AGAIN,
            attempt=2,
            time_left_s=12.0,
            more_time=True,
            nationality="TJK",
            **FINGER,
        ),
    ),
    Scene("wide-document", "/traveller/lane-1", LANDSCAPE, kiosks.idle, mode="training"),
    Scene("wide-document-arabic", "/traveller/lane-1", LANDSCAPE, kiosks.idle, act=acts.language_arabic),
    Scene("wide-face", "/traveller/lane-1", LANDSCAPE, kiosks.lane(LaneState.FACE, Prompt.LOOK_AT_CAMERA)),
    Scene(
        "wide-finger-french",
        "/traveller/lane-1",
        LANDSCAPE,
        kiosks.lane(
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
    Scene("wide-officer", "/traveller/lane-1", LANDSCAPE, kiosks.lane(LaneState.OFFICER, Prompt.OFFICER_COMES)),
    Scene("guard-empty", "/guard", OFFICER, kiosks.morning),
    Scene("guard-hit", "/guard", OFFICER, kiosks.full_queue),
    Scene("guard-warned", "/guard", OFFICER, kiosks.warned),
    Scene("guard-warned-end", "/guard", OFFICER, kiosks.warned, act=acts.to_the_end),
    Scene("guard-warned-small", "/guard", (1366, 768), kiosks.warned),
    Scene("guard-stolen-document", "/guard", OFFICER, kiosks.full_queue, act=acts.choose("Document L898902C3")),
    Scene("guard-late-hit", "/guard", OFFICER, kiosks.full_queue, act=acts.choose("MOSER")),
    Scene(
        "guard-trouble",
        "/guard",
        OFFICER,
        kiosks.scanner_gone,
        act=acts.choose("Document could not be read"),
        mode="training",
    ),
    Scene("guard-confirmed", "/guard", OFFICER, kiosks.full_queue, act=acts.confirm),
    Scene("guard-dismiss", "/guard", OFFICER, kiosks.full_queue, act=acts.dismiss),
    Scene("guard-closer", "/guard", OFFICER, kiosks.full_queue, act=acts.closer),
    Scene("guard-second-person", "/guard", OFFICER, kiosks.full_queue, act=acts.second, two=True),
    Scene("guard-second-line", "/guard", OFFICER, kiosks.full_queue, act=acts.handed),
    Scene("guard-flicker", "/guard", OFFICER, kiosks.full_queue, act=acts.flicker),
    Scene("guard-exact", "/guard", OFFICER, kiosks.full_queue, act=acts.exact),
    Scene("traveller-no-camera", "/traveller/lane-1", PORTRAIT, kiosks.nobody),
    Scene("guard-keys", "/guard", OFFICER, kiosks.morning, act=acts.keys),
    Scene("guard-lost", "/guard", OFFICER, kiosks.full_queue, lose=True),
    Scene("guard-small", "/guard", (1366, 768), kiosks.full_queue),
    Scene("guard-failed-over", "/guard", OFFICER, links.failed_over, act=acts.links),
    Scene("guard-no-link", "/guard", OFFICER, links.no_link, act=acts.links),
    Scene("guard-revoked", "/guard", OFFICER, links.revoked, act=acts.links),
    Scene("guard-set-aside", "/guard", OFFICER, links.set_aside),
    Scene("guard-links-small", "/guard", (1366, 768), links.no_link, act=acts.links, mode="training"),
    Scene("guard-eight-lanes", "/guard", OFFICER, tools.eight_lanes, lanes=8),
    Scene("guard-eight-lanes-small", "/guard", (1366, 768), tools.eight_lanes, lanes=8),
    Scene("guard-eight-lanes-acts", "/guard", OFFICER, tools.eight_lanes, act=tools.lanes_dialog, lanes=8),
    Scene("guard-take-over", "/guard", OFFICER, tools.at_the_fingers, act=tools.take_over),
    Scene("guard-look-up", "/guard", OFFICER, tools.at_the_fingers, act=tools.look_up),
    Scene("guard-note", "/guard", OFFICER, tools.at_the_fingers, act=tools.note),
    Scene("technician-well", "/technician", OFFICER, links.well),
    Scene("technician-failed-over", "/technician", OFFICER, links.failed_over),
    Scene("technician-no-link", "/technician", OFFICER, links.no_link),
    Scene("technician-revoked", "/technician", OFFICER, links.revoked),
    Scene("technician-set-aside", "/technician", OFFICER, links.set_aside),
    Scene("technician-update", "/technician", OFFICER, links.well, act=acts.update),
    Scene("technician-phone", "/technician", (412, 2200), links.set_aside, mode="training"),
    Scene("technician-small", "/technician", (1280, 1200), links.set_aside),
    Scene("set-up-language", "/set-up", (1280, 800), links.well),
    Scene("set-up-network", "/set-up#network", (1280, 900), links.well),
    Scene("set-up-devices", "/set-up#devices", (1280, 900), links.well),
    Scene("set-up-enrolment", "/set-up#enrolment", (1280, 900), links.well),
    Scene("set-up-time-phone", "/set-up#time", (412, 1080), links.well, mode="training"),
    Scene("set-up-operation", "/set-up#operation", (1280, 900), links.well),
    Scene("set-up-traveller", "/set-up#traveller", (1280, 900), links.well),
    Scene("technician-lost", "/technician", OFFICER, links.well, lose=True),
    Scene("index", "/", (1366, 768), kiosks.idle),
    Scene("key", "/key", (1366, 768), kiosks.idle),
    Scene("sign-in", "/sign-in", (1366, 768), kiosks.waiting, signed_in=False),
    Scene("sign-in-change", "/sign-in", (1366, 768), kiosks.staff, act=acts.sign_in_first, signed_in=False),
    Scene("people", "/people", OFFICER, kiosks.staff),
    Scene("people-pin", "/people", OFFICER, kiosks.staff, act=acts.add_somebody),
    Scene("people-small", "/people", (1280, 900), kiosks.staff, act=acts.add_known),
    Scene("people-phone", "/people", (412, 1800), kiosks.staff, mode="training"),
    Scene("people-lost", "/people", OFFICER, kiosks.staff, lose=True),
    Scene("audit", "/audit", OFFICER, kiosks.full_queue, act=acts.check_chain),
    Scene("audit-damaged", "/audit", OFFICER, kiosks.damaged, act=acts.check_damaged),
    Scene("audit-small", "/audit", (1280, 900), kiosks.full_queue, act=acts.narrowed),
)
