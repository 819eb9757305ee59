"""A technician tries the devices of a lane that is closed for it: preview, test, the test traveller's second capture.

What a test saw is kept in memory until the lane opens again, and never written down. Of a document the page is told
the layout and which check digits match. Who did what is in the audit chain.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import cv2
import msgspec
import numpy as np
from aiohttp import web
from numpy.typing import NDArray

from drivers.base import DriverError
from hotspotd.biometrics.face import FaceEngine
from hotspotd.config import Config
from hotspotd.console.answers import as_json
from hotspotd.console.controls import LaneTrials, Upkeep
from hotspotd.console.gate import actor, needs
from hotspotd.console.traveller import encode_mirror
from hotspotd.devices.named import NamedDevice, named
from hotspotd.devices.trial import try_open
from hotspotd.devices.trial_result import Patience, Trial
from hotspotd.domain.rights import Act
from hotspotd.errors import BiometricError, Reason, UpkeepError
from hotspotd.records import Records
from hotspotd.upkeep.likeness import Likeness, faces_alike, fingers_alike
from hotspotd.workers import Worker

_PATIENCE = Patience(presented_s=25.0, frames_s=2.0, light_s=1.0)
# A preview that stands still is worse than none.
_STALE_S = 2.0

Pixels = NDArray[np.uint8]


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A test's results. ``likeness``: with the capture before it; ``picture``: there is one to be fetched."""

    trial: Trial
    picture: bool
    likeness: Likeness | None = None


class _Bench:
    """One lane being tried: what runs, and the last picture of each device."""

    def __init__(self, trials: LaneTrials) -> None:
        self.trials = trials
        self.running: asyncio.Task[Any] | None = None
        self.pictures: dict[str, Pixels] = {}

    def forget(self) -> None:
        """Nothing of what was seen stays."""
        self.pictures.clear()
        if self.running is not None:
            self.running.cancel()


class DevicePages:
    """Handlers of devices tried."""

    def __init__(self, config: Config, records: Records, upkeep: Upkeep, worker: Worker) -> None:
        self._config = config
        self._records = records
        self._faces = upkeep.faces
        self._worker = worker
        self._named = {device.name: device for device in named(config)}
        self._benches = {name: _Bench(trials) for name, trials in upkeep.trials.items()}

    def routes(self) -> list[web.RouteDef]:
        """Their addresses."""
        lane, device = "/api/lanes/{lane}/trials", "/api/lanes/{lane}/trials/{device}"
        return [
            needs(Act.MEND, "POST", lane, self.post_hold),
            needs(Act.MEND, "DELETE", lane, self.delete_hold),
            needs(Act.MEND, "POST", device, self.post_test),
            needs(Act.MEND, "GET", f"{device}/picture.jpg", self.get_picture),
            needs(Act.MEND, "GET", f"{lane}/preview.jpg", self.get_preview),
        ]

    def _bench(self, request: web.Request) -> _Bench:
        bench = self._benches.get(request.match_info["lane"])
        if bench is None:
            raise UpkeepError(Reason.NOT_FOUND, "no such lane", "The configuration names them.")
        if not bench.trials.held:
            bench.forget()
        return bench

    async def post_hold(self, request: web.Request) -> web.StreamResponse:
        """Close the lane for travellers, or keep it closed for longer."""
        bench, name = self._bench(request), request.match_info["lane"]
        began = not bench.trials.held
        await bench.trials.hold()
        if began:
            await self._records.audited("lane.held", subject=name, actor=actor(request))
        return as_json({"devices": bench.trials.kinds})

    async def delete_hold(self, request: web.Request) -> web.StreamResponse:
        """Let travellers in again."""
        bench, name = self._bench(request), request.match_info["lane"]
        held = bench.trials.held
        bench.forget()
        bench.trials.release()
        if held:
            await self._records.audited("lane.released", subject=name, actor=actor(request))
        return web.Response(status=204)

    async def get_preview(self, request: web.Request) -> web.StreamResponse:
        """The camera's newest picture; 204 where it gives none."""
        bench = self._bench(request)
        frame = bench.trials.latest_frame()
        if frame is None or time.monotonic() - frame.captured_at > _STALE_S:
            return web.Response(status=204)
        shown = frame.pixels if frame.preview is None else frame.preview
        return web.Response(body=await self._worker.run(encode_mirror, shown), content_type="image/jpeg")

    async def get_picture(self, request: web.Request) -> web.StreamResponse:
        """What the last test of the device saw."""
        pixels = self._bench(request).pictures.get(request.match_info["device"])
        if pixels is None:
            raise UpkeepError(Reason.NOT_FOUND, "nothing was seen", "Test the device first.")
        return web.Response(body=await self._worker.run(_encoded, pixels), content_type="image/jpeg")

    async def post_test(self, request: web.Request) -> web.StreamResponse:
        """Have one device do its work; what was captured is compared with what was before it."""
        bench, kind = self._bench(request), request.match_info["device"]
        named_as = f"{request.match_info['lane']}/{kind}"
        device = self._named.get(named_as)
        if device is None:
            raise UpkeepError(Reason.NOT_FOUND, f"no device {named_as}", "The configuration names them.")
        if bench.running is not None:
            raise UpkeepError(Reason.CONFLICT, "a device of this lane is being tested", "Wait for it.")
        await bench.trials.hold()
        tried = await self._alone(bench, self._try(bench, device, kind))
        done = "works" if tried.trial.ok else tried.trial.reason or "does not work"
        await self._records.audited("device.tested", subject=named_as, actor=actor(request), detail=done)
        return as_json(tried)

    async def _alone(self, bench: _Bench, work: Coroutine[Any, Any, Tried]) -> Tried:
        bench.running = task = asyncio.create_task(work)
        try:
            return await task
        except asyncio.CancelledError as error:
            task.cancel()
            if (current := asyncio.current_task()) is not None and current.cancelling():
                raise
            raise UpkeepError(Reason.CONFLICT, "the lane was opened again", "Close it for tests first.") from error
        finally:
            bench.running = None

    async def _try(self, bench: _Bench, device: NamedDevice, kind: str) -> Tried:
        try:
            driver = await bench.trials.device(kind)
        except DriverError as error:
            trial = Trial(name=device.name, kind=kind, driver=device.driver, address=device.shown_address)
            trial = msgspec.structs.replace(trial, reason=error.reason.value, problem=error.what, advice=error.advice)
            return Tried(trial=trial, picture=False)
        trial, picture = await try_open(
            device,
            driver,
            worker=self._worker,
            faces=self._engine,
            patience=_PATIENCE,
            failed=partial(bench.trials.fault, kind, driver),
        )
        before = bench.pictures.get(kind)
        if picture is None:
            return Tried(trial=trial, picture=False)
        bench.pictures[kind] = picture
        likeness = None if before is None else await self._worker.run(self._alike(kind, before, picture, trial))
        return Tried(trial=trial, picture=True, likeness=likeness)

    def _alike(self, kind: str, before: Pixels, now: Pixels, trial: Trial) -> Callable[[], Likeness]:
        matching = self._config.matching
        if kind == "camera":
            return partial(faces_alike, self._engine, before, now, matching.face_fmr)
        return partial(fingers_alike, before, now, trial.dpi or 500, matching.finger_fmr)

    def _engine(self) -> FaceEngine:
        if self._faces is None:
            raise BiometricError(Reason.MODEL_MISSING, "the operation compares no faces")
        return self._faces


def _encoded(pixels: Pixels) -> bytes:
    return encode_mirror(pixels if pixels.ndim == 3 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), np.uint8))
