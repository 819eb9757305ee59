"""One reading of a travel document's chip, from its opening to chip authentication. Transport is the caller's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from drivers.base import ChipAccess, ChipAuthentication, ChipKey, ChipRead, DriverError, DriverReason
from drivers.chip import access, files
from drivers.chip.apdu import Command
from drivers.chip.card import Card, SecureChannelLostError, Transmit
from drivers.chip.chip_authentication import authenticate
from drivers.chip.files import FileReader
from drivers.chip.groups import standardised
from drivers.chip.security_infos import PaceInfo, pace_infos
from drivers.chip.tlv import TlvError

_APPLICATION = bytes.fromhex("A0000002471001")  # The LDS1 eMRTD application (9303-10, 4.1).
_MASTER_FILE = bytes.fromhex("3F00")


def read_document(transmit: Transmit, key: ChipKey, piece: int = files.SHORT_PIECE) -> ChipRead:
    """Open the chip with ``key`` and read it. Raises DriverError as ChipReader.read_chip does."""
    return _Reading(Card(transmit), key, piece).run()


class _Reading:
    def __init__(self, card: Card, key: ChipKey, piece: int) -> None:
        self._card = card
        self._key = key
        self._reader = FileReader(card, piece)
        self._files: dict[str, bytes] = {}
        self._unread: dict[str, str] = {}
        self._times: dict[str, float] = {}

    def run(self) -> ChipRead:
        with self._timed("all"):
            with self._timed("access"):
                way, protocol = self._open()
            # The portrait, which takes longest, comes last: what is wrong with the rest is known by then.
            for file in (files.COM, files.DG1, files.SOD, files.DG14, files.DG2):
                self._fetch(file)
            with self._timed("chip_authentication"):
                proof = self._prove()
        return ChipRead(
            files=self._files,
            access=way,
            protocol=protocol,
            chip_authentication=proof,
            unread=self._unread,
            times=self._times,
            sent=self._card.sent,
            received=self._card.received,
        )

    def _open(self) -> tuple[ChipAccess, str]:
        offers = self._pace_offers()
        if offers:
            info = offers[0]
            try:
                return self._pace(info, ambiguous=sum(info.oid == one.oid for one in offers) > 1)
            except DriverError as error:
                # Chips with a broken or unfinished PACE have basic access as well; a wrong key is wrong for both.
                if error.reason is not DriverReason.PROTOCOL or not self._key.mrz:
                    raise
                self._card.secure = None
        if not self._key.mrz:
            raise DriverError(
                DriverReason.UNSUPPORTED,
                "the chip offers no PACE that is known, and basic access needs the printed zone",
                "read the printed zone",
            )
        self._select_application()
        self._card.secure = access.basic_access(self._card, self._key.mrz)
        return ChipAccess.BAC, "BAC"

    def _pace_offers(self) -> list[PaceInfo]:
        """What EF.CardAccess offers; a chip without that file, or with one that cannot be read, offers none."""
        try:
            content = self._reader.read(files.CARD_ACCESS)
            if content is None:
                # Some chips want the master file selected before.
                self._card.send(Command(0, 0xA4, 0x00, 0x0C, _MASTER_FILE))
                content = self._reader.read(files.CARD_ACCESS)
            if content is None:
                return []
            offers = pace_infos(content)
        except (DriverError, TlvError) as error:
            if isinstance(error, DriverError) and error.reason is not DriverReason.PROTOCOL:
                raise
            self._unread[files.CARD_ACCESS.name] = str(error)
            return []
        self._files[files.CARD_ACCESS.name] = content
        return offers

    def _pace(self, info: PaceInfo, *, ambiguous: bool) -> tuple[ChipAccess, str]:
        group = standardised(info.parameters)
        if self._key.mrz:
            way, password, reference = ChipAccess.PACE_MRZ, access.mrz_seed(self._key.mrz), access.MRZ_PASSWORD
        else:
            way, password, reference = ChipAccess.PACE_CAN, self._key.can.encode("ascii"), access.CAN_PASSWORD
        self._card.secure = access.pace(self._card, info, group, password, reference, ambiguous=ambiguous)
        self._select_application()
        return way, f"{info.name} {group.name}"

    def _select_application(self) -> None:
        response = self._card.send(Command(0, 0xA4, 0x04, 0x0C, _APPLICATION))
        if not response.ok:
            raise DriverError(
                DriverReason.UNSUPPORTED,
                f"what lies on the reader is no travel document, status {response.status:04X}",
                "lay the document on the reader, and nothing else",
            )

    def _fetch(self, file: files.FileId) -> None:
        try:
            with self._timed(file.name):
                content = self._reader.read(file)
        except SecureChannelLostError:
            raise
        except DriverError as error:
            # The chip answered, in the channel: this file cannot be had, the others may.
            if error.reason is not DriverReason.PROTOCOL:
                raise
            self._unread[file.name] = error.what
            return
        if content is None:
            del self._times[file.name]
        else:
            self._files[file.name] = content

    def _prove(self) -> ChipAuthentication:
        dg14 = self._files.get(files.DG14.name)
        if dg14 is None:
            return ChipAuthentication.ABSENT
        return authenticate(self._card, dg14)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._times[what] = round(time.monotonic() - began, 4)
