"""What each step of setting up finds: its state, why, and what to do."""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

from hotspotd.clock import Clock
from hotspotd.config import Config
from hotspotd.console.controls import Upkeep
from hotspotd.console.languages import HEADS
from hotspotd.events import DeviceState, DeviceView, Events, LinkView
from hotspotd.upkeep import profiles, time_setting
from hotspotd.upkeep.checks import gateway
from hotspotd.upkeep.checks.finding import Finding, State, Subject, examine
from hotspotd.upkeep.network import COMMANDS, Network, network
from hotspotd.workers import Worker

Step = Literal["language", "time", "network", "enrolment", "devices", "operation", "traveller"]
STEPS: Final[tuple[Step, ...]] = get_args(Step)
ENROL_COMMAND: Final = "sudo hotspotctl device enrol"
_ORDER = (State.FAILS, State.WARNING, State.NOT_CHECKED, State.WORKS)
_NOT_A_DEVICE = frozenset({"records", "watchlist"})


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One step: how it is, why, what to do, the commands that do it, and what the page needs to draw it."""

    step: Step
    state: State
    reason: str
    advice: str = ""
    commands: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    facts: dict[str, object] = {}


class Steps:
    """Looks at every step."""

    def __init__(self, config: Config, events: Events, upkeep: Upkeep, worker: Worker, clock: Clock) -> None:
        self._config = config
        self._subject = Subject(upkeep.file, config)
        self._events = events
        self._upkeep = upkeep
        self._worker = worker
        self._clock = clock

    async def look(self, language: str) -> tuple[Found, ...]:
        """All steps in their order. ``language`` is that of the house."""
        at_machine = await self._worker.run(self._at_machine)
        return (_language(language), *at_machine, self._devices(), await self._operation(), self._traveller())

    def _at_machine(self) -> tuple[Found, ...]:
        """Time, network and enrolment. Blocks."""
        return self._time(), _network(network(self._config.relay)), self._enrolment()

    def _time(self) -> Found:
        now, known = self._clock.now(), time_setting.setting()
        facts: dict[str, object] = {"zone": known.zone, "network_time": known.network_time, "now": now.iso()}
        if not now.trusted:
            reason, state, advice = "The clock is not set.", State.FAILS, "Set the time, or let the network set it."
        elif known.synchronised:
            reason, state, advice = "The clock is set by the network.", State.WORKS, ""
        elif known.problem:
            reason, state = f"Nobody says whether the network sets the clock: {known.problem}.", State.WARNING
            advice = "Compare the time with a watch."
        else:
            reason, state = "The network has not confirmed the clock.", State.WARNING
            advice = "Compare the time with a watch, and let the network set it where it can be reached."
        return Found(step="time", state=state, reason=reason, advice=advice, facts=facts)

    def _enrolment(self) -> Found:
        found = tuple(examine(gateway.certificates, self._subject))
        state = worst(found)
        here = self._upkeep.enrolment is not None
        advice = "" if state is State.WORKS else "Ask the gateway's office for a one-time code, and enrol this device."
        return Found(
            step="enrolment",
            state=state,
            reason="This device has its certificate." if state is State.WORKS else "See what is wrong below.",
            advice=advice,
            commands=() if here else (ENROL_COMMAND,),
            findings=found,
            facts={"here": here, "device": self._config.device.name, "url": self._config.relay.https_url()},
        )

    def _devices(self) -> Found:
        views = [v for v in self._events.present() if isinstance(v, DeviceView) and v.device not in _NOT_A_DEVICE]
        bad = [view for view in views if view.state is not DeviceState.READY]
        state = State.NOT_CHECKED if not views else State.FAILS if bad else State.WORKS
        return Found(
            step="devices",
            state=state,
            reason=f"{len(views) - len(bad)} of {len(views)} devices are ready.",
            advice="Test each device: it shows what is wrong, and what to do." if bad else "Test each device once.",
            commands=("hotspotctl devices probe",) if bad else (),
            facts={
                "lanes": {lane.name: self._kinds(lane.name) for lane in self._config.lanes},
                "states": {f"{view.lane}/{view.device}": view.state.value for view in views},
            },
        )

    def _kinds(self, lane: str) -> tuple[str, ...]:
        trials = self._upkeep.trials.get(lane)
        return () if trials is None else trials.kinds

    async def _operation(self) -> Found:
        operation, lanes = self._config.operation, self._config.lanes
        offered = await self._worker.run(profiles.offered, self._upkeep.file)
        chosen = await self._worker.run(profiles.chosen, self._upkeep.file, self._config)
        chip = operation.chip != "off" and any(lane.chip for lane in lanes)
        asked = [("Document", "zone and chip" if chip else "zone")]
        if operation.face and any(lane.camera for lane in lanes):
            asked.append(("Face", f"live face: {self._config.liveness.mode}"))
        if operation.fingers and any(lane.scanner for lane in lanes):
            fingers = ", ".join(name.replace("_", " ") for name in operation.fingers)
            asked.append(("Fingers", f"{fingers}; from {operation.youngest_for_fingers} years on"))
        asked.append(("Without a hit kept for", f"{operation.keep_clear_hours:g} h"))
        training = self._config.device.mode == "training"
        state, advice = (State.WARNING, "Training: nothing that is found counts.") if training else (State.WORKS, "")
        if chosen and chosen != operation.name:
            state, advice = State.WARNING, f"{chosen} is chosen, and in force when the daemon starts anew."
        return Found(
            step="operation",
            state=state,
            reason=f"Operation {operation.name}, {self._config.device.mode}.",
            advice=advice,
            commands=(f"sudoedit {self._upkeep.file}", "sudo systemctl restart hotspotd"),
            facts={"asked": asked, "profiles": offered, "chosen": chosen, "name": operation.name},
        )

    def _traveller(self) -> Found:
        link = next((view for view in self._events.present() if isinstance(view, LinkView)), None)
        links = tuple(section.name for section in self._config.relay.in_order())
        return Found(
            step="traveller",
            state=State.NOT_CHECKED,
            reason="Be the test traveller: present a specimen, look into the camera, touch the glass.",
            advice="Nothing of it is written down; each capture is compared with a second one.",
            facts={"links": links, "link_up": link is not None and link.up},
        )


def _language(code: str) -> Found:
    name = next(head.name for head in HEADS if head.code == code)
    return Found(
        step="language",
        state=State.WORKS,
        reason=f"The travellers' page begins in {name}, and turns to that of the document.",
        facts={"language": code, "languages": {head.code: head.name for head in HEADS}},
    )


def _network(found: Network) -> Found:
    lost = [host for host in found.hosts if host.problem]
    up = [one for one in found.interfaces if one.up]
    facts: dict[str, object] = {"interfaces": found.interfaces, "hosts": found.hosts, "problem": found.problem}
    if lost:
        names = ", ".join(f"{host.name} ({host.problem})" for host in lost)
        return Found(
            step="network",
            state=State.FAILS if not up else State.WARNING,
            reason=f"Not found: {names}.",
            advice="Plug the cable in, or join the wireless network, at the machine itself.",
            commands=COMMANDS,
            facts=facts,
        )
    return Found(
        step="network", state=State.WORKS, reason="Every gateway's name is known.", commands=COMMANDS, facts=facts
    )


def worst(findings: tuple[Finding, ...]) -> State:
    """The worst state of ``findings``."""
    return min((one.state for one in findings), key=_ORDER.index, default=State.NOT_CHECKED)
