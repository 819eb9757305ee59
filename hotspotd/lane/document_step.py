"""The first step: wait for a document and read its machine readable zone, with retries."""

from __future__ import annotations

from collections.abc import Sequence

from drivers.base import DocumentReader, DriverError, DriverReason, MrzRead
from hotspotd.clock import Clock
from hotspotd.domain.document import Document, parse_mrz
from hotspotd.domain.verdict import ReferReason
from hotspotd.errors import DocumentError
from hotspotd.events import LaneState, Prompt
from hotspotd.lane.devices import SupervisedDevice
from hotspotd.lane.parts import AnySupervised
from hotspotd.lane.screen import Screen
from hotspotd.lane.visit import Visit
from hotspotd.lane.waiting import first_of


class DocumentStep:
    """Reads documents through a supervised reader, while it and every other device in ``needed`` is there."""

    def __init__(
        self,
        reader: SupervisedDevice[DocumentReader],
        needed: Sequence[AnySupervised],
        screen: Screen,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._needed = needed
        self._screen = screen
        self._clock = clock

    async def arrival(self) -> MrzRead:
        """Wait, without limit, for the next traveller's document."""
        while True:
            while missing := [device for device in self._needed if not device.is_ready]:
                self._screen.show(LaneState.OUT_OF_SERVICE, Prompt.CLOSED)
                await missing[0].ready()
            reader = await self._reader.ready()
            self._screen.show(LaneState.IDLE, Prompt.PLACE_DOCUMENT, attempt=1)
            read = await first_of(self._read_once(reader), *(device.away for device in self._needed))
            if read is not None:
                return read

    async def settle(self, visit: Visit, first: MrzRead | None, attempts: int, timeout_s: float) -> None:
        """Make a document of the first read, asking again while it is not sound; gives up into ``visit``.

        ``first`` ``None``: nothing was read yet, and a document is asked for.
        """
        read = first
        for attempt in range(1, attempts + 1):
            if attempt > 1 or first is None:
                prompt = Prompt.DOCUMENT_AGAIN if attempt > 1 else Prompt.PLACE_DOCUMENT
                self._screen.show(LaneState.DOCUMENT, prompt, attempt=attempt)
                try:
                    async with self._screen.time_limit(timeout_s):
                        self._screen.show(LaneState.DOCUMENT, prompt)
                        read = await self._read_once(await self._reader.ready())
                except TimeoutError:
                    break
            document = _document(read) if read is not None else None
            if document is not None:
                visit.document = document
                if document.sound:
                    self.check_expiry(visit, document)
                    return
        visit.note(ReferReason.DOCUMENT_UNREADABLE)

    async def _read_once(self, reader: DocumentReader) -> MrzRead | None:
        try:
            return await reader.read()
        except DriverError as error:
            # What came were no lines: the reader is well, the document was not read.
            if error.reason is DriverReason.PROTOCOL:
                return MrzRead(())
            self._reader.fault(reader, error)
            return None

    def check_expiry(self, visit: Visit, document: Document) -> None:
        """Note it where ``document`` has surely expired."""
        now = self._clock.now()
        expires = document.expires(now.at.year)
        # Dates are judged on a clock that can be believed, and only where the whole date is known.
        if now.trusted and expires and len(expires) == 10 and expires < now.iso()[:10]:
            visit.note(ReferReason.DOCUMENT_EXPIRED)


def _document(read: MrzRead) -> Document | None:
    try:
        return parse_mrz(read.lines)
    except DocumentError:
        return None
