"""Stands in for the modules ``picamera2`` and ``libcamera``, with the signatures and the buffers of Picamera2 0.3.

What it follows: ``configure`` rounds sizes and gives the lores stream a stride of a multiple of 64, so that its
YUV420 array is (height * 3 / 2, stride) with padding; a buffer goes round, so that a request that is not released is
missing later; ``capture_request(wait=False)`` gives a job that ``wait`` waits for; jobs are done in turn, and ``stop``
is one, so that it hangs behind a job that never ends unless ``cancel_all_and_flush`` came first; a closed camera must
not be used, and the same camera cannot be opened twice.
"""

from __future__ import annotations

import time
import types
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


class AfModeEnum(IntEnum):
    """libcamera.controls.AfModeEnum."""

    Manual = 0
    Auto = 1
    Continuous = 2


@dataclass
class Module:
    """The camera module itself: what it sees, what it can, and what was done with it."""

    picture: NDArray[np.uint8]
    plugged: bool = True
    streaming: bool = True
    broken: bool = False
    autofocus: bool = True
    clock_offset_s: float = 0.0
    controls: dict[str, Any] = field(default_factory=dict)
    in_use: bool = False
    opened: int = 0
    buffers_out: int = 0
    flushed: int = 0

    def modules(self) -> dict[str, types.ModuleType]:
        """What goes into sys.modules."""
        picamera2, libcamera = types.ModuleType("picamera2"), types.ModuleType("libcamera")
        module = self

        class Picamera2(StandIn):
            @staticmethod
            def global_camera_info() -> list[dict[str, Any]]:
                return [{"Model": "imx708", "Location": 2, "Rotation": 180, "Id": "/base", "Num": 0}] * module.plugged

            def __init__(self, camera_num: int = 0, verbose_console: int | None = None, tuning: Any = None) -> None:
                assert (camera_num, verbose_console, tuning) == (0, None, None)
                super().__init__(module)

        picamera2.Picamera2 = Picamera2  # type: ignore[attr-defined]
        libcamera.controls = types.SimpleNamespace(AfModeEnum=AfModeEnum)  # type: ignore[attr-defined]
        return {"picamera2": picamera2, "libcamera": libcamera}


class Job:
    """A request that is waited for."""

    def __init__(self) -> None:
        self.ready_at = time.monotonic() + 0.01


class Request:
    """A completed request: a buffer of each stream."""

    def __init__(self, camera: StandIn) -> None:
        self._camera = camera
        self._held = True
        camera.module.buffers_out += 1
        self._at = time.monotonic() - 0.005 + camera.module.clock_offset_s
        self._seen = camera.module.picture

    def make_array(self, name: str) -> NDArray[np.uint8]:
        assert self._held
        if self._camera.module.broken:
            raise RuntimeError("the pipeline has failed")
        stream = self._camera.camera_configuration()[name]
        width, height = stream["size"]
        shown = cv2.resize(self._seen, (width, height), interpolation=cv2.INTER_AREA)
        if stream["format"] == "BGR888":
            return np.stack([shown, shown, np.zeros_like(shown)], axis=-1)  # Yellow, to tell R from B.
        assert stream["format"] == "YUV420"
        stride = stream["stride"]
        planes = np.full((height * 3 // 2, stride), 77, np.uint8)
        planes[:height, :width] = (shown * (219 / 255) + 16).astype(np.uint8)
        planes[height:] = 128
        return planes

    def get_metadata(self) -> dict[str, Any]:
        assert self._held
        return {"SensorTimestamp": int(self._at * 1e9), "ExposureTime": 10_000}

    def release(self) -> None:
        assert self._held, "released twice"
        self._held = False
        self._camera.module.buffers_out -= 1


class StandIn:
    """Picamera2."""

    def __init__(self, module: Module) -> None:
        if module.in_use or not module.plugged:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        module.in_use = True
        module.opened += 1
        self.module = module
        self._jobs: list[Job] = []
        self._configured: dict[str, Any] = {}
        self._started = False
        self._closed = False
        self.camera_controls: dict[str, Any] = {
            "AeEnable": (False, True, None),
            "ExposureTime": (26, 220_416_802, None),
            "AnalogueGain": (1.0, 16.0, None),
            "FrameDurationLimits": (33_333, 120_000, None),
        }
        if module.autofocus:
            self.camera_controls |= {"AfMode": (0, 2, 0), "LensPosition": (0.0, 32.0, 1.0)}

    def create_video_configuration(
        self,
        main: dict[str, Any],
        lores: dict[str, Any] | None = None,
        buffer_count: int = 6,
        controls: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        assert not self._closed
        return {"main": dict(main), "lores": lores and dict(lores), "buffer_count": buffer_count, "controls": controls}

    def configure(self, camera_config: dict[str, Any]) -> None:
        assert not self._started
        for name in ("main", "lores"):
            if stream := camera_config[name]:
                width, height = stream["size"][0] & ~1, stream["size"][1] & ~1
                stream["size"] = (width, height)
                stream["stride"] = (width + 63) // 64 * 64 if stream["format"] == "YUV420" else width * 3
        self._configured = camera_config

    def camera_configuration(self) -> dict[str, Any]:
        return self._configured

    def set_controls(self, controls: dict[str, Any]) -> None:
        for name in controls:
            if name not in self.camera_controls:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
        self.module.controls = dict(controls)

    def start(self) -> None:
        assert self._configured
        self._started = True

    def capture_request(self, wait: bool | None = None, signal_function: Any = None, flush: Any = None) -> Job:
        assert (wait, signal_function, flush) == (False, None, None)
        assert self._started
        self._jobs.append(Job())
        return self._jobs[-1]

    def wait(self, job: Job, timeout: float | None = None) -> Request:
        assert timeout is not None
        free = self.module.buffers_out < self._configured["buffer_count"]
        if not (self.module.plugged and self.module.streaming and free and self._jobs[0] is job):
            time.sleep(timeout)
            raise TimeoutError
        time.sleep(max(0.0, job.ready_at - time.monotonic()))
        self._jobs.remove(job)
        return Request(self)

    def cancel_all_and_flush(self) -> None:
        self.module.flushed += 1
        self._jobs.clear()

    def stop(self) -> None:
        assert not self._jobs, "stopping would hang behind a job that never ends"
        self._started = False

    def close(self) -> None:
        assert not self._started
        self._closed = True
        self.module.in_use = False
