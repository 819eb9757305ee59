"""The minutiae that two prints have in common, for a page to draw.

Worked out anew in a worker, for one pair of prints at a time and when a page asks for it; nothing of it is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from urllib.parse import quote

import msgspec
import numpy as np
from aiohttp import web
from numpy.typing import NDArray

from hotspotd.biometrics import finger
from hotspotd.biometrics.finger import FingerTemplate
from hotspotd.console.answers import alert_number, as_json
from hotspotd.console.controls import ReferencePrints
from hotspotd.console.gate import actor, needs
from hotspotd.console.pictures import finger_asked_for
from hotspotd.domain.candidate import Candidate, Modality
from hotspotd.domain.encounter import Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.rights import Act
from hotspotd.errors import HotspotError, Reason
from hotspotd.records import Records
from hotspotd.records.model import Alert, AlertKind
from hotspotd.workers import Worker

log = logging.getLogger(__name__)


class PrintView(msgspec.Struct, frozen=True, kw_only=True):
    """The minutiae of one print that have a partner in the other, in the order of the pairs.

    ``points`` are x, y [px at 500 dpi] in a picture of ``width`` and ``height``, and the angle [rad, 0 to 2 pi] from x
    towards y in which the minutia points.
    """

    width: int
    height: int
    points: tuple[tuple[float, float, float], ...]


class PairedView(msgspec.Struct, frozen=True, kw_only=True):
    """What two prints have in common, the closest pair first. ``seen`` counts all minutiae of either print."""

    probe: PrintView
    reference: PrintView
    seen: tuple[int, int]


class Minutiae:
    """Handler of paired minutiae."""

    def __init__(self, records: Records, prints: Callable[[], ReferencePrints | None], worker: Worker) -> None:
        self._records = records
        self._prints = prints
        self._worker = worker

    def routes(self) -> list[web.RouteDef]:
        """The minutiae of one of an alert's pairs of prints."""
        path = "/api/alerts/{alert}/minutiae/{reference}/{position}"
        return [needs(Act.SEE_ALERTS, "GET", path, self.get_minutiae)]

    async def get_minutiae(self, request: web.Request) -> web.StreamResponse:
        """The paired minutiae of one finger that matched here; 204 where the prints are not here any more."""
        alert = await self._records.alert(alert_number(request))
        reference, position = request.match_info["reference"], finger_asked_for(request)
        found = next((one for one in _compared_here(alert, reference) if one.position == position), None)
        if found is None:
            raise web.HTTPNotFound(text="no such finger was compared here")
        stored = await self._records.encounter(alert.encounter_id)
        given = found.given or found.position
        probe = next(
            (one for one in stored.encounter.samples if one.modality == "finger" and one.position == given), None
        )
        view = await self._paired(probe, reference, position)
        if view is None:
            return web.Response(status=204)
        self._records.viewed(
            "minutiae.viewed",
            subject=alert.encounter_id,
            actor=actor(request),
            detail=f"alert {alert.alert_id} {position.label if position else 'finger'}",
        )
        return as_json(view)

    async def _paired(self, probe: Sample | None, reference: str, position: FingerPosition | None) -> PairedView | None:
        prints = self._prints()
        if prints is None or probe is None or not probe.template or position is None:
            return None
        try:
            return await self._worker.run(_paired, probe.template, prints, reference, position)
        except HotspotError as error:
            # The list may be another one by now; of a damaged one nothing is shown.
            if error.reason not in (Reason.NOT_FOUND, Reason.DAMAGED, Reason.BAD_TEMPLATE):
                raise
            log.log(
                logging.DEBUG if error.reason is Reason.NOT_FOUND else logging.ERROR, "no minutiae are shown: %s", error
            )
            return None


def minutiae_address(alert: Alert, reference: str, position: FingerPosition | None) -> str | None:
    """Where the paired minutiae of this listed finger are served; ``None`` for what was not compared here."""
    if alert.kind is not AlertKind.LOCAL or position is None:
        return None
    return f"/api/alerts/{alert.alert_id}/minutiae/{quote(reference, safe='')}/{position.label}"


def _compared_here(alert: Alert, reference: str) -> list[Candidate]:
    """Fingers that the search here found to match this record."""
    if alert.kind is not AlertKind.LOCAL:
        return []
    candidates = (one for hit in alert.hits if hit.record.reference == reference for one in hit.candidates)
    return [one for one in candidates if one.modality is Modality.FINGER]


def _paired(template: bytes, prints: ReferencePrints, reference: str, position: FingerPosition) -> PairedView | None:
    listed = prints.listed_print(reference, position)
    if listed is None:
        return None
    probe = FingerTemplate.decode(template)
    found = finger.paired(probe, listed)
    return PairedView(
        probe=_print(probe, found.probe), reference=_print(listed, found.reference), seen=(len(probe), len(listed))
    )


def _print(template: FingerTemplate, places: NDArray[np.float32]) -> PrintView:
    points = tuple((round(x, 1), round(y, 1), round(angle, 2)) for x, y, angle in places.tolist())
    return PrintView(width=template.width, height=template.height, points=points)
