"""Packets of the R30x/ZFM fingerprint modules (R305, R307, R503, AS608, ZFM-20 ...): bytes in, frozen packets out.

A packet is: header EF01, module address (4 bytes, FFFFFFFF as delivered), identifier (1: command, 2: data, 7:
acknowledgement, 8: last data), length (2 bytes: content and checksum), content, checksum (2 bytes: sum of
identifier, length and content). All numbers are big-endian. Source: "R30X Series Fingerprint Identification
Module User Manual", 5.1, and the ZFM-20/ZFM-70 manuals, which agree with it.

Pure: knows no port, no time, no image. The decoder holds at most one packet's bytes and finds the next packet
after any garbage.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

HEADER = b"\xef\x01"
BROADCAST_ADDRESS = 0xFFFF_FFFF
"""The address modules are delivered with, and to which every module answers."""

# Data packets hold 32 to 256 bytes (manual, 5.3 "data package length"), no other packet holds more.
MAX_CONTENT = 256
_PREFIX = struct.Struct(">2sIBH")
_CHECKSUM_SIZE = 2
MAX_PACKET = _PREFIX.size + MAX_CONTENT + _CHECKSUM_SIZE


class Identifier(IntEnum):
    """What kind of packet it is."""

    COMMAND = 0x01
    DATA = 0x02
    ACKNOWLEDGEMENT = 0x07
    LAST_DATA = 0x08


_IDENTIFIERS = frozenset(int(identifier) for identifier in Identifier)


class Instruction(IntEnum):
    """Commands used here, by their names in the manual."""

    GEN_IMG = 0x01  # take a picture of the finger into the image buffer
    IMG2TZ = 0x02  # make features of the image buffer; the AS608 overwrites the buffer with it
    UP_IMAGE = 0x0A  # send the image buffer
    SET_SYS_PARA = 0x0E
    READ_SYS_PARA = 0x0F
    VFY_PWD = 0x13
    AURA_LED_CONFIG = 0x35  # R503: the light around the glass
    READ_PROD_INFO = 0x3C  # R503 and newer: names, and the sensor's width and height


class Confirmation(IntEnum):
    """First byte of an acknowledgement."""

    OK = 0x00
    PACKET_ERROR = 0x01
    NO_FINGER = 0x02
    IMAGING_FAILED = 0x03
    TOO_MESSY = 0x06
    TOO_FEW_FEATURES = 0x07
    NO_MATCH = 0x08
    NOT_FOUND = 0x09
    NOT_COMBINED = 0x0A
    BAD_LOCATION = 0x0B
    TEMPLATE_READ_FAILED = 0x0C
    TEMPLATE_UPLOAD_FAILED = 0x0D
    DATA_REFUSED = 0x0E
    IMAGE_UPLOAD_FAILED = 0x0F
    DELETE_FAILED = 0x10
    CLEAR_FAILED = 0x11
    WRONG_PASSWORD = 0x13
    NO_IMAGE = 0x15
    FLASH_FAILED = 0x18
    UNDEFINED = 0x19
    BAD_REGISTER = 0x1A
    BAD_SETTING = 0x1B
    PORT_FAILED = 0x1D
    PASSWORD_NEEDED = 0x21


_MEANINGS = {
    Confirmation.OK: "done",
    Confirmation.PACKET_ERROR: "a packet was received damaged",
    Confirmation.NO_FINGER: "no finger on the glass",
    Confirmation.IMAGING_FAILED: "no picture could be taken",
    Confirmation.TOO_MESSY: "the picture is too wet or smudged for features",
    Confirmation.TOO_FEW_FEATURES: "the picture has too few features",
    Confirmation.NO_MATCH: "the fingers do not match",
    Confirmation.NOT_FOUND: "no finger in the library matches",
    Confirmation.NOT_COMBINED: "the feature files are not of one finger",
    Confirmation.BAD_LOCATION: "beyond the end of the library",
    Confirmation.TEMPLATE_READ_FAILED: "the template cannot be read",
    Confirmation.TEMPLATE_UPLOAD_FAILED: "the template cannot be sent",
    Confirmation.DATA_REFUSED: "data packets cannot be taken",
    Confirmation.IMAGE_UPLOAD_FAILED: "the picture cannot be sent",
    Confirmation.DELETE_FAILED: "the template cannot be deleted",
    Confirmation.CLEAR_FAILED: "the library cannot be cleared",
    Confirmation.WRONG_PASSWORD: "wrong password",
    Confirmation.NO_IMAGE: "the image buffer holds no picture",
    Confirmation.FLASH_FAILED: "the flash memory cannot be written",
    Confirmation.UNDEFINED: "undefined error or unknown command",
    Confirmation.BAD_REGISTER: "no such register",
    Confirmation.BAD_SETTING: "wrong content for this register",
    Confirmation.PORT_FAILED: "the module's port failed",
    Confirmation.PASSWORD_NEEDED: "the password must be given first",
}


def meaning(code: int) -> str:
    """What a confirmation code says, in words; also for codes that are not known."""
    try:
        return _MEANINGS[Confirmation(code)]
    except ValueError:
        return f"code 0x{code:02x}, which the manual does not have"


@dataclass(frozen=True, slots=True)
class Command:
    """Host to module: ``instruction`` and its parameters."""

    instruction: int
    parameters: bytes = b""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Module to host: ``code`` (see Confirmation) and what was asked for."""

    code: int
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Data:
    """One piece of an image or a template; ``last`` on the final one."""

    content: bytes
    last: bool = False


