"""Driver of PC/SC readers, contactless and with contacts, for the chips of travel documents.

Address: ``pcsc:///`` for the first reader, ``pcsc:///ACS ACR1252`` for the first whose name begins so; ``limit=``
seconds that one reading may take (default 30), ``piece=`` bytes asked for at once (default 223; more uses extended
lengths, which not every reader and chip takes: a chip that refuses them is read in short ones). Needs pcscd and
Debian's python3-pyscard. The reader is held only while a chip is read.
"""

from __future__ import annotations

import math
import time
from typing import Any

from smartcard import scard

from drivers.address import DeviceAddress
from drivers.base import ChipKey, ChipRead, ChipReader, DeviceInfo, DriverError, DriverReason
from drivers.chip import files
from drivers.chip.pcsc_errors import RESET, check, explained
from drivers.chip.reading import read_document
from drivers.worker import DeviceWorker, Token

_POLL_MS = 50
# pcscd looks for a card every 0.4 s at least.
_NOTICED_S = 1.0
_PROTOCOLS = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1


class PcscReader(ChipReader):
    """One reader. PC/SC is called in one thread only."""

    def __init__(self, address: DeviceAddress) -> None:
        address.require("pcsc", frozenset({"limit", "piece"}))
        self._place = f"pcsc://{address.path}"
        self._wanted = address.path.removeprefix("/")
        self._limit_s = address.number("limit", 30.0, 1.0, 300.0)
        self._piece = address.integer("piece", files.SHORT_PIECE, 32, 32_767)
        self._worker = DeviceWorker(f"pcsc {self._wanted or 'reader'}")
        # These two belong to the worker's thread.
        self._context: Any = None
        self._reader = ""

    async def open(self) -> DeviceInfo:
        """Look for the reader. Raises DriverError (ABSENT, DENIED)."""
        await self.close()
        self._worker.start()
        try:
            name = await self._worker.run(self._open)
        except BaseException:
            await self.close()
            raise
        return DeviceInfo("pcsc", self._place, model=name)

    async def close(self) -> None:
        """Let go of PC/SC; at most 2 s, but for a command that a chip does not answer."""
        await self._worker.close(self._release)

    async def read_chip(self, key: ChipKey) -> ChipRead:
        """See ChipReader."""
        return await self._worker.run(lambda token: self._read(token, key))

    async def wait_placed(self) -> None:
        """See ChipReader."""
        await self._worker.run(lambda token: self._wait(token, present=True))

    async def wait_removed(self) -> None:
        """See ChipReader."""
        await self._worker.run(lambda token: self._wait(token, present=False))

    # What follows runs in the worker's thread.

    def _open(self, token: Token) -> str:
        token.check()
        result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        check(result, self._place, opening=True)
        self._context = context
        result, names = scard.SCardListReaders(context, [])
        check(result, self._place, opening=True)
        fitting = [name for name in names if name.startswith(self._wanted)]
        if not fitting:
            raise DriverError(
                DriverReason.ABSENT,
                f"there is no chip reader at {self._place}",
                "plug it in, or correct its address; PC/SC knows: " + (", ".join(names) or "none"),
            )
        self._reader = fitting[0]
        return self._reader

    def _release(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            scard.SCardReleaseContext(context)

    def _wait(self, token: Token, *, present: bool, limit_s: float = math.inf) -> None:
        """Return when a chip is there or not, as asked for, or after ``limit_s``."""
        state, end = scard.SCARD_STATE_UNAWARE, time.monotonic() + limit_s
        while time.monotonic() < end:
            token.check()
            result, states = scard.SCardGetStatusChange(self._context, _POLL_MS, [(self._reader, state)])
            if result != scard.SCARD_E_TIMEOUT:
                check(result, self._place)
            _, now, *_ = states[0]
            if now & (scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_UNAVAILABLE | scard.SCARD_STATE_IGNORE):
                raise explained(scard.SCARD_E_READER_UNAVAILABLE, self._place)
            if bool(now & scard.SCARD_STATE_PRESENT) is present:
                return
            state = now & ~scard.SCARD_STATE_CHANGED

    def _read(self, token: Token, key: ChipKey) -> ChipRead:
        self._wait(token, present=True)
        end = time.monotonic() + self._limit_s
        result, card, protocol = scard.SCardConnect(
            self._context, self._reader, scard.SCARD_SHARE_EXCLUSIVE, _PROTOCOLS
        )
        check(result, self._place)
        header = scard.SCARD_PCI_T0 if protocol == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1

        def transmit(command: bytes) -> bytes:
            token.check()
            if time.monotonic() > end:
                raise DriverError(
                    DriverReason.TIMEOUT,
                    f"the chip was not read within {self._limit_s:.0f} s",
                    "leave it on the reader",
                )
            result, answer = scard.SCardTransmit(card, header, list(command))
            check(result, self._place)
            return bytes(answer)

        try:
            return read_document(transmit, key, self._piece)
        except DriverError as error:
            if error.reason is DriverReason.REMOVED:
                # PC/SC finds out by and by; until then it would have the same chip read again.
                self._wait(token, present=False, limit_s=_NOTICED_S)
            raise
        finally:
            # Whoever reads it next begins anew. A chip or a reader that has gone needs no goodbye.
            scard.SCardDisconnect(card, RESET)
