"""What is, among the kiosk's numbers: the outbox, the links, the lanes and their devices, as they are now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from hotspotd import __version__
from hotspotd.events import DeviceState, DeviceView, LaneState, LaneView, LinkView, RouteView
from hotspotd.records.model import AlertKind, OutboxState, QueueState, Rank


class Present(Collector):
    """Given anew before each reading; what could not be read stays as it was."""

    def __init__(self) -> None:
        self.views: Sequence[object] = ()
        self.queue: QueueState | None = None
        self.open_alerts: Mapping[str, int] = {}
        self.readable = True
        self.clock_trusted = False
        self.now: datetime | None = None

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        yield _labelled("hotspotd_build_info", "Always 1; the label says what runs.", "version", {__version__: 1})
        yield _gauge("hotspotd_records_readable", "Whether the database could be read for this.", self.readable)
        yield _gauge("hotspotd_clock_trusted", "Whether the wall clock has been set.", self.clock_trusted)
        yield _labelled(
            "hotspotd_alerts_open",
            "Alerts that nobody has decided on, by where they came from.",
            "kind",
            {kind.value: self.open_alerts.get(kind, 0) for kind in AlertKind},
        )
        if self.queue is not None:
            yield from self._outbox(self.queue)
        yield from _lanes(self.views)
        for view in self.views:
            if isinstance(view, LinkView):
                yield from _links(view)

    def _outbox(self, queue: QueueState) -> Iterator[Metric]:
        oldest_s = 0.0
        if queue.oldest is not None and self.now is not None:
            oldest_s = max((self.now - datetime.fromisoformat(queue.oldest)).total_seconds(), 0.0)
        yield _labelled(
            "hotspotd_outbox_waiting",
            "Rows that wait for the gateway, queued or being sent, by rank.",
            "rank",
            {rank.name.lower(): queue.ranks.get(rank, 0) for rank in Rank},
        )
        yield _gauge("hotspotd_outbox_waiting_bytes", "Bytes of the rows that wait.", queue.waiting_bytes)
        yield _gauge("hotspotd_outbox_oldest_seconds", "How long the oldest row has waited; 0: none waits.", oldest_s)
        yield _labelled(
            "hotspotd_outbox_rows",
            "Rows by state; quarantined: set aside, a person has to look.",
            "state",
            {state.value: queue.states.get(state, 0) for state in OutboxState},
        )


def _links(view: LinkView) -> Iterator[Metric]:
    yield _gauge("hotspotd_gateway_reachable", "Whether one link at least works.", view.up)
    routes = view.routes
    yield _labelled("hotspotd_link_up", "Whether the link works.", "link", _each(routes, lambda one: one.up))
    yield _labelled(
        "hotspotd_link_active",
        "1 for the link that a live check takes now.",
        "link",
        _each(routes, lambda one: one.name == view.active),
    )
    yield _labelled(
        "hotspotd_link_under_way",
        "Messages handed over to the link whose receipt has not come.",
        "link",
        _each(routes, lambda one: one.under_way),
    )
    for name, text, bytes_of in (
        ("hotspotd_link_sent_bytes", "Bytes of messages sent.", lambda one: one.sent_bytes),
        ("hotspotd_link_received_bytes", "Bytes of messages received.", lambda one: one.received_bytes),
    ):
        family = CounterMetricFamily(name, text, labels=["link"])
        for link, number in _each(routes, bytes_of).items():
            family.add_metric([link], number)
        yield family
    refused = CounterMetricFamily(
        "hotspotd_messages_refused", "Messages that were not the gateway's, or not whole, by reason.", labels=["reason"]
    )
    for reason, number in view.refused.items():
        refused.add_metric([reason], number)
    yield refused


def _lanes(views: Iterable[object]) -> Iterator[Metric]:
    lanes = GaugeMetricFamily("hotspotd_lane_state", "1 for the state that the lane is in.", labels=["lane", "state"])
    devices = GaugeMetricFamily(
        "hotspotd_device_state", "1 for the state that the device is in.", labels=["lane", "device", "state"]
    )
    for view in views:
        if isinstance(view, LaneView):
            for lane_state in LaneState:
                lanes.add_metric([view.lane, lane_state.value], view.state is lane_state)
        elif isinstance(view, DeviceView):
            for state in DeviceState:
                devices.add_metric([view.lane, view.device, state.value], view.state is state)
    yield lanes
    yield devices


def _each(routes: Iterable[RouteView], value: Callable[[RouteView], float]) -> dict[str, float]:
    return {route.name: value(route) for route in routes}


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))


def _labelled(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], float(number))
    return family
