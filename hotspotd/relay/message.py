"""Messages as they travel between kiosk and gateway: deflated content, and its seal in front where a link has no
other place for it. Pure.
"""

from __future__ import annotations

import zlib

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.seal import LONGEST_SEAL


def pack(payload: bytes) -> bytes:
    """``payload`` as it travels: deflated (zlib). Undoes most of what base64 adds; milliseconds for a transaction."""
    return zlib.compress(payload, 6)


def unpack(content: bytes, most: int) -> bytes:
    """The payload in ``content``, of at most ``most`` bytes. Raises RelayError: BAD_TRANSACTION, TOO_LARGE."""
    inflating = zlib.decompressobj()
    try:
        payload = inflating.decompress(content, most + 1)
    except zlib.error as error:
        raise RelayError(Reason.BAD_TRANSACTION, "message: not deflated") from error
    if len(payload) > most:
        raise RelayError(Reason.TOO_LARGE, f"message: more than {most} bytes")
    if not inflating.eof or inflating.unused_data:
        raise RelayError(Reason.BAD_TRANSACTION, "message: its content is cut or followed by something")
    return payload


def encode(seal: str, content: bytes) -> bytes:
    """Seal and content as one message: the seal, a line feed, the content."""
    return seal.encode("ascii") + b"\n" + content


def decode(message: bytes) -> tuple[str, bytes]:
    """Seal and content of a message. Raises RelayError (UNSIGNED) for what is none."""
    end = message.find(b"\n", 0, LONGEST_SEAL + 1)
    if end <= 0 or not message[:end].isascii():
        raise RelayError(Reason.UNSIGNED, "message: not sealed", "Only sealed messages are taken.")
    return message[:end].decode("ascii"), message[end + 1 :]
