"""BER-TLV data objects as chips use them (ISO/IEC 7816-4, 6.3): definite lengths, tags of one to three bytes."""

from __future__ import annotations

from collections.abc import Iterator


class TlvError(ValueError):
    """Bytes that are no data objects."""


def encode(tag: int, value: bytes) -> bytes:
    """One data object, its length in the fewest bytes."""
    return tag.to_bytes(max(1, (tag.bit_length() + 7) // 8), "big") + encode_length(len(value)) + value


def encode_length(length: int) -> bytes:
    """A length field in the fewest bytes (up to 2**32 - 1)."""
    if length < 0x80:
        return bytes([length])
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(digits)]) + digits


def header(data: bytes, start: int = 0) -> tuple[int, int, int]:
    """Tag, length of the value, and where the value starts. Raises TlvError; the value itself need not be there."""
    place = start
    try:
        tag = data[place]
        place += 1
        if tag & 0x1F == 0x1F:
            for _ in range(2):
                tag = tag << 8 | data[place]
                place += 1
                if not tag & 0x80:
                    break
            else:
                raise TlvError("a tag of more than three bytes")
        length = data[place]
        place += 1
        if length >= 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4:
                raise TlvError("a length that is indefinite, or of more than four bytes")
            if place + count > len(data):
                raise TlvError("a length that is cut off")
            length = int.from_bytes(data[place : place + count], "big")
            place += count
    except IndexError as error:
        raise TlvError("a data object that is cut off") from error
    return tag, length, place


def items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The data objects that ``data`` is made of, as tag and value. Raises TlvError where it is not made of any."""
    place = 0
    while place < len(data):
        tag, length, start = header(data, place)
        place = start + length
        if place > len(data):
            raise TlvError("a data object that is cut off")
        yield tag, data[start:place]


def value(data: bytes, *path: int) -> bytes:
    """The value of the first object with the first tag of ``path``, in it the next. Raises TlvError for none."""
    for tag in path:
        for found, content in items(data):
            if found == tag:
                data = content
                break
        else:
            raise TlvError(f"no data object {tag:02X}")
    return data
