"""Driver of certified fingerprint scanners that come with a MOSIP biometric service (SBI 0.9.5, formerly MDS).

Address: ``sbi:///4501?trust=/etc/hotspotd/device-anchors.pem`` for the service on that port of this computer, or
``sbi:///?trust=...`` for the first one of ports 4501 to 4600 whose scanner can be trusted; ``serial=`` names the
scanner where there are several. ``trust`` is a PEM file of the certificates that the device's signatures have to lead
to, and has no default; ``trust=none`` takes every answer unchecked. ``timeout`` [s] is how long one capture waits for
a finger before it is asked for anew (10), ``score`` the quality at which the service ends a capture (40), ``skew`` [s]
how far the device's clock may be off (300), ``env`` the environment that the device must be registered for (any).

Every answer is checked as ``sbi_answers`` says. Each request has a transaction id of its own, which the signed answer
has to repeat: that keeps old answers out. The standard has no way to end a capture: breaking off closes the
connection, and a service that does not notice stays busy until its time is over, which is waited for.

It has none to ask whether a finger lies on the glass either: ``wait_lifted`` gives a moment after a capture, and asks
the service whether it is still there. A scanner of slaps takes a single finger as a slap of one: ``capture`` takes
the right index finger.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DriverError, DriverReason, FingerImage, FingerprintScanner
from drivers.fingerprint import sbi_messages as messages
from drivers.fingerprint.sbi_answers import ServiceBusyError, Taken, Wanted, scanner_of, taken_of
from drivers.fingerprint.sbi_capture import FIRST_HASH, Asked
from drivers.fingerprint.sbi_http import LARGEST_INFO, ServiceHttp, discovery
from drivers.fingerprint.sbi_jwt import Anchors
from drivers.fingerprint.sbi_messages import FINGERS_OF, FIRST_PORT, LAST_PORT, RIGHT_FOUR, ServiceDevice
from drivers.worker import DeviceWorker

_log = logging.getLogger(__name__)
T = TypeVar("T")

_OPTIONS = frozenset({"trust", "serial", "timeout", "score", "skew", "env"})
_INFO_S = 5.0
_GRACE_S = 3.0
"""What a service may take beyond the time of a capture: to choose the best picture, to code and to sign it."""
_TOGETHER = 20
"""Ports that are asked at once: the whole range takes 10 s at worst, where all of them listen and none answers."""
_AGAIN_S = 0.1
_LIFT_S = 1.0
"""A person lifts a finger in less when the screen says so."""
_STREAM_S = 5.0
_LARGEST_CAPTURE = 32 * 1024 * 1024
_ANY_FINGER = (0,)


@dataclass(frozen=True, slots=True)
class _Service:
    """A service that has been asked who it is."""

    port: int
    device: ServiceDevice


class SbiScanner(FingerprintScanner):
    """One scanner of one service."""

    def __init__(self, address: DeviceAddress) -> None:
        address.require("sbi", _OPTIONS)
        self._address = address
        self._place = f"sbi://{address.path}"
        self._ports = _ports(address)
        self._trust = address.options.get("trust", "")
        if not self._trust:
            raise DriverError(
                DriverReason.BAD_ADDRESS,
                f"address {address} does not say whom to trust",
                "give trust=/path/to/anchors.pem, or trust=none to check no signature",
            )
        self._timeout_s = address.number("timeout", 10.0, 0.5, 60.0)
        self._score = address.integer("score", 40, 0, 100)
        self._skew = timedelta(seconds=address.integer("skew", 300, 0, 86_400))
        env = address.choice("env", "", ("", *messages.ENVIRONMENTS))
        self._wanted = Wanted(address.options.get("serial", ""), env)
        self._http = ServiceHttp()
        self._worker = DeviceWorker(f"sbi {address.path}")
        self._anchors: Anchors | None = None
        self._service: _Service | None = None
        self._closing: asyncio.Event | None = None
        self._hash = FIRST_HASH
        self._captured_at = -_LIFT_S

    async def open(self) -> DeviceInfo:
        """Look for the service and check who it says it is. Raises DriverError."""
        await self.close()
        self._worker.start()
        self._http.open()
        try:
            self._anchors = await self._worker.run(lambda _: self._read_anchors())
            self._service = await self._find()
        except BaseException:
            await self.close()
            raise
        self._closing = asyncio.Event()
        self._hash = FIRST_HASH
        return self._info(self._service)

    async def close(self) -> None:
        """Break off what is being done."""
        closing, self._closing, self._service = self._closing, None, None
        if closing is not None:
            closing.set()
        await self._http.close()
        await self._worker.close(lambda: None)

    @property
    def slaps(self) -> frozenset[int]:
        """FGP codes of the slaps that the open scanner takes."""
        return frozenset() if self._service is None else self._service.device.slaps

    async def capture(self) -> FingerImage:
        """Wait for a finger and return its picture."""
        slap = RIGHT_FOUR if RIGHT_FOUR in self.slaps else min(self.slaps, default=0)
        images = await self._until_closed(self._take(FINGERS_OF[slap][:1] if slap else _ANY_FINGER, slap))
        return images[0]

    async def capture_slap(self, slap: int, missing: frozenset[int] = frozenset()) -> tuple[FingerImage, ...]:
        """Wait for the fingers of ``slap`` without ``missing``; one picture each, or one of the whole."""
        if self._service is not None and slap not in self.slaps:
            raise DriverError(DriverReason.UNSUPPORTED, f"the scanner at {self._place} does not take slap {slap}")
        fingers = tuple(code for code in FINGERS_OF.get(slap, ()) if code not in missing)
        if self._service is not None and not fingers:
            raise ValueError("every finger of the slap is missing")
        return await self._until_closed(self._take(fingers, slap))

    async def wait_lifted(self) -> None:
        """Give a moment after a capture, then ask whether the service is still there."""
        await self._until_closed(self._lifted())

    async def preview(self) -> AsyncIterator[bytes]:
        """The service's own live pictures as JPEG, three a second or more, as long as it sends them."""
        service = self._opened()
        body = messages.stream_request(service.device)
        async for picture in self._http.pictures("STREAM", service.port, "/stream", body, _STREAM_S):
            yield picture

    async def _until_closed(self, work: Coroutine[Any, Any, T]) -> T:
        closing = self._closing
        if closing is None:
            work.close()
            raise self._lost("is not open", "open it first")
        task = asyncio.create_task(work)
        closed = asyncio.create_task(closing.wait())
        try:
            await asyncio.wait({task, closed}, return_when=asyncio.FIRST_COMPLETED)
            if closing.is_set():
                raise self._lost("was closed while it was used")
            return task.result()
        finally:
            for each in (task, closed):
                each.cancel()
            await asyncio.gather(task, closed, return_exceptions=True)

    def _opened(self) -> _Service:
        if self._service is None:
            raise self._lost("is not open", "open it first")
        return self._service

    def _lost(self, how: str, advice: str = "") -> DriverError:
        return DriverError(DriverReason.LOST, f"the scanner at {self._place} {how}", advice)

    # Who is there.

    def _read_anchors(self) -> Anchors | None:
        if self._trust == "none":
            _log.warning("%s: signatures are not checked (trust=none)", self._place)
            return None
        try:
            return Anchors.read(Path(self._trust).read_bytes())
        except OSError as error:
            raise DriverError(
                DriverReason.BAD_ADDRESS,
                f"{self._place}: {self._trust}: {error.strerror}",
                "correct trust= in the address",
            ) from error

    async def _find(self) -> _Service:
        """The scanner that the address names; of several services the first that can be used."""
        if len(self._ports) == 1:
            return await self._ask_who(self._ports[0])
        turns = asyncio.Semaphore(_TOGETHER)
        answers = await asyncio.gather(*(self._listens(port, turns) for port in self._ports))
        failure: DriverError | None = None
        for port in (port for port, there in zip(self._ports, answers, strict=True) if there):
            try:
                return await self._ask_who(port)
            except DriverError as error:
                failure = failure or error
        raise failure or DriverError(
            DriverReason.ABSENT,
            f"no biometric service answers at {self._place}, ports {FIRST_PORT} to {LAST_PORT}",
            "start the device's service",
        )

    async def _listens(self, port: int, turns: asyncio.Semaphore) -> bool:
        try:
            async with turns:
                return bool(messages.discovered(await discovery(self._http, port)))
        except DriverError as error:
            if error.reason is not DriverReason.ABSENT:
                _log.debug("%s: %s", self._place, error)
            return False

    async def _ask_who(self, port: int) -> _Service:
        device = await self._told(self._described(port), opening=True)
        return _Service(port, device)

    async def _described(self, port: int) -> ServiceDevice:
        answer = await self._http.ask("MOSIPDINFO", port, "/info", b"", limit_s=_INFO_S, most=LARGEST_INFO)
        now = datetime.now(UTC)
        return await self._worker.run(lambda _: scanner_of(answer, self._wanted, self._anchors, now))

    def _info(self, service: _Service) -> DeviceInfo:
        device, digital = service.device, service.device.digital
        trust = "none: signatures are not checked" if self._anchors is None else self._trust
        return DeviceInfo(
            "sbi",
            str(self._address),
            model=f"{digital.make} {digital.model}".strip() or "fingerprint scanner",
            serial=digital.serial,
            details={
                "port": str(service.port),
                "provider": digital.provider,
                "takes": digital.subtype,
                "service": device.version,
                "firmware": device.firmware,
                "certification": device.certification,
                "environment": device.env,
                "trust": trust,
            },
        )

    # What is taken.

    async def _lifted(self) -> None:
        service = self._opened()
        left = self._captured_at + _LIFT_S - time.monotonic()
        if left > 0:
            await asyncio.sleep(left)
        if (await self._told(self._described(service.port))).digital != service.device.digital:
            raise self._lost("is another one by now", "plug the right one in, or leave serial= out")

    async def _take(self, fingers: tuple[int, ...], slap: int) -> tuple[FingerImage, ...]:
        """Ask again and again until a finger was there."""
        patience = time.monotonic() + self._timeout_s + _GRACE_S
        while True:
            try:
                taken = await self._told(self._once(fingers, slap))
            except ServiceBusyError as error:
                # It may be our own last capture, which was broken off and has not noticed.
                if time.monotonic() > patience:
                    raise error.told from error
            else:
                patience = time.monotonic() + self._timeout_s + _GRACE_S
                self._hash = taken.digest
                if taken.images:
                    self._captured_at = time.monotonic()
                    return taken.images
            await asyncio.sleep(_AGAIN_S)

    async def _once(self, fingers: tuple[int, ...], slap: int) -> Taken:
        service = self._opened()
        asked = Asked(
            device=service.device,
            transaction=str(uuid.uuid4()),
            at=datetime.now(UTC),
            timeout_s=self._timeout_s,
            fingers=fingers,
            slap=slap,
            score=self._score,
            previous_hash=self._hash,
        )
        limit_s = self._timeout_s + _GRACE_S
        answer = await self._http.ask(
            "RCAPTURE", service.port, "/capture", asked.request(), limit_s=limit_s, most=_LARGEST_CAPTURE
        )
        now = datetime.now(UTC)
        return await self._worker.run(lambda _: taken_of(answer, asked, self._anchors, now, self._skew))

    async def _told(self, work: Coroutine[Any, Any, T], *, opening: bool = False) -> T:
        """What ``work`` gives, with the address in what goes wrong; a scanner in use that is gone is lost."""
        try:
            return await work
        except DriverError as error:
            gone = error.reason is DriverReason.ABSENT and not opening
            reason = DriverReason.LOST if gone else error.reason
            raise DriverError(reason, f"the scanner at {self._place}: {error.what}", error.advice) from error


def _ports(address: DeviceAddress) -> tuple[int, ...]:
    name = address.path.strip("/")
    if not name:
        return tuple(range(FIRST_PORT, LAST_PORT + 1))
    if not (name.isascii() and name.isdigit() and FIRST_PORT <= int(name[:6]) <= LAST_PORT):
        raise DriverError(
            DriverReason.BAD_ADDRESS,
            f"address {address}",
            f"give a port from {FIRST_PORT} to {LAST_PORT}, as sbi:///{FIRST_PORT}, or none to look for the service",
        )
    return (int(name),)
