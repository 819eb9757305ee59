"""Events reach whoever watches, and one who cannot keep up is told so instead of being waited for."""

from __future__ import annotations

from hotspotd.events import (
    AlertChanged,
    DeviceState,
    DeviceView,
    Events,
    LaneState,
    LaneView,
    LinkView,
    Missed,
    Prompt,
    Subscription,
)


def alert(number: int) -> AlertChanged:
    return AlertChanged(alert_id=number, encounter_id="e", state="open")


def lane(name: str, state: LaneState) -> LaneView:
    return LaneView(lane=name, state=state, prompt=Prompt.WAIT)


async def test_every_subscriber_gets_every_event_in_order() -> None:
    events = Events()
    with events.subscribe() as first, events.subscribe() as second:
        for number in range(3):
            events.publish(alert(number))
        for subscription in (first, second):
            assert [await subscription.next() for _ in range(3)] == [alert(number) for number in range(3)]


async def test_a_subscriber_that_cannot_keep_up_gets_missed_and_then_what_is_new() -> None:
    subscription = Subscription(limit=4)
    for number in range(5):
        subscription.offer(alert(number))
    assert [await subscription.next() for _ in range(2)] == [Missed(), alert(4)]


async def test_a_slow_subscriber_costs_no_other_one_an_event() -> None:
    events = Events()
    with events.subscribe() as slow, events.subscribe() as quick:
        received = []
        for number in range(1000):
            events.publish(alert(number))
            received.append(await quick.next())
        assert received == [alert(number) for number in range(1000)]
        assert await slow.next() == Missed()


async def test_the_last_event_is_never_the_lost_one() -> None:
    for limit in (2, 3, 7):
        for count in range(1, 30):
            subscription = Subscription(limit)
            for number in range(count):
                subscription.offer(alert(number))
            received = [await subscription.next()]
            while received[-1] != alert(count - 1):
                received.append(await subscription.next())
            assert received.count(Missed()) <= 1
            assert len(received) <= limit


async def test_iterating_gives_events_as_they_come() -> None:
    events = Events()
    with events.subscribe() as subscription:
        events.publish(alert(1))
        events.publish(alert(2))
        received = []
        async for event in subscription:
            received.append(event)
            if len(received) == 2:
                break
    assert received == [alert(1), alert(2)]


def test_who_has_left_is_offered_nothing() -> None:
    events = Events()
    with events.subscribe() as subscription:
        pass
    events.publish(alert(1))
    assert subscription._queue.empty()


def test_the_present_is_the_latest_view_of_each_lane_device_and_link() -> None:
    events = Events()
    device = DeviceView(lane="a", device="scanner", state=DeviceState.READY)
    link = LinkView(up=True, queued=0)
    for event in (
        lane("a", LaneState.IDLE),
        lane("b", LaneState.IDLE),
        lane("a", LaneState.FINGER),
        DeviceView(lane="a", device="scanner", state=DeviceState.ABSENT),
        device,
        LinkView(up=False, queued=3),
        link,
        alert(1),
    ):
        events.publish(event)
    assert events.present() == [lane("a", LaneState.FINGER), lane("b", LaneState.IDLE), device, link]
