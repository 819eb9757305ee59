"""Pictures for officers: what was taken of the traveller, and what the list holds.

Whatever format a list or a sample is in, the browser gets one that it can show.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal
from urllib.parse import quote

import cv2
from aiohttp import web

from hotspotd.biometrics import decoding
from hotspotd.biometrics.finger import wsq
from hotspotd.biometrics.finger.pictures import read_picture
from hotspotd.console.controls import ReferencePictures
from hotspotd.console.gate import actor, needs
from hotspotd.domain.encounter import Sample
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.rights import Act
from hotspotd.errors import HotspotError, Reason
from hotspotd.records import Records
from hotspotd.records.model import StoredEncounter
from hotspotd.workers import Worker

log = logging.getLogger(__name__)

Modalities = Literal["face", "finger", "portrait"]


class Pictures:
    """Handlers of probe and reference pictures, and where they are found."""

    def __init__(self, records: Records, references: Callable[[], ReferencePictures | None], worker: Worker) -> None:
        self._records = records
        self._references = references
        self._worker = worker

    def routes(self) -> list[web.RouteDef]:
        """Both kinds of pictures; a finger is named by its position's label."""
        return [
            needs(Act.SEE_ALERTS, "GET", "/api/encounters/{encounter}/samples/{modality}", self.get_sample),
            needs(Act.SEE_ALERTS, "GET", "/api/encounters/{encounter}/samples/{modality}/{position}", self.get_sample),
            needs(Act.SEE_ALERTS, "GET", "/api/references/{reference}/{modality}", self.get_reference),
            needs(Act.SEE_ALERTS, "GET", "/api/references/{reference}/{modality}/{position}", self.get_reference),
        ]

    async def reference_address(
        self, reference: str, modality: Modalities, position: FingerPosition | None
    ) -> str | None:
        """Where the list's picture is served; ``None`` where the list has none."""
        if await self._reference(reference, modality, position) is None:
            return None
        return _address(f"references/{quote(reference, safe='')}", modality, position)

    async def _reference(self, reference: str, modality: Modalities, position: FingerPosition | None) -> bytes | None:
        source = self._references()
        # A list has no chips.
        if source is None or modality == "portrait":
            return None
        try:
            return await self._worker.run(source.picture, reference, modality, position)
        except HotspotError as error:
            # A gateway's hit names a record that the local list may not have; of a damaged list nothing is shown.
            if error.reason not in (Reason.NOT_FOUND, Reason.DAMAGED):
                raise
            if error.reason is Reason.DAMAGED:
                log.error("a listed picture cannot be shown: %s", error)
            return None

    async def get_sample(self, request: web.Request) -> web.StreamResponse:
        """A picture that was taken of the traveller."""
        modality, position = _asked_for(request)
        encounter_id = request.match_info["encounter"]
        image, media_type = await self._records.sample_image(encounter_id, modality, position)
        self._records.viewed(
            "picture.viewed", subject=encounter_id, actor=actor(request), detail=_kind(modality, position)
        )
        return await self._answer(image, media_type)

    async def get_reference(self, request: web.Request) -> web.StreamResponse:
        """A picture of the list."""
        modality, position = _asked_for(request)
        reference = request.match_info["reference"]
        image = await self._reference(reference, modality, position)
        if image is None:
            raise web.HTTPNotFound(text="the list has no such picture")
        # A list may name its records by what is printed in documents: the reference is a note, which is erased in time.
        self._records.viewed(
            "reference.viewed",
            subject="watchlist",
            actor=actor(request),
            detail=_kind(modality, position),
            note=reference,
        )
        return await self._answer(image, "")

    async def _answer(self, image: bytes, media_type: str) -> web.Response:
        shown = _shown_type(image)
        if shown is None:
            image, shown = await self._worker.run(_as_png, image), "image/png"
            log.debug("a picture of type %s was turned into PNG", media_type or "unknown")
        return web.Response(body=image, content_type=shown)


def sample_address(stored: StoredEncounter, modality: Modalities, position: FingerPosition | None) -> str | None:
    """Where a sample's picture is served; ``None`` where there is none, or none any more."""
    sample = _sample(stored, modality, position)
    if sample is None or sample.missing is not None or stored.erased_at is not None:
        return None
    return _address(f"encounters/{quote(stored.encounter.encounter_id, safe='')}/samples", modality, sample.position)


def _sample(stored: StoredEncounter, modality: str, position: FingerPosition | None) -> Sample | None:
    of_modality = [sample for sample in stored.encounter.samples if sample.modality == modality]
    return next((sample for sample in of_modality if modality != "finger" or sample.position == position), None)


def _kind(modality: Modalities, position: FingerPosition | None) -> str:
    return modality if position is None else f"{modality} {position.label}"


def _address(owner: str, modality: str, position: FingerPosition | None) -> str:
    finger = f"/{position.label}" if modality == "finger" and position is not None else ""
    return f"/api/{owner}/{modality}{finger}"


def finger_asked_for(request: web.Request) -> FingerPosition | None:
    """The finger that the address names; ``None`` where it names none. Raises HTTPNotFound."""
    label = request.match_info.get("position")
    try:
        return FingerPosition.from_label(label) if label else None
    except KeyError as error:
        raise web.HTTPNotFound(text="no such finger") from error


def _asked_for(request: web.Request) -> tuple[Modalities, FingerPosition | None]:
    position = finger_asked_for(request)
    match request.match_info["modality"]:
        case "face":
            return "face", None
        case "finger":
            return "finger", position
        case "portrait":
            return "portrait", None
        case _:
            raise web.HTTPNotFound(text="no such picture")


def _shown_type(image: bytes) -> str | None:
    """The media type of what browsers show, told from the first bytes; ``None`` for anything else."""
    if image.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if image.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return None


def _as_png(image: bytes) -> bytes:
    # A chip's portrait or a list's print: made by others, and kept as it came.
    is_print = image.startswith(wsq.SOI)
    pixels = read_picture(image).pixels if is_print else decoding.decode(image, cv2.IMREAD_UNCHANGED)
    return cv2.imencode(".png", pixels)[1].tobytes()
