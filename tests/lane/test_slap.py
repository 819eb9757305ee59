"""A hand on a scanner that takes it at once: what comes out well is kept, only the rest is asked for again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers import registry
from drivers.base import FingerprintScanner
from drivers.emulators.sbi_device import Glass
from drivers.emulators.sbi_service import SbiService
from hotspotd.biometrics.finger import synthetic
from hotspotd.biometrics.finger.synthetic.slaps import Placing, drawn_slap
from hotspotd.clock import Clock
from hotspotd.domain.finger import FingerPosition, Slap
from hotspotd.domain.verdict import ReferReason
from hotspotd.events import Events, LaneState, LaneView, Prompt, Subscription
from hotspotd.lane.devices import SupervisedDevice
from hotspotd.lane.finger_judge import Look, next_prompt
from hotspotd.lane.finger_step import FingerStep
from hotspotd.lane.screen import Screen
from hotspotd.lane.visit import Visit
from hotspotd.workers import Worker
from tests.drivers.sbi_bench import keys, trust

Image = NDArray[np.uint8]
RIGHT = Slap.RIGHT_FOUR.fingers
INDEX, MIDDLE, RING, LITTLE = RIGHT


@pytest.fixture(scope="module")
def prints() -> dict[int, Image]:
    """Four good prints, by FGP code."""
    rng = np.random.default_rng(3)
    masters = [synthetic.master(seed) for seed in (1, 2)]
    return {
        code: synthetic.impression(masters[code % 2], rng, size=(440, 340), levels=256)
        for code in Slap.RIGHT_FOUR.fingers
    }


def barely(image: Image) -> Image:
    """The same finger, hardly touching."""
    blank = np.full_like(image, 235)
    blank[200:250, 120:180] = image[200:250, 120:180]
    return blank


@dataclass
class Bench:
    """The finger step on a certified scanner's service."""

    step: FingerStep
    service: SbiService
    news: Subscription
    visit: Visit

    async def until(self, *prompts: Prompt) -> LaneView:
        """The next view with one of ``prompts``."""
        async with asyncio.timeout(30):
            while True:
                event = await self.news.next()
                if isinstance(event, LaneView) and event.prompt in prompts:
                    return event

    def take(self, *fingers: FingerPosition, attempts: int = 3) -> asyncio.Task[None]:
        """Begin to take ``fingers``."""
        return asyncio.create_task(
            self.step.capture(self.visit, fingers, attempts=attempts, timeout_s=20, device_return_s=5)
        )


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with _bench(tmp_path, slap=True) as made:
        yield made


@asynccontextmanager
async def _bench(folder: Path, *, slap: bool) -> AsyncIterator[Bench]:
    events, clock, worker = Events(), Clock(), Worker("images")
    anchors = await asyncio.to_thread(trust, folder)
    async with SbiService(await asyncio.to_thread(keys), slap=slap) as service:
        make = partial(registry.scanner, "sbi", f"sbi:///{service.port}?trust={anchors}&timeout=2")
        device: SupervisedDevice[FingerprintScanner] = SupervisedDevice("lane-1", "scanner", make, events, clock)
        life = asyncio.create_task(device.run())
        screen = Screen("lane-1", events, clock, attempts=3, more_time=10)
        with events.subscribe() as news:
            yield Bench(FingerStep(device, worker, screen, 30), service, news, Visit(clock.now()))
        life.cancel()
        await asyncio.wait([life])
    worker.close()


async def test_a_hand_is_taken_at_once(bench: Bench, prints: dict[int, Image]) -> None:
    done = bench.take(*RIGHT)
    view = await bench.until(Prompt.PLACE_FINGERS)
    assert (view.state, view.finger, view.fingers) == (LaneState.FINGER, None, RIGHT)
    bench.service.place(Glass(prints))
    await bench.until(Prompt.LIFT_FINGERS)
    bench.service.lift()
    await done
    assert [sample.position for sample in bench.visit.samples] == list(RIGHT)
    assert all(sample.image is not None and sample.missing is None for sample in bench.visit.samples)
    assert bench.visit.trouble == []
    assert len(bench.service.asked) == 1


async def test_a_finger_that_was_not_there_is_asked_for_by_name_and_no_other(
    bench: Bench, prints: dict[int, Image]
) -> None:
    done = bench.take(*RIGHT)
    await bench.until(Prompt.PLACE_FINGERS)
    bench.service.place(Glass({code: image for code, image in prints.items() if code != RING}))
    await bench.until(Prompt.LIFT_FINGERS)
    view = await bench.until(Prompt.PLACE_FINGER)
    assert (view.finger, view.fingers, view.attempt) == (RING, (), 2)
    bench.service.place(Glass({RING: prints[RING]}))
    await done
    assert sorted(sample.position or 0 for sample in bench.visit.samples) == [2, 3, 4, 5]
    assert bench.visit.trouble == []
    assert bench.service.asked[1]["bio"][0]["bioSubType"] == ["Right RingFinger"]


