"""What only grows among the kiosk's numbers: counters and histograms, from the start of the daemon on."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from hotspotd.domain.verdict import GatewayOutcome, Outcome
from hotspotd.records.model import AlertKind, Decision

# Around what is promised: an answer within 20 s on a thin line, a check within a second.
_ANSWER_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0)
_CHECK_S: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0)
_OTHER: Final = "other"


class _Buckets:
    """Observations, of which only how many fell below each bound is kept."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._numbers = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self._numbers[bisect.bisect_left(self._bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[tuple[str, float]]:
        below, number = [], 0
        for bound, more in zip((*map(str, self._bounds), "+Inf"), self._numbers, strict=True):
            number += more
            below.append((bound, float(number)))
        return below


class Counted(Collector):
    """What only grows."""

    def __init__(self) -> None:
        self._recorded = 0
        self._erased = 0
        self._checks: Counter[str] = Counter()
        self._raised: Counter[str] = Counter()
        self._decided: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()
        self._set_aside = 0
        self._answer_s = _Buckets(_ANSWER_S)
        self._check_s = _Buckets(_CHECK_S)

    def event(self, event: str, detail: str, compute_ms: float | None) -> None:
        """Count one entry of the audit chain."""
        match event.split("."):
            case ["encounter", "recorded"]:
                self._recorded += 1
            case ["encounter", "erased"]:
                self._erased += 1
            case ["encounter", "checked"]:
                self._checks[_known(detail, Outcome)] += 1
                if compute_ms is not None:
                    self._check_s.observe(compute_ms / 1000)
            case ["alert", "raised"]:
                self._raised[_known(detail, AlertKind)] += 1
            case ["alert", decision] if decision in list(Decision):
                self._decided[decision] += 1
            case ["transaction", "quarantined"]:
                self._set_aside += 1
            case _:
                pass

    def reply(self, outcome: str, after_s: float | None) -> None:
        """Count one reply."""
        self._answers[_known(outcome, GatewayOutcome)] += 1
        if after_s is not None:
            self._answer_s.observe(after_s)

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        for name, text, number in (
            ("hotspotd_encounters_recorded", "Encounters written down.", self._recorded),
            ("hotspotd_encounters_erased", "Encounters whose personal data was erased in its time.", self._erased),
            ("hotspotd_outbox_set_aside", "Rows that were set aside.", self._set_aside),
        ):
            yield CounterMetricFamily(name, text, value=number)
        for name, text, label, counted, kinds in (
            ("hotspotd_local_checks", "Checks against the list here.", "outcome", self._checks, Outcome),
            ("hotspotd_alerts_raised", "Alerts, by where they came from.", "kind", self._raised, AlertKind),
            ("hotspotd_alert_decisions", "What officers decided.", "decision", self._decided, Decision),
            ("hotspotd_gateway_answers", "Replies of the gateway's.", "outcome", self._answers, GatewayOutcome),
        ):
            family = CounterMetricFamily(name, text, labels=[label])
            # From the start, so that the first of a kind shows as a rise.
            for kind in (*kinds, *([_OTHER] if counted[_OTHER] else [])):
                family.add_metric([str(kind)], counted[str(kind)])
            yield family
        yield HistogramMetricFamily(
            "hotspotd_gateway_answer_seconds",
            "From the recording of a transaction to the first reply to it.",
            buckets=self._answer_s.cumulative(),
            sum_value=self._answer_s.sum,
        )
        yield HistogramMetricFamily(
            "hotspotd_local_check_seconds",
            "Computing time of a check against the list here.",
            buckets=self._check_s.cumulative(),
            sum_value=self._check_s.sum,
        )


def _known(value: str, kinds: type[StrEnum]) -> str:
    """``value`` where it is one of ``kinds``: the number of labels is bounded, whatever is stored."""
    return value if value in list(kinds) else _OTHER
