"""Reading the files of a chip in bounded pieces (ICAO Doc 9303-10, 3.6)."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.base import DriverError, DriverReason
from drivers.chip import tlv
from drivers.chip.apdu import END_OF_FILE, Command, Response
from drivers.chip.card import Card, refused

# So many bytes in a protected answer fill no more than 256, with the padding of AES.
SHORT_PIECE = 223

_HEAD = 6  # Tag and length of any file; every file is longer.
_NOT_FOUND = frozenset({0x6A82, 0x6A83})
_WRONG_LENGTH = 0x6700
# From this offset on READ BINARY has no room for it in P1 and P2 (ISO/IEC 7816-4, 7.2.3).
_FAR = 0x8000


@dataclass(frozen=True, slots=True)
class FileId:
    """A file of the chip: its name, its identifiers, and how long it may be."""

    name: str
    short: int
    identifier: int
    limit: int


def _group(number: int, limit: int) -> FileId:
    return FileId(f"DG{number}", number, 0x0100 + number, limit)


CARD_ACCESS = FileId("EF.CardAccess", 0x1C, 0x011C, 4_096)
COM = FileId("EF.COM", 0x1E, 0x011E, 1_024)
SOD = FileId("EF.SOD", 0x1D, 0x011D, 65_536)
DG1 = _group(1, 1_024)
DG2 = _group(2, 1_048_576)
DG14 = _group(14, 16_384)


class FileReader:
    """Reads files through ``card``, ``piece`` bytes at a time; less where the chip takes no extended lengths."""

    def __init__(self, card: Card, piece: int = SHORT_PIECE) -> None:
        self._card = card
        self._piece = piece

    def read(self, file: FileId) -> bytes | None:
        """The file's content, None where the chip has no such file.

        Raises DriverError: PROTOCOL, also for a file longer than its limit.
        """
        head = self._head(file)
        if head is None:
            return None
        try:
            _, length, start = tlv.header(head)
        except tlv.TlvError as error:
            raise _torn(file, str(error)) from error
        total = start + length
        if total > file.limit:
            raise _torn(file, f"it is {total} bytes long, {file.limit} are taken")
        data = bytearray(head[:total])
        while len(data) < total:
            data += self._more(file, len(data), total - len(data))
        return bytes(data)

    def _head(self, file: FileId) -> bytes | None:
        """The first bytes, the file then being the selected one: by its short identifier, or selected by the long."""
        response = self._card.send(Command(0, 0xB0, 0x80 | file.short, 0, b"", _HEAD))
        if not _good(response) and response.status not in _NOT_FOUND:
            identifier = file.identifier.to_bytes(2, "big")
            chosen = self._card.send(Command(0, 0xA4, 0x02, 0x0C, identifier))
            if chosen.status in _NOT_FOUND:
                return None
            if not chosen.ok:
                raise refused(f"to select {file.name}", chosen.status)
            response = self._card.send(Command(0, 0xB0, 0, 0, b"", _HEAD))
        if response.status in _NOT_FOUND:
            return None
        if not _good(response):
            raise refused(f"to read {file.name}", response.status)
        return response.data[:_HEAD]

    def _more(self, file: FileId, offset: int, left: int) -> bytes:
        # The data object around the data of an odd READ BINARY takes room as well.
        wanted = min(left, self._piece if offset < _FAR else self._piece - 4)
        response = self._card.send(_read(offset, wanted))
        if response.status == _WRONG_LENGTH and self._piece > SHORT_PIECE:
            self._piece = SHORT_PIECE
            return self._more(file, offset, left)
        if not _good(response):
            raise refused(f"to read {file.name} at {offset}", response.status)
        try:
            data = response.data if offset < _FAR else tlv.value(response.data, 0x53)
        except tlv.TlvError as error:
            raise _torn(file, str(error)) from error
        if not data or len(data) > left:
            raise _torn(file, f"{len(data)} bytes at {offset}, {wanted} were asked for")
        return data


def _good(response: Response) -> bool:
    return response.ok or (response.status == END_OF_FILE and bool(response.data))


def _read(offset: int, wanted: int) -> Command:
    if offset < _FAR:
        return Command(0, 0xB0, offset >> 8, offset & 0xFF, b"", wanted)
    # Odd INS: the offset in a data object, the data in one as well, whose header takes up to four bytes.
    place = tlv.encode(0x54, offset.to_bytes(3, "big"))
    return Command(0, 0xB1, 0, 0, place, wanted + len(tlv.encode_length(wanted)) + 1)


def _torn(file: FileId, what: str) -> DriverError:
    return DriverError(DriverReason.PROTOCOL, f"{file.name} on the chip cannot be read: {what}", "read it again")
