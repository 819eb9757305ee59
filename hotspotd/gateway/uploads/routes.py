"""Uploads over HTTP: tus 1.0.0 with creation, creation-with-upload and expiration. docs/relay.md has what is added.

A message is begun with POST, and goes on with PATCH from where the gateway has it; to begin it again says how much is
there. The request that brings the last byte carries the seal, and its answer is 200 with the gateway's receipt. Of two
requests for one message the later one wins: the earlier belongs to a connection that its device has given up.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from aiohttp import web

from hotspotd.errors import Reason, RelayError
from hotspotd.gateway.faults import Faults
from hotspotd.gateway.reception import Receipted, Reception
from hotspotd.gateway.requests import device_certificate, device_of
from hotspotd.gateway.uploads.files import KEPT_S, Upload, UploadFiles, owner_of
from hotspotd.relay.links.wire import SEAL_HEADER, TCN_PATTERN, TUS, TUS_VERSION

logger = logging.getLogger(__name__)

_RECEIPT_VALID = timedelta(minutes=10)
_CLEAR_EVERY_S = 3600.0
_WRITTEN_AT_ONCE = 16 * 1024
_DOOR = "https"
# What was brought is of no use: it is begun again, or never.
_NEVER = frozenset((Reason.TAMPERED, Reason.BAD_TRANSACTION, Reason.TOO_LARGE, Reason.CONFLICT))
_KIND = "application/offset+octet-stream"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_ABOUT = 10_000
_ABOUT = {TUS: TUS_VERSION, "Tus-Version": TUS_VERSION, "Tus-Extension": "creation,creation-with-upload,expiration"}


class Uploads:
    """Takes messages in parts and hands whole ones to the reception. A ``service.Part``."""

    name = "uploads"

    def __init__(self, files: UploadFiles, reception: Reception, faults: Faults, idle_s: float) -> None:
        self._files = files
        self._reception = reception
        self._faults = faults
        self._idle_s = idle_s
        self._begun: dict[str, Upload] = {}
        self._turns: dict[str, asyncio.Task[object]] = {}

    def add_to(self, application: web.Application) -> None:
        """See Part."""
        application.router.add_options("/v1/uploads", self._about)
        application.router.add_post("/v1/uploads", self._create)
        application.router.add_head("/v1/uploads/{name}", self._offset)
        application.router.add_patch("/v1/uploads/{name}", self._go_on)

    async def run(self) -> None:
        """See Part: what nobody goes on with is removed."""
        while True:
            if removed := await asyncio.to_thread(self._files.clear_old):
                logger.info("%d uploads that were never ended are removed", removed)
            await asyncio.sleep(_CLEAR_EVERY_S)

    async def _about(self, request: web.Request) -> web.StreamResponse:
        device_of(request)
        return web.Response(status=204, headers={**_ABOUT, "Tus-Max-Size": str(self._reception.max_bytes)})

    async def _create(self, request: web.Request) -> web.StreamResponse:
        device = device_of(request)
        _check_version(request)
        upload = _announced(request, device)
        if upload.length > self._reception.max_bytes:
            raise RelayError(Reason.TOO_LARGE, f"a message may have {self._reception.max_bytes} bytes")
        with_body = request.content_type == _KIND
        if not with_body:
            # Asked after, not sent again: it may have been whole already when the line broke.
            receipted = await self._reception.receipt(device, upload.tcn, upload.sha256, valid=_RECEIPT_VALID)
            if receipted is not None:
                return _receipt(receipted, upload.length)
        self._remember(upload)
        await self._end_before(upload)
        offset = await asyncio.to_thread(self._files.begin, upload)
        if not with_body:
            return _incomplete(201, upload, offset)
        if offset:
            # Part of it came before: what comes now begins at the first byte again.
            await asyncio.to_thread(self._files.remove, upload)
            await asyncio.to_thread(self._files.begin, upload)
        return await self._take(request, upload, 0, 201)

    async def _offset(self, request: web.Request) -> web.StreamResponse:
        upload = self._known(request)
        _check_version(request)
        await self._end_before(upload)
        offset = await asyncio.to_thread(self._files.begin, upload)
        response = _incomplete(200, upload, offset)
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _go_on(self, request: web.Request) -> web.StreamResponse:
        upload = self._known(request)
        _check_version(request)
        if request.content_type != _KIND:
            raise web.HTTPUnsupportedMediaType
        offset = request.headers.get("Upload-Offset", "")
        if not (offset.isascii() and offset.isdigit() and len(offset) < 12):
            raise RelayError(Reason.BAD_VALUE, "upload: no Upload-Offset")
        return await self._take(request, upload, int(offset), 204)

    async def _take(self, request: web.Request, upload: Upload, offset: int, status: int) -> web.StreamResponse:
        if self._faults.take("drop_next"):
            return cut(request)
        if self._faults.take("error_next"):
            raise RelayError(Reason.BUSY, "ordered to fail")
        await self._end_before(upload)
        task = asyncio.current_task()
        if task is not None:
            self._turns[upload.name] = task
        try:
            offset = await self._receive(request, upload, offset)
            if offset < upload.length:
                return _incomplete(status, upload, offset)
            return await self._complete(request, upload)
        finally:
            if self._turns.get(upload.name) is task:
                del self._turns[upload.name]

    async def _end_before(self, upload: Upload) -> None:
        """End the request that still brings ``upload``, if one does: where it stops is then known for good."""
        before = self._turns.get(upload.name)
        if before is not None and before is not asyncio.current_task():
            before.cancel()
            await asyncio.gather(before, return_exceptions=True)

    async def _receive(self, request: web.Request, upload: Upload, offset: int) -> int:
        """Write what comes, also the last of it when the line breaks. Returns how many bytes there are."""
        waiting = bytearray()
        try:
            async with asyncio.timeout(self._idle_s) as limit:
                async for piece in request.content.iter_any():
                    limit.reschedule(asyncio.get_running_loop().time() + self._idle_s)
                    waiting += piece
                    if offset + len(waiting) > upload.length:
                        raise RelayError(Reason.BAD_TRANSACTION, "upload: longer than was announced")
                    if len(waiting) >= _WRITTEN_AT_ONCE:
                        offset, waiting = await self._write(upload, offset, waiting), bytearray()
        except TimeoutError as error:
            raise RelayError(Reason.LINK_DOWN, "the upload stands still") from error
        except ConnectionError as error:
            # On a thin line an everyday thing; nobody is left to be answered.
            raise RelayError(Reason.LINK_DOWN, "the line broke within the upload") from error
        finally:
            if waiting and offset + len(waiting) <= upload.length:
                offset = await self._write(upload, offset, waiting)
        return offset

    async def _write(self, upload: Upload, offset: int, data: bytearray) -> int:
        return await asyncio.shield(asyncio.to_thread(self._files.append, upload.name, offset, bytes(data)))

    async def _complete(self, request: web.Request, upload: Upload) -> web.StreamResponse:
        certificate = device_certificate(request)
        if certificate is not None:
            self._reception.trust.know(certificate)
        content = await asyncio.to_thread(self._files.read, upload)
        try:
            receipted = await self._reception.take(
                request.headers.get(SEAL_HEADER, ""), content, door=_DOOR, device=upload.device, valid=_RECEIPT_VALID
            )
        except RelayError as error:
            if error.reason in _NEVER:
                await asyncio.to_thread(self._files.remove, upload)
            raise
        await asyncio.to_thread(self._files.remove, upload)
        self._begun.pop(upload.name, None)
        if self._faults.take("hang_after_commit_next"):
            await self._faults.hang()
            return cut(request)
        return _receipt(receipted, upload.length)

    def _remember(self, upload: Upload) -> None:
        if len(self._begun) >= _MOST_ABOUT:
            self._begun.pop(next(iter(self._begun)))
        self._begun[upload.name] = upload

    def _known(self, request: web.Request) -> Upload:
        name = request.match_info["name"]
        upload = self._begun.get(name)
        if upload is None or not name.startswith(owner_of(device_of(request))):
            raise RelayError(Reason.NOT_FOUND, "upload: not known, or no longer", "Begin it again.")
        return upload


def cut(request: web.Request) -> web.Response:
    """Break the connection as a fault of the line would."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)


