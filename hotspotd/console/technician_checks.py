"""The technician's checks: one list, the machine and models, links tried, the log, the support bundle, versions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from aiohttp import web

from hotspotd import __version__
from hotspotd.clock import Clock
from hotspotd.config import Config
from hotspotd.console.answers import as_json
from hotspotd.console.controls import ListInForce, Upkeep
from hotspotd.console.gate import actor, needs
from hotspotd.domain.rights import Act
from hotspotd.domain.software import UpdateState
from hotspotd.errors import Reason, UpkeepError
from hotspotd.events import Events
from hotspotd.health.recent import LogLine
from hotspotd.records import Records
from hotspotd.upkeep import bundle
from hotspotd.upkeep.checks.finding import Subject
from hotspotd.upkeep.engines import ModelShown, models_in_use
from hotspotd.upkeep.hardware import Hardware, hardware
from hotspotd.upkeep.links import try_named
from hotspotd.upkeep.running import Checked, checked
from hotspotd.upkeep.scrub import Scrubber, personal_words
from hotspotd.workers import Worker

_LOG_SHOWN = 200


class MachineShown(msgspec.Struct, frozen=True, kw_only=True):
    """The machine and the models on it."""

    machine: Hardware
    models: tuple[ModelShown, ...]


class UpdatesShown(msgspec.Struct, frozen=True, kw_only=True):
    """The versions, what is under way, what came of the last act. ``command`` does it where the page cannot."""

    running: str
    before: str = ""
    ready: str = ""
    said: str = ""
    at: str = ""
    doing: str = ""
    command: str = ""


class CheckPages:
    """Handlers of the checks. One bundle is made at a time."""

    def __init__(
        self,
        config: Config,
        events: Events,
        records: Records,
        watchlist: Callable[[], ListInForce | None],
        upkeep: Upkeep,
        worker: Worker,
        clock: Clock,
    ) -> None:
        self._config = config
        self._subject = Subject(upkeep.file, config)
        self._events = events
        self._records = records
        self._watchlist = watchlist
        self._upkeep = upkeep
        self._worker = worker
        self._clock = clock
        self._one_bundle = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """Their addresses."""
        return [
            needs(Act.SEE_DEVICES, "GET", "/technician/checks", self.get_checks),
            needs(Act.SEE_DEVICES, "GET", "/technician/machine", self.get_machine),
            needs(Act.SEE_DEVICES, "GET", "/technician/version", self.get_version),
            needs(Act.MEND, "GET", "/technician/log", self.get_log),
            needs(Act.MEND, "GET", "/technician/support-bundle.zip", self.get_bundle),
            needs(Act.MEND, "POST", "/api/links/{link}/test", self.post_link),
            needs(Act.UPDATE, "POST", "/api/software/{act}", self.post_software),
        ]

    async def checks(self) -> list[Checked]:
        """Everything that is looked at, the worst first."""
        now = self._watchlist()
        text = "" if now is None else f"{now.version}, made {now.made_at[:10]}"
        return await self._worker.run(checked, self._subject, self._events.present(), self._upkeep.faces, text)

    async def get_checks(self, _: web.Request) -> web.StreamResponse:
        """One list, looked at anew."""
        return as_json(await self.checks())

    def _machine(self) -> MachineShown:
        database = self._subject.resolve(self._config.records.database)
        return MachineShown(machine=hardware(database), models=models_in_use(self._config, self._upkeep.file))

    async def get_machine(self, _: web.Request) -> web.StreamResponse:
        """Temperature, throttling, storage, models."""
        return as_json(await self._worker.run(self._machine))

    async def get_log(self, request: web.Request) -> web.StreamResponse:
        """The newest lines, newest first, cleaned as in the bundle."""
        self._records.viewed("log.viewed", subject="log", actor=actor(request))
        scrubber = Scrubber(await personal_words(self._records))
        lines = self._upkeep.recent.lines()[-_LOG_SHOWN:]
        shown = await self._worker.run(lambda: [_cleaned(line, scrubber) for line in reversed(lines)])
        return as_json(shown)

    async def get_bundle(self, request: web.Request) -> web.StreamResponse:
        """The support bundle."""
        async with self._one_bundle:
            await self._records.audited("support_bundle.taken", subject="support bundle", actor=actor(request))
            now = self._clock.now()
            words = await personal_words(self._records)
            facts: dict[str, object] = {
                "checks": await self.checks(),
                "machine": await self._worker.run(self._machine),
                "counts": await bundle.day_counts(self._records, now),
            }
            metrics = (await self._upkeep.metrics()).decode()
            files = {"log.txt": bundle.log_text(self._upkeep.recent.lines()), "metrics.txt": metrics}
            content = await self._worker.run(_bundle, self._config, now.iso(), facts, files, words)
        name = f"{self._config.device.name}-{now.iso()[:16].replace(':', '')}.zip"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(body=content, content_type="application/zip", headers=headers)

    async def post_link(self, request: web.Request) -> web.StreamResponse:
        """Try one link."""
        name = request.match_info["link"]
        tried = await try_named(name, self._config, self._upkeep.file, self._clock)
        detail = "works" if tried.ok else "does not work"
        await self._records.audited("link.tested", subject=name, actor=actor(request), detail=detail)
        return as_json(tried)

    async def get_version(self, _: web.Request) -> web.StreamResponse:
        """The version in force, and how another one is put in its place."""
        updates = self._upkeep.updates
        if updates is None:
            return as_json(UpdatesShown(running=__version__, command="sudo hotspotctl update"))
        return as_json(_updates(await updates.state()))

    async def post_software(self, request: web.Request) -> web.StreamResponse:
        """Check for another version, apply it, roll back to the one before."""
        act, updates = request.match_info["act"], self._upkeep.updates
        if updates is None:
            raise UpkeepError(Reason.CONFLICT, "this daemon does not change its software", "sudo hotspotctl update")
        doing = _ACTS.get(act)
        if doing is None:
            raise UpkeepError(Reason.NOT_FOUND, "no such act", "check, apply or roll-back")
        # Before it is done: the daemon may end by it.
        await self._records.audited(f"software.{act.replace('-', '_')}", subject="software", actor=actor(request))
        return as_json(_updates(await doing(updates)))


_ACTS = {
    "check": lambda updates: updates.check(),
    "apply": lambda updates: updates.apply(),
    "roll-back": lambda updates: updates.roll_back(),
}


def _updates(state: UpdateState) -> UpdatesShown:
    return UpdatesShown(
        running=state.running,
        before=state.before,
        ready=state.ready,
        said=state.said,
        at=state.at,
        doing=state.doing,
    )


def _cleaned(line: LogLine, scrubber: Scrubber) -> LogLine:
    return msgspec.structs.replace(line, text=scrubber.clean(line.text))


def _bundle(config: Config, made: str, facts: dict[str, object], files: dict[str, str], words: frozenset[str]) -> bytes:
    files["journal.txt"] = bundle.journal()
    return bundle.packed(bundle.texts(config, made, facts, files), words)
