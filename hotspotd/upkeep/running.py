"""The checks of a running daemon: the doctor's, but for what the daemon itself holds, which it says by its events."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hotspotd.biometrics.face import FaceEngine
from hotspotd.config import Config
from hotspotd.events import DeviceState, DeviceView, Event, LinkView
from hotspotd.upkeep.checks import gateway, hardware, machine, place
from hotspotd.upkeep.checks.finding import Check, Finding, State, Subject, examine

# Devices, models and the list are in use: they are asked of the daemon, and not opened a second time.
CHECKS: tuple[Check, ...] = (
    place.configuration,
    gateway.certificates,
    machine.clock,
    hardware.temperature,
    hardware.throttling,
    place.free_space,
    place.durable_write,
    hardware.wear,
    machine.browser,
    machine.arabic_fonts,
    machine.systemd_bindings,
    machine.sqlite,
    machine.python,
)
_DEVICE_STATES = {
    DeviceState.READY: State.WORKS,
    DeviceState.STARTING: State.NOT_CHECKED,
    DeviceState.ABSENT: State.FAILS,
    DeviceState.FAULTED: State.FAILS,
}
_WORST_FIRST = (State.FAILS, State.WARNING, State.NOT_CHECKED, State.WORKS)


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A finding as the page shows it. ``to`` is the part of the pages where it is helped, empty where by hand."""

    name: str
    state: State
    text: str
    advice: str = ""
    to: str = ""


def checked(subject: Subject, present: Iterable[Event], faces: FaceEngine | None, list_text: str) -> list[Checked]:
    """Everything, the worst first. ``list_text`` describes the list in force, empty where there is none. Blocks."""
    found = [one for check in CHECKS for one in examine(check, subject)]
    events = list(present)
    shown = [_placed(one) for one in found]
    shown += [_device(view) for view in events if isinstance(view, DeviceView)]
    shown += [one for view in events if isinstance(view, LinkView) for one in _links(view)]
    shown.append(_list(list_text))
    if subject.config is not None:
        shown.append(_faces(subject.config, faces))
    return sorted(shown, key=lambda one: _WORST_FIRST.index(one.state))


def _placed(finding: Finding) -> Checked:
    places: dict[str, str] = {"clock": "/set-up#time", "certificates": "/set-up#enrolment"}
    places |= dict.fromkeys(("device certificate", "device key", "trust anchor"), "/set-up#enrolment")
    bad = finding.state in {State.FAILS, State.WARNING}
    return Checked(
        name=finding.name,
        state=finding.state,
        text=finding.text,
        advice=finding.advice if bad else "",
        to=places.get(finding.name, "") if bad else "",
    )


def _device(view: DeviceView) -> Checked:
    state = _DEVICE_STATES[view.state]
    bad = state is State.FAILS
    return Checked(
        name=f"{view.lane} {view.device}",
        state=state,
        text=(view.reason.replace("_", " ") if bad and view.reason else view.state.value),
        advice=view.advice if bad else "",
        to="#devices" if bad and view.device not in {"records", "watchlist"} else "",
    )


def _links(view: LinkView) -> Iterable[Checked]:
    for route in view.routes:
        tried = route.up or bool(route.last_error)
        state = State.WORKS if route.up else State.WARNING if tried else State.NOT_CHECKED
        text = "up" if route.up else route.last_error or "in reserve, not tried yet"
        advice = "Lanes work on and send later. Try the link." if state is State.WARNING else ""
        yield Checked(
            name=f"link {route.name}", state=state, text=text, advice=advice, to="#links-tried" if advice else ""
        )


def _list(text: str) -> Checked:
    if text:
        return Checked(name="watchlist", state=State.WORKS, text=text)
    return Checked(
        name="watchlist",
        state=State.FAILS,
        text="there is none: every traveller is referred",
        advice="Build one: hotspotctl watchlist build, or have it sent: watchlist.updates.",
    )


def _faces(config: Config, faces: FaceEngine | None) -> Checked:
    if not config.operation.face:
        return Checked(name="face model", state=State.NOT_CHECKED, text="the operation compares no faces")
    if faces is None:
        return Checked(name="face model", state=State.FAILS, text="none is open", advice="See hotspotctl models list.")
    if faces.grade == "operational":
        return Checked(name="face model", state=State.WORKS, text=faces.engine)
    return Checked(
        name="face model",
        state=State.WARNING,
        text=f"{faces.engine}: for demonstration only",
        advice="Configure an operational model before real use: models.folder, models.face_embedder.",
    )
