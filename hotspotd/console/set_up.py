"""Setting the kiosk up, step by step: what each step finds, what is to be done, and how far somebody has come.

The steps are in the order in which they are best taken, and none has to be: how each is, is looked at anew every
time; only what was marked as seen to, and the language of the house, are kept (in the records). What the daemon may
not do by its sandbox is shown with the command that does it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

import msgspec
from aiohttp import web

from hotspotd.clock import Clock
from hotspotd.config import Config
from hotspotd.console.answers import as_json, asked
from hotspotd.console.controls import Upkeep
from hotspotd.console.gate import actor, needs
from hotspotd.console.languages import HEADS
from hotspotd.console.set_up_steps import STEPS, Found, Step, Steps
from hotspotd.domain.rights import Act
from hotspotd.errors import Reason, UpkeepError
from hotspotd.events import Events
from hotspotd.records import Records
from hotspotd.upkeep import profiles, time_setting
from hotspotd.workers import Worker

KEPT = "set_up"
T = TypeVar("T")


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far somebody has come: the step they were at, those marked as seen to with when, the language."""

    at: Step = "language"
    seen: dict[str, str] = {}
    language: str = "en"


class SetUpShown(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of the page. ``steps`` in their order."""

    build: str
    progress: Progress
    steps: tuple[Found, ...]


class _Marked(msgspec.Struct, frozen=True):
    seen: bool


class _Language(msgspec.Struct, frozen=True):
    language: str


class _Operation(msgspec.Struct, frozen=True):
    profile: str


class _Time(msgspec.Struct, frozen=True, kw_only=True):
    zone: str | None = None
    time: str | None = None
    network_time: bool | None = None


class _Enrol(msgspec.Struct, frozen=True):
    url: str
    code: str
    fingerprint: str


class SetUpPages:
    """Handlers of setting up."""

    def __init__(
        self,
        config: Config,
        events: Events,
        records: Records,
        upkeep: Upkeep,
        worker: Worker,
        clock: Clock,
        *,
        build: str,
        speak: Callable[[str], None],
    ) -> None:
        """``speak`` is told the language of the house."""
        self._config = config
        self._records = records
        self._upkeep = upkeep
        self._worker = worker
        self._clock = clock
        self._build = build
        self._speak = speak
        self._steps = Steps(config, events, upkeep, worker, clock)

    def routes(self) -> list[web.RouteDef]:
        """Everything but the page itself."""
        return [
            needs(Act.MEND, "GET", "/set-up/state", self.get_state),
            needs(Act.MEND, "GET", "/set-up/zones", self.get_zones),
            needs(Act.MEND, "POST", "/api/set-up/steps/{step}", self.post_step),
            needs(Act.MEND, "POST", "/api/set-up/language", self.post_language),
            needs(Act.MEND, "POST", "/api/set-up/time", self.post_time),
            needs(Act.MEND, "POST", "/api/set-up/operation", self.post_operation),
            needs(Act.MEND, "POST", "/api/set-up/enrolment", self.post_enrolment),
        ]

    async def progress(self) -> Progress:
        """What is kept. Raises RecordsError."""
        text = await self._records.kept(KEPT)
        return Progress() if text is None else msgspec.json.decode(text, type=Progress)

    async def start(self) -> None:
        """Tell the language that was chosen before. Raises RecordsError."""
        self._speak((await self.progress()).language)

    async def get_state(self, _: web.Request) -> web.StreamResponse:
        """Every step, looked at anew."""
        progress = await self.progress()
        steps = await self._steps.look(progress.language)
        return as_json(SetUpShown(build=self._build, progress=progress, steps=steps))

    async def get_zones(self, _: web.Request) -> web.StreamResponse:
        """Names of time zones."""
        return as_json(await self._worker.run(time_setting.zones))

    async def post_step(self, request: web.Request) -> web.StreamResponse:
        """Mark a step as seen to, or not; the next one is where somebody goes on."""
        step = request.match_info["step"]
        if step not in STEPS:
            raise UpkeepError(Reason.NOT_FOUND, "no such step", "There are: " + ", ".join(STEPS) + ".")
        marked, progress = await asked(request, _Marked), await self.progress()
        seen = {name: when for name, when in progress.seen.items() if name != step}
        if marked.seen:
            seen[step] = self._clock.now().iso()
        at: Step = STEPS[min(STEPS.index(step) + marked.seen, len(STEPS) - 1)]
        return await self._keep(request, msgspec.structs.replace(progress, seen=seen, at=at), f"step {step}")

    async def post_language(self, request: web.Request) -> web.StreamResponse:
        """The language in which the travellers' page begins."""
        language = (await asked(request, _Language)).language
        if language not in {head.code for head in HEADS}:
            raise UpkeepError(Reason.BAD_VALUE, "no such language", "Choose one of the list.")
        progress = msgspec.structs.replace(await self.progress(), language=language)
        answer = await self._keep(request, progress, f"language {language}")
        self._speak(language)
        return answer

    async def _keep(self, request: web.Request, progress: Progress, detail: str) -> web.StreamResponse:
        text = msgspec.json.encode(progress).decode()
        await self._records.keep(KEPT, text, actor=actor(request), detail=detail)
        return await self.get_state(request)

    async def post_time(self, request: web.Request) -> web.StreamResponse:
        """Set zone, time or whether the network sets it: one of them. What the system refuses is told."""
        wish = await asked(request, _Time)
        if wish.zone is not None:
            outcome = await self._worker.run(time_setting.set_zone, wish.zone)
        elif wish.time is not None:
            outcome = await self._worker.run(time_setting.set_time, wish.time)
        elif wish.network_time is not None:
            on = wish.network_time
            outcome = await self._worker.run(lambda: time_setting.set_network_time(on=on))
        else:
            raise UpkeepError(Reason.BAD_VALUE, "nothing to set", "Give zone, time or network_time.")
        done = "set" if outcome.done else "refused by the system"
        await self._records.audited("set_up.time", subject="clock", actor=actor(request), detail=done)
        return as_json(outcome)

    async def post_operation(self, request: web.Request) -> web.StreamResponse:
        """Choose a profile for the next start; empty: none."""
        profile = (await asked(request, _Operation)).profile
        try:
            await self._worker.run(profiles.choose, self._upkeep.file, self._config, profile)
        except OSError as error:
            raise UpkeepError(
                Reason.STORAGE_FAILED,
                f"the choice could not be written: {error.strerror}",
                "See the check of the disk.",
            ) from error
        who = actor(request)
        await self._records.audited("set_up.operation", subject="operation", actor=who, detail=profile or "none")
        return await self.get_state(request)

    async def post_enrolment(self, request: web.Request) -> web.StreamResponse:
        """Enrol this device with a one-time code, which is written nowhere."""
        enrolment = self._upkeep.enrolment
        if enrolment is None:
            raise UpkeepError(Reason.CONFLICT, "this daemon does not enrol", "sudo hotspotctl device enrol")
        wish = await asked(request, _Enrol)
        outcome: Literal["enrolled", "refused"] = "refused"
        try:
            said = await enrolment.enrol(wish.url, wish.code, wish.fingerprint)
            outcome = "enrolled"
        finally:
            await self._records.audited("set_up.enrolment", subject="device", actor=actor(request), detail=outcome)
        return as_json({"said": said})