async def test_a_finger_that_was_bad_is_asked_for_again_and_the_good_ones_are_kept(
    bench: Bench, prints: dict[int, Image]
) -> None:
    done = bench.take(*RIGHT)
    await bench.until(Prompt.PLACE_FINGERS)
    bench.service.place(Glass({**prints, MIDDLE: barely(prints[MIDDLE])}))
    await bench.until(Prompt.LIFT_FINGERS)
    view = await bench.until(*(prompt for prompt in Prompt if prompt is not Prompt.LIFT_FINGERS))
    assert (view.finger, view.attempt) == (MIDDLE, 2)
    bench.service.place(Glass({MIDDLE: prints[MIDDLE]}))
    await done
    assert len(bench.visit.samples) == 4
    assert bench.visit.trouble == []


async def test_a_finger_that_never_comes_is_missing_and_refers(bench: Bench, prints: dict[int, Image]) -> None:
    done = bench.take(INDEX, LITTLE, attempts=2)
    bench.service.place(Glass({INDEX: prints[INDEX]}))
    await bench.until(Prompt.PLACE_FINGER)
    bench.service.place(Glass({LITTLE: barely(prints[LITTLE])}))
    await done
    samples = {sample.position: sample for sample in bench.visit.samples}
    assert samples[INDEX].image is not None
    assert bench.visit.trouble == [ReferReason.FINGER_NOT_CAPTURED]


async def test_a_picture_of_the_whole_hand_is_cut_apart(bench: Bench, prints: dict[int, Image]) -> None:
    picture, _ = drawn_slap(
        {position: prints[position] for position in RIGHT}, Slap.RIGHT_FOUR, np.random.default_rng(2), Placing()
    )
    done = bench.take(*RIGHT)
    bench.service.place(Glass({}, whole=picture))
    await done
    assert [sample.position for sample in bench.visit.samples] == list(RIGHT)
    assert bench.visit.trouble == []


async def test_three_fingers_in_a_picture_of_four_give_none_rather_than_wrong_ones(
    bench: Bench, prints: dict[int, Image]
) -> None:
    picture, _ = drawn_slap(
        {position: prints[position] for position in RIGHT[:3]}, Slap.RIGHT_FOUR, np.random.default_rng(2), Placing()
    )
    done = bench.take(*RIGHT, attempts=1)
    bench.service.place(Glass({}, whole=picture))
    await done
    assert [sample.missing is None for sample in bench.visit.samples] == [False] * 4
    assert bench.visit.trouble == [ReferReason.FINGER_NOT_CAPTURED]


async def test_fingers_of_two_hands_are_two_slaps(bench: Bench, prints: dict[int, Image]) -> None:
    done = bench.take(INDEX, FingerPosition.LEFT_INDEX, MIDDLE)
    first = await bench.until(Prompt.PLACE_FINGERS)
    assert first.fingers == (INDEX, MIDDLE)
    bench.service.place(Glass({INDEX: prints[INDEX], MIDDLE: prints[MIDDLE]}))
    second = await bench.until(Prompt.PLACE_FINGER)
    assert second.finger is FingerPosition.LEFT_INDEX
    bench.service.place(Glass({7: prints[INDEX]}))
    await done
    assert [sample.position for sample in bench.visit.samples] == [INDEX, MIDDLE, FingerPosition.LEFT_INDEX]


async def test_a_scanner_of_single_fingers_takes_them_one_by_one(tmp_path: Path, prints: dict[int, Image]) -> None:
    async with _bench(tmp_path, slap=False) as bench:
        done = bench.take(INDEX, MIDDLE)
        for position in (INDEX, MIDDLE):
            view = await bench.until(Prompt.PLACE_FINGER)
            assert view.finger is position
            bench.service.place(Glass({}, any=prints[position]))
            await bench.until(Prompt.LIFT_FINGER)
        await done
        assert [sample.position for sample in bench.visit.samples] == [INDEX, MIDDLE]


def test_advice_is_given_where_it_holds_for_all() -> None:
    def look(prompt: Prompt) -> Look:
        return Look(None, None, prompt, good=False)  # type: ignore[arg-type]

    dry, torn = look(Prompt.PRESS_HARDER), look(Prompt.FINGER_AGAIN)
    assert next_prompt({INDEX: dry, MIDDLE: dry}, [INDEX, MIDDLE]) is Prompt.PRESS_HARDER
    assert next_prompt({INDEX: dry, MIDDLE: torn}, [INDEX, MIDDLE]) is Prompt.FINGERS_AGAIN
    assert next_prompt({INDEX: dry}, [INDEX, MIDDLE]) is Prompt.FINGERS_AGAIN
    assert next_prompt({INDEX: dry}, [MIDDLE, RING]) is Prompt.PLACE_FINGERS
    assert next_prompt({INDEX: dry}, [MIDDLE]) is Prompt.PLACE_FINGER
    assert next_prompt({INDEX: dry}, [INDEX]) is Prompt.PRESS_HARDER
    assert next_prompt({INDEX: torn}, [INDEX]) is Prompt.FINGER_AGAIN
    assert next_prompt({}, [INDEX, MIDDLE]) is Prompt.FINGERS_AGAIN
    assert next_prompt({}, [INDEX]) is Prompt.FINGER_AGAIN
    aside = look(Prompt.FINGER_TO_MIDDLE)
    assert next_prompt({INDEX: aside, MIDDLE: aside}, [INDEX, MIDDLE]) is Prompt.FINGERS_AGAIN