def _check_version(request: web.Request) -> None:
    if request.headers.get(TUS) != TUS_VERSION:
        raise web.HTTPPreconditionFailed(headers={"Tus-Version": TUS_VERSION})


def _announced(request: web.Request, device: str) -> Upload:
    """The upload that a creation announces. Raises RelayError (BAD_VALUE)."""
    length = request.headers.get("Upload-Length", "")
    if not (length.isascii() and length.isdigit() and 0 < len(length) < 12):
        raise RelayError(Reason.BAD_VALUE, "upload: no Upload-Length")
    said = dict(pair.strip().partition(" ")[::2] for pair in request.headers.get("Upload-Metadata", "").split(","))
    try:
        tcn, sha256 = (base64.b64decode(said.get(name, ""), validate=True).decode() for name in ("tcn", "sha256"))
    except (binascii.Error, UnicodeDecodeError) as error:
        raise RelayError(Reason.BAD_VALUE, "upload: its metadata is not base64") from error
    if not TCN_PATTERN.fullmatch(tcn):
        raise RelayError(Reason.BAD_TRANSACTION, "the control number has characters that are not allowed")
    if not _SHA256.fullmatch(sha256):
        raise RelayError(Reason.BAD_VALUE, "upload: its metadata needs tcn and sha256")
    return Upload(device, tcn, int(length), sha256)


def _incomplete(status: int, upload: Upload, offset: int) -> web.Response:
    return web.Response(
        status=status,
        headers={
            TUS: TUS_VERSION,
            "Location": f"/v1/uploads/{upload.name}",
            "Upload-Offset": str(offset),
            "Upload-Length": str(upload.length),
            "Upload-Expires": format_datetime(datetime.now(UTC) + timedelta(seconds=KEPT_S), usegmt=True),
        },
    )


def _receipt(receipted: Receipted, length: int) -> web.Response:
    return web.Response(
        status=200,
        body=receipted.content,
        headers={TUS: TUS_VERSION, "Upload-Offset": str(length), SEAL_HEADER: receipted.seal},
    )