Packet = Command | Acknowledgement | Data


def encode(packet: Packet, address: int = BROADCAST_ADDRESS) -> bytes:
    """The packet as bytes. Raises ValueError when its content is longer than MAX_CONTENT bytes."""
    match packet:
        case Command(instruction, parameters):
            identifier, content = Identifier.COMMAND, bytes([instruction]) + parameters
        case Acknowledgement(code, rest):
            identifier, content = Identifier.ACKNOWLEDGEMENT, bytes([code]) + rest
        case Data(content, last):
            identifier = Identifier.LAST_DATA if last else Identifier.DATA
    if len(content) > MAX_CONTENT:
        raise ValueError(f"a packet holds {MAX_CONTENT} bytes, not {len(content)}")
    length = len(content) + _CHECKSUM_SIZE
    head = _PREFIX.pack(HEADER, address, identifier, length)
    return head + content + struct.pack(">H", _checksum(identifier, length, content))


def _checksum(identifier: int, length: int, content: bytes) -> int:
    return (identifier + (length >> 8) + (length & 0xFF) + sum(content)) & 0xFFFF


class Decoder:
    """Bytes in any pieces -> packets of one module address.

    ``damaged`` counts packets whose checksum did not match, ``skipped`` bytes that belonged to no packet.
    """

    def __init__(self, address: int = BROADCAST_ADDRESS) -> None:
        self._start = HEADER + struct.pack(">I", address)
        self._buffer = bytearray()
        self.damaged = 0
        self.skipped = 0

    @property
    def pending(self) -> int:
        """Bytes held of a packet that is not complete; below MAX_PACKET."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that are complete with ``data``."""
        self._buffer += data
        return self._take()

    def silence(self) -> list[Packet]:
        """The line has been silent: what was taken for the start of a packet was none.

        Returns packets that stood behind that false start.
        """
        packets: list[Packet] = []
        while self._buffer:
            self._skip(1)
            packets += self._take()
        return packets

    def clear(self) -> None:
        """Forget what is held."""
        self._buffer.clear()

    def _skip(self, count: int) -> None:
        self.skipped += count
        del self._buffer[:count]

    def _take(self) -> list[Packet]:
        packets: list[Packet] = []
        while self._seek():
            _, _, identifier, length = _PREFIX.unpack_from(self._buffer)
            if identifier not in _IDENTIFIERS or not _CHECKSUM_SIZE < length <= MAX_CONTENT + _CHECKSUM_SIZE:
                self._skip(1)
                continue
            end = _PREFIX.size + length
            if len(self._buffer) < end:
                break
            content = bytes(self._buffer[_PREFIX.size : end - _CHECKSUM_SIZE])
            checksum = int.from_bytes(self._buffer[end - _CHECKSUM_SIZE : end], "big")
            if checksum != _checksum(identifier, length, content):
                # Only the first byte goes: the length may be what is wrong, and a whole packet may stand inside.
                self.damaged += 1
                self._skip(1)
                continue
            del self._buffer[:end]
            packets.append(_packet(identifier, content))
        return packets

    def _seek(self) -> bool:
        """Bring the next start of a packet to the front; whether its whole prefix is there."""
        found = self._buffer.find(self._start)
        if found < 0:
            # Keep only an end that may be the beginning of a start.
            keep = min(len(self._buffer), len(self._start) - 1)
            while keep and not self._start.startswith(self._buffer[len(self._buffer) - keep :]):
                keep -= 1
            found = len(self._buffer) - keep
        if found:
            self._skip(found)
        return len(self._buffer) >= _PREFIX.size


def _packet(identifier: int, content: bytes) -> Packet:
    match identifier:
        case Identifier.COMMAND:
            return Command(content[0], content[1:])
        case Identifier.ACKNOWLEDGEMENT:
            return Acknowledgement(content[0], content[1:])
        case _:
            return Data(content, last=identifier == Identifier.LAST_DATA)
